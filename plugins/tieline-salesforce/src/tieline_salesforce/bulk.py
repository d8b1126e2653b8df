"""A large listing by a query job of the Bulk API 2.0: starts it, waits for it, reads its results in pages.

Decides when a job is of no use, and then says so (`NoUse`): the caller goes on page by page. What a row means is
`rows`' business. A page token names the job, the locator of an answer, and how many of its rows were given before;
an answer is kept as it came until all its rows were given, so that memory is bounded by one answer.

Shapes: a job is made by `POST /jobs/query`, asked after until it is JobComplete, Failed or Aborted [cap], and its
results are comma-separated values in answers of `maxRecords` rows, with `Sforce-Locator`, "null" in the last [doc].
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from io import BytesIO, TextIOWrapper
from itertools import islice
from typing import Any, NamedTuple

from tieline import Clock, ConfigError, ContractViolation, NotAuthorised, Page, Rejected, Transient
from tieline_salesforce.org import Org
from tieline_salesforce.rows import Reader
from tieline_salesforce.wire import Answer, NothingThere, Rows

JOBS = "/jobs/query"
ANSWER_BYTES = 8 << 20
"""How large one answer is meant to be, judged by the first page; the HTTP client takes eight times as much."""
FEWEST, MOST = 200, 50_000
"""Rows of one answer that are asked for."""
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 30.0
"""Seconds between two looks at a job: each is a call, and a job takes seconds to minutes."""
ONE_CALL = 60.0
"""Seconds that one page may be waited for: then the caller is given an empty one, and asks again."""
PATIENCE_MS = 1_800_000
"""How long a job may take in all. It goes on without us, and its results would be read by nobody: it is aborted."""
LIFE_MS = 3_600_000
"""How old results may be that are still read. Salesforce keeps them for seven days [doc], but they do not change."""

_ENDED_WELL = "JobComplete"
_ENDED_BADLY = frozenset({"Failed", "Aborted"})


class NoUse(Exception):
    """There is no such job, or it came to nothing; says why. Nothing is lost by it."""


class Token(NamedTuple):
    """Where a listing stands. `base`: the page token from which it goes on without the job."""

    job: str
    base: str
    began: int
    """When the job was made (ms, our clock)."""
    rows: int
    """Rows of one answer."""
    waited: int = 0
    """Empty pages so far: a token never repeats."""
    ready: bool = False
    """The job is known to be complete."""
    locator: str = ""
    """Of the answer that is being read; empty: the first."""
    given: int = 0
    """Its rows that were given before."""

    @property
    def text(self) -> str:
        """As a page carries it."""
        return json.dumps({"bulk": self})


def token_of(text: str) -> Token | None:
    """The job that a page token names; None when it is one of a listing page by page."""
    held = json.loads(text)
    return Token(*held["bulk"]) if isinstance(held, dict) else None


def start(org: Org, stream: str, statement: str, base: str, sample: Answer, now: int) -> str:
    """Make a job of this statement; the token to go on from. `sample` is the page before. Raises NoUse."""
    try:
        if org.info(stream) is None:  # values come as text: the describe says which of them are something else
            org.describe(stream)
        job = org.wire.ask("POST", JOBS, {"operation": "query", "query": statement}).data["id"]
    except (Rejected, NotAuthorised, NothingThere, Transient, ContractViolation, KeyError, TypeError) as error:
        raise NoUse(_said(error)) from error
    each = max(1, sample.size // max(1, len(sample.data["records"])))
    return Token(str(job), base, now, min(MOST, max(FEWEST, ANSWER_BYTES // each))).text


def page(org: Org, stream: str, token: Token, clock: Clock) -> Page:
    """The next rows of a job, none while it is not done yet. Raises NoUse, or what a connector may raise."""
    if clock.now() - token.began > (LIFE_MS if token.ready else PATIENCE_MS):
        if not token.ready:
            with suppress(Rejected, NotAuthorised, ConfigError, Transient):
                org.wire.ask("PATCH", f"{JOBS}/{token.job}", {"state": "Aborted"})
        raise NoUse("it took too long")
    try:
        if not token.ready:
            now = _wait(org, token, clock)
            if now:
                return Page((), token._replace(waited=token.waited + 1).text, now=now)
            token = token._replace(ready=True)
        return _rows(org, stream, token)
    except (Rejected, NotAuthorised, NothingThere, csv.Error, ValueError, KeyError, TypeError) as error:
        org.answers.pop(stream, None)
        raise NoUse(_said(error)) from error


def _wait(org: Org, token: Token, clock: Clock) -> int:
    """0 once the job is complete; the server's clock when it is not after as long as one call may wait."""
    deadline, pause = clock.monotonic() + ONE_CALL, FIRST_PAUSE
    while True:
        answer = org.wire.get(f"{JOBS}/{token.job}")
        state = answer.data["state"]
        if state == _ENDED_WELL:
            return 0
        if state in _ENDED_BADLY:
            raise Rejected(str(answer.data.get("errorMessage") or f"it ended as {state}"))
        if clock.monotonic() + pause > deadline:
            return answer.now
        clock.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


# -- results


class Opened:
    """An answer that is being read: its rows one after another, and where it stands."""

    def __init__(self, token: Token, answer: Rows, reader: Reader, types: Mapping[str, str]) -> None:
        self.place = (token.job, token.locator)
        self.given = 0
        self.locator = answer.locator
        self.now = answer.now
        self._total = answer.total
        self._rows = _table(answer.text, reader.columns, types)

    def take(self, count: int) -> list[dict[str, Any]]:
        """The next rows, fewer at the end. Raises ValueError when there should be more of them."""
        rows = list(islice(self._rows, count))
        self.given += len(rows)
        if len(rows) < count and self._total != self.given:
            raise ValueError(f"its results have {self.given} rows, not {self._total}")
        return rows


def _rows(org: Org, stream: str, token: Token) -> Page:
    """Rows from the answer that is open, if it stands where the token says; else from a new one."""
    reader = org.reader(stream)
    opened = org.answers.pop(stream, None)
    if opened is None or opened.place != (token.job, token.locator) or opened.given != token.given:
        params = {"maxRecords": str(token.rows)} | ({"locator": token.locator} if token.locator else {})
        answer = org.wire.rows(f"{JOBS}/{token.job}/results", params)
        opened = Opened(token, answer, reader, _types(org, stream))
        opened.take(token.given)
    rows = opened.take(org.settings.page)
    remotes = [reader.remote(row) for row in rows]
    if len(rows) == org.settings.page:
        org.answers[stream] = opened
        return Page(remotes, token._replace(given=opened.given).text, now=opened.now)
    if opened.locator is None:
        return Page(remotes, None, now=opened.now)
    return Page(remotes, token._replace(locator=opened.locator, given=0).text, now=opened.now)


def _types(org: Org, stream: str) -> Mapping[str, str]:
    info = org.info(stream) or org.describe(stream)
    return {name: str(entry.get("type")) for name, entry in info.fields.items()}


_FORMS: Mapping[str, Callable[[str], Any]] = {
    "boolean": lambda text: text == "true",
    "int": int,
    "double": float,
    "currency": float,
    "percent": float,
    "datetime": lambda text: text.removesuffix("Z") + "+0000" if text.endswith("Z") else text,
}
"""What a query answers in JSON for a value that a job's results have as text."""


def _table(text: bytes, columns: Sequence[str], types: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """The rows of an answer as a query would answer them; blank is null. Raises ValueError when a column is missing,
    a row is cut off, or a value is not of its type.

    NUL bytes can be in the results [iss airbyte #8300]; a blank and an empty text are the same to Salesforce.
    """
    lines = csv.reader(TextIOWrapper(BytesIO(text.replace(b"\0", b"")), encoding="utf-8", newline=""), strict=True)
    head = [name.lower() for name in next(lines, [])]
    missing = [c for c in columns if c.lower() not in head]
    if missing and head:
        raise ValueError(f"its results lack {', '.join(missing)}")
    places = [(head.index(c.lower()), c.split("."), _FORMS.get(types.get(c, ""))) for c in columns] if head else []
    for cells in lines:
        if len(cells) != len(head):
            raise ValueError("a row of its results is not whole")
        row: dict[str, Any] = {}
        for place, path, form in places:
            cell: Any = cells[place] or None
            if cell is not None and form is not None:
                cell = form(cell)
            at = row
            for step in path[:-1]:
                at = at.setdefault(step, {})
            at[path[-1]] = cell
        yield row


def _said(error: Exception) -> str:
    code = getattr(error, "code", "")
    return f"{code}: {error}" if code else str(error)
