"""Every table any feature declares: importing a module named `*tables` is what declares them."""

from __future__ import annotations

import importlib
import pkgutil

from sqlalchemy import MetaData

from storage.tables import metadata

FEATURES = ("crm_adapter", "scoring", "screenpop", "storage")


def table_modules() -> list[str]:
    """Dotted names, in a fixed order."""
    names = []
    for feature in FEATURES:
        package = importlib.import_module(feature)
        for module in pkgutil.walk_packages(package.__path__, f"{feature}."):
            if module.name.endswith("tables"):
                names.append(module.name)
    return sorted(names)


def declared_metadata() -> MetaData:
    for name in table_modules():
        importlib.import_module(name)
    return metadata
