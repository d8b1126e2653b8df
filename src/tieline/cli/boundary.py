"""The one place where an error becomes text and an exit code. It must never show a traceback for a user's mistake."""

from __future__ import annotations

import errno
import traceback
from typing import Any

import click

from tieline.cli.console import clean, clean_lines
from tieline.cli.session import Session
from tieline.errors import Broken, ConfigError, Locked, Rejected, TielineError, Transient, UserError

DONE, FAILED, USAGE, WAITING, INTERRUPTED = 0, 1, 2, 3, 130


def report(session: Session, error: BaseException) -> int:
    """Tell the user what happened and what to type next; the exit code."""
    if isinstance(error, click.exceptions.Exit):
        return int(error.exit_code)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAILED
    if isinstance(error, KeyboardInterrupt) or (
        isinstance(error, click.Abort) and not isinstance(error.__cause__, EOFError)
    ):
        return _tell(session, error, "interrupted; what was committed stays", "the same command again", INTERRUPTED)
    if isinstance(error, click.Abort):
        return _tell(session, error, "nobody is there to answer", "--help shows how to answer by option", FAILED)
    if isinstance(error, click.ClickException):
        return _usage(session, error)
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        return FAILED
    if isinstance(error, (TielineError, OSError)):
        return _known(session, error)
    return _unexpected(session, error)


def _usage(session: Session, error: click.ClickException) -> int:
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "tieline"
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and isinstance(error.ctx.command, click.Group):
        text = f"{path} needs one of: {', '.join(error.ctx.command.list_commands(error.ctx))}"
    else:
        text = " ".join(error.format_message().split())
    return _tell(session, error, text, f"{path} --help", USAGE)


def _known(session: Session, error: TielineError | OSError) -> int:
    if isinstance(error, ConfigError):
        problems = error.problems
        text = problems[0] if len(problems) == 1 else "\n".join([f"{len(problems)} problems:", *problems])
        return _tell(session, error, text, error.hint, USAGE, {"problems": list(problems)})
    if isinstance(error, UserError):
        return _tell(session, error, str(error), error.hint, USAGE)
    if isinstance(error, Broken):
        _log(error)
        return _tell(session, error, f"a bug: {error}", error.hint or _where(session), FAILED)
    if isinstance(error, Locked):
        return _tell(session, error, str(error), error.hint or "tieline status", FAILED)
    if isinstance(error, (Transient, Rejected)):
        return _tell(session, error, str(error), error.hint or "the same command again, later", FAILED)
    if isinstance(error, TielineError):
        return _tell(session, error, str(error), error.hint, FAILED)
    _log(error)
    what = error.strerror or str(error)
    place = f"{error.filename}: " if error.filename else ""
    barred = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
    step = "make that place writable for you, or choose another" if barred else _where(session)
    return _tell(session, error, f"{place}{what}", step, FAILED)


def _unexpected(session: Session, error: BaseException) -> int:
    _log(error)
    text = " ".join(str(error).split())
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if session.verbose and not session.console.as_json:
        session.console.note(clean_lines("".join(traceback.format_exception(error)).rstrip()))
    return _tell(session, error, f"a bug in Tieline: {what}", _where(session), FAILED)


def _tell(
    session: Session, error: BaseException, text: str, hint: str, code: int, more: dict[str, Any] | None = None
) -> int:
    value = {"type": type(error).__name__, "message": text, "hint": hint, "exit_code": code, **(more or {})}
    shown = f"Error: {clean_lines(text)}"
    session.console.error(f"{shown}\nNext: {clean(hint)}" if hint else shown, value)
    return code


def _log(error: BaseException) -> None:
    import logging

    log = logging.getLogger("tieline")
    if log.hasHandlers():  # without any, logging would print the traceback to the terminal
        log.error("%s", error, exc_info=error)


def _where(session: Session) -> str:
    """Where the traceback is."""
    try:
        log = session.home.log
        if log.exists():
            return f"the traceback is in {log}"
    except OSError:
        pass
    return "the same command with -v shows the traceback"
