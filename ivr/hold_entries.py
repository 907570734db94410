"""A hold programme as turns: what is said in one breath, and the music until the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from calls.decision import HoldEntryPlanned

#: Entries of a programme that are looked at; the rest is never heard.
ENTRIES_LIMIT = 50
#: Music where a programme does not say how long, and where messages would follow each other
#: round and round without any.
MUSIC_S = 30.0


@dataclass(frozen=True, slots=True)
class Turn:
    """`messages` are never music; `music_s` follows them, to the next turn."""

    messages: tuple[HoldEntryPlanned, ...]
    music_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Programme:
    """Turns go round; there is at least one. `lead_s` is the music before the first message: after
    the last turn it comes again, as part of that turn's `music_s`."""

    lead_s: float
    turns: tuple[Turn, ...]

    @property
    def offers(self) -> frozenset[str]:
        """Names of the offers in it."""
        messages = [message for turn in self.turns for message in turn.messages]
        return frozenset(message.offer for message in messages if message.offer)


def programme_of(entries: Sequence[HoldEntryPlanned]) -> Programme:
    lead_s = 0.0
    turns: list[Turn] = []
    for entry in entries[:ENTRIES_LIMIT]:
        if entry.kind == "music":
            seconds = entry.seconds or MUSIC_S
            if turns:
                turns[-1] = replace(turns[-1], music_s=turns[-1].music_s + seconds)
            else:
                lead_s += seconds
        elif turns and not turns[-1].music_s:
            turns[-1] = Turn((*turns[-1].messages, entry))
        else:
            turns.append(Turn((entry,)))
    turns = turns or [Turn(())]
    around_s = turns[-1].music_s + lead_s
    turns[-1] = replace(turns[-1], music_s=around_s or MUSIC_S)
    return Programme(lead_s, tuple(turns))


@dataclass(frozen=True, slots=True)
class Music:
    """A stretch of the tune, from `start_s` after the list's beginning."""

    start_s: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """A place of the list whose sound is chosen when it is reached. `music` comes after it."""

    number: int
    music: Music


def list_of(programme: Programme) -> tuple[Music | Spoken, ...]:
    """What Asterisk plays round and round. Any two spoken places are parted by music, which it
    keeps: a server that is away then costs the caller no music. There are at least two of them,
    so that reaching one is told from asking for one again."""
    rounds = 2 if len(programme.turns) == 1 else 1
    return tuple(_rounds(programme, rounds))


def _rounds(programme: Programme, rounds: int) -> Iterator[Music | Spoken]:
    at_s, number = 0.0, 0
    for _ in range(rounds):
        if programme.lead_s:
            yield Music(at_s, programme.lead_s)
            at_s += programme.lead_s
        for place, turn in enumerate(programme.turns, 1):
            # Round again, the lead follows by itself.
            again_s = programme.lead_s if place == len(programme.turns) else 0.0
            music = Music(at_s, turn.music_s - again_s)
            yield Spoken(number, Music(at_s, turn.music_s))
            if music.seconds > 0:
                yield music
            at_s += music.seconds
            number += 1
