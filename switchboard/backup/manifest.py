"""What an archive says of itself, in its first member."""

from __future__ import annotations

import json
import re
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from switchboard.backup.refusals import ArchiveRefused

#: Raised when an archive of ours could no longer be read by the version before.
FORMAT: Final = 1
#: Below `database/`: the one file of SQLite, or one file for each table of PostgreSQL.
SQLITE_FILE: Final = "switchboard.db"
ROWS: Final = ".rows"
MOST_MEMBERS = 20_000
MAX_MANIFEST = 16_000_000

_UNFIT = re.compile(r"[\x00-\x1f\x7f\\]")
_MOST_NAME = 250

DatabaseKind = Literal["sqlite", "postgresql"]


def is_safe(name: str) -> bool:
    """Whether `name` is a plain relative path that leads down and nowhere else."""
    parts = name.split("/")
    return (
        len(name.encode("utf-8", "replace")) <= _MOST_NAME
        and not _UNFIT.search(name)
        and not any(part in ("", ".", "..") for part in parts)
    )


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Member(_Part):
    name: str
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class TableRows(_Part):
    """`columns`: in the order in which PostgreSQL's rows have them. `last_number`: what its
    sequence gave last, where it has one; SQLite's are in its file."""

    name: str = Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")
    columns: tuple[Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")], ...]
    rows: int = Field(ge=0)
    last_number: int | None = Field(None, ge=0, le=2**62)


class Manifest(_Part):
    format: Literal[1]
    product: str = Field(max_length=100)
    made_at: AwareDatetime
    database: DatabaseKind
    revision: str = Field(pattern=r"^[0-9a-z_]{1,32}$")
    tables: tuple[TableRows, ...] = Field(max_length=1000)
    members: tuple[Member, ...] = Field(max_length=MOST_MEMBERS)
    with_secrets: bool
    #: Fingerprint of the key by which the rows are sealed; the key is in no backup.
    sealed_with: str | None = Field(None, pattern=r"^[0-9a-f]{16}$")
    #: Variables that changed the settings: names, never values.
    environment: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names_are_plain(self) -> Self:
        names = [member.name for member in self.members]
        for name in names:
            if not is_safe(name):
                raise ValueError(f"the name {name[:80]!r} leads out of the archive")
        folders = {name.rsplit("/", n)[0] for name in names for n in range(1, name.count("/") + 1)}
        if len(set(names)) < len(names) or folders & set(names):
            raise ValueError("a name is given twice")
        return self

    @model_validator(mode="after")
    def _the_database_is_there(self) -> Self:
        due = [f"database/{SQLITE_FILE}"]
        if self.database == "postgresql":
            due = [f"database/{table.name}{ROWS}" for table in self.tables]
        if {member.name for member in self.below("database")} != set(due):
            raise ValueError("the files of the database are not all there")
        return self

    @property
    def bytes(self) -> int:
        return sum(member.bytes for member in self.members)

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    def below(self, folder: str) -> tuple[Member, ...]:
        return tuple(m for m in self.members if m.name.startswith(f"{folder}/"))


def read_manifest(content: bytes) -> Manifest:
    """Raises ArchiveRefused."""
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArchiveRefused("its manifest is not JSON: this is no backup of ours") from error
    told = raw.get("format") if isinstance(raw, dict) else None
    if isinstance(told, int) and told > FORMAT:
        raise ArchiveRefused(
            f"it has format {told}, and this version of Switchboard reads up to {FORMAT}: "
            "install the version that made it, or a later one"
        )
    try:
        return Manifest.model_validate(raw, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ArchiveRefused(f"its manifest is wrong: {where}: {first['msg']}") from error
