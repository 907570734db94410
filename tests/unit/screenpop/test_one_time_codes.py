"""Codes of an app: which are good when. Times are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from screenpop.agents.one_time_codes import (
    MARK,
    address_of,
    as_typed,
    is_recovery_code,
    new_recovery_codes,
    step_of,
)

pytestmark = pytest.mark.unit

#: RFC 6238, appendix B, SHA-1; its codes have eight digits, ours the last six.
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(
    ("at", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_the_codes_of_the_rfc(at: int, code: str) -> None:
    assert step_of(SECRET, code, datetime.fromtimestamp(at, UTC), after=0) == at // 30


def test_a_clock_may_be_one_step_off_and_no_more() -> None:
    shown = datetime(2026, 3, 2, 10, 0, 15, tzinfo=UTC)
    code, step = pyotp.TOTP(SECRET).at(shown), int(shown.timestamp()) // 30
    for late in (-30, 0, 30):
        assert step_of(SECRET, code, shown + timedelta(seconds=late), after=0) == step
    for late in (-60, 60):
        assert step_of(SECRET, code, shown + timedelta(seconds=late), after=0) is None


def test_a_code_and_those_before_it_are_good_no_more() -> None:
    now = datetime(2026, 3, 2, 10, 0, 15, tzinfo=UTC)
    here = int(now.timestamp()) // 30
    codes = {step: pyotp.TOTP(SECRET).at(step * 30) for step in (here - 1, here, here + 1)}
    good = [step for step, code in codes.items() if step_of(SECRET, code, now, after=here)]
    assert good == [here + 1]


@pytest.mark.parametrize("code", ["", "12345", "1234567", "１２３４５６", "28708a", "287082\n"])
def test_what_is_no_code(code: str) -> None:
    assert step_of(SECRET, code, datetime.fromtimestamp(59, UTC), after=0) is None


def test_recovery_codes_are_as_people_type_them() -> None:
    codes = new_recovery_codes()
    assert len({code[:MARK] for code in codes}) == len(codes) == 10
    for code in codes:
        assert is_recovery_code(as_typed(code))
        assert as_typed(f" {code.upper().replace('-', ' ')} ") == as_typed(code)
    assert not is_recovery_code("287082")


def test_the_app_shows_whose_house_it_is() -> None:
    assert address_of(SECRET, "anna", None) == (
        f"otpauth://totp/Switchboard:anna?secret={SECRET}&issuer=Switchboard"
    )
    named = pyotp.parse_uri(address_of(SECRET, "anna", "https://pbx.example.com:8443/"))
    assert (named.issuer, named.name) == ("Switchboard pbx.example.com", "anna")
