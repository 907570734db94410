"""What an administrator can do about a CRM's trouble, by the names of our settings."""

from __future__ import annotations

from collections.abc import Callable, Collection

from pydantic import BaseModel

from calls.errors import DeadlineExceeded, Misconfigured, SwitchboardError
from config.settings import Settings
from crm_adapter.adapter import AuthFailed, Forbidden, Invalid, NotFound, RateLimited, Unavailable
from crm_adapter.embedded.adapter import CRM as EMBEDDED

_WHERE = ("url", "accounts_url", "login_url", "tenant", "database", "mapping")
_WHO = ("username", "client_id", "key", "password", "client_secret", "token", "refresh_token")
_FILE = "_file"


def advice(crm: str, error: SwitchboardError) -> str | None:
    """In a sentence or two; None where the error says it all itself."""
    if isinstance(error, Misconfigured):
        return None
    if crm == EMBEDDED:
        return "Look at storage.url: it is our own database."
    return next((words(crm) for kinds, words in _WORDS if isinstance(error, kinds)), None)


def _who(crm: str) -> str:
    return f"Look at {_keys(crm, (*_WHO, *_WHERE))}: who we are there, and where."


def _where(crm: str) -> str:
    return f"Look at {_keys(crm, _WHERE)}. Does it run, and answer from this machine?"


def _rights(crm: str) -> str:
    return f"docs/crm/{crm}.md lists the rights that our user there needs."


def _set_up(crm: str) -> str:
    return f"Is it a version that docs/crm/{crm}.md names, set up as that page says?"


def _quieter(crm: str) -> str:
    key = _keys(crm, ("concurrency",))
    lower = f", lower {key}," if key else ""
    return f"It takes no more questions now: wait{lower} or let other programs ask it less."


def _faster(crm: str) -> str:
    return (
        "It is silent or slow, seen from this machine. Callers wait crm.lookup_deadline_s and are "
        "then served without it; with crm.index we know their names all the same."
    )


_WORDS: tuple[tuple[tuple[type[SwitchboardError], ...], Callable[[str], str]], ...] = (
    ((AuthFailed,), _who),
    ((Forbidden,), _rights),
    ((RateLimited,), _quieter),
    ((DeadlineExceeded,), _faster),
    ((Unavailable, NotFound), _where),
    ((Invalid,), _set_up),
)


def _keys(crm: str, wanted: Collection[str]) -> str:
    """Those that the CRM's section has."""
    section = Settings.model_fields[crm].annotation
    assert isinstance(section, type)
    assert issubclass(section, BaseModel)
    known = section.model_fields
    return ", ".join(
        f"{crm}.{key}" + (f" (or {key}{_FILE})" if f"{key}{_FILE}" in known else "")
        for key in wanted
        if key in known
    )
