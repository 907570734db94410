"""Doors: the addresses of our web servers, and who may ask there.

A feature declares its doors beside its handlers and hangs them; `screenpop.desk.doorkeeper` asks
who comes, before any handler. A handler without a door is not served, and a door without a keeper
lets nobody in.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

Handler = Callable[[Any], Awaitable[Any]]

#: Through which door the request of this task was let in.
_let_in: ContextVar[Door | None] = ContextVar("let_in", default=None)
#: What a part of a path is that says no pattern of its own (aiohttp).
ANY_PART = "[^{}/]+"
#: Of a handler: its door.
_DOOR = "__door__"


class Asker(enum.StrEnum):
    """The roles are those of `Agent.role`, by the cookie of a log-in."""

    ANYBODY = "anybody"
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"
    AUDITOR = "auditor"
    #: Acts for an agent, by a token of `switchboard agents token`.
    PROGRAM = "program"
    #: A page of a log-in, by a ticket that is good once.
    TICKET = "ticket"
    #: Whoever signs what it says; the handler checks that, as only it reads the body.
    SIGNED = "signed"
    #: Another process of this centre, by the secret in the desk's lease.
    NODE = "node"
    #: Asterisk, by its network address.
    PBX = "pbx"
    #: Who watches this server, by its network address; beside ANYBODY: is told more.
    WATCHER = "watcher"
    #: Passed on to another process, whose own doors ask.
    PASSED_ON = "passed_on"


ANYBODY = frozenset({Asker.ANYBODY})
#: Whoever has a log-in, whatever the role.
LOGGED_IN = frozenset({Asker.AGENT, Asker.SUPERVISOR, Asker.ADMIN, Asker.AUDITOR})
#: Who sees all of the centre.
LOOKS = LOGGED_IN - {Asker.AGENT}
#: Who also publishes rulebooks and takes them back.
MOVES = LOOKS - {Asker.AUDITOR}
#: Who also has what was given up delivered once more.
RUNS = frozenset({Asker.ADMIN})


class Origin(enum.StrEnum):
    """Which web pages may ask; programs send no `Origin`."""

    FREE = "free"
    OURS = "ours"
    #: And whoever sends none is refused: for websockets, which any page can open.
    NEEDED = "needed"


@dataclass(frozen=True, slots=True)
class Param:
    """Of the query, or of a form; always a text."""

    name: str
    what: str
    needed: bool = False
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """`shape`: a type of which pydantic makes a JSON schema; None where nobody wrote one."""

    what: str
    shape: Any = None
    kind: str = "application/json"


NOTHING = Reply("Done.", kind="")
Replies = Mapping[int, Reply]


@dataclass(frozen=True, slots=True)
class Door:
    """`path` is aiohttp's. What every door may answer (400, 401, 403, 503) is not repeated in
    `replies`. `why` says why anybody may ask. `own` names the part of the path whose object must
    belong to the asker: another's is answered like one that is not there."""

    method: str
    path: str
    by: frozenset[Asker]
    what: str
    why: str = ""
    origin: Origin = Origin.OURS
    own: str = ""
    query: tuple[Param, ...] = ()
    form: tuple[Param, ...] = ()
    takes: Any = None
    replies: Replies = field(default_factory=dict)
    #: A question that changes something is not asked by HEAD.
    head: bool = True

    def __post_init__(self) -> None:
        if not self.by or (Asker.ANYBODY in self.by) != bool(self.why):
            raise ValueError(f"{self}: say who may ask, and of anybody why")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def parts(self) -> dict[str, str]:
        """What stands in the path: name and pattern."""
        found = re.findall(r"{(\w+)(?::((?:[^{}]|{[\d,]*})+))?}", self.path)
        return {name: pattern or ANY_PART for name, pattern in found}


class Router(Protocol):
    """The part of aiohttp's that is used here."""

    def add_get(self, path: str, handler: Any, *, allow_head: bool) -> Any: ...

    def add_route(self, method: str, path: str, handler: Any) -> Any: ...


def hang(router: Router, door: Door, handler: Handler) -> None:
    """The handler is reached through this door alone."""

    async def behind(request: Any) -> Any:
        if _let_in.get() is not door:
            raise RuntimeError(f"{door}: nobody keeps this door")
        return await handler(request)

    setattr(behind, _DOOR, door)
    if door.method == "GET":
        router.add_get(door.path, behind, allow_head=door.head)
    else:
        router.add_route(door.method, door.path, behind)


@contextmanager
def let_in(door: Door) -> Iterator[None]:
    """For a keeper, once it knows that the asker may."""
    before = _let_in.set(door)
    try:
        yield
    finally:
        _let_in.reset(before)


def door_of(handler: Any) -> Door | None:
    """None where nobody declared one."""
    door = getattr(handler, _DOOR, None)
    return door if isinstance(door, Door) else None
