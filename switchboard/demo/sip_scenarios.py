"""Scenarios for sipp, written out: one caller's or one phone's part in a SIP dialogue.

sipp (Debian's sip-tester, 3.6) can wait for a message or for a time, hardly for both: here every
pause is a wait for BYE that goes on when it times out, so that either side may hang up at any time.
"""

from __future__ import annotations

from dataclasses import dataclass

from switchboard.demo import sip_messages

#: Labels; those of the key presses count up from the last.
_BYE, _CANCEL, _HANG_UP, _DONE, _PICK_UP, _KEYS = 1, 2, 3, 4, 5, 100


@dataclass(frozen=True, slots=True)
class Press:
    """One key, that long after the one before (the first: after the answer)."""

    after_ms: int
    digit: str


@dataclass(frozen=True, slots=True)
class CallerShape:
    """What callers do who share one scenario; who they are comes line by line from a file."""

    presses: tuple[Press, ...] = ()
    #: Hangs up that long after the last key; None: stays until the other side ends the call.
    hang_up_after_ms: int | None = None
    #: Gives up (CANCEL) when nobody has answered by then.
    patience_ms: int | None = None
    withheld: bool = False
    #: Sends RTP once answered. Without it Asterisk's Answer() takes half a second.
    audio: bool = True


@dataclass(frozen=True, slots=True)
class PhoneShape:
    """How a phone takes its calls."""

    #: None: rings until the other side gives up.
    ring_ms: int | None = 300
    #: Hangs up after that long a talk; None: waits for the other side.
    talk_ms: int | None = None
    #: Refuses at once with 486 Busy Here.
    busy: bool = False
    audio: bool = True


def caller(shape: CallerShape) -> str:
    """Fields of the injection file: display name (quoted), number, number dialled. The file
    audio.ulaw is played from the folder sipp runs in."""
    # sipp counts the time at the message it expects next, which is an optional one until 200 came.
    patience = _else_after(shape.patience_ms, _CANCEL)
    parts = [
        _send(sip_messages.invite(shape.withheld, shape.audio), 'start_rtd="1"', retrans=True),
        *(
            _recv(f'response="{code}" optional="true"{patience}')
            for code in (100, 180, 181, 182, 183)
        ),
        _recv(
            f'response="200" rtd="1"{patience}',
            _remember("target", "Contact:", "sip:[^>]*")
            + _remember("us", "From:")
            + _remember("them", "To:")
            + _note("answered"),
        ),
        _send(sip_messages.request("ACK", 1)),
        _play(shape.audio),
    ]
    for step, press in enumerate(shape.presses):
        parts += [_until_bye(press.after_ms, _KEYS + step), _press(press.digit, step + 2)]
    parts += [_until_bye(shape.hang_up_after_ms, _HANG_UP), _hang_up(len(shape.presses) + 2)]
    if shape.patience_ms is not None:
        parts.append(_give_up())
    return _scenario("caller", parts)


def phone(shape: PhoneShape) -> str:
    """Takes any number of calls; the address of the other side is read from the INVITE."""
    # CSeq: the INVITE must still be answered when CANCEL is the last message that came.
    keep = _remember("cseq", "CSeq:", "[0-9]+")
    if shape.busy:
        refuse = _send(sip_messages.refuse("486 Busy Here"), retrans=True)
        return _scenario("phone", [_recv('request="INVITE"', keep), refuse, _recv('request="ACK"')])
    parts = [
        _recv('request="INVITE"', keep + _remember("target", "Contact:", "sip:[^>]*")),
        _send(sip_messages.ringing()),
        _recv(f'request="CANCEL" next="{_CANCEL}"' + _else_after(shape.ring_ms, _PICK_UP)),
        _label(_PICK_UP),
        _send(sip_messages.answer(shape.audio), retrans=True),
        _recv(f'request="CANCEL" optional="true" next="{_CANCEL}"'),
        _recv('request="ACK"', _remember("us", "To:") + _remember("them", "From:")),
        _play(shape.audio),
        _until_bye(shape.talk_ms, _HANG_UP),
        _hang_up(1),
        _label(_CANCEL),
        _send(sip_messages.ok()),
        _send(sip_messages.refuse("487 Request Terminated"), retrans=True),
        _recv('request="ACK"'),
    ]
    return _scenario("phone", parts)


def _scenario(name: str, parts: list[str]) -> str:
    body = "\n".join(part for part in parts if part)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE scenario SYSTEM "sipp.dtd">\n'
        f'<scenario name="{name}">\n{body}\n{_label(_DONE)}\n<nop/>\n</scenario>\n'
    )


def _label(number: int) -> str:
    return f'<label id="{number}"/>'


def _send(message: str, more: str = "", *, retrans: bool = False, then: int | None = None) -> str:
    more += ' retrans="500"' if retrans else ""
    more += f' next="{then}"' if then is not None else ""
    return f"<send {more}><![CDATA[\n\n{message}\n]]></send>"


def _recv(attributes: str, actions: str = "") -> str:
    return (
        f"<recv {attributes}><action>{actions}</action></recv>"
        if actions
        else f"<recv {attributes}/>"
    )


def _remember(name: str, header: str, pattern: str = ".*") -> str:
    return f'<ereg regexp="{pattern}" search_in="hdr" header="{header}" assign_to="{name}"/>'


def _note(word: str) -> str:
    """A line for the log: the word, the time (ms) and the caller's number."""
    return f'<log message="{word} [clock_tick] [field1]"/>'


def _else_after(limit_ms: int | None, label: int) -> str:
    return "" if limit_ms is None else f' timeout="{max(limit_ms, 1)}" ontimeout="{label}"'


def _until_bye(limit_ms: int | None, label: int) -> str:
    """Waits, and goes on after `limit_ms`; a BYE within ends the scenario."""
    return _recv(f'request="BYE" next="{_BYE}"' + _else_after(limit_ms, label)) + _label(label)


def _play(audio: bool) -> str:
    play = '<exec rtp_stream="audio.ulaw,-1,0,PCMU/8000"/>'
    return f"<nop><action>{play}</action></nop>" if audio else ""


def _press(digit: str, cseq: int) -> str:
    """By SIP INFO: RFC 4733 would need raw sockets, hence root."""
    body = f"Signal={digit}\nDuration=160\n"
    return "\n".join(
        [
            _send(sip_messages.request("INFO", cseq, "application/dtmf-relay", body), retrans=True),
            _recv(f'request="BYE" optional="true" next="{_BYE}"'),
            _recv('response="200"'),
        ]
    )


def _hang_up(cseq: int) -> str:
    """BYE from us; below it the answer to a BYE from the other side."""
    return "\n".join(
        [
            _send(sip_messages.request("BYE", cseq), retrans=True),
            _recv(f'request="BYE" optional="true" next="{_BYE}"'),
            _recv(f'response="200" next="{_DONE}"'),
            _label(_BYE),
            _send(sip_messages.ok(), then=_DONE),
        ]
    )


def _give_up() -> str:
    return "\n".join(
        [
            _label(_CANCEL),
            _send(sip_messages.cancel(), retrans=True),
            _recv('response="200"'),
            _recv('response="487"'),
            _send(sip_messages.ack_refusal()),
        ]
    )
