"""F54: a text cannot be rendered for this caller, or nobody speaks it.

A text that may fail is found when the rulebook is read, what fails for one caller all the same is
left out; where the speech engine is down, slow, or answers rubbish, another stands in within the
second that a caller waits. They hear a prompt in any case, and go on to where they chose.

Also shown by `tests/unit/config/test_templates.py::test_hostile_text_is_refused_at_load`,
`tests/unit/config/test_templates.py::test_what_is_not_known_is_never_spoken_as_none`,
`tests/unit/config/test_templates.py::test_a_text_that_grows_too_long_is_not_spoken`,
`tests/unit/ivr/test_inbound.py::test_without_speech_a_prepared_sentence_is_said`,
`tests/unit/ivr/test_inbound.py::test_without_any_speech_the_caller_goes_straight_to_a_person`,
`tests/unit/ivr/test_prompts.py::test_another_engine_stands_in_and_steps_back`,
`tests/unit/ivr/test_speech.py::test_a_hanging_program_is_killed_with_its_children`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from storage.database import Database
from switchboard.demo.server_process import ServerProcess
from tests.fakes.asterisk_agi import FakeLine
from tests.fakes.crm_rows import add_contact
from tests.fakes.rulebook_folder import write_rulebook
from tests.fakes.speech_endpoint import MP3, SpeechEndpoint
from tests.integration.test_run_without_peers import asterisk, settings

pytestmark = [pytest.mark.integration, pytest.mark.alone]

#: What the caller waits for a sentence, and what a loaded machine adds to it.
WITHIN_S = 1.0 + 2.0
MENUS = (
    "menus:\n  main:\n"
    f'    greeting: "Hello, {{{{ caller.first_name }}}}. {"{{ caller.last_name }} " * 40}"\n'
    '    options: [{intent: sales, say: "To order", do: {queue: sales}}]\n'
)
#: Of the one no name is known, of the other one that makes the greeting longer than any may be.
STRANGER, LONG = "+12025550150", "+12025550161"
FAULTS: tuple[Callable[[SpeechEndpoint], None], ...] = (
    lambda endpoint: setattr(endpoint, "answer", endpoint.hang),
    lambda endpoint: endpoint.sends(MP3),
    lambda endpoint: setattr(endpoint, "answer", endpoint.pour),
    lambda endpoint: endpoint.sends(b"", status=500),
)


def number_of(fault: int) -> str:
    return f"+1202555010{fault}"


@pytest.fixture
async def endpoint() -> AsyncIterator[SpeechEndpoint]:
    async with SpeechEndpoint() as endpoint:
        yield endpoint


@pytest.fixture
async def server(endpoint: SpeechEndpoint, tmp_path: Path) -> AsyncIterator[ServerProcess]:
    server = ServerProcess(
        tmp_path,
        settings(
            tmp_path,
            speech={"engines": {"en": "http"}, "http_url": endpoint.url},
            rulebook={"path": str(write_rulebook(tmp_path / "rulebook", menus=MENUS))},
        ),
    )
    await server.start(wait_for=("agi", "storage", "crm", "speech"))
    try:
        async with Database(server.settings["storage"]["url"]) as database:
            for fault, name in enumerate(("Ada", "Bea", "Cleo", "Dan")):
                await add_contact(database, name, number_of(fault), first_name=name, last_name="O")
            await add_contact(database, "long", LONG, first_name="L", last_name="x" * 90)
        yield server
    finally:
        await server.stop()


async def served(server: ServerProcess, number: str) -> FakeLine:
    """Chooses what was said, and is in that queue; every sound that was played is one."""
    began = time.monotonic()
    line = await asterisk(server).call(number=number, keys=["1"])
    assert time.monotonic() - began < WITHIN_S
    assert (line.route, line.variables["SWB_QUEUE"]) == ("queue", "sales")
    assert line.played
    async with aiohttp.ClientSession() as http:
        for sound in line.played:
            for url in sound.split("&"):
                async with http.get(url) as answer:
                    assert (await answer.read())[:4] == b"RIFF"
    return line


async def test_a_prompt_is_heard_whatever_the_engine_does_and_whoever_calls(
    server: ServerProcess, endpoint: SpeechEndpoint
) -> None:
    for number in (STRANGER, LONG):
        await served(server, number)
    before = len(endpoint.asked)
    for fault, happens in enumerate(FAULTS):
        happens(endpoint)
        await served(server, number_of(fault))
    # After the third failure it has a rest.
    assert len(endpoint.asked) >= before + 3
