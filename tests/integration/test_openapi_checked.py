"""schemathesis against our document, on a real server: whatever comes, the answer is as described.

What is sent is drawn from the document, and is the same each time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from calls.doors import ANY_PART, Door
from screenpop.desk.log_in_routes import LOG_OUT
from screenpop.desk.static_files import INDEX, SUPERVISOR
from switchboard import openapi
from switchboard.nodes import direct_line
from tests.fakes.whole_web import whole_web

pytestmark = pytest.mark.integration

CHECKS: list[CheckFunction] = [
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
#: The pages may not be built; the last door is another process's.
ELSEWHERE = (INDEX, SUPERVISOR, direct_line.HEAR)
ENDLESS = "text/event-stream"
LIMIT_S = 30.0


def operations() -> Iterator[tuple[Door, Any]]:
    doors = {
        (door.method, openapi.plain(door)): door
        for door in openapi.DOORS
        if door not in ELSEWHERE and all(one.kind != ENDLESS for one in door.replies.values())
    }
    schema = schemathesis.openapi.from_dict(openapi.document(list(doors.values())))
    for found in schema.get_all_operations():
        operation = found.ok()
        yield doors.pop((operation.method.upper(), operation.path)), operation
    assert doors == {}


def modes(door: Door) -> list[GenerationMode]:
    """Where every text is as described, none can be otherwise."""
    written = [pattern for pattern in door.parts.values() if pattern != ANY_PART]
    can_be_wrong = door.query or door.form or door.takes is not None or written
    return [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if can_be_wrong else [])]


def ask(operation: Any, mode: GenerationMode, examples: int, **more: Any) -> None:
    with requests.Session() as session:

        @settings(
            max_examples=examples,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def each(case: Any) -> None:
            answer = case.call(session=session, timeout=LIMIT_S, **more)
            assert answer.status_code < 500, (operation.label, answer.text[:500])
            case.validate_response(answer, checks=CHECKS)

        each()


@pytest.mark.parametrize("examples", [3, pytest.param(20, marks=pytest.mark.long)])
@pytest.mark.timeout(600)
# It is the server that draws by chance meanwhile, in another thread.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
async def test_answers_are_as_described(tmp_path: Path, examples: int) -> None:
    async with whole_web(tmp_path) as web:
        for door, operation in operations():
            # Whoever logs out is not logged in for what follows.
            headers = await web.headers_of("nobody" if door is LOG_OUT else "admin")
            for mode in modes(door):
                more = {"base_url": web.base_url, "headers": headers}
                await asyncio.to_thread(ask, operation, mode, examples, **more)
