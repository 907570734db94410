"""Where Asterisk's program, modules and sounds lie, and how it is started."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib import resources
from pathlib import Path


class NoAsterisk(RuntimeError):
    """No Asterisk 20 or later was found or could be fetched; the text says why."""


@dataclass(frozen=True, slots=True)
class AsteriskProgram:
    command: tuple[str, ...]
    modules: Path
    #: Holds documentation/ (Asterisk refuses to start without it) and sounds/.
    data: Path

    @classmethod
    def fetch(cls) -> AsteriskProgram:
        """The machine's own, or a private copy; the first time, downloads for some ten seconds."""
        script = resources.files("deploy").joinpath("fetch-asterisk.sh")
        with resources.as_file(script) as path:
            done = subprocess.run(["sh", str(path)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise NoAsterisk(done.stderr.strip() or "deploy/fetch-asterisk.sh failed")
        return cls.below(Path(done.stdout.strip().splitlines()[-1]))

    @classmethod
    def below(cls, root: Path) -> AsteriskProgram:
        """`root` is `/`, or a folder into which Debian's packages were unpacked."""
        modules = _first(root, "usr/lib/*/asterisk/modules", "usr/lib*/asterisk/modules")
        documentation = _first(
            root,
            "usr/share/asterisk/documentation/core-en_US.xml",
            "var/lib/asterisk/documentation/core-en_US.xml",
        )
        data = documentation.parent.parent
        if root == Path("/"):
            return cls(("asterisk",), modules, data)
        loader = _first(root, "usr/lib/*/ld-linux*.so.*")
        program = str(root / "usr/sbin/asterisk")
        command = (str(loader), "--library-path", str(loader.parent), program)
        return cls(command, modules, data)

    @property
    def english_sounds(self) -> Path | None:
        """Debian links `en` to a voice on installation, which an unpacked copy has not seen."""
        for name in ("en", "en_US_f_Allison"):
            if (self.data / "sounds" / name).is_dir():
                return self.data / "sounds" / name
        return None


def is_at_hand() -> bool:
    """Whether one is on PATH or was fetched before; how recent it is, only `fetch` finds out."""
    return shutil.which("asterisk") is not None or (_cache() / "root/usr/sbin/asterisk").exists()


def can_be_fetched() -> bool:
    return all(shutil.which(name) for name in ("apt-get", "dpkg", "dpkg-deb", "flock"))


def _cache() -> Path:
    """As `fetch-asterisk.sh --help` says."""
    if told := os.environ.get("SWITCHBOARD_ASTERISK_CACHE"):
        return Path(told)
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "switchboard/asterisk"


def _first(root: Path, *patterns: str) -> Path:
    for pattern in patterns:
        for found in sorted(root.glob(pattern)):
            return found
    raise NoAsterisk(f"no {patterns[0]} below {root}")
