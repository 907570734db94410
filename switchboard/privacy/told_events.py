"""What processes told each other of a person through Redis (`switchboard.nodes.event_stream` and
`news_stream`)."""

from __future__ import annotations

import json
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from calls.errors import Unavailable
from config.settings import Settings
from switchboard.nodes.event_stream import connected, place_key, stream_of
from switchboard.nodes.news_stream import news_of
from switchboard.privacy.mentions import pattern_of
from switchboard.privacy.person import Person

_AT_ONCE = 500


def streams(settings: Settings) -> list[str]:
    """Of every Asterisk."""
    return [name(one.system) for one in settings.asterisks for name in (stream_of, news_of)]


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
    """Another's message that names them, in a note or among several, goes once it was read; until
    then it is owed to the desk. News that is missed makes its reader forget everything."""
    signs, names, pattern = _signs_of(person), _names_of(person), pattern_of(person)
    read: Any = await client.get(place_key(stream))
    gone, place = 0, "-"
    while True:
        found: Any = await client.xrange(stream, min=place, count=_AT_ONCE)
        if not found:
            return gone
        theirs = []
        for name, fields in found:
            told = fields.get(b"e") or fields.get(b"news", b"")
            is_read = read is None or _number(name) <= _number(read)
            names_them = any(each in told for each in names) or (
                pattern is not None and pattern.search(told.decode("utf-8", "replace"))
            )
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
    """Of what is theirs, as `switchboard.nodes.event_wire` writes it."""
    texts: list[Any] = [*person.spellings, *(call.linkedid for call in person.calls)]
    return [json.dumps(text, ensure_ascii=False).encode() for text in sorted(texts)]


def _names_of(person: Person) -> list[bytes]:
    """Contacts, as events and news write them."""
    names = []
    for ref in person.contacts:
        pair = {"crm": ref.crm, "id": ref.id}
        written = json.dumps(pair, ensure_ascii=False, separators=(",", ":"))
        names += [written.strip("{}"), json.dumps([ref.crm, ref.id])]
    return [name.encode() for name in sorted(names)]
