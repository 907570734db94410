"""The example in docs/administrators.md accepts our signature and nothing else."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from calls.signatures import signature

pytestmark = pytest.mark.unit

PAGE = (Path(__file__).parents[3] / "docs" / "administrators.md").read_text(encoding="utf-8")
SECRET, BODY = b"shared", b'{"call":"pbx/1.1"}'


def test_the_printed_example() -> None:
    [example] = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    names: dict[str, Any] = {}
    exec(example, names)
    is_ours = names["is_ours"]
    now = int(time.time())
    assert is_ours(signature(SECRET, now, BODY), BODY, SECRET)
    assert not is_ours(signature(SECRET, now, BODY), BODY + b" ", SECRET)
    assert not is_ours(signature(b"other", now, BODY), BODY, SECRET)
    assert not is_ours(signature(SECRET, now - 3600, BODY), BODY, SECRET)
