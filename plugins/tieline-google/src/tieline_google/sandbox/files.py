"""The files of the stand-in's Drive: folders and spreadsheets, each with a version. Answers nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline_google.sandbox.wire import Row

FOLDER = "application/vnd.google-apps.folder"
SPREADSHEET = "application/vnd.google-apps.spreadsheet"


class Files:
    """All files, by their ids."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.changes = 0
        """How often anything changed: the number behind a change token."""

    def make(self, name: str, mime: str, now: int, *, parents: tuple[str, ...] = ("root",), **more: Any) -> Row:
        """A new file; nothing is checked."""
        id = more.pop("id", "") or f"1Tl{len(self.rows) + 1:041x}"
        row: Row = {"id": id, "name": name, "mimeType": mime, "parents": list(parents), "trashed": False}
        row |= {"created": now, "modified": now, "version": 0, "permissions": [], "appProperties": {}, **more}
        self.rows[id] = row
        self.touch(id, now)
        return row

    def touch(self, id: str, now: int) -> None:
        """Something in the file changed."""
        self.changes += 1
        row = self.rows[id]
        row["version"] += 1
        row["modified"], row["change"] = now, self.changes

    def dump(self) -> dict[str, Any]:
        """All of it as plain JSON."""
        return {"rows": self.rows, "changes": self.changes}

    def restore(self, body: Mapping[str, Any]) -> None:
        """Take in what `dump` gave."""
        self.rows, self.changes = dict(body["rows"]), body["changes"]
