"""The addresses this machine has, as Asterisk enumerates them for ICE."""

from __future__ import annotations

import re
from pathlib import Path

_FIB = Path("/proc/net/fib_trie")
#: An address of ours: two lines of the kernel's table (Linux 6, net/ipv4/fib_trie.c).
_LOCAL = re.compile(r"\|-- ([0-9.]+)\n\s+/32 host LOCAL")


def ipv4(table: Path = _FIB) -> tuple[str, ...]:
    """Those beyond 127/8, each once; none on systems that do not tell."""
    try:
        text = table.read_text(encoding="ascii")
    except OSError:
        return ()
    found = dict.fromkeys(_LOCAL.findall(text))
    return tuple(address for address in found if not address.startswith("127."))
