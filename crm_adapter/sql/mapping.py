"""Loads the mapping of a customer database: what is wrong in the file itself, with its lines. The
tables are looked at once there is a connection (`crm_adapter.sql.tables`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.problems import Problem, did_you_mean
from crm_adapter.mapped.files import MappingFile, Way, read_mapping
from crm_adapter.mapped.record_values import CALL_NAMES, LEAD_NAMES, TASK_NAMES
from crm_adapter.rest.templates import Template
from crm_adapter.sql.shapes import InsertPart, PeoplePart, SqlMapping

#: The key, and for calls the call's, as a UUID in text.
_ALWAYS = frozenset(("uuid", "now"))
NAMES: Mapping[str, frozenset[str]] = {
    "lead": LEAD_NAMES | _ALWAYS,
    "call": CALL_NAMES | _ALWAYS | {"call_uuid"},
    "task": TASK_NAMES | _ALWAYS,
}
_KEYS: Mapping[str, frozenset[str]] = {
    "lead": frozenset(("idem", "uuid")),
    "call": frozenset(("call_id", "call_uuid")),
    "task": frozenset(("idem", "uuid")),
}
_MARKS: Mapping[str, frozenset[str]] = {
    "withdraw": frozenset(("now",)),
    "confirm": frozenset(("now", "agent")),
    "close": frozenset(("now",)),
}


@dataclass(frozen=True, slots=True)
class LoadedSql:
    mapping: SqlMapping
    file: MappingFile
    warnings: tuple[Problem, ...]


def load_sql_mapping(where: Path | str) -> LoadedSql:
    """Raises ProblemsFound (a Misconfigured) with file and line of all that is wrong."""
    file = read_mapping(where, kind="sql")
    mapping = file.shaped(SqlMapping)
    if mapping is not None:
        for name in ("lead", "call", "task"):
            part = getattr(mapping, name)
            if part is not None:
                _check_insert(name, part, file)
        _check_urls(mapping, file)
        _check_update(mapping, file)
        _warn_of_slow(mapping, file)
    warnings = file.raise_errors()
    assert mapping is not None
    return LoadedSql(mapping, file, warnings)


def name_in(value: Any) -> str | None:
    """`title` of `$title`; None for a literal."""
    if isinstance(value, str) and value.startswith("$") and not value.startswith("$$"):
        return value[1:]
    return None


def literal(value: Any) -> Any:
    """`$5` of `$$5`."""
    return value[1:] if isinstance(value, str) and value.startswith("$$") else value


def _check_insert(name: str, part: InsertPart, file: MappingFile) -> None:
    _check_names(part.insert, NAMES[name], (name, "insert"), file)
    key = name_in(part.insert.get(part.unique.name))
    if key not in _KEYS[name]:
        wanted = " or ".join(f"${one}" for one in sorted(_KEYS[name]))
        file.report(
            (name, "unique"), f"insert must give the column '{part.unique}' its key: {wanted}"
        )
    for extra, known in _MARKS.items():
        values = getattr(part, extra, None)
        if values is not None:
            _check_names(values, known, (name, extra), file)


def _check_names(
    values: Mapping[str, Any], known: frozenset[str], way: Way, file: MappingFile
) -> None:
    for column, value in values.items():
        name = name_in(value)
        if name is not None and name not in known:
            hint = did_you_mean(name, sorted(known)) or f"; there are: {', '.join(sorted(known))}"
            file.report((*way, column), f"unknown name '${name[:60]}'{hint}")


def _check_urls(mapping: SqlMapping, file: MappingFile) -> None:
    for way, people in _people(mapping):
        template: Template | None = people.url
        for name in sorted(template.names - {"id"}) if template is not None else ():
            file.report((way, "url"), f"unknown name '{{{name}}}'; there is: {{id}}")


def _check_update(mapping: SqlMapping, file: MappingFile) -> None:
    if mapping.update is None:
        return
    _check_names(mapping.update.also, frozenset(("now", "next")), ("update", "also"), file)
    version = mapping.contact.version
    if version is not None and version.table is not None:
        what = "the version is of a joined table; a change can only look at the contact's own"
        file.report(("contact", "version"), what)
    for field, column in mapping.update.allow.items():
        if column.table is not None:
            what = f"'{column}' is of a joined table; only the contact's own can be changed"
            file.report(("update", "allow", field), what)


def _warn_of_slow(mapping: SqlMapping, file: MappingFile) -> None:
    for way, people in _people(mapping):
        if people.phone_index is not None and people.phone_index.mode == "regexp":
            what = "a regexp reads every row for each call; an index on a generated column is fast"
            file.warn((way, "phone_index", "mode"), what)


def _people(mapping: SqlMapping) -> list[tuple[str, PeoplePart]]:
    found = [("contact", mapping.contact)]
    return found if mapping.open_leads is None else [*found, ("open_leads", mapping.open_leads)]
