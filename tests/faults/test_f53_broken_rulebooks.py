"""F53: a rulebook is invalid, half written, huge or a bomb.

It is never taken: the version in use stays, also across a restart, `/readyz` says what is wrong by
file and line, and calls are served as if nothing were.

Also shown by `tests/unit/config/test_broken_corpus.py::test_none_ever_replaces_the_good_version`,
`tests/acceptance/test_broken_files.py::test_a_rulebook_that_breaks_under_a_running_server`,
`tests/acceptance/test_reload_storm.py::test_every_call_has_one_version_from_start_to_end`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from switchboard.demo.centre import DemoCentre
from switchboard.demo.sip_scenarios import CallerShape, PhoneShape, Press
from tests.acceptance.ledger import Ledger
from tests.acceptance.load import assert_all_served, numbers, strangers
from tests.acceptance.waiting import until
from tests.fakes.rulebook_folder import GOOD, option, write_rulebook
from tests.unit.config.test_broken_rulebooks import BROKEN

pytestmark = [pytest.mark.acceptance, pytest.mark.smoke]

CALLS, RATE_PER_S = 60, 10.0
#: Takes the menu's one option, two seconds after the call began.
CALLER = CallerShape(presses=(Press(2000, "1"),), hang_up_after_ms=3000, audio=False)
#: Two menus that lead to each other, and never to a person.
CYCLE = (
    "menus:\n"
    "  main: {options: [{intent: on, say: On, do: {menu: second}}], failure: {menu: second}}\n"
    "  second: {options: [{intent: back, say: Back, do: {menu: main}}], failure: {menu: main}}\n"
)


def corpus() -> dict[str, Callable[[Path], object]]:
    """What is done to a good folder. Of cases that are told in the same words one is enough."""
    found: dict[str, Callable[[Path], object]] = {}
    told: set[str] = set()
    for name, (files, sentences) in BROKEN.items():
        errors = [sentence for sentence in sentences if "warning: " not in sentence]
        if errors and errors[0] not in told:
            told.add(errors[0])
            found[name] = functools.partial(rewrite, files)
    return found | {
        "half written": lambda folder: half(folder / "menus.yaml"),
        "100 MB": lambda folder: os.truncate(write(folder / "texts.yaml", "texts:\n"), 100_000_000),
        "cycle": lambda folder: write(folder / "menus.yaml", CYCLE),
        "a field no CRM has": lambda folder: write(
            folder / "menus.yaml", option(say='"Hello {{ caller.shoe_size }}"')
        ),
        "a sound that is none": lambda folder: write(
            folder / "sounds" / "en" / "main-greeting.wav", "RIFF, and nothing more"
        ),
        "a pipe": lambda folder: os.mkfifo(folder / "more.yaml"),
    }


def rewrite(files: dict[str, str | bytes], folder: Path) -> None:
    write_rulebook(folder, **files)


def write(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def half(file: Path) -> None:
    whole = GOOD["menus.yaml"]
    file.write_text(whole[: whole.index("say")], encoding="utf-8")


class Published:
    """The folder that the server watches; another takes its place in one step."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.link = folder / "rulebook"
        self._count = 0

    def place(self, harm: Callable[[Path], object] | None = None) -> None:
        self._count += 1
        target = write_rulebook(self._folder / f"rulebook-{self._count}")
        if harm is not None:
            harm(target)
        beside = self._folder / "next"
        beside.symlink_to(target)
        beside.replace(self.link)


@pytest.fixture
def published(tmp_path: Path) -> Published:
    published = Published(tmp_path)
    published.place()
    return published


@pytest.fixture
async def centre(published: Published, tmp_path: Path) -> AsyncIterator[DemoCentre]:
    async with DemoCentre(
        folder=tmp_path,
        agents=1,
        phone=PhoneShape(ring_ms=None, audio=False),
        desktops=False,
        overrides={"rulebook": {"path": str(published.link), "watch_every_s": 0.03}},
    ) as centre:
        yield centre


async def rulebook(centre: DemoCentre) -> tuple[str, str]:
    """What `/readyz` says of it, and the version in use."""
    body = await centre.server.readyz()
    return str(body["parts"]["rulebook"]["detail"]), str(body["figures"]["rulebook_version"])


async def test_none_of_sixty_is_taken_while_calls_are_served(
    centre: DemoCentre, published: Published
) -> None:
    broken = corpus()
    assert len(broken) >= 60
    before, good = await rulebook(centre)
    at_work = centre.callers.start(strangers(CALLER, CALLS), rate_per_s=RATE_PER_S)
    for name, harm in broken.items():
        published.place(harm)
        before = await until(functools.partial(told, centre, good, before), f"{name} is told")
    assert_all_served(await at_work.wait(), CALLS)
    async with Ledger(centre.storage_url) as ledger:
        entries = await ledger.balanced(numbers(CALLS), deadline_s=60)
    assert {(e.call.rulebook_version, e.call.queue) for e in entries.values()} == {(good, "sales")}
    assert not any(entry.call.fallback for entry in entries.values())


async def told(centre: DemoCentre, good: str, before: str) -> str:
    """The next word of a broken folder; the version in use is still `good`."""
    detail, version = await rulebook(centre)
    assert version == good, detail
    return detail if detail != before else ""
