"""Asks Asterisk, once after each login, what a person should mend: rights of our own user that it
does not need and that are dangerous, and a release with known holes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ami_bridge.ami_client import ActionRefused, AmiClient
from ami_bridge.ami_wire import clean
from ami_bridge.asterisk_releases import doubt_of

#: Classes of rights by which whoever has the secret can run programs, change the PBX, or place
#: calls at the house's cost (README-SERIOUSLY.bestpractices.md of Asterisk; CVE-2024-42365).
DANGEROUS = frozenset({"command", "config", "system", "originate"})

#: ListCommands shows what this user may do, and by which classes (`Priv: originate,all`; `all` is
#: always there). Of an action that one class alone allows, the user has it.
_ONE_CLASS = re.compile(r"\(Priv: ([a-z]+),all\)")


async def look(client: AmiClient) -> tuple[str, ...]:
    """A sentence for each. Raises what asking raises, but for a question that is refused."""
    doubts = []
    try:
        told = await client.ask("CoreSettings")
        doubts.append(doubt_of(clean(told.get("AsteriskVersion", ""))))
    except ActionRefused:
        pass
    try:
        listed = await client.ask("ListCommands")
        doubts.append(_rights_doubt(listed.values()))
    except ActionRefused:
        pass
    return tuple(doubt for doubt in doubts if doubt)


def dangerous_rights(listed: Iterable[str]) -> list[str]:
    """`listed`: the texts behind the actions' names."""
    found = {word for text in listed for word in _ONE_CLASS.findall(text)}
    return sorted(found & DANGEROUS)


def _rights_doubt(listed: Iterable[str]) -> str:
    dangerous = dangerous_rights(listed)
    if not dangerous:
        return ""
    return (
        f"our AMI user may {', '.join(dangerous)}, which it does not need: take the rights of "
        "`switchboard pbx-config`"
    )
