"""Whose address an X-Forwarded-For tells, and from whom it is believed."""

from __future__ import annotations

import pytest

from switchboard.proxies import client_of

pytestmark = pytest.mark.unit

OURS = ("10.0.0.0/24", "fd00::/8", "127.0.0.1")


@pytest.mark.parametrize(
    ("remote", "headers", "client"),
    [
        ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        # Whoever asks may write what they like before what our proxy adds.
        ("10.0.0.1", ["198.51.100.9, 203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.9", "203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["127.0.0.1, 203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("fd00::1", ["2001:db8::5"], "2001:db8::5"),
        ("::ffff:10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("127.0.0.1", ["[2001:db8::5]:4711"], "2001:db8::5"),
        ("127.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7, unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.7," * 5_000 + "198.51.100.9"], "198.51.100.9"),
        # No proxy of ours says it.
        ("203.0.113.7", ["198.51.100.9"], "203.0.113.7"),
        (None, ["198.51.100.9"], None),
    ],
)
def test_the_last_address_that_is_no_proxy_of_ours(
    remote: str | None, headers: list[str], client: str | None
) -> None:
    assert client_of(OURS)(remote, headers) == client


def test_nobody_is_believed_unless_named() -> None:
    assert client_of(())("127.0.0.1", ["203.0.113.7"]) == "127.0.0.1"
