"""JSON Lines: one object a line. Numbers keep all their digits; a line that is no object is a bad row.

A key that is not there is blank: programs that write JSON Lines often leave nulls out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

from tieline import ConfigError
from tieline_files.csv_form import BOM, UTF16
from tieline_files.rows import Entry, Head, Place, Row


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("a key stands twice in it")
    return row


class JsonlForm:
    """The JSON Lines of one file. `columns` are those that a row always has, blank if not given."""

    longest: int | None = None

    def __init__(self, encoding: str, columns: Sequence[str]) -> None:
        self._encoding = encoding
        self._blank: dict[str, Any] = dict.fromkeys(columns)
        self._decoder = json.JSONDecoder(
            parse_float=Decimal, parse_constant=_no_constant, object_pairs_hook=_each_key_once
        )

    def head(self, file: BinaryIO) -> Head:
        """A byte-order mark, if there is one, and the line ending of the first line."""
        first = file.readline()
        if first.startswith(UTF16):
            raise ConfigError("it is UTF-16: save it as UTF-8")
        bom = BOM if first.startswith(BOM) and self._encoding == "utf-8" else b""
        return Head(bom, None, Place(len(bom), 1), "\r\n" if first.endswith(b"\r\n") else "\n")

    def entries(self, file: BinaryIO, head: Head, start: Place) -> Iterator[Entry]:
        """One entry a line."""
        file.seek(start.offset)
        offset, line = start
        while raw := file.readline():
            row, why = self._parse(raw)
            yield Entry(Place(offset, line), raw, row, why)
            offset, line = offset + len(raw), line + 1

    def _parse(self, raw: bytes) -> tuple[Row | None, str]:
        try:
            text = raw.decode(self._encoding)
            if not text.strip():
                return None, ""
            row = self._decoder.decode(text)
            if "\\u" in text:
                _spell(row).encode()  # half a surrogate pair is no text
        except UnicodeEncodeError:
            return None, "it holds half a surrogate pair"
        except UnicodeDecodeError as error:
            return None, f"byte {error.start + 1} of the line is not {self._encoding}"
        except RecursionError:
            return None, "it is nested too deep"
        except json.JSONDecodeError as error:
            return None, f"it is not JSON: {error.msg} at character {error.pos + 1}"
        except ValueError as error:
            return None, str(error)
        return ({**self._blank, **row}, "") if isinstance(row, dict) else (None, "it is not a JSON object")

    def values(self, file: BinaryIO, head: Head, columns: Sequence[str]) -> Iterator[tuple[int, int, Sequence[Any]]]:
        """Offset, line and some columns of every row; a key that is not there is blank."""
        for entry in self.entries(file, head, head.rows):
            if entry.row is not None:
                yield *entry.place, [entry.row.get(c) for c in columns]

    def content(self, entry: Entry, hub_at: int | None) -> bytes:
        """The line itself, which holds the hub's id too."""
        return entry.raw.strip()

    def fresh(self, columns: Sequence[str]) -> Head:
        """Nothing stands before the first row."""
        return Head(b"", None, Place(0, 1))

    def with_column(self, head: Head, column: str) -> Head:
        """Keys need no head."""
        return head

    def widened(self, entry: Entry, head: Head) -> bytes:
        """A row gets a key when it gets a value."""
        return entry.raw

    def edited(self, raw: bytes, head: Head, changes: Row) -> bytes:
        """The other keys keep their order and values."""
        row: dict[str, Any] = self._decoder.decode(raw.decode(self._encoding))
        return self.added(head, {**row, **changes})

    def added(self, head: Head, row: Row) -> bytes:
        """An object with the keys of `row`."""
        for column, value in row.items():
            try:
                _spell(value).encode(self._encoding)
            except UnicodeEncodeError as error:
                raise ValueError(f"{column!r}: {error.object[error.start]!r} cannot be written") from None
        return (_spell(row) + head.eol).encode(self._encoding)


def _spell(value: Any) -> str:
    """As json.dumps spells it, but a Decimal as a number with all its digits."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {_spell(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_spell, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
