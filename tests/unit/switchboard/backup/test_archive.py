"""What the archive keeps comes back; what was not made by us does nothing."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from switchboard.backup import archive
from switchboard.backup.manifest import FORMAT, Manifest, Member
from switchboard.backup.refusals import ArchiveRefused, BackupRefused

pytestmark = pytest.mark.unit

CONTENTS = {
    "database/switchboard.db": bytes(range(256)) * 40,
    "rulebooks/versions/0123456789abcdef/main.yaml": "menü: 问候\n".encode(),
    "secrets/ami.secret_file": b"",
}


def quiet(done: int, total: int) -> None:
    assert 0 <= done <= total


def manifest(contents: dict[str, bytes] = CONTENTS) -> Manifest:
    members = tuple(
        Member(name=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in contents.items()
    )
    return Manifest(
        format=1,
        product="0.1.0",
        made_at=datetime(2026, 3, 2, tzinfo=UTC),
        database="sqlite",
        revision="0001",
        tables=(),
        members=members,
        with_secrets=True,
    )


def written(folder: Path, contents: dict[str, bytes] = CONTENTS) -> Path:
    staged = folder / "staged"
    for name, content in contents.items():
        (staged / name).parent.mkdir(parents=True, exist_ok=True)
        (staged / name).write_bytes(content)
    path = folder / "backup.tar.gz"
    with path.open("wb") as file:
        archive.write(file, manifest(contents), staged, quiet)
    return path


def unpacked(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


def test_what_was_put_in_comes_out(tmp_path: Path, into: Path) -> None:
    path = written(tmp_path)
    assert archive.read(path, into, quiet) == archive.peek(path) == manifest()
    assert unpacked(into) == CONTENTS
    assert all(p.stat().st_mode & 0o77 == 0 for p in into.rglob("*") if p.is_file())


def test_everybody_s_tar_opens_it(tmp_path: Path) -> None:
    with tarfile.open(written(tmp_path)) as tar:
        assert tar.getnames() == ["manifest.json", *CONTENTS]
        told = tar.extractfile("manifest.json")
        assert told is not None
        assert json.load(told)["format"] == FORMAT


def test_a_large_member_s_header_is_read_back() -> None:
    size = 9 * 1024**3
    block = archive._header("database/switchboard.db", size, manifest())
    assert len(block) == 512
    head = archive._next_header(io.BytesIO(block))
    assert head is not None
    assert (head.name, head.size) == ("database/switchboard.db", size)


def test_cut_off_anywhere_it_is_refused(tmp_path: Path, into: Path) -> None:
    path = written(tmp_path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(ArchiveRefused):
            archive.read(path, None, quiet)
    assert not list(into.iterdir())


def test_no_flipped_byte_changes_what_comes_out(tmp_path: Path, into: Path) -> None:
    path = written(tmp_path)
    whole = path.read_bytes()
    chance = random.Random(7)
    refused = 0
    for place in chance.sample(range(len(whole)), 300):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << chance.randrange(8)
        path.write_bytes(damaged)
        try:
            # Of gzip's own header some bits say nothing: then nothing else may be changed.
            assert archive.read(path, None, quiet) == manifest()
        except ArchiveRefused:
            refused += 1
    assert refused > 280


Changed = Callable[[dict[str, Any]], None]


def _set(**values: Any) -> Changed:
    return lambda told: told.update(values)


def _rename(name: str) -> Changed:
    return lambda told: told["members"][1].update(name=name)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_set(format=FORMAT + 1), f"reads up to {FORMAT}: install"),
        (_set(format="1; DROP"), "manifest is wrong: format"),
        (_set(surprise=1), "surprise"),
        (_set(revision="../../x"), "revision"),
        (_set(database="postgresql"), "not all there"),
        (_rename("../../outside"), "leads out"),
        (_rename("/etc/outside"), "leads out"),
        (_rename("rulebooks/./x"), "leads out"),
        (_rename("rulebooks//x"), "leads out"),
        (_rename("rulebooks/x\n"), "leads out"),
        (_rename("rulebooks\\..\\x"), "leads out"),
        (_rename("rulebooks/" + "x" * 300), "leads out"),
        (_rename("secrets/ami.secret_file"), "twice"),
        (_rename("secrets/ami.secret_file/x"), "twice"),
        (lambda told: told["members"][0].update(bytes=2**50), "claims to hold more"),
        (lambda told: told["members"][0].update(bytes=-1), "members.0.bytes"),
        (lambda told: told["members"][0].update(sha256="0" * 64), "not what was put in"),
        (lambda told: told["members"].reverse(), "not where its manifest says"),
        (lambda told: told["members"].pop(), "more than its manifest says"),
        (
            lambda told: told.update(tables=[{"name": "calls; --", "columns": [], "rows": 0}]),
            "tables.0.name",
        ),
    ],
)
def test_a_manifest_that_lies_is_refused(
    change: Changed, why: str, tmp_path: Path, into: Path
) -> None:
    told = manifest().model_dump(mode="json")
    change(told)
    path = foreign(tmp_path, [("manifest.json", json.dumps(told).encode()), *CONTENTS.items()])
    with pytest.raises(BackupRefused, match=why):
        archive.read(path, into, quiet)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["backup.tar.gz", "into"]


def foreign(
    folder: Path,
    members: list[tuple[str, bytes]],
    kind: bytes = tarfile.REGTYPE,
    linkname: str = "",
    shape: int = tarfile.USTAR_FORMAT,
) -> Path:
    """An archive as anybody may make one; `kind` is of all but the manifest."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=shape) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            if name != "manifest.json":
                info.type, info.linkname = kind, linkname
            tar.addfile(info, io.BytesIO(content))
    path = folder / "backup.tar.gz"
    path.write_bytes(buffer.getvalue())
    return path


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_nothing_but_plain_files(kind: bytes, tmp_path: Path, into: Path) -> None:
    told = manifest().model_dump_json().encode()
    members = [("manifest.json", told), *CONTENTS.items()]
    path = foreign(tmp_path, members, kind=kind, linkname="/etc/passwd")
    with pytest.raises(ArchiveRefused, match="not a plain file"):
        archive.read(path, into, quiet)
    assert unpacked(into) == {}


def test_no_extension_of_tar_is_understood(tmp_path: Path, into: Path) -> None:
    long = {**CONTENTS, "rulebooks/" + "long/" * 30 + "x": b"x"}
    told = manifest(long).model_dump_json().encode()
    for shape in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        path = foreign(tmp_path, [("manifest.json", told), *long.items()], shape=shape)
        with pytest.raises(ArchiveRefused, match="not a plain file"):
            archive.read(path, None, quiet)
    assert archive.read(written(tmp_path, long), into, quiet) == manifest(long)


def test_a_bomb_costs_nothing(tmp_path: Path) -> None:
    bomb = tmp_path / "backup.tar.gz"
    info = tarfile.TarInfo("manifest.json")
    info.size = 2**33 - 1
    bomb.write_bytes(gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(50_000_000)))
    with pytest.raises(ArchiveRefused, match="too large"):
        archive.read(bomb, None, quiet)


def test_nothing_may_follow_its_end(tmp_path: Path) -> None:
    path = written(tmp_path)
    whole = gzip.decompress(path.read_bytes())
    for more in (b"x", bytes(200_000), b"x" * 600):
        path.write_bytes(gzip.compress(whole + more))
        with pytest.raises(ArchiveRefused):
            archive.read(path, None, quiet)


# gzip notes the time: two processes that collect the tests would have two names for one.
@pytest.mark.parametrize(
    "content", [b"", b"\x1f\x8b", b"PK\x03\x04", gzip.compress(b"{}", mtime=0)]
)
def test_something_else_altogether(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "backup.tar.gz"
    path.write_bytes(content)
    for look in (archive.peek, lambda path: archive.read(path, None, quiet)):
        with pytest.raises(ArchiveRefused):
            look(path)
    with pytest.raises(ArchiveRefused, match="no such file"):
        archive.peek(tmp_path)


def test_what_does_not_fit_on_the_disk_is_not_begun(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path)
    full = type("Usage", (), {"free": 5_000})
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _folder: full)
    with pytest.raises(BackupRefused, match="make room"):
        archive.read(path, into, quiet)
    assert unpacked(into) == {}
