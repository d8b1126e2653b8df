"""Collects every problem of one file as a sentence with its place. Decides wording; knows no setting."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

Path = tuple[str, ...]
_HEADER = re.compile(r"^\s*(\[\[?.*\]\]?)\s*(?:#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
MOST_KNOWN = 12
_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Problems:
    """The problems and notes of one file. Every `add` names the TOML path it is about."""

    def __init__(self, file: str, text: str = "") -> None:
        self._file = file
        self._lines = lines_of(text)
        self._found: list[tuple[int, str]] = []
        self.notes: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def sentences(self) -> tuple[str, ...]:
        """All problems in the order of the file."""
        return tuple(text for _, text in sorted(self._found, key=lambda p: p[0]))

    def add(self, path: Path, message: str) -> None:
        """Note a problem."""
        line, text = self._placed(path, message)
        self._found.append((line, text))

    def note(self, path: Path, message: str) -> None:
        """Note something that is allowed but may not be meant."""
        self.notes.append(self._placed(path, message)[1])

    def unknown(self, path: Path, known: Iterable[str]) -> None:
        """Note a key that does not exist, with the nearest that does."""
        self.add(path, f"unknown key{nearest(path[-1], known)}")

    def table(self, path: Path, value: object) -> Mapping[str, Any]:
        """The value if it is a table; else an empty one, and a problem."""
        if isinstance(value, Mapping):
            return value
        self.add(path, f"must be a table, not {shown(value)}")
        return {}

    def model(self, path: Path, shape: type[BaseModel], value: object) -> Any:
        """The value as this shape; None, and a problem for each thing wrong with it."""
        try:
            return shape.model_validate(value)
        except ValidationError as error:
            self.invalid(path, error, tuple(shape.model_fields))
            return None

    def invalid(
        self, path: Path, error: ValidationError, known: Sequence[str], *, secret: bool = False, tag: str = ""
    ) -> None:
        """Note everything pydantic found. With `secret`, no value is repeated; a union's `tag` is no place."""
        for item in error.errors(include_url=False):
            loc = item["loc"][1:] if tag and item["loc"][:1] == (tag,) else item["loc"]
            loc = loc[:-1] if loc[-1:] == ("[key]",) else loc  # so pydantic names the key of a table that is wrong
            where = path + tuple(str(part) for part in loc)
            if item["type"] == "extra_forbidden":
                self.unknown(where, known if len(loc) == 1 else ())
            else:
                self.add(where, _sentence(item, secret=secret))

    def _placed(self, path: Path, message: str) -> tuple[int, str]:
        line = 0
        for length in range(len(path), 0, -1):
            line = self._lines.get(path[:length], 0)
            if line:
                break
        place = f"{self._file}:{line}" if line else self._file
        return line, f"{place}: {dotted(path)}: {message}"


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean …?`, or the list of what there is."""
    names = sorted(set(known))
    near = get_close_matches(word.lower(), names, 1, 0.55)
    if near:
        return f"; did you mean {near[0]!r}?"
    more = ", …" if len(names) > MOST_KNOWN else ""
    return f"; known: {', '.join(names[:MOST_KNOWN])}{more}" if names else ""


def dotted(path: Path) -> str:
    """A path as TOML writes it."""
    return ".".join(p if _BARE.fullmatch(p) else f'"{p}"' for p in path)


def shown(value: object) -> str:
    """A value as TOML writes it, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = value if len(value) <= 60 else value[:57] + "..."
        return f'"{text}"'
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return str(value)


_TYPES = {
    "bool": "true or false",
    "string": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "list": "a list",
    "tuple": "a list",
    "dict": "a table",
    "model": "a table",
    "mapping": "a table",
}


def _sentence(item: Any, *, secret: bool) -> str:
    """One pydantic error in our words."""
    kind, ctx, value = str(item["type"]), item.get("ctx") or {}, item.get("input")
    instead = "" if secret else f", not {shown(value)}"
    if kind == "missing":
        return "is required"
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(ctx.get("expected", "")))
        near = get_close_matches(str(value), choices, 1) if not secret else []
        return f"must be {ctx.get('expected')}{instead}" + (f"; did you mean {near[0]!r}?" if near else "")
    if kind == "union_tag_not_found":
        return f"needs a `type`{_expected(ctx)}"
    if kind == "union_tag_invalid":
        return f"has no type {ctx.get('tag')!r}{nearest(str(ctx.get('tag')), _tags(ctx))}"
    if kind == "value_error":
        return str(ctx.get("error", item["msg"]))
    head = kind.split("_", 1)[0]
    if head in _TYPES and kind.endswith(("_type", "_parsing")):
        return f"must be {_TYPES[head]}{instead}"
    message = str(item["msg"])
    return message[:1].lower() + message[1:]


def _tags(ctx: Mapping[str, Any]) -> list[str]:
    return re.findall(r"'([^']*)'", str(ctx.get("expected_tags", "")))


def _expected(ctx: Mapping[str, Any]) -> str:
    tags = _tags(ctx)
    return f": {', '.join(tags)}" if tags else ""


def lines_of(text: str) -> dict[Path, int]:
    """TOML path → line, for headers and keys that stand at the start of a line. Only for pointing: it may miss some."""
    lines: dict[Path, int] = {}
    here: Path = ()
    inside = ""
    for number, line in enumerate(text.splitlines(), 1):
        if inside:
            inside = "" if line.count(inside) % 2 else inside
            continue
        header = _HEADER.match(line)
        key = _KEY.match(line)
        if header:
            here = _path(f"{header[1]}") or here
            lines.setdefault(here, number)
        elif key:
            lines.setdefault(here + _path(f"{key[1]} = 0"), number)
        for quotes in ('"""', "'''"):
            if line.count(quotes) % 2:
                inside = quotes
    return lines


def _path(snippet: str) -> Path:
    try:
        value: Any = tomllib.loads(snippet)
    except tomllib.TOMLDecodeError:
        return ()
    path: list[str] = []
    while isinstance(value, dict | list) and value:
        if isinstance(value, list):
            value = value[0]
        else:
            name, value = next(iter(value.items()))
            path.append(name)
    return tuple(path)
