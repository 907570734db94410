"""Keeps speech programs running, so that a sentence does not pay for their start.

What is kept takes a line on its standard input for each text, writes a WAV into the folder it was
started for, and tells its path on a line: Piper's `--output-dir` does that, and our own
`ivr.speech_child` does it for the libraries of flite and espeak-ng. It is another process: what
kills it, hangs it or fills it with nonsense costs one sentence, and the next has a new one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from calls.errors import DeadlineExceeded
from ivr.speech import SpeechFailed
from ivr.speech_programs import end, read_sound, start, working_folder

log = logging.getLogger(__name__)

#: A program is replaced after that many sentences, whatever it has hoarded by then.
SENTENCES = 5000
#: Programs of one kind at once: as many as `ivr.prompt_store` makes sounds at the same time.
POOL = 2
#: After a failure no program of the kind is started for so long; twice as long after each further.
REST_S, LONGEST_REST_S = 1.0, 60.0
LINE_LIMIT = 64 * 1024

#: The arguments of a program that is to write into this folder.
Arguments = Callable[[Path], Sequence[str]]


class WarmProgram:
    """One running program; one text at a time."""

    def __init__(self, *, program: str, arguments: Arguments, package: str) -> None:
        self._program = program
        self._arguments = arguments
        self._package = package
        self._folder: Path | None = None
        self._folders = AsyncExitStack()
        self._process: asyncio.subprocess.Process | None = None
        self._spoken = 0

    async def wav(self, line: str) -> bytes:
        """What it wrote for one line. Raises SpeechFailed; then, and where this is cancelled, the
        program has to be closed."""
        if self._process is None or self._spoken >= SENTENCES:
            await self.close()
            await self._start()
        self._spoken += 1
        return await self._ask(line)

    def kill(self) -> None:
        """Whoever waits for a sentence sees the end."""
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Not while somebody waits for a sentence. The folder is gone also where this is
        cancelled."""
        process, self._process = self._process, None
        self._folder = None
        try:
            if process is not None:
                await end(process)
        finally:
            if process is not None and process.stdin is not None:
                process.stdin.close()
            await self._folders.aclose()

    async def _start(self) -> None:
        self._spoken = 0
        folder = self._folder = await self._folders.enter_async_context(working_folder())
        self._process = await start(
            self._program, self._arguments(folder), folder, package=self._package, talks=True
        )

    async def _ask(self, line: str) -> bytes:
        assert self._process is not None
        assert self._folder is not None
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(line.encode() + b"\n")
        try:
            await stdin.drain()
            path = await self._path_told(stdout, self._folder)
        except (ConnectionError, ValueError) as error:
            raise SpeechFailed(f"{self._program} stopped listening or said too much") from error
        return await asyncio.to_thread(_taken, path, self._program)

    async def _path_told(self, stdout: asyncio.StreamReader, folder: Path) -> Path:
        """Other lines are its log. Only a file right in its folder is believed."""
        said = 0
        while answer := await stdout.readline():
            said += len(answer)
            words = answer.decode("utf-8", "replace").split()
            if words[:1] == ["failed:"]:
                raise SpeechFailed(f"{self._program} could not speak ({words[-1]})")
            path = Path(words[-1]) if words else folder
            if path.parent == folder and path.suffix == ".wav":
                return path
            if said > LINE_LIMIT:
                raise ValueError("a program talks without end")
        raise SpeechFailed(f"{self._program} ended instead of speaking; is the voice installed?")


class WarmPool:
    """A few programs of one kind, each started when the ones before are busy."""

    def __init__(self, *, program: str, arguments: Arguments, package: str) -> None:
        self._idle = [
            WarmProgram(program=program, arguments=arguments, package=package) for _ in range(POOL)
        ]
        self._programs = tuple(self._idle)
        self._free = asyncio.Semaphore(POOL)
        self._closed = False
        self._rest_s = 0.0
        self._rests_until = 0.0

    @property
    def rests(self) -> bool:
        """It failed a moment ago: make the sound in another way."""
        return asyncio.get_running_loop().time() < self._rests_until

    async def wav(self, line: str, *, deadline_s: float) -> bytes:
        """Raises SpeechFailed, or DeadlineExceeded."""
        async with self._free:
            if self._closed:
                raise SpeechFailed("speech is being shut down")
            program = self._idle.pop()
            whole = False
            try:
                async with asyncio.timeout(deadline_s):
                    sound = await program.wav(line)
                whole, self._rest_s = True, 0.0
            except TimeoutError as error:
                raise DeadlineExceeded(f"speech was not ready in {deadline_s:g} s") from error
            finally:
                if not whole:
                    self._rest()
                    await program.close()
                self._idle.append(program)
        return sound

    async def close(self) -> None:
        self._closed = True
        for program in self._programs:
            program.kill()
        for _ in self._programs:
            await self._free.acquire()
        for _ in self._programs:
            self._free.release()
        await asyncio.gather(*(program.close() for program in self._programs))

    def _rest(self) -> None:
        self._rest_s = min(LONGEST_REST_S, max(REST_S, 2 * self._rest_s))
        self._rests_until = asyncio.get_running_loop().time() + self._rest_s


def _taken(path: Path, program: str) -> bytes:
    sound = read_sound(path, program)
    path.unlink()
    return sound
