"""`switchboard explain`: what a caller would meet now, or what a call met, and why. The decision
is made by the same code as in a call; that of a call is the one that was kept with it."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Protocol

from calls.call import Call, CallId
from calls.caller import Caller, IdentityOutcome
from calls.deadlines import Deadline
from calls.offer_choice import AS_EVER
from calls.offers import NO_MEMORY, NO_PROPENSITIES
from calls.ports import CallerMemories, ContactDirectory, OfferPolicy, PropensityScorer
from config.call_moments import call_moment
from config.facts import PROPENSITY
from config.number_area import area_of
from config.rulebook import Rulebook
from crm_adapter.call_history import CallDetail
from crm_adapter.phone_numbers import WITHHELD_WORDS
from ivr import rules
from ivr.experiments import FACT
from ivr.facts import as_json
from ivr.known import Known
from ivr.ordering import estimated_seconds
from supervisor.decided_anew import Decisions, decisions_of
from supervisor.explained import render
from supervisor.given import NOTHING_GIVEN, Given, first_number
from supervisor.straight_way import straight_way

__all__ = ["RulebookSource", "explain", "explain_call", "render"]

#: A person at a keyboard waits longer than a caller.
DEADLINE_S = 5.0
#: Method of a call whose caller nobody asked about.
NOT_LOOKED_UP = "nothing"


class RulebookSource(Protocol):
    """`config.publishing.Rulebooks`, or one loaded from a folder."""

    @property
    def current(self) -> Rulebook: ...


async def explain(
    number: str,
    *,
    dialled: str | None,
    directory: ContactDirectory,
    rulebooks: RulebookSource,
    now: datetime,
    region: str = "US",
    memories: CallerMemories | None = None,
    scorer: PropensityScorer | None = None,
    control_share: float = 0.05,
    seconds: Callable[[str, str], float] = estimated_seconds,
    given: Given = NOTHING_GIVEN,
    policy: OfferPolicy = AS_EVER,
    stopped_arms: Set[tuple[str, str]] = frozenset(),
) -> dict[str, Any]:
    """As JSON: identity, caller, rulebook_version, dialled, entry (the rulebook's for that number),
    tried (what was `given`), decision, way (`supervisor.straight_way`). `dialled` None: the
    rulebook's first number. `now` is aware; `region` is the country for numbers where the rulebook
    says none. Without `memories` and `scorer` nothing is remembered and nothing likelier than
    anything else."""
    rulebook = rulebooks.current
    dialled = dialled or first_number(rulebook)
    now = given.at or now
    call = Call(
        id=CallId("explain", "0"),
        channel="explain",
        from_raw=number,
        from_name="",
        withheld=number.strip().lower() in WITHHELD_WORDS,
        dialled=dialled,
        language="en",
        arrived_at=now,
    )
    deadline = Deadline.after(DEADLINE_S)
    entry = rulebook.number_for(dialled)
    region = entry.region or region
    caller = await directory.identify(call, region=region, deadline=deadline)
    memory, propensities = NO_MEMORY, NO_PROPENSITIES
    if caller.contact is not None and memories is not None:
        memory = await memories.memory_of(caller.contact.ref, deadline=deadline)
    if scorer is not None:
        area = area_of(caller.number, withheld=call.withheld)
        moment = call_moment(rulebook, dialled, now, area)
        propensities = scorer.propensities_of(caller, memory, moment)
    known = Known(
        memory=memory,
        propensities=propensities,
        control_share=control_share,
        policy=policy,
        stopped_arms=stopped_arms,
        seconds=seconds,
    )
    known = given.known(known, rulebook)
    plan = rules.decide(rulebook, call, caller, now, known, given=given.facts)
    way = straight_way(plan)
    decision = replace(plan.decision, menus=plan.further_menus())
    return {
        "identity": _identity(caller),
        "caller": _caller(caller),
        "rulebook_version": rulebook.version,
        "dialled": dialled,
        "entry": entry.key,
        "tried": _tried(given),
        "decision": decision.as_json(),
        "way": way,
    }


def _tried(given: Given) -> dict[str, Any]:
    facts = {name: as_json(value) for name, value in given.facts.items()}
    if given.propensity is not None:
        facts[PROPENSITY] = given.propensity
    facts |= {f"{FACT}{experiment}": arm for experiment, arm in given.arms.items()}
    return {"at": given.at.isoformat() if given.at else None, "facts": facts}


def explain_call(detail: CallDetail) -> dict[str, Any]:
    """The same of a call that was, from what was kept with it, and `call`: how it went on. The
    decision is the one that the caller heard, None where none was made; those before it and after
    it are in `call`, with what they changed."""
    summary, decisions = detail.summary, decisions_of(detail)
    heard = decisions.heard or {"rulebook_version": detail.rulebook_version, "decision": None}
    return {
        "identity": {
            "outcome": detail.identity_outcome or IdentityOutcome.NONE.value,
            "method": detail.identity_method or NOT_LOOKED_UP,
            "confidence": detail.identity_confidence,
            "candidates": [
                {"ref": f"{one['crm']}:{one['id']}", "name": one["name"], "company": one["company"]}
                for one in detail.candidates
            ],
            "degraded": [],
        },
        "caller": {
            "number": summary.number,
            "known": summary.contact is not None,
            "ref": str(summary.contact) if summary.contact else None,
            "name": summary.contact_name,
            "company": None,
            "language": None,
            "tier": None,
            "lifecycle": None,
            "segment_reasons": [],
        },
        "rulebook_version": heard["rulebook_version"],
        "dialled": summary.dialled,
        "decision": heard["decision"],
        "call": _course(detail, decisions),
    }


def _course(detail: CallDetail, decisions: Decisions) -> dict[str, Any]:
    summary, routed = detail.summary, detail.routed
    return {
        "id": str(summary.call_id),
        "arrived_at": summary.arrived_at.isoformat(),
        "ended_at": summary.ended_at.isoformat() if summary.ended_at else None,
        "outcome": summary.outcome.value if summary.outcome else None,
        "fallback": summary.fallback,
        "queue": summary.queue,
        "answered_at": summary.answered_at.isoformat() if summary.answered_at else None,
        "keys": [asdict(key) for key in detail.menu_path],
        "typed": dict(detail.typed),
        "routed": {"kind": routed[0], "target": routed[1]} if routed else None,
        "callback": detail.callback,
        "agents": [leg.agent for leg in detail.legs],
        "legs": [
            {
                "agent": leg.agent,
                "via": leg.via.value,
                "answered_at": leg.answered_at.isoformat() if leg.answered_at else None,
                "ended_at": leg.ended_at.isoformat() if leg.ended_at else None,
            }
            for leg in detail.legs
        ],
        "lead": detail.lead_id,
        "record": detail.record_state,
        "earlier_decisions": list(decisions.earlier),
        "later_decisions": list(decisions.later),
    }


def _identity(caller: Caller) -> dict[str, Any]:
    identity = caller.identity
    return {
        "outcome": identity.outcome.value,
        "method": identity.method,
        "confidence": identity.confidence,
        "candidates": [
            {"ref": str(one.ref), "name": one.name, "company": one.company}
            for one in identity.candidates
        ],
        "degraded": list(caller.degraded),
    }


def _caller(caller: Caller) -> dict[str, Any]:
    contact, segments = caller.contact, caller.segments
    return {
        "number": caller.number,
        "known": caller.is_known,
        "ref": str(contact.ref) if contact else None,
        "name": contact.name if contact else None,
        "company": contact.company if contact else None,
        "language": contact.language if contact else None,
        "tier": segments.tier.value if segments else None,
        "lifecycle": segments.lifecycle.value if segments else None,
        "segment_reasons": list(segments.reasons) if segments else [],
    }
