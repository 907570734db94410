"""Single AGI commands of one dialog: each with a deadline, and the dialplan's backstop moved on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ami_bridge import dialplan
from ami_bridge.agi_connection import AgiConnection
from ami_bridge.agi_protocol import CODE_SUCCESS, Reply, encode_command
from calls.errors import CallerHungUp, ChannelBroken

FAILED = "-1"


@dataclass(frozen=True, slots=True)
class CommandDeadlines:
    """Seconds until a silent Asterisk is given up. A sound's length is not known here."""

    quick_s: float = 10.0
    sound_s: float = 120.0
    #: After so long without news of us the dialplan takes the caller back; a sound may last half.
    backstop_s: float = 60.0


class AgiCommands:
    """Use from one task. Every method raises CallerHungUp and ChannelBroken."""

    __slots__ = ("_backstop_at", "_connection", "deadlines")

    def __init__(self, *, connection: AgiConnection, deadlines: CommandDeadlines) -> None:
        self._connection = connection
        self.deadlines = deadlines
        #: On the loop's clock, when the dialplan would take the caller back. Who has left before
        #: the first command may have waited for us, frozen, for as long.
        self._backstop_at = 0.0
        if not connection.hung_up:
            self._backstop_at = asyncio.get_running_loop().time() + dialplan.FIRST_BACKSTOP_S

    @property
    def hung_up(self) -> bool:
        return self._connection.hung_up

    @property
    def backstop_passed(self) -> bool:
        """The dialplan may have taken the caller back by now."""
        return asyncio.get_running_loop().time() >= self._backstop_at

    @property
    def age_s(self) -> float:
        """Since Asterisk connected."""
        return asyncio.get_running_loop().time() - self._connection.connected_at

    async def send(
        self, verb: str, *arguments: str | int, deadline_s: float | None = None
    ) -> Reply:
        reply = await self._connection.command(
            encode_command(verb, *arguments), deadline_s=deadline_s or self.deadlines.quick_s
        )
        if reply.code != CODE_SUCCESS:
            # 510 or 520 to a command of ours: the line is out of step, or we are wrong.
            self._connection.fail(f"{verb} was refused")
            raise ChannelBroken(f"{verb} was refused with {reply.code}")
        return reply

    async def set(self, variable: str, value: str) -> None:
        await self.send("SET VARIABLE", variable, value)

    async def require_caller(self) -> None:
        """`-1` is a failed sound or a caller who left; only the channel's state tells which."""
        try:
            status = await self.send("CHANNEL STATUS")
        except ChannelBroken as error:
            # Asterisk closed after the -1: our question overtook its HANGUP.
            self._connection.hung_up = True
            raise CallerHungUp from error
        if self.hung_up or status.result == FAILED:
            raise CallerHungUp

    async def move_backstop(self, longer_s: float = 0.0) -> None:
        """Never lifted: a server that freezes in the middle of a dialog keeps nobody. Moved on
        only when half of it has gone, so that few commands cost a second one. `longer_s`: what
        the next command may take beyond a sound."""
        now = asyncio.get_running_loop().time()
        whole_s = self.deadlines.backstop_s + longer_s
        if self._backstop_at - now < whole_s - self.deadlines.backstop_s / 2:
            await self.set(dialplan.TIMEOUT_ABSOLUTE, f"{whole_s:.3f}")
            self._backstop_at = now + whole_s

    def close(self) -> None:
        """The dialplan goes on, with what was set."""
        self._connection.close()
