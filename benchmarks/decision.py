"""What one decision costs: `ivr.rules.decide` with 10, 100 and 1,000 rules, beside 50 offers.

Processor time of the thread, so that others on the machine do not count; every decision is of
another caller. Rules and offers are of the kinds that people write: one to three conditions each.

    python -m benchmarks.decision [--quick] [--json]
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from benchmarks.measuring import quantile
from calls.call import Call, CallId
from calls.caller import Caller, Contact, ContactRef, Identity, IdentityOutcome, Order
from calls.offers import CallerMemory, OfferHistory, Propensities
from calls.segments import LifecycleStage, Segments, Tier
from config.rulebook import Rulebook
from config.rulebook_loader import load_rulebook
from ivr.known import Known
from ivr.rules import decide

RULES = (10, 100, 1_000)
OFFERS = 50
AIM_MS = 2.0
NOW = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
GROUPS = ("route", "hold", "lead", "pop", "offers")
_TIERS = [tier.value for tier in Tier]


def measure(*, decisions: int) -> dict[str, Any]:
    draw = random.Random(1)
    callers = [caller(draw, number) for number in range(200)]
    rulebooks = {rules: written(rules, OFFERS) for rules in RULES}
    # As the server does once it stands.
    gc.collect()
    gc.freeze()
    rows = {}
    for rules, rulebook in rulebooks.items():
        timed(rulebook, callers[:20], 20)
        rows[rules] = timed(rulebook, callers, decisions)
    return {
        "benchmark": "decision",
        "decisions": decisions,
        "offers": OFFERS,
        "aim_ms": AIM_MS,
        "rules": {str(rules): _figures(ms, len(callers)) for rules, ms in rows.items()},
    }


def _figures(ms: list[float], callers: int) -> dict[str, float]:
    """Beside the quantiles of all: the least of each caller's rounds, which neighbours on the
    machine did not disturb."""
    undisturbed = [min(ms[number::callers]) for number in range(min(callers, len(ms)))]
    return {
        "p50_ms": round(quantile(ms, 0.5), 3),
        "p99_ms": round(quantile(ms, 0.99), 3),
        "undisturbed_p99_ms": round(quantile(undisturbed, 0.99), 3),
    }


def timed(
    rulebook: Rulebook, callers: list[tuple[Call, Caller, Known]], decisions: int
) -> list[float]:
    """Milliseconds of each."""
    spent = []
    for number in range(decisions):
        call, who, known = callers[number % len(callers)]
        began = time.thread_time_ns()
        plan = decide(rulebook, call, who, NOW, known)
        spent.append((time.thread_time_ns() - began) / 1e6)
        assert plan.decision.options or plan.decision.route.skip_menu
        # Freed here: a call keeps its plan for longer than a decision takes.
        del plan
    return spent


def written(rules: int, offers: int) -> Rulebook:
    """Through the loader, as an author's files would come."""
    files = {
        "numbers.yaml": {"numbers": {"default": {"menu": "main", "language": "en"}}},
        "menus.yaml": {"menus": {"main": _menu()}},
        "hold.yaml": {
            "programmes": {f"p{n}": [{"music_s": 20}, {"offer": True}] for n in range(5)}
        },
        "rules.yaml": {"rules": {group: list(_rules(group, rules)) for group in GROUPS}},
        "offers.yaml": {"offers": {f"o{n}": _offer(n) for n in range(offers)}},
    }
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
        return load_rulebook(Path(folder)).or_raise()


def _menu() -> dict[str, Any]:
    options: list[dict[str, Any]] = [
        {"intent": f"i{n}", "say": f"For matter number {n}", "do": {"queue": f"q{n}"}}
        for n in range(6)
    ]
    options.insert(
        0,
        {
            "intent": "order",
            "when": {"caller.open_orders": {"gt": 0}},
            "say": "For news of your {{ caller.last_order.product }}",
            "do": {"queue": "orders"},
        },
    )
    greeting = "Welcome{% if caller.known %}, {{ caller.first_name }}{% endif %}."
    return {
        "greeting": greeting,
        "order": "by_propensity",
        "options": [*options, {"offer_slot": 1}],
    }


def _rules(group: str, rules: int) -> Iterator[dict[str, Any]]:
    then: dict[str, Any] = {
        "route": {"queue": "vips", "priority": 3},
        "hold": {"programme": "p1"},
        "lead": {"lead": "never"},
        "pop": {"note": "Speak with {{ caller.first_name }}"},
        "offers": {"allowed": True},
    }[group]
    for n in range(rules // len(GROUPS)):
        when: dict[str, Any] = {
            "caller.tier": _TIERS[n % len(_TIERS)],
            "caller.days_since_last": {"gt": 10_000 + n},
        }
        if n % 3 == 0:
            when = {
                "any": [{"call.hour": {"between": [22, 23]}}, {"caller.owns": {"has": f"X{n}"}}]
            }
        yield {"name": f"{group}-{n}", "when": when, "then": then}


def _offer(n: int) -> dict[str, Any]:
    return {
        "product": f"P{n}",
        "when": {"caller.open_orders": {"lt": n % 4 + 1}, "propensity": {"gte": 0.01 * (n % 10)}},
        "never": {"caller.lifecycle": "lost"},
        "menu": "To protect your {{ caller.last_order.product }}",
        "hold": "Did you know of number {{ caller.last_order.days_ago }}?",
        "agent": "Mention it.",
        "cap": {"heard": 2, "per_days": 30},
    }


def caller(draw: random.Random, number: int) -> tuple[Call, Caller, Known]:
    order = Order("1", "Machine", "sent", NOW - timedelta(days=draw.randint(0, 90)), None, True)
    who = Caller(
        f"+1202555{number:04}",
        Identity(IdentityOutcome.UNIQUE, "e164", 1.0),
        Contact(
            ContactRef("demo", str(number)),
            f"Name{number}",
            "Surname",
            orders=(order,) * draw.randint(0, 2),
            owns=frozenset(f"P{draw.randrange(OFFERS)}" for _ in range(4)),
        ),
        Segments(
            draw.choice(list(Tier)),
            draw.choice(list(LifecycleStage)),
            draw.randint(1, 5),
            draw.randint(1, 5),
            draw.randint(1, 5),
            draw.randint(1, 400),
            30,
            900.0,
        ),
    )
    intents = {("main", f"i{n}"): draw.random() / 6 for n in range(6)}
    known = Known(
        memory=CallerMemory(
            digits={("main", "i3"): "2"},
            choices=intents,
            offers={f"o{n}": OfferHistory((draw.random() * 60,)) for n in range(10)},
        ),
        propensities=Propensities(intents, {f"P{n}": draw.random() for n in range(OFFERS)}),
    )
    call = Call(CallId("b", str(number)), "", "", "", False, "18005550100", "en", NOW)
    return call, who, known


def run(*, quick: bool) -> dict[str, Any]:
    return measure(decisions=100 if quick else 5_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seen = run(quick=options.quick)
    if options.json:
        print(json.dumps(seen))
        return
    for rules, figures in seen["rules"].items():
        print(
            f"{rules:>6} rules: p50 {figures['p50_ms']} ms, p99 {figures['p99_ms']} ms, "
            f"undisturbed {figures['undisturbed_p99_ms']} ms"
        )


if __name__ == "__main__":
    main()
