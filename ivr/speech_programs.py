"""Runs a speech program once for one text.

The text reaches it in a file, never on a command line; a program that hangs is killed with
everything it started, and what it may write has a limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from calls.errors import DeadlineExceeded
from ivr import speech
from ivr.speech import SpeechFailed

#: The largest file a program may make, besides which it is killed: espeak-ng's PulseAudio client
#: maps one of 64 MiB.
FILE_LIMIT = 70_000_000


async def run_program(
    program: str, arguments: Sequence[str], text: str, *, package: str, deadline_s: float
) -> bytes:
    """The WAV that `program` wrote as `speech.wav` from the file `text` in its working folder.
    `package` is what to install where it is missing."""
    async with working_folder() as folder:
        await asyncio.to_thread((folder / "text").write_text, text + "\n", encoding="utf-8")
        process = await start(program, arguments, folder, package=package)
        await _wait(process, program, deadline_s)
        return await asyncio.to_thread(read_sound, folder / "speech.wav", program)


@contextlib.asynccontextmanager
async def working_folder() -> AsyncIterator[Path]:
    """A new folder, gone afterwards with what is in it: also where this is cancelled while it is
    made or removed."""
    made = asyncio.ensure_future(
        asyncio.to_thread(lambda: Path(tempfile.mkdtemp(prefix="switchboard-speech-")))
    )
    try:
        yield await asyncio.shield(made)
    finally:
        await asyncio.shield(_remove(made))


async def _remove(made: asyncio.Future[Path]) -> None:
    await asyncio.to_thread(shutil.rmtree, await made, ignore_errors=True)


async def start(
    program: str, arguments: Sequence[str], folder: Path, *, package: str, talks: bool = False
) -> asyncio.subprocess.Process:
    """In a session of its own. `talks`: with pipes from and to us, else without. Raises
    SpeechFailed."""
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            program,
            *arguments,
            cwd=folder,
            stdin=pipe if talks else nothing,
            stdout=pipe if talks else nothing,
            stderr=asyncio.subprocess.STDOUT if talks else nothing,
            start_new_session=True,
            env=_without_secrets(os.environ),
        )
    )
    try:
        process = await asyncio.shield(starting)
    except asyncio.CancelledError:
        # Cancelled itself, it would leave behind what the program has started already.
        await asyncio.shield(_end_started(starting))
        raise
    except OSError as error:
        raise SpeechFailed(
            f"cannot run the speech program {program!r} ({error.strerror}); "
            f"install it ({package}) or name another under `speech:`"
        ) from error
    with contextlib.suppress(ProcessLookupError, AttributeError):  # there is none but on Linux
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (FILE_LIMIT, FILE_LIMIT))
    return process


def _without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Our settings may hold passwords, and a speech program needs none of them."""
    return {name: value for name, value in environ.items() if not name.startswith("SWITCHBOARD_")}


async def end(process: asyncio.subprocess.Process) -> None:
    """Kills it with its children, if it still runs, and waits for its end."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(_reaped(process))


async def _end_started(starting: asyncio.Future[asyncio.subprocess.Process]) -> None:
    with contextlib.suppress(OSError):
        await end(await starting)


async def _reaped(process: asyncio.subprocess.Process) -> None:
    # A full pipe that nobody reads keeps asyncio (3.11) from noticing the end.
    if process.stdout is not None:
        while await process.stdout.read(64 * 1024):
            pass
    await process.wait()


async def _wait(process: asyncio.subprocess.Process, program: str, deadline_s: float) -> None:
    try:
        async with asyncio.timeout(deadline_s):
            code = await process.wait()
    except TimeoutError as error:
        raise DeadlineExceeded(f"{program} did not finish in {deadline_s:g} s") from error
    finally:
        await end(process)
    if code == -signal.SIGXFSZ:
        raise SpeechFailed(f"{program} wrote more than {speech.WAV_LIMIT} bytes")
    if code:
        raise SpeechFailed(f"{program} ended with status {code}; is the voice installed?")


def read_sound(path: Path, program: str) -> bytes:
    """Raises SpeechFailed where there is none, or too much. Blocks."""
    try:
        if path.stat().st_size > speech.WAV_LIMIT:
            raise SpeechFailed(f"{program} wrote more than {speech.WAV_LIMIT} bytes")
        return path.read_bytes()
    except OSError as error:
        raise SpeechFailed(f"{program} wrote no sound ({error.strerror})") from error
