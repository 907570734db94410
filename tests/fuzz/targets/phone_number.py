"""A caller's number: of one kind, and E.164 that stays itself wherever it is read again."""

from __future__ import annotations

import re

from crm_adapter.phone_numbers import (
    NumberKind,
    as_shown,
    looks_like_a_number,
    read_number,
    region_of,
    same_number,
    to_e164,
)
from tests.fuzz.targets import Target

_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_REGIONS = ("US", "GB", "CN", "IT", "AR", "MX", "BR", "ZZ")
_OWN = ("+18005550100",)


def check(data: bytes) -> None:
    region = _REGIONS[data[0] % len(_REGIONS)] if data else "US"
    raw = data[1:].decode("utf-8", "replace")
    found = read_number(raw, region=region, own_numbers=_OWN)
    with_number = found.kind in (NumberKind.E164, NumberKind.OWN)
    assert with_number == (found.e164 is not None)
    if found.kind is not NumberKind.UNREADABLE:
        assert looks_like_a_number(raw)
    assert read_number(raw, region=region, withheld=True).kind is NumberKind.WITHHELD
    region_of(raw, "US")
    if found.e164 is None:
        return
    assert _E164.fullmatch(found.e164)
    assert (found.kind is NumberKind.OWN) == (found.e164 in _OWN)
    for elsewhere in (region, "US", "CN"):
        assert to_e164(found.e164, elsewhere) == found.e164
    assert same_number(found.e164, found.e164, region)
    shown = as_shown(found.e164)
    assert re.sub(r"[^0-9]", "", shown) == found.e164[1:]


TARGET = Target(
    check,
    tuple(
        bytes([region]) + text.encode()
        for region, text in enumerate(
            ("+1 202 555 0101", "020 7946 0018", "010-8888-6666", "06 698 85526",
             "011 15-2345-6789", "044 55 1234 5678", "(11) 96123-4567", "+44 20 7946 0018",
             "anonymous", "00442079460018", "100", "18005550100", "8613912345678",
             "+39 02 1234567", "0049 30 901820")
        )
    ),
    (b"+", b"00", b"(", b")", b"-", b"/", b".", b" ", b"1", b"9", b"54", b"52", b"39", b";ext=3"),
)  # fmt: skip
