"""What an agent's own phone has Asterisk dial: read as Asterisk reads it, counted until over."""

from __future__ import annotations

import pytest

from config.dialling_settings import DiallingSettings
from screenpop.counters import DeskCounters
from screenpop.dialling.guard import DiallingGuard, NotDialled
from screenpop.phone.placed_calls import PlacedCalls, refusal
from screenpop.phone.sip_frames import NotSip, OwnFrames, SipRequest

pytestmark = pytest.mark.unit

OUTSIDE = "12025550123"


def request(
    method: str = "INVITE",
    uri: str = f"sip:{OUTSIDE}@switchboard.invalid",
    *,
    call_id: str = "Call-ID: c1\r\n",
    to: str = "<sip:x@y>",
    number: int = 7,
    more: str = "",
) -> SipRequest:
    told = OwnFrames("anna").check(
        f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/WS b.invalid;branch=z9hG4bK1\r\n"
        f"v: SIP/2.0/WS c.invalid\r\nFrom: <sip:anna@x>;tag=1\r\nTo: {to}\r\n"
        f"{call_id}CSeq: {number} {method}\r\n{more}Content-Length: 0\r\n\r\n"
    )
    assert told is not None
    return told


def answer(
    start: str, sequence: str = "7 INVITE", call_id: str = "Call-ID: c1", *, tag: str = "a9"
) -> str:
    """Asterisk's; `tag` is its own."""
    own, asterisks = "<sip:anna@x>;tag=1", f"<sip:x@y>;tag={tag}"
    if start.startswith("SIP"):
        sides = f"From: {own}\r\nt: {asterisks}"
    else:
        sides = f"f: {asterisks}\r\nTo: {own}"
    return (
        f"{start}\r\nVia: x\r\n{sides}\r\n{call_id}\r\nCSeq: {sequence}\r\n"
        "Content-Length: 0\r\n\r\nc: d"
    )


class Phone:
    def __init__(self, login: str = "anna", **settings: int) -> None:
        self.counters = DeskCounters()
        self.seconds = 0.0
        self.guard = DiallingGuard(
            settings=DiallingSettings.model_validate(settings),
            region="US",
            counters=self.counters,
            monotonic=lambda: self.seconds,
        )
        self.placed = PlacedCalls(login, self.guard)

    async def dial(self, told: SipRequest) -> str:
        try:
            await self.placed.ask(told)
        except NotDialled as why:
            return why.code
        return ""

    def refused(self, code: str) -> float | None:
        name = "switchboard_dials_refused_total"
        return self.counters.registry.get_sample_value(name, {"why": code})

    async def other(self) -> str:
        """Whether a second call may be begun now."""
        return await self.dial(request(call_id="Call-ID: other\r\n"))


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("sip:100@switchboard.invalid", ""),
        ("sip:anna@switchboard.invalid;transport=ws", ""),
        (f"sips:+{OUTSIDE}@x;user=phone", ""),
        ("sip:19005550100@x", "dial_costly"),
        ("sip:+19005550100@x;user=phone", "dial_costly"),
        ("sip:1%3900%35550100@x", "dial_shape"),
        ("sip:100&PJSIP/x@y", "dial_shape"),
        ("sip:100;phone-context=+1900@x", "dial_shape"),
        ("sip:19005550100", "dial_shape"),
        ("sip:100:secret@x", "dial_shape"),
        ("sip:100@19005550100@x", "dial_shape"),
        ("sip:@x", "dial_shape"),
    ],
)
async def test_whom_an_invite_calls(uri: str, code: str) -> None:
    assert await Phone().dial(request(uri=uri)) == code


@pytest.mark.parametrize(
    ("refer_to", "code"),
    [
        ("Refer-To: <sip:8500@x>\r\n", ""),
        ("Refer-To: <sip:reception@x>\r\n", ""),
        (f"Refer-To: <sip:{OUTSIDE}@x?Replaces=a%40b%3Bto-tag%3D1>\r\n", ""),
        ("Refer-To: <sip:19005550100@x>\r\n", "dial_costly"),
        ("r: <sip:19005550100@x?Replaces=a>\r\n", "dial_costly"),
        ("Refer-To: sip:100@x\r\n", "dial_shape"),
        ("Refer-To: <tel:100>\r\n", "dial_shape"),
        ("Refer-To: <sip:100@x>\r\nr: <sip:19005550100@x>\r\n", "dial_shape"),
        ("", "dial_shape"),
    ],
)
async def test_whom_a_refer_calls(refer_to: str, code: str) -> None:
    for to in ("<sip:q@x>", "<sip:q@x>;tag=2"):
        told = request("REFER", "sip:asterisk@x", to=to, more=refer_to)
        assert await Phone().dial(told) == code


async def test_a_change_of_a_call_is_no_new_one() -> None:
    phone = Phone(agent_an_hour=0)
    assert await phone.dial(request(to="<sip:x@y>;tag=8")) == ""
    phone.placed.hear(answer("SIP/2.0 200 OK"))
    assert await phone.dial(request("BYE", to="<sip:x@y>;tag=8")) == ""
    assert await phone.dial(request()) == "dial_agent_limit"


async def test_it_goes_on_until_asterisk_says_that_it_is_over() -> None:
    phone = Phone()
    assert await phone.dial(request()) == ""
    for frame in (
        answer("SIP/2.0 100 Trying"),
        answer("SIP/2.0 183 Progress"),
        answer("SIP/2.0 200 OK"),
        # A change that came to nothing, and a goodbye that was none to Asterisk.
        answer("SIP/2.0 488 Not Acceptable", "8 INVITE"),
        answer("SIP/2.0 401 Unauthorized", "9 INVITE"),
        answer("SIP/2.0 481 Call Does Not Exist", "10 BYE"),
        answer("SIP/2.0 100 Trying", "10 BYE"),
        # Another call's with the same Call-ID, perhaps of another page.
        answer("SIP/2.0 200 OK", "10 BYE", tag="b9"),
        answer("BYE sip:x SIP/2.0", "10 BYE", tag="b9"),
        answer("SIP/2.0 200 OK", "10 BYE", "Call-ID: c2"),
        answer("BYE sip:x SIP/2.0", "10 BYE", "Call-ID: c2"),
        "",
        b"\xff",
    ):
        phone.placed.hear(frame)
        assert await phone.other() == "dial_at_once", frame
    phone.placed.hear(answer("SIP/2.0 200 OK", "11 BYE", "i: c1").encode())
    assert await phone.other() == ""


@pytest.mark.parametrize(
    "frames",
    [
        (answer("SIP/2.0 200 OK"), answer("BYE sip:x SIP/2.0", "1 BYE")),
        (answer("SIP/2.0 486 Busy Here"),),
        (answer("SIP/2.0 487 Request Terminated"),),
    ],
)
async def test_how_it_ends(frames: tuple[str, ...]) -> None:
    phone = Phone()
    assert await phone.dial(request()) == ""
    for frame in frames:
        assert await phone.other() == "dial_at_once"
        phone.placed.hear(frame)
    assert await phone.other() == ""


HOUSE = "sip:100@switchboard.invalid"
CHALLENGE = "SIP/2.0 401 Unauthorized"


@pytest.mark.parametrize("is_answered", [False, True])
async def test_a_call_within_the_house_of_the_same_name_frees_none(is_answered: bool) -> None:
    phone = Phone(agent_an_hour=1)
    assert await phone.dial(request()) == ""
    if is_answered:
        phone.placed.hear(answer("SIP/2.0 200 OK"))
    assert await phone.dial(request(uri=HOUSE, number=8)) == "dial_at_once"
    phone.placed.hear(answer(CHALLENGE, "8 INVITE"))
    assert await phone.other() == "dial_at_once"
    assert phone.refused("dial_at_once") == 2


async def test_nor_does_one_of_another_page() -> None:
    phone = Phone(agent_an_hour=1)
    assert await phone.dial(request()) == ""
    page = PlacedCalls("anna", phone.guard)
    await page.ask(request(uri=HOUSE))
    page.hear(answer(CHALLENGE))
    assert await phone.other() == "dial_at_once"
    await page.ask(request(uri=HOUSE))
    page.close()
    phone.seconds += 61
    assert await phone.other() == "dial_at_once"


@pytest.mark.parametrize("number", [7, 8])
async def test_a_change_of_a_call_that_is_none_frees_none(number: int) -> None:
    phone = Phone(agent_an_hour=1)
    assert await phone.dial(request()) == ""
    forged = request(to="<sip:x@y>;tag=f0", number=number)
    assert await phone.dial(forged) == "dial_at_once"
    # Sent before the call instead: its answer would come while that rings.
    phone = Phone(agent_an_hour=1)
    assert await phone.dial(forged) == ""
    assert await phone.dial(request()) == "dial_at_once"
    phone.placed.hear(answer("SIP/2.0 481 Does Not Exist", f"{number} INVITE", tag="f0"))
    assert await phone.dial(request()) == ""
    # Late, or of no request.
    phone.placed.hear(answer("SIP/2.0 481 Does Not Exist", "6 INVITE", tag="f0"))
    assert await phone.other() == "dial_at_once"


async def test_a_referral_asked_again_with_a_proof_is_one_and_no_other_frees_it() -> None:
    phone = Phone(agent_an_hour=1)
    outside = f"Refer-To: <sip:{OUTSIDE}@x>\r\n"
    assert await phone.dial(request("REFER", "sip:a@x", more=outside)) == ""
    phone.placed.hear(answer(CHALLENGE, "7 REFER"))
    assert await phone.dial(request("REFER", "sip:a@x", number=8, more=outside)) == ""
    phone.placed.hear(answer("SIP/2.0 202 Accepted", "8 REFER"))
    house = "Refer-To: <sip:100@x>\r\n"
    assert await phone.dial(request("REFER", "sip:a@x", number=8, more=house)) == ""
    phone.placed.hear(answer(CHALLENGE, "8 REFER"))
    assert await phone.other() == "dial_at_once"
    phone.seconds += 61
    assert await phone.other() == "dial_agent_limit"


async def test_a_referral_that_asterisk_refuses_is_over() -> None:
    phone = Phone()
    more = f"Refer-To: <sip:{OUTSIDE}@x>\r\n"
    assert await phone.dial(request("REFER", "sip:a@x", more=more)) == ""
    assert await phone.other() == "dial_at_once"
    phone.placed.hear(answer("SIP/2.0 404 Not Found", "7 REFER"))
    assert await phone.other() == ""


async def test_a_phone_has_some_calls_and_not_any_number() -> None:
    phone = Phone()
    calls = [request(uri=HOUSE, call_id=f"i: c{number}\r\n") for number in range(51)]
    for each in calls[:50]:
        assert await phone.dial(each) == ""
    with pytest.raises(NotSip, match="too many calls"):
        await phone.placed.ask(calls[50])


async def test_asked_again_with_a_proof_it_is_one_call() -> None:
    phone = Phone(agent_an_hour=1)
    assert await phone.dial(request()) == ""
    phone.placed.hear(answer(CHALLENGE))
    assert await phone.dial(request()) == ""
    assert await phone.dial(request()) == "dial_at_once"
    phone.placed.hear(answer("SIP/2.0 200 OK"))
    phone.placed.hear(answer("BYE sip:x SIP/2.0", "1 BYE"))
    assert await phone.dial(request()) == "dial_agent_limit"


async def test_a_lost_websocket_ends_it_a_minute_later() -> None:
    phone = Phone()
    assert await phone.dial(request()) == ""
    phone.placed.close()
    phone.seconds += 59
    assert await phone.other() == "dial_at_once"
    phone.seconds += 2
    assert await phone.other() == ""


@pytest.mark.parametrize(
    "call_id",
    ["", "Call-ID: \r\n", f"Call-ID: {'x' * 201}\r\n", "Call-ID: c1 d\r\n", "i: c1é\r\n"],
)
async def test_a_call_without_a_name_of_its_own(call_id: str) -> None:
    with pytest.raises(NotSip):
        await Phone().placed.ask(request(call_id=call_id))


def test_the_answer_is_one_to_this_very_request() -> None:
    told = refusal(request(), NotDialled("dial_hours"))
    assert told == (
        "SIP/2.0 403 Numbers outside are not dialled at this hour.\r\n"
        "Via: SIP/2.0/WS b.invalid;branch=z9hG4bK1\r\nVia: SIP/2.0/WS c.invalid\r\n"
        "From: <sip:anna@x>;tag=1\r\nTo: <sip:x@y>;tag=refused\r\nCall-ID: c1\r\n"
        "CSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    within = refusal(request("REFER", to="<sip:x@y>;tag=9"), NotDialled("dial_shape"))
    assert "To: <sip:x@y>;tag=9\r\n" in within
