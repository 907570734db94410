"""What `/metrics` says about pops and their way to the screen."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class DeskCounters:
    """`registry` is the one `/metrics` is written from; a fresh one where none is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.offered = self._counter("pops_offered", "Pops offered to an agent")
        self.sent = self._counter("pop_frames_sent", "Pop frames handed to at least one desktop")
        self.undelivered = self._counter(
            "pop_frames_undelivered", "Pop frames that found no desktop of their agent open"
        )
        self.acked = self._counter("pop_frames_acked", "Pop frames the desktop acknowledged")
        self.resumed = self._counter("desktop_resumes", "Reconnects that resumed by sequence")
        self.slow = self._counter("desktops_dropped_slow", "Desktops dropped for not reading")
        self.unmapped = self._counter("ringing_unmapped", "Ringing interfaces no agent has")
        self.unstored = self._counter("pop_rows_shed", "Rows about pops that could not be stored")
        self.log_ins_refused = self._counter("log_ins_refused", "Log-ins refused")
        self.desktops = Gauge("switchboard_desktops", "Open desktops", registry=self.registry)
        self.phones = Gauge("switchboard_phones", "Open softphones", registry=self.registry)
        self.phones_refused = self._counter(
            "phone_frames_refused", "Softphones closed for what they sent"
        )
        self.phones_unreached = self._counter(
            "phones_unreached", "Softphones that Asterisk did not take or let go"
        )
        self.dials = self._counter("dials", "Numbers outside dialled for agents")
        self.dials_refused = Counter(
            "switchboard_dials_refused",
            "Numbers not dialled for agents, by why",
            ("why",),
            registry=self.registry,
        )
        self.dials_cost = Gauge(
            "switchboard_dials_cost_today",
            "What numbers outside dialled for agents cost since midnight, by dialling.prices",
            registry=self.registry,
        )
        self.ack_s = Histogram(
            "switchboard_pop_ack_seconds",
            "From the event to the desktop's acknowledgement, seen from the server",
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.rendered_s = Histogram(
            "switchboard_pop_rendered_seconds",
            "From the event to paint, as the browser measured it; offers only",
            registry=self.registry,
            buckets=_SECONDS,
        )

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(f"switchboard_{name}", text, registry=self.registry)
