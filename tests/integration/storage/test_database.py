"""What the engine does the same on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from storage.database import Database

pytestmark = pytest.mark.integration


async def test_an_error_does_not_repeat_the_values(any_database: Database) -> None:
    with pytest.raises(DBAPIError) as failure:
        async with any_database.read() as connection:
            await connection.execute(
                text("SELECT * FROM there_is_no_such_table WHERE number = :number"),
                {"number": "+12025550150"},
            )
    assert "there_is_no_such_table" in str(failure.value)
    assert "2025550150" not in str(failure.value)
