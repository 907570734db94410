"""Run in a network namespace of its own (`unshare --map-root-user --net`): a FastAGI server on
every address, and two addresses of another network that dial it, of which one is named.

Prints by address the first bytes that each was sent, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

from config.neighbours import Neighbours
from tests.fakes.asterisk_agi import header
from tests.integration.test_agi_server import serving

OURS, NAMED, STRANGER = "192.0.2.1", "192.0.2.2", "192.0.2.3"
DIAL = """
import socket, sys
with socket.socket() as line:
    line.bind((sys.argv[1], 0))
    line.settimeout(10)
    line.connect((sys.argv[2], int(sys.argv[3])))
    try:
        line.sendall(sys.argv[4].encode())
        print(line.recv(100).decode(), end="")
    except ConnectionError:
        pass
"""


def ip(*words: str, within: int | None = None) -> None:
    inside = () if within is None else ("nsenter", "--target", str(within), "--net")
    subprocess.run([*inside, "ip", *words], check=True)


def joined(other: int) -> None:
    """This namespace and that of the process `other`, by a cable."""
    ip("link", "set", "lo", "up")
    cable = "type", "veth", "peer", "name", "theirs", "netns", str(other)
    ip("link", "add", "name", "ours", *cable)
    ip("addr", "add", f"{OURS}/29", "dev", "ours")
    ip("link", "set", "ours", "up")
    for address in (NAMED, STRANGER):
        ip("addr", "add", f"{address}/29", "dev", "theirs", within=other)
    ip("link", "set", "theirs", "up", within=other)


async def told(other: int, address: str, port: int) -> str:
    words = sys.executable, "-c", DIAL, address, OURS, str(port), header().decode()
    dialling = await asyncio.create_subprocess_exec(
        "nsenter", "--target", str(other), "--net", *words, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await dialling.communicate()
    return said.decode()


async def main(other: int) -> dict[str, str | int]:
    near = Neighbours(hosts=[NAMED])
    async with serving(near=near, host="0.0.0.0") as world:
        port = world.server.port
        found: dict[str, str | int] = {
            each: await told(other, each, port) for each in (NAMED, STRANGER)
        }
        return found | {"strangers": world.server.peers.strangers}


if __name__ == "__main__":
    with subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo there; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as elsewhere:
        assert elsewhere.stdout is not None
        elsewhere.stdout.readline()
        joined(elsewhere.pid)
        json.dump(asyncio.run(main(elsewhere.pid)), sys.stdout)
        assert elsewhere.stdin is not None
        elsewhere.stdin.close()
