"""What a CRM answered, and what that means. Hostile until parsed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from crm_adapter.adapter import (
    AmbiguousWrite,
    AuthFailed,
    Conflict,
    CrmError,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    Redirected,
    Unavailable,
)
from crm_adapter.http.legible_json import read_json
from crm_adapter.http.quoting import quoted
from crm_adapter.http.redirects import redirected_paths

#: A server that asks for more than that is as good as gone; it is asked again sooner.
_LONGEST_PAUSE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Reply:
    """Header names are lower case. `crm` is its short name, for error messages; `asked` is the
    address that gave the answer."""

    crm: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    asked: str = field(default="", repr=False)

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """None for an empty body (204). Raises Unavailable where it is no JSON: a proxy or a log-in
        page answered instead of the CRM."""
        if not self.body.strip():
            return None
        try:
            return read_json(self.body, parse_constant=_no_such_number)
        except (ValueError, RecursionError) as error:
            raise Unavailable(f"{self.crm} answered {self.status} with no JSON") from error

    def json_object(self) -> dict[str, Any]:
        """Raises Unavailable where it is anything but a JSON object."""
        found = self.json()
        if not isinstance(found, dict):
            raise Unavailable(f"{self.crm} answered something other than a JSON object")
        return found


_BY_STATUS: dict[int, type[CrmError]] = {
    401: AuthFailed,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
}

#: Looks at an answer and says what is wrong with it, None where it is good. The second argument:
#: whether something was to be written.
Classify = Callable[[Reply, bool], CrmError | None]


def by_status(reply: Reply, is_write: bool, *, empty_is_gone: bool = False) -> CrmError | None:
    """What HTTP itself says. A 5xx to a write may come after the CRM committed (one real CRM was
    seen to), so that is an AmbiguousWrite. A record is gone only where the API itself says so: in
    JSON, or with `empty_is_gone` without a word."""
    if reply.is_ok:
        return None
    what = f"{reply.crm} answered {reply.status}{reason(reply)}"
    if reply.status == 429:
        return RateLimited(what, after_s=retry_after_s(reply))
    if 300 <= reply.status < 400:
        return redirected(reply, what)
    if reply.status >= 500 or reply.status < 300:
        return AmbiguousWrite(what) if is_write else Unavailable(what)
    error = _BY_STATUS.get(reply.status, Invalid)
    is_bare = empty_is_gone and not reply.body.strip()
    if error is NotFound and not is_bare and not _is_data(reply):
        what = f"{what}, and not in the CRM's words: a proxy may have answered"
        return AmbiguousWrite(what) if is_write else Unavailable(what)
    return error(what)


def redirected(reply: Reply, what: str) -> CrmError:
    what = f"{what}, a redirect: its address in the settings is not the API's"
    paths = redirected_paths(reply.asked, reply.headers.get("location", ""))
    return Redirected(what, asked=paths[0], to=paths[1]) if paths else Unavailable(what)


def _is_data(reply: Reply) -> bool:
    """Whether an API spoke: a proxy that cannot find the CRM answers a page."""
    try:
        return isinstance(reply.json(), dict | list)
    except Unavailable:
        return False


def reason(reply: Reply) -> str:
    """` (…)` with what a JSON answer says in `message`, `error` or `detail`; nothing otherwise.
    Never a traceback, a page or somebody's number."""
    try:
        found = read_json(reply.body)
    except (ValueError, RecursionError):
        return ""
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        return ""
    for key in ("message", "detail", "error_description", "error"):
        text = found.get(key)
        if isinstance(text, dict):
            text = text.get("message")
        if isinstance(text, str) and text.strip():
            return f" ({quoted(text)})"
    return ""


def retry_after_s(reply: Reply) -> float | None:
    """Seconds of the header Retry-After, which may also be a date (RFC 9110, 10.2.3)."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_PAUSE_S)
    try:
        at = parsedate_to_datetime(text)
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        pause_s = (at - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, pause_s), _LONGEST_PAUSE_S)


def _no_such_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
