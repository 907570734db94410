"""For the sake of time these tests learn from three earlier days; the command takes twelve."""

from __future__ import annotations

import pytest

from scoring import purchase_model


@pytest.fixture(autouse=True)
def few_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purchase_model, "MAX_ORIGINS", 3)
