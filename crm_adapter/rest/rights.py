"""Whether the API lets us write what the mapping writes, asked without writing."""

from __future__ import annotations

from collections.abc import Mapping

from calls.deadlines import Deadline
from crm_adapter import rights
from crm_adapter.adapter import AuthFailed, CrmError, Forbidden
from crm_adapter.rest.questions import Questions
from crm_adapter.rest.shapes import RestMapping, RightPart, Written
from crm_adapter.rights import Advice, Rights

ADVICE = Advice(
    "grant it to the user or client that 'auth' names",
    "see 'check_write' of the mapping",
)
_WORDS: Mapping[Written, str] = {
    "create_lead": "create leads (create_lead)",
    "log_call": "log calls (log_call)",
    "create_task": "create tasks (create_task)",
    "update": "change contacts (update)",
}


async def asked(mapping: RestMapping, questions: Questions, deadline: Deadline) -> Rights:
    told: list[tuple[str, bool | None]] = []
    for written, words in _WORDS.items():
        if getattr(mapping, written) is not None:
            part = mapping.check_write.get(written)
            told.append((words, await _has(part, questions, deadline) if part else None))
    return rights.of(told)


async def _has(part: RightPart, questions: Questions, deadline: Deadline) -> bool | None:
    """None where the API could not be asked."""
    try:
        reply = await questions.read(part, {}, deadline, accept=part.granted_status)
        if reply.status in part.granted_status or part.when is None:
            return True
        return part.when.holds(reply.json())
    except Forbidden:
        return False
    except AuthFailed:
        raise
    except CrmError:
        return None
