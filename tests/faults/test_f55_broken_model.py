"""F55: a model is missing, corrupt, slow, too large, or another's.

It is tried in a process of its own before it is used, by its card's SHA-256 and columns; one that
does not pass is refused once, the one before stays, and without any the counts of past choices
answer. Calls are decided all the while, also where a model answers no number or fails.

Also shown by `tests/unit/scoring/registry/test_checked_loading.py::
test_a_file_with_one_byte_changed_is_refused_500_times`,
`tests/unit/scoring/registry/test_checked_loading.py::
test_100_times_one_byte_changed_under_a_hash_that_fits_hurts_nobody`,
`tests/unit/scoring/registry/test_checked_loading.py::
test_a_model_made_to_hurt_is_refused_in_the_child`,
`tests/unit/scoring/registry/test_checked_loading.py::
test_a_model_that_would_be_late_for_a_caller_is_refused`,
`tests/unit/scoring/serving/test_model_scorer.py::
test_an_answer_that_is_none_leaves_what_counting_said`,
`tests/unit/scoring/serving/test_model_scorer.py::test_who_is_late_again_and_again_sits_out`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from calls.events import DecisionMade
from config.rulebook_loader import load_rulebook
from scoring.registry.card import ModelKind
from scoring.registry.checked_loading import CARD, MAX_MODEL_BYTES, MODEL
from scoring.registry.registry import ModelRegistry, Move, Pointer
from tests.fakes.call_channel import FakeChannel
from tests.fakes.contact_directory import MARIA
from tests.fakes.dialog_house import House, dialog_house
from tests.fakes.rulebook_folder import write_rulebook
from tests.unit.scoring.registry.test_checked_loading import changed_tree, rewritten
from tests.unit.scoring.serving import test_model_scorer as models
from tests.unit.scoring.serving.random_models import TRAINED_AT, booster_of, card_of, names_of

pytestmark = [pytest.mark.integration, pytest.mark.long]

FLIPS = 40
Harm = Callable[[Path], object]


def flip(seed: int, folder: Path) -> None:
    """One byte of the model or of its card."""
    chance = random.Random(seed)
    path = folder / chance.choice((MODEL, CARD))
    whole = bytearray(path.read_bytes())
    place = chance.randrange(len(whole))
    whole[place] ^= chance.randrange(1, 256)
    path.write_bytes(whole)


def grow(folder: Path) -> None:
    with (folder / MODEL).open("r+b") as file:
        file.truncate(MAX_MODEL_BYTES + 1)


def harms() -> Iterator[tuple[str, Harm]]:
    yield "no model", lambda folder: (folder / MODEL).unlink()
    yield "no card", lambda folder: (folder / CARD).unlink()
    yield "too large", grow
    yield "nothing in it", lambda folder: rewritten(folder, b"")
    yield "kills who loads it", lambda folder: rewritten(folder, changed_tree(left_children=0))
    yield (
        "of other columns",
        lambda folder: rewritten(
            folder, (folder / MODEL).read_bytes(), columns=[*names_of(5), "other"]
        ),
    )
    yield (
        "of other rows",
        lambda folder: rewritten(
            folder, (folder / MODEL).read_bytes(), contact_schema="contact-1-aaaaaaaaaaaa"
        ),
    )
    yield (
        "late for every caller",
        lambda folder: rewritten(folder, bytes(booster_of(1, trees=151).save_raw())),
    )
    for seed in range(FLIPS):
        yield f"byte {seed}", lambda folder, seed=seed: flip(seed, folder)  # type: ignore[misc]  # mypy cannot infer a default's type in a lambda


def point(registry: ModelRegistry, version: str) -> None:
    """As one that was harmed after it was promoted: that would have tried and refused it."""
    move = Move(at=TRAINED_AT, version=version, action="promote")
    registry._move(ModelKind.CHURN, Pointer(current=version), move)


async def served(calls: House) -> None:
    """To the queue that they chose, by a decision."""
    before = len(calls.seen(DecisionMade))
    channel = await calls.serve(FakeChannel(["1"]))
    assert channel.queued is not None
    assert channel.queued.queue == "sales"
    assert len(calls.seen(DecisionMade)) > before


async def test_calls_are_decided_whatever_model_there_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = models.House(tmp_path / "models")
    registry, in_use = site.registry, site.models
    rulebook = load_rulebook(write_rulebook(tmp_path / "rulebook")).or_raise()
    caplog.set_level(logging.ERROR)
    async with dialog_house(rulebook, site.scorer) as calls:
        calls.directory.caller = MARIA
        assert MARIA.contact is not None
        calls.memories.known[MARIA.contact.ref] = models.KNOWN
        await in_use.refresh()
        await served(calls)

        good = registry.add(card_of(), booster_of(1))
        registry.promote(ModelKind.CHURN, good)
        await in_use.refresh()
        assert in_use.versions() == {"churn": good}
        refused = 0
        for day, (name, harm) in enumerate(harms(), 1):
            card = card_of(trained_at=TRAINED_AT + timedelta(days=day))
            version = registry.add(card, booster_of(2, trees=3))
            point(registry, version)
            harm(registry.folder_of(ModelKind.CHURN, version))
            trying = asyncio.create_task(in_use.refresh())
            await served(calls)
            await trying
            await served(calls)
            used = in_use.versions()["churn"]
            assert used == good or name.startswith("byte"), name
            refused += used != version
            good = used
        # What is left of a card whose byte says nothing that counts is a whole model.
        assert refused > 0.8 * day
    assert not caplog.records
    assert site.counted(ModelKind.CHURN, "used") > 0
    assert site.counted(ModelKind.CHURN, "failed") == 0
