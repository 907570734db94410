"""A real Asterisk for the whole session, real SIP callers and phones for each test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from switchboard.demo import free_ports
from switchboard.demo.centre import DemoCentre
from switchboard.demo.private_pbx import PrivatePbx
from switchboard.demo.sip_callers import SipCallers
from switchboard.demo.sip_phones import SipPhones
from switchboard.demo.sip_scenarios import PhoneShape
from tests.acceptance.transfer_house import TransferHouse
from tests.pbx_queues import ANNA, BEN, CHEN, queue

#: Phones by endpoint name, as an async context manager.
PhonesFor = Callable[[dict[str, PhoneShape]], SipPhones]


#: Also a phone that echoes, and one who floods the manager with some 12 MB of events.
_EXTENSIONS = f"""
[from-agents]
exten => 8500,1,Answer()
 same => n,Echo()
exten => 8501,1,Answer()
 same => n,Set(turn=0)
 same => n(more),UserEvent(Flood,Body: {"x" * 950})
 same => n,Set(turn=$[${{turn}} + 1])
 same => n,GotoIf($[${{turn}} < 12000]?more)
"""
#: A manager user like ours, for a reader whom Asterisk gives no time (its own default).
HASTY = "hasty"
_MANAGER = f"""
[{HASTY}]
secret = only-for-the-tests
read = call,agent,reporting,system,user,dtmf
write = call,agent,originate,reporting
writetimeout = 100
"""
#: One rings everybody at once, the other one agent after the other, two seconds each.
_QUEUES = queue("everybody", ANNA, BEN, CHEN, timeout_s=15) + queue(
    "in_turn", ANNA, BEN, strategy="linear", timeout_s=2
)


#: What a server does not know in time it leaves out, as it should; on a busy machine that would
#: be another thing in each run. Whoever tests a deadline sets it.
PATIENCE = {
    "crm": {"lookup_deadline_s": 3, "answer_deadline_s": 3},
    "scoring": {"deadline_s": 2},
    "speech": {"deadline_s": 5},
}


@pytest.fixture(scope="session", autouse=True)
def _patient_centres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Centres with the same agents begin with copies of one database, speak each sentence once for
    all of them, and wait long enough."""
    sounds = str(tmp_path_factory.mktemp("prompts", numbered=True))
    speech = {"speech": {**PATIENCE["speech"], "cache_dir": sounds}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DemoCentre, "templates", tmp_path_factory.mktemp("demo", numbered=True))
        patch.setattr(DemoCentre, "defaults", {**PATIENCE, **speech})
        yield


@contextmanager
def _started(pbx: PrivatePbx) -> Iterator[None]:
    # A loop factory leaves the thread's own event loop alone.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        try:
            runner.run(pbx.start())
            yield
        finally:
            runner.run(pbx.close())


@pytest.fixture(scope="session")
def pbx() -> Iterator[PrivatePbx]:
    """Started, with no softphone yet; nothing listens on its `agi_port` and `web_url` until a test
    does."""
    pbx = PrivatePbx(
        agi_port=free_ports.tcp(),
        web_url=f"http://127.0.0.1:{free_ports.tcp()}",
        ami_secret="only-for-the-tests",
        softphones=True,
        # Where agents may transfer to, and how they are rung.
        more_files={
            "extensions.conf": _EXTENSIONS,
            "queues.conf": _QUEUES,
            "manager.conf": _MANAGER,
        },
    )
    with _started(pbx):
        yield pbx


@pytest.fixture
def callers(pbx: PrivatePbx, tmp_path: Path) -> SipCallers:
    return SipCallers(trunk=pbx.trunk, folder=tmp_path)


@pytest.fixture
def phones(pbx: PrivatePbx, tmp_path: Path) -> PhonesFor:
    return lambda shapes: SipPhones(agents=pbx.agents, shapes=shapes, folder=tmp_path)


@pytest.fixture(scope="session")
def hall() -> Iterator[TransferHouse]:
    """The Asterisk whose agents call, transfer, park, pick up and confer."""
    hall = TransferHouse(
        agi_port=free_ports.tcp(),
        web_url=f"http://127.0.0.1:{free_ports.tcp()}",
        ami_secret="only-for-the-tests",
    )
    with _started(hall.pbx):
        yield hall
