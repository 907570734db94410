"""A manager that says more than anybody wants to know, in a process of its own.

    python -m tests.faults.flood --calls 2000 --rate 15000 --seconds 4

Prints its port. The calls it hangs up are `flood.0`, `flood.1` and so on; what it says otherwise
matters little. Ends once all is sent and its input is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.fakes.asterisk_ami import FakeAmi

_TICK_S = 0.01


def uid(number: int) -> str:
    return f"flood.{number}"


def _noise(fake: FakeAmi, uniqueid: str, turn: int) -> None:
    match turn % 4:
        case 0:
            fake.event("BridgeEnter", Uniqueid=uniqueid, Linkedid=uniqueid, BridgeType="basic")
        case 1:
            fake.event("UserEvent", UserEvent="Flood", Uniqueid=uniqueid, Body="x" * 700)
        case 2:
            fake.event("VarSet", Uniqueid=uniqueid, Variable="SWB_X", Value="y" * 400)
        case _:
            fake.event("Newexten", Uniqueid=uniqueid, Linkedid=uniqueid, Application="NoOp")


async def flood(fake: FakeAmi, *, calls: int, rate: float, seconds: float) -> None:
    """Evenly, whatever became of the time before."""
    loop = asyncio.get_running_loop()
    began, sent, total = loop.time(), 0, int(rate * seconds)
    each = max(2, total // calls)
    while sent < total:
        due = min(total, int((loop.time() - began) * rate))
        for turn in range(sent, due):
            number = turn // each
            if number < calls and turn % each == each - 1:
                fake.hang_up(uid(number))
            else:
                _noise(fake, uid(min(number, calls - 1)), turn)
        sent = due
        await asyncio.sleep(_TICK_S)
    for uniqueid in list(fake.channels):
        fake.hang_up(uniqueid)


async def _run(arguments: argparse.Namespace) -> None:
    fake = FakeAmi()
    for number in range(arguments.calls):
        fake.new_channel(uid(number), uid(number), f"PJSIP/flood-{number:08x}")
    async with fake:
        print(fake.port, flush=True)
        # The first question of a resync: the log-in is done.
        await fake.wait_for(lambda: bool(fake.sent("CoreShowChannels")))
        await flood(fake, calls=arguments.calls, rate=arguments.rate, seconds=arguments.seconds)
        print("sent", flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2_000)
    parser.add_argument("--rate", type=float, default=15_000, help="events a second")
    parser.add_argument("--seconds", type=float, default=4)
    asyncio.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
