"""Where the real data sets lie: SWITCHBOARD_DATA, else `shared/data` beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

DATA = Path(os.environ.get("SWITCHBOARD_DATA") or Path(__file__).parents[2] / "shared" / "data")
#: Why a test was skipped that needs them; the run says so, and does not fail.
WITHOUT_DATA = "the real data sets are absent (SWITCHBOARD_DATA names their folder)"
