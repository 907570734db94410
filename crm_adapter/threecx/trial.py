"""Whether what was made of a template loads as a mapping."""

from __future__ import annotations

import tempfile
from pathlib import Path

from config.problems import ProblemsFound
from crm_adapter.rest.mapping import load_rest_mapping
from crm_adapter.threecx.convert import Converted

_ADDRESS = "https://crm.example"
_VALUE = "value"


def problems_of(converted: Converted) -> list[str]:
    """The errors that the REST adapter finds, with sample values for what comes from outside."""
    environ = dict.fromkeys(converted.variables, _VALUE)
    if converted.base_variable is not None:
        environ[converted.base_variable] = _ADDRESS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crm.yaml"
        path.write_text(converted.yaml(), encoding="utf-8")
        try:
            load_rest_mapping(path, environ=environ)
        except ProblemsFound as found:
            return [
                f"line {problem.line}: {problem.sentence}"
                for problem in found.problems
                if problem.is_error
            ]
    return []
