"""A caller's time: mean seconds from the end of the greeting until the option they want has been
heard, over real calls of a bank's call centre (Technion, anonymous, 1-21 February 1999).

Ours beside the best static menu (one order for everybody, with the least mean on the first two
weeks) and beside the optimum (every caller's choice known and spoken first). Two weeks to learn
from, the third to be measured on; each caller's choice is learned only after it was counted. The
probabilities are those of `scoring.propensities`, the order that of `ivr.ordering`, the seconds
those of sentences that flite spoke. Nobody presses a key before they heard their option here, so
keys that stay the same, which let a caller type ahead, gain nothing.

    python -m benchmarks.caller_time [--data FOLDER] [--json]

FOLDER holds anonymous_bank_calls_1999-02_01-21.tsv.gz; else the environment's SWITCHBOARD_DATA.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gzip
import json
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

from ivr import sound
from ivr.ordering import estimated_seconds, expected_seconds, shortest_wait
from ivr.speech_flite import Flite
from scoring.decay import HALF_LIFE, smoothed
from scoring.propensities import PRIOR_STRENGTH

FILE = "anonymous_bank_calls_1999-02_01-21.tsv.gz"
ENVIRONMENT = "SWITCHBOARD_DATA"
AIM = 0.75
#: The file's `type`, which a caller chose, and how our menu would say it. Calls back by the bank
#: (TT) and phantoms, which nobody chose, are left out.
SENTENCES = {
    "PS": "For your accounts and payments, press 1.",
    "PE": "For service in another language, press 1.",
    "IN": "For help with internet banking, press 1.",
    "NE": "For stocks and securities, press 1.",
    "NW": "To open an account with us, press 1.",
}
OPTIONS = tuple(SENTENCES)
THIRD_WEEK = datetime(1999, 2, 15, tzinfo=UTC)

#: As so many calls weighs everybody's prior in that of a kind of call.
KIND_STRENGTH = 20.0

Shares = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class BankCall:
    at: datetime
    #: None where the bank did not record who called.
    caller: str | None
    wanted: str
    priority: str


#: Calls that have their shares of choices together.
Kind = Callable[[BankCall], object]


@dataclass(slots=True)
class Learned:
    """What was chosen so far: by all, by each kind of call, and by each caller (with the time)."""

    kind: Kind
    everybody: Counter[str] = field(default_factory=Counter)
    kinds: dict[object, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    own: dict[str, list[tuple[datetime, str]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, call: BankCall) -> None:
        self.everybody[call.wanted] += 1
        self.kinds[self.kind(call)][call.wanted] += 1
        if call.caller is not None:
            self.own[call.caller].append((call.at, call.wanted))


@dataclass(frozen=True, slots=True)
class Way:
    """A way to tell what a caller wants. `kind` groups calls whose shares are the prior; None: one
    prior for everybody."""

    strength: float = PRIOR_STRENGTH
    half_life_days: float = HALF_LIFE.days
    kind: Kind | None = None

    def probabilities(self, call: BankCall, learned: Learned) -> Shares:
        prior = shares_of(learned.everybody)
        if self.kind is not None:
            prior = smoothed(learned.kinds[self.kind(call)], prior, KIND_STRENGTH)
        own: dict[str, float] = defaultdict(float)
        for at, wanted in learned.own.get(call.caller or "", ()):
            own[wanted] += 0.5 ** ((call.at - at).days / self.half_life_days)
        return smoothed(own, prior, self.strength)


SHIPPED = Way()
#: What else was tried, each against the same calls.
TRIED = {
    "own choices weigh more (strength 0.5)": Way(strength=0.5),
    "own choices weigh less (strength 5)": Way(strength=5.0),
    "own choices fade in 3 days": Way(half_life_days=3.0),
    "prior of known and of unknown callers apart": Way(kind=lambda call: (call.caller is None,)),
    "prior by priority": Way(kind=lambda call: (call.caller is None, call.priority)),
    "prior by hour": Way(kind=lambda call: (call.caller is None, call.at.hour)),
    "prior by weekday and hour": Way(
        kind=lambda call: (call.caller is None, call.at.weekday(), call.at.hour)
    ),
}


def calls_of(path: Path) -> list[BankCall]:
    """In the order they came in."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    found = [
        BankCall(
            datetime.strptime(f"{row['date']} {row['vru_entry']}", "%y%m%d %H:%M:%S").replace(
                tzinfo=UTC
            ),
            None if row["customer_id"] == "0" else row["customer_id"],
            row["type"],
            row["priority"],
        )
        for row in rows
        if row["outcome"] != "PHANTOM" and row["type"] in SENTENCES
    ]
    return sorted(found, key=lambda call: call.at)


async def spoken_seconds() -> tuple[dict[str, float], str]:
    """By option, and what tells them."""
    if shutil.which("flite") is None:
        return {o: estimated_seconds(s, "en") for o, s in SENTENCES.items()}, "estimated"
    engine = Flite(program="flite", voice="slt", warm=False)
    try:
        lengths = {o: len(await engine.speak(s, "en")) / sound.RATE for o, s in SENTENCES.items()}
    finally:
        await engine.close()
    return lengths, "spoken by flite"


def shares_of(counts: Mapping[str, int]) -> Shares:
    total = sum(counts.values())
    return {option: count / total for option, count in counts.items()}


def heard_s(order: Iterable[str], wanted: str, seconds: Shares) -> float:
    spent = 0.0
    for option in order:
        spent += seconds[option]
        if option == wanted:
            break
    return spent


def best_static(calls: list[BankCall], seconds: Shares) -> tuple[str, ...]:
    """Of all orders; ties in favour of the file's."""
    shares = shares_of(Counter(call.wanted for call in calls))

    def mean(order: tuple[str, ...]) -> float:
        return expected_seconds([(shares.get(option, 0.0), seconds[option]) for option in order])

    return min(permutations(OPTIONS), key=mean)


#: What one caller wants, as far as it can be told.
Teller = Callable[[BankCall, Learned], Shares]


def measured(
    tell: Teller, calls: list[BankCall], seconds: Shares, kind: Kind | None = None
) -> dict[str, float]:
    """Mean seconds of the third week: of all, of callers the bank knew, of those with a call
    before, and of the others."""
    learned, spent = Learned(kind or (lambda call: None)), defaultdict[str, list[float]](list)
    for call in calls:
        if call.at >= THIRD_WEEK:
            likely = dict.fromkeys(OPTIONS, 0.0) | dict(tell(call, learned))
            order = shortest_wait(OPTIONS, likely.__getitem__, seconds.__getitem__)
            heard = heard_s(order, call.wanted, seconds)
            for group in groups_of(call, learned):
                spent[group].append(heard)
        learned.add(call)
    return {group: sum(times) / len(times) for group, times in spent.items()}


def groups_of(call: BankCall, learned: Learned) -> list[str]:
    if call.caller is None:
        return ["all", "unknown"]
    return ["all", "known", "known before" if call.caller in learned.own else "known first time"]


def measure(calls: list[BankCall]) -> dict[str, Any]:
    seconds, source = asyncio.run(spoken_seconds())
    order = best_static([call for call in calls if call.at < THIRD_WEEK], seconds)
    # Probabilities that fall so steeply make this order for everybody.
    falling = {option: 1e-3**place for place, option in enumerate(order)}
    static = measured(lambda call, learned: falling, calls, seconds)
    optimum = measured(lambda call, learned: {call.wanted: 1.0}, calls, seconds)
    ours = measured(SHIPPED.probabilities, calls, seconds)
    tried = {
        name: measured(way.probabilities, calls, seconds, way.kind) for name, way in TRIED.items()
    }
    counted = [call for call in calls if call.at >= THIRD_WEEK]
    return {
        "benchmark": "caller_time",
        "calls": len(counted),
        "known_calls": sum(call.caller is not None for call in counted),
        "seconds": f"{source}: " + ", ".join(f"{o} {s:.2f}" for o, s in seconds.items()),
        "static_order": list(order),
        "static_s": _rounded(static),
        "ours_s": _rounded(ours),
        "optimum_s": _rounded(optimum),
        "ratio": round(ours["all"] / static["all"], 3),
        "ratio_known": round(ours["known before"] / static["known before"], 3),
        "ratio_optimum": round(optimum["all"] / static["all"], 3),
        "ratio_optimum_known": round(optimum["known before"] / static["known before"], 3),
        "gained": _gained(ours, static, optimum, "all"),
        "gained_known": _gained(ours, static, optimum, "known before"),
        "aim": AIM,
        "tried_ratio": {name: round(one["all"] / static["all"], 3) for name, one in tried.items()},
    }


def _gained(ours: Shares, static: Shares, optimum: Shares, group: str) -> float:
    """Of the seconds between the static menu and the optimum."""
    return round((static[group] - ours[group]) / (static[group] - optimum[group]), 2)


def _rounded(seconds: Mapping[str, float]) -> dict[str, float]:
    return {group: round(mean, 2) for group, mean in seconds.items()}


def data_file(folder: str | None = None) -> Path | None:
    """None where nobody said where the data is, or it is not there."""
    told = folder or os.environ.get(ENVIRONMENT)
    path = Path(told) / FILE if told else None
    return path if path is not None and path.exists() else None


def run(*, quick: bool, folder: str | None = None) -> dict[str, Any]:
    """`skipped` says why, where the data is missing; with `quick` made-up calls then show that it
    works."""
    path = data_file(folder)
    if path is not None:
        return measure(calls_of(path)) | {"source": "real calls of a bank"}
    if quick:
        return measure(made_up()) | {"source": "made-up calls"}
    return {"skipped": f"no {FILE}: say its folder by --data or {ENVIRONMENT}"}


def made_up() -> list[BankCall]:
    """Ten callers who want the same every day, and ten strangers a day who want anything."""
    starts = THIRD_WEEK - timedelta(days=14)
    return [
        BankCall(starts + timedelta(days=day, minutes=n), caller, OPTIONS[wanted % 5], "1")
        for day in range(21)
        for n in range(10)
        for caller, wanted in ((str(n), n), (None, day + n))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--data", metavar="FOLDER")
    parser.add_argument("--quick", action="store_true", help="made-up calls where there is no data")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seen = run(quick=options.quick, folder=options.data)
    if options.json:
        print(json.dumps(seen))
    elif "skipped" in seen:
        parser.exit(1, f"SKIPPED, nothing was measured: {seen['skipped']}\n")
    else:
        _print(seen)


def _print(seen: Mapping[str, Any]) -> None:
    print(f"{seen['calls']} {seen['source']}, {seen['known_calls']} of known callers")
    print(f"sentences {seen['seconds']}")
    for who in ("static", "ours", "optimum"):
        means = ", ".join(f"{group} {mean}" for group, mean in seen[f"{who}_s"].items())
        print(f"  {who:8} {means}")
    reached = "reached" if seen["ratio"] <= AIM else "MISSED"
    print(f"ours is {seen['ratio']} of static, the aim {AIM}: {reached}")
    print(f"the optimum is {seen['ratio_optimum']} of static: no order can be below")
    print(f"of the seconds between static and optimum {seen['gained']:.0%} are gained")
    print(
        f"who is known and called before: {seen['ratio_known']} of static, the optimum "
        f"{seen['ratio_optimum_known']}; {seen['gained_known']:.0%} gained"
    )
    for name, ratio in seen["tried_ratio"].items():
        print(f"  tried {name}: {ratio}")


if __name__ == "__main__":
    main()
