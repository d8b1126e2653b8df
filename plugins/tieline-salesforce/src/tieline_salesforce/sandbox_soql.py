"""Reads a SOQL query into a tree. Knows the grammar, no object and no record.

SELECT fields, parent paths, child subqueries, COUNT(), FIELDS(ALL|STANDARD|CUSTOM); WHERE with AND, OR, NOT,
brackets, comparisons, IN and LIKE, semi-joins; ORDER BY, LIMIT, OFFSET. GROUP BY, TYPEOF and aliases are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

from tieline_salesforce.sandbox_errors import ApiError

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<time>\d{4}-\d\d-\d\d(?:T[0-9:.]+(?:Z|[+-]\d\d:?\d\d))?)
    | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    | (?P<word>[A-Za-z_][A-Za-z0-9_.]*(?::\d+)?)
    | (?P<sign><=|>=|!=|<>|[=<>(),])
    )""",
    re.VERBOSE,
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_OPERATORS = ("=", "!=", "<>", "<", "<=", ">", ">=")
_CONTEXT = 40
_REFUSED = ("GROUP", "HAVING", "FOR", "USING", "WITH", "TYPEOF", "ALL")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the query; `at` is its offset."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Path:
    """A field, perhaps of a parent: `Account.Owner.Email`."""

    names: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Value:
    """A value in a condition. `kind`: string, number, date, datetime, boolean, null, or relative (TODAY…)."""

    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class Compare:
    """`path op value`; for IN and NOT IN the value is a list of literals or a Query."""

    path: Path
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class Logic:
    """AND and OR of several conditions, NOT of one."""

    op: Literal["AND", "OR", "NOT"]
    parts: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """One key of ORDER BY."""

    path: Path
    descending: bool
    nulls_last: bool


@dataclass(slots=True)
class Query:
    """A query, or a subquery whose `source` is a relationship's name."""

    text: str
    select: list[Path | Query] = field(default_factory=list)
    count: bool = False
    all_fields: str = ""
    source: str = ""
    source_at: int = 0
    where: Any = None
    order: list[Order] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0


def refuse(text: str, at: int, code: str, message: str) -> ApiError:
    """A refusal that points into the query, as the vendor words it [recorded]."""
    row = text.count("\n", 0, at) + 1
    column = at - (text.rfind("\n", 0, at) + 1) + 1
    start = max(0, at - _CONTEXT)
    piece = text[start : at + _CONTEXT]
    caret = " " * (at - start) + "^"
    return ApiError(400, code, f"\n{piece}\n{caret}\nERROR at Row:{row}:Column:{column}\n{message}")


def parse(text: str) -> Query:
    """The query's tree. Raises ApiError MALFORMED_QUERY."""
    parser = _Parser(text)
    query = parser.query()
    parser.end()
    return query


def _tokens(text: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            rest = text[at:].lstrip()
            if not rest:
                break
            where = len(text) - len(rest)
            raise refuse(text, where, "MALFORMED_QUERY", f"unexpected token: '{rest[0]}'")
        kind = str(match.lastgroup)
        found.append(Token(kind, match.group(kind), match.start(kind)))
        at = match.end()
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _tokens(text)
        self.next = 0

    # -- words

    def peek(self) -> Token:
        if self.next < len(self.tokens):
            return self.tokens[self.next]
        return Token("end", "", len(self.text))

    def is_word(self, *words: str) -> bool:
        token = self.peek()
        return token.kind == "word" and token.text.upper() in words

    def is_sign(self, sign: str) -> bool:
        token = self.peek()
        return token.kind == "sign" and token.text == sign

    def take(self) -> Token:
        token = self.peek()
        self.next += 1
        return token

    def taken(self, *words: str) -> bool:
        if self.is_word(*words):
            self.next += 1
            return True
        return False

    def expect_word(self, word: str) -> None:
        if not self.taken(word):
            raise self.unexpected()

    def expect_sign(self, sign: str) -> None:
        if not self.is_sign(sign):
            raise self.unexpected()
        self.next += 1

    def unexpected(self) -> ApiError:
        token = self.peek()
        shown = "<EOF>" if token.kind == "end" else token.text
        return refuse(self.text, token.at, "MALFORMED_QUERY", f"unexpected token: '{shown}'")

    def end(self) -> None:
        if self.peek().kind != "end":
            raise self.unexpected()

    # -- the query

    def query(self) -> Query:
        made = Query(self.text)
        self.expect_word("SELECT")
        self._select(made)
        self.expect_word("FROM")
        source = self.take()
        if source.kind != "word":
            self.next -= 1
            raise self.unexpected()
        made.source, made.source_at = source.text, source.at
        if self.taken("WHERE"):
            made.where = self._conditions()
        if self.is_word(*_REFUSED):
            raise self.unexpected()
        if self.taken("ORDER"):
            self.expect_word("BY")
            made.order = self._orders()
        if self.taken("LIMIT"):
            made.limit = self._whole()
        if self.taken("OFFSET"):
            made.offset = self._whole()
        return made

    def _select(self, made: Query) -> None:
        while True:
            if self.is_sign("("):
                self.next += 1
                made.select.append(self.query())
                self.expect_sign(")")
            else:
                self._column(made)
            if not self.is_sign(","):
                return
            self.next += 1

    def _column(self, made: Query) -> None:
        path = self._path()
        if not self.is_sign("("):
            made.select.append(path)
            return
        function = path.names[0].upper()
        self.next += 1
        if function == "COUNT" and self.is_sign(")"):
            made.count = True
        elif function == "FIELDS" and self.is_word("ALL", "STANDARD", "CUSTOM"):
            made.all_fields = self.take().text.upper()
        else:
            raise self.unexpected()
        self.expect_sign(")")

    def _path(self) -> Path:
        token = self.peek()
        if token.kind != "word" or ":" in token.text or token.text.upper() == "FROM":
            raise self.unexpected()
        self.next += 1
        return Path(tuple(token.text.split(".")), token.at)

    def _whole(self) -> int:
        token = self.take()
        if token.kind != "number" or not token.text.isdigit():
            self.next -= 1
            raise self.unexpected()
        return int(token.text)

    def _orders(self) -> list[Order]:
        orders = []
        while True:
            path = self._path()
            descending = self.taken("DESC")
            if not descending:
                self.taken("ASC")
            nulls_last = False
            if self.taken("NULLS"):
                nulls_last = self.taken("LAST")
                if not nulls_last:
                    self.expect_word("FIRST")
            orders.append(Order(path, descending, nulls_last))
            if not self.is_sign(","):
                return orders
            self.next += 1

    # -- conditions

    def _conditions(self) -> Any:
        """Conditions joined by one word: the vendor wants brackets where AND and OR meet."""
        parts = [self._one()]
        word: Any = self.peek().text.upper()
        while word in ("AND", "OR") and self.taken(word):
            parts.append(self._one())
        if self.is_word("AND", "OR"):
            raise self.unexpected()
        return parts[0] if len(parts) == 1 else Logic(word, tuple(parts))

    def _one(self) -> Any:
        if self.taken("NOT"):
            return Logic("NOT", (self._one(),))
        if self.is_sign("("):
            self.next += 1
            inner = self._conditions()
            self.expect_sign(")")
            return inner
        return self._compare()

    def _compare(self) -> Compare:
        path = self._path()
        if self.taken("NOT"):
            self.expect_word("IN")
            return Compare(path, "NOT IN", self._set())
        if self.taken("IN"):
            return Compare(path, "IN", self._set())
        if self.taken("LIKE"):
            return Compare(path, "LIKE", self._literal())
        if self.peek().kind != "sign" or self.peek().text not in _OPERATORS:
            raise self.unexpected()
        op = self.take().text
        return Compare(path, "!=" if op == "<>" else op, self._literal())

    def _set(self) -> Any:
        self.expect_sign("(")
        if self.is_word("SELECT"):
            inner = self.query()
            self.expect_sign(")")
            return inner
        values = [self._literal()]
        while self.is_sign(","):
            self.next += 1
            values.append(self._literal())
        self.expect_sign(")")
        return values

    def _literal(self) -> Value:
        token = self.peek()
        if token.kind == "string":
            value: Any = re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), token.text[1:-1], flags=re.DOTALL)
            made = Value("string", value)
        elif token.kind == "number":
            made = Value("number", float(token.text))
        elif token.kind == "time":
            made = Value("datetime" if "T" in token.text else "date", token.text)
        elif token.kind == "word":
            made = _named(token)
        else:
            raise self.unexpected()
        if made.kind == "unknown":
            raise self.unexpected()
        self.next += 1
        return made


_RELATIVE = re.compile(r"(TODAY|YESTERDAY|TOMORROW|(?:LAST|NEXT)_N_DAYS:\d+|(?:THIS|LAST|NEXT)_(?:WEEK|MONTH|YEAR))$")


def _named(token: Token) -> Value:
    word = token.text.upper()
    if word in ("TRUE", "FALSE"):
        return Value("boolean", word == "TRUE")
    if word == "NULL":
        return Value("null", None)
    return Value("relative" if _RELATIVE.match(word) else "unknown", word)
