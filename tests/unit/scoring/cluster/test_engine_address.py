"""What somebody wrote behind `--engine`."""

from __future__ import annotations

import pytest

from calls.errors import Misconfigured
from scoring.cluster.engine_address import EngineAddress

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dask://10.0.0.5:8786", EngineAddress("tcp://10.0.0.5:8786")),
        ("dask://[::1]:8786/", EngineAddress("tcp://[::1]:8786")),
        ("dask://big.example:1?device=cuda", EngineAddress("tcp://big.example:1", device="cuda")),
        ("dask://local", EngineAddress(None, workers=2)),
        ("dask://local?workers=4&device=cuda", EngineAddress(None, workers=4, device="cuda")),
        ("dask://local:8786", EngineAddress("tcp://local:8786")),
    ],
)
def test_an_engine_is_a_scheduler_or_processes_here(text: str, expected: EngineAddress) -> None:
    assert EngineAddress.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no engine"),
        ("local", "is no engine"),
        ("spark://host:1", "is no engine"),
        ("dask://", "is no engine"),
        ("dask://host", "names no port"),
        ("dask://host:99999", "is no engine"),
        ("dask://host:abc", "is no engine"),
        ("dask://me@host:1", "is no engine"),
        ("dask://host:1/path", "is no engine"),
        ("dask://[::1:8786", "is no engine"),
        ("dask://local?workers=0", "1 to 256"),
        ("dask://local?workers=257", "1 to 256"),
        ("dask://local?workers=two", "1 to 256"),
        ("dask://local?workers=99999", "1 to 256"),
        ("dask://host:1?workers=2", "has no workers"),
        ("dask://host:1?device=tpu", "cpu or cuda"),
        ("dask://host:1?devise=cuda", "has no devise"),
        ("dask://host:1?device", "is no engine"),
    ],
)
def test_what_is_no_engine_is_said_with_the_forms_there_are(text: str, said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        EngineAddress.parse(text)
