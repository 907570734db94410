"""What the doctor says of softphones: of Asterisk's files, and of what answers at its address."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ami_bridge.softphone_config import SOFTPHONES_FILE, render_softphones
from calls.agents import Softphone
from config.settings import Settings, SoftphoneSettings
from switchboard import softphone_doctor
from switchboard.findings import Finding

pytestmark = pytest.mark.unit

INCLUDED = f"#include {SOFTPHONES_FILE}\n"
TRUNK = "[carrier]\ntype = identify\nendpoint = carrier\nmatch = 192.0.2.1, {}\n"


def settings(address: str | None = "ws://127.0.0.1:1/ws") -> Settings:
    return Settings(softphone=SoftphoneSettings(asterisk_ws=address))


def of_files(
    folder: Path, pjsip: str, *, dialplan: str = "[switchboard-house]\n", old: bool = False
) -> list[Finding]:
    phones = render_softphones([Softphone("anna", "Anna", "0" * 48)], SoftphoneSettings())
    if old:
        phones = phones.replace("set_var", "; set_var")
    (folder / SOFTPHONES_FILE).write_text(phones)
    (folder / "pjsip.conf").write_text(pjsip)
    (folder / "http.conf").write_text("[general]\nenabled = yes\n")
    (folder / "extensions.conf").write_text(dialplan)
    return list(softphone_doctor.files(settings(), folder))


def test_without_softphones_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert list(softphone_doctor.files(settings(None), tmp_path)) == []
    assert list(softphone_doctor.connection(settings(None))) == []


def test_a_file_that_is_not_included_does_not_count(tmp_path: Path) -> None:
    [found] = of_files(tmp_path, "[global]\ntype = global\n")
    assert (found.level, SOFTPHONES_FILE in found.what) == ("error", True)
    [found] = of_files(tmp_path, INCLUDED)
    assert found == Finding("ok", "pjsip.conf knows the softphones")


def test_files_of_two_ages_do_not_fit(tmp_path: Path) -> None:
    [_, old] = of_files(tmp_path, INCLUDED, dialplan="", old=True)
    assert (old.level, "by keys in a call" in old.what) == ("warning", True)
    [_, lacks] = of_files(tmp_path, INCLUDED, dialplan="[switchboard-in]\n")
    assert (lacks.level, "lacks [switchboard-house]" in lacks.what) == ("error", True)


@pytest.mark.parametrize(
    ("match", "order", "warned"),
    [
        ("127.0.0.1", "", True),
        ("127.0.0.0/8", "endpoint_identifier_order = ip,username\n", True),
        ("localhost", "", True),
        ("127.0.0.1", "endpoint_identifier_order = auth_username,username,ip\n", False),
        ("127.0.0.2", "", False),
        ("2001:db8::/32", "", False),
    ],
)
def test_a_trunk_at_our_own_address_is_a_trap(
    tmp_path: Path, match: str, order: str, warned: bool
) -> None:
    files = f"[global]\ntype = global\n{order}{INCLUDED}{TRUNK.format(match)}"
    found = of_files(tmp_path, files)
    assert [one.level for one in found] == ["ok", "warning"][: 1 + warned]
    if warned:
        assert "[carrier] identifies whoever comes from 127.0.0.1" in found[1].what


@contextmanager
def answering(status: int, protocol: str) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Sec-WebSocket-Protocol", protocol)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"ws://127.0.0.1:{server.server_port}/ws"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("status", "protocol", "says"),
    [
        (101, "sip", "Asterisk speaks SIP at"),
        (101, "ari", "does not speak SIP"),
        (404, "sip", "it answers 404"),
    ],
)
def test_what_answers_must_speak_sip(status: int, protocol: str, says: str) -> None:
    with answering(status, protocol) as address:
        [found] = softphone_doctor.connection(settings(address))
    assert says in found.what


def test_nothing_may_answer_at_all() -> None:
    [found] = softphone_doctor.connection(settings())
    assert "nothing answers (ConnectionRefusedError)" in found.what
