"""The section `segments`: what it may ask for, how rules ask for it, and what a slip is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from calls.segments import LifecycleStage, Segments, Tier
from config.conditions import Seen
from config.facts import SEGMENT_FACTS
from config.json_schema import json_schema
from config.rulebook_loader import Loaded, load_rulebook
from ivr.facts import segment_facts
from ivr.own_segments import own_segments, segments_met
from tests.fakes.rulebook_folder import ONE_MENU

pytestmark = pytest.mark.unit

GOOD = """\
segments:
  win_back:
    title: {en: "Win back", zh: "挽回"}
    when: {caller.monetary: {gte: 4}, caller.lifecycle: [at_risk, dormant]}
  leaving: {title: "May leave", when: {caller.churn_warning: true}}
"""


def loaded(folder: Path, text: str) -> Loaded:
    (folder / "rulebook.yaml").write_text(ONE_MENU + text, encoding="utf-8")
    return load_rulebook(folder)


def problems(folder: Path, text: str) -> list[str]:
    return [
        f"{one.line - ONE_MENU.count(chr(10))}: {one.sentence}"
        for one in loaded(folder, text).problems
    ]


def test_who_belongs_to_what(tmp_path: Path) -> None:
    rulebook = loaded(tmp_path, GOOD).or_raise()
    gone = Segments(
        Tier.VIP, LifecycleStage.AT_RISK, 2, 4, 5, 70, 30, 900.0, churn_warning="was loyal"
    )
    facts = segment_facts(gone)
    assert set(facts) == set(SEGMENT_FACTS)
    names = own_segments(rulebook, Seen(facts))
    assert names == {"win_back", "leaving"}
    met = segments_met(rulebook, names)
    assert [one.name for one in met] == ["win_back", "leaving"]
    assert met[0].titles == {"en": "Win back", "zh": "挽回"}
    assert met[1].titles == {"": "May leave"}
    there = Segments(Tier.VIP, LifecycleStage.LOYAL, 5, 5, 5, 3, 30, 900.0)
    assert own_segments(rulebook, Seen(segment_facts(there))) == frozenset()


def test_rules_ask_for_them(tmp_path: Path) -> None:
    rule = "rules: {route: [{name: r, when: {caller.segments: win_back}, then: {queue: sales}}]}\n"
    assert problems(tmp_path, GOOD + rule) == []
    slip = rule.replace("win_back", "win_bak")
    [found] = problems(tmp_path, GOOD + slip)
    assert found == "6: caller.segments is never 'win_bak'; did you mean 'win_back'?"
    [found] = problems(tmp_path, rule)
    assert found == "1: there is no segment 'win_back'; write it under segments"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("when: {caller.tire: vip}", "unknown fact 'caller.tire'; did you mean 'caller.tier'?"),
        ("when: {call.hour: 9}", "a segment cannot ask for 'call.hour'"),
        ("when: {any: [{not: {caller.owns: X}}]}", "a segment cannot ask for 'caller.owns'"),
        ("when: {caller.segments: a}", "a segment cannot ask for 'caller.segments'"),
        ("when: {caller.loyalty: setled}", "caller.loyalty is never 'setled'; did you mean"),
        ("title: A", "'when' is missing"),
        ('title: "{{ caller.name }}", when: {caller.tier: vip}', "a title is the same for"),
        ("titel: A, when: {caller.tier: vip}", "unknown key 'titel'; did you mean 'title'?"),
        ("when: []", "a condition is written as"),
    ],
)
def test_slips(tmp_path: Path, wrong: str, told: str) -> None:
    found = problems(tmp_path, f"segments:\n  a: {{{wrong}}}\n")
    assert any(one.startswith(f"2: {told}") for one in found), found


def test_the_schema_knows_no_other_facts() -> None:
    asked = json_schema()["$defs"]["segment_condition"]
    assert set(asked["properties"]) - {"all", "any", "not"} == set(SEGMENT_FACTS)
    assert asked["patternProperties"] == {}
