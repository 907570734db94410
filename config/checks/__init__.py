"""What can only be seen with the whole rulebook on the table: names, ways, keys and languages."""

from __future__ import annotations

from collections.abc import Iterator

from config.checks.clocks import unclear_clocks
from config.checks.dialled import unknown_numbers
from config.checks.endless import endless_ways
from config.checks.experiments import rival_experiments
from config.checks.intents import unknown_intents
from config.checks.keys import keys
from config.checks.languages import full_languages, missing_languages, read_as_they_are
from config.checks.names import unknown_names
from config.checks.never import never_matching
from config.checks.recordings import check_recordings
from config.checks.segments import unknown_segments
from config.checks.standing import standing_still
from config.checks.unused import unused
from config.problems import Problem
from config.reading.found import Found

__all__ = ["check_recordings", "check_sound", "check_whole", "full_languages"]


def check_whole(found: Found) -> Iterator[Problem]:
    yield from unknown_names(found)
    yield from unknown_intents(found)
    yield from unknown_segments(found)
    yield from keys(found)
    yield from unclear_clocks(found)
    yield from never_matching(found)
    yield from rival_experiments(found)
    yield from endless_ways(found)
    yield from missing_languages(found)


def check_sound(found: Found) -> Iterator[Problem]:
    """Of a rulebook without errors: what comes to nothing may only follow from one."""
    yield from unknown_numbers(found)
    yield from unused(found)
    yield from read_as_they_are(found)
    yield from standing_still(found)
