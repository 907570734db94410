"""All broken rulebooks together: how many they are, and that none takes the place of a good one."""

from __future__ import annotations

import time
from pathlib import Path
from types import ModuleType

import pytest

from config.publishing import Rulebooks
from config.settings import RulebookSettings
from tests.fakes.rulebook_folder import AROUND, write_rulebook
from tests.unit.config import (
    test_broken_actions,
    test_broken_conditions,
    test_broken_hours,
    test_broken_rulebooks,
    test_broken_rules,
    test_slips_of_the_pen,
)

pytestmark = pytest.mark.unit

#: Cases in each file, and those of them with an error; the others pass with a warning. More are
#: welcome: write the new number here.
CORPUS: dict[ModuleType, tuple[int, int]] = {
    test_broken_actions: (43, 34),
    test_broken_conditions: (11, 8),
    test_broken_hours: (54, 53),
    test_broken_rulebooks: (60, 57),
    test_broken_rules: (61, 49),
    test_slips_of_the_pen: (19, 19),
}


def with_errors(module: ModuleType) -> dict[str, dict[str, str | bytes]]:
    """By name, the files of the cases that must not be published."""
    return {
        name: files
        for name, (files, sentences) in module.BROKEN.items()
        if not all("warning: " in sentence for sentence in sentences)
    }


def test_the_corpus_is_whole() -> None:
    counted = {module: (len(module.BROKEN), len(with_errors(module))) for module in CORPUS}
    assert counted == CORPUS
    assert sum(cases for cases, _ in CORPUS.values()) == 248
    assert sum(broken for _, broken in CORPUS.values()) == 220


@pytest.mark.parametrize("module", CORPUS, ids=lambda module: module.__name__.split(".")[-1])
async def test_none_ever_replaces_the_good_version(module: ModuleType, tmp_path: Path) -> None:
    folder = write_rulebook(tmp_path / "rulebook")
    settings = RulebookSettings(
        path=folder,
        state_dir=tmp_path / "state",
        watch=False,
        default_queue=AROUND.default_queue,
        transfer_targets=tuple(AROUND.transfer_targets),
        webhook_hosts=tuple(AROUND.webhook_hosts),
    )
    async with Rulebooks(settings=settings) as rulebooks:
        good = rulebooks.current
        for name, files in with_errors(module).items():
            for old in folder.iterdir():
                old.unlink()
            write_rulebook(folder, **files)
            started = time.process_time()
            assert await rulebooks.reload() is False, name
            assert time.process_time() - started < 10, name
            assert rulebooks.current is good, name
            assert not rulebooks.is_folder_good, name
            assert "a fault of its own" not in str(rulebooks.problems), name
        assert [one.version for one in rulebooks.versions.history()] == [good.version]
    # Nor does a start with the last of them.
    async with Rulebooks(settings=settings) as again:
        assert again.current.version == good.version
