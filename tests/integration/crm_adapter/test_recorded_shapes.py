"""Requests and answers as the vendors' documentation shows them, replayed. Each file names
its page.

The adapter must ask just what `exchanges` say (what is written there; more is allowed), and make
of the answers what `result` says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from calls.call import CallId, CallOutcome
from calls.caller import ContactRef
from calls.deadlines import Deadline
from calls.records import CallRecord, NewLead, NewTask
from crm_adapter.adapter import CrmAdapter, CrmError
from tests.crm_worlds.hosted import HOSTED

pytestmark = pytest.mark.integration

FOLDER = Path(__file__).parents[2] / "fixtures" / "crm"
FILES = sorted(path for path in FOLDER.glob("*/*.json") if path.parent.name in HOSTED)

ARRIVED = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CALL = CallId("pbx", "1700000000.1")
LEAD = NewLead("+12025550150", CALL, "+18005550100", "Ann Lee", ARRIVED)
TASK = NewTask("callback", CALL, ARRIVED, "+12025550150")


def record(contact: ContactRef | None) -> CallRecord:
    return CallRecord(
        call_id=CALL,
        arrived_at=ARRIVED,
        number="+12025550150",
        dialled="+18005550100",
        contact=contact,
        identity_outcome="none",
        outcome=CallOutcome.ANSWERED,
        answered_at=ARRIVED + timedelta(seconds=20),
        ended_at=ARRIVED + timedelta(seconds=83),
    )


class Replay:
    def __init__(self, exchanges: list[dict[str, Any]]) -> None:
        self.left = list(exchanges)
        self.unknown: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        for exchange in self.left:
            if _is_it(exchange["request"], request, body):
                self.left.remove(exchange)
                answer = exchange["answer"]
                text = json.dumps(answer["json"]) if "json" in answer else answer.get("text", "")
                return web.Response(
                    status=answer["status"], headers=answer.get("headers"), body=text.encode()
                )
        self.unknown.append(f"{request.method} {request.path_qs} {body.decode()}")
        return web.Response(status=418)


def _is_it(wanted: dict[str, Any], request: web.Request, body: bytes) -> bool:
    if (wanted["method"], wanted["path"]) != (request.method, request.path):
        return False
    query = request.query
    if any(value not in query.getall(name, []) for name, value in wanted.get("query", {}).items()):
        return False
    headers = request.headers
    if any(headers.get(name) != value for name, value in wanted.get("headers", {}).items()):
        return False
    if "json" in wanted:
        return _holds(json.loads(body or b"null"), wanted["json"])
    return bool(wanted.get("text", "") in body.decode())


def _holds(given: Any, wanted: Any) -> bool:
    """Whether `given` says all that `wanted` does."""
    if isinstance(wanted, Mapping):
        return isinstance(given, Mapping) and all(
            name in given and _holds(given[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(given, list)
            and len(given) == len(wanted)
            and all(_holds(one, other) for one, other in zip(given, wanted, strict=True))
        )
    return bool(given == wanted)


async def _done(crm: CrmAdapter, what: str, about: dict[str, Any]) -> Any:
    soon = Deadline.after(30)
    ref = ContactRef(crm.name, about["contact"]) if "contact" in about else None
    if what == "find_by_phone":
        hits = await crm.find_by_phone(about["number"], limit=5, deadline=soon)
        return [
            {
                "id": hit.candidate.ref.id,
                "name": hit.candidate.name,
                "numbers": list(hit.numbers),
                "version": hit.version,
            }
            for hit in hits
        ]
    if what == "get":
        assert ref is not None
        found = await crm.get(ref, deadline=soon)
        return {
            "name": found.name,
            "company": found.company,
            "purchases": [[one.product_name, str(one.amount)] for one in found.purchases],
            "orders": [[one.id, one.is_open] for one in found.orders],
            "cases": [[one.subject, one.is_open] for one in found.cases],
        }
    if what == "log_call":
        return await crm.log_call(record(ref), "key-1")
    if what == "create_task":
        return await crm.create_task(TASK, "key-1")
    assert what == "create_lead"
    return await crm.create_lead(LEAD, "key-1")


@pytest.mark.parametrize("path", FILES, ids=[f"{one.parent.name}-{one.stem}" for one in FILES])
async def test_the_documented_exchange_is_kept_to(path: Path) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told["page"]
    assert told["version"]
    replay = Replay(told["exchanges"])
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", replay.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    world = HOSTED[path.parent.name]()
    world.url = "http://{}:{}".format(*runner.addresses[0][:2])
    crm = world.adapter()
    await crm.open()
    try:
        result = await _done(crm, told["operation"], told.get("about", {}))
    except CrmError as error:
        result = {"error": type(error).__name__, "after_s": getattr(error, "after_s", None)}
    finally:
        await crm.close()
        await runner.cleanup()
    assert replay.unknown == []
    assert replay.left == []
    assert _holds(result, told["result"]), result
