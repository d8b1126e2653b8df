"""The home: the folder with the store, the log and saved sandboxes, readable by its owner alone whatever the umask.

It decides where the home and the configuration are, and refuses a home that somebody else could read or swap. It knows
no table and no setting.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tieline.errors import UserError

CONFIG = "tieline.toml"
STORE = "tieline.db"
LOG = "tieline.log"
CREDENTIALS = "credentials.db"
SANDBOXES = "sandboxes"
PINS = "plugins.json"
PLACE = "make it writable for you, or choose another place with --home DIR"
_OTHERS = 0o077
_MENDABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)
_DATABASES = tuple(f"{name}{end}" for name in (STORE, CREDENTIALS) for end in ("", "-wal", "-shm"))
_SECRET = (*_DATABASES, LOG, PINS)


class Places(NamedTuple):
    """Where one command works."""

    config: Path
    home: Path


def places(config: Path | None, home: Path | None, environ: Mapping[str, str], here: Path) -> Places:
    """The configuration and the home a command means.

    A home that holds a configuration (a demo's) brings it along, and a configuration that lies in a home means that
    home. Otherwise: `tieline.toml` here, and `.tieline` beside the configuration.
    """
    if home is None and environ.get("TIELINE_HOME"):
        home = Path(environ["TIELINE_HOME"])
    if config is None:
        inside = None if home is None else here / home / CONFIG
        config = inside if inside is not None and inside.is_file() else here / CONFIG
    config = here / config
    if home is None:
        beside = config.parent
        home = beside if (beside / STORE).exists() or (beside / SANDBOXES).is_dir() else beside / ".tieline"
    return Places(config, here / home)


@dataclass(frozen=True, slots=True)
class Home:
    """A home folder. Nothing is touched until a method is called."""

    path: Path

    @property
    def store(self) -> Path:
        """The database's path."""
        return self.path / STORE

    @property
    def credentials(self) -> Path:
        """The path of the database of kept tokens."""
        return self.path / CREDENTIALS

    @property
    def log(self) -> Path:
        """The log's path."""
        return self.path / LOG

    @property
    def sandboxes(self) -> Path:
        """The folder of saved stand-ins, one `VENDOR.json` each."""
        return self.path / SANDBOXES

    def create(self) -> Home:
        """Make the folder (0700) if it is not there, then `check` it."""
        if not os.path.lexists(self.path):
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.path.mkdir(0o700, exist_ok=True)
                self.path.chmod(0o700)
            except OSError as error:
                raise _unwritable(self.path, "made", error) from None
        return self.check()

    def check(self) -> Home:
        """Raise UserError, with the command that mends it, unless the home is the caller's own and closed to others."""
        try:
            info = self.path.lstat()
        except FileNotFoundError:
            raise UserError(f"there is no home at {self.path}", hint="tieline init") from None
        _own(self.path, info)
        if not stat.S_ISDIR(info.st_mode):
            raise UserError(f"the home {self.path} is not a folder", hint="choose another with --home DIR")
        _closed(self.path, info, "700")
        for name in _SECRET:
            path = self.path / name
            try:
                found = path.lstat()
            except FileNotFoundError:  # another process may have closed the database just now
                continue
            _own(path, found)
            _closed(path, found, "600")
        return self

    def file(self, name: str) -> Path:
        """The path of a file of the home, which is made empty (0600) if it is not there."""
        path = self.path / name
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        except OSError as error:
            raise _unwritable(path, "written", error) from None
        try:
            os.fchmod(handle, 0o600)
        finally:
            os.close(handle)
        return path

    def file_of_store(self) -> Path:
        """The database's path, its file made (0600) if it is not there: SQLite then keeps that mode for its others."""
        return self.file(STORE)

    def write(self, name: str, content: bytes) -> Path:
        """Replace a file of the home at once (0600): a reader sees the old content or the new, never a part."""
        path = self.path / name
        if path.parent != self.path and not path.parent.exists():
            path.parent.mkdir(0o700)
            path.parent.chmod(0o700)
        return write_atomically(path, content)


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """Replace a file at once, durable when this returns. Raises OSError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(handle, "wb") as out:
            os.fchmod(out.fileno(), mode)
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return path


def _unwritable(path: Path, what: str, error: OSError) -> Exception:
    """For what a person can mend; anything else, a full disk among it, is told as it is."""
    if error.errno not in _MENDABLE:
        return error
    return UserError(f"{path} cannot be {what}: {error.strerror}", hint=PLACE)


def _own(path: Path, info: os.stat_result) -> None:
    if stat.S_ISLNK(info.st_mode):
        raise UserError(f"{path} is a symbolic link; a home must be the real thing", hint=f"--home {path.resolve()}")
    if hasattr(os, "geteuid") and info.st_uid != os.geteuid():
        raise UserError(
            f"{path} belongs to user {info.st_uid}, and this is user {os.geteuid()}",
            hint=f"chown -R {os.geteuid()} {path}, or choose another with --home DIR",
        )


def _closed(path: Path, info: os.stat_result, wanted: str) -> None:
    mode = stat.S_IMODE(info.st_mode)
    if os.name == "posix" and mode & _OTHERS:
        raise UserError(
            f"{path} is open to other users (mode {mode:o}); it holds copies of your records",
            hint=f"chmod {wanted} {path}",
        )
