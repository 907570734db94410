"""What a network may do to the bytes that pass it, and in which direction."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


class Direction(enum.StrEnum):
    #: To the target, as requests go.
    UP = "up"
    #: Back from it, as answers come.
    DOWN = "down"
    BOTH = "both"

    def covers(self, one: Direction) -> bool:
        return self in (one, Direction.BOTH)


@dataclass(frozen=True, slots=True)
class Latency:
    """Everything arrives `delay_s` later, give or take `jitter_s`, in its order."""

    delay_s: float
    jitter_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """No more than that passes, of each connection."""

    bytes_per_s: float


@dataclass(frozen=True, slots=True)
class Slicer:
    """Segments of `size` bytes, `pause_s` apart: without a pause the peer may read several at
    once."""

    size: int = 1
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Blackhole:
    """Nothing arrives, neither bytes nor an end, and nobody is told; once it is taken away, what
    was on its way arrives late, as TCP has it."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection ends with an RST to both sides in the place of what would follow these
    bytes."""

    after_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LimitData:
    """So many bytes of each connection pass, then it is closed; with 0, as soon as somebody
    connects."""

    limit: int


@dataclass(frozen=True, slots=True)
class Corrupt:
    """One in so many bytes, by the proxy's seed, arrives as another."""

    one_in: int = 1_000


Toxic: TypeAlias = Latency | Bandwidth | Slicer | Blackhole | Reset | LimitData | Corrupt

KINDS: dict[str, type[Toxic]] = {
    "latency": Latency,
    "bandwidth": Bandwidth,
    "slicer": Slicer,
    "blackhole": Blackhole,
    "reset": Reset,
    "limit_data": LimitData,
    "corrupt": Corrupt,
}
_AT_LEAST_ONE = ("bytes_per_s", "size", "one_in")


class NoSuchToxic(ValueError):
    """The text says what there is."""


def made(kind: str, values: Mapping[str, object]) -> Toxic:
    """Of JSON's values. Raises NoSuchToxic."""
    if kind not in KINDS:
        raise NoSuchToxic(f"no toxic {kind!r}; there are {', '.join(KINDS)}")
    fields = {field.name: field for field in dataclasses.fields(KINDS[kind])}
    for name in values:
        if name not in fields:
            known = ", ".join(fields) or "none"
            raise NoSuchToxic(f"{kind} has no {name!r}; its values are: {known}")
    for name, field in fields.items():
        if field.default is dataclasses.MISSING and name not in values:
            raise NoSuchToxic(f"{kind} needs {name}")
    numbers = {name: _number(name, value, fields[name].type) for name, value in values.items()}
    return KINDS[kind](**numbers)  # type: ignore[arg-type]  # checked above


def _number(name: str, value: object, kind: object) -> float | int:
    whole = kind == "int"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise NoSuchToxic(f"{name} is to be a {'whole ' if whole else ''}number, not {value!r}")
    least = 1 if name in _AT_LEAST_ONE else 0
    if not math.isfinite(value) or value < least:
        raise NoSuchToxic(f"{name} is to be {least} or more, not {value!r}")
    return value


def told(toxic: Toxic) -> dict[str, object]:
    """For JSON; `made` makes the same of it."""
    [kind] = [name for name, each in KINDS.items() if type(toxic) is each]
    return {"toxic": kind, **dataclasses.asdict(toxic)}
