"""Which releases of Asterisk are told to be old: by the table, and nothing that is none."""

from __future__ import annotations

import pytest

from ami_bridge.asterisk_releases import PATCHED, doubt_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("version", "take"),
    [
        ("22.10.0", "take 22.10.1 or later"),
        ("22.9.12", "take 22.10.1 or later"),
        ("22.8.2", "take 22.10.1 or later"),
        ("22.10", "take 22.10.1 or later"),
        ("20.9.2~dfsg+~cs6.14", "take 20.20.1 or later"),
        ("21.4.2", "take 21.12.3 or later"),
        ("23.4.0", "take 23.4.1 or later"),
        ("18.26.4", "gets no security fixes any more"),
        ("16.28.0~dfsg-0+deb11u4", "gets no security fixes any more"),
        ("certified-20.7-cert10", "take 20.7-cert11 or later"),
        ("22.8-cert2", "take 22.8-cert3 or later"),
        ("18.9-cert18", "gets no security fixes any more"),
        ("certified/20.7-cert8", "take 20.7-cert11 or later"),
    ],
)
def test_an_old_one_is_told_what_to_take(version: str, take: str) -> None:
    assert take in doubt_of(version)


@pytest.mark.parametrize(
    "version",
    [
        *(f"{major}.{minor}.{patch}" for major, (minor, patch) in PATCHED.items()),
        "22.10.1~dfsg+~cs6.15.60671435",
        "22.11.0",
        "24.0.0",
        "certified-20.7-cert11",
        "20.7-cert12",
        "certified-22.8-cert3",
        "GIT-master-1a2b3c4d",
        "SVN-branch-1.8-r383122M",
        "",
        "x" * 1000,
        "9" * 50,
        "٢٢.1.1",
    ],
)
def test_others_are_not(version: str) -> None:
    assert doubt_of(version) == ""
