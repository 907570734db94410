"""Which turn of the programme is next for one waiting caller. Pure."""

from __future__ import annotations

from ivr.hold_entries import Programme, Turn


class TurnOrder:
    """Turns in the programme's order, round and round; a new programme from its first turn on."""

    def __init__(self, programme: Programme) -> None:
        self._turns = programme.turns
        self._next = 0
        self._reached: int | None = None
        self._current = programme.turns[0]
        #: Place of the current turn among the turns; None: of an earlier programme.
        self._place: int | None = None
        self._tried_twice = False

    def reached(self, number: int) -> tuple[Turn, bool]:
        """The turn for a spoken place of the list, and whether it is newly reached. Asterisk asks
        again for a place where it failed, or whose music was interrupted: the turn is the same."""
        if number == self._reached:
            return self._current, False
        self._reached = number
        self._tried_twice = self._next == self._place
        self._place = self._next
        self._current = self.upcoming
        self._next = (self._next + 1) % len(self._turns)
        return self._current, True

    @property
    def upcoming(self) -> Turn:
        return self._turns[self._next]

    def not_ready(self) -> None:
        """The current turn could not be said yet: it is next once more, but not a third time."""
        if self._place is not None and not self._tried_twice:
            self._next = self._place

    def replan(self, programme: Programme) -> None:
        self._turns = programme.turns
        self._next = 0
        self._place = None
