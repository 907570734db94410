"""`switchboard crm` as administrators meet it while they set a CRM up over HTTP: what is asked and
answered, what is wrong, and what to do about it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from storage import migrate
from storage.database import Database
from switchboard import cli
from tests.fakes.crm_server import Asked, Fault
from tests.fakes.espocrm_server import KEY, EspoCrmServer
from tests.fakes.rest_server import ENVIRON, MAPPING, RestServer, started
from tests.servers.tryton.server import TrytonServer

pytestmark = pytest.mark.integration

LONDON, NOBODY = "+442079460018", "+442079460019"
ANN = {
    "id": "7",
    "first": "Ann",
    "last": "O'Hara",
    "phone": "020 7946 0018",
    "mobile": "",
    "company": {"name": "Kiln & Co"},
    "v": "3",
    "updated": "2026-03-01 08:00:00",
}


@dataclass
class Desk:
    """Where an administrator sits: a folder with the settings, and an environment."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Path:
        return self.folder / "switchboard.yaml"

    def set(self, text: str) -> None:
        url = f"sqlite:///{self.folder}/switchboard.db"
        self.settings.write_text(f"storage: {{url: '{url}'}}\n{text}\n", encoding="utf-8")

    async def crm(self, *words: str) -> Result:
        """Beside the fake, which answers in this process."""
        given = {"COLUMNS": "200", "NO_COLOR": "1", **self.environment}
        command = ["crm", *words, "--config", str(self.settings)]
        return await asyncio.to_thread(CliRunner().invoke, cli.app, command, env=given)

    async def said(self, *words: str, code: int = 1) -> str:
        done = await self.crm(*words)
        told = f"{done.stdout}{done.stderr}"
        assert done.exit_code == code, told
        assert "Traceback" not in told
        return told

    def copied(self) -> int:
        with sqlite3.connect(self.folder / "switchboard.db") as database:
            [count] = database.execute("SELECT count(*) FROM crm_phone_index").fetchone()
        return int(count)


@pytest.fixture(scope="session")
def ready_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `switchboard run` leaves it."""
    path = tmp_path_factory.mktemp("ready") / "switchboard.db"

    async def work() -> None:
        async with Database(f"sqlite:///{path}") as database:
            await migrate.upgrade(database)

    asyncio.run(work())
    return path


@pytest.fixture
def desk(ready_database: Path, tmp_path: Path) -> Desk:
    shutil.copyfile(ready_database, tmp_path / "switchboard.db")
    return Desk(tmp_path)


@pytest.fixture
async def shop(desk: Desk) -> AsyncIterator[RestServer]:
    """Reached by the mapping of docs/crm/rest.md."""
    shop = RestServer(contacts={"7": dict(ANN)})
    listening = await started(shop)
    (desk.folder / "shop.yaml").write_text(MAPPING, encoding="utf-8")
    desk.environment |= {**ENVIRON, "SHOP_URL": str(listening.make_url("")).rstrip("/")}
    desk.set(f"crm: {{adapter: rest, region: GB}}\nrest: {{mapping: {desk.folder}/shop.yaml}}")
    yield shop
    await listening.close()


@pytest.fixture
async def espo(desk: Desk) -> AsyncIterator[EspoCrmServer]:
    async with EspoCrmServer() as server:
        espo_is(desk, server.url)
        yield server


def espo_is(desk: Desk, url: str, *, key: str = KEY) -> None:
    desk.set(f"crm: {{adapter: espocrm, region: GB}}\nespocrm: {{url: '{url}', key: {key}}}")


async def test_a_number_is_shown_asked_answered_and_understood(
    desk: Desk, shop: RestServer
) -> None:
    done = await desk.crm("test", LONDON, "--json")
    assert done.exit_code == 0, done.stderr
    [trial] = json.loads(done.stdout)
    asked = [(one["method"], one["status"]) for one in trial["exchanges"]]
    assert asked[0] == ("POST", 200)
    assert set(asked[1:]) == {("GET", 200), ("GET", 204)}
    [found] = [one for one in trial["exchanges"] if "O'Hara" in one["answer"]][:1]
    assert json.loads(found["answer"])["data"][0]["phone"] == "020 7946 0018"
    assert all(0 < one["seconds"] < 5 for one in trial["exchanges"])
    assert [hit["candidate"]["name"] for hit in trial["verified"]] == ["Ann O'Hara"]
    assert trial["contact"]["company"] == "Kiln & Co"
    assert trial["find_s"] > 0
    assert trial["get_s"] > 0
    for secret in ("the-client-secret", shop.token):
        assert secret not in done.stdout
    assert "client_secret=***" in done.stdout


async def test_on_the_screen_too_and_with_the_time_a_caller_would_have_waited(
    desk: Desk, shop: RestServer
) -> None:
    told = await desk.said("test", "020 7946 0018", code=0)
    assert "200, " in told
    assert " ms: POST /token" in told
    assert "/api/contacts?phone=020+7946+0018" in told
    assert '"last": "O\'Hara"' in told
    assert "Kiln & Co" in told
    assert "in time for the caller (limit 300 ms)" in told
    for secret in ("the-client-secret", shop.token):
        assert secret not in told


async def test_nobody_s_number_is_a_stranger_and_no_error(desk: Desk, shop: RestServer) -> None:
    assert "nobody has this number: a stranger" in await desk.said("test", NOBODY, code=0)


@pytest.mark.parametrize("number", ["12", "sales", "+", "+44207946001800000000", "", "٠٢٠"])
async def test_what_is_no_number_is_said_so_and_not_asked_for(
    desk: Desk, shop: RestServer, number: str
) -> None:
    assert "is no telephone number; give it as +1202..." in await desk.said("test", number)
    assert shop.asked == []


async def test_a_right_that_is_missing_is_named(desk: Desk, espo: EspoCrmServer) -> None:
    espo.faults.append(Fault(status=403, times=99))
    told = await desk.said("test", LONDON)
    assert "403, " in told
    assert "Forbidden: " in told
    assert "docs/crm/espocrm.md lists the rights" in told
    assert "in time" not in told
    assert "Forbidden: " in await desk.said("check")


async def test_so_is_a_right_to_write_before_anything_is_written(
    desk: Desk, espo: EspoCrmServer
) -> None:
    espo.take_away("lead")
    told = await desk.said("check")
    assert "espocrm: Forbidden: espocrm: our user may not create Lead" in told
    assert "docs/crm/espocrm.md lists the rights" in told
    assert "may not create Lead" in await desk.said("test", LONDON)
    assert {one.method for one in espo.asked} == {"GET"}


async def test_a_right_that_could_not_be_tried_is_a_warning(
    desk: Desk, espo: EspoCrmServer
) -> None:
    hides = Fault(status=404, times=99, only=lambda asked: asked.path.endswith("/App/user"))
    espo.faults.append(hides)
    for words in (("check",), ("test", LONDON)):
        told = await desk.said(*words, code=0)
        assert "could not be tried without writing (espocrm answered 404)" in told
    assert "espocrm: good\nespocrm: warning: the rights to create" in await desk.said(
        "check", code=0
    )


async def test_silence_is_named_in_time(desk: Desk, espo: EspoCrmServer) -> None:
    espo.faults.append(Fault(wait_s=60, times=99))
    began = asyncio.get_running_loop().time()
    told = await desk.said("test", LONDON, "--within-s", "0.2")
    assert asyncio.get_running_loop().time() - began < 10
    waited = re.search(r"no answer, (\d+) ms", told)
    assert waited is not None
    assert 190 <= int(waited[1]) < 10_000
    assert "Timeout: espocrm did not answer in time" in told
    assert "silent or slow" in told
    assert KEY not in told


async def test_check_ends_with_0_1_or_2(desk: Desk, espo: EspoCrmServer) -> None:
    assert await desk.said("check", code=0) == "espocrm: good\n"
    await desk.said("check", "--crm", "odoo", code=1)
    await desk.said("check", "--colour", code=2)
    await desk.said("test", code=2)
    await desk.said("test", LONDON, "--within-s", "none", code=2)
    desk.set(f"crm: {{adapter: chain, chain: [embedded, espocrm]}}\nespocrm: {{url: '{espo.url}'}}")
    told = await desk.said("check")
    assert "embedded: good\n" in told
    assert "espocrm: set espocrm.key" in told
    assert await desk.said("check", "--crm", "embedded", code=0) == "embedded: good\n"


WRONG: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "port": ({"url": "http://127.0.0.1:1"}, ("Connection refused", "espocrm.url")),
    "host": ({"url": "http://crm.invalid"}, ("its name is unknown", "espocrm.url")),
    "path": ({"url": "{url}/elsewhere"}, ("answered 404", "espocrm.url")),
    "https": ({"url": "{https}"}, ("does not speak TLS", "https or http?")),
    "scheme": ({"url": "crm.example.com"}, ("written like https://crm.example.com",)),
    "key": ({"key": "wrong-key-77"}, ("AuthFailed", "espocrm.key (or key_file)")),
}


@pytest.mark.parametrize("what", list(WRONG))
async def test_what_is_wrong_is_said_with_where_to_look(
    desk: Desk, espo: EspoCrmServer, what: str
) -> None:
    changed, words = WRONG[what]
    url = changed.get("url", "{url}").format(
        url=espo.url, https=espo.url.replace("http:", "https:")
    )
    espo_is(desk, url, key=changed.get("key", KEY))
    told = await desk.said("check")
    for word in words:
        assert word in told
    assert "wrong-key-77" not in told


MISTYPED = {
    "a key": ("crm: {adaptor: rest}", ":2: unknown key 'adaptor'; did you mean 'adapter'?"),
    "a name": ("crm: {adapter: expocrm}", "did you mean 'espocrm'?"),
    "a bracket": ("crm: {adapter: rest", ":3: not valid YAML: a { is not closed"),
    "a section": ("crmm: {adapter: rest}", ":2: unknown key 'crmm'; did you mean 'crm'?"),
    "a file": (
        "crm: {adapter: espocrm}\nespocrm: {key_file: /nowhere/key}",
        "'key_file' cannot be read: No such file or directory",
    ),
    "no url": ("crm: {adapter: espocrm}", "set espocrm.url: without it the CRM cannot be asked"),
    "no mapping": ("crm: {adapter: rest}", "set rest.mapping to the YAML file that says how"),
}


@pytest.mark.parametrize("what", list(MISTYPED))
async def test_a_slip_in_the_settings_is_told_with_its_line(desk: Desk, what: str) -> None:
    text, words = MISTYPED[what]
    desk.set(text)
    assert words in await desk.said("check")


async def test_a_slip_in_the_mapping_is_told_with_its_line(desk: Desk, shop: RestServer) -> None:
    (desk.folder / "shop.yaml").write_text(MAPPING.replace("lookup:", "lokup:"))
    told = await desk.said("check")
    assert "shop.yaml:10: unknown key 'lokup'; did you mean 'lookup'?" in told
    del desk.environment["SHOP_SECRET"]
    (desk.folder / "shop.yaml").write_text(MAPPING)
    assert "shop.yaml:6: the environment has no variable SHOP_SECRET" in await desk.said("check")
    desk.environment["SHOP_SECRET"] = "an-old-one"
    told = await desk.said("check")
    assert "the log-in was refused: rest answered 401" in told
    assert "Look at rest.mapping" in told
    assert "an-old-one" not in told
    assert shop.contacts


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ("tryton: good",)),
        ({"database": "crmm"}, ("answered 404", "tryton.url, tryton.database")),
        ({"password": "wrong"}, ("AuthFailed", "tryton.username, tryton.password (or pass")),
        ({"username": "nobody"}, ("Forbidden", "add it to the group 'Sales'")),
    ],
)
async def test_a_real_tryton_set_up_wrongly(
    desk: Desk, tryton_server: TrytonServer, changed: dict[str, str], words: tuple[str, ...]
) -> None:
    username = changed.get("username", tryton_server.username)
    section = {
        "url": tryton_server.url,
        "database": tryton_server.database,
        "username": username,
        "password": tryton_server.passwords[username],
        **changed,
    }
    desk.set(f"crm: {{adapter: tryton}}\ntryton: {json.dumps(section)}")
    told = await desk.said("check", code=1 if changed else 0)
    for word in words:
        assert word in told


def pages(espo: EspoCrmServer) -> list[dict[str, str]]:
    """The questions for contacts of a copy, in order."""
    return [dict(one.query) for one in espo.asked if one.path.endswith("/Contact")]


def many(espo: EspoCrmServer, count: int) -> None:
    for number in range(count):
        espo.add_contact(f"+1212555{number:04}", last_name=f"Caller {number}")


async def test_a_copy_is_made_and_told(desk: Desk, espo: EspoCrmServer) -> None:
    assert "never" in await desk.said("index", code=0)
    many(espo, 3)
    await desk.said("index", "--copy", code=0)
    assert desk.copied() == 3
    done = await desk.crm("index", "--json")
    [state] = json.loads(done.stdout)
    assert (state["crm"], state["contacts"], state["copying_since"]) == ("espocrm", 3, None)
    assert state["copied_at"] is not None
    espo.delete_contact(next(iter(espo.rows["Contact"])))
    await desk.said("index", "--copy", code=0)
    assert desk.copied() == 2


class Broken:
    """The second page of a copy, and whatever comes then."""

    def __init__(self) -> None:
        self.seen = 0
        self.reached = asyncio.Event()

    def __call__(self, asked: Asked) -> bool:
        self.seen += asked.path.endswith("/Contact")
        if self.seen > 1:
            self.reached.set()
        return self.seen > 1


async def test_a_copy_that_the_crm_breaks_off_goes_on_from_there(
    desk: Desk, espo: EspoCrmServer
) -> None:
    many(espo, 450)
    espo.faults.append(Fault(status=500, times=9, only=Broken()))
    told = await desk.said("index", "--copy")
    assert "espocrm answered 500" in told
    assert "the same command goes on from there" in told
    kept = desk.copied()
    assert 0 < kept < 450
    await goes_on(desk, espo)


async def goes_on(desk: Desk, espo: EspoCrmServer) -> None:
    """The page that failed is asked for first, and none before it."""
    first, *_, failed = pages(espo)
    assert failed != first
    espo.faults.clear()
    espo.asked.clear()
    await desk.said("index", "--copy", code=0)
    assert pages(espo)[0] == failed
    assert first not in pages(espo)
    assert desk.copied() == 450


async def test_a_copy_that_is_killed_goes_on_from_there(desk: Desk, espo: EspoCrmServer) -> None:
    many(espo, 450)
    broken = Broken()
    espo.faults.append(Fault(wait_s=60, times=9, only=broken))
    command = [sys.executable, "-m", "switchboard", "crm", "index", "--copy"]
    process = await asyncio.create_subprocess_exec(
        *command, "--config", str(desk.settings), env=os.environ | {"NO_COLOR": "1"}
    )
    async with asyncio.timeout(60):
        await broken.reached.wait()
        process.kill()
        with suppress(ProcessLookupError):
            await process.wait()
    kept = desk.copied()
    assert 0 < kept < 450
    assert "never" in await desk.said("index", code=0)
    await goes_on(desk, espo)
