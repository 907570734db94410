"""How a template says who it is, as the mapping's `auth`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from crm_adapter.threecx.expressions import Scope, Text, Value, names_in, pieces_of
from crm_adapter.threecx.parameters import Parameters
from crm_adapter.threecx.reading import Answer, variables_of
from crm_adapter.threecx.report import Report, Untranslatable
from crm_adapter.threecx.requests import Requests, address_of
from crm_adapter.threecx.template import Node

_NONE = {"type": "none"}
_CREDENTIALS = {"client_id": "CRM_CLIENT_ID", "client_secret": "CRM_CLIENT_SECRET"}


class Authentication:
    """`translate` gives the mapping's `auth`."""

    def __init__(
        self, root: Node, scenarios: dict[str, Node], parameters: Parameters, report: Report
    ) -> None:
        self._root = root
        self._scenarios = scenarios
        self._parameters = parameters
        self._report = report
        #: What the log-in asks.
        self.base: str | None = None
        #: In lower case: the requests' own are dropped.
        self.headers: frozenset[str] = frozenset()

    def translate(self) -> dict[str, Any]:
        node = self._root.one("Authentication")
        if node is None:
            return _NONE
        node.ignore("DefaultExpiration", "StoreAllValues")
        kind = (node.get("Type") or "No").lower()
        try:
            if kind in ("no", "none"):
                return _NONE
            if kind == "basic":
                return self._basic(node)
            if kind == "scenario":
                return self._log_in(node)
            if kind == "oauth2":
                return self._oauth2(node)
            raise Untranslatable(f"the type {kind[:20]!r} is unknown")
        except Untranslatable as why:
            node.use_up()
            self._report.missing(node.where, f"write 'auth' yourself: {why}")
            return _NONE

    def _literal(self, text: str, *, braces: bool = False) -> str:
        """With values from outside in it, since a log-in knows no parameters. `braces`: they mean
        something where the text goes."""
        found = []
        for piece in pieces_of(text):
            if isinstance(piece, Value) and not piece.method:
                parameter = self._parameters.find(piece.name)
                if parameter is None:
                    raise Untranslatable(f"[{piece.name}] is not known here")
                found.append(parameter.value)
            elif isinstance(piece, Value):
                raise Untranslatable(f"the method {piece.method} of [{piece.name}]")
            elif isinstance(piece, Text):
                double = piece.text.replace("{", "{{").replace("}", "}}")
                found.append(double if braces else piece.text)
            else:
                raise Untranslatable(f"the expression [{piece.source[:80]}] computes something")
        return "".join(found)

    def _inline(self, text: str) -> str:
        return self._literal(text, braces=True)

    def _basic(self, node: Node) -> dict[str, Any]:
        value = node.one("Value")
        text = value.text() if value else node.text()
        user, colon, password = text.partition(":")
        self.headers = frozenset(("authorization",))
        if not colon:
            if len(names_in(text)) == 1:
                self._report.look(node.where, "one value alone is taken for a bearer token")
                return {"type": "bearer", "token": self._literal(text)}
            raise Untranslatable("user and password do not stand there as [User]:[Password]")
        return {
            "type": "basic",
            "username": self._literal(user) or "-",
            "password": self._literal(password) or "-",
        }

    def _log_in(self, node: Node) -> dict[str, Any]:
        value = node.one("Value")
        name = value.text() if value else node.text()
        scenario = self._scenarios.pop(name, None)
        if scenario is None:
            raise Untranslatable(f"there is no scenario {name[:40]!r} to log in by")
        scenario.ignore("Id", "Type", "EntityId", "EntityOrder")
        request = scenario.one("Request")
        if request is None:
            raise Untranslatable("the scenario to log in asks nothing")
        if request.get("SkipIf"):
            self._report.lost(f"{request.where}@SkipIf", "the log-in is always asked")
        outputs = {
            output.get("Type"): output.get("Value")
            for group in scenario.all("Outputs")
            for output in _outputs(group)
        }
        for group in scenario.all("Rules"):
            group.use_up()
        answer = Answer(variables_of(scenario, self._report))
        lasting = outputs.pop("BearerExpiration", "")
        header, said, token = self._sent(outputs)
        login = Requests(self._report, dropped_headers=frozenset())
        found = login.translate(request, _Inline({}, _nobody, literal=self._inline))
        self.base = login.base
        path = answer.from_root(token)
        self.headers = frozenset((header.lower(),))
        part: dict[str, Any] = {"request": found, "take": {"token": path}, "value": "{token}"}
        if header.lower() != "authorization":
            part["header"] = header
        if said:
            part["scheme"] = said
        if lasting.isdigit() and int(lasting) > 0:
            part["lasts_s"] = 60 * int(lasting)
        return {"type": "login", "login": part}

    def _sent(self, outputs: dict[str, str]) -> tuple[str, str, str]:
        """The header, the word before the value, and the variable that is sent."""
        header, value = outputs.get("HeaderName", "Authorization"), outputs.get("HeaderValue")
        if value is None:
            bearer = outputs.get("Bearer") or outputs.get("AccessToken") or outputs.get("Token")
            value = f"Bearer {bearer}" if bearer else ""
        sent = re.fullmatch(r"([A-Za-z][\w-]{0,39})?\s*\[(\w{1,80})\]", value)
        if sent is None or "[" in header:
            raise Untranslatable("what the log-in gives is sent in a way no mapping has")
        return header, sent[1] or "", sent[2]

    def _oauth2(self, node: Node) -> dict[str, Any]:
        """3CX sends a person to the CRM's page once and keeps the refresh token it gets."""
        pairs = {}
        for value in node.all("Value"):
            value.ignore("Type", "Passes")
            pairs[value.get("Key")] = value.text()
        found = self._token_request()
        if found is None:
            raise Untranslatable("no scenario asks for a token (grant_type)")
        url, form = found
        credentials = {}
        for key, variable in _CREDENTIALS.items():
            text = form.get(key) or pairs.get(key, "")
            credentials[key] = self._literal(text) if text else f"${{env:{variable}}}"
            if not text:
                self._report.look(node.where, f"put the {key} into the environment: {variable}")
        address = address_of(url)
        token_url = self._literal(address.base) + self._literal(address.path)
        self.headers = frozenset(("authorization",))
        auth: dict[str, Any] = {"token_url": token_url, **credentials}
        if scope := form.get("scope"):
            auth["scope"] = self._literal(scope)
        if form.get("grant_type") == "client_credentials":
            return {"type": "oauth2_client_credentials", **auth}
        self._report.look(
            node.where,
            "3CX got its refresh token from the CRM's own page: get one for Switchboard, and put "
            "it into the environment: CRM_REFRESH_TOKEN",
        )
        token = {"refresh_token": "${env:CRM_REFRESH_TOKEN}"}
        return {"type": "oauth2_refresh_token", **auth, **token}

    def _token_request(self) -> tuple[str, dict[str, str]] | None:
        """The address and the form of the scenario that asks for tokens; those scenarios are used
        up, since the adapter asks by itself."""
        found = None
        for name, scenario in list(self._scenarios.items()):
            request = next((child for child in scenario.children if child.tag == "Request"), None)
            form = {} if request is None else _form(request)
            if request is None or "grant_type" not in form:
                continue
            del self._scenarios[name]
            scenario.use_up()
            if found is None or form["grant_type"] != "authorization_code":
                found = request.attributes.get("Url", ""), form
        return found


@dataclass(frozen=True, slots=True)
class _Inline(Scope):
    """Values from outside are written where they stand."""

    literal: Callable[[str], str] = str

    def template(self, text: str) -> str:
        return self.literal(text)


def _nobody(_name: str) -> None:
    """There are no parameters here."""


def _form(request: Node) -> dict[str, str]:
    form = dict(parse_qsl(request.attributes.get("Message", "")))
    for group in request.children:
        for value in group.children:
            if value.attributes.get("Key"):
                form[value.attributes["Key"]] = value.content.strip()
    return form


def _outputs(group: Node) -> list[Node]:
    group.ignore("AllowEmpty", "Next", "Passes")
    found = group.all("Output")
    for output in found:
        output.ignore("Passes")
    return found
