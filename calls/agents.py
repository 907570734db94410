"""The humans who answer."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field


class AgentState(enum.StrEnum):
    """What the agent chose; what the agent is doing (ringing, talking) is derived, not chosen."""

    AVAILABLE = "available"
    NOT_READY = "not_ready"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Skill:
    """What somebody can; `level` from 1 (a little) to 10 (best)."""

    name: str
    level: int = 10


@dataclass(frozen=True, slots=True)
class Agent:
    login: str
    name: str
    #: Asterisk interfaces that ring this agent, e.g. `PJSIP/agent1`.
    interfaces: tuple[str, ...]
    queues: tuple[str, ...] = ()
    language: str = "en"
    role: str = "agent"
    #: Whether we made a phone in the browser for them, see `Softphone`.
    softphone: bool = False
    skills: tuple[Skill, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueMember:
    """As Asterisk's app_queue has it. `state_interface` says whether they are busy, where that is
    not the interface itself; of several members those with a low `penalty` are rung first."""

    queue: str
    interface: str
    name: str = ""
    state_interface: str = ""
    penalty: int = 0


@dataclass(frozen=True, slots=True)
class Softphone:
    """An agent's phone in the browser, as Asterisk knows it: endpoint PJSIP/`login`."""

    login: str
    name: str
    #: Of SIP's digest; Asterisk and the agent's own page need it in plain.
    secret: str = field(repr=False)

    @property
    def interface(self) -> str:
        return softphone_interface(self.login)


def softphone_interface(login: str) -> str:
    """What rings the softphone of this agent, as Asterisk names it."""
    return f"PJSIP/{login}"
