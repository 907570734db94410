"""Which Asterisk has holes that are known and mended: a table, and no more than that. Pure."""

from __future__ import annotations

import re

#: By branch the first release with the fixes of CVE-2026-23738 and with those before it, so also of
#: CVE-2024-42365 (from `originate` to a program run; 18.24.2, 20.9.2, 21.4.2). Source: the CVE's
#: record (https://www.cve.org/CVERecord?id=CVE-2026-23738), read 2026-11-29. What was mended later
#: is not in it.
PATCHED = {20: (18, 2), 21: (12, 1), 22: (8, 2), 23: (2, 2)}
#: Of certified releases (`20.7-cert9`) the same. 22.8 was certified after it.
CERTIFIED = {(20, 7): 9, (22, 8): 1}

_RELEASE = re.compile(r"([0-9]{1,3})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?(?:-cert([0-9]{1,3}))?")


def doubt_of(version: str) -> str:
    """`version` as CoreSettings says it: `22.10.1~dfsg+~cs6.15`, `certified-20.7-cert9`. Empty
    where it is as new as the table, and for what is no release (`GIT-master-1a2b3c`)."""
    told = version.removeprefix("certified").lstrip("-/")
    found = _RELEASE.match(told)
    if found is None:
        return ""
    major, minor, patch, cert = (int(part or 0) for part in found.groups())
    shown = found[0]
    if cert:
        first = CERTIFIED.get((major, minor))
        if first is None or cert >= first:
            return ""
        return f"Asterisk {shown} has known holes: take {major}.{minor}-cert{first} or later"
    if major < min(PATCHED):
        return f"Asterisk {shown} gets no security fixes any more: take 22"
    if major in PATCHED and (minor, patch) < PATCHED[major]:
        first_release = ".".join(map(str, (major, *PATCHED[major])))
        return f"Asterisk {shown} has known holes: take {first_release} or later"
    return ""
