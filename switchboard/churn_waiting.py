"""Says how many contacts who may be leaving nobody was asked to call yet."""

from __future__ import annotations

from config.settings import Settings
from scoring.segmenting.churn_teller import waiting_for_a_task
from storage.database import Database


async def said_of_waiting(database: Database, settings: Settings) -> str:
    """Empty where none wait; the server makes their tasks, or makes them once it runs."""
    crm = settings.crm
    waiting = await waiting_for_a_task(database, crm.churn_task_tiers)
    if not waiting:
        return ""
    told = f"{waiting} who may be leaving wait for a task of their owner"
    if waiting <= crm.churn_tasks_a_night:
        return told
    return (
        f"{told}; {crm.churn_tasks_a_night} are made in one night at most "
        "(crm.churn_tasks_a_night), of those who spent most first"
    )
