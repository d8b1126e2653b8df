"""The expression of `filter`: which records take part. Pure; it parses, it never runs code.

    lifecycle_stage in ["customer", "opportunity"] and employees >= 10 and not email is null

A comparison has a field (or a dotted part, `amount.amount`) on the left and a constant on the right. A field that is
absent or cleared is null; null equals nothing but null and is neither greater nor less than anything. It knows
fields, not systems, and must not follow references.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from typing import Any, NamedTuple, NoReturn

from tieline.records import FIELDS, Cell, Kind, spec_of

MAX_LENGTH = 4000
MAX_DEPTH = 40
_NUMBERS = frozenset({"integer", "decimal", "percent"})
_ORDERED = _NUMBERS | {"date", "text", "choice"}
_KEYWORDS = frozenset({"and", "or", "not", "in", "is", "null", "true", "false", "contains"})
_TOKEN = re.compile(
    r"""\s*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_]+)?)|(?P<number>-?[0-9]+(?:\.[0-9]+)?)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<sign>==|!=|<=|>=|<|>|[()\[\],]))""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

Predicate = Callable[[Mapping[str, Cell]], bool]


class FilterError(ValueError):
    """The expression cannot be used. `position` counts characters from 1."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position})")
        self.position = position


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled expression; calling it with canonical fields says whether the record takes part."""

    text: str
    fields: frozenset[str]
    """The canonical fields it looks at, without parts."""
    _test: Predicate = field(repr=False)

    def __call__(self, fields: Mapping[str, Cell]) -> bool:
        """True for a record that takes part. Never raises, whatever the cells hold."""
        return self._test(fields)


def parse_filter(text: str, kind: Kind | None = None, custom: Mapping[str, str] | Collection[str] = ()) -> Filter:
    """Compile an expression. With a kind, its fields (and the `custom` ones) are checked by name and type.

    Raises FilterError, and nothing else, for text that is no such expression.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(f"the expression is longer than {MAX_LENGTH} characters", MAX_LENGTH + 1)
    parser = _Parser(_tokens(text), kind, frozenset(custom))
    test = parser.expression(0)
    if parser.here.kind != "end":
        parser.fail(f"expected `and`, `or` or the end, found {parser.here.shown}")
    return Filter(text, frozenset(parser.fields), test)


class _Token(NamedTuple):
    kind: str
    """name, keyword, number, text, sign or end."""
    value: str
    position: int

    @property
    def shown(self) -> str:
        return "the end" if self.kind == "end" else repr(self.value)


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    end = len(text.rstrip())
    at = 0
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            what = "a text that is not closed" if text[start] in "\"'" else f"an unexpected {text[start]!r}"
            extra = "; write == to compare" if text[start] == "=" else ""
            raise FilterError(f"found {what}{extra}", start + 1)
        kind = str(match.lastgroup)
        value, start = match[kind], match.start(kind)
        if kind == "name" and value in _KEYWORDS:
            kind = "keyword"
        found.append(_Token(kind, value, start + 1))
        at = match.end()
    found.append(_Token("end", "", end + 1))
    return found


class _Parser:
    def __init__(self, tokens: list[_Token], kind: Kind | None, custom: frozenset[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._kind = kind
        self._custom = custom
        self.fields: set[str] = set()

    @property
    def here(self) -> _Token:
        return self._tokens[self._at]

    def fail(self, message: str) -> NoReturn:
        raise FilterError(message, self.here.position)

    def _take(self) -> _Token:
        token = self.here
        self._at += token.kind != "end"
        return token

    def _accept(self, *values: str) -> bool:
        if self.here.kind in ("keyword", "sign") and self.here.value in values:
            self._at += 1
            return True
        return False

    def expression(self, depth: int) -> Predicate:
        if depth > MAX_DEPTH:
            self.fail(f"nested deeper than {MAX_DEPTH}")
        parts = [self._conjunction(depth)]
        while self._accept("or"):
            parts.append(self._conjunction(depth))
        return parts[0] if len(parts) == 1 else lambda fields: any(p(fields) for p in parts)

    def _conjunction(self, depth: int) -> Predicate:
        parts = [self._negation(depth)]
        while self._accept("and"):
            parts.append(self._negation(depth))
        return parts[0] if len(parts) == 1 else lambda fields: all(p(fields) for p in parts)

    def _negation(self, depth: int) -> Predicate:
        negated = False
        while self._accept("not"):
            negated = not negated
        if self._accept("("):
            test = self.expression(depth + 1)
            if not self._accept(")"):
                self.fail(f"expected a closing ), found {self.here.shown}")
        else:
            test = self._comparison()
        return (lambda fields: not test(fields)) if negated else test

    def _comparison(self) -> Predicate:
        token = self.here
        if token.kind != "name":
            self.fail(f"expected a field, found {token.shown}")
        self._take()
        type_name = self._type_of(token)
        get = _getter(token.value)
        if self._accept("is"):
            return self._is(get)
        negated = self.here.kind == "keyword" and self.here.value == "not"
        if negated:
            self._take()
        if self._accept("in"):
            test = _is_in(get, self._list(type_name))
        elif self._accept("contains"):
            test = _contains(get, self._constant("text"))
        elif negated:
            self.fail(f"expected `in` or `contains` after `not`, found {self.here.shown}")
        elif self.here.kind == "sign" and self.here.value in _COMPARE:
            return self._compare(get, type_name)
        elif type_name in (None, "boolean"):
            return lambda fields: get(fields) is True
        else:
            self.fail(f"expected a comparison after {token.value!r}, found {self.here.shown}")
        return (lambda fields: not test(fields)) if negated else test

    def _compare(self, get: _Get, type_name: str | None) -> Predicate:
        sign = self._take()
        if sign.value not in ("==", "!=") and type_name is not None and type_name not in _ORDERED:
            raise FilterError(f"a field of type {type_name} cannot be compared with {sign.value}", sign.position)
        constant = self._constant(type_name)
        return _compare(get, sign.value, constant)

    def _is(self, get: _Get) -> Predicate:
        negated = self._accept("not")
        for word, wanted in (("null", None), ("true", True), ("false", False)):
            if self._accept(word):
                if negated:
                    return lambda fields: get(fields) is not wanted
                return lambda fields: get(fields) is wanted
        raise FilterError(f"expected null, true or false, found {self.here.shown}", self.here.position)

    def _list(self, type_name: str | None) -> list[Any]:
        if not self._accept("["):
            self.fail(f"expected a list in [ ], found {self.here.shown}")
        values: list[Any] = []
        while not self._accept("]"):
            values.append(self._constant(type_name))
            if not self._accept(","):
                if not self._accept("]"):
                    self.fail(f"expected , or ], found {self.here.shown}")
                break
        return values

    def _constant(self, type_name: str | None) -> Any:
        """Text, a Decimal, True, False or None, in the normal form of the field's type where that is known."""
        token = self._take()
        if token.kind == "text":
            value: Any = _ESCAPE.sub(r"\1", token.value[1:-1])
        elif token.kind == "number":
            value = Decimal(token.value)
        elif token.kind == "keyword" and token.value in ("null", "true", "false"):
            return {"null": None, "true": True, "false": False}[token.value]
        elif token.kind == "name":
            raise FilterError(f"expected a constant, found {token.shown}: text stands in quotes", token.position)
        else:
            raise FilterError(f"expected a constant, found {token.shown}", token.position)
        return _fitting(value, type_name, token.position)

    def _type_of(self, token: _Token) -> str | None:
        name, _, part = token.value.partition(".")
        self.fields.add(name)
        if self._kind is None:
            return None
        names = [n for n, s in FIELDS[self._kind].items() if s.refers_to is None] + sorted(self._custom)
        if name not in names:
            if name in FIELDS[self._kind]:
                raise FilterError(f"{name!r} is a reference; a filter looks at the record's own fields", token.position)
            near = get_close_matches(name, names, 1)
            raise FilterError(
                f"{self._kind} has no field {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""), token.position
            )
        spec = spec_of(self._kind, name)
        if part and part not in spec.parts:
            raise FilterError(f"{name} has no part {part!r}", token.position)
        if spec.parts and not part and not (self.here.kind == "keyword" and self.here.value == "is"):
            raise FilterError(f"say which part of {name}: {', '.join(spec.parts)}", token.position)
        if name in self._custom:
            return None
        return ("decimal" if part == "amount" else "text") if part else spec.type


def _fitting(value: Any, type_name: str | None, position: int) -> Any:
    if type_name is None:
        return value
    if type_name in _NUMBERS:
        if not isinstance(value, Decimal):
            raise FilterError(f"expected a number, found {value!r}", position)
        return value
    if isinstance(value, Decimal):
        raise FilterError(f"expected text in quotes, found {value}", position)
    if type_name == "boolean":
        raise FilterError(f"expected true or false, found {value!r}", position)
    if type_name == "date" and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise FilterError(f"expected a date as YYYY-MM-DD in quotes, found {value!r}", position)
    return value


# -- what a compiled expression is made of

_Get = Callable[[Mapping[str, Cell]], Cell]
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _getter(path: str) -> _Get:
    name, _, part = path.partition(".")
    if not part:
        return lambda fields: fields.get(name)

    def get(fields: Mapping[str, Cell]) -> Cell:
        whole = fields.get(name)
        return whole.get(part) if isinstance(whole, Mapping) else None

    return get


def _like(cell: Cell, constant: Any) -> Any:
    """The cell in the type of the constant, None when it has no such form."""
    if isinstance(constant, Decimal):
        if isinstance(cell, (bool, list, Mapping)) or cell is None:
            return None
        try:
            number = Decimal(str(cell))
        except InvalidOperation:
            return None
        return None if number.is_nan() else number
    return cell if type(cell) is type(constant) else None


def _equal(cell: Cell, constant: Any) -> bool:
    if constant is None or cell is None:
        return cell is constant
    return bool(_like(cell, constant) == constant)


def _compare(get: _Get, sign: str, constant: Any) -> Predicate:
    if sign == "==":
        return lambda fields: _equal(get(fields), constant)
    if sign == "!=":
        return lambda fields: not _equal(get(fields), constant)
    if constant is None or isinstance(constant, bool):
        return lambda fields: False
    order = _COMPARE[sign]

    def test(fields: Mapping[str, Cell]) -> bool:
        value = _like(get(fields), constant)
        return value is not None and order(value, constant)

    return test


def _is_in(get: _Get, constants: list[Any]) -> Predicate:
    def test(fields: Mapping[str, Cell]) -> bool:
        cell = get(fields)
        return any(_equal(cell, c) for c in constants)

    return test


def _contains(get: _Get, constant: Any) -> Predicate:
    def test(fields: Mapping[str, Cell]) -> bool:
        cell = get(fields)
        if isinstance(cell, list):
            return constant in cell
        return isinstance(cell, str) and isinstance(constant, str) and constant in cell

    return test
