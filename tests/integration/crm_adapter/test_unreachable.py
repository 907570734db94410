"""A CRM whose name nobody knows, whose port is shut or whose certificate is no good: told in words
that help, before anything is sent; and once that is known no caller waits for it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from calls.deadlines import Deadline
from config.crm_settings import EspoCrmSettings
from crm_adapter.adapter import Unavailable
from crm_adapter.adapters.espocrm import EspoCrm
from crm_adapter.live.guarded import FIND_BY_PHONE, GuardedCrm
from switchboard.demo import free_ports
from tests.crm_worlds.samples import LEAD, LONDON

pytestmark = pytest.mark.integration

#: Certificates of one signer for `localhost`, but for `other_host`; made once, for a hundred years.
TLS = Path(__file__).parents[2] / "fixtures" / "tls"
ANSWER = b'{"total": 0, "list": []}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
#: Five failures open the breaker.
ENOUGH = 5


@dataclass
class TlsServer:
    """Answers every request alike. `asked` are requests that were read."""

    port: int = 0
    asked: int = 0
    connections: int = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.asked += 1
                writer.write(HEAD % len(ANSWER) + ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncIterator[TlsServer]:
    """`request.param` names its certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / f"{request.param}.pem", TLS / "server.key")
    server = TlsServer()
    listening = await asyncio.start_server(server.answer, "127.0.0.1", 0, ssl=context)
    server.port = listening.sockets[0].getsockname()[1]
    yield server
    listening.close()
    await listening.wait_closed()


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine that knows the signer: `SSL_CERT_FILE` is read when the program starts."""
    context = ssl.create_default_context(cafile=str(TLS / "signer.pem"))
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", context)


def crm_at(url: str) -> EspoCrm:
    settings = EspoCrmSettings(url=url, key=SecretStr("key"), connect_s=20)
    return EspoCrm(settings=settings, region="GB")


async def refused_by(crm: EspoCrm) -> list[str]:
    """What is said to a question and to a write."""
    said = []
    await crm.open()
    try:
        with pytest.raises(Unavailable) as question:
            await crm.find_by_phone(LONDON, limit=5, deadline=Deadline.after(30))
        with pytest.raises(Unavailable) as write:
            await crm.create_lead(LEAD, "key-1")
        said = [str(question.value), str(write.value)]
    finally:
        await crm.close()
    return said


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize(
    ("server", "told"),
    [
        ("expired", "its certificate has expired: it is to be renewed there"),
        ("future", "its certificate is not valid yet: look at this machine's clock"),
        ("other_host", "its certificate is another host's: look at its address in the settings"),
    ],
    indirect=["server"],
)
async def test_a_bad_certificate_is_told_by_what_is_wrong_with_it(
    server: TlsServer, told: str
) -> None:
    for said in await refused_by(crm_at(f"https://localhost:{server.port}")):
        assert said == f"espocrm cannot be reached ({told})"
    assert server.asked == 0


@pytest.mark.parametrize("server", ["good"], indirect=True)
async def test_a_signer_nobody_knows_is_told_too(server: TlsServer) -> None:
    for said in await refused_by(crm_at(f"https://localhost:{server.port}")):
        assert "is not trusted here" in said
        assert "have this machine know who signed it" in said
    assert server.asked == 0


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize("server", ["good"], indirect=True)
async def test_a_good_certificate_is_taken(server: TlsServer) -> None:
    crm = crm_at(f"https://localhost:{server.port}")
    await crm.open()
    assert list(await crm.find_by_phone(LONDON, limit=5, deadline=Deadline.after(30))) == []
    await crm.close()
    assert server.asked > 0


#: Longer than any name may be (RFC 1035, 2.3.4), so that no DNS server has to be waited for.
NO_NAME = ".".join(["no-such-host" * 4] * 6)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (f"https://{NO_NAME}", "its name is unknown: look at its address in the settings"),
        (f"http://127.0.0.1:{free_ports.tcp()}", "Connection refused: nobody listens there"),
    ],
    ids=["name", "port"],
)
async def test_an_address_without_a_crm_is_told(address: str, told: str) -> None:
    for said in await refused_by(crm_at(address)):
        assert "espocrm cannot be reached" in said
        assert told in said


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize("server", ["expired"], indirect=True)
@pytest.mark.parametrize("host", ["localhost", NO_NAME], ids=["certificate", "name"])
async def test_no_caller_waits_once_that_is_known(server: TlsServer, host: str) -> None:
    crm = GuardedCrm(crm=crm_at(f"https://{host}:{server.port}"))
    await crm.open()
    for _ in range(ENOUGH):
        with pytest.raises(Unavailable, match="cannot be reached"):
            await crm.find_by_phone(LONDON, limit=5, deadline=Deadline.after(30))
    assert not crm.breakers[FIND_BY_PHONE].lets_pass(asyncio.get_running_loop().time())
    before, began = server.connections, time.perf_counter()
    for _ in range(100):
        with pytest.raises(Unavailable, match="not asked for now"):
            await crm.find_by_phone(LONDON, limit=5, deadline=Deadline.after(30))
    assert (time.perf_counter() - began) / 100 < 0.05
    assert server.connections == before
    await crm.close()
