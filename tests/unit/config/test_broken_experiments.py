# ruff: noqa: E501 (whole sentences, as they are read)
"""What authors get wrong about experiments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.rulebook_folder import example, rule, sentences_about

pytestmark = pytest.mark.unit


def experiments(*bodies: str) -> str:
    return "experiments:\n" + "".join(f"  {body}\n" for body in bodies)


ARMS = "arms: {plain: {}, silent: {offers: false}}"

#: name: (files that differ from the good ones, every problem in order)
BROKEN: dict[str, tuple[dict[str, str | bytes], list[str]]] = {
    "good experiment": (
        {
            "experiments": experiments(
                f'trial: {{{ARMS}, share: 0.5, from: "2026-11-01", to: "2026-12-24"}}'
            )
        },
        [],
    ),
    "arm asked for in a rule": (
        {
            "experiments": experiments(f"trial: {{{ARMS}}}"),
            "rules": rule("{experiment.trial: silent}"),
            "tests": example("{facts: {experiment.trial: silent}}", "{queue: vip}"),
        },
        [],
    ),
    "arm that there is not": (
        {
            "experiments": experiments(f"trial: {{{ARMS}}}"),
            "rules": rule("{experiment.trial: silnt}"),
        },
        ["rules.yaml:4: experiment.trial is never 'silnt'; did you mean 'silent'?"],
    ),
    "experiment that there is not": (
        {
            "experiments": experiments(f"trial: {{{ARMS}}}"),
            "rules": rule("{experiment.trail: silent}"),
        },
        ["rules.yaml:4: unknown fact 'experiment.trail'; did you mean 'experiment.trial'?"],
    ),
    "one arm": (
        {"experiments": experiments("trial: {arms: {plain: {offers: false}}}")},
        ["experiments.yaml:2: an experiment has 2 to 10 arms, one of them to compare with, not 1"],
    ),
    "arms that change nothing": (
        {"experiments": experiments("trial: {arms: {plain: {}, same: {}}}")},
        [
            "experiments.yaml:2: no arm changes anything; write menu_order, offers, policy or hold in one"
        ],
    ),
    "misspelt change": (
        {"experiments": experiments("trial: {arms: {plain: {}, other: {offer: false}}}")},
        ["experiments.yaml:2: unknown key 'offer'; did you mean 'offers'?"],
    ),
    "misspelt order": (
        {
            "experiments": experiments(
                "trial: {arms: {plain: {}, other: {menu_order: by_propensty}}}"
            )
        },
        [
            "experiments.yaml:2: 'menu_order' must be one of fixed, by_propensity, not 'by_propensty'; did you mean 'by_propensity'?"
        ],
    ),
    "misspelt policy": (
        {"experiments": experiments("trial: {arms: {plain: {}, other: {policy: thomson}}}")},
        [
            "experiments.yaml:2: 'policy' must be one of best_single, thompson, personal, not 'thomson'; did you mean 'thompson'?"
        ],
    ),
    "hold programme that there is not": (
        {
            "experiments": experiments("trial: {arms: {plain: {}, other: {hold: jazzz}}}"),
            "hold": "programmes:\n  jazz: [{music_s: 20}]\n",
        },
        [
            "experiments.yaml:2: there is no hold programme 'jazzz'; did you mean 'jazz'?",
        ],
    ),
    "control that there is not": (
        {"experiments": experiments(f"trial: {{{ARMS}, control: plian}}")},
        ["experiments.yaml:2: there is no arm 'plian'; did you mean 'plain'?"],
    ),
    "control without callers": (
        {
            "experiments": experiments(
                "trial: {arms: {plain: {weight: 0}, silent: {offers: false}}}"
            )
        },
        [
            "experiments.yaml:2: the arm 'plain' needs a weight above 0: the others are measured by it"
        ],
    ),
    "weight below nothing": (
        {
            "experiments": experiments(
                "trial: {arms: {plain: {}, silent: {offers: false, weight: -1}}}"
            )
        },
        ["experiments.yaml:2: 'weight' must be at least 0, not '-1'"],
    ),
    "share above all": (
        {"experiments": experiments(f"trial: {{{ARMS}, share: 1.5}}")},
        ["experiments.yaml:2: 'share' must be at most 1, not '1.5'"],
    ),
    "beginning without an end": (
        {"experiments": experiments(f'trial: {{{ARMS}, from: "2026-11-01"}}')},
        ["experiments.yaml:2: 'from' goes with 'to'"],
    ),
    "end before the beginning": (
        {"experiments": experiments(f'trial: {{{ARMS}, from: "2026-11-02", to: "2026-11-01"}}')},
        ["experiments.yaml:2: 'to' must be later than 'from'"],
    ),
    "two that change the same": (
        {"experiments": experiments(f"trial: {{{ARMS}}}", f"other: {{{ARMS}}}")},
        [
            "experiments.yaml:3: 'other' and 'trial' both change offers at one time: nobody could tell which of them did it; let one begin when the other is over"
        ],
    ),
    "two after each other": (
        {
            "experiments": experiments(
                f'trial: {{{ARMS}, from: "2026-11-01", to: "2026-11-10"}}',
                f'other: {{{ARMS}, from: "2026-11-11", to: "2026-11-20"}}',
            )
        },
        [],
    ),
    "name that is no fact": (
        {"experiments": experiments(f"my-trial: {{{ARMS}}}")},
        [
            "experiments.yaml:2: the name 'my-trial' may hold letters a to z, digits and _ only, a letter first"
        ],
    ),
    "arms of the wrong kind": (
        {"experiments": experiments("trial: {arms: [plain, silent]}")},
        ["experiments.yaml:2: 'arms' must be a mapping (key: value), not a list"],
    ),
    "arm of the wrong kind": (
        {"experiments": experiments("trial: {arms: {plain: {}, silent: 3}}")},
        ["experiments.yaml:2: 'silent' must be a mapping (key: value), not '3'"],
    ),
    "too many": (
        {"experiments": experiments(*(f"t{n}: {{{ARMS}}}" for n in range(21)))},
        ["experiments.yaml:1: a rulebook holds at most 20 experiments"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_each_mistake_has_its_sentence(name: str, tmp_path: Path) -> None:
    files, sentences = BROKEN[name]
    assert sentences_about(tmp_path, **files) == sentences
