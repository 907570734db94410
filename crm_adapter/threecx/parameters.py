"""What a template asks its administrator for: values of the company, and secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass

from crm_adapter.mapped.phone_forms import FORMS
from crm_adapter.mapped.record_values import CALL_NAMES
from crm_adapter.threecx.report import Report
from crm_adapter.threecx.template import Node

_TAKEN = frozenset(("phone", "phones", "limit", "id", "contact_type", *FORMS, *CALL_NAMES))
_SECRETS = ("password", "oauth")
#: They steer 3CX itself.
_SWITCHES = re.compile(r"(Report(Call|Chat)|CreateContact|Search\w*)Enabled")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One that was used. `variable` of the environment holds it where there is no default."""

    name: str
    title: str
    default: str
    variable: str
    is_secret: bool

    @property
    def value(self) -> str:
        return self.default or f"${{env:{self.variable}}}"


class Parameters:
    """By the template's names."""

    def __init__(self, root: Node, report: Report) -> None:
        self._report = report
        self._nodes: dict[str, Node] = {}
        self._read: set[str] = set()
        self.used: dict[str, Parameter] = {}
        #: For `{name}` in requests, by our name.
        self.values: dict[str, str] = {}
        for group in root.all("Parameters"):
            for node in group.all("Parameter"):
                node.ignore("Type", "Parent", "Editor", "Title", "Default", "ListValues", "Name")
                self._nodes[node.attributes.get("Name", "")] = node

    def find(self, name: str) -> Parameter | None:
        """Notes that it is needed."""
        if name in self.used:
            return self.used[name]
        node = self._nodes.get(name)
        if node is None:
            return None
        secret = node.get("Type").lower() in _SECRETS
        default = "" if secret else node.get("Default")
        variable = "CRM_" + _snake(name).upper()
        found = Parameter(name, node.get("Title"), default, variable, secret)
        self.used[name] = found
        if secret and node.get("Default"):
            self._report.look(node.where, f"its default is a secret: put it into {variable}")
        elif default:
            self._report.look(node.where, f"has its default {default[:60]!r}: see 'parameters'")
        else:
            title = f" ({found.title.rstrip(':')[:60]})" if found.title else ""
            self._report.look(node.where, f"put its value{title} into the environment: {variable}")
        return found

    def name_of(self, name: str) -> str | None:
        """For `{...}` in requests."""
        found = self.find(name)
        if found is None:
            return None
        ours = _snake(name)
        ours = f"our_{ours}" if ours in _TAKEN or not ours[:1].isalpha() else ours
        self.values[ours[:40]] = found.value
        return ours[:40]

    def default_of(self, name: str) -> str:
        """Without asking for it any more."""
        node = self._nodes.get(name)
        self._read.add(name)
        return "" if node is None else node.get("Default")

    def tell_unused(self) -> None:
        for name, node in self._nodes.items():
            node.use_up()
            if name not in self.used and name not in self._read:
                what = "switches a part of 3CX" if _SWITCHES.fullmatch(name) else "nothing uses it"
                if node.get("Type").lower() == "oauth":
                    what = "nobody is sent to the CRM's own page"
                self._report.lost(node.where, f"the parameter is not carried over: {what}")


def _snake(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_") or "value"
