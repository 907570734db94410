"""The humans who answer."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class AgentState(enum.StrEnum):
    """What the agent chose; what the agent is doing (ringing, talking) is derived, not chosen."""

    AVAILABLE = "available"
    NOT_READY = "not_ready"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class Agent:
    login: str
    name: str
    #: Asterisk interfaces that ring this agent, e.g. `PJSIP/agent1`.
    interfaces: tuple[str, ...]
    queues: tuple[str, ...] = ()
    language: str = "en"
    role: str = "agent"
