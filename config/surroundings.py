"""What a rulebook may refer to and does not define itself: the administrator's side of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from config.settings import RulebookSettings


@dataclass(frozen=True, slots=True)
class Surroundings:
    default_queue: str = "default"
    transfer_targets: frozenset[str] = frozenset()
    #: Patterns like `2XX`.
    direct_dial: tuple[str, ...] = ()
    webhook_hosts: frozenset[str] = frozenset()
    #: Queues that Asterisk has; None where nobody asked it.
    queues: frozenset[str] | None = None

    @classmethod
    def of(cls, settings: RulebookSettings) -> Self:
        return cls(
            default_queue=settings.default_queue,
            transfer_targets=frozenset(settings.transfer_targets),
            direct_dial=settings.direct_dial,
            webhook_hosts=frozenset(host.lower().rstrip(".") for host in settings.webhook_hosts),
        )


#: Nothing but the default queue.
BARE = Surroundings()
