"""How much the goals under load ask for, and for how long: what a gate measures where nobody says
otherwise."""

from __future__ import annotations

#: Calls that keep coming: a second, minutes, and agents who take them.
RATE, MINUTES, AGENTS = 20.0, 30.0, 80
#: At once, with as many agents.
CALLS = 500
SOAK_MINUTES, SOAK_RATE = 120.0, 5.0
#: Of events, sustained and in a burst.
FLOOD_MINUTES, BURST_S = 2.0, 10.0
