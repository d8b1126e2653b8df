"""Everything that touches the disk: a file's stamp, the lock between writers, and replacing a file in one step.

Nothing here knows rows. Whatever the disk refuses before the one step leaves the old file as it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tieline import Clock, Unavailable

try:
    import fcntl
except ImportError:  # Windows: writers are then kept apart by the hub's own lease alone
    fcntl = None  # type: ignore[assignment]

LOCK_NAME = ".tieline-files.lock"
LOCK_PATIENCE = 30.0
"""Seconds to wait for another writer."""
LOCK_STEP = 0.05


class Stamp(NamedTuple):
    """What a file looks like from outside; equal stamps mean (but for two edits within one tick) equal bytes."""

    mtime_ns: int
    ctime_ns: int
    size: int
    inode: int

    @property
    def ms(self) -> int:
        """When it last changed, in ms. The inode's own time counts too: a file copied or moved here with an old
        modification time is new here."""
        return max(self.mtime_ns, self.ctime_ns) // 1_000_000


def stamp_of(path: Path) -> Stamp | None:
    """The stamp, or None when there is no such file. Raises Unavailable when it may not be looked at."""
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"{path}: {reason(error)}", sent=False) from error
    return Stamp(stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino)


def reason(error: OSError) -> str:
    """The operating system's words."""
    if error.errno == errno.EFBIG:
        return "the file would be larger than this process may write"
    return error.strerror or type(error).__name__


@contextlib.contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file for reading. Raises Unavailable when it cannot be opened or read."""
    try:
        with open(path, "rb") as file:
            yield file
    except OSError as error:
        raise Unavailable(f"{path}: {reason(error)}", sent=False) from error


@dataclass(frozen=True)
class Disk:
    """The calls that make a change last. A test hands in one that fails."""

    replace: Callable[[str, str], None] = os.replace
    sync: Callable[[int], None] = os.fsync

    @contextlib.contextmanager
    def lock(self, folder: Path, clock: Clock) -> Iterator[None]:
        """One writer a folder, over processes and threads. The lock file stays: removing it would let two in.

        Raises Unavailable when another writer holds it for too long, or the folder cannot be written.
        """
        try:
            handle = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise Unavailable(f"{folder} cannot be written: {reason(error)}", sent=False) from error
        try:
            _wait_for(handle, folder, clock)
            yield
        finally:
            os.close(handle)  # and with it the lock

    @contextlib.contextmanager
    def replacing(self, path: Path) -> Iterator[Replacement]:
        """A new file beside `path`, which `commit` puts in its place; without it the new file is removed.

        Raises Unavailable, `sent` False, when the disk refuses anything before that step.
        """
        new = path.with_name(f".{path.name}.tieline-new")
        try:
            new.unlink(missing_ok=True)  # what a killed writer left; we hold the lock
            with open(new, "xb") as file:
                yield Replacement(self, path, new, file)
        except OSError as error:
            raise Unavailable(f"{path} could not be written, it is as it was: {reason(error)}", sent=False) from error
        finally:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)

    def append(self, path: Path, head: bytes, lines: bytes) -> None:
        """Add lines to a file for good; `head` begins a new one. Raises OSError."""
        with open(path, "ab") as file:
            file.write(lines if file.tell() else head + lines)
            file.flush()
            self.sync(file.fileno())


class Replacement:
    """A file being written. `file` takes the bytes."""

    def __init__(self, disk: Disk, path: Path, new: Path, file: BinaryIO) -> None:
        self.file = file
        self._disk, self._path, self._new = disk, path, new

    def commit(self) -> Stamp:
        """Make the new file last, with the old one's permissions, and put it in place; answers its stamp.

        Raises OSError before that step, and Unavailable with `sent` True when it was taken but may not last.
        """
        self.file.flush()
        self._keep_permissions()
        self._disk.sync(self.file.fileno())
        self.file.close()
        self._disk.replace(os.fspath(self._new), os.fspath(self._path))
        try:
            self._sync_folder()
        except OSError as error:
            raise Unavailable(f"{self._path} was replaced, but {reason(error)}", sent=True) from error
        stamp = stamp_of(self._path)
        if stamp is None:
            raise Unavailable(f"{self._path} was replaced, and removed at once by somebody else", sent=True)
        return stamp

    def _keep_permissions(self) -> None:
        try:
            old = os.stat(self._path)
        except FileNotFoundError:
            return
        os.chmod(self._new, old.st_mode & 0o7777)
        if hasattr(os, "chown"):
            with contextlib.suppress(PermissionError):  # only root gives files away
                os.chown(self._new, old.st_uid, old.st_gid)

    def _sync_folder(self) -> None:
        if os.name == "nt":  # no handle on a folder there
            return
        handle = os.open(self._path.parent, os.O_RDONLY)
        try:
            self._disk.sync(handle)
        finally:
            os.close(handle)


def _wait_for(handle: int, folder: Path, clock: Clock) -> None:
    if fcntl is None:
        return
    deadline = clock.monotonic() + LOCK_PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if clock.monotonic() >= deadline:
                text = f"another writer has held {folder / LOCK_NAME} for {LOCK_PATIENCE:.0f} seconds"
                raise Unavailable(text, sent=False) from None
            clock.sleep(LOCK_STEP)
        except OSError:  # a file system without locks
            return
        else:
            return
