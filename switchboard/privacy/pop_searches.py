"""By which words a pop is found, after somebody was struck out of it."""

from __future__ import annotations

from pydantic import ValidationError
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from screenpop.pops.call_words import words_of
from screenpop.pops.content import PopContent
from screenpop.pops.pop_tables import pop_words, pops


async def renew(link: AsyncConnection, pop_id: str) -> None:
    """What nobody can read any more is found by nothing."""
    of = pops.c
    question = select(of.payload, of.disposition, of.note).where(of.pop_id == pop_id)
    row = (await link.execute(question)).one()
    mine = pop_words.c.pop_id == pop_id
    try:
        content = PopContent.model_validate(row.payload)
    except ValidationError:
        await link.execute(delete(pop_words).where(mine))
        return
    words = words_of(content, row.disposition, row.note or "")
    await link.execute(update(pop_words).where(mine).values(words=words))
