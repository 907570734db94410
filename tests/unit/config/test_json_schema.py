"""The published JSON Schema takes every rulebook that the loader takes, and sees what it can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from config.facts import FACTS
from config.json_schema import json_schema
from config.located_yaml import read_yaml
from config.reading.sections import SECTIONS
from config.rulebook_loader import SHIPPED, load_rulebook
from tests.fakes.rulebook_folder import AROUND, write_rulebook
from tests.unit.config.test_broken_actions import BROKEN as ACTIONS
from tests.unit.config.test_broken_experiments import BROKEN as EXPERIMENTS
from tests.unit.config.test_broken_hours import BROKEN as HOURS
from tests.unit.config.test_broken_rulebooks import BROKEN as OLDER
from tests.unit.config.test_broken_rules import BROKEN as RULES

pytestmark = pytest.mark.unit

SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
EVERYTHING = {**OLDER, **HOURS, **ACTIONS, **RULES, **EXPERIMENTS}
FOLDERS = sorted(SHIPPED.parent.iterdir())

#: Broken rulebooks of which a single file tells: editors underline them while they are typed.
SEEN = """
    unknown section, section of the wrong kind, not a number, several mistakes in one number,
    unknown key of an option, wrong type, two keys for a digit, bad queue name, two actions in one,
    unknown fact, impossible value, unknown operator, operator of another kind,
    value of another kind, number for a text, bad hold entry,
    hours without a week, week of the wrong kind, unknown day, days upside down,
    hours without minutes, misspelt key of hours, country in small letters, closure without an end,
    promotion with an offset, doors that there are not, unknown kind of answer,
    webhook without answers, nothing to do, key of another action, misspelt action,
    action that is a word, transfer to a number, mailbox with a blank, collect without words,
    collect too many digits, pin without then, record what, callback with a typo,
    retry with a typo, unknown fact in a when, money compared with words, unknown group,
    lead that is no policy, offers perhaps, propensity in a rule, offer without cap,
    cap with a typo, offer of no value, propensity in never, example with a misspelt wish,
    example with impossible doors, one arm, misspelt change, misspelt order, misspelt policy,
    weight below nothing, share above all, name that is no fact, arms of the wrong kind,
    arm of the wrong kind
"""


def documents(folder: Path) -> list[Any]:
    return [read_yaml(path.name, path.read_bytes()).data for path in folder.glob("*.yaml")]


def complaints(folder: Path) -> list[str]:
    return [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for document in documents(folder)
        for error in VALIDATOR.iter_errors(document)
    ]


def test_it_is_a_schema_and_json() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_shipped_rulebooks_are_valid(folder: Path) -> None:
    assert complaints(folder) == []


def test_what_the_loader_takes_the_schema_takes(tmp_path: Path) -> None:
    taken = 0
    for number, (name, (files, _)) in enumerate(EVERYTHING.items()):
        folder = write_rulebook(tmp_path / str(number), **files)
        if load_rulebook(folder, around=AROUND).rulebook is not None:
            taken += 1
            assert complaints(folder) == [], name
    assert taken > 10


@pytest.mark.parametrize("name", " ".join(SEEN.split()).split(", "))
def test_what_is_plainly_wrong_is_refused(name: str, tmp_path: Path) -> None:
    assert complaints(write_rulebook(tmp_path, **EVERYTHING[name][0])) != []


def test_editors_can_complete_every_section_and_fact() -> None:
    assert tuple(SCHEMA["properties"]) == SECTIONS
    assert all(section["description"] for section in SCHEMA["properties"].values())
    assert SCHEMA["$defs"]["condition"]["properties"].keys() >= FACTS.keys()
    assert SCHEMA["$defs"]["text"]["examples"]


def test_no_reference_is_open() -> None:
    wanted: set[str] = set()
    todo: list[Any] = [SCHEMA]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                wanted.add(part["$ref"].removeprefix("#/$defs/"))
            todo += part.values()
        elif isinstance(part, list):
            todo += part
    assert wanted <= SCHEMA["$defs"].keys()
    assert "x-shape" not in json.dumps(SCHEMA)
