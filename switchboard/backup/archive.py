"""One gzipped tar: the manifest first, then the members in its order, nothing else.

Written with the standard library's headers, read by a loop of our own that knows plain files only:
no links, no extensions, no name or size that the manifest did not announce. So `tar xzf` opens a
backup of ours in an emergency, and nobody else's file does anything here.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import tarfile
import zlib
from pathlib import Path
from typing import BinaryIO, Final, cast

from switchboard.backup.manifest import MAX_MANIFEST, Manifest, read_manifest
from switchboard.backup.refusals import ArchiveRefused, BackupRefused
from switchboard.progress import Report

MANIFEST: Final = "manifest.json"
_BLOCK, _CHUNK = 512, 1 << 20
#: tar's own header has room for eleven octal digits.
_LARGE = 8**11
_LEVEL = 5
#: What deflate makes of zeros: 1032 bytes of one. No honest archive claims to hold more.
_MOST_RATIO = 1032
_MOST_PADDING = 65_536
_DAMAGED = "it is damaged or cut off: take another backup"


def write(file: BinaryIO, manifest: Manifest, staged: Path, report: Report) -> None:
    """The members lie below `staged` by their names."""
    total = manifest.bytes
    done = 0
    # Neither a name nor a time in gzip's header: the same content is the same file.
    with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=_LEVEL, mtime=0) as out:
        content = manifest.model_dump_json(indent=1, exclude_none=True).encode()
        if len(content) > MAX_MANIFEST:
            raise BackupRefused("there are too many files for one backup")
        out.write(_header(MANIFEST, len(content), manifest) + content + _padding(len(content)))
        for member in manifest.members:
            out.write(_header(member.name, member.bytes, manifest))
            with (staged / member.name).open("rb") as source:
                while chunk := source.read(_CHUNK):
                    out.write(chunk)
                    done += len(chunk)
                    report(done, total)
            out.write(_padding(member.bytes))
        out.write(bytes(2 * _BLOCK))


def _header(name: str, size: int, manifest: Manifest) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(manifest.made_at.timestamp())
    try:
        if size < _LARGE:
            return info.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict")
        return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")
    except ValueError as error:
        raise BackupRefused(f"{name}: its name is too long to be kept; shorten it") from error


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)


def read(path: Path, into: Path | None, report: Report) -> Manifest:
    """Reads all of it and compares every hash; writes the members below `into`, an empty folder.
    Raises ArchiveRefused, or OSError where it cannot be read or written; what `into` holds then is
    worth nothing."""
    if not path.is_file():
        raise ArchiveRefused(f"{path}: there is no such file")
    try:
        with path.open("rb") as raw, gzip.GzipFile(fileobj=raw, mode="rb") as unpacked:
            # GzipFile is no BinaryIO by name, and reads like one.
            stream = cast(BinaryIO, unpacked)
            manifest = _manifest(stream)
            _could_be(manifest, path, into)
            _members(stream, manifest, into, report)
            _ends(stream)
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise ArchiveRefused(f"{path}: {_DAMAGED}") from error
    except ArchiveRefused as error:
        raise ArchiveRefused(f"{path}: {error}") from error
    return manifest


def peek(path: Path) -> Manifest:
    """What the archive says of itself, unproven. Raises like `read`."""
    if not path.is_file():
        raise ArchiveRefused(f"{path}: there is no such file")
    try:
        with path.open("rb") as raw, gzip.GzipFile(fileobj=raw, mode="rb") as unpacked:
            return _manifest(cast(BinaryIO, unpacked))
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise ArchiveRefused(f"{path}: {_DAMAGED}") from error
    except ArchiveRefused as error:
        raise ArchiveRefused(f"{path}: {error}") from error


def _manifest(stream: BinaryIO) -> Manifest:
    head = _next_header(stream)
    if head is None or head.name != MANIFEST:
        raise ArchiveRefused("it does not begin with a manifest: this is no backup of ours")
    if head.size > MAX_MANIFEST:
        raise ArchiveRefused("its manifest is too large: this is no backup of ours")
    content = _exactly(stream, head.size)
    _skip_padding(stream, head.size)
    return read_manifest(content)


def _could_be(manifest: Manifest, path: Path, into: Path | None) -> None:
    if manifest.bytes > path.stat().st_size * _MOST_RATIO:
        raise ArchiveRefused("it claims to hold more than it can")
    if into is None:
        return
    free = shutil.disk_usage(into).free
    if manifest.bytes > free:
        missing = (manifest.bytes - free) / 1e6
        raise BackupRefused(f"{into} lacks {missing:,.0f} MB to unpack {path}: make room there")


def _members(stream: BinaryIO, manifest: Manifest, into: Path | None, report: Report) -> None:
    done, total = 0, manifest.bytes
    for member in manifest.members:
        head = _next_header(stream)
        if head is None or (head.name, head.size) != (member.name, member.bytes):
            raise ArchiveRefused(f"{member.name} is not where its manifest says: {_DAMAGED}")
        digest = hashlib.sha256()
        target = _create(into / member.name) if into is not None else None
        try:
            left = member.bytes
            while left:
                chunk = _exactly(stream, min(left, _CHUNK))
                digest.update(chunk)
                if target is not None:
                    target.write(chunk)
                left -= len(chunk)
                done += len(chunk)
                report(done, total)
        finally:
            if target is not None:
                target.close()
        if digest.hexdigest() != member.sha256:
            raise ArchiveRefused(f"{member.name} is not what was put in: {_DAMAGED}")
        _skip_padding(stream, member.bytes)


def _create(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _ends(stream: BinaryIO) -> None:
    """To the very end, where gzip's own checksum stands."""
    if any(_exactly(stream, 2 * _BLOCK)):
        raise ArchiveRefused("it holds more than its manifest says")
    if any(rest := stream.read(_MOST_PADDING)) or len(rest) == _MOST_PADDING:
        raise ArchiveRefused("something follows its end")


def _next_header(stream: BinaryIO) -> tarfile.TarInfo | None:
    """None at the end. Raises ArchiveRefused for whatever is no plain file."""
    block = _exactly(stream, _BLOCK)
    if not any(block):
        return None
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, ValueError) as error:
        raise ArchiveRefused(_DAMAGED) from error
    if info.type != tarfile.REGTYPE or info.size < 0:
        raise ArchiveRefused(f"{info.name[:80]!r} is not a plain file: this is no backup of ours")
    return info


def _exactly(stream: BinaryIO, size: int) -> bytes:
    """GzipFile.read ends early at the end alone."""
    content = stream.read(size)
    if len(content) < size:
        raise ArchiveRefused(_DAMAGED)
    return content


def _skip_padding(stream: BinaryIO, size: int) -> None:
    if any(_exactly(stream, -size % _BLOCK)):
        raise ArchiveRefused(_DAMAGED)
