"""AMI events per second: our framing, typing and call tracking beside panoramisk's own dispatch.

Both read the same bytes, recorded from Asterisk 22.10.1 (tests/fixtures/ami), in TCP-sized chunks;
ours also follows the calls and publishes what happened. Without --quick: more calls, five rounds.

    python -m benchmarks.ami_events [--quick] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from ami_bridge.ami_events import QueueJoined
from ami_bridge.ami_protocol import MendedProtocol
from ami_bridge.ami_reading import read_event
from ami_bridge.call_tracker import CallTracker
from calls.bus import EventBus
from calls.call import CallId

RECORDED = Path(__file__).parent.parent / "tests" / "fixtures" / "ami"
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
CHUNK = 16_384


def stream(calls: int) -> bytes:
    """The recorded calls again and again, each time with other unique ids."""
    parts = [(RECORDED / f"{name}.txt").read_bytes() for name in ("answered", "abandon", "blind")]
    return b"".join(
        parts[n % len(parts)].replace(b"pbx-1795", b"pbx-%d-" % n) for n in range(calls)
    )


class Ours:
    """Bytes to CallEnded, as the bridge does it but for the queue between."""

    def __init__(self) -> None:
        self.bus = EventBus()
        self.tracker = CallTracker(system="pbx", journal=Mock(), bus=self.bus)
        self.ended = 0

    def received(self, name: bytes, block: bytes) -> None:
        event = read_event(name, block)
        if event is None:
            return
        if isinstance(event, QueueJoined) and event.linkedid not in self.tracker.calls:
            call_id = CallId("pbx", event.linkedid)
            self.tracker.dialog_started(call_id)
            self.tracker.dialog_ended(call_id, hung_up=False, queued=True)
        self.tracker.apply(event)

    def torn(self) -> None:
        raise AssertionError("a recorded event was not believed")

    def lost(self, reason: str) -> None:
        raise AssertionError(reason)

    def read(self, data: bytes) -> None:
        protocol = MendedProtocol(self)
        protocol.connection_made(Mock())
        feed(protocol.data_received, data)
        assert not self.tracker.calls


def panoramisk(data: bytes) -> int:
    """Its protocol and dispatch with one callback for the events we act on; no tracking."""
    manager = Manager(loop=asyncio.get_running_loop())
    seen: list[str] = []
    for pattern in ("Agent*", "Queue*", "Hangup", "Newchannel", "Dial*", "*Transfer", "UserEvent"):
        manager.register_event(pattern, lambda _manager, event: seen.append(event.event))
    protocol = AMIProtocol()
    protocol.connection_made(Mock())
    protocol.factory, protocol.encoding = manager, "utf8"
    feed(protocol.data_received, data)
    return len(seen)


def feed(take: Callable[[bytes], None], data: bytes) -> None:
    take(GREETING)
    for at in range(0, len(data), CHUNK):
        take(data[at : at + CHUNK])


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


async def measure(*, calls: int, rounds: int) -> dict[str, float]:
    """Rounds of the two take turns, so that a busy machine slows both."""
    data = stream(calls)
    events = data.count(b"Event: ")
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(timed(lambda: panoramisk(data)))
        ours.append(timed(lambda: Ours().read(data)))
    return {
        "calls": calls,
        "events": events,
        "megabytes": round(len(data) / 1e6, 1),
        "panoramisk_events_per_s": round(events / statistics.median(theirs)),
        "switchboard_events_per_s": round(events / statistics.median(ours)),
        "ratio": round(statistics.median(theirs) / statistics.median(ours), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    calls, rounds = (60, 3) if options.quick else (600, 5)
    figures = asyncio.run(measure(calls=calls, rounds=rounds))
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:28} {value:>12,}")


if __name__ == "__main__":
    main()
