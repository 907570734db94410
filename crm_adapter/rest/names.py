"""Which `{names}` each kind of request may hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from config.problems import did_you_mean
from crm_adapter.mapped.files import MappingFile, Way
from crm_adapter.mapped.parts import Part
from crm_adapter.mapped.phone_forms import FORMS
from crm_adapter.mapped.record_values import (
    CALL_NAMES,
    CALL_TIMES,
    LEAD_NAMES,
    LEAD_TIMES,
    TASK_NAMES,
    TASK_TIMES,
)
from crm_adapter.rest.shapes import GuardPart, RequestPart, RestMapping, WritePart
from crm_adapter.rest.templates import Parameter, Template, Tree

#: Each moment in several spellings: ISO 8601; `_sql` is 2026-03-02 09:30:00 in UTC; `_date` is
#: 2026-03-02; `_epoch` and `_ms` count since 1970.
TIME_ENDINGS = ("", "_sql", "_date", "_epoch", "_ms")

#: The description as HTML, for CRMs that want it so.
DESCRIPTION_HTML = "description_html"


def _times(names: Iterable[str]) -> frozenset[str]:
    return frozenset(f"{name}{ending}" for name in names for ending in TIME_ENDINGS)


_TYPE = frozenset(("contact_type",))
LOOKUP = frozenset(("phone", "phones", "limit", *FORMS))
KEY = frozenset(("digits", "limit"))
ONE = frozenset(("id", "limit", "contact_id", "contact_kind")) | _TYPE
_HTML = frozenset((DESCRIPTION_HTML,))
LEAD = LEAD_NAMES | _times(LEAD_TIMES) | _HTML
CALL = CALL_NAMES | _times(CALL_TIMES) | _TYPE | _HTML
TASK = TASK_NAMES | _times(TASK_TIMES) | _TYPE | _HTML
UPDATE = ONE | {"changes", "version", "idem"}
CHANGES = _times(("since",)) | {"after_id", "offset", "limit"}
SIMPLE = frozenset(("id", "idem"))

_LISTS: Mapping[str, frozenset[str]] = {"history": ONE, "orders": ONE, "cases": ONE}
_WRITES: Mapping[str, frozenset[str]] = {
    "create_lead": LEAD,
    "log_call": CALL,
    "log_stranger": CALL,
    "create_task": TASK,
    "create_stranger_task": TASK,
}
_OTHERS: Mapping[str, frozenset[str]] = {
    **_LISTS,
    "check": frozenset(),
    "withdraw_lead": SIMPLE,
    "confirm_lead": SIMPLE | {"agent"},
    "close_task": SIMPLE,
    "update": UPDATE,
    "changes": CHANGES,
}


def check_names(mapping: RestMapping, file: MappingFile) -> None:
    """Reports every name that its request does not know."""
    given = frozenset(mapping.parameters)
    for index, lookup in enumerate(mapping.lookup):
        _check(lookup, LOOKUP | given, ("lookup", index), file, apart={"url"})
        if lookup.url is not None:
            _check_one(lookup.url, frozenset(("id",)) | given, ("lookup", index, "url"), file)
    for field, asked in mapping.keys.items():
        _check(asked, KEY | given, ("keys", field.value), file)
    for index, got in enumerate(mapping.get):
        _check(got, ONE | given, ("get", index), file)
    for written, right in mapping.check_write.items():
        _check(right, given, ("check_write", written), file)
    for name, known in _OTHERS.items():
        request = getattr(mapping, name)
        if request is not None:
            _check(request, known | given, (name,), file)
    if mapping.webhook is not None and mapping.webhook.signature.signed is not None:
        way: Way = ("webhook", "signature", "signed")
        _check_one(mapping.webhook.signature.signed, frozenset(("timestamp", "body")), way, file)
    for name, known in _WRITES.items():
        write = getattr(mapping, name)
        if write is not None:
            _check_write(write, known | given, (name,), file)


def _check_write(write: WritePart, known: frozenset[str], way: Way, file: MappingFile) -> None:
    for index, step in enumerate(write.before):
        if step.request is not None:
            _check(step.request, known, (*way, "before", index, "request"), file)
        if step.find is not None:
            _check(step.find, known, (*way, "before", index, "find"), file)
        known |= {step.name}
    if write.find_by_key is not None:
        _check(write.find_by_key, known, (*way, "find_by_key"), file)
    _check(write.request, known, (*way, "request"), file)
    if write.find_earlier is not None:
        _check(write.find_earlier, known, (*way, "find_earlier"), file)
    if write.replace is not None:
        _check(write.replace, known | {"id"}, (*way, "replace"), file)
    for index, request in enumerate(write.remove):
        _check(request, known | {"id"}, (*way, "remove", index), file)


def _check(
    request: RequestPart,
    known: frozenset[str],
    way: Way,
    file: MappingFile,
    *,
    apart: frozenset[str] | set[str] = frozenset(),
) -> None:
    for where, template in templates_of(request):
        if where[0] not in apart:
            _check_one(template, known, (*way, *where), file)


def _check_one(template: Template, known: frozenset[str], way: Way, file: MappingFile) -> None:
    for name in sorted(template.names - known):
        hint = did_you_mean(name, sorted(known)) or f"; there are: {', '.join(sorted(known))}"
        file.report(way, f"unknown name '{{{name}}}'{hint}")


def written_names(write: WritePart | None) -> frozenset[str]:
    """All that a record is made of; nothing where the mapping makes none."""
    if write is None:
        return frozenset()
    asked = [write.request, *(step.request or step.find for step in write.before)]
    return frozenset(name for one in asked if one is not None for name in names_of(one))


def due_told(write: WritePart | None) -> Literal["time", "day"] | None:
    """How exactly a task's due time is written."""
    told = {name for name in written_names(write) if name.startswith(("due_at", "due_or_made_at"))}
    if not told:
        return None
    return "day" if all(name.endswith("_date") for name in told) else "time"


def names_of(request: RequestPart) -> frozenset[str]:
    return frozenset(name for _, template in templates_of(request) for name in template.names)


def templates_of(part: Part) -> Iterator[tuple[Way, Template]]:
    """With the way to each, by the keys of the file."""
    for name, info in type(part).model_fields.items():
        yield from _templates(getattr(part, name), (info.alias or name,))


def _templates(value: Any, way: Way) -> Iterator[tuple[Way, Template]]:
    if isinstance(value, GuardPart):
        for inner, template in templates_of(value):
            yield (*way, *inner), template
    if isinstance(value, Template):
        yield way, value
    elif isinstance(value, Tree):
        for path, template in value.templates.items():
            yield (*way, *path), template
    elif isinstance(value, Parameter):
        inner = (*way, value.encoding) if value.encoding else way
        yield from _templates(value.tree, inner)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _templates(item, (*way, str(key)))
