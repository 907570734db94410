"""`switchboard experiments` as people use it: how arms go, stop, resume, and what is no name."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner, Result

from scoring.policy import experiment_book
from scoring.policy.policy_tables import experiment_subjects
from storage import migrate
from storage.database import Database
from switchboard import cli
from tests.fakes.rulebook_folder import ONE_MENU

pytestmark = pytest.mark.integration

TRIAL = """\
experiments:
  menu_order:
    share: 0.5
    arms:
      as_written: {menu_order: fixed}
      by_habit: {menu_order: by_propensity}
"""
AT = datetime.now(UTC) - timedelta(days=20)


class House:
    """A folder with a rulebook, a database as `switchboard run` leaves it, and the command."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder}/switchboard.db"
        self.rulebook = folder / "rulebook"
        self.state = folder / "state"
        self.rulebook.mkdir()
        self.write(TRIAL)
        self.work(migrate.upgrade)

    def write(self, experiments: str) -> None:
        (self.rulebook / "all.yaml").write_text(ONE_MENU + experiments, encoding="utf-8")

    def work(self, do: Any) -> None:
        async def opened() -> None:
            async with Database(self.url) as database:
                await do(database)

        asyncio.run(opened())

    def call(self, *words: str, columns: int = 200) -> Result:
        environment = {
            "SWITCHBOARD_STORAGE__URL": self.url,
            "SWITCHBOARD_RULEBOOK__PATH": str(self.rulebook),
            "SWITCHBOARD_RULEBOOK__STATE_DIR": str(self.state),
            "COLUMNS": str(columns),
            "NO_COLOR": "1",
        }
        return CliRunner().invoke(cli.app, ["experiments", *words], env=environment)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def heard(database: Database) -> None:
    """Ten callers of each arm; four of the other one pressed 0."""
    row = {"experiment": "menu_order", "system": "pbx", "abandoned": False, "repeated_at": None}
    rows = [
        row
        | {
            "subject": f"{arm}{n}",
            "arm": arm,
            "linkedid": f"{arm}{n}",
            "at": AT + timedelta(minutes=n),
            "zero_out": arm == "by_habit" and n < 4,
        }
        for arm in ("as_written", "by_habit")
        for n in range(10)
    ]
    await database.writer.write(lambda link: link.execute(insert(experiment_subjects), rows))


async def harmed(database: Database) -> None:
    """What the server writes when a guardrail is broken."""
    await database.writer.write(
        lambda link: experiment_book.stop(
            link,
            "menu_order",
            "by_habit",
            at=AT,
            by="guardrail",
            because="40 of 100 callers pressed 0, of the control arm 10 of 100",
        )
    )


def test_how_the_arms_go(house: House) -> None:
    house.work(heard)
    shown = house.call()
    assert shown.exit_code == 0, shown.output
    assert "menu_order: 50% of callers" in shown.output
    assert "40.0%" in shown.output
    assert "control" in shown.output
    [told] = json.loads(house.call("--json").stdout)
    assert [(arm["arm"], arm["state"]) for arm in told["arms"]] == [
        ("as_written", "control"),
        ("by_habit", "runs"),
    ]


def test_an_arm_that_a_guardrail_ended_is_shown_with_why(house: House) -> None:
    house.work(harmed)
    told = "by a guardrail: 40 of 100 callers pressed 0, of the control arm 10 of 100"
    for columns in (40, 200):  # in a narrow terminal too
        assert told in house.call(columns=columns).output
    [one] = json.loads(house.call("--json").stdout)
    stopped = one["arms"][1]
    assert (stopped["state"], stopped["stopped_by"]) == ("stopped", "guardrail")
    assert stopped["because"].startswith("40 of 100 callers")


def test_stop_and_resume(house: House) -> None:
    for done in ("the arm by_habit is stopped", "it was stopped already"):
        assert done in house.call("stop", "menu_order", "--because", "decided").output
    assert "by a person: decided" in house.call().output
    for done in ("the arm by_habit goes on", "it was not stopped"):
        assert done in house.call("resume", "menu_order").output
    assert "stopped" not in house.call().output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("menu_ordr",), "no experiment 'menu_ordr'"),
        (("menu_order", "--arm", "by_habbit"), "no arm 'by_habbit'"),
        (("menu_order", "--arm", "as_written"), "is the control arm"),
    ],
)
def test_what_is_no_name(house: House, words: tuple[str, ...], told: str) -> None:
    for command in ("stop", "resume"):
        refused = house.call(command, *words)
        assert refused.exit_code in (1, 2)
        assert told in refused.output
        assert "Traceback" not in refused.output


def test_without_experiments(house: House) -> None:
    house.write("")
    shown = house.call()
    assert shown.exit_code == 0
    assert "the rulebook has no experiments" in shown.output
    assert json.loads(house.call("--json").stdout) == []


def test_help_has_examples(house: House) -> None:
    for words in ((), ("stop",), ("resume",)):
        assert "Example: switchboard experiments" in house.call(*words, "--help").output
