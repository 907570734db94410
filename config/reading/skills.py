"""Section `skills`: agents' penalties in their queues tell what they can do.

skills:
  mandarin: {max_penalty: 1}
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from config.reading.parts import Part
from config.reading.reader import Path, Reader
from config.reading.written import Skill
from config.shape import check_shape

Penalty = Annotated[int, Field(ge=0, le=10_000)]


class SkillPart(Part):
    max_penalty: Penalty | None = None
    """Agents whose penalty in the queue is above it are not rung."""
    min_penalty: Penalty | None = None
    """Agents whose penalty in the queue is below it are not rung."""


def read_skill(reader: Reader, name: str, raw: Any) -> None:
    path: Path = ("skills", name)
    part = check_shape(SkillPart, raw, path, reader.report)
    if part is None:
        return
    skill = Skill(part.min_penalty, part.max_penalty)
    if skill == Skill():
        reader.report(path, f"the skill '{name}' needs max_penalty or min_penalty")
    elif not skill.is_possible:
        reader.report(path, "'min_penalty' is above 'max_penalty': no agent could be rung")
    reader.found.skills[name] = skill


def joined_skills(reader: Reader, names: list[str], path: Path) -> Skill:
    """What an action with these skills asks for."""
    joined = Skill()
    for index, name in enumerate(names):
        if reader.known("skills", name, (*path, index), "skill"):
            joined = joined.joined(reader.found.skills.get(name, Skill()))
    if not joined.is_possible:
        reader.report(
            path, "no agent can have all of these skills: their penalties exclude each other"
        )
    return joined
