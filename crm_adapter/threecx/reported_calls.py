"""The report of a call, as the mapping's `log_call`."""

from __future__ import annotations

from typing import Any

from crm_adapter.threecx.expressions import Scope, names_in
from crm_adapter.threecx.parameters import Parameters
from crm_adapter.threecx.reading import variables_of
from crm_adapter.threecx.report import Report, Untranslatable
from crm_adapter.threecx.requests import Requests
from crm_adapter.threecx.template import Node

_FIRST = "ReportCall"
#: Values that 3CX gives to the report of a call, by ours.
VALUES = {
    "Number": "e164",
    "Name": "caller_name",
    "EntityId": "contact_id",
    "EntityType": "contact_type",
    "CallType": "direction",
    "CallDirection": "direction",
    "Agent": "agent",
    "Duration": "talk_mmss",
    "DurationTimespan": "talk_mmss",
    "DateTime": "arrived_at",
    "CallStartTimeLocal": "arrived_at",
    "CallStartTimeUTC": "arrived_at",
    "CallEstablishedTimeLocal": "answered_at",
    "CallEstablishedTimeUTC": "answered_at",
    "CallEndTimeLocal": "ended_at",
    "CallEndTimeUTC": "ended_at",
    "Subject": "title",
    "InboundCallText": "description",
    "MissedCallText": "description",
    "OutboundCallText": "description",
    "NotAnsweredOutboundCallText": "description",
    "QueueExtension": "queue",
}
_MOMENTS = frozenset(("arrived_at", "answered_at", "ended_at"))
_DIFFERENT = {
    "CallType": "inbound or outbound here; {outcome} tells missed calls",
    "Agent": "a log-in here, no extension",
    "Subject": "our own title of the call (crm.titles)",
    "InboundCallText": "our own description of the call, in every case",
    "MissedCallText": "our own description of the call, in every case",
    "OutboundCallText": "our own description of the call, in every case",
    "NotAnsweredOutboundCallText": "our own description of the call, in every case",
    "QueueExtension": "the queue's name here",
    "DateTime": "in UTC here",
    "CallStartTimeLocal": "in UTC here",
    "CallEstablishedTimeLocal": "in UTC here",
    "CallEndTimeLocal": "in UTC here",
}


def reported_call(
    scenarios: dict[str, Node], parameters: Parameters, requests: Requests, report: Report
) -> dict[str, Any] | None:
    """None where the template reports no calls, or not in a way a mapping has."""
    scenario = scenarios.pop(_FIRST, None)
    if scenario is None:
        return None
    try:
        found = _one(scenario, parameters, requests, report)
    except Untranslatable as why:
        scenario.use_up()
        report.lost(scenario.where, str(why))
        return None
    for name in [name for name in scenarios if name.startswith(_FIRST)]:
        other = scenarios.pop(name)
        other.use_up()
        report.lost(other.where, "a mapping writes all calls by one request, that of ReportCall")
    return found


def _one(
    scenario: Node, parameters: Parameters, requests: Requests, report: Report
) -> dict[str, Any]:
    scenario.ignore("Id", "EntityOrder", "EntityId")
    kind = scenario.get("Type")
    if kind and kind.upper() != "REST":
        raise Untranslatable(f"it is of the type {kind[:30]}; only REST can be carried over")
    request = scenario.one("Request")
    if request is None:
        raise Untranslatable("it asks nothing")
    _tell_condition(request, report)
    scope = Scope(VALUES, parameters.name_of, moments=_MOMENTS)
    asked = requests.translate(request, scope)
    used = _names_below(request)
    for name in sorted(used & set(_DIFFERENT)):
        report.look(request.where, f"[{name}]: {_DIFFERENT[name]}")
    report.look(
        scenario.where,
        "a report that is sent twice is written twice: add find_by_key, or idempotent: true where "
        "the API keeps one for each key",
    )
    if "{contact_id}" in asked["path"]:
        report.look(
            scenario.where,
            "calls of nobody the CRM knows have no place in this request: add log_stranger",
        )
    return {"request": asked, "id": _id_of(scenario, report)}


def _tell_condition(request: Node, report: Report) -> None:
    condition = request.get("SkipIf")
    if condition:
        report.lost(
            f"{request.where}@SkipIf",
            f"every call is reported, whatever {condition[:100]}; without 'log_call' none is",
        )


def _names_below(node: Node) -> set[str]:
    names = names_in(node.content) | names_in(node.attributes.get("Url", ""))
    return names.union(*(_names_below(child) for child in node.children))


def _id_of(scenario: Node, report: Report) -> str:
    """Of the record that was made, in the answer."""
    variables = variables_of(scenario, report)
    outputs = [o for group in scenario.all("Outputs") for o in group.all("Output")]
    wanted = [
        name
        for output in outputs
        if output.attributes.get("Type") in ("EntityId", "CallId", "Id")
        for name in names_in(output.attributes.get("Value", ""))
    ]
    for group in scenario.all("Outputs", "Rules"):
        group.use_up()
    for name in (*wanted, *variables):
        if name in variables:
            return ".".join(variables[name].path)
    report.look(
        scenario.where, "the new record's id is read from 'id' in the answer: see that it is"
    )
    return "id"
