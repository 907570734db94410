"""No page shows a picture that the tests do not make, nor one that is not there."""

from __future__ import annotations

import pytest

from tests.pictures import MOST_BYTES, PICTURES, maker_of, named

pytestmark = pytest.mark.unit


def test_every_picture_of_a_page_is_made_by_a_test_and_is_there() -> None:
    for name, page in named().items():
        assert maker_of(name), f"{page}: no acceptance test makes {name}.png (Desktop.picture)"
        assert (PICTURES / f"{name}.png").is_file(), f"{page}: {name}.png: run `make pictures`"


def test_no_picture_lies_there_unused_and_none_is_big() -> None:
    for picture in PICTURES.glob("*.png"):
        assert picture.stem in named(), f"no page shows {picture.name}: remove it"
        assert picture.stat().st_size <= MOST_BYTES, f"{picture.name} is too big: crop it"
