"""A supervisor's own examples: who calls, which keys they press, and what must come of it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from calls.call import Call, CallId
from calls.caller import Caller, Identity, IdentityOutcome
from config.actions import ToQueue, ToTarget, ToVoicemail
from config.problems import Problem, Severity
from config.rulebook import ExampleTest, Rulebook
from ivr import rules
from ivr.direct_dial import NO_EXTENSIONS, Extensions
from ivr.known import Known
from supervisor.example_walk import Walk, Walked
from supervisor.given import placed_at, split

#: Sentences that are read out of an example that fails.
MOST_SAID = 12
DEFAULT_AT = "2026-01-05T10:00"


def try_examples(rulebook: Rulebook, extensions: Extensions = NO_EXTENSIONS) -> Iterator[Problem]:
    """Each that fails is an error in its place."""
    for test in rulebook.tests:
        if test.number is not None and not test.facts:
            sentence = f"the example '{test.name}' is not tried: it names a number and no facts"
            yield Problem.at(test.place, sentence, Severity.WARNING)
            continue
        for why in _failures(test, _met(rulebook, test, extensions)):
            yield Problem.at(test.place, f"the example '{test.name}' fails: {why}")


@dataclass(frozen=True, slots=True)
class _Met:
    """What the example's caller met."""

    plan: rules.CallPlan
    walked: Walked

    @property
    def says(self) -> list[str | None]:
        return [*self.walked.says, *(entry.text for entry in self.plan.decision.hold)]

    @property
    def digits(self) -> dict[str, str]:
        menu = self.walked.menu
        return {option.intent: option.digit for option in menu.options} if menu else {}

    @property
    def queue(self) -> str | None:
        """Where they went; else, as long as no key was pressed, where a rule sends them."""
        ending = self.walked.ending
        if isinstance(ending, ToQueue):
            return ending.queue
        route = self.plan.decision.route
        untouched = ending is None and not self.walked.pressed
        return route.target if untouched and route.kind == "queue" else None

    def named(self, key: str) -> Any:
        decision, ending = self.plan.decision, self.walked.ending
        return {
            "menu": self.walked.menu.name if self.walked.menu else None,
            "options": list(self.digits),
            "queue": self.queue,
            "programme": decision.hold_programme,
            "lead": decision.lead,
            "offer": decision.offer.offer if decision.offer else None,
            "segments": [one.name for one in decision.segments],
            "doors": decision.doors,
            "voicemail": ending.mailbox if isinstance(ending, ToVoicemail) else None,
            "transfer": ending.target if isinstance(ending, ToTarget) else None,
        }[key]


def _failures(test: ExampleTest, met: _Met) -> Iterator[str]:
    for key, wanted in test.expect.items():
        if key == "digits":
            for intent, digit in dict(wanted if isinstance(wanted, Mapping) else {}).items():
                actual = met.digits.get(intent)
                if actual != digit:
                    yield f"the digit of {intent}: expected {digit}; it is {_said(actual)}"
        elif key == "says":
            for text in wanted if isinstance(wanted, list) else []:
                if text not in met.says:
                    yield f"it does not say '{text}'; {_heard(text, met.says)}"
        elif met.named(key) != wanted:
            yield f"{key}: expected {_said(wanted)}; it is {_said(met.named(key))}"


def _heard(wanted: Any, says: list[str | None]) -> str:
    """What is said instead: the sentence that is nearly the same, else all of them."""
    sentences = list(dict.fromkeys(one for one in says if one))
    near = difflib.get_close_matches(str(wanted), sentences, n=1)
    if not sentences or near:
        return f"it says '{near[0]}'" if near else "it says nothing"
    more = len(sentences) - MOST_SAID
    quoted = ", ".join(f"'{one}'" for one in sentences[:MOST_SAID])
    return f"it says {quoted}" + (f" and {more} more" if more > 0 else "")


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none"
    return str(value if value is not None else "none")


def _met(rulebook: Rulebook, test: ExampleTest, extensions: Extensions) -> _Met:
    """A stranger's facts with the example's own on top; all of them may be spoken."""
    number = rulebook.number_for(test.dialled)
    at = placed_at(datetime.fromisoformat(test.at or DEFAULT_AT), number.timezone)
    call = Call(CallId("check", "1"), "", test.number or "", "", False, test.dialled, "en", at)
    caller = Caller(test.number, Identity(IdentityOutcome.NONE, "example", 0.0))
    given = split(test.facts, number.timezone)
    known = given.known(Known(control_share=0.0, takes_part=False), rulebook)

    def decided(known: Known) -> rules.CallPlan:
        return rules.decide(rulebook, call, caller, at, known, given=given.facts)

    walk = Walk(decided=decided, known=known, given=given.facts, extensions=extensions)
    walked = walk.run(test.presses)
    return _Met(walk.plan, walked)
