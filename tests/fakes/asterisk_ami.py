"""A fake Asterisk that speaks AMI over a real socket, as main/manager.c of 22.10.1 does.

It answers the actions Switchboard uses out of `channels`, `waiting`, `members` and `astdb`, keeps
every action it was sent, and can be told to misbehave.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class FakeChannel:
    uniqueid: str
    linkedid: str
    name: str
    application: str = ""
    data: str = ""
    bridge: str = ""
    context: str = ""


@dataclass(slots=True, eq=False)
class _Session:
    writer: asyncio.StreamWriter
    logged_in: bool = False
    user: str = ""


@dataclass(slots=True)
class FakeAmi:
    """`async with FakeAmi() as fake:` listens on `fake.port`; the port survives stop and start."""

    secret: str = "s3cret"
    port: int = 0
    channels: dict[str, FakeChannel] = field(default_factory=dict)
    #: (unique id, queue, seconds waited) of callers in queues.
    waiting: list[tuple[str, str, int]] = field(default_factory=list)
    #: (queue, interface, state interface)
    members: list[tuple[str, str, str]] = field(default_factory=list)
    #: Those of them that actions added.
    dynamic: set[tuple[str, str]] = field(default_factory=set)
    #: Values by `family/key`.
    astdb: dict[str, str] = field(default_factory=dict)
    #: What Getvar tells, by channel and variable.
    variables: dict[tuple[str, str], str] = field(default_factory=dict)
    #: Actions answered with "Permission denied".
    denied: set[str] = field(default_factory=set)
    #: Actions whose module is not loaded.
    unloaded: set[str] = field(default_factory=set)
    #: Every action is refused, as Asterisk does while it ends.
    ends: bool = False
    #: Actions never answered.
    mute: set[str] = field(default_factory=set)
    #: Nothing is sent at all and the socket stays open: what a half-open connection looks like.
    silent: bool = False
    #: Every byte is sent in a segment of its own.
    slice_bytes: bool = False
    boots: bool = True
    #: What CoreSettings says.
    release: str = "22.10.1~dfsg+~cs6.15.60671435"
    #: What ListCommands says, besides what everybody may do.
    commands: Headers = field(default_factory=list)
    greeting: bytes = b"Asterisk Call Manager/11.0.0\r\n"
    refusal_delay_s: float = 0.0
    #: Said to every log-in, whatever the secret.
    refusal: str = ""
    #: Called before an action is answered.
    before: Callable[[str], None] = lambda _: None
    #: Every action received, in order, as (header, value) pairs.
    actions: list[dict[str, str]] = field(default_factory=list)
    #: Who sent each of them, by the name of the log-in.
    senders: list[str] = field(default_factory=list)
    #: When each connection came, on the loop's clock.
    connections: list[float] = field(default_factory=list)
    _sessions: list[_Session] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuses connections from now on, and closes those there are."""
        if self._server is not None:
            self._server.close()
        self.cut()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None
        while self._sessions:
            await self._wait_change()

    def cut(self) -> None:
        """RST or FIN: the client notices at once."""
        for session in self._sessions:
            session.writer.transport.abort()

    # What the test says happens in Asterisk

    def event(self, name: str, headers: Headers | None = None, **more: str) -> None:
        """An event of a channel names it, as all of Asterisk's do, also where the test does not."""
        told = [*(headers or []), *more.items()]
        uniqueid = dict(told).get("Uniqueid")
        if uniqueid is not None and "Channel" not in dict(told):
            known = self.channels.get(uniqueid)
            told.insert(0, ("Channel", known.name if known else f"Fake/{uniqueid}"))
        self.raw(_message([("Event", name), ("Privilege", "call,all"), *told]))

    def raw(self, data: bytes) -> None:
        for session in self._sessions:
            if session.logged_in:
                self._send(session, data)

    def new_channel(self, uniqueid: str, linkedid: str, name: str) -> None:
        self.channels[uniqueid] = FakeChannel(uniqueid, linkedid, name)
        self.event("Newchannel", Channel=name, Uniqueid=uniqueid, Linkedid=linkedid)

    def hang_up(self, uniqueid: str) -> None:
        channel = self.channels.pop(uniqueid)
        self.waiting = [row for row in self.waiting if row[0] != uniqueid]
        self.event(
            "Hangup", Channel=channel.name, Uniqueid=uniqueid, Linkedid=channel.linkedid, Cause="16"
        )

    # What the test waits for

    async def wait_for(self, condition: Callable[[], object], within_s: float = 30.0) -> None:
        """Until `condition()` holds, looked at whenever an action or a connection comes."""
        async with asyncio.timeout(within_s):
            while not condition():
                await self._wait_change()

    def sent(self, action: str) -> list[dict[str, str]]:
        return [headers for headers in self.actions if headers.get("Action") == action]

    # Inside

    async def _wait_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = _Session(writer)
        self._sessions.append(session)
        self.connections.append(asyncio.get_running_loop().time())
        self._changed.set()
        self._send(session, self.greeting)
        try:
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                await self._act(session, block)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._sessions.remove(session)
            writer.close()
            self._changed.set()

    def _send(self, session: _Session, data: bytes) -> None:
        if self.silent or session.writer.is_closing():
            return
        if self.slice_bytes:
            for at in range(len(data)):
                session.writer.write(data[at : at + 1])
        else:
            session.writer.write(data)

    async def _act(self, session: _Session, block: bytes) -> None:
        action: dict[str, str] = {}
        for line in block.decode().split("\r\n"):
            key, colon, value = line.partition(": ")
            if colon:
                action.setdefault(key, value)
        session.user = action.get("Username", session.user)
        self.actions.append(action)
        self.senders.append(session.user)
        name = action.get("Action", "")
        self.before(name)
        if name not in self.mute:
            await self._answer(session, name, action)
        self._changed.set()

    async def _answer(self, session: _Session, name: str, action: dict[str, str]) -> None:
        if name == "Login":
            await self._login(session, action)
        elif self.ends:
            self._respond(session, action, "Error", "Asterisk is shutting down")
        elif not session.logged_in or name in self.denied:
            self._respond(session, action, "Error", "Permission denied")
        elif name in self.unloaded:
            said = f"Invalid/unknown command: {name}. Use Action: ListCommands to show available"
            self._respond(session, action, "Error", f"{said} commands.")
        elif name in ("CoreShowChannels", "QueueStatus", "DBGetTree"):
            self._list(session, action, _LISTS[name](self, action))
        elif name == "CoreSettings":
            told = ("AsteriskVersion", self.release)
            self._respond(session, action, "Success", None, told)
        elif name == "ListCommands":
            free = ("Ping", "Keepalive command.  (Priv: <none>)")
            self._respond(session, action, "Success", None, free, *self.commands)
        elif name == "Ping":
            self._respond(session, action, "Success", None, ("Ping", "Pong"))
        elif name in ("QueueAdd", "QueueRemove"):
            refused = _MEMBERSHIP[name](self, action)
            self._respond(session, action, "Error" if refused else "Success", refused or "Done")
        elif name == "Getvar":
            variable = action.get("Variable", "")
            value = self.variables.get((action.get("Channel", ""), variable), "")
            self._respond(
                session, action, "Success", None, ("Variable", variable), ("Value", value)
            )
        elif name == "Setvar":
            variable = action.get("Variable", "")
            if variable.startswith("DB_DELETE("):
                self.astdb.pop(variable[10:-1], None)
            self._respond(session, action, "Success", "Variable Set")
        else:
            self._respond(session, action, "Success", "Done")

    def _queue_add(self, action: dict[str, str]) -> str:
        """Why not, as apps/app_queue.c puts it; else an empty text. Every queue has a member."""
        queue, interface = action["Queue"], action["Interface"]
        if queue not in {member[0] for member in self.members}:
            return "Unable to add interface to queue: No such queue"
        if any(member[:2] == (queue, interface) for member in self.members):
            return "Unable to add interface: Already there"
        self.members.append((queue, interface, action.get("StateInterface", interface)))
        self.dynamic.add((queue, interface))
        return ""

    def _queue_remove(self, action: dict[str, str]) -> str:
        queue, interface = action["Queue"], action["Interface"]
        if queue not in {member[0] for member in self.members}:
            return "Unable to remove interface from queue: No such queue"
        if not any(member[:2] == (queue, interface) for member in self.members):
            return "Unable to remove interface: Not there"
        if (queue, interface) not in self.dynamic:
            return "Member not dynamic"
        self.members = [m for m in self.members if m[:2] != (queue, interface)]
        self.dynamic.discard((queue, interface))
        return ""

    async def _login(self, session: _Session, action: dict[str, str]) -> None:
        if self.refusal or action.get("Secret") != self.secret:
            await asyncio.sleep(self.refusal_delay_s)
            self._respond(session, action, "Error", self.refusal or "Authentication failed")
            await session.writer.drain()
            session.writer.close()
            return
        session.logged_in = True
        self._respond(session, action, "Success", "Authentication accepted")
        if self.boots:
            self._send(session, _message(_BOOTED))

    def _respond(
        self,
        session: _Session,
        action: dict[str, str],
        response: str,
        message: str | None,
        *more: tuple[str, str],
    ) -> None:
        lines = [("Response", response), ("ActionID", action.get("ActionID", "")), *more]
        if message is not None:
            lines.append(("Message", message))
        self._send(session, _message(lines))

    def _list(self, session: _Session, action: dict[str, str], rows: list[Headers]) -> None:
        action_id = ("ActionID", action.get("ActionID", ""))
        self._respond(session, action, "Success", "Result will follow", ("EventList", "start"))
        for row in rows:
            self._send(session, _message([row[0], action_id, *row[1:]]))
        done = [("Event", f"{action['Action']}Complete"), action_id, ("EventList", "Complete")]
        self._send(session, _message([*done, ("ListItems", str(len(rows)))]))

    def _show_channels(self, _: dict[str, str]) -> list[Headers]:
        return [
            [
                ("Event", "CoreShowChannel"),
                ("Channel", channel.name),
                ("Uniqueid", channel.uniqueid),
                ("Linkedid", channel.linkedid),
                ("Context", channel.context),
                ("Application", channel.application),
                ("ApplicationData", channel.data),
                ("BridgeId", channel.bridge),
            ]
            for channel in self.channels.values()
        ]

    def _queue_status(self, _: dict[str, str]) -> list[Headers]:
        members: list[Headers] = [
            [
                ("Event", "QueueMember"),
                ("Queue", queue),
                ("Location", interface),
                ("StateInterface", state),
            ]
            for queue, interface, state in self.members
        ]
        return members + [
            [
                ("Event", "QueueEntry"),
                ("Queue", queue),
                ("Channel", self.channels[uniqueid].name),
                ("Uniqueid", uniqueid),
                ("CallerIDNum", "+12025550150"),
                ("CallerIDName", "unknown"),
                ("Wait", str(waited_s)),
            ]
            for uniqueid, queue, waited_s in self.waiting
        ]

    def _db_tree(self, action: dict[str, str]) -> list[Headers]:
        family = action.get("Family", "")
        return [
            [("Event", "DBGetTreeResponse"), ("Key", f"/{key}"), ("Val", value)]
            for key, value in self.astdb.items()
            if key.startswith(f"{family}/")
        ]


_MEMBERSHIP: dict[str, Callable[[FakeAmi, dict[str, str]], str]] = {
    "QueueAdd": FakeAmi._queue_add,
    "QueueRemove": FakeAmi._queue_remove,
}
_LISTS: dict[str, Callable[[FakeAmi, dict[str, str]], list[Headers]]] = {
    "CoreShowChannels": FakeAmi._show_channels,
    "QueueStatus": FakeAmi._queue_status,
    "DBGetTree": FakeAmi._db_tree,
}


_BOOTED = [("Event", "FullyBooted"), ("Privilege", "system,all"), ("Status", "Fully Booted")]


def _message(lines: Headers) -> bytes:
    return ("".join(f"{key}: {value}\r\n" for key, value in lines) + "\r\n").encode()
