"""The models that answer now, in memory; looked for anew behind every call's back."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.registry.card import ModelCard, ModelKind
from scoring.registry.refusals import ModelRefused, NotTried
from scoring.registry.registry import ModelRegistry
from scoring.serving.bases import BaseMargin
from scoring.serving.served_model import Floats, Matrix, ServedModel, linked

log = logging.getLogger(__name__)

#: Raises ValueError where the card's extra is not what training writes.
CardReader = Callable[[ModelCard], Any]

#: Until a version is tried again that was refused for a reason that passes; doubled each time.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 60.0, 3_600.0


@dataclass(frozen=True, slots=True)
class ModelInUse:
    """`places`: where the model's columns stand among those of the row that is made; None where
    they are the same. `told`: what its card tells those who make the rows, read already."""

    card: ModelCard
    model: ServedModel
    base: BaseMargin
    places: NDArray[np.intp] | None
    told: Any = None

    @classmethod
    def of(
        cls,
        card: ModelCard,
        model: ServedModel,
        names: Sequence[str],
        read: CardReader | None = None,
    ) -> ModelInUse:
        """`names` are those of the rows that are made here. Raises ModelRefused."""
        try:
            base = BaseMargin(
                card.base,
                columns=card.columns,
                kind=card.kind,
                objective=card.objective,
                horizon_days=card.horizon_days,
            )
            told = read(card) if read is not None else None
        except ValueError as error:
            raise ModelRefused(f"{card.kind} {card.version}: {error}") from error
        places = None if card.columns == tuple(names) else _places(card.columns, names)
        return cls(card, model, base, places, told)

    def own(self, rows: Matrix) -> Matrix:
        """The model's columns of one row or many."""
        return rows if self.places is None else rows[..., self.places]

    def answers(self, rows: Matrix, known: dict[str, Floats] | None = None) -> Floats:
        """Calibrated as the card says. `known`: as for `BaseMargin`."""
        margins = self.model.margins(rows, self.base(rows, known))
        platt = self.card.calibration
        if platt is not None:
            margins = platt.a * margins + platt.b
        return linked(margins, self.card.objective)

    def contributions(self, row: Matrix) -> Floats:
        """By column, and last what was there without them; before the calibration."""
        margin = self.base(row[None])
        return self.model.contributions(row, None if margin is None else float(margin[0]))


class ModelsInUse:
    """What cannot be used is logged once, and the good one before it stays. `names` are the columns
    of the rows that are made for each kind; of a kind that is not there no model is used. `readers`
    read what the makers of those rows need of the card; what they cannot read is refused."""

    def __init__(
        self,
        *,
        registry: ModelRegistry,
        schema: str,
        names: Mapping[ModelKind, Sequence[str]],
        readers: Mapping[ModelKind, CardReader] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = registry
        self._schema = schema
        self._names = names
        self._readers = readers or {}
        self._found: dict[ModelKind, ModelInUse] = {}
        #: By kind: the version that was refused, and why.
        self.refused: dict[ModelKind, tuple[str, str]] = {}
        self._clock = clock
        #: Of those refused for a reason that passes: until when, and how long that pause is.
        self._rests: dict[ModelKind, tuple[float, float]] = {}

    def of(self, kind: ModelKind) -> ModelInUse | None:
        return self._found.get(kind)

    def versions(self) -> dict[str, str]:
        return {str(kind): found.card.version for kind, found in self._found.items()}

    async def refresh(self) -> None:
        """Never raises."""
        for kind in self._names:
            await asyncio.to_thread(self._refresh, kind)

    def _refresh(self, kind: ModelKind) -> None:
        version = "the pointer"
        try:
            pointer = self._registry.pointer(kind)
            if pointer is None:
                self._found.pop(kind, None)
                return
            version = pointer.current
            used = self._found.get(kind)
            if used is not None and used.card.version == version:
                self.refused.pop(kind, None)
                return
            if self.refused.get(kind, ("", ""))[0] == version:
                rest = self._rests.get(kind)
                if rest is None or self._clock() < rest[0]:
                    return
            loaded = self._registry.load_checked(kind)
            if loaded is None:
                return
            card, model = loaded
            if card.contact_schema != self._schema:
                raise ModelRefused(
                    f"{kind} {version} was trained on rows of {card.contact_schema}, rows are "
                    f"{self._schema} now; train anew"
                )
            found = ModelInUse.of(card, model, self._names[kind], self._readers.get(kind))
            # The first answer of a library takes longer than those that follow.
            found.contributions(np.zeros(len(found.card.columns), dtype=np.float32))
            found.answers(np.zeros((1, len(found.card.columns)), dtype=np.float32))
            self._found[kind] = found
            self.refused.pop(kind, None)
            self._rests.pop(kind, None)
            log.info("scoring: %s model %s is in use", kind, found.card.version)
        except Exception as error:  # noqa: BLE001 -- a model must not end the server
            if self.refused.get(kind) != (version, str(error)):
                stays = "the one before stays" if kind in self._found else "none is used"
                log.warning("scoring: %s model refused, %s: %s", kind, stays, error)
            self._rest(kind, version, passes=isinstance(error, NotTried | OSError))
            self.refused[kind] = (version, str(error))

    def _rest(self, kind: ModelKind, version: str, *, passes: bool) -> None:
        before = self._rests.pop(kind, None)
        if passes:
            is_same = before is not None and self.refused.get(kind, ("", ""))[0] == version
            pause_s = min(2 * before[1], LONGEST_PAUSE_S) if before and is_same else FIRST_PAUSE_S
            self._rests[kind] = (self._clock() + pause_s, pause_s)


def _places(columns: Sequence[str], names: Sequence[str]) -> NDArray[np.intp]:
    at = {name: place for place, name in enumerate(names)}
    missing = [name for name in columns if name not in at]
    if missing:
        raise ModelRefused(f"the model needs {missing[0]}, which no row here has; train anew")
    return np.array([at[name] for name in columns], dtype=np.intp)
