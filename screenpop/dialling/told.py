"""A refusal as the agent's page is told of it."""

from __future__ import annotations

import time

from screenpop.desk.protocol import Notice
from screenpop.dialling.guard import NotDialled


def notice_of(why: NotDialled) -> Notice:
    return Notice(ts=time.time() * 1000, level="warning", code=why.code, text=str(why))
