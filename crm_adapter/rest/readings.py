"""JMESPath for reading answers: compiled as the mapping is loaded, its results never believed.

JMESPath (jmespath.org) has no loops and no way out of the document, so what it costs is bounded by
the sizes of the answer and of the expression.
"""

from __future__ import annotations

import difflib
from typing import Annotated, Any

import jmespath
from jmespath.exceptions import JMESPathError, ParseError
from jmespath.functions import Functions
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from crm_adapter.adapter import Unavailable

LONGEST = 1000
_KNOWN = Functions.FUNCTION_TABLE


class Reading:
    """One expression. Raises ValueError, in words for the author, where it is none."""

    def __init__(self, expression: str) -> None:
        if len(expression) > LONGEST:
            raise ValueError(f"a JMESPath expression has at most {LONGEST} characters")
        self.expression = expression
        try:
            self._compiled = jmespath.compile(expression)
        except ParseError as error:
            raise ValueError(_sentence(expression, error)) from None
        except JMESPathError as error:
            raise ValueError(f"'{expression[:100]}' is no JMESPath: {error}") from None
        except RecursionError:
            raise ValueError("the JMESPath expression is nested too deeply") from None
        _check_functions(self._compiled.parsed)

    def __repr__(self) -> str:
        return f"Reading({self.expression!r})"

    def of(self, document: Any) -> Any:
        """None where there is nothing. Raises Unavailable where the answer has other types than
        the expression needs."""
        try:
            return self._compiled.search(document)
        except (JMESPathError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise Unavailable(
                f"the CRM's answer does not fit the expression {self.expression[:100]!r}"
            ) from error

    def part(self, document: Any) -> Any:
        """As `of`, but one part of a record that does not fit is as good as missing."""
        try:
            return self.of(document)
        except Unavailable:
            return None

    def holds(self, document: Any) -> bool:
        """JMESPath's own idea of truth: null, false and all that is empty are not."""
        found = self.part(document)
        return found is not None and found is not False and found not in ("", [], {})


def _sentence(expression: str, error: ParseError) -> str:
    at = error.lex_position
    shown = expression[:at][-40:]
    what = "it ends too early" if at >= len(expression) else f"look at '{expression[at : at + 20]}'"
    return f"this is no JMESPath: {what}, character {at + 1}, after '{shown}'"


def _check_functions(node: Any) -> None:
    """The library finds unknown functions, and too many arguments, only in the first answer."""
    if node.get("type") == "function_expression":
        _check_call(node["value"], len(node["children"]))
    for child in node.get("children", ()):
        if isinstance(child, dict):
            _check_functions(child)


def _check_call(name: str, given: int) -> None:
    known = _KNOWN.get(name)
    if known is None:
        near = difflib.get_close_matches(name[:100], list(_KNOWN), n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise ValueError(f"JMESPath has no function '{name[:60]}'{hint}")
    signature = known["signature"]
    wanted = len(signature)
    variadic = bool(signature) and bool(signature[-1].get("variadic"))
    if given < wanted or (given > wanted and not variadic):
        raise ValueError(f"'{name}' takes {wanted} values here, not {given}")


def _read(value: Any) -> Any:
    if isinstance(value, Reading):
        return value
    if not isinstance(value, str):
        raise ValueError("a JMESPath expression is a text; put it in quotes")
    return Reading(value)


#: A field of a mapping that holds an expression.
JmesPath = Annotated[
    Reading,
    BeforeValidator(_read),
    PlainSerializer(lambda reading: reading.expression, return_type=str),
    WithJsonSchema({"type": "string", "format": "jmespath", "maxLength": LONGEST}),
]
