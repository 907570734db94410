"""Who calls in the demo, and what they do: one shape for each way a call can go."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from crm_adapter.embedded import demo_cast
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, Press

SHOP = "+18005550100"
SHOP_ZH = "+18005550188"
STRANGERS = tuple(f"+120255501{n:02d}" for n in range(50, 100))

_FIRST_KEY_MS = 2500


def _presses(*digits: str) -> tuple[Press, ...]:
    return tuple(Press(_FIRST_KEY_MS, digit) for digit in digits)


@dataclass(frozen=True, slots=True)
class Part:
    """`weight`: how many of a hundred calls are like this one."""

    name: str
    weight: int
    numbers: tuple[str, ...]
    shape: CallerShape
    dialled: str = SHOP
    display: str = ""


PARTS = (
    Part("a stranger orders", 26, STRANGERS, CallerShape(presses=_presses("1")), display="Sam Doe"),
    Part(
        "Maria asks for her order, then for a person",
        16,
        (demo_cast.MARIA,),
        CallerShape(presses=(*_presses("1"), Press(6000, "0"))),
        display="GARCIA M",
    ),
    Part("the VIP skips the menu", 12, (demo_cast.VIP,), CallerShape(), display="STONE V"),
    Part(
        "somebody of a shared number",
        8,
        (demo_cast.HOUSEHOLD,),
        CallerShape(presses=_presses("1")),
    ),
    Part(
        "Mandarin",
        10,
        (demo_cast.MANDARIN,),
        CallerShape(presses=_presses("2")),
        dialled=SHOP_ZH,
        display="王小明",
    ),
    Part("a withheld number", 8, ("anonymous",), CallerShape(presses=_presses("3"), withheld=True)),
    Part("a wrong key first", 8, STRANGERS, CallerShape(presses=_presses("8", "2", "1"))),
    Part("hangs up early", 8, STRANGERS, CallerShape(hang_up_after_ms=1200)),
    Part(
        "presses nothing and gives up",
        4,
        (demo_cast.LAPSED, demo_cast.COMPLAINT),
        CallerShape(hang_up_after_ms=20_000),
    ),
)


def script(count: int) -> list[ScriptedCall]:
    """`count` calls in these proportions, each part at least once where `count` allows."""
    parts = sorted(_shares(count), key=lambda share: -share[1])
    return [
        ScriptedCall(number=number, dialled=part.dialled, name=part.display, shape=part.shape)
        for part, calls in parts
        for number in itertools.islice(itertools.cycle(part.numbers), calls)
    ]


def _shares(count: int) -> Iterator[tuple[Part, int]]:
    """Largest remainder, so that the sum is exactly `count`."""
    total = sum(part.weight for part in PARTS)
    exact = [count * part.weight / total for part in PARTS]
    floor = [max(1, int(share)) if count >= len(PARTS) else int(share) for share in exact]
    order = sorted(range(len(PARTS)), key=lambda i: floor[i] - exact[i])
    for i in itertools.cycle(order):
        if sum(floor) >= count:
            break
        floor[i] += 1
    for i in itertools.cycle(reversed(order)):
        if sum(floor) <= count:
            break
        floor[i] -= floor[i] > 1
    yield from zip(PARTS, floor, strict=True)
