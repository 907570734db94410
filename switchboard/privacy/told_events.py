"""What processes told each other of a person through Redis (`switchboard.nodes.event_stream`)."""

from __future__ import annotations

import json
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from calls.errors import Unavailable
from config.settings import Settings
from switchboard.nodes.event_stream import connected, stream_of
from switchboard.privacy.person import Person

_AT_ONCE = 500


async def forget(settings: Settings, person: Person) -> int:
    """How many messages. Raises Unavailable."""
    assert settings.redis.url is not None
    client = connected(settings.redis.url)
    try:
        return await _forget(client, stream_of(settings.ami.system), _signs_of(person))
    except (RedisError, OSError) as error:
        raise Unavailable(f"redis.url: {error}") from error
    finally:
        await client.aclose()


async def _forget(client: Redis, stream: str, signs: list[bytes]) -> int:
    gone, place = 0, "-"
    while True:
        found: Any = await client.xrange(stream, min=place, count=_AT_ONCE)
        if not found:
            return gone
        theirs = [
            name for name, fields in found if any(sign in fields.get(b"e", b"") for sign in signs)
        ]
        if theirs:
            gone += int(await client.xdel(stream, *theirs))
        place = f"({found[-1][0].decode('ascii')}"


def _signs_of(person: Person) -> list[bytes]:
    """As `switchboard.nodes.event_wire` writes them."""
    texts: list[Any] = [*person.spellings, *(call.linkedid for call in person.calls)]
    signs = [json.dumps(text, ensure_ascii=False) for text in texts]
    for ref in person.contacts:
        pair = {"crm": ref.crm, "id": ref.id}
        written = json.dumps(pair, ensure_ascii=False, separators=(",", ":"))
        signs.append(written.strip("{}"))
    return [sign.encode() for sign in sorted(signs)]
