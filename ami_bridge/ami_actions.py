"""What this program asks of Asterisk: these actions with these headers, and no others.

A mistake elsewhere that puts a caller's word where an action's name stands, or adds a header, is
refused here, whatever the AMI user may do. `tests/architecture` holds the list to the code.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ami_bridge.ami_wire import UnsafeAction

HEADERS_OF: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        action: frozenset(headers.split())
        for action, headers in (
            ("Atxfer", "Channel Context Exten"),
            ("BlindTransfer", "Channel Context Exten"),
            ("CancelAtxfer", "Channel"),
            ("CoreSettings", ""),
            ("CoreShowChannels", ""),
            ("DBGetTree", "Family"),
            ("Events", "EventMask"),
            ("Getvar", "Channel Variable"),
            ("Hangup", "Channel Cause"),
            ("ListCommands", ""),
            ("Login", "Username Secret"),
            ("MixMonitorMute", "Channel Direction State"),
            ("Ping", ""),
            ("PlayDTMF", "Channel Digit Receive"),
            (
                "QueueAdd",
                "Queue Interface Penalty Paused Reason MemberName StateInterface",
            ),
            ("QueuePause", "Interface Paused Reason"),
            ("QueueRemove", "Queue Interface"),
            ("QueueStatus", ""),
            ("QueueWithdrawCaller", "Queue Caller WithdrawInfo"),
            ("Redirect", "Channel Context Exten Priority"),
            ("Setvar", "Channel Variable Value"),
            ("StopMixMonitor", "Channel"),
        )
    }
)


def refuse_unlisted(action: str, headers: Iterable[tuple[str, str]]) -> None:
    """Raises UnsafeAction."""
    listed = HEADERS_OF.get(action)
    if listed is None:
        raise UnsafeAction("this AMI action is none that Switchboard sends")
    if any(key not in listed for key, _ in headers):
        raise UnsafeAction(f"an AMI header of {action} is none that Switchboard sends")
