"""Who calls: half of them somebody the CRM knows, half strangers, of whom each calls twice."""

from __future__ import annotations

from collections.abc import Iterator

from switchboard.demo import cast
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, Press

KNOWN = 1_000
#: A hundred and twenty thousand strangers.
_AREAS = (212, 503, 504, 505, 507, 508, 509, 510, 512, 513, 515, 516)
#: A stranger's second call comes so many strangers later.
_APART = 20

#: Press for a person as soon as the menu is on. Of four callers one sends sound, so that Asterisk
#: answers at once and nothing of ours hides behind that; silent ones cost Asterisk less.
_KEYS = (Press(1500, "0"), Press(2500, "0"))
SILENT = CallerShape(presses=_KEYS, audio=False)
SOUNDING = CallerShape(presses=_KEYS)
_SOUNDING_EVERY = 4


def known(number: int) -> str:
    return f"+1202555{number:04d}"


def stranger(number: int) -> str:
    area, line = divmod(number, 10_000)
    return f"+1{_AREAS[area % len(_AREAS)]}555{line:04d}"


def caller(call: int) -> str:
    """Of the call so many calls after the first."""
    half, is_stranger = divmod(call, 2)
    if not is_stranger:
        return known(half % KNOWN)
    block, place = divmod(half, 2 * _APART)
    return stranger(block * _APART + place % _APART)


def is_known(number: str) -> bool:
    return number.startswith("+1202")


def script(first: int, count: int) -> Iterator[ScriptedCall]:
    for call in range(first, first + count):
        # By pairs: known callers and strangers in both shapes.
        shape = SOUNDING if call // 2 % _SOUNDING_EVERY == 0 else SILENT
        yield ScriptedCall(caller(call), cast.SHOP, shape=shape)
