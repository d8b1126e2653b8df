"""What the user sees: aligned tables, one JSON value, progress. Decides layout; knows nothing of syncing."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TextIO

import click

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")
ELLIPSIS = "…"
GAP = "  "
MIN_LAST_COLUMN = 24


def clean(value: object) -> str:
    """Text that cannot steer a terminal: control, direction and unpaired characters are shown escaped."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if _harmless(c) else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in text)


def clean_lines(text: str) -> str:
    """As `clean`, but line breaks stay."""
    return "\n".join(clean(line) for line in text.split("\n"))


def _harmless(char: str) -> bool:
    return char.isprintable() or (char not in _BIDI and unicodedata.category(char) in ("Zs", "Cf"))


def width_of(text: str) -> int:
    """Columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_width(c) for c in text)


def _width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def fit(text: str, width: int) -> str:
    """The text, cut to a number of columns."""
    if width_of(text) <= width:
        return text
    out, used = [], 0
    for char in text:
        used += _width(char)
        if used > width - 1:
            break
        out.append(char)
    return "".join(out) + ELLIPSIS


def wrapped(text: str, width: int) -> list[str]:
    """The whole text in lines of at most `width` columns, broken at blanks where there are any."""
    lines: list[str] = []
    start = used = 0
    blank = -1
    for at, char in enumerate(text):
        used += _width(char)
        if used > width and at > start:
            stop = blank if blank > start else at
            lines.append(text[start:stop])
            start, blank = stop + (text[stop] == " "), -1
            used = width_of(text[start : at + 1])
        if char == " ":
            blank = at
    return [*lines, text[start:]]


def table(
    headers: Sequence[str], rows: Iterable[Sequence[object]], *, width: int | None = None, wrap: bool = False
) -> str:
    """Columns that line up; numbers to the right. With `width`, the last column is cut to fit it, or wrapped."""
    body = [["" if cell is None else clean(cell) for cell in row] for row in rows]
    raw = list(rows) if isinstance(rows, Sequence) else []
    sizes = [max([width_of(h), *(width_of(r[i]) for r in body)]) for i, h in enumerate(headers)]
    right = [bool(raw) and all(isinstance(r[i], int) or r[i] is None for r in raw) for i in range(len(headers))]
    if width is not None and sizes:
        room = width - sum(sizes[:-1]) - len(GAP) * (len(sizes) - 1)
        sizes[-1] = min(sizes[-1], max(room, MIN_LAST_COLUMN))
    lines = []
    if wrap and width is not None:
        body = [line for row in body for line in _unfolded(row, sizes[-1])]
    for row in [list(headers), *body]:
        cells = [_pad(fit(c, s), s, r) for c, s, r in zip(row, sizes, right, strict=True)]
        lines.append(GAP.join(cells).rstrip())
    return "\n".join(lines)


def _unfolded(row: list[str], size: int) -> list[list[str]]:
    """The row as several, for a last cell of several lines."""
    first, *more = wrapped(row[-1], size)
    return [[*row[:-1], first], *([*[""] * (len(row) - 1), line] for line in more)]


def _pad(text: str, size: int, right: bool) -> str:
    space = " " * (size - width_of(text))
    return space + text if right else text + space


class Console:
    """Where output goes. Results to stdout, everything else to stderr; with `as_json`, stdout gets one value."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.said = False
        self.pause: Callable[[], AbstractContextManager[object]] = nullcontext
        """Takes away what is being drawn on the terminal, while a person is asked."""

    @property
    def terminal(self) -> bool:
        """Whether a person watches stdout."""
        return not self.as_json and _is_terminal(sys.stdout)

    @property
    def width(self) -> int | None:
        """Columns of the terminal; None when there is none, so that nothing is cut in a log."""
        if not self.terminal:
            return None
        import shutil

        return shutil.get_terminal_size().columns

    def result(self, value: Any, text: str | Callable[[], str]) -> None:
        """A command's answer: `value` with `--json`, else `text`."""
        if self.as_json:
            self.said = True
            click.echo(json.dumps(value, default=str))
        else:
            shown = text if isinstance(text, str) else text()
            if shown:
                click.echo(shown)

    def line(self, text: str = "") -> None:
        """A line of an answer that is not JSON; with `--json`, it goes to stderr."""
        click.echo(text, err=self.as_json)

    def note(self, text: str) -> None:
        """A line beside the answer."""
        click.echo(text, err=True)

    def error(self, text: str, value: Any) -> None:
        """How the command failed; with `--json`, as the one value on stdout unless one was printed."""
        if self.as_json and not self.said:
            self.result({"error": value}, "")
        else:
            click.echo(text, err=True)

    def confirm(self, question: str) -> bool | None:
        """Ask for y or n; None when nobody is there to answer. Ctrl-C is click.Abort, whoever else listens to it."""
        from tieline.cli.signals import asking

        if self.as_json or not (_is_terminal(sys.stdin) and _is_terminal(sys.stderr)):
            return None
        with self.pause(), asking():
            return click.confirm(question, default=False, err=True)


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def plural(count: int, noun: str) -> str:
    """`1 record`, `2 records`, `0 reviews`."""
    form = noun if count == 1 else noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {form}"
