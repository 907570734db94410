"""Who is in which conference (`ConfBridge()`) now, so that it is known with whom a caller talks."""

from __future__ import annotations

from ami_bridge.ami_events import ConferenceJoined, ConferenceLeft


class Conferences:
    """At most `limit` of them are followed; those beyond are as if there were none."""

    def __init__(self, *, limit: int = 1_000) -> None:
        self._limit = limit
        #: By name: the channels' names by unique id, in the order they came.
        self._members: dict[str, dict[str, str]] = {}

    def joined(self, event: ConferenceJoined) -> dict[str, str]:
        """Names of all channels in it by unique id, the new one last."""
        known = event.conference in self._members
        if not event.uniqueid or (not known and len(self._members) >= self._limit):
            return {}
        members = self._members.setdefault(event.conference, {})
        members[event.uniqueid] = event.channel
        return members

    def left(self, event: ConferenceLeft) -> None:
        members = self._members.get(event.conference, {})
        members.pop(event.uniqueid, None)
        if not members:
            self._members.pop(event.conference, None)

    def gone(self, uniqueid: str) -> None:
        """The channel has hung up; its leaving may not have been seen."""
        for name in [name for name, members in self._members.items() if uniqueid in members]:
            self.left(ConferenceLeft(uniqueid, "", name))
