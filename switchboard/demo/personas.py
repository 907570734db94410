"""Who rings in from the browser in the demo: a SIP account each, whose number Asterisk fixes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from crm_adapter.embedded import demo_cast
from switchboard.demo import cast

#: By language.
DIALLED = {"en": cast.SHOP, "zh": cast.SHOP_ZH}
#: In the queues, of the agent whom these callers ring alone; others have 0.
PENALTY = 1


@dataclass(frozen=True, slots=True)
class Persona:
    """`number` and `name` are what a telephone company would send; None: withheld."""

    key: str
    number: str | None
    name: str = ""
    secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @property
    def user(self) -> str:
        return f"caller-{self.key}"


def personas() -> tuple[Persona, ...]:
    """With new secrets each time."""
    return (
        Persona("maria", demo_cast.MARIA, "GARCIA M"),
        Persona("vip", demo_cast.VIP, "STONE V"),
        Persona("stranger", cast.STRANGERS[0], "Sam Doe"),
        Persona("withheld", None),
    )


def dialplan(agent: str) -> str:
    """Like the trunk's; and while `agent` has a phone open, nobody else is rung for these callers:
    whoever rings in here answers there."""
    alone = f"Set(QUEUE_MIN_PENALTY={PENALTY})"
    return f"""
[demo-callers]
exten => _[+0-9]!,1,ExecIf($["${{PJSIP_DIAL_CONTACTS({agent})}}" != ""]?{alone})
 same => n,Goto(switchboard-in,${{EXTEN}},1)
"""


def pjsip(callers: Sequence[Persona]) -> str:
    """Below the file of the softphones, in whose image they are made. What the browser says of its
    number counts for nothing: with a `callerid` of the endpoint, Asterisk (22.10,
    res_pjsip_caller_id.c) does not look at From."""
    return "".join(_endpoint(caller) for caller in callers)


def _endpoint(caller: Persona) -> str:
    shown = (
        'callerid = "Anonymous" <anonymous>\ncallerid_privacy = prohib\n'
        if caller.number is None
        else f'callerid = "{caller.name}" <{caller.number}>\n'
    )
    user = caller.user
    return f"""
[{user}](switchboard-softphone)
context = demo-callers
auth = {user}
{shown}[{user}](switchboard-softphone-auth)
username = {user}
password = {caller.secret}
"""
