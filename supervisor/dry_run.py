"""Tries a rulebook before any caller does: every number, every menu, every kind of caller.

Nothing is spoken and nobody is rung. What is found here is a fault of ours or of the rulebook that
no reader of the files saw; either way callers must not meet it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from config.actions import Action, every_step, followers
from config.problems import Problem
from config.rulebook import RouteTo, Rulebook
from ivr import rules
from ivr.known import Known
from ivr.recordings import named_texts
from supervisor.sample_callers import SampleCaller, sample_callers

log = logging.getLogger(__name__)


def dry_run(rulebook: Rulebook, now: datetime) -> list[Problem]:
    """An error for each number and caller whose way could not be walked. `now` is aware."""
    problems = []
    for number in rulebook.numbers.values():
        for sample in sample_callers(now):
            try:
                for known in _treated(rulebook):
                    _walk(rulebook, number.key, sample, now, known)
            except Exception as fault:
                log.exception("dry run: number %s", number.key)
                sentence = (
                    f"{sample.who} on {number.key} would meet a fault "
                    f"({type(fault).__name__}: {fault}); nothing was published"
                )
                problems.append(Problem.at(number.place, sentence[:400]))
    return problems


def _treated(rulebook: Rulebook) -> Iterator[Known]:
    """As without experiments, and in every arm of every one."""
    plain = Known(control_share=0.0, takes_part=False)
    yield plain
    for experiment in rulebook.experiments.values():
        for arm in experiment.arms:
            yield replace(plain, arms={experiment.name: arm.name})


def _walk(
    rulebook: Rulebook, dialled: str, sample: SampleCaller, now: datetime, known: Known
) -> None:
    """Every menu and every text, also those that this caller would not come to."""
    plan = rules.decide(rulebook, sample.call(dialled, now), sample.caller, now, known)
    plan.decision.as_json()
    for text in named_texts(rulebook):
        plan.say(text)
    for name in rulebook.menus:
        plan.menu(name)
    for action in _actions(rulebook):
        for step in every_step(action):
            for text in followers(step).texts:
                plan.say(text)


def _actions(rulebook: Rulebook) -> Iterator[Action]:
    for menu in rulebook.menus.values():
        yield from (option.action for option in menu.options)
        yield from (retry.then for retry in (menu.invalid, menu.timeout) if retry.then)
        yield menu.failure
    yield from (number.closed for number in rulebook.numbers.values() if number.closed)
    yield from (offer.action for offer in rulebook.offers.values() if offer.action)
    for rule in rulebook.rules:
        if isinstance(rule.then, RouteTo) and rule.then.action:
            yield rule.then.action
