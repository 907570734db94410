"""Rows of (caller, intent) of one menu: the same code makes them for training and serving."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from calls.call_moment import CallMoment
from calls.contact_features import ContactFeatures
from scoring.decay import smoothed
from scoring.features.moment import MOMENT_NAMES, numbers_of
from scoring.features.schema import CALL_NAMES, GROUP_OF, NAMES

Matrix = NDArray[np.float32]

#: How many own choices outweigh what everybody chooses.
PRIOR_STRENGTH = 2.0
#: Intents that the model knows by name, the most frequent first.
NAMED_INTENTS = 12
#: What the trees are added to: the share that counting finds.
OWN_SHARE = "own_share"
_OF_INTENT = (
    OWN_SHARE,
    "own_weight",
    "is_last",
    "days_since_choice",
    "house_share",
    "moment_share",
)
_OF_CALLER = ("own_choices", "own_differing", "days_since_any_choice", "is_known")
#: Of the contact's row, those that have to do with why somebody calls.
CONTACT_COLUMNS = (
    "visits",
    "recency_days",
    "visits_decayed_30d",
    "spend_decayed_90d",
    *CALL_NAMES,
)
_NAMED = tuple(f"intent_{place}" for place in range(NAMED_INTENTS))
INTENT_COLUMNS = (*_OF_INTENT, *_OF_CALLER, *CONTACT_COLUMNS, *MOMENT_NAMES, *_NAMED)
INTENT_GROUP_OF: Mapping[str, str] = MappingProxyType(
    {
        **{name: GROUP_OF[name] for name in CONTACT_COLUMNS},
        **dict.fromkeys((*_OF_INTENT, *_OF_CALLER, *_NAMED), "choices"),
        "house_share": "house",
        "moment_share": "moment",
        **dict.fromkeys(MOMENT_NAMES, "moment"),
    }
)
_PLACES = [NAMES.index(name) for name in CONTACT_COLUMNS]
_CALLER_AT = len(_OF_INTENT)
_CONTACT_AT = _CALLER_AT + len(_OF_CALLER)
_MOMENT_AT = _CONTACT_AT + len(CONTACT_COLUMNS)
_NAMED_AT = _MOMENT_AT + len(MOMENT_NAMES)
_NAN = float("nan")
_NOTHING: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ChoicesSeen:
    """What is known of a caller and one menu. `own`: choices by intent, older ones counting less;
    `days_ago`: since each was last made. `house`: shares of everybody; `moment`: of strangers, or
    of known callers, at such a moment."""

    house: Mapping[str, float]
    own: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    days_ago: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    moment: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    is_known: bool = False


def intent_rows(
    intents: Sequence[str],
    seen: ChoicesSeen,
    features: ContactFeatures | None,
    moment: CallMoment,
    named: Mapping[str, int],
) -> Matrix:
    """One for each intent. `named`: by intent, the place of its own column."""
    rows = np.full((len(intents), len(INTENT_COLUMNS)), np.nan, dtype=np.float32)
    rows[:, _NAMED_AT:] = 0.0
    prior = seen.house if seen.is_known else {**seen.house, **seen.moment}
    shares = smoothed(seen.own, prior, PRIOR_STRENGTH)
    last = min(seen.days_ago, key=seen.days_ago.__getitem__, default=None)
    if intents:
        rows[:, :_CALLER_AT] = [
            (
                shares.get(intent, 0.0),
                seen.own.get(intent, 0.0),
                float(intent == last),
                seen.days_ago.get(intent, _NAN),
                seen.house.get(intent, 0.0),
                seen.moment.get(intent, seen.house.get(intent, 0.0)),
            )
            for intent in intents
        ]
    for at, intent in enumerate(intents):
        place = named.get(intent, NAMED_INTENTS)
        if place < NAMED_INTENTS:
            rows[at, _NAMED_AT + place] = 1.0
    rows[:, _CALLER_AT:_CONTACT_AT] = (
        sum(seen.own.values()),
        len(seen.own),
        _NAN if last is None else seen.days_ago[last],
        float(seen.is_known),
    )
    if features is not None:
        rows[:, _CONTACT_AT:_MOMENT_AT] = np.array(features.values, dtype=np.float32)[_PLACES]
    rows[:, _MOMENT_AT:_NAMED_AT] = numbers_of(moment)
    return rows
