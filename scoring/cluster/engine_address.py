"""`--engine dask://HOST:PORT`: where the work is done, as somebody wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from calls.errors import Misconfigured

#: What an engine needs beyond the server's own packages.
CLUSTER_PACKAGES = ("dask", "distributed", "pandas", "pyarrow")

MAX_WORKERS = 256
_FORMS = (
    "an engine is dask://HOST:PORT of a scheduler, or dask://local?workers=2 for processes of "
    "this machine"
)


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """`scheduler` is None for a cluster of `workers` processes started here and ended with us."""

    scheduler: str | None
    workers: int = 2
    #: Where xgboost grows trees: `cpu` or `cuda`.
    device: str = "cpu"

    @classmethod
    def parse(cls, text: str) -> EngineAddress:
        """Raises Misconfigured."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
            options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        except ValueError as error:
            raise Misconfigured(f"{text!r} is no engine: {error}; {_FORMS}") from error
        if parts.scheme != "dask" or not host or parts.path not in ("", "/") or parts.username:
            raise Misconfigured(f"{text!r} is no engine: {_FORMS}")
        device = options.pop("device", "cpu")
        if device not in ("cpu", "cuda"):
            raise Misconfigured(f"device={device}: cpu or cuda")
        if host == "local" and port is None:
            workers = _workers(options.pop("workers", "2"))
            found = cls(None, workers=workers, device=device)
        elif port is None:
            raise Misconfigured(f"{text!r} names no port (Dask's scheduler has 8786): {_FORMS}")
        else:
            named = f"[{host}]" if ":" in host else host
            found = cls(f"tcp://{named}:{port}", device=device)
        if options:
            raise Misconfigured(f"{text!r}: an engine has no {', '.join(options)}")
        return found

    def __str__(self) -> str:
        return self.scheduler or f"a local cluster of {self.workers} workers"


def _workers(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 1 <= int(text[:4]) <= MAX_WORKERS):
        raise Misconfigured(f"workers={text}: 1 to {MAX_WORKERS}")
    return int(text)
