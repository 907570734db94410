"""F06: the manager's secret is wrong, or was changed.

`/readyz` says `refused` and what to check; after three tries one each five minutes, so that nobody
bans us; calls are served meanwhile, and a mended secret is used without a restart.

Also shown by `tests/integration/test_ami_client.py::
test_a_refused_login_is_not_hammered_and_not_taken_for_the_network`,
`tests/integration/test_ami_client.py::
test_a_secret_that_cannot_be_sent_is_a_refusal_and_not_our_end`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ami_bridge.ami_client import AmiTiming, LinkState
from switchboard.demo.server_process import ServerProcess
from tests.acceptance.waiting import until
from tests.fakes.asterisk_agi import FakeAsterisk
from tests.fakes.asterisk_ami import FakeAmi
from tests.fakes.watched_ami import Pauses, Watched, running
from tests.integration.test_run_without_peers import settings

pytestmark = pytest.mark.integration


async def test_calls_are_served_and_what_to_check_is_told(tmp_path: Path) -> None:
    async with FakeAmi() as fake:
        ami = {"port": fake.port, "secret": "of last year"}
        server = ServerProcess(tmp_path, settings(tmp_path, ami=ami))
        await server.start(wait_for=("agi", "storage", "crm"))
        try:

            async def refused() -> bool:
                told = (await server.readyz())["parts"]["ami"]
                return "refused" in told["detail"] and "ami.secret_file" in told["do"]

            await until(refused, "/readyz with a refused login")
            told = await server.readyz()
            assert (told["ready"], told["parts"]["ami"]["ok"]) == (True, False)
            agi = FakeAsterisk("127.0.0.1", server.settings["agi"]["port"])
            assert (await agi.call(keys=["0"])).route == "queue"
        finally:
            await server.stop()


async def test_after_three_tries_one_each_five_minutes_and_the_mended_one_is_used(
    tmp_path: Path,
) -> None:
    secret, pauses = tmp_path / "secret", Pauses(stop_at=5)
    secret.write_text("of last year")
    async with FakeAmi() as fake:
        watched = Watched(fake, secret_file=secret, timing=AmiTiming(), pause=pauses)
        async with running(watched):
            await watched.until(lambda: len(watched.downs) >= 5)
            assert watched.client.state is LinkState.REFUSED
            assert len(fake.sent("Login")) == 5
            secret.write_text(fake.secret)
            pauses.go_on.set()
            await watched.until_connected()
    first, second, *others = pauses.lengths_s
    assert (first, second) == (pytest.approx(5, rel=0.25), pytest.approx(30, rel=0.25))
    assert others == [pytest.approx(300, rel=0.25)] * 3
