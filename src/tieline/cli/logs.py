"""Where the log goes: a file in the home, and the terminal with `-v`. Every handler strikes secrets out."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from tieline.errors import UserError
from tieline.home import LOG, Home

if TYPE_CHECKING:
    from tieline.secrets import Redactor

MAX_BYTES = 5 << 20
KEPT = 3
_FILE = "%(asctime)s %(levelname)s %(name)s %(message)s"
_TERMINAL = "%(levelname)s %(name)s: %(message)s"


class _Private(RotatingFileHandler):
    """A log file that is 0600 after every rotation, too. It takes what comes after it was told where it is."""

    def __init__(self, home: Home) -> None:
        self._home = home
        super().__init__(home.file(LOG), maxBytes=MAX_BYTES, backupCount=KEPT, encoding="utf-8")

    def doRollover(self) -> None:
        """Start a new file."""
        super().doRollover()
        self._home.file(LOG)


@contextmanager
def logging_to(
    home: Home, verbose: int, redactor: Redactor, tell: Callable[[str], None] = lambda text: None
) -> Iterator[None]:
    """Log `tieline` to the home, if it is there, and to stderr with `verbose`, until the block ends.

    A log that this user may not write is told, and keeps nobody from looking. Raises UserError for any other trouble.
    """
    from tieline.secrets import RedactingFilter

    logger = logging.getLogger("tieline")
    handlers: list[logging.Handler] = []
    if home.path.is_dir():
        home.check()
        try:
            handlers.append(_handler(_Private(home), logging.DEBUG if verbose > 1 else logging.INFO, _FILE))
        except UserError as error:
            if os.access(home.log if home.log.exists() else home.path, os.W_OK):
                raise
            # a home can be looked at that may not be written; whoever must write fails by itself
            tell(f"Nothing is logged: {error}")
    if verbose:
        level = logging.DEBUG if verbose > 1 else logging.INFO
        handlers.append(_handler(logging.StreamHandler(sys.stderr), level, _TERMINAL))
    before = (logger.level, logger.propagate)
    quiet = logging.NullHandler()
    try:
        logger.propagate = False
        logger.setLevel(logging.DEBUG if verbose > 1 else logging.INFO)
        logger.addHandler(quiet)
        for handler in handlers:
            handler.addFilter(RedactingFilter(redactor))
            logger.addHandler(handler)
        yield
    finally:
        logger.level, logger.propagate = before[0], before[1]
        for handler in (quiet, *handlers):
            logger.removeHandler(handler)
            handler.close()


def _handler(handler: logging.Handler, level: int, layout: str) -> logging.Handler:
    handler.setLevel(level)
    handler.setFormatter(logging.Formatter(layout))
    return handler
