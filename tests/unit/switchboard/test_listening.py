"""What is said where an address cannot be listened on."""

from __future__ import annotations

import errno
import socket

import pytest

from calls.errors import Misconfigured
from switchboard.listening import listening

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError(errno.EADDRINUSE, "in use"), "or set web.port to a free one"),
        (OSError(errno.EADDRNOTAVAIL, "no"), "set web.host to one that it has"),
        (PermissionError(errno.EACCES, "no"), "set web.port to 1024 or more"),
        (socket.gaierror(socket.EAI_NONAME, "what?"), "there is no such address; set web.host"),
        (OSError(errno.EMFILE, "too many"), "Too many open files; check web.host and web.port"),
        (OSError("no number"), "no number; check web.host"),
    ],
)
def test_each_has_its_remedy(error: OSError, remedy: str) -> None:
    with (
        pytest.raises(Misconfigured, match=f"^the web server cannot listen on h:80: .*{remedy}"),
        listening("the web server", section="web", host="h", port=80),
    ):
        raise error
