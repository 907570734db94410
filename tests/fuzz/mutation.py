"""Inputs from honest ones: cut, joined, repeated, with words of the language and wild bytes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tests.fuzz.targets import Target

LONGEST = 4_096
#: Once in so many inputs one is much longer, to reach the limits of size.
_LONG_ONE_IN = 2_000
_WILD = (
    b"\x00", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xe2\x80\xae",
    b"\xef\xbf\xbe", b"\xf0\x9f\x98\x80", b"\x1b[2J", b"\\", b'"', b"'", b"%n", b"${x}", b"{{",
    b"}}", b"-1", b"0", b"4294967296", b"9" * 30, b"1e999", b"\xd9\xa1", b"../", b"A" * 200, b": ",
    b" ",
)  # fmt: skip


def inputs(target: Target, seed: int) -> Iterator[bytes]:
    """Without end; the same for the same `seed`."""
    seeds, words = target.seeds, target.words
    chance = random.Random(seed)
    known = tuple(words) + _WILD
    yield b""
    yield from seeds
    while True:
        if chance.random() < 0.03:
            yield chance.randbytes(chance.randrange(64))
            continue
        data = bytearray(chance.choice(seeds))
        for _turn in range(1 + int(chance.expovariate(0.5))):
            _change(data, seeds, known, chance)
        limit = LONGEST
        if chance.randrange(_LONG_ONE_IN) == 0:
            limit = target.longest
            data *= 1 + limit // (len(data) + 1)
        yield bytes(data[:limit])


def _change(
    data: bytearray, seeds: Sequence[bytes], words: Sequence[bytes], chance: random.Random
) -> None:
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + int(chance.expovariate(0.1)))
    kind = chance.randrange(8)
    if kind == 0:
        data[start:end] = b""
    elif kind == 1:
        data[start:start] = chance.choice(words)
    elif kind == 2:
        data[start:end] = chance.choice(words)
    elif kind == 3:
        data[start:start] = data[start:end] * chance.choice((1, 1, 2, 8, 40))
    elif kind == 4 and start < len(data):
        data[start] ^= 1 << chance.randrange(8)
    elif kind == 5 and start < len(data):
        data[start] = chance.randrange(256)
    elif kind == 6:
        other = chance.choice(seeds)
        at = chance.randrange(len(other) + 1)
        data[start:] = other[at:]
    else:
        other = chance.choice(seeds)
        at = chance.randrange(len(other) + 1)
        data[start:end] = other[at : at + int(chance.expovariate(0.05))]
