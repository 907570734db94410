"""What an agent is shown of the churn of a contact who calls, from the company's models on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from calls.call import CallId
from calls.call_moment import CallMoment
from calls.caller import Caller, ContactRef, Identity, IdentityOutcome
from calls.deadlines import Deadline
from config.settings import ScoringSettings
from crm_adapter.embedded.adapter import EmbeddedCrm
from ivr.known import Known
from ivr.rules import decide
from scoring.associations import Associations
from scoring.house_choices import HouseChoices
from scoring.memories import Memories
from scoring.serving.scorer_made import models_in, scorer_of
from screenpop.pops.call_story import CallStory
from screenpop.pops.content import ChurnShown
from storage.database import Database
from tests.fakes.written_rulebook import rulebook
from tests.integration.scoring.training.company import Company
from tests.unit.ivr.test_facts import CALL


async def churn_shown(company: Company, *names: str) -> list[ChurnShown | None]:
    """Of the contacts of these ids, as by the server's own parts."""
    settings = ScoringSettings(deadline_s=5)
    models = models_in(company.models.folder)
    await models.refresh()
    async with Database(company.url) as database:
        scorer = scorer_of(
            house=HouseChoices(database=database),
            associations=Associations(database=database),
            models=models,
            horizon_days=settings.horizon_days,
        )
        memories = Memories(database=database, settings=settings)
        crm = EmbeddedCrm(database=database)
        found = []
        for name in names:
            whose = ContactRef("embedded", name)
            contact = await crm.get(whose, deadline=Deadline.after(5))
            caller = Caller(None, Identity(IdentityOutcome.UNIQUE, "e164", 1.0), contact)
            memory = await memories.memory_of(whose, deadline=Deadline.after(5))
            now = datetime.now(UTC)
            wishes = scorer.propensities_of(caller, memory, CallMoment(now))
            known = Known(memory=memory, propensities=wishes)
            plan = decide(rulebook(), replace(CALL, arrived_at=now), caller, now, known)
            story = CallStory(CallId("pbx", "1.1"), caller=caller)
            story.decision = plan.decision
            found.append(story.as_content(now.date()).churn)
        await memories.close()
    return found
