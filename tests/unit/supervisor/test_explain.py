"""`explain` says what a call would do, by the same code."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from rich.console import Console

from calls.caller import Caller, Candidate, ContactRef, Identity, IdentityOutcome
from config.rulebook import Rulebook
from config.rulebook_loader import SHIPPED, load_rulebook
from supervisor.explain import _who, explain, render
from tests.fakes.contact_directory import MARIA, FakeDirectory

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


@dataclass
class OneRulebook:
    current: Rulebook


RULEBOOKS = OneRulebook(load_rulebook(SHIPPED).or_raise())


async def test_the_shape_of_the_json() -> None:
    directory = FakeDirectory(MARIA)
    explained = await explain(
        "+12025550101", dialled=None, directory=directory, rulebooks=RULEBOOKS, now=NOW
    )
    assert json.loads(json.dumps(explained)) == explained
    assert explained.keys() >= {"identity", "caller", "rulebook_version", "decision"}
    assert explained["decision"].keys() >= {"route", "menu", "options", "hold", "offers", "rules"}
    assert explained["decision"]["options"][0].keys() == {"digit", "intent", "say", "reasons"}
    assert explained["decision"]["rules"][0].keys() >= {"name", "matched", "because"}
    assert explained["identity"]["outcome"] == "unique"
    assert explained["caller"]["name"] == "Maria Garcia"
    assert explained["dialled"] == "+18005550100"
    assert explained["rulebook_version"] == RULEBOOKS.current.version
    assert directory.regions == ["US"]


async def test_people_read_the_same() -> None:
    explained = await explain(
        "+12025550101",
        dialled="+18005550188",
        directory=FakeDirectory(MARIA),
        rulebooks=RULEBOOKS,
        now=NOW,
    )
    console = Console(file=io.StringIO(), width=120)
    render(explained, console)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "+12025550101 is Maria Garcia" in text
    assert "having dialled +18005550188 goes to menu main" in text
    assert "hears the menu main in en" in text
    assert "Welcome to the Corner Shop, Maria." in text
    assert "caller.tier is not known, not vip" in text
    assert "music for 20 s" in text


async def test_candidates_and_nobody_are_said() -> None:
    candidates = (Candidate(ContactRef("demo", "5"), "Jo [bold]"),)
    several = Caller("+12025550103", Identity(IdentityOutcome.MULTIPLE, "e164", 0.5, candidates))
    explained = await explain(
        "2025550103",
        dialled="1",
        directory=FakeDirectory(several),
        rulebooks=RULEBOOKS,
        now=NOW,
        region="CA",
    )
    console = Console(file=io.StringIO(), width=120)
    render(explained, console)
    assert isinstance(console.file, io.StringIO)
    assert "could be Jo [bold] (demo:5)" in console.file.getvalue()
    assert "nobody the CRM knows" in console.file.getvalue()


def test_who_calls_is_said_as_exactly_as_it_is_known() -> None:
    known = {"number": "+12025550101", "name": "", "company": None, "ref": "demo:7"}
    assert _who(known) == "+12025550101 is contact demo:7, who has no name"
    assert _who({**known, "company": "Acme"}) == "+12025550101 is Acme"
    assert _who({**known, "number": None, "ref": None}).startswith("a caller without a number")
