"""Asterisk's side of FastAGI over a real socket: dials the server and answers its commands.

The whole conversation:      done = await FakeAsterisk(host, port).call(keys=["1"])
Step by step:                line = await FakeAsterisk(host, port).dial(); await line.command() ...
Replies follow res_agi.c of Asterisk 22.10.1.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

_counter = itertools.count(1)
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
DEAD = "511 Command Not Permitted on a dead channel or intercept routine"


def header(
    *,
    number: str = "+12025550150",
    name: str = "unknown",
    dialled: str = "+18005550100",
    linkedid: str | None = None,
    script: str = "inbound",
    overrides: Mapping[str, str | bytes] | None = None,
) -> bytes:
    """The `agi_*` block as Asterisk writes it, up to and with the empty line. An override that
    Asterisk would not send is added at the end."""
    unique = f"1760000000.{next(_counter)}"
    values: dict[str, str | bytes] = {
        "agi_network": "yes",
        "agi_network_script": script,
        "agi_request": f"agi://127.0.0.1/{script}",
        "agi_channel": f"PJSIP/trunk-{next(_counter):08x}",
        "agi_language": "en",
        "agi_type": "PJSIP",
        "agi_uniqueid": unique,
        "agi_version": "22.10.1",
        "agi_callerid": number,
        "agi_calleridname": name,
        "agi_callingpres": "0",
        "agi_callingani2": "0",
        "agi_callington": "0",
        "agi_callingtns": "0",
        "agi_dnid": dialled,
        "agi_rdnis": "unknown",
        "agi_context": "switchboard-in",
        "agi_extension": dialled,
        "agi_priority": "4",
        "agi_enhanced": "0.0",
        "agi_accountcode": "",
        "agi_threadid": "139876543210",
        "agi_arg_1": linkedid or unique,
    }
    values.update(overrides or {})
    lines = (
        key.encode() + b": " + (value.encode() if isinstance(value, str) else value)
        for key, value in values.items()
    )
    return b"\n".join(lines) + b"\n\n"


def words(command: str) -> list[str]:
    """A command line taken apart as res_agi.c `parse_args` does."""
    return [
        re.sub(r"\\(.)", r"\1", quoted) if bare == "" else bare
        for quoted, bare in _WORD.findall(command)
    ]


@dataclass(slots=True)
class FakeLine:
    """One channel inside `AGI()`; what the server did to it is kept here."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    commands: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    played: list[str] = field(default_factory=list)
    #: Files of RECORD FILE, without ending.
    recorded: list[str] = field(default_factory=list)
    answered: bool = False
    hung_up: bool = False

    @property
    def route(self) -> str:
        """Where the dialplan goes after AGI(): queue, hangup or fallback."""
        if self.variables.get("SWB_DONE") == "1":
            return self.variables.get("SWB_ROUTE", "fallback")
        return "fallback"

    async def command(self) -> str | None:
        """The server's next command line, None once it closed the connection."""
        try:
            line = await self.reader.readline()
        except ConnectionError:
            return None
        if not line.endswith(b"\n"):
            return None
        self.commands.append(line[:-1].decode())
        return self.commands[-1]

    async def reply(self, *lines: str) -> None:
        await self.send("".join(f"{line}\n" for line in lines).encode())

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        try:
            await self.writer.drain()
        except ConnectionError:
            return

    async def hang_up(self) -> None:
        self.hung_up = True
        await self.reply("HANGUP")

    async def vanish(self) -> None:
        """No FIN in order, a reset: Asterisk was killed."""
        peer = self.writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        await asyncio.sleep(0)

    async def close(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return

    async def until_closed(self) -> None:
        """Returns when the server has closed; commands it still sends are kept unanswered."""
        while await self.command() is not None:
            pass
        await self.close()


#: Given the words of a command, a reply of one's own, or None for the usual one.
Script = Callable[[Sequence[str]], str | None]


@dataclass(frozen=True, slots=True)
class FakeAsterisk:
    host: str
    port: int

    async def dial(self, block: bytes | None = None, **caller: object) -> FakeLine:
        """Connects and sends the header (of `header(**caller)`); the rest is up to you."""
        reader, writer = await asyncio.open_connection(self.host, self.port)
        line = FakeLine(reader, writer)
        await line.send(header(**caller) if block is None else block)  # type: ignore[arg-type]
        return line

    async def call(
        self,
        *,
        keys: Sequence[str | None] = (),
        keys_during: Mapping[str, str] | None = None,
        keys_waiting: Sequence[str | None] = (),
        hang_up_after: int | None = None,
        script: Script | None = None,
        deadline_s: float = 20.0,
        **caller: object,
    ) -> FakeLine:
        """A whole call until the server closes.

        keys           what is pressed at each GET DATA in turn; None or nothing left: no key
        keys_during    sound -> the key pressed while STREAM FILE plays it (once)
        keys_waiting   what is pressed at each WAIT FOR DIGIT in turn; None: no key in its time
        hang_up_after  that many commands are answered; then, in the middle of the next one, the
                       caller leaves. 0: before any
        caller         number, name, dialled, linkedid, overrides: see `header`
        """
        line = await self.dial(**caller)
        state = _Answers(line, list(keys), dict(keys_during or {}), script, list(keys_waiting))
        async with asyncio.timeout(deadline_s):
            while (command := await line.command()) is not None:
                if hang_up_after is not None and len(line.commands) > hang_up_after:
                    await line.reply("200 result=-1 endpos=0")
                    await line.hang_up()
                    break
                await line.reply(state.answer(words(command)))
            await line.until_closed()
        return line


@dataclass(slots=True)
class _Answers:
    line: FakeLine
    keys: list[str | None]
    keys_during: dict[str, str]
    script: Script | None
    waiting: list[str | None]

    def answer(self, command: Sequence[str]) -> str:
        own = self.script(command) if self.script else None
        if own is not None:
            return own
        match command:
            case ["ANSWER"]:
                self.line.answered = True
                return "200 result=0"
            case ["SET", "VARIABLE", name, value]:
                self.line.variables[name] = value
                return "200 result=1"
            case ["STREAM", "FILE", sound, escape, offset]:
                return self._stream(sound, escape, int(offset))
            case ["GET", "DATA", sound, _timeout, most]:
                return self._get_data(sound, int(most))
            case ["WAIT", "FOR", "DIGIT", _timeout]:
                key = self.waiting.pop(0) if self.waiting else None
                return f"200 result={ord(key) if key else 0}"
            case ["RECORD", "FILE", file, _format, "#", _most, "BEEP", _silence]:
                self.line.recorded.append(file)
                return "200 result=35 (dtmf) endpos=20000"
            case ["CHANNEL", "STATUS"]:
                return "200 result=6"
        return "510 Invalid or unknown command"

    def _stream(self, sound: str, escape: str, offset: int) -> str:
        if offset == 0:
            self.line.played.append(sound)
        key = self.keys_during.pop(sound, None)
        if key is None or key not in escape:
            return f"200 result=0 endpos={offset + 8000}"
        return f"200 result={ord(key)} endpos={offset + 4000}"

    def _get_data(self, sound: str, most: int) -> str:
        if "&" in sound:  # a list is one file that does not exist (app.c `ast_app_getdata_full`)
            return "200 result=-1"
        if sound:
            self.line.played.append(sound)
        pressed = (self.keys.pop(0) if self.keys else None) or ""
        digits, ended, _ = pressed.partition("#")
        if len(digits) >= most:
            return f"200 result={digits[:most]}"
        return f"200 result={digits}" if ended else f"200 result={digits} (timeout)"
