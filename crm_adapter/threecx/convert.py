"""From a 3CX CRM template to a mapping for the REST adapter, with a report of what is not the same.

Carried over: how the number is written, how many may ask at once, parameters, authentication, the
look-up by number with those chained to it, and the report of a call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from crm_adapter.threecx.authentication import Authentication
from crm_adapter.threecx.expressions import Text, Value, pieces_of
from crm_adapter.threecx.lookups import Lookups
from crm_adapter.threecx.parameters import Parameters
from crm_adapter.threecx.report import Entry, Report, Untranslatable
from crm_adapter.threecx.reported_calls import reported_call
from crm_adapter.threecx.requests import Requests
from crm_adapter.threecx.template import Node, TemplateRefused, read_template

_FORMS = {"": "e164", "asis": "e164", "plus": "e164", "off": "digits", "zeros": "zeros"}
_SHORTEST, _LONGEST = 6, 12


@dataclass(frozen=True, slots=True)
class Converted:
    """`variables` are those of the environment that the mapping reads; `base_variable` among them
    holds a whole address, where there is one."""

    name: str
    mapping: dict[str, Any]
    entries: tuple[Entry, ...]
    variables: tuple[str, ...]
    base_variable: str | None

    def yaml(self) -> str:
        lines = ["# Made from a 3CX CRM template by `switchboard crm import-3cx`."]
        lines += [
            f"# {entry.level.value}: {entry.element}: {entry.sentence}" for entry in self.entries
        ]
        # Whatever stands in the template, it ends no line of a comment.
        safe = ["".join(sign if sign.isprintable() else " " for sign in line) for line in lines]
        text = yaml.safe_dump(self.mapping, sort_keys=False, allow_unicode=True, width=100)
        return "\n".join(safe) + "\n" + str(text)


def convert(raw: bytes) -> Converted:
    """Raises TemplateRefused."""
    return _Conversion(read_template(raw)).convert()


class _Conversion:
    def __init__(self, root: Node) -> None:
        self._root = root
        self._report = Report()
        root.ignore("Country", "Version", "SupportsEmojis", "SupportsTranscription", "ListPageSize")
        self._name = " ".join(root.get("Name").split())[:80] or "CRM"
        self._scenarios = self._found()
        self._parameters = Parameters(root, self._report)

    def _found(self) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for group in self._root.all("Scenarios"):
            for node in group.all("Scenario"):
                found.setdefault(node.attributes.get("Id", "").strip(), node)
        if "" not in found:
            raise TemplateRefused('the template has no look-up by number: a scenario with Id=""')
        kind = found[""].attributes.get("Type", "REST")
        if kind.upper() != "REST":
            raise TemplateRefused(
                f"the look-up is of the type {kind[:30]}: it asks a database. Write a mapping for "
                "the `sql` adapter instead (docs/crm/sql.md); its query is in the template"
            )
        return found

    def convert(self) -> Converted:
        phone, limits = self._phone(), self._limits()
        scenarios = dict(self._scenarios)
        authentication = Authentication(self._root, scenarios, self._parameters, self._report)
        auth = authentication.translate()
        requests = Requests(self._report, dropped_headers=authentication.headers)
        lookups = Lookups(scenarios, self._parameters, requests, self._report)
        try:
            asked = lookups.translate()
        except Untranslatable as why:
            raise TemplateRefused(f"the look-up cannot be carried over: {why}") from why
        if authentication.base not in (None, requests.base):
            self._report.missing(
                "Authentication", "the log-in asks another host than the look-up: write 'auth'"
            )
        mapping: dict[str, Any] = {"adapter": "rest", "base_url": self._base(requests)}
        mapping |= {"auth": auth} if auth["type"] != "none" else {}
        mapping |= limits | {"phone": phone} | asked
        call = reported_call(scenarios, self._parameters, requests, self._report)
        mapping |= {"log_call": call} if call else {}
        if self._parameters.values:
            mapping["parameters"] = dict(self._parameters.values)
        self._tell_the_rest(scenarios)
        return Converted(
            self._name,
            mapping,
            tuple(sorted(self._report.entries, key=lambda entry: _ORDER[entry.level.value])),
            tuple(sorted(_variables(mapping))),
            self._base_variable,
        )

    def _phone(self) -> dict[str, Any]:
        node = self._root.one("Number")
        if node is None:
            return {"forms": ["e164"]}
        prefix, most = node.get("Prefix").lower(), node.get("MaxLength")
        form = _FORMS.get(prefix, "e164")
        if prefix == "asis":
            self._report.look(f"{node.where}@Prefix", "AsIs: here the number is asked as +44...")
        pieces = pieces_of(most)
        if len(pieces) == 1 and isinstance(pieces[0], Value):
            most = self._parameters.default_of(pieces[0].name)
            self._report.look(
                f"{node.where}@MaxLength",
                f"taken from the parameter's default: {most}" if most else "not limited here",
            )
        elif any(not isinstance(piece, Text) for piece in pieces):
            self._report.lost(f"{node.where}@MaxLength", "it is computed")
            most = ""
        if most.isdigit() and int(most) > 0:
            count = int(most)
            if _SHORTEST <= count <= _LONGEST:
                form = f"last{count}"
            elif count < _SHORTEST:
                self._report.look(
                    f"{node.where}@MaxLength",
                    f"the last {count} digits fit too many numbers: {_SHORTEST} are asked",
                )
                form = f"last{_SHORTEST}"
        return {"forms": [form]}

    def _limits(self) -> dict[str, Any]:
        node = self._root.one("Connection")
        most = node.get("MaxConcurrentRequests") if node else ""
        if most.isdigit() and 1 <= int(most) <= 100:
            return {"limits": {"concurrency": int(most)}}
        return {}

    def _base(self, requests: Requests) -> str:
        self._base_variable: str | None = None
        pieces = pieces_of(requests.base or "")
        found = []
        for piece in pieces:
            if isinstance(piece, Value):
                parameter = self._parameters.find(piece.name)
                if parameter is None:
                    raise TemplateRefused(
                        f"the address begins with [{piece.name}], which is nowhere"
                    )
                if parameter.default == "":
                    self._base_variable = parameter.variable
                found.append(parameter.value.rstrip("/"))
            else:
                found.append(getattr(piece, "text", ""))
        base = "".join(found).rstrip("/")
        if "?" in base or "#" in base:
            raise TemplateRefused("the address of the CRM holds a query; a mapping's base has none")
        return base

    def _tell_the_rest(self, scenarios: dict[str, Node]) -> None:
        for name, node in scenarios.items():
            node.use_up()
            self._report.lost(node.where, _WHY.get(name, "no look-up leads to this scenario"))
        self._parameters.tell_unused()
        for where in self._root.left():
            self._report.lost(where, "nothing was made of it")


_ORDER = {"missing": 0, "lost": 1, "look": 2}
_WHY = {
    "SearchContacts": "searching by name is not asked for here",
    "CreateContactRecord": "new contacts are leads here: write 'create_lead'",
    "ReportChat": "there are no chats here",
    "LookupByEmail": "nobody is looked up by e-mail here",
}


def _variables(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*(_variables(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(_variables(each) for each in value))
    if not isinstance(value, str):
        return set()
    return {part.split("}")[0] for part in value.split("${env:")[1:]}
