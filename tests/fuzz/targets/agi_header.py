"""The `agi_*` block: refused, or a request whose texts are clean and whose call can be made."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from ami_bridge.agi_request import AgiRequest, MalformedRequest
from tests.fuzz.targets import Target

_AT = datetime(2026, 3, 2, tzinfo=UTC)
_LANGUAGE = re.compile(r"[a-z]{2,3}", re.ASCII)


def check(data: bytes) -> None:
    try:
        request = AgiRequest.parse(data)
    except MalformedRequest:
        return
    # A smuggled line would have given a key twice, or a line without `agi_`.
    keys = [line.partition(b":")[0] for line in data.split(b"\n")]
    assert len(set(keys)) == len(keys) <= 100
    texts = (request.unique_id, request.channel, request.number, request.name, request.extension,
             request.dnid, request.language, request.script, *request.arguments)  # fmt: skip
    for text in texts:
        assert text.isprintable()
        assert len(text) <= 256
        text.encode()
    call = request.as_call(system="pbx", arrived_at=_AT)
    assert call.id.linkedid
    assert _LANGUAGE.fullmatch(call.language)
    assert call.attestation in (None, "A", "B", "C", "failed")
    if request.recordings is not None:
        assert ".." not in request.recordings.split("/")
    if request.presentation & 0x60 or request.number.lower() in ("", "anonymous"):
        assert call.withheld


_HEADER = b"""agi_network: yes
agi_network_script: inbound?x=1&y=2
agi_request: agi://127.0.0.1/inbound
agi_channel: PJSIP/trunk-00000001
agi_language: en_US
agi_type: PJSIP
agi_uniqueid: 1700000000.1
agi_version: 22.10.1
agi_callerid: +12025550101
agi_calleridname: Maria Garcia
agi_callingpres: 0
agi_dnid: 18005550100
agi_rdnis: unknown
agi_context: switchboard-in
agi_extension: s
agi_priority: 3
agi_enhanced: 0.0
agi_accountcode:
agi_threadid: 139
agi_arg_1: 1700000000.1
agi_arg_2: /var/spool/asterisk/switchboard
agi_arg_3: +18005550100
agi_arg_4: A"""

TARGET = Target(
    check,
    (
        _HEADER,
        b"\n".join(line for line in _HEADER.split(b"\n") if b"_arg_" not in line),
        b"agi_uniqueid: 1\nagi_callerid: anonymous\nagi_callingpres: 67",
    ),
    (b"agi_", b"\nagi_arg_5: ", b"\nagi_uniqueid: 2", b"agi_callingpres: 32", b"anonymous", b": "),
)
