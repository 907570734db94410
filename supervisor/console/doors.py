"""The supervisor page's addresses, and which roles may ask there."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from calls.doors import LOOKS, MOVES, RUNS, Door, Param, Reply
from config.rulebook_versions import MAX_COMMENT
from screenpop.desk.answers import Refused
from supervisor.console.board import Board

_BASE = "/api/v1/supervisor"

Version = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Comment = Annotated[str, Field(max_length=MAX_COMMENT)]


class Move(BaseModel):
    """To publish what was checked as this version, or to go back to it."""

    model_config = ConfigDict(extra="forbid")

    version: Version
    comment: Comment = ""


class Again(BaseModel):
    """To deliver an entry of the outbox once more."""

    model_config = ConfigDict(extra="forbid")

    key: Annotated[str, Field(min_length=1, max_length=36)]


class Problem(BaseModel):
    file: str
    line: int | None
    sentence: str
    severity: str


class CheckedFolder(BaseModel):
    version: str | None
    good: bool
    problems: tuple[Problem, ...]


class Retried(BaseModel):
    retried: int


def _get(path: str, what: str, shape: Any = None, **more: Any) -> Door:
    replies = {200: Reply("As it is now.", shape), **more.pop("replies", {})}
    return Door("GET", f"{_BASE}{path}", by=LOOKS, what=what, replies=replies, **more)


_WHY_NOT = {409: Reply("Not now, or not this: the sentence says why.", Refused)}
_CHECKED = {200: Reply("Good.", CheckedFolder), **_WHY_NOT}
_MOVED = {**_CHECKED, 422: Reply("Not good; nothing has changed.", CheckedFolder)}

BOARD = _get("/board", "Queues, agents and calls of this moment.", Board)
EVENTS = Door(
    "GET",
    f"{_BASE}/events",
    by=LOOKS,
    what="The board, each time it changes.",
    # What it holds is written as it goes: no headers can be added afterwards.
    head=False,
    replies={
        200: Reply("Boards as server-sent events.", kind="text/event-stream"),
        429: Reply("Too many pages are open.", Refused),
    },
)
CALL = _get(
    "/call",
    "One call with its decision and its pops.",
    query=(Param("id", "SYSTEM/LINKEDID", needed=True, pattern="^.{1,120}$"),),
    replies={404: Reply("Nothing is kept of this call.", Refused)},
)
RULEBOOK = _get("/rulebook", "The rulebook in use, its folder and its versions.")
MODELS = _get("/models", "The trained models.")
MODEL = Door(
    "GET",
    _BASE + "/models/{kind:[a-z]{1,20}}/{version:[0-9a-f-]{1,40}}",
    by=LOOKS,
    what="A model's card.",
    replies={
        200: Reply("The card.", kind="text/html"),
        404: Reply("No such model.", Refused),
    },
)
OUTBOX = _get("/outbox", "What the CRM has not got.")
CHECK = Door(
    "POST",
    f"{_BASE}/rulebook/check",
    by=LOOKS,
    what="Check the rulebook's folder.",
    replies=_CHECKED,
)
PUBLISH = Door(
    "POST",
    f"{_BASE}/rulebook/publish",
    by=MOVES,
    what="Publish the folder where it still holds what was checked.",
    takes=Move,
    replies=_MOVED,
)
ROLL_BACK = Door(
    "POST",
    f"{_BASE}/rulebook/rollback",
    by=MOVES,
    what="Go back to an earlier version.",
    takes=Move,
    replies=_MOVED,
)
RETRY = Door(
    "POST",
    f"{_BASE}/outbox/retry",
    by=RUNS,
    what="Deliver once more what was given up.",
    takes=Again,
    replies={200: Reply("It is tried again.", Retried), **_WHY_NOT},
)
DOORS = (BOARD, EVENTS, CALL, RULEBOOK, MODELS, MODEL, OUTBOX, CHECK, PUBLISH, ROLL_BACK, RETRY)
