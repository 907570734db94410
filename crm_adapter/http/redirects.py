"""A CRM that answers for a merged record with the way to the one it was merged into.

Nobody follows a redirect by itself: it may lead off the CRM, or the settings name a wrong address.
Only where nothing but the record's own id differs do we know what it means.
"""

from __future__ import annotations

import re

from yarl import URL

from crm_adapter.adapter import Redirected

_ID = re.compile(r"[A-Za-z0-9_.-]{1,80}", re.ASCII)


def redirected_paths(asked: str, location: str) -> tuple[str, str] | None:
    """Both paths, where the way leads from `asked` to the same host; `location` is hostile."""
    try:
        here = URL(asked)
        there = here.join(URL(location))
        if not location or here.origin() != there.origin():
            return None
    except ValueError:
        return None
    return here.path, there.path


def merged_into(error: Redirected, record_id: str) -> str | None:
    """The id of the record into which the one with `record_id` was merged; None where the redirect
    means something else. An id may have its kind before it: `lead:12`."""
    asked, to = error.asked.split("/"), error.to.split("/")
    if len(asked) != len(to):
        return None
    differ = [(old, new) for old, new in zip(asked, to, strict=True) if old != new]
    kind, colon, bare = record_id.rpartition(":")
    if len(differ) != 1 or differ[0][0] not in (record_id, bare):
        return None
    new = differ[0][1]
    return f"{kind}{colon}{new}" if _ID.fullmatch(new) else None
