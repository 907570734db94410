"""A name is in no log, in whatever it is handed to the logger; what is no name is as it was."""

from __future__ import annotations

import io
import logging
from collections import namedtuple
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from pydantic import ValidationError
from sqlalchemy import create_engine, text

from calls.call import Call, CallId
from calls.caller import Caller, Candidate, Contact, ContactRef, Identity, IdentityOutcome
from crm_adapter.embedded.import_rows import ContactRow
from switchboard import logs

pytestmark = pytest.mark.unit

FIRST, LAST, COMPANY = "Zuleikarina", "Quandtmoser", "Nestler"
REF = ContactRef("embedded", "C-1042")
CONTACT = Contact(REF, FIRST, LAST, company=COMPANY, email=f"{FIRST}@x.example", language="de")
CALLER = Caller(
    None,
    Identity(IdentityOutcome.UNIQUE, "e164", 1.0, (Candidate(REF, f"{FIRST} {LAST}", COMPANY),)),
    CONTACT,
)
CALL = Call(
    CallId("pbx", "17.1"), "PJSIP/1", "", FIRST, False, "", "en", datetime(2026, 11, 30, tzinfo=UTC)
)
Named = namedtuple("Named", "id name")


def a_row() -> Any:
    with create_engine("sqlite://").connect() as link:
        question = text("SELECT 'C-1042' AS id, :first AS first_name, '' AS note")
        return link.execute(question, {"first": FIRST}).one()


def refused() -> ValidationError:
    try:
        ContactRow.model_validate({"id": {"of": FIRST}, "first_name": [FIRST], "last_name": 7})
    except ValidationError as error:
        return error
    raise AssertionError


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.set_up(level="DEBUG", mask=False)
    stream = io.StringIO()
    [handler] = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    monkeypatch.setattr(handler, "stream", stream)
    yield stream
    root.handlers[:], root.level = before
    structlog.reset_defaults()


THINGS = {
    "contact": CONTACT,
    "caller": CALLER,
    "call": CALL,
    "row": a_row(),
    "dictionary": {"contact": {"id": "C-1042", "first_name": FIRST, "emails": [FIRST]}},
    "list": [CONTACT, CALLER],
    "named tuple": Named("C-1042", FIRST),
    "model": ContactRow.model_construct(id="C-1042", first_name=FIRST, last_name=LAST),
    "not taken": refused(),
    "set": frozenset({CONTACT}),
}


@pytest.mark.parametrize("thing", THINGS.values(), ids=THINGS.keys())
@pytest.mark.parametrize("how", ["%s", "%r", "by name", "field", "named field", "exception"])
def test_no_name_reaches_the_log(thing: Any, how: str, written: io.StringIO) -> None:
    log, structured = logging.getLogger("here"), structlog.get_logger("here")
    match how:
        case "by name":
            log.info("of %(what)s, %(name)s", {"what": thing, "name": FIRST})
        case "field":
            structured.info("of", what=thing)
        case "named field":
            structured.info("of", first_name=FIRST, note=thing, contact_name=LAST)
        case "exception" if isinstance(thing, Exception):
            try:
                raise thing
            except ValidationError:
                log.exception("of")
        case "exception":
            log.info("of %s", thing, stack_info=True)
        case _:
            log.info(f"of {how}", thing)
    told = written.getvalue()
    assert "of" in told
    assert "cut" in told
    for name in (FIRST, LAST, COMPANY):
        assert name not in told


def test_what_is_no_name_is_as_it_was(written: io.StringIO) -> None:
    logging.getLogger("here").info(
        "%s %r %s %d %.1f %s %s %s",
        REF, REF, CallId("pbx", "17.1"), 7, 0.5, ["a", 1], {"state": None}, OSError("gone"),
    )  # fmt: skip
    told = written.getvalue()
    wanted = (
        "embedded:C-1042 ContactRef(crm='embedded', id='C-1042') pbx/17.1 7 0.5 ['a', 1] "
        "{'state': None} gone"
    )
    assert wanted in told
    # Of a contact, who it is by its id.
    logging.getLogger("here").info("%s", CONTACT)
    assert "Contact(ref=ContactRef(crm='embedded', id='C-1042'), first_name=(cut)" in (
        written.getvalue()
    )


def test_others_who_handle_it_have_it_whole(
    written: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger().addHandler(caplog.handler)
    logging.getLogger("here").info("of %s", CONTACT)
    assert FIRST not in written.getvalue()
    assert caplog.records[-1].args == (CONTACT,)
