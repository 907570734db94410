"""deploy/ for one node and for several: commands that our command line takes, settings that there
are, and names that fit together."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import typer.main
import yaml
from redis.asyncio import Redis

from config.problems import ProblemsFound
from config.settings import Settings
from config.settings_file import load_settings
from switchboard.cli import app
from switchboard.part import Part
from tests.architecture.test_service_unit import keys_of, takes_every_line

pytestmark = pytest.mark.architecture

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = DEPLOY / "compose"
FILES = ("one-node.yaml", "two-nodes.yaml")
UNITS = ("switchboard-calls", "switchboard-desk")
REDIS_UNIT = DEPLOY / "switchboard-redis.service"


def composed(name: str) -> dict[str, Any]:
    """With what it includes, and variables filled in."""
    text = re.sub(r"\$\{(\w+):\?[^}]*\}", "192.0.2.1", (COMPOSE / name).read_text(encoding="utf-8"))
    assert "${" not in text
    whole: dict[str, Any] = yaml.safe_load(text)
    for other in whole.get("include", []):
        for section, entries in composed(other).items():
            whole[section] = entries | whole.get(section, {})
    return whole


def ours(name: str) -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = composed(name)["services"]
    return {key: one for key, one in services.items() if one["image"] == "switchboard"}


def read_command(words: list[str]) -> dict[str, Any]:
    """The options of `switchboard WORDS`. Raises where there is no such one."""
    # Typer has a Click of its own, which says no types.
    group: Any = typer.main.get_command(app)
    options: dict[str, Any] = group.commands[words[0]].make_context(words[0], words[1:]).params
    return options


def settings_of(environ: dict[str, str], folder: Path) -> Settings:
    """As the container would read them."""
    secret = folder / "ami"
    secret.write_text("a secret", encoding="utf-8")
    environ = {
        key: value.replace("/run/secrets/ami", str(secret)) for key, value in environ.items()
    }
    known = {f"SWITCHBOARD_{section.upper()}" for section in Settings.model_fields}
    assert {key.partition("__")[0] for key in environ} <= known, "a section that there is not"
    empty = folder / "empty.yaml"
    empty.write_text("{}", encoding="utf-8")
    return load_settings(empty, environ)


@pytest.mark.parametrize("name", FILES)
def test_compose_files_say_what_the_command_line_and_the_settings_know(
    name: str, tmp_path: Path
) -> None:
    for key, service in ours(name).items():
        options = read_command(service["command"])
        assert options["watchdog"]
        settings = settings_of(service["environment"], tmp_path)
        part = next((part for part in Part if key.startswith(f"{part}-")), Part.ALL)
        assert options["part"] == part
        ports = {int(each.partition(":")[2]) for each in service.get("ports", [])}
        asked = set() if part is Part.DESK else {settings.agi.port, settings.web.port}
        assert ports == asked, "what is asked from outside is let in, and nothing else"
        if part is Part.DESK:
            assert settings.nodes.desk_url == f"http://{key}:{settings.nodes.desk_port}"


@pytest.mark.parametrize("name", [*FILES, "stores.yaml"])
def test_what_a_compose_file_names_is_there(name: str) -> None:
    whole = composed(name)
    services = whole["services"]
    for service in services.values():
        assert service["restart"] == "always"
        assert set(service.get("depends_on", {})) <= set(services)
        assert {each.partition(":")[0] for each in service.get("volumes", [])} <= set(
            whole.get("volumes", {})
        )
        assert set(service.get("secrets", [])) <= set(whole.get("secrets", {}))
        assert set(service.get("networks", {})) <= set(whole.get("networks", {}))
        for waited_for in service.get("depends_on", {}):
            assert "healthcheck" in services[waited_for]
        assert "build" in service or re.search(r":\d+", service["image"]), "any version at all"


def test_the_nodes_of_two_fit_together(tmp_path: Path) -> None:
    nodes = ours("two-nodes.yaml")
    read = {key: settings_of(one["environment"], tmp_path) for key, one in nodes.items()}
    assert {s.storage.url for s in read.values()} == {
        "postgresql://switchboard:192.0.2.1@postgres/switchboard"
    }
    assert {s.redis.url for s in read.values()} == {"redis://redis:6379/0"}
    relays = {
        nodes[key]["networks"]["centre"]["ipv4_address"] for key in nodes if key[:5] == "calls"
    }
    assert relays == set(read["desk-1"].nodes.trusted) == set(read["desk-2"].nodes.trusted)
    first, second = read["calls-1"], read["calls-2"]
    assert first.agi.more == (f"192.0.2.1:{second.agi.port}",)
    assert first.web.public_url == f"http://192.0.2.1:{first.web.port}"
    assert second.web.public_url == f"http://192.0.2.1:{second.web.port}"


def test_the_image_is_made_of_what_there_is() -> None:
    lines = (COMPOSE / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [shlex.split(line)[1:-1] for line in lines if line.startswith("COPY ")]
    for words in copied:
        if not words[0].startswith("--from"):
            assert all((DEPLOY.parent / word).exists() for word in words)
    started = next(line for line in lines if line.startswith("CMD "))
    assert read_command(yaml.safe_load(started.removeprefix("CMD ")))["watchdog"]


@pytest.mark.parametrize("name", UNITS)
def test_units_of_several_machines_start_what_they_are_named_after(
    name: str, tmp_path: Path
) -> None:
    file = DEPLOY / f"{name}.service"
    unit, alone = keys_of(file), keys_of(DEPLOY / "switchboard.service")
    program, *words = shlex.split(unit["ExecStart"])
    assert program == shlex.split(alone["ExecStart"])[0]
    config = words[words.index("--config") + 1]
    assert config == "/etc/switchboard/switchboard.yaml"
    # It looks whether the file is there.
    words[words.index("--config") + 1] = str(DEPLOY / "several-machines.yaml")
    options = read_command(words)
    assert (options["watchdog"], f"switchboard-{options['part']}") == (True, name)
    assert unit["StateDirectory"] == name, "each has files of its own"
    changed = {"Description", "After", "ExecStart", "StateDirectory", "WorkingDirectory"}
    assert {key for key in unit | alone if unit.get(key) != alone.get(key)} == changed
    takes_every_line(file, tmp_path)


def test_the_pattern_of_settings_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "ami.secret"
    secret.write_text("a secret", encoding="utf-8")
    text = (DEPLOY / "several-machines.yaml").read_text(encoding="utf-8")
    file = tmp_path / "switchboard.yaml"
    file.write_text(text.replace("/etc/switchboard/ami.secret", str(secret)), encoding="utf-8")
    try:
        settings = load_settings(file, {})
    except ProblemsFound as found:
        pytest.fail(str(found))
    assert settings.agi.host == settings.web.host == settings.nodes.desk_host
    assert settings.nodes.desk_host in settings.nodes.trusted
    assert [one.system for one in (settings.ami, *settings.nodes.asterisks)] == ["hq", "branch"]


async def test_redis_knows_the_options_that_it_is_started_with(
    redis_url: str, tmp_path: Path
) -> None:
    unit = shlex.split(keys_of(REDIS_UNIT)["ExecStart"])
    composed_ = composed("stores.yaml")["services"]["redis"]["command"]
    async with Redis.from_url(redis_url) as redis:
        for command in (unit, composed_):
            for option in (word[2:] for word in command if word.startswith("--")):
                assert await redis.config_get(option), option
    takes_every_line(REDIS_UNIT, tmp_path)


async def test_postgresql_knows_its_settings(postgres_cluster: str) -> None:
    text = (DEPLOY / "switchboard-postgresql.conf").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    given = dict(_setting(line) for line in lines)
    command = composed("stores.yaml")["services"]["postgres"]["command"]
    given |= dict(_setting(word) for word in command if "=" in word)
    connection = await asyncpg.connect(f"{postgres_cluster}/postgres", timeout=60)
    try:
        rows = await connection.fetch("SELECT name FROM pg_settings")
    finally:
        await connection.close()
    assert set(given) <= {row["name"] for row in rows}
    assert given["fsync"] == given["synchronous_commit"] == "on"


def _setting(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name.strip(), value.strip().strip("'")


def _every_file() -> Iterator[Path]:
    return (path for path in DEPLOY.rglob("*") if path.suffix in (".yaml", ".service", ".conf"))


def test_addresses_are_those_of_examples() -> None:
    """192.0.2.0/24 is nobody's (RFC 5737); others are ours, or every address."""
    for path in _every_file():
        for found in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", path.read_text(encoding="utf-8")):
            assert found.startswith(("192.0.2.", "127.0.0.", "172.30.77.", "0.0.0.0")), path
