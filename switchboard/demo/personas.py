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
#: In the queue, until others are rung for them too.
_ALONE_S = 20
_RULE = "demo-everybody"


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


def dialplan(agent: str, queue: str) -> str:
    """Like the trunk's; and while `agent` has a phone open and takes calls, nobody else is rung for
    these callers: whoever rings in here answers there. Who is not ready is paused in every queue
    alike, `queue` among them."""
    alone = f"Set(QUEUE_MIN_PENALTY={PENALTY})"
    there = f'"${{PJSIP_DIAL_CONTACTS({agent})}}" != ""'
    ready = f'"${{QUEUE_MEMBER({queue},paused,PJSIP/{agent})}}" = "0"'
    return f"""
[demo-callers]
exten => _[+0-9]!,1,ExecIf($[{there} & {ready}]?{alone})
 same => n,Goto(switchboard-in,${{EXTEN}},1)
"""


def queue_rules() -> str:
    """Who is not taken up in time, since that agent went away meanwhile, is everybody's."""
    return f"[{_RULE}]\npenaltychange => {_ALONE_S},,0\n"


def queues(names: Sequence[str]) -> str:
    """Below queues.conf."""
    return "".join(f"\n[{name}](+)\ndefaultrule = {_RULE}\n" for name in names)


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
