"""FastAGI has no secret: who is no Asterisk of the settings is closed, whatever they say."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from calls.errors import Misconfigured
from tests.integration.test_agi_server import serving

pytestmark = pytest.mark.integration

APART = ("unshare", "--map-root-user", "--net")


def may_be_apart() -> bool:
    """Some kernels let only root make a network (Ubuntu 24.04: apparmor_restrict_unprivileged)."""
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        return False
    tried = [*APART, "ip", "link", "add", "name", "one", "type", "veth", "peer", "name", "other"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


def test_another_network_is_closed_unless_it_is_named() -> None:
    if not may_be_apart():
        pytest.skip("this machine lets us make no network of our own")
    done = subprocess.run(
        [*APART, sys.executable, "-m", "tests.integration.agi_strangers"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "192.0.2.2": "ANSWER\n",
        "192.0.2.3": "",
        "strangers": 1,
    }


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "0"])
async def test_every_address_is_refused_with_what_to_set(host: str) -> None:
    with pytest.raises(Misconfigured, match=r"set agi\.host to 127\.0\.0\.1.*web\.asterisks"):
        async with serving(host=host):
            pass
