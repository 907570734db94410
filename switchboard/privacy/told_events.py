"""What processes told each other of a person through Redis (`switchboard.nodes.event_stream`)."""

from __future__ import annotations

import json
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from calls.errors import Unavailable
from config.settings import Settings
from switchboard.nodes.event_stream import connected, place_key, stream_of
from switchboard.privacy.mentions import pattern_of
from switchboard.privacy.person import Person

_AT_ONCE = 500


def streams(settings: Settings) -> list[str]:
    """Of every Asterisk."""
    return [stream_of(one.system) for one in settings.asterisks]


async def forget(settings: Settings, person: Person) -> int:
    """How many messages. Raises Unavailable."""
    assert settings.redis.url is not None
    client = connected(settings.redis.url)
    try:
        return sum([await _forget(client, stream, person) for stream in streams(settings)])
    except (RedisError, OSError) as error:
        raise Unavailable(f"redis.url: {error}") from error
    finally:
        await client.aclose()


async def _forget(client: Redis, stream: str, person: Person) -> int:
    """Another's message that names them, in a note, goes once it was read; until then it is owed
    to the desk."""
    signs, pattern = _signs_of(person), pattern_of(person)
    read: Any = await client.get(place_key(stream))
    gone, place = 0, "-"
    while True:
        found: Any = await client.xrange(stream, min=place, count=_AT_ONCE)
        if not found:
            return gone
        theirs = []
        for name, fields in found:
            told = fields.get(b"e", b"")
            is_read = read is None or _number(name) <= _number(read)
            names_them = pattern is not None and pattern.search(told.decode("utf-8", "replace"))
            if any(sign in told for sign in signs) or (names_them and is_read):
                theirs.append(name)
        if theirs:
            gone += int(await client.xdel(stream, *theirs))
        place = f"({found[-1][0].decode('ascii')}"


def _number(place: bytes) -> tuple[int, int]:
    """`1700000000000-0`, in order."""
    at, _, count = place.partition(b"-")
    return int(at), int(count or 0)


def _signs_of(person: Person) -> list[bytes]:
    """As `switchboard.nodes.event_wire` writes them."""
    texts: list[Any] = [*person.spellings, *(call.linkedid for call in person.calls)]
    signs = [json.dumps(text, ensure_ascii=False) for text in texts]
    for ref in person.contacts:
        pair = {"crm": ref.crm, "id": ref.id}
        written = json.dumps(pair, ensure_ascii=False, separators=(",", ":"))
        signs.append(written.strip("{}"))
    return [sign.encode() for sign in sorted(signs)]
