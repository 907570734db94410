"""A scenario's request as that of a mapping: path below the base, query, headers, body."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from crm_adapter.threecx.expressions import Scope, Text, Value, pieces_of
from crm_adapter.threecx.report import Report, Untranslatable
from crm_adapter.threecx.template import Node

_HOST = re.compile(r"https?://[^/?#]*")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_IDENTIFIER = re.compile(r"[A-Za-z0-9-]{1,80}")


@dataclass(frozen=True, slots=True)
class Address:
    """As the template writes it: what is asked, and what of it."""

    base: str
    path: str
    query: str


def address_of(url: str) -> Address:
    """The base ends where the first path begins. Raises Untranslatable."""
    whole, _, query = url.partition("?")
    pieces = pieces_of(whole)
    if not pieces:
        raise Untranslatable("the request has no address")
    if isinstance(pieces[0], Value) and not pieces[0].method:
        # `[Url]contacts` and `[Url]/contacts` are both written.
        base = f"[{pieces[0].name}]"
        rest = whole[len(base) :]
        if rest.startswith("://"):
            raise Untranslatable("the protocol of the address is a value")
        domain, slash, path = rest.partition("/") if rest.startswith(".") else ("", "", rest)
        return Address(base + domain, _path(slash + path), query)
    begin = _HOST.match(whole)
    if not isinstance(pieces[0], Text) or begin is None:
        raise Untranslatable(f"{url[:60]!r} is no address with http:// or https://")
    return Address(begin[0], _path(whole[begin.end() :]), query)


def _path(rest: str) -> str:
    return "/" + rest.strip("/") if rest.strip("/") else "/"


class Requests:
    """All of one template ask the same base."""

    def __init__(self, report: Report, *, dropped_headers: frozenset[str]) -> None:
        """`dropped_headers`, in lower case, are sent by the mapping's `auth`."""
        self._report = report
        self._dropped = dropped_headers
        self.base: str | None = None

    def translate(self, request: Node, scope: Scope) -> dict[str, Any]:
        """Raises Untranslatable where the request as a whole cannot be carried over."""
        request.ignore("MessagePasses", "RequestContentType")
        kind = request.get("ResponseType")
        if kind and kind.lower() != "json":
            raise Untranslatable(f"the answer is {kind}; a mapping reads JSON")
        address = address_of(request.get("Url"))
        if self.base is None:
            self.base = address.base
        elif address.base != self.base:
            raise Untranslatable(
                f"it asks {address.base[:60]}, another host than the look-up: a mapping asks one"
            )
        method = (request.get("RequestType") or "Get").upper()
        if method not in _METHODS:
            raise Untranslatable(f"the method {method[:20]} is none of {', '.join(_METHODS)}")
        found: dict[str, Any] = {"path": scope.template(address.path)}
        if method != "GET":
            found = {"method": method, **found}
        if query := self._query(request, address.query, scope):
            found["query"] = query
        if headers := self._headers(request, scope):
            found["headers"] = headers
        found |= self._body(request, scope)
        return found

    def _query(self, request: Node, written: str, scope: Scope) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for pair in filter(None, written.split("&")):
            key, _, value = pair.partition("=")
            self._parameter(found, request.where, unquote_plus(key), unquote_plus(value), scope)
        for group in request.all("QueryParams", "Values"):
            for node in group.all("Value"):
                node.ignore("Type", "Passes")
                self._parameter(found, node.where, node.get("Key"), node.text(), scope)
        return found

    def _parameter(
        self, found: dict[str, Any], where: str, key: str, value: str, scope: Scope
    ) -> None:
        try:
            text = scope.template(value)
        except Untranslatable as why:
            self._report.lost(f"{where}?{key}", str(why))
            return
        if key in found:
            before = found[key]
            found[key] = [*(before if isinstance(before, list) else [before]), text]
        else:
            found[key] = text

    def _headers(self, request: Node, scope: Scope) -> dict[str, str]:
        found = {}
        for group in request.all("Headers"):
            for node in group.all("Value"):
                node.ignore("Type", "Passes")
                name, value = node.get("Key"), node.text()
                if name.lower() in (*self._dropped, "content-type", "accept", "content-length"):
                    continue
                try:
                    if not _IDENTIFIER.fullmatch(name):
                        raise Untranslatable("it is no name of a header")
                    found[name] = scope.template(value)
                except Untranslatable as why:
                    self._report.lost(node.where, str(why))
        return found

    def _body(self, request: Node, scope: Scope) -> dict[str, Any]:
        groups = request.all("PostValues")
        encoding = request.get("RequestEncoding").lower()
        if request.get("Message"):
            self._report.lost(f"{request.where}@Message", "a body as text; write it under 'json'")
        if not groups:
            return {}
        for group in groups:
            group.ignore("Key", "Passes")
        if encoding == "json":
            return {"json": self._object([c for g in groups for c in self._kept(g)], scope)}
        if encoding in ("", "urlencoded"):
            pairs = self._object([c for g in groups for c in self._kept(g)], scope)
            return {"form": {key: value for key, value in pairs.items() if isinstance(value, str)}}
        raise Untranslatable(
            f"the body is encoded as {encoding[:20]}; there are Json and UrlEncoded"
        )

    def _kept(self, node: Node) -> list[Node]:
        """Its children, but for those that stand there only under a condition."""
        kept = []
        for child in node.all("Value", "Object", "Array"):
            child.ignore("Passes")
            if child.get("If") or child.get("SkipIf"):
                child.use_up()
                self._report.lost(child.where, "it is only sent under a condition")
            else:
                kept.append(child)
        return kept

    def _object(self, nodes: list[Node], scope: Scope) -> dict[str, Any]:
        found = {}
        for node in nodes:
            key = node.get("Key")
            try:
                found[key] = self._value(node, scope)
            except Untranslatable as why:
                node.use_up()
                self._report.lost(node.where, str(why))
        return found

    def _list(self, nodes: list[Node], scope: Scope) -> list[Any]:
        found = []
        for node in nodes:
            node.ignore("Key")
            try:
                found.append(self._value(node, scope))
            except Untranslatable as why:
                node.use_up()
                self._report.lost(node.where, str(why))
        return found

    def _value(self, node: Node, scope: Scope) -> Any:
        kind = "object" if node.tag == "Object" else "array" if node.tag == "Array" else ""
        kind = kind or (node.get("Type") or "String").lower()
        if kind == "object":
            return self._object(self._kept(node), scope)
        if kind == "array":
            return self._list(self._kept(node), scope)
        text = node.text()
        template = scope.template(text)
        is_fixed = all(isinstance(piece, Text) for piece in pieces_of(text))
        if kind in ("integer", "number", "double", "decimal"):
            return _number(text) if is_fixed else _as_number(template)
        if kind == "boolean":
            if not is_fixed or text.lower() not in ("true", "false"):
                raise Untranslatable("a true or false that is computed")
            return text.lower() == "true"
        return template


def _number(text: str) -> int | float:
    try:
        return int(text) if re.fullmatch(r"-?\d{1,15}", text) else float(text)
    except ValueError:
        raise Untranslatable(f"{text[:20]!r} is no number") from None


def _as_number(template: str) -> str:
    """`{name#}` is a number where the value is one."""
    is_one = re.fullmatch(r"\{(\w+)\}", template)
    return f"{{{is_one[1]}#}}" if is_one else template
