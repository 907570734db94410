"""From a request of the mapping and values to what goes over the wire."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from yarl import URL

from crm_adapter.http.client import body_of
from crm_adapter.http.requests import Request
from crm_adapter.mapped.record_values import Values
from crm_adapter.rest.names import DESCRIPTION_HTML, TIME_ENDINGS
from crm_adapter.rest.shapes import RequestPart
from crm_adapter.rest.templates import Parameter


@dataclass(frozen=True, slots=True)
class Filled:
    """A request with its values in it, as `CrmHttp` takes it."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    json: Any
    form: tuple[tuple[str, str], ...] | None


def fill(part: RequestPart, values: Values) -> Filled:
    """Raises Invalid where a value cannot stand where it is to stand."""
    known = as_texts(values)
    headers = {name: template.header(known) for name, template in part.headers.items()}
    return Filled(
        part.method,
        part.path.path(known),
        _pairs(part.query, known),
        {name: value for name, value in headers.items() if value is not None},
        None if part.body is None else part.body.value(known),
        None if part.form is None else _pairs(part.form, known),
    )


def _pairs(parameters: Mapping[str, Parameter], known: Values) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, text) for name, parameter in parameters.items() for text in parameter.texts(known)
    )


def request_of(
    part: RequestPart, values: Values, *, base_url: str, headers: Mapping[str, str]
) -> Request:
    """A whole request, for what is asked outside `CrmHttp.read` and `write`: a log-in."""
    filled = fill(part, values)
    url = URL(f"{base_url.rstrip('/')}{filled.path}", encoded=True)
    address = str(url.update_query(list(filled.query)) if filled.query else url)
    data, told = body_of(filled.json, filled.form)
    told = told | dict(headers) | dict(filled.headers)
    return Request(filled.method, address, told, data, answers_secrets=True)


def as_texts(values: Values) -> dict[str, Any]:
    """Each moment in all its spellings, all of them None where it is not known; the description as
    HTML too."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, datetime):
            found |= dict(zip(_spelled_names(name), _spellings(value), strict=True))
        else:
            found[name] = value
    description = values.get("description")
    if isinstance(description, str):
        found[DESCRIPTION_HTML] = "<br/>".join(html.escape(description).splitlines())
    return found


def _spelled_names(name: str) -> list[str]:
    return [f"{name}{ending}" for ending in TIME_ENDINGS]


def _spellings(at: datetime) -> tuple[object, ...]:
    utc = at.astimezone(UTC)
    seconds = utc.timestamp()
    return (
        f"{utc:%Y-%m-%dT%H:%M:%SZ}",
        f"{utc:%Y-%m-%d %H:%M:%S}",
        # By the clock that tells it: a task's due day is the house's.
        f"{at:%Y-%m-%d}",
        int(seconds),
        int(seconds * 1000),
    )
