"""Which Asterisk has holes that are known and mended: a table, and no more than that. Pure."""

from __future__ import annotations

import re

#: By branch the security release of 2026-06-25. It mends twenty holes (GHSA-vrfp-mg3q-3959, by
#: which ARI wrote files; GHSA-3rhj-hhw7-m6fw, by which AMI over HTTP crashed; GHSA-ph27-3m5q-mj5m,
#: SQL by way of CEL), and has the fixes of those before it, of CVE-2024-42365 (from `originate` to
#: a program run) too. Sources, read 2026-11-30: the change log of 23.4.1 in asterisk/asterisk, and
#: for the branches CERTFR-2026-AVI-0805 of cert.ssi.gouv.fr. What was mended later is not in it.
PATCHED = {20: (20, 1), 21: (12, 3), 22: (10, 1), 23: (4, 1)}
#: Of certified releases (`20.7-cert11`) the same.
CERTIFIED = {(20, 7): 11, (22, 8): 3}

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
        first = CERTIFIED.get((major, minor), 0)
        if cert < first:
            return f"Asterisk {shown} has known holes: take {major}.{minor}-cert{first} or later"
    if major < min(PATCHED):
        return f"Asterisk {shown} gets no security fixes any more: take 22"
    if not cert and major in PATCHED and (minor, patch) < PATCHED[major]:
        first_release = ".".join(map(str, (major, *PATCHED[major])))
        return f"Asterisk {shown} has known holes: take {first_release} or later"
    return ""
