"""What was chosen for this caller and why; pure data, kept with the call and shown to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """One rule of one group: whether it matched, and on which value that hung."""

    group: str
    name: str
    matched: bool
    because: str


@dataclass(frozen=True, slots=True)
class OptionShown:
    digit: str
    intent: str
    say: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OfferConsidered:
    offer: str
    chosen: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HoldEntryPlanned:
    """`kind` is music or say; `text` is what is spoken; `seconds` the length of music."""

    kind: str
    text: str | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Where the call goes without asking, or after the menu: a queue, a menu, hangup."""

    kind: str
    target: str | None = None
    priority: int = 0
    skip_menu: bool = False
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    rulebook_version: str
    language: str
    route: Route
    menu: str | None
    greeting: str | None
    options: tuple[OptionShown, ...] = ()
    hold_programme: str | None = None
    hold: tuple[HoldEntryPlanned, ...] = ()
    offers: tuple[OfferConsidered, ...] = ()
    rules: tuple[RuleTrace, ...] = ()
    #: When a stranger on this number becomes a lead: never, on_answer, on_abandon, always.
    lead: str = "always"

    def as_json(self) -> dict[str, Any]:
        """The `decision` object of `switchboard explain --json`."""
        return {
            "route": {
                "kind": self.route.kind,
                "target": self.route.target,
                "priority": self.route.priority,
                "skip_menu": self.route.skip_menu,
                "rule": self.route.rule,
            },
            "menu": self.menu,
            "language": self.language,
            "greeting": self.greeting,
            "options": [
                {"digit": o.digit, "intent": o.intent, "say": o.say, "reasons": list(o.reasons)}
                for o in self.options
            ],
            "hold_programme": self.hold_programme,
            "hold": [{"kind": h.kind, "text": h.text, "seconds": h.seconds} for h in self.hold],
            "offers": [
                {"offer": o.offer, "chosen": o.chosen, "reasons": list(o.reasons)}
                for o in self.offers
            ],
            "rules": [
                {"name": r.name, "group": r.group, "matched": r.matched, "because": r.because}
                for r in self.rules
            ],
        }
