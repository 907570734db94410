"""Rendering ahead neither stops the loop nor fails in silence."""

from __future__ import annotations

import asyncio
import threading
from typing import cast

import pytest

from config.publishing import Rulebooks
from config.rulebook import Rulebook
from ivr.prompts import Progress, Prompts
from switchboard import warm_up

pytestmark = pytest.mark.unit

RULEBOOK = cast(Rulebook, object())


class Books:
    current = RULEBOOK

    def __init__(self) -> None:
        self.on_published: list[object] = []


class Renderer:
    """Notes what it is given; `fault` is raised instead."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.given: list[list[tuple[str, str]]] = []
        self.asked = asyncio.Event()

    async def take(self, rulebook: Rulebook) -> None:
        assert rulebook is RULEBOOK

    async def prerender(self, texts: list[tuple[str, str]], progress: Progress) -> int:
        self.given.append(texts)
        progress(1, 2)
        self.asked.set()
        if self.fault:
            raise self.fault
        return 0


def warming(renderer: Renderer) -> warm_up.WarmUp:
    return warm_up.WarmUp(prompts=cast(Prompts, renderer), rulebooks=cast(Rulebooks, Books()))


async def test_the_texts_are_gathered_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []

    def texts(_: Rulebook) -> list[tuple[str, str]]:
        threads.append(threading.current_thread())
        return [("Welcome.", "en")]

    monkeypatch.setattr(warm_up, "fixed_texts", texts)
    renderer = Renderer()
    async with warming(renderer) as warm, asyncio.timeout(30):
        await renderer.asked.wait()
        assert warm.problem in ("rendering, 1 of 2", None)
    assert renderer.given == [[("Welcome.", "en")]]
    assert threads != [threading.main_thread()]


async def test_a_fault_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(warm_up, "fixed_texts", lambda _: [])
    renderer = Renderer(fault=RuntimeError("no"))
    async with warming(renderer) as warm, asyncio.timeout(30):
        assert warm.problem == "rendering"
        await renderer.asked.wait()
    assert "a fault" in (warm.problem or "")
    assert "a fault while rendering" in caplog.text
