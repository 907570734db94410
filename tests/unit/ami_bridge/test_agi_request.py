"""The hostile header of a FastAGI request."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.agi_request import (
    MAX_HEADER_BYTES,
    MAX_HEADER_LINES,
    AgiRequest,
    MalformedRequest,
)
from calls.call import Call, CallId
from tests.fakes.asterisk_agi import header

pytestmark = pytest.mark.unit

ARRIVED = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)


def request(**caller: object) -> AgiRequest:
    return AgiRequest.parse(header(**caller).removesuffix(b"\n\n"))  # type: ignore[arg-type]


def arrive(**caller: object) -> Call:
    return request(**caller).as_call(system="pbx", arrived_at=ARRIVED)


def test_an_ordinary_call() -> None:
    call = arrive(number="+12025550101", name="Maria Garcia", linkedid="1760000001.7")
    assert call.id == CallId("pbx", "1760000001.7")
    assert call.from_raw == "+12025550101"
    assert call.from_name == "Maria Garcia"
    assert call.dialled == "+18005550100"
    assert call.language == "en"
    assert call.arrived_at == ARRIVED
    assert call.channel.startswith("PJSIP/trunk-")
    assert not call.withheld


@pytest.mark.parametrize(
    ("number", "presentation"),
    [
        ("anonymous", "0"),
        ("Anonymous", "0"),
        ("anonymous@anonymous.invalid", "0"),
        ("unknown", "67"),
        ("restricted", "0"),
        ("private", "0"),
        ("unavailable", "0"),
        ("", "0"),
        (" ", "0"),
        ("+12025550101", "32"),
        ("+12025550101", "35"),
        ("+12025550101", "67"),
    ],
)
def test_withheld(number: str, presentation: str) -> None:
    assert arrive(number=number, overrides={"agi_callingpres": presentation}).withheld


@pytest.mark.parametrize("presentation", ["0", "1", "3", "", "allowed", "-1"])
def test_not_withheld(presentation: str) -> None:
    overrides = {"agi_callingpres": presentation}
    assert not arrive(number="+12025550101", overrides=overrides).withheld


def test_no_name_is_no_name() -> None:
    assert arrive(name="unknown").from_name == ""


def test_a_caller_named_hangup_is_only_a_name() -> None:
    call = arrive(name="HANGUP", number="HANGUP")
    assert (call.from_name, call.from_raw) == ("HANGUP", "HANGUP")


def test_control_characters_and_text_direction_are_stripped_and_length_cut() -> None:
    call = arrive(name="\x1b[2J<img src=x onerror=y>\x01\u202eevil\u2028" + "Z" * 300)
    assert call.from_name.startswith("[2J<img src=x onerror=y>evilZZ")
    assert len(call.from_name) == 80


def test_invalid_utf8_is_replaced() -> None:
    assert arrive(overrides={"agi_calleridname": b"Jos\xe9"}).from_name == "Jos\ufffd"


def test_a_hostile_number_stays_text() -> None:
    assert arrive(number="100&PJSIP/evil").from_raw == "100&PJSIP/evil"


@pytest.mark.parametrize("argument", ["", "a b", "x" * 65, "../etc;", "王"])
def test_an_argument_that_is_no_linkedid_gives_way_to_the_uniqueid(argument: str) -> None:
    overrides = {"agi_arg_1": argument, "agi_uniqueid": "1760000002.9"}
    assert arrive(overrides=overrides).id.linkedid == "1760000002.9"


@pytest.mark.parametrize(
    ("agi", "iso"), [("en_US", "en"), ("ZH-cn", "zh"), ("", "en"), ("../x", "en"), ("王明", "en")]
)
def test_language(agi: str, iso: str) -> None:
    assert arrive(overrides={"agi_language": agi}).language == iso


def test_what_was_dialled_where_the_extension_is_s() -> None:
    overrides = {"agi_extension": "s", "agi_dnid": "+18005550188"}
    assert arrive(overrides=overrides).dialled == "+18005550188"
    assert arrive(overrides={"agi_extension": "s", "agi_dnid": "unknown"}).dialled == "s"


def test_script_and_query() -> None:
    parsed = request(script="inbound?tenant=a%20b&x=")
    assert parsed.script == "inbound"
    assert parsed.query == {"tenant": "a b"}


def test_arguments_in_order() -> None:
    overrides = {"agi_arg_2": "two", "agi_arg_4": "never"}
    assert request(linkedid="1.1", overrides=overrides).arguments == ("1.1", "two")


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"agi_network: yes",
        b"agi_uniqueid: \x01",
        b"agi_uniqueid: 1.1\nGET / HTTP/1.1",
        b"agi_uniqueid: 1.1\nHANGUP",
        b"agi_uniqueid: 1.1\nagi_callerid: 1\nagi_callerid: 2",
        b"agi_uniqueid: 1.1\n" + b"\n".join(b"agi_arg_%d: x" % n for n in range(MAX_HEADER_LINES)),
        b"agi_uniqueid: 1.1\nagi_x: " + b"x" * MAX_HEADER_BYTES,
        b"agi_uniqueid: 1.1\nagi_network_script: a?" + b"&".join([b"q=1"] * 50),
    ],
)
def test_malformed(block: bytes) -> None:
    with pytest.raises(MalformedRequest):
        AgiRequest.parse(block)


@given(st.binary(max_size=400))
def test_no_bytes_do_worse_than_malformed(block: bytes) -> None:
    try:
        AgiRequest.parse(block)
    except MalformedRequest:
        return


@given(st.binary(max_size=120).filter(lambda b: b"\n" not in b))
def test_whatever_stands_in_a_value_comes_out_clean(value: bytes) -> None:
    keys = ["agi_callerid", "agi_calleridname", "agi_extension", "agi_channel", "agi_language"]
    keys += ["agi_callingpres", "agi_arg_1", "agi_dnid"]
    call = arrive(overrides=dict.fromkeys(keys, value))
    for text in (call.from_raw, call.from_name, call.dialled, call.channel, call.language):
        assert text.isprintable()
        assert len(text) <= 256


@pytest.mark.parametrize(
    ("told", "attestation"),
    [("A", "A"), ("B", "B"), ("C", "C"), ("", None), ("failed", "failed"), ("a${X}", "failed")],
)
def test_what_the_dialplan_says_of_the_number(told: str, attestation: str | None) -> None:
    told_before = {"agi_arg_1": "1.1", "agi_arg_2": "/m", "agi_arg_3": "+18005550100"}
    call = arrive(overrides={**told_before, "agi_arg_4": told})
    assert call.attestation == attestation
