"""What is loaded is not looked through for garbage, then and later."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from switchboard.loading import nothing_collected

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_it_is_looked_for_again_afterwards() -> None:
    before = gc.get_freeze_count()
    with nothing_collected():
        assert not gc.isenabled()
        loaded = [[number] for number in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() >= before + len(loaded)


def test_also_where_it_cannot_be_loaded() -> None:
    with pytest.raises(ImportError), nothing_collected():
        raise ImportError
    assert gc.isenabled()


def test_within_another_the_outer_one_says_when() -> None:
    with nothing_collected():
        with nothing_collected():
            pass
        assert not gc.isenabled()
