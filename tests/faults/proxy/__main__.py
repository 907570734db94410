"""A fault proxy to be driven by hand.

examples:
  Asterisk's manager, one second late in both directions, ten bytes at a time back:
    python -m tests.faults.proxy 127.0.0.1:5038 --listen 127.0.0.1:15038 \\
        --toxic latency:delay_s=1 --toxic slicer:size=10,direction=down

  a CRM that goes dead and comes back, from another terminal:
    python -m tests.faults.proxy 127.0.0.1:8069 --listen 127.0.0.1:18069 --control 127.0.0.1:8474
    curl -d '{"toxic": "blackhole", "name": "dead"}' http://127.0.0.1:8474/toxics
    curl http://127.0.0.1:8474/
    curl -X DELETE http://127.0.0.1:8474/toxics/dead

  end every connection with FIN or RST; refuse new ones, and no longer:
    curl -X POST http://127.0.0.1:8474/cut
    curl -X POST http://127.0.0.1:8474/reset
    curl -X POST http://127.0.0.1:8474/refuse
    curl -X POST http://127.0.0.1:8474/listen

toxics and their values (each takes direction=up, down or both):
  latency: delay_s, jitter_s      bandwidth: bytes_per_s     slicer: size, pause_s
  blackhole                       reset: after_bytes         limit_data: limit
  corrupt: one_in
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys

from tests.faults.proxy.control import add_by_json, controlled
from tests.faults.proxy.proxy import FaultProxy
from tests.faults.proxy.toxics import NoSuchToxic


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is to be HOST:PORT")
    return host.strip("[]"), int(port)


def _toxic(text: str) -> dict[str, object]:
    """`latency:delay_s=0.2,direction=down` as the control port's JSON."""
    kind, _, values = text.partition(":")
    asked: dict[str, object] = {"toxic": kind}
    for pair in filter(None, values.split(",")):
        name, _, value = pair.partition("=")
        try:
            asked[name] = json.loads(value)
        except json.JSONDecodeError:
            asked[name] = value
    return asked


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.proxy",
        description="A TCP proxy whose network fails as it is told.",
        epilog=(__doc__ or "").partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", type=_address, metavar="HOST:PORT", help="whom it leads to")
    parser.add_argument(
        "--listen", type=_address, default=("127.0.0.1", 0), metavar="HOST:PORT",
        help="where peers connect; by default a free port, which is printed",
    )  # fmt: skip
    parser.add_argument(
        "--control", type=_address, metavar="HOST:PORT", help="where it is driven over HTTP"
    )
    parser.add_argument("--seed", type=int, default=0, help="decides every random thing")
    parser.add_argument(
        "--toxic", type=_toxic, action="append", default=[], metavar="KIND:NAME=VALUE,...",
        help="there from the beginning; may be given several times",
    )  # fmt: skip
    return parser.parse_args()


async def _run(arguments: argparse.Namespace) -> None:
    host, port = arguments.listen
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    proxy = FaultProxy(arguments.target, host=host, port=port, seed=arguments.seed)
    for asked in arguments.toxic:
        add_by_json(proxy, asked)
    async with proxy:
        print(f"{host}:{proxy.port} leads to {proxy.state()['target']}", flush=True)
        if arguments.control is None:
            await over.wait()
            return
        async with controlled(proxy, *arguments.control) as url:
            print(f"driven at {url}", flush=True)
            await over.wait()


def main() -> int:
    try:
        asyncio.run(_run(_arguments()))
    except (NoSuchToxic, OSError) as error:
        print(f"fault proxy: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
