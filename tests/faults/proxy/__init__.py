"""A network between two programs, in the hands of a test or of a person: `python -m
tests.faults.proxy --help`."""

from tests.faults.proxy.lane import Seen
from tests.faults.proxy.proxy import FaultProxy
from tests.faults.proxy.toxics import (
    Bandwidth,
    Blackhole,
    Corrupt,
    Direction,
    Latency,
    LimitData,
    Reset,
    Slicer,
    Toxic,
)

__all__ = [
    "Bandwidth",
    "Blackhole",
    "Corrupt",
    "Direction",
    "FaultProxy",
    "Latency",
    "LimitData",
    "Reset",
    "Seen",
    "Slicer",
    "Toxic",
]
