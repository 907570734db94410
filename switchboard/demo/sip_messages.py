"""SIP messages as sipp's templates: [square] names are sipp's own, [$names] what a scenario kept.

A scenario keeps `target` (where to send requests within the dialogue), `us` and `them` (the values
of From and To with their tags) and, for phones, `cseq` (the number of the INVITE).
"""

from __future__ import annotations

_CALLED = "sip:[field2]@[remote_ip]:[remote_port]"
_CONTACT = "Contact: <sip:sipp@[local_ip]:[local_port]>"
_VIA = "Via: SIP/2.0/UDP [local_ip]:[local_port];branch="
#: One for INVITE and its CANCEL (RFC 3261 9.1), unlike sipp's [branch], which counts messages.
_INVITE_VIA = f"{_VIA}z9hG4bK-[pid]-[call_number]-invite"


def invite(withheld: bool, audio: bool) -> str:
    who, privacy = "[field0] <sip:[field1]@[local_ip]:[local_port]>", []
    if withheld:
        who, privacy = '"Anonymous" <sip:anonymous@anonymous.invalid>', ["Privacy: id"]
    return _message(
        f"INVITE {_CALLED} SIP/2.0",
        _INVITE_VIA,
        f"From: {who};tag=[pid]-[call_number]",
        f"To: <{_CALLED}>",
        "Call-ID: [call_id]",
        "CSeq: 1 INVITE",
        _CONTACT,
        "Max-Forwards: 70",
        *privacy,
        body_type="application/sdp",
        body=_sdp(audio),
    )


def cancel() -> str:
    return _message(
        f"CANCEL {_CALLED} SIP/2.0",
        _INVITE_VIA,
        "[last_From:]",
        f"To: <{_CALLED}>",
        "Call-ID: [call_id]",
        "CSeq: 1 CANCEL",
        "Max-Forwards: 70",
    )


def ack_refusal() -> str:
    return _message(
        f"ACK {_CALLED} SIP/2.0",
        _INVITE_VIA,
        "[last_From:]",
        "[last_To:]",
        "Call-ID: [call_id]",
        "CSeq: 1 ACK",
        "Max-Forwards: 70",
    )


def request(method: str, cseq: int, body_type: str = "", body: str = "") -> str:
    """Within the dialogue, from either side."""
    return _message(
        f"{method} [$target] SIP/2.0",
        f"{_VIA}[branch]",
        "From: [$us]",
        "To: [$them]",
        "Call-ID: [call_id]",
        f"CSeq: {cseq} {method}",
        _CONTACT,
        "Max-Forwards: 70",
        body_type=body_type,
        body=body,
    )


def refuse(status: str) -> str:
    """A final answer other than 200 to the INVITE that a CANCEL may have followed."""
    return _message(*_reply_lines(status, "[last_To:];tag=[pid]-[call_number]", "[$cseq] INVITE"))


def ringing() -> str:
    lines = _reply_lines("180 Ringing", "[last_To:];tag=[pid]-[call_number]", "[$cseq] INVITE")
    return _message(*lines)


def answer(audio: bool) -> str:
    lines = _reply_lines("200 OK", "[last_To:];tag=[pid]-[call_number]", "[$cseq] INVITE")
    return _message(*lines, body_type="application/sdp", body=_sdp(audio))


def ok() -> str:
    """200 OK to the last request that came, BYE or CANCEL."""
    return _message(*_reply_lines("200 OK", "[last_To:]", None))


def _reply_lines(status: str, to: str, cseq: str | None) -> list[str]:
    return [
        f"SIP/2.0 {status}",
        "[last_Via:]",
        "[last_From:]",
        to,
        "[last_Call-ID:]",
        f"CSeq: {cseq}" if cseq else "[last_CSeq:]",
        _CONTACT,
    ]


def _sdp(audio: bool) -> str:
    port = "[rtpstream_audio_port]" if audio else "[media_port]"
    return "\n".join(
        [
            "v=0",
            "o=sipp 1 1 IN IP4 [local_ip]",
            "s=-",
            "c=IN IP4 [media_ip]",
            "t=0 0",
            f"m=audio {port} RTP/AVP 0",
            "a=rtpmap:0 PCMU/8000",
            "a=ptime:20",
            "",
        ]
    )


def _message(*lines: str, body_type: str = "", body: str = "") -> str:
    head = [*lines, f"Content-Type: {body_type}"] if body else list(lines)
    return "\n".join([*head, "Content-Length: [len]", "", body])
