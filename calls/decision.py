"""What was chosen for this caller and why; pure data, kept with the call and shown to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from calls.follow_up import FollowUp
from calls.offers import OfferMetBefore


class RuleTrace(NamedTuple):
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
    #: Probability that this caller wants it, and seconds of speech, where the order hung on them.
    probability: float | None = None
    seconds: float | None = None
    #: Set where the option is an offer.
    offer: str | None = None


@dataclass(frozen=True, slots=True)
class OfferStanding:
    """What the caller met of an offer in earlier calls, newest first, and how often they may still
    meet it: `left` times of `most` in `days` days, this call included."""

    before: tuple[OfferMetBefore, ...]
    left: int
    most: int
    days: int


@dataclass(frozen=True, slots=True)
class OfferConsidered:
    offer: str
    chosen: bool
    reasons: tuple[str, ...] = ()
    propensity: float | None = None
    #: What the agent may say, where it was chosen.
    agent: str | None = None
    #: With which it would have been chosen, and what was compared; None where it could not be.
    probability: float | None = None
    score: float | None = None
    #: In Chinese, of the one that was chosen.
    reasons_zh: tuple[str, ...] = ()
    #: Of the one that was chosen; None where earlier calls could not be read.
    standing: OfferStanding | None = None


@dataclass(frozen=True, slots=True)
class HoldEntryPlanned:
    """`kind` is music, say, offer, position or callback; `text` is what is spoken (for position:
    nothing, it is made when it is heard); `seconds` the length of music."""

    kind: str
    text: str | None = None
    seconds: float | None = None
    #: Name of the offer that `text` makes.
    offer: str | None = None


@dataclass(frozen=True, slots=True)
class PopWish:
    """What the rulebook says of the agent's screen."""

    shown: bool = True
    #: For the agent to read before answering.
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """Where the call goes without asking, or after the menu: a queue, a menu, or `action` for
    anything else (a closed number's voicemail, say)."""

    kind: str
    target: str | None = None
    priority: int = 0
    skip_menu: bool = False
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class SegmentMet:
    """One of the rulebook's own segments that the caller belongs to; `titles` by language, ""
    where the author named none."""

    name: str
    titles: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CallRecording:
    """What became of the wish to record the whole call. `answer` is agreed, agreed_by_silence,
    announced or not_asked; or of a call that is not recorded refused, silent or not_heard (the
    question could not be spoken)."""

    answer: str
    at: datetime
    #: The file's on Asterisk's machine; None: it is not recorded.
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ChurnOutlook:
    """Of 100 customers like this one, 100 x `risk` buy nothing within `horizon_days`. `level` is
    the third of the house's customers that it is in; `reasons` are by language, worked out as
    somebody looks."""

    risk: float
    level: str
    horizon_days: int
    reasons: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


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
    #: `open`, `closed`, `holiday` or `closure`; None where the number keeps no hours.
    doors: str | None = None
    #: When a stranger on this number becomes a lead: never, on_answer, on_abandon, always.
    lead: str = "always"
    #: The whole of that, and who is called back; None: as by default.
    follow_up: FollowUp | None = None
    #: `personal`, or `control` for callers who hear the static menu to compare with.
    arm: str = "personal"
    pop: PopWish = PopWish()
    #: What computed the probabilities, and by kind the version of each trained model in it.
    model: str = "none"
    models: Mapping[str, str] = field(default_factory=dict)
    #: The facts the rules were asked about; numbers and names included, so as private as the call.
    facts: Mapping[str, Any] = field(default_factory=dict)
    #: Options of the further menus that the caller came to, by menu, as they were told by then.
    menus: Mapping[str, tuple[OptionShown, ...]] = field(default_factory=dict)
    #: What chose among the offers: static, best_single, thompson or personal; none where no offer
    #: could be made.
    policy: str = "none"
    #: By experiment: the arm of this caller.
    arms: Mapping[str, str] = field(default_factory=dict)
    segments: tuple[SegmentMet, ...] = ()
    #: None where no model tells.
    churn: ChurnOutlook | None = None
    #: None where nothing says that these calls are recorded, or it is not decided yet.
    recording: CallRecording | None = None

    @property
    def offer(self) -> OfferConsidered | None:
        """The one that is made, if any."""
        return next((offer for offer in self.offers if offer.chosen), None)

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
            "options": _as_json(self.options),
            "hold_programme": self.hold_programme,
            "hold": [
                {"kind": h.kind, "text": h.text, "seconds": h.seconds, "offer": h.offer}
                for h in self.hold
            ],
            "offers": [
                {
                    "offer": o.offer,
                    "chosen": o.chosen,
                    "reasons": list(o.reasons),
                    "propensity": o.propensity,
                    "agent": o.agent,
                    "probability": o.probability,
                    "score": o.score,
                }
                for o in self.offers
            ],
            "rules": [
                {"name": r.name, "group": r.group, "matched": r.matched, "because": r.because}
                for r in self.rules
            ],
            "doors": self.doors,
            "lead": self.lead,
            "follow_up": self.follow_up.as_json() if self.follow_up else None,
            "arm": self.arm,
            "pop": {"shown": self.pop.shown, "note": self.pop.note},
            "model": self.model,
            "models": dict(self.models),
            "facts": dict(self.facts),
            "menus": {name: _as_json(options) for name, options in self.menus.items()},
            "policy": self.policy,
            "arms": dict(self.arms),
            "segments": [one.name for one in self.segments],
            "churn": _churn_as_json(self.churn) if self.churn else None,
            "recording": _recording_as_json(self.recording) if self.recording else None,
        }


def _churn_as_json(churn: ChurnOutlook) -> dict[str, Any]:
    return {
        "risk": churn.risk,
        "level": churn.level,
        "horizon_days": churn.horizon_days,
        "reasons": list(churn.reasons.get("en", ())),
    }


def _recording_as_json(recording: CallRecording) -> dict[str, Any]:
    return {"answer": recording.answer, "at": recording.at.isoformat(), "name": recording.name}


def _as_json(options: tuple[OptionShown, ...]) -> list[dict[str, Any]]:
    return [
        {
            "digit": o.digit,
            "intent": o.intent,
            "say": o.say,
            "reasons": list(o.reasons),
            "probability": o.probability,
            "seconds": o.seconds,
            "offer": o.offer,
        }
        for o in options
    ]
