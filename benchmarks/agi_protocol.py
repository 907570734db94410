"""What one FastAGI session costs: header, three commands, close, with every guard on.

Beside it in the same run: the least that plain asyncio streams can do, and pyst2 with a thread per
call. Processor time of the server process alone (/proc/PID/stat); the callers are another process.

    python -m benchmarks.agi_protocol [--quick] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import socketserver
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asterisk.agi as pyst2
import uvloop

from ami_bridge.agi_server import AgiServer
from calls.bus import EventBus
from calls.call import Call, CallId, CallOutcome
from calls.clocks import Clock
from calls.ports import CallChannel
from config.settings import AgiSettings

ROOT = Path(__file__).parent.parent
CONCURRENT = 50
HEADER = b"""agi_network: yes
agi_network_script: inbound
agi_request: agi://127.0.0.1:4573/inbound
agi_channel: PJSIP/trunk-00000001
agi_language: en
agi_type: PJSIP
agi_uniqueid: 1760000000.%d
agi_version: 22.10.1
agi_callerid: +12025550101
agi_calleridname: Maria Garcia
agi_callingpres: 0
agi_callingani2: 0
agi_callington: 0
agi_callingtns: 0
agi_dnid: +18005550100
agi_rdnis: unknown
agi_context: switchboard-in
agi_extension: +18005550100
agi_priority: 4
agi_enhanced: 0.0
agi_accountcode:
agi_threadid: 139876543210
agi_arg_1: 1760000000.%d

"""
COMMANDS = (
    b'SET VARIABLE "TIMEOUT(absolute)" "0"\n',
    b'SET VARIABLE "SWB_ROUTE" "hangup"\n',
    b'SET VARIABLE "SWB_DONE" "1"\n',
)
SERVERS = ("switchboard", "asyncio streams", "pyst2 threads")
TARGET_MS = 0.10


# The servers, each in its own process ---------------------------------------------------------


async def serve_switchboard() -> None:
    class NoJournal:
        async def open_call(self, call: Call, *, fallback: bool = False) -> None:
            return

        async def open_calls(self, system: str) -> Sequence[CallId]:
            return []

        async def open_placed(self, system: str) -> Sequence[CallId]:
            return ()

    class NoTracker:
        def dialog_started(self, call_id: CallId, now: Clock | None = None) -> None:
            return

        def dialog_ended(
            self,
            call_id: CallId,
            *,
            hung_up: bool,
            queued: bool,
            left_for: CallOutcome | None = None,
        ) -> None:
            return

    async def dialog(channel: CallChannel) -> None:
        await channel.begin_dialog()
        await channel.hang_up()

    server = AgiServer(
        settings=AgiSettings(port=0),
        system="pbx",
        journal=NoJournal(),
        bus=EventBus(),
        calls=NoTracker(),
        handler=dialog,
    )
    await server.start()
    print(server.port, flush=True)
    await asyncio.Event().wait()


async def serve_streams() -> None:
    """No deadline, no limit, no parsing to speak of: the floor."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request: dict[str, str] = {}
        while (line := await reader.readline()) not in {b"\n", b""}:
            key, _, value = line.decode().partition(":")
            request[key] = value.strip()
        for command in COMMANDS:
            writer.write(command)
            await reader.readline()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


def serve_pyst2() -> None:
    pyst2.signal.signal = lambda *_: None  # it wants SIGHUP, which only a main thread may have

    class Silence(io.TextIOBase):
        def write(self, text: str) -> int:
            return len(text)

    class Call(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            out = io.TextIOWrapper(self.wfile, write_through=True)
            agi = pyst2.AGI(self.rfile, out, Silence())
            agi.execute('SET VARIABLE "TIMEOUT(absolute)" "0"')
            agi.execute('SET VARIABLE "SWB_ROUTE" "hangup"')
            agi.execute('SET VARIABLE "SWB_DONE" "1"')
            out.detach()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 1024

    server = Server(("127.0.0.1", 0), Call)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def serve(name: str) -> None:
    if name == "switchboard":
        uvloop.run(serve_switchboard())
    elif name == "asyncio streams":
        uvloop.run(serve_streams())
    else:
        serve_pyst2()


# The callers ----------------------------------------------------------------------------------


async def one_session(port: int, number: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEADER % (number, number))
    commands = 0
    while await reader.readline():
        commands += 1
        writer.write(b"200 result=1\n")
    writer.close()
    if commands != len(COMMANDS):
        raise RuntimeError(f"a session of {commands} commands instead of {len(COMMANDS)}")


async def sessions(port: int, count: int) -> None:
    numbers = iter(range(count))

    async def caller() -> None:
        for number in numbers:
            await one_session(port, number)

    await asyncio.gather(*(caller() for _ in range(CONCURRENT)))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(name: str, count: int) -> tuple[float, float]:
    """Milliseconds of processor per session, and sessions a second."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.agi_protocol", "--serve", name],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            uvloop.run(sessions(port, min(count, 500)))
            cpu, started = cpu_s(server.pid), time.perf_counter()
            uvloop.run(sessions(port, count))
            spent = time.perf_counter() - started
            return (cpu_s(server.pid) - cpu) / count * 1000, count / spent
        finally:
            server.kill()


def run(*, quick: bool) -> dict[str, Any]:
    rounds, count = (1, 2_000) if quick else (5, 20_000)
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in SERVERS}
    for _ in range(rounds):
        for name, seen in figures.items():
            # pyst2 is ten times slower; fewer sessions give the same number of clock ticks.
            seen.append(measure(name, count // 5 if name == "pyst2 threads" else count))
    rows = {
        name: {
            "cpu_ms_per_session": round(statistics.median(cpu for cpu, _ in seen), 4),
            "sessions_per_s": round(statistics.median(rate for _, rate in seen)),
        }
        for name, seen in figures.items()
    }
    return {
        "benchmark": "agi_protocol",
        "rounds": rounds,
        "sessions": count,
        "concurrent": CONCURRENT,
        "target_cpu_ms": TARGET_MS,
        "servers": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="seconds; only shows that it works")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    result = run(quick=arguments.quick)
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    print(f"{'server':<18}{'CPU ms/session':>16}{'sessions/s':>12}")
    for name, row in result["servers"].items():
        print(f"{name:<18}{row['cpu_ms_per_session']:>16.3f}{row['sessions_per_s']:>12}")
    print(f"target: {TARGET_MS:.2f} ms; median of {result['rounds']}, {CONCURRENT} at a time")


if __name__ == "__main__":
    main()
