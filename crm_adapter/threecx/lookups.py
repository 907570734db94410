"""The look-up by number, and the scenarios chained to it."""

from __future__ import annotations

from typing import Any

from crm_adapter.rest.readings import LONGEST
from crm_adapter.threecx.expressions import Scope, Text, names_in, pieces_of
from crm_adapter.threecx.parameters import Parameters
from crm_adapter.threecx.reading import Answer, variables_of
from crm_adapter.threecx.report import Report, Untranslatable
from crm_adapter.threecx.requests import Requests
from crm_adapter.threecx.template import Node

_LONGEST_CHAIN = 10
_NAMES = {"FirstName": "first_name", "LastName": "last_name", "CompanyName": "company"}
_PHONES = tuple(
    f"Phone{kind}{nth}"
    for kind in ("Mobile", "Home", "Business", "Other")
    for nth in ("", "2", "3")
)
_IDS = ("EntityId", "ContactID", "ContactId")
_KINDS = {"leads": "lead", "lead": "lead", "accounts": "account", "account": "account"}
_UNREAD = {
    "Email": "the adapter reads no e-mail",
    "PhotoUrl": "no pictures are shown",
    "FaxBusiness": "nobody calls from a fax",
    "FaxHome": "nobody calls from a fax",
    "Pager": "nobody calls from a pager",
}


class Lookups:
    def __init__(
        self,
        scenarios: dict[str, Node],
        parameters: Parameters,
        requests: Requests,
        report: Report,
    ) -> None:
        """Scenarios that are carried over, or told of, are taken out of `scenarios`."""
        self._scenarios = scenarios
        self._parameters = parameters
        self._requests = requests
        self._report = report
        self._ids: set[str] = set()

    def translate(self) -> dict[str, Any]:
        """Raises Untranslatable where the first one cannot be carried over."""
        lookups: list[dict[str, Any]] = []
        details: list[dict[str, Any]] = []
        name, seen = "", 0
        while name in self._scenarios and seen < _LONGEST_CHAIN:
            scenario = self._scenarios.pop(name)
            name, seen = _next(scenario), seen + 1
            try:
                part = self._one(scenario)
            except Untranslatable as why:
                scenario.use_up()
                if not lookups:
                    raise
                self._report.lost(scenario.where, str(why))
                continue
            (details if "item" in part else lookups).append(part)
        if name:
            self._report.lost(
                "Scenarios", f"the chain leads to {name[:40]!r}, which is not there or was before"
            )
        return {"lookup": lookups} | ({"get": details} if details else {})

    def _one(self, scenario: Node) -> dict[str, Any]:
        scenario.ignore("Id", "EntityOrder", "EntityId")
        kind = scenario.get("Type")
        if kind and kind.upper() != "REST":
            raise Untranslatable(f"it is of the type {kind[:30]}; only REST can be carried over")
        request = scenario.one("Request")
        if request is None:
            raise Untranslatable("it asks nothing")
        if condition := request.get("SkipIf"):
            self._report.lost(f"{request.where}@SkipIf", f"always asked, whatever {condition[:80]}")
        asks = _all_text(request)
        if "Number" in names_in(asks):
            return self._lookup(scenario, request)
        if self._ids & names_in(asks):
            return self._detail(scenario, request)
        raise Untranslatable("its request uses neither [Number] nor the id that was found")

    def _lookup(self, scenario: Node, request: Node) -> dict[str, Any]:
        scope = Scope({"Number": "phone"}, self._parameters.name_of)
        asked = self._requests.translate(request, scope)
        variables = variables_of(scenario, self._report)
        answer = Answer(variables)
        read, url, kind, told = self._outputs(scenario, answer)
        items = answer.items(_rules(scenario), self._report)
        found: dict[str, Any] = {"kind": kind} if kind != "contact" else {}
        found |= {"type": told} if told else {}
        found |= asked | {"items": items, "map": read}
        for name, why in (
            ("id", "no output gives the record's id (EntityId or ContactID): write map.id"),
            (
                "phones",
                "no output gives a number, and numbers found are compared: write map.phones",
            ),
        ):
            if name not in read:
                self._report.missing(scenario.where, why)
        if not {"name", "first_name", "last_name"} & set(read):
            self._report.missing(scenario.where, "no output gives a name: write map.name")
        return found | ({"url": url} if url else {})

    def _detail(self, scenario: Node, request: Node) -> dict[str, Any]:
        """Asks for one record by its id, once the look-up has found it."""
        scope = Scope(dict.fromkeys(self._ids, "id"), self._parameters.name_of)
        asked = self._requests.translate(request, scope)
        answer = Answer(variables_of(scenario, self._report))
        read, url, kind, _ = self._outputs(scenario, answer)
        if url:
            self._report.lost(f"{scenario.where}/Outputs", "the address of the record: see 'url'")
        for rule in _rules(scenario):
            rule.use_up()
        found: dict[str, Any] = {"kind": kind} if kind != "contact" else {}
        item = f"{answer.items((), self._report)} | [0]"
        read.setdefault("id", "id")
        self._report.look(
            scenario.where,
            "asked for a contact's details once the look-up has found it, not before",
        )
        return found | asked | {"item": item, "map": read}

    def _outputs(
        self, scenario: Node, answer: Answer
    ) -> tuple[dict[str, str], str | None, str, str]:
        """The map, the address for people, the kind, and what the template calls the kind."""
        read: dict[str, str] = {}
        phones: list[str] = []
        url, told = None, ""
        for group in scenario.all("Outputs"):
            group.ignore("AllowEmpty", "Next", "Passes")
            # The ids first: an address may stand before the id that is part of it.
            found = group.all("Output")
            for output in sorted(found, key=lambda one: one.attributes.get("Type") not in _IDS):
                output.ignore("Passes")
                kind, value = output.get("Type"), output.get("Value")
                try:
                    if not value:
                        continue
                    if kind in _UNREAD:
                        raise Untranslatable(_UNREAD[kind])
                    if kind in _IDS:
                        self._ids |= {kind, *names_in(value)}
                        read.setdefault("id", answer.part(value))
                    elif kind in _NAMES:
                        read[_NAMES[kind]] = answer.part(value)
                    elif kind in _PHONES:
                        phones.append(answer.part(value))
                    elif kind == "ContactUrl":
                        url = self._url(value, answer, read)
                    elif kind == "EntityType":
                        told = _fixed(value)
                    else:
                        raise Untranslatable("a mapping knows no such value")
                except Untranslatable as why:
                    self._report.lost(output.where, str(why))
        if phones:
            read["phones"] = self._listed(scenario, phones)
        kind = _KINDS.get(told.lower(), "contact")
        return read, url, kind, told

    def _listed(self, scenario: Node, phones: list[str]) -> str:
        found = phones[0]
        for count in range(2, len(phones) + 1):
            more = f"[{', '.join(phones[:count])}]"
            if len(more) > LONGEST:
                self._report.lost(
                    scenario.where, f"numbers from the {count}th on: too many to read"
                )
                break
            found = more
        return found

    def _url(self, value: str, answer: Answer, read: dict[str, str]) -> str | None:
        pieces = pieces_of(value)
        if not any(isinstance(piece, Text) for piece in pieces):
            read["url"] = answer.part(value)
            return None
        scope = Scope(dict.fromkeys((*self._ids, *_IDS), "id"), self._parameters.name_of)
        return scope.template(value)


def _next(scenario: Node) -> str:
    groups = [child for child in scenario.children if child.tag == "Outputs"]
    return next((g.attributes["Next"].strip() for g in groups if g.attributes.get("Next")), "")


def _rules(scenario: Node) -> list[Node]:
    return [rule for group in scenario.all("Rules") for rule in group.all("Rule")]


def _all_text(node: Node) -> str:
    here = " ".join((*node.attributes.values(), node.content))
    return " ".join((here, *map(_all_text, node.children)))


def _fixed(value: str) -> str:
    if any(not isinstance(piece, Text) for piece in pieces_of(value)):
        raise Untranslatable("the kind of the record is computed")
    return value[:80]
