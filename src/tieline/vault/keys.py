"""Where the key to kept tokens is: the system's keyring, else an environment variable, else a file of the owner's.

It decides the order and refuses what would not keep a key: a keyring that stores plain text or nothing, a file that
others can read. It never makes a key by itself; a missing one is told with the command that makes it.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol

from tieline.errors import UserError
from tieline.home import write_atomically
from tieline.vault.cipher import KEY_BYTES, Key

VARIABLE: Final = "TIELINE_KEY"
FILE_VARIABLE: Final = "TIELINE_KEY_FILE"
SERVICE: Final = "tieline"
"""The name under which keys lie in a keyring; the user name there is the vault's."""
REFUSED: Final = ("keyring.backends.fail.", "keyring.backends.null.", "keyrings.alt.")
"""Keyrings that keep nothing, fail, or write plain text (`keyrings.alt`'s files)."""
MOST: Final = 4096
"""Bytes of a key file."""
_NEW_KEY: Final = "tieline auth new-key"

Where = Literal["keyring", "env", "file"]


class KeyMissing(UserError):
    """There is no key, or none that may be used: nothing is kept, and nothing is kept in plain text instead."""

    hint = _NEW_KEY


class Backend(Protocol):
    """What is used of a keyring."""

    def get_password(self, service: str, username: str) -> str | None:
        """What is kept under these names."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it in place of any other."""
        ...


class KeyPlace(NamedTuple):
    """One place a key may be in, and why it is not looked at there; `trouble` is empty when it is."""

    where: Where
    shown: str
    trouble: str = ""


class Keys:
    """The keys of one vault. `backend` gives the keyring, or None where there is none."""

    def __init__(self, vault: str, environ: Mapping[str, str], backend: Callable[[], Any] | None = None) -> None:
        self._vault, self._environ = vault, environ
        self._given = backend or _system_keyring
        self.path = key_path(vault, environ)
        """The key file, outside the home unless TIELINE_KEY_FILE says otherwise."""

    def find(self) -> tuple[KeyPlace, tuple[Key, ...]]:
        """The keys and where they are: the first closes, the others only open. Raises KeyMissing."""
        backend, trouble = self._backend()
        if backend is not None:
            text, trouble = _asked(backend, self._vault)
            if text:
                return KeyPlace("keyring", _name(backend)), _parsed(text, "the keyring")
        if text := self._environ.get(VARIABLE, "").strip():
            return KeyPlace("env", VARIABLE), _parsed(text, VARIABLE)
        if os.path.lexists(self.path):
            return KeyPlace("file", str(self.path)), _parsed(_read(self.path), str(self.path))
        raise KeyMissing(
            f"there is no key to keep tokens with: {trouble}, {VARIABLE} is not set, and there is no file {self.path}"
        )

    def make(self, where: Where | None = None) -> tuple[KeyPlace, Key]:
        """Draw a key and keep it, in the keyring if there is a good one, else in the file. Raises UserError."""
        backend, trouble = self._backend()
        if where == "keyring" and backend is None:
            raise KeyMissing(f"the key cannot go into the keyring: {trouble}", hint=f"{_NEW_KEY} --in file")
        place: Where = where or ("keyring" if backend is not None else "file")
        key = Key.new()
        found = KeyPlace("file", str(self.path)) if place == "file" else KeyPlace("keyring", _name(backend))
        self.keep(found, (key,))
        return found, key

    def keep(self, place: KeyPlace, keys: Sequence[Key]) -> None:
        """Put these in place of those that are there, at once. Raises UserError for a variable: it is the user's."""
        text = " ".join(spelled(key) for key in keys)
        if place.where == "env":
            raise UserError(f"{VARIABLE} is yours to change")
        if place.where == "keyring":
            backend, trouble = self._backend()
            if backend is None:
                raise KeyMissing(trouble)
            try:
                backend.set_password(SERVICE, self._vault, text)
            except Exception as error:  # backends raise what they like
                problem = type(error).__name__
            else:
                return
            raise KeyMissing(f"the keyring does not take the key ({problem})", hint=f"{_NEW_KEY} --in file")
        if not self.path.parent.is_dir():
            self.path.parent.mkdir(parents=True)
            self.path.parent.chmod(0o700)
        write_atomically(self.path, text.encode() + b"\n")

    def _backend(self) -> tuple[Backend | None, str]:
        """The keyring, or why there is none to use."""
        try:
            chosen = self._given()
        except Exception as error:  # a keyring that cannot even be loaded
            return None, f"the keyring cannot be used ({type(error).__name__})"
        if chosen is None:
            return None, "there is no keyring"
        refused = [_name(part) for part in _parts(chosen) if _name(part).startswith(REFUSED) or not _keeps(part)]
        if refused:
            return None, f"the keyring {refused[0]} is refused: it keeps nothing, or in plain text"
        return chosen, ""


def spelled(key: Key) -> str:
    """A key as text: 43 characters of URL-safe base64."""
    return base64.urlsafe_b64encode(key.reveal()).decode().rstrip("=")


def key_path(vault: str, environ: Mapping[str, str]) -> Path:
    """Where the key file is: what TIELINE_KEY_FILE says, else the user's own folder for configuration."""
    if named := environ.get(FILE_VARIABLE):
        return Path(named).expanduser()
    base = environ.get("XDG_CONFIG_HOME") or environ.get("APPDATA")
    folder = Path(base) if base else Path(environ.get("HOME") or Path.home()) / ".config"
    return folder / "tieline" / "keys" / f"{vault}.key"


def _parsed(text: str, where: str) -> tuple[Key, ...]:
    keys = []
    for word in text.replace(",", " ").split():
        try:
            keys.append(Key(base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))))
        except (ValueError, binascii.Error):
            keys = []
            break
    if keys:
        return tuple(keys)
    del text, word
    raise KeyMissing(f"{where} does not hold a key: {KEY_BYTES} bytes in URL-safe base64")


def _read(path: Path) -> str:
    try:
        # not through a link, and without waiting for the other end of a pipe
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        raise KeyMissing(f"the key file {path} cannot be read: {error.strerror}", hint=f"ls -l {path}") from None
    try:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise KeyMissing(f"the key file {path} is not a plain file", hint=f"ls -l {path}")
        if os.name == "posix" and info.st_mode & 0o077:
            raise KeyMissing(f"the key file {path} can be read by others", hint=f"chmod 600 {path}")
        if hasattr(os, "geteuid") and info.st_uid != os.geteuid():
            raise KeyMissing(f"the key file {path} belongs to user {info.st_uid}", hint=f"ls -l {path}")
        return os.read(handle, MOST).decode("ascii", "replace")
    finally:
        os.close(handle)


# -- the keyring library


def _system_keyring() -> Backend | None:
    import keyring

    found: Backend = keyring.get_keyring()
    return found


def _parts(backend: Any) -> list[Any]:
    """The backend itself, or those that a chain of backends asks."""
    chained = getattr(backend, "backends", None)
    return list(chained) if isinstance(chained, (list, tuple)) and chained else [backend]


def _keeps(backend: Any) -> bool:
    """A backend that rates itself at or below zero is none to rely on."""
    try:
        return float(getattr(backend, "priority", 1)) > 0
    except Exception:  # the rating itself may raise where the backend cannot work
        return False


def _name(backend: Any) -> str:
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def _asked(backend: Backend, vault: str) -> tuple[str, str]:
    """What the keyring has for this vault, or why nothing."""
    try:
        return backend.get_password(SERVICE, vault) or "", "the keyring has none"
    except Exception as error:  # backends raise what they like; a locked keyring is not an absent key
        return "", f"the keyring does not answer ({type(error).__name__}; is it locked?)"
