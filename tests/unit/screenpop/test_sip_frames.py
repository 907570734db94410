"""What may go on to Asterisk: one SIP message in the agent's own name, and nothing that PJSIP could
read otherwise than we do."""

from __future__ import annotations

import contextlib
import time

import pytest

from screenpop.phone.sip_frames import NotSip, NotTheirs, OwnFrames

pytestmark = pytest.mark.unit

ANNA = '"Anna Berg" <sip:anna@switchboard.invalid>;tag=x1'
BEN = "<sip:ben@switchboard.invalid>;tag=x2"


def request(
    method: str = "INVITE",
    *,
    sender: str = ANNA,
    to: str = "<sip:500@switchboard.invalid>",
    more: str = "",
    body: str = "",
    length: int | None = None,
) -> str:
    return (
        f"{method} sip:500@switchboard.invalid SIP/2.0\r\n"
        "Via: SIP/2.0/WS b.invalid;branch=z9hG4bK1\r\n"
        f"To: {to}\r\nFrom: {sender}\r\n"
        f"Call-ID: c1\r\nCSeq: 1 {method}\r\n{more}"
        f"Content-Length: {len(body.encode()) if length is None else length}\r\n\r\n{body}"
    )


def registered(contact: str = "q1w2e3") -> OwnFrames:
    """As JsSIP 3.13 registers."""
    own = OwnFrames("anna")
    instance = '+sip.instance="<urn:uuid:dd01af5a-e00b-421e-8cf3-7cb2eba271bc>"'
    address = f"<sip:{contact}@b.invalid;transport=ws>;+sip.ice;reg-id=1;{instance};expires=600"
    own.check(request("REGISTER", more=f"Contact: {address}\r\n"))
    return own


@pytest.mark.parametrize(
    "frame",
    [
        request(),
        request().encode(),
        request(sender="<sip:anna@x>;tag=1"),
        request("INFO", body="你好\r\n\r\nFrom: <sip:ben@x>\r\n"),
        request().replace("From:", "f :").replace("Content-Length", "l"),
        request(more='Authorization: Digest username="anna", realm="asterisk"\r\n'),
        "SIP/2.0 200 OK\r\nFrom: <sip:+15551234@x>;tag=1\r\nContent-Length: 0\r\n\r\n",
        "\r\n\r\n",
        "",
    ],
)
def test_what_a_browser_says_of_itself_passes(frame: str | bytes) -> None:
    OwnFrames("anna").check(frame)


@pytest.mark.parametrize(
    "frame",
    [
        request(sender=BEN),
        request("REGISTER", sender=BEN),
        request("BYE", sender=BEN, to="<sip:anna@x>;tag=2"),
        request(sender='"<sip:anna@x>" <sip:ben@x>;tag=1'),
        request(sender="<sip:%61nna@x>;tag=1"),
        request(sender="<sip:Anna@x>;tag=1"),
        request(more='Authorization: Digest username="ben", realm="asterisk"\r\n'),
        request(more='Proxy-Authorization: Digest x="username=anna", username="ben"\r\n'),
        request(more="Authorization: Basic YW5uYQ==\r\n"),
        # Asterisk runs its dialplan for these too.
        request("MESSAGE", body="hello"),
        request("SUBSCRIBE"),
        request("PUBLISH"),
    ],
)
def test_nobody_speaks_for_another(frame: str) -> None:
    with pytest.raises(NotTheirs):
        OwnFrames("anna").check(frame)


SECOND = request(sender=BEN)


@pytest.mark.parametrize(
    "frame",
    [
        "hello",
        # Whom Asterisk would dial instead.
        "SIP/2.0 302 Moved\r\nContact: <sip:19005550100@x>\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        b"\xff\xfe",
        request().replace("SIP/2.0\r\n", "SIP/3.0\r\n", 1),
        # Two messages in one frame, which a stream may hold: only the first was looked at.
        request() + SECOND,
        request(body=SECOND, length=0),
        request(length=5),
        request(length=-1),
        request().replace("Content-Length: 0\r\n", ""),
        request(more="Content-Length: 0\r\n"),
        # Line ends and folds that PJSIP takes for headers of their own, or for none.
        request(more=f"Subject: x\nFrom: {BEN}\r\n"),
        request(more=f"Subject: x\rFrom: {BEN}\r\n"),
        request(more=f"Subject: x\r\n From: {BEN}\r\n"),
        request(more="Subject: x\x00\r\n"),
        request(more="no header\r\n"),
        # Who is it then?
        request(more=f"From: {BEN}\r\n"),
        request(more=f"f: {BEN}\r\n"),
        request(sender=f"<sip:anna@x>, {BEN}"),
        request(sender="<sip:anna@x> <sip:ben@x>"),
        request(sender="<sip:anna:pw@x>"),
        request(sender="sip:anna@x;tag=1"),
        request(sender="<tel:+15551234>"),
        request(sender='"anna <sip:anna@x>;tag=1'),
        request().replace(f"From: {ANNA}\r\n", ""),
        # The answer would be one to another request.
        request("INFO").replace("1 INFO", "1 INVITE"),
        request().replace("1 INVITE", "1 invite"),
        request().replace("1 INVITE", f"{2**32 + 1} INVITE"),
        request().replace("CSeq: 1 INVITE\r\n", ""),
        request(more="CSeq: 2 INVITE\r\n"),
        request().replace("z9hG4bK1", "z9hG4bK1;maddr=a%0d%0aCall-ID: c2"),
    ],
)
def test_what_could_be_read_in_two_ways_is_not_sip(frame: str | bytes) -> None:
    with pytest.raises(NotSip):
        OwnFrames("anna").check(frame)


def test_within_a_call_from_asterisk_the_contact_speaks() -> None:
    goodbye = request("BYE", sender="<sip:q1w2e3@b.invalid>;tag=7", to="<sip:+1555@x>;tag=8")
    registered().check(goodbye)
    for own in (OwnFrames("anna"), registered("another")):
        with pytest.raises(NotTheirs):
            own.check(goodbye)
    # Nothing new is begun by a contact: neither a call nor a registration.
    with pytest.raises(NotTheirs):
        registered().check(request("INVITE", sender="<sip:q1w2e3@b.invalid>;tag=7"))
    with pytest.raises(NotTheirs):
        registered().check(
            request("REGISTER", sender="<sip:q1w2e3@b.invalid>;tag=7", to="<sip:anna@x>;tag=8")
        )


def test_only_the_last_contacts_are_remembered() -> None:
    own = registered("first")
    for number in range(8):
        own.check(request("REGISTER", more=f"m: <sip:c{number}@b.invalid>\r\n"))
    own.check(request("BYE", sender="<sip:c0@b>;tag=7", to="<sip:1@x>;tag=8"))
    with pytest.raises(NotTheirs):
        own.check(request("BYE", sender="<sip:first@b>;tag=7", to="<sip:1@x>;tag=8"))


@pytest.mark.parametrize(
    "filler",
    [
        f"Subject:{' ' * 60_000}\x01\r\n",
        f"Subject{' ' * 60_000}x\r\n",
        f"Authorization: {'username ' * 6_000}\r\n",
        '"' + '\\"' * 30_000,
        f'From: "{chr(92) * 60_000}\r\n',
        "a: b\r\n" * 10_000,
    ],
)
def test_a_long_message_takes_no_time(filler: str) -> None:
    started = time.process_time()
    sender = '"' + filler.strip()
    for frame in (request(more=filler), request(sender=sender), request(to=filler), filler):
        with contextlib.suppress(NotSip, NotTheirs):
            OwnFrames("anna").check(frame)
    assert time.process_time() - started < 0.25


@pytest.mark.parametrize(
    ("to", "within"),
    [
        ("<sip:500@x>;tag=7", True),
        ('"Maria; tag=1" <sip:500@x>;x=y;TAG = a7', True),
        ("sip:500@x;tag=7", True),
        ("<sip:500@x>", False),
        # What a glance takes for a tag, and PJSIP does not.
        ('"Maria;tag=7" <sip:500@x>', False),
        ("<sip:500@x;tag=7>", False),
        ("<sip:500@x>;tag=", False),
        ('<sip:500@x>;tag=""', False),
        ("<sip:500@x>;tag=7;tag=", False),
        ('<sip:500@x>;x=";tag=7"', False),
        ("<sip:500@x>;tag=²", False),
        ("<sip:500@x>;tag=é7", False),
        ("<sip:500@x>;tag=7é", False),
        ("<sip:500@x>;untag=7", False),
    ],
)
def test_what_begins_a_call(to: str, within: bool) -> None:
    told = OwnFrames("anna").check(request(to=to))
    assert told is not None
    assert told.is_within is within
