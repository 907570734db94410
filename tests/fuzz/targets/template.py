"""Spoken text: refused, or a sentence of one line in which nothing of the machine is told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace

from calls.money import Money
from config.facts import FACTS
from config.templates import MAX_OUTPUT, BadTemplate, TemplateFailed, compile_template
from tests.fuzz.targets import Target
from tests.unit.config.hostile_templates import REFUSED_AT_LOAD, REFUSED_AT_RENDER

#: Lies in what no text may reach.
_CANARY = "c4n4ry"
_TODAY = date(2026, 3, 2)


class _Caller(SimpleNamespace):
    secret = _CANARY

    def __repr__(self) -> str:
        return _CANARY


_VARIABLES = {
    "caller": _Caller(
        first_name="Maria", last_name="%s{0.__class__}", name="Maria Garcia", company=None,
        recency=3, frequency=12, monetary=5, number="+12025550101", tier="vip", known=True,
        language="en", confidence=0.9,
    ),
    "call": SimpleNamespace(_secret=_CANARY, hour=9),
    "account": SimpleNamespace(balance=Money(Decimal("-12.50"), "EUR")),
    "order": SimpleNamespace(
        product_name="Luna {{ 7*7 }}", due_on=date(2026, 3, 9),
        placed_at=datetime(2026, 2, 27, 8, 5, tzinfo=UTC),
    ),
}  # fmt: skip


def check(data: bytes) -> None:
    source = data.decode("utf-8", "replace")
    try:
        template = compile_template(source, FACTS)
    except BadTemplate as refused:
        _says_why(refused)
        return
    for language in ("en", "zh"):
        try:
            said = template.render(_VARIABLES, language, today=_TODAY)
        except TemplateFailed:
            continue
        assert len(said) <= MAX_OUTPUT
        assert "\n" not in said
        assert said == said.strip()
        assert all(letter.isprintable() for letter in said)
        assert _CANARY not in said or _CANARY in source
        said.encode()


def _says_why(refused: BadTemplate) -> None:
    assert str(refused)
    assert refused.line >= 1


TARGET = Target(
    check,
    (
        b"Hello {{ caller.first_name or 'there' }}.",
        b"{% if caller.recency > 2 %}Welcome back{% elif caller.known %}Hi{% else %}A{% endif %}",
        b"You called {{ caller.frequency }} times, {{ caller.recency|number }} days ago.",
        "你好{{ caller.name }}，第{{ caller.recency }}天".encode(),
        b"{{ caller.number|digits }} {{ caller.first_name|upper }} {{ 'a' ~ caller.recency }}",
        *(text.encode() for text in (*REFUSED_AT_LOAD, *REFUSED_AT_RENDER) if len(text) < 400),
    ),
    (b"{{ ", b" }}", b"{% if ", b" %}", b"{% endif %}", b"caller.", b"first_name", b"|upper",
     b"|default('x')", b"|round", b"|replace('a', 'b')", b" ~ ", b" is even", b"(", b")", b"{#",
     b"#}",     b"-", b"__class__", b"['", b"'*99", b"|money", b"|date", b"order.due_on", b"|time"),
)  # fmt: skip
