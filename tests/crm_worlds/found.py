"""Every world there is: those of the files `<name>_world.py` beside this one."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from tests.crm_worlds.world import WorldKind

_ENDING = "_world"


def all_worlds() -> tuple[WorldKind, ...]:
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    kinds: list[WorldKind] = []
    for name in names:
        if name.endswith(_ENDING):
            kinds.extend(importlib.import_module(f"tests.crm_worlds.{name}").WORLDS)
    assert len({kind.name for kind in kinds}) == len(kinds), "two worlds share a name"
    return tuple(kinds)
