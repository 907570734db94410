"""An installation on either database, with a Redis and a folder of recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.privacy.canary import House


@pytest.fixture(params=["sqlite", "postgresql"])
def house(redis_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> House:
    """The first command makes its tables. SQLite's file is one of the installation's, so that it is
    looked into like the others."""
    folder = tmp_path / f"house-{tmp_path.name}"
    if request.param == "sqlite":
        url = f"sqlite:///{folder}/switchboard.db"
    else:
        url = request.getfixturevalue("empty_postgres_url")
    made = House(folder, url, redis_url)
    made.write()
    return made
