"""Hours without a clock of their own go by the numbers'; a closure of theirs has one clock only."""

from __future__ import annotations

from collections.abc import Iterator

from config.problems import Problem, Severity
from config.reading.found import Found


def unclear_clocks(found: Found) -> Iterator[Problem]:
    for closure in found.closures:
        for name in closure.hours:
            hours = found.hours.get(name)
            if hours is None or hours.timezone is not None:
                continue
            if len({n.timezone for n in found.numbers.values() if n.hours == name}) > 1:
                sentence = (
                    f"the closure '{closure.name}' goes by the server's clock, because numbers "
                    f"with different clocks keep the hours '{name}'; write the hours' timezone"
                )
                yield Problem.at(closure.place, sentence, Severity.WARNING)
