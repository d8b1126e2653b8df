"""Where secrets come from, and how they are kept out of everything that is printed.

Resolves `{env|file|command}` to a `Secret`, and knows how to strike revealed secrets out of text. It never prints,
logs or stores one, and never shows what a command or file held, also when it refuses it.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import re
import stat
import subprocess
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError, to_json

from tieline.errors import ConfigError

MASK: Final = "***"
FORMS: Final = '{env = "NAME"}, {file = "path"} or {command = ["program", "argument"]}'
COMMAND_TIMEOUT: Final = 30.0
MAX_SECRET: Final = 64 << 10
"""Bytes; no credential is longer, a wrong path may be."""
WHERE: Final = "tieline auth status"
"""The command that shows where each secret is looked for."""
SHORTEST: Final = 4
"""Characters; striking out shorter ones would garble every text and protect nothing."""


class Secret:
    """A value that shows itself only through `reveal`. Text forms are masked; pickle and JSON refuse it."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The value itself."""
        return self.__value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self.__value.encode(), other.reveal().encode())

    def __hash__(self) -> int:
        return hash(self.__value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled")


class Veiled(str):
    """A string on its way to the wire: it is itself everywhere but in `repr`, so no traceback's locals show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK


# -- refusing without repeating: pydantic keeps the input of an error, so a refused value is replaced before it fails


class Refused:
    """Stands in for a value that may hold a secret and is not acceptable, with the reason."""

    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __repr__(self) -> str:
        return MASK


def report(value: Any) -> Any:
    """Fail with the reason of a `Refused`; anything else passes."""
    if isinstance(value, Refused):
        raise PydanticCustomError("refused", "{reason}", {"reason": value.reason})
    return value


def screen(value: Any) -> Any:
    """A secret's source as it was, or `Refused`: nothing of a misplaced secret is kept."""
    if isinstance(value, (SecretSource, Refused)):
        return value
    if isinstance(value, str):
        return Refused(f"a secret is never written into the configuration itself: use {FORMS}")
    if not isinstance(value, Mapping) or len(value) != 1 or not set(value) <= {"env", "file", "command"}:
        return Refused(f"a secret is given by exactly one of {FORMS}")
    ((form, place),) = value.items()
    words = isinstance(place, (list, tuple)) and bool(place) and all(isinstance(w, str) and w for w in place)
    if form == "command" and not words:
        return Refused('command is a list of words, as in {command = ["pass", "show", "crm"]}; no shell is started')
    if form != "command" and not (isinstance(place, str) and place):
        return Refused(f"{form} takes one name in quotes: {FORMS}")
    return value


class SecretSource(BaseModel):
    """Where a secret is: exactly one of `env`, `file` (relative to the configuration's folder) or `command`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    env: str | None = None
    file: str | None = None
    command: tuple[str, ...] | None = None

    # before-validators run last to first: screen, then report
    @model_validator(mode="before")
    @classmethod
    def _report(cls, value: Any) -> Any:
        return report(value)

    @model_validator(mode="before")
    @classmethod
    def _screen(cls, value: Any) -> Any:
        return screen(value)

    def __str__(self) -> str:
        """Where to look, for people; a command by its program only, its arguments may be telling."""
        if self.env is not None:
            return f"environment variable {self.env}"
        return f"file {self.file}" if self.file is not None else f"command {(self.command or ('?',))[0]}"


def resolve(
    source: SecretSource, root: Path, *, environ: Mapping[str, str] | None = None, timeout: float = COMMAND_TIMEOUT
) -> Secret:
    """Fetch a secret; relative files and commands start at `root`. A line end at the end is taken off.

    Raises ConfigError when it is not there, is empty, others can read the file, or the command fails or takes longer
    than `timeout` seconds.
    """
    if source.env is not None:
        secret = Secret((os.environ if environ is None else environ).get(source.env, ""))
        trouble = "is not set"
    elif source.file is not None:
        secret = _read(root / Path(source.file).expanduser(), source.file)
        trouble = "is empty"
    else:
        secret = _run(source.command or (), root, timeout)
        trouble = "printed nothing"
    if not secret:
        raise ConfigError(f"the secret's {source} {trouble}", hint=WHERE)
    return secret


def _read(path: Path, shown: str) -> Secret:
    trouble = ""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                trouble = "is not a plain file"
            elif os.name == "posix" and mode & 0o077:
                trouble = f"can be read by others: chmod 600 {shown}"
            else:
                return _text(file.read(MAX_SECRET + 1), f"file {shown}")
    except OSError as error:
        trouble = f"cannot be read: {error.strerror}"
    raise ConfigError(f"the secret's file {shown} {trouble}", hint=WHERE)


def _text(raw: bytes, where: str) -> Secret:
    trouble = f"holds more than {MAX_SECRET >> 10} KiB" if len(raw) > MAX_SECRET else ""
    try:
        if not trouble:
            return Secret(raw.decode("utf-8").rstrip("\r\n"))
    except UnicodeDecodeError:
        trouble = "is not UTF-8 text"
    del raw  # not among the locals of the traceback
    raise ConfigError(f"the secret's {where} {trouble}", hint=WHERE)


def _run(command: tuple[str, ...], root: Path, timeout: float) -> Secret:
    code, output = _output(command, root, timeout)
    if code == 0:
        return _text(output.reveal().encode("utf-8", "surrogateescape"), f"command {command[0]}")
    raise ConfigError(
        f"the secret's command {command[0]} {code if isinstance(code, str) else f'ended with {code}'}", hint=WHERE
    )


def _output(command: tuple[str, ...], root: Path, timeout: float) -> tuple[int | str, Secret]:
    """Exit code (or what went wrong) and output; stderr goes nowhere, since what it says is not ours to show."""
    try:
        done = subprocess.run(  # noqa: S603 the user's own command, without a shell
            command, cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=timeout, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"took longer than {timeout:g} s", Secret("")
    except OSError as error:
        return f"cannot be started: {error.strerror}", Secret("")
    return done.returncode, Secret(done.stdout.decode("utf-8", "surrogateescape"))


# -- striking out


class Redactor:
    """Strikes known secrets out of text, as they are and as they look in a URL, in JSON or in a `repr`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def add(self, secret: Secret) -> Secret:
        """Know this one from now on; gives it back."""
        value = secret.reveal()
        if len(value) < SHORTEST:
            return secret
        with self._lock:
            if value not in self._known:
                in_urls = {quote(value), quote(value, safe=""), quote_plus(value)}
                forms = {value, to_json(value).decode()[1:-1], json.dumps(value)[1:-1], repr(value)[1:-1], *in_urls}
                self._known |= forms
                self._pattern = None  # made anew by the next text: the lines of a key come by the dozen
        return secret

    def redact(self, text: str) -> str:
        """The text with every known secret replaced by a mask."""
        pattern = self._pattern or self._made()
        return text if pattern is None else pattern.sub(MASK, text)

    def _made(self) -> re.Pattern[str] | None:
        with self._lock:
            if self._pattern is None and self._known:
                # the longest first: one secret may be the beginning of another
                self._pattern = re.compile("|".join(re.escape(f) for f in sorted(self._known, key=len, reverse=True)))
            return self._pattern


class RedactingFilter(logging.Filter):
    """The second line of defence: attached to a handler, it redacts messages and tracebacks of every record."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record; it always passes."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # a wrong format string is no reason to lose the redaction
            message = f"{record.msg} {record.args!r}"
        record.msg, record.args = self._redactor.redact(message), None
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        if record.exc_text:
            # without exc_info no later formatter can print the original again
            record.exc_text, record.exc_info = self._redactor.redact(record.exc_text), None
        if record.stack_info:
            record.stack_info = self._redactor.redact(record.stack_info)
        return True


__all__ = ["MASK", "RedactingFilter", "Redactor", "Secret", "SecretSource", "Veiled", "resolve"]
