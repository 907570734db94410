"""An HTTP proxy in front of a real server, which fails as servers and networks do."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from typing import Self

#: Seconds; longer than anybody waits.
LATENCY_S = 60.0
RETRY_AFTER_S = 7
_HUGE = 10 * 1024 * 1024


class Fault(enum.Enum):
    """Those `after commit` let the server carry the request out and lose its answer, as do latency,
    a truncated and a 10 MB body."""

    LATENCY = "latency"
    SILENCE = "silence"
    REFUSED = "refused"
    RESET_AFTER_SENT = "reset after the request was sent"
    RESET_AFTER_COMMIT = "reset after commit"
    TOO_MANY = "429 with Retry-After"
    ERROR = "500"
    ERROR_AFTER_COMMIT = "500 after commit"
    HTML = "HTML instead of JSON"
    HTML_AFTER_COMMIT = "HTML after commit"
    TRUNCATED = "truncated body"
    HUGE = "10 MB body"
    EXPIRED = "401"


class HttpFaultProxy:
    """`async with HttpFaultProxy("http://127.0.0.1:PORT") as proxy`; give `proxy.url` to whoever
    is to suffer."""

    def __init__(self, server: str) -> None:
        host, _, port = server.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self._listening: asyncio.Server | None = None
        self._port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._fault: Fault | None = None
        self._turn: int | None = None
        self._holding = b""
        #: Requests that came, and that met the fault, since the last `fail` or `heal`.
        self.requests = 0
        self.failed = 0
        #: An answer is kept back by latency or silence; the server has done what it will do.
        self.kept_back = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def fail(self, fault: Fault, *, only: int | None = None, holding: bytes = b"") -> None:
        """From now on every request in which that is found, or only that one, counted from 1."""
        await self.heal()
        self._fault, self._turn, self._holding = fault, only, holding
        if fault is Fault.REFUSED:
            await self._stop_listening()

    async def heal(self) -> None:
        self._fault = None
        self.requests = self.failed = 0
        await self._end_tasks()
        self.kept_back.clear()
        await self._listen()

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stop_listening()
        await self._end_tasks()

    async def _listen(self) -> None:
        if self._listening is None:
            self._listening = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
            self._port = int(self._listening.sockets[0].getsockname()[1])

    async def _stop_listening(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.close()
        await self._end_tasks()

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer), name="http fault proxy")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request; then the connection ends."""
        try:
            request = await _request(reader)
            self.requests += 1
            fault = self._fault
            spared = self._turn not in (None, self.requests) or self._holding not in request
            if fault is None or spared:
                writer.write(await self._forwarded(request))
                await writer.drain()
                writer.close()
                return
            self.failed += 1
            await self._suffer(fault, request, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            if not writer.is_closing():
                writer.transport.abort()

    async def _suffer(self, fault: Fault, request: bytes, writer: asyncio.StreamWriter) -> None:
        if fault is Fault.SILENCE:
            self.kept_back.set()
            await asyncio.Event().wait()
        answer = _ANSWERS.get(fault, b"")
        if fault in _CARRIED_OUT:
            carried_out = await self._forwarded(request)
            if fault is Fault.LATENCY:
                self.kept_back.set()
                await asyncio.sleep(LATENCY_S)
                answer = carried_out
            elif fault is Fault.TRUNCATED:
                answer = _truncated(carried_out)
        if answer:
            writer.write(answer)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            writer.close()

    async def _forwarded(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self._target)
        try:
            writer.write(request)
            await writer.drain()
            return await reader.read()
        finally:
            writer.transport.abort()


async def _request(reader: asyncio.StreamReader) -> bytes:
    """As it came, except that the connection is to end after it."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head[:-4].split(b"\r\n")
    length = 0
    kept = []
    for line in lines:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        if name.lower() != b"connection":
            kept.append(line)
    body = await reader.readexactly(length)
    return b"\r\n".join([*kept, b"Connection: close", b"", body])


def _answer(status: str, body: bytes, *headers: str, kind: str = "application/json") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}",
             "Connection: close", *headers, "", ""]  # fmt: skip
    return "\r\n".join(lines).encode() + body


def _truncated(answer: bytes) -> bytes:
    """Without its last bytes; whatever tells its length still tells the whole."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"content-length" not in head.lower() and b"chunked" not in head.lower():
        head += b"\r\nContent-Length: " + str(len(body)).encode()
    return head + b"\r\n\r\n" + body[: max(0, len(body) - 8)]


_PAGE = b"<html><body><h1>Please log in</h1></body></html>"
_HTML = _answer("200 OK", _PAGE, kind="text/html")
_ERROR = _answer("500 Internal Server Error", b'{"message": "boom"}')
_ANSWERS = {
    Fault.TOO_MANY: _answer("429 Too Many Requests", b"{}", f"Retry-After: {RETRY_AFTER_S}"),
    Fault.ERROR: _ERROR,
    Fault.ERROR_AFTER_COMMIT: _ERROR,
    Fault.HTML: _HTML,
    Fault.HTML_AFTER_COMMIT: _HTML,
    Fault.HUGE: _answer("200 OK", b"[" + b" " * _HUGE + b"]"),
    Fault.EXPIRED: _answer("401 Unauthorized", b"{}"),
}
_CARRIED_OUT = {
    Fault.LATENCY,
    Fault.RESET_AFTER_COMMIT,
    Fault.ERROR_AFTER_COMMIT,
    Fault.HTML_AFTER_COMMIT,
    Fault.TRUNCATED,
    Fault.HUGE,
}
