"""What an agent may be called and have: one sentence for each thing that cannot be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from calls.agents import Agent, Skill
from config.known_secrets import is_known

#: Who may do what is decided where it is done; here it is only kept.
ROLES = ("agent", "supervisor", "admin", "auditor")
#: Of the desktop.
LANGUAGES = ("en", "zh")
MIN_PASSWORD = 8
MAX_PASSWORD = 256
MAX_LEVEL = 10

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
#: As Asterisk names a queue member, e.g. PJSIP/agent1 or Local/100@agents.
_INTERFACE = re.compile(r"[A-Za-z0-9]+/[A-Za-z0-9_.@/+-]{1,100}")
#: As `CallQueued` names it; see the dialplan's SWB_QUEUE.
_QUEUE = re.compile(r"[A-Za-z0-9_-]{1,40}")
_SKILL = re.compile(r"[A-Za-z0-9_-]{1,40}")
_LONGEST_NAME = 120
_MOST = 50


def problems_of(agent: Agent) -> Iterator[str]:
    if not _LOGIN.fullmatch(agent.login):
        yield f"login {agent.login!r}: use small letters, digits, dot, dash, underscore; at most 40"
    for interface in agent.interfaces:
        if not _INTERFACE.fullmatch(interface):
            yield f"interface {interface!r}: expected e.g. PJSIP/agent1"
    for queue in agent.queues:
        if not _QUEUE.fullmatch(queue):
            yield f"queue {queue!r}: use letters, digits, dash, underscore; at most 40"
    yield from _problems_of_skills(agent)
    if max(len(agent.interfaces), len(agent.queues), len(agent.skills)) > _MOST:
        yield f"at most {_MOST} interfaces, queues and skills each"
    if not agent.name.strip() or len(agent.name) > _LONGEST_NAME or not agent.name.isprintable():
        yield f"name: 1 to {_LONGEST_NAME} printable characters"
    if agent.language not in LANGUAGES:
        yield f"language {agent.language!r}: use one of {', '.join(LANGUAGES)}"
    if agent.role not in ROLES:
        yield f"role {agent.role!r}: use one of {', '.join(ROLES)}"


def _problems_of_skills(agent: Agent) -> Iterator[str]:
    for skill in agent.skills:
        if not _SKILL.fullmatch(skill.name):
            yield f"skill {skill.name!r}: use letters, digits, dash, underscore; at most 40"
        if not 1 <= skill.level <= MAX_LEVEL:
            yield f"skill {skill.name!r}: a level from 1 to {MAX_LEVEL}"
    if len({skill.name for skill in agent.skills}) < len(agent.skills):
        yield "a skill is named twice"


def password_problem(password: str) -> str | None:
    if len(password) < MIN_PASSWORD:
        return f"password: at least {MIN_PASSWORD} characters"
    if is_known(password):
        return "password: this one is on every list of those to be tried: choose another"
    return f"password: at most {MAX_PASSWORD} characters" if len(password) > MAX_PASSWORD else None


def skill_written(text: str) -> Skill:
    """`french:8`, or `french` for the highest level. Raises ValueError with a sentence."""
    name, colon, level = text.strip().partition(":")
    if not colon:
        return Skill(name, MAX_LEVEL)
    if not (level.isascii() and level.isdigit() and len(level) <= 2):
        raise ValueError(f"skill {text[:60]!r}: write it like french:8, from 1 to {MAX_LEVEL}")
    return Skill(name, int(level))
