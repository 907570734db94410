"""Broken files on the real thing: said by file and line, and never a reason to serve nobody."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from config.rulebook_loader import SHIPPED
from switchboard.demo import cast
from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_callers import ScriptedCall
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.ledger import Entry, Ledger
from tests.acceptance.load import assert_all_served, numbers
from tests.acceptance.waiting import until

pytestmark = pytest.mark.acceptance

CALLER = CallerShape(presses=(Press(3000, "0"), Press(4000, "0")), hang_up_after_ms=2000)
#: root reads what nobody may; without these rights it reads no more than a file's mode allows.
LIKE_ANYBODY = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
    if os.getuid() == 0
    else ()
)
#: Reads by the same way as `run`, and each is a process of its own.
CHECK = pytest.param("check", marks=pytest.mark.long)
GOOD_RULEBOOK = {path.name: path.read_bytes() for path in SHIPPED.glob("*.yaml")}


def switchboard(
    *words: str, folder: Path, prefix: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*prefix, sys.executable, "-m", "switchboard", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_said(done: subprocess.CompletedProcess[str], place: str) -> None:
    """`place` is FILE:LINE, or FILE alone where the file as a whole is wrong."""
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    assert re.search(rf"(?m)^(error\s+)?\S*{re.escape(place)}: \S+ ", said), said


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"agi:\n  port: many\n", "switchboard.yaml:2"),
        (b"agi:\n  prot: 4573\n", "switchboard.yaml:2"),
        (b"agi: [\n", "switchboard.yaml:2"),
        (b"web:\n  host: \xff\xfe\n", "switchboard.yaml:2"),
        (b"\x00\x01", "switchboard.yaml:1"),
        (None, "switchboard.yaml"),
    ],
)
@pytest.mark.parametrize("command", ["run", CHECK])
def test_broken_settings(tmp_path: Path, command: str, text: bytes | None, place: str) -> None:
    file = tmp_path / "switchboard.yaml"
    if text is None:
        file.mkdir()
    else:
        file.write_bytes(text)
    done = switchboard(command, "--config", str(file), folder=tmp_path)
    assert_said(done, place)


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("menus.yaml", b"menus:\n  main: [\n", "menus.yaml:3"),
        ("menus.yaml", b"menus:\n  main:\n    greting: Hello\n", "menus.yaml:3"),
        ("numbers.yaml", b'numbers:\n  default: {menu: "no such"}\n', "numbers.yaml:2"),
        ("texts.yaml", b"texts:\n  one: caf\xe9\n", "texts.yaml:2"),
        ("rules.yaml", None, "rules.yaml"),
    ],
)
@pytest.mark.parametrize("command", ["run", CHECK])
def test_a_broken_rulebook(
    tmp_path: Path, command: str, name: str, text: bytes | None, place: str
) -> None:
    rulebook = tmp_path / "rulebook"
    shutil.copytree(SHIPPED, rulebook)
    (rulebook / name).unlink()
    if text is None:
        (rulebook / name).mkdir()
    else:
        (rulebook / name).write_bytes(text)
    config = tmp_path / "switchboard.yaml"
    config.write_text(
        f"rulebook: {{path: {rulebook}, state_dir: {tmp_path}/state}}\n"
        f"storage: {{url: 'sqlite:///{tmp_path}/switchboard.db'}}\n"
        f"speech: {{cache_dir: {tmp_path}/prompts}}\n"
        "agi: {port: 0}\nweb: {port: 0}\n"
    )
    done = switchboard(command, "--config", str(config), folder=tmp_path)
    assert_said(done, place)


@pytest.mark.parametrize("name", ["switchboard.yaml", "rulebook/menus.yaml", "rulebook"])
@pytest.mark.parametrize("command", ["run", CHECK])
def test_what_may_not_be_read(tmp_path: Path, command: str, name: str) -> None:
    shutil.copytree(SHIPPED, tmp_path / "rulebook")
    config = tmp_path / "switchboard.yaml"
    config.write_text(
        f"rulebook: {{path: {tmp_path}/rulebook, state_dir: {tmp_path}/state}}\n"
        f"storage: {{url: 'sqlite:///{tmp_path}/switchboard.db'}}\n"
        f"speech: {{cache_dir: {tmp_path}/prompts}}\n"
        "agi: {port: 0}\nweb: {port: 0}\n"
    )
    (tmp_path / name).chmod(0o000)
    may_read = [*LIKE_ANYBODY, "test", "-r", str(tmp_path / name)]
    assert subprocess.run(may_read, check=False).returncode == 1
    words = (command, "--config", str(config))
    done = switchboard(*words, folder=tmp_path, prefix=LIKE_ANYBODY)
    (tmp_path / name).chmod(0o700)
    assert_said(done, name)
    assert "Permission denied" in done.stdout + done.stderr


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[DemoCentre]:
    rulebook = tmp_path / "rulebook"
    shutil.copytree(SHIPPED, rulebook)
    async with DemoCentre(
        folder=tmp_path,
        agents=1,
        phone=PhoneShape(ring_ms=None),
        desktops=False,
        overrides={"rulebook": {"path": str(rulebook), "watch_every_s": 0.2}},
    ) as centre:
        yield centre


async def test_a_rulebook_that_breaks_under_a_running_server(centre: DemoCentre) -> None:
    async def rulebook() -> str:
        state = (await centre.server.readyz())["parts"]["rulebook"]
        return str(state["detail"]) if state["ok"] else ""

    async def broken() -> bool:
        return "broken" in await rulebook()

    async def mended() -> bool:
        return not await broken()

    file = centre.folder / "rulebook" / "menus.yaml"
    good = await rulebook()
    first = await served(centre, 0)
    file.write_bytes(b"menus:\n  main: [\n")
    await until(broken, "the server says that the rulebook is broken")
    assert (await rulebook()).startswith(good)
    assert "menus.yaml:3: " in await rulebook()
    second = await served(centre, 1)

    assert await centre.server.stop() == 0
    await centre.server.start()
    assert await broken()
    third = await served(centre, 2)
    versions = {entry.call.rulebook_version for entry in (first, second, third)}
    assert versions == {good.removeprefix("version ")}

    file.write_bytes(GOOD_RULEBOOK["menus.yaml"] + b"# mended\n")
    await until(mended, "the mended rulebook is current")
    assert await rulebook() != good
    assert (await served(centre, 3)).call.rulebook_version not in versions


async def served(centre: DemoCentre, n: int) -> Entry:
    """One more call, through the menu into the queue it asks for."""
    number = numbers(n + 1)[n]
    calls = [ScriptedCall(number, cast.SHOP, shape=CALLER)]
    assert_all_served(await centre.callers.run(calls), 1)
    async with Ledger(centre.storage_url) as ledger:
        entries = await ledger.balanced(numbers(n + 1), deadline_s=60)
    entry = entries[number]
    assert entry.call.queue in ("support", "key_accounts")
    assert not entry.call.fallback
    return entry
