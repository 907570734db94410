"""Answers that are packed, say so wrongly, or are bombs."""

from __future__ import annotations

import gzip

import pytest

from crm_adapter.http.packing import NotUnpackable, unpacked

pytestmark = pytest.mark.unit

PLAIN = b'{"id": 0, "result": []}'


@pytest.mark.parametrize("encoding", ["", "identity", "IDENTITY"])
def test_what_is_not_packed_stays_as_it_is(encoding: str) -> None:
    assert unpacked(PLAIN, encoding, most_bytes=100) == PLAIN


def test_gzip_is_unpacked() -> None:
    assert unpacked(gzip.compress(PLAIN), "GZip", most_bytes=100) == PLAIN


def test_what_only_says_gzip_is_taken_as_it_is() -> None:
    assert unpacked(PLAIN, "gzip", most_bytes=100) == PLAIN


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"0" * 1_000_000, mtime=0), "gzip"),
        (gzip.compress(PLAIN, mtime=0)[:-4], "gzip"),
        (gzip.compress(PLAIN, mtime=0)[:12] + b"\0\xff" * 20, "gzip"),
        (PLAIN, "br"),
        (PLAIN, "gzip, gzip"),
    ],
)
def test_bombs_and_what_is_broken_are_refused(body: bytes, encoding: str) -> None:
    with pytest.raises(NotUnpackable):
        unpacked(body, encoding, most_bytes=1_000)
