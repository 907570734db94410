"""Several leases as one: all of them are held, or none."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from storage.leases import Lease


class LeaseGroup:
    """Used as a `Lease` is. Whoever wants some of the same takes them in the same order (by name),
    so that nobody waits for what another keeps while it waits."""

    def __init__(self, leases: Sequence[Lease]) -> None:
        self._leases = sorted(leases, key=lambda lease: lease.name)
        self.name = ", ".join(lease.name for lease in self._leases)
        self.ttl_s = min(lease.ttl_s for lease in leases)

    async def take(self) -> bool:
        """True where every one was free and is ours now."""
        taken: list[Lease] = []
        for lease in self._leases:
            if not await lease.take():
                for one in taken:
                    await one.give_back()
                return False
            taken.append(lease)
        return True

    async def renew(self) -> None:
        """Raises LeaseLost where another has any of them."""
        for lease in self._leases:
            await lease.renew()

    async def give_back(self) -> None:
        for lease in self._leases:
            await lease.give_back()

    async def fence(self, connection: AsyncConnection) -> None:
        """See `Lease.fence`. Raises LeaseLost."""
        for lease in self._leases:
            await lease.fence(connection)
