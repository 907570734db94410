"""Whether our user may write what we write, asked of a CRM without writing."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass

from crm_adapter.adapter import AuthFailed, CrmError, Forbidden


@dataclass(frozen=True, slots=True)
class Rights:
    """Each in words for an administrator, like `create Lead`. `untold` are those of which the CRM
    said neither that we have them nor that we lack them."""

    missing: tuple[str, ...] = ()
    untold: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """How a right is given (`grant`), and what it takes to be told of rights at all (`ask`)."""

    grant: str
    ask: str


def of(told: Iterable[tuple[str, bool | None]]) -> Rights:
    """By right: whether we have it, None where the CRM does not tell."""
    by_right: Mapping[str, bool | None] = dict(told)
    return Rights(
        tuple(right for right, has in by_right.items() if has is False),
        tuple(right for right, has in by_right.items() if has is None),
    )


async def warnings_of(crm: str, asked: Awaitable[Rights], advice: Advice) -> list[str]:
    """What could not be found out. Raises Forbidden for what our user may not do."""
    try:
        rights = await asked
    except AuthFailed:
        raise
    except CrmError as error:
        return [
            f"the rights to create and change leads, calls and tasks could not be tried without "
            f"writing ({error}); {advice.ask}"
        ]
    if rights.missing:
        raise Forbidden(f"{crm}: our user may not {'; nor '.join(rights.missing)}: {advice.grant}")
    return [f"the right to {right} could not be tried without writing" for right in rights.untold]
