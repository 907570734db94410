"""How the server is run while it is measured."""

from __future__ import annotations

#: As `deploy/switchboard.service` has it. Who may not, is told so by `nice` and goes on without.
AS_A_SERVICE = ("nice", "-n", "-10")
