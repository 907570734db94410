"""Which versions are no longer needed, so that the folder of models does not grow for ever.

A version stays while somebody may ask what decided a call: while a call of the last days names it,
or it was in use then (a server may have gone on with it, and calls of old do not say).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from calls.ports import CallHistories
from scoring.registry.card import ModelKind
from scoring.registry.refusals import ModelRefused
from scoring.registry.registry import ModelRegistry, Move

#: Calls so old are not explained by their models any more.
EXPLAINED = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Pruned:
    """By kind: the versions that were removed (or would be), and why nothing was."""

    removed: Mapping[ModelKind, Sequence[str]]
    refused: Mapping[ModelKind, str]

    @property
    def said(self) -> str:
        told = [f"{kind} {version}" for kind, found in self.removed.items() for version in found]
        return "; ".join([*told, *self.refused.values()])


async def prune_models(
    registry: ModelRegistry,
    histories: CallHistories,
    *,
    newest: int,
    now: datetime,
    dry_run: bool = False,
) -> Pruned:
    """Of each kind the `newest` stay whatever is said of them. Raises OSError, or what `histories`
    raises; then nothing, or less, was removed."""
    since = now - EXPLAINED
    kinds = registry.kinds()
    spared: Mapping[ModelKind, Set[str]] = {
        kind: used_since(registry.history(kind), since) for kind in kinds
    }
    found = await asyncio.to_thread(_prune, registry, spared, newest, dry_run=True)
    if any(found.removed.values()):
        # Calls are read only where that may save one of them.
        named = await _named(histories, since)
        spared = {kind: each | named for kind, each in spared.items()}
    return await asyncio.to_thread(_prune, registry, spared, newest, dry_run=dry_run)


def used_since(moves: Sequence[Move], since: datetime) -> Set[str]:
    """Versions that were current at any time from `since` on; `moves` oldest first."""
    ends = (move.at for move in moves[1:])
    return {move.version for move, end in zip_longest(moves, ends) if end is None or end >= since}


def _prune(
    registry: ModelRegistry, spared: Mapping[ModelKind, Set[str]], newest: int, *, dry_run: bool
) -> Pruned:
    removed, refused = {}, {}
    for kind, versions in spared.items():
        try:
            removed[kind] = registry.prune(kind, newest=newest, spared=versions, dry_run=dry_run)
        except ModelRefused as error:
            refused[kind] = str(error)
    return Pruned(removed, refused)


async def _named(histories: CallHistories, since: datetime) -> Set[str]:
    named: set[str] = set()
    async for call in histories.calls(since):
        named.update(call.models.values())
    return named
