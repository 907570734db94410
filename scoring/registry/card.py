"""What a model is, what it was learned from and how good it was: one JSON file beside it.

The file may have been written by anybody: it is checked and its size is limited before it is used.
"""

from __future__ import annotations

import enum
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from scoring.registry.refusals import ModelRefused, NotTried

MAX_CARD_BYTES = 1_000_000
#: A row wider than this is no contact's.
MAX_COLUMNS = 2_000
#: When it was trained (UTC) and the beginning of the file's SHA-256: sorts by time.
VERSION = r"[0-9]{8}-[0-9]{6}-[0-9a-f]{8}"


class ModelKind(enum.StrEnum):
    """CHURN: probability of no purchase within the horizon. PURCHASES: expected number of purchases
    within it. OFFERS: probability that this contact takes this offer. INTENTS: probability that the
    caller chooses this intent; the scores of one menu are made to add up to 1."""

    CHURN = "churn"
    PURCHASES = "purchases"
    OFFERS = "offers"
    INTENTS = "intents"


#: How a margin becomes an answer.
LOGISTIC = frozenset({"binary:logistic", "reg:logistic"})
EXPONENTIAL = frozenset({"count:poisson", "reg:gamma", "reg:tweedie"})
IDENTITY = frozenset({"reg:squarederror"})

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Words = Annotated[str, StringConstraints(max_length=2_000)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Measured(_Frozen):
    """`low` and `high`: where it lies in 95 of 100 resamplings of the contacts."""

    value: FiniteFloat
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None


Figures = Annotated[dict[Name, Measured], Field(max_length=50)]


class Base(_Frozen):
    """What the trees are added to. `none`: the model's own constant. `smoothed`: the logit (or
    logarithm) of the row's one column named here. `btyd`: Pareto/NBD's expectation from the three
    columns visits, recency in days and tenure in days, and one column for each trait."""

    kind: Literal["none", "btyd", "smoothed"] = "none"
    columns: Annotated[tuple[Name, ...], Field(max_length=20)] = ()
    #: Of `scoring.models.btyd.ParetoNbd`: r, alpha, s, beta, buying, dying, centre, spread.
    parameters: Annotated[
        dict[Name, Annotated[tuple[FiniteFloat, ...], Field(max_length=20)]], Field(max_length=20)
    ] = {}


class Platt(_Frozen):
    """The answer's logit is `a` times the model's plus `b`."""

    a: FiniteFloat
    b: FiniteFloat


class Verdict(_Frozen):
    """What the gate said when it was trained."""

    promoted: bool = False
    because: Annotated[tuple[Words, ...], Field(max_length=50)] = ()


class Window(_Frozen):
    """What was looked at, in whole days of UTC."""

    since: AwareDatetime
    until: AwareDatetime


class Reliable(_Frozen):
    """One group of like forecasts: their mean and the share that came true."""

    forecast: FiniteFloat
    came: FiniteFloat
    rows: Annotated[int, Field(ge=0)]


class ModelCard(_Frozen):
    """`version` and `sha256` are given by the registry as the model is added."""

    kind: ModelKind
    version: Annotated[str, StringConstraints(pattern=rf"^({VERSION})?$")] = ""
    #: Of the contact's row (`scoring.features.schema.SCHEMA`).
    contact_schema: Name
    columns: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_COLUMNS)]
    objective: Name
    base: Base = Base()
    horizon_days: Annotated[int, Field(ge=1, le=3_650)] | None = None
    trained_at: AwareDatetime
    window: Window | None = None
    rows: Annotated[int, Field(ge=0)] = 0
    contacts: Annotated[int, Field(ge=0)] = 0
    metrics: Figures = {}
    #: By baseline, the same figures.
    baselines: Annotated[dict[Name, Figures], Field(max_length=20)] = {}
    #: By slice (known, unknown, cold, vip), the same figures.
    slices: Annotated[dict[Name, Figures], Field(max_length=50)] = {}
    calibration: Platt | None = None
    reliability: Annotated[tuple[Reliable, ...], Field(max_length=100)] = ()
    decision: Verdict = Verdict()
    #: Version that it was compared with.
    champion: Annotated[str, StringConstraints(pattern=rf"^({VERSION})$")] | None = None
    #: By group of features: share of the mean size of contributions.
    importance: Annotated[dict[Name, FiniteFloat], Field(max_length=200)] = {}
    sha256: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""
    extra: Annotated[dict[Name, JsonValue], Field(max_length=100)] = {}

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.objective not in LOGISTIC | EXPONENTIAL | IDENTITY:
            raise ValueError(f"objective {self.objective} is not served")
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("a column is named twice")
        missing = [name for name in self.base.columns if name not in self.columns]
        if missing:
            raise ValueError(f"the base needs {missing[0]}, which is no column")
        if self.calibration is not None and self.objective not in LOGISTIC:
            raise ValueError("only a probability is calibrated")
        return self

    def as_text(self) -> str:
        return self.model_dump_json(indent=1) + "\n"


def read_card(path: Path) -> ModelCard:
    """Raises ModelRefused."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_CARD_BYTES + 1)
    except OSError as error:
        raise NotTried(f"{path}: {error.strerror}") from error
    if len(text) > MAX_CARD_BYTES:
        raise ModelRefused(f"{path}: a card has at most {MAX_CARD_BYTES} bytes")
    try:
        return ModelCard.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelRefused(f"{path}: {where}: {first['msg'][:300]}") from error


def version_of(trained_at: datetime, sha256: str) -> str:
    return f"{trained_at:%Y%m%d-%H%M%S}-{sha256[:8]}"
