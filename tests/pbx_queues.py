"""Queues for the Asterisks of tests, as queues.conf has them."""

from __future__ import annotations

ANNA = "PJSIP/agent1,0,Anna,PJSIP/agent1"
BEN = "PJSIP/agent2,0,Ben,PJSIP/agent2"
CHEN = "PJSIP/agent3,0,Chen,PJSIP/agent3"


def queue(name: str, *members: str, strategy: str = "ringall", timeout_s: int = 10) -> str:
    """Each member rings for `timeout_s`."""
    lines = "".join(f"member => {member}\n" for member in members)
    rules = f"strategy = {strategy}\ntimeout = {timeout_s}\nretry = 1\nwrapuptime = 0\n"
    return f"\n[{name}]\n{rules}{lines}"
