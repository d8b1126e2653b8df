"""The files of the stand-in's Drive: folders and spreadsheets, each with a version. Answers nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline_google.sandbox.wire import Row

FOLDER = "application/vnd.google-apps.folder"
SPREADSHEET = "application/vnd.google-apps.spreadsheet"
ROOT = "0ATlDriveRoot0PVA"
"""The id of «My Drive», which `root` stands for."""


class Files:
    """All files, by their ids."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.changes = 0
        """How often anything changed: the number behind a change token."""
        self.removed: dict[str, int] = {}
        """Id of a file that is gone for good → the number of that change."""
        self.made = 0

    def id(self) -> str:
        """A fresh one."""
        self.made += 1
        return f"1Tl{self.made:041x}"

    def make(self, name: str, mime: str, now: int, *, parents: tuple[str, ...] = ("root",), **more: Any) -> Row:
        """A new file; nothing is checked."""
        id = more.pop("id", "") or self.id()
        row: Row = {"id": id, "name": name, "mimeType": mime, "trashed": False}
        row["parents"] = [ROOT if p == "root" else p for p in parents]
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

    def drop(self, id: str) -> None:
        """Gone for good, not only in the bin; with a folder what is in it."""
        for inner in [i for i, row in self.rows.items() if id in row["parents"]]:
            self.drop(inner)
        self.changes += 1
        del self.rows[id]
        self.removed[id] = self.changes

    def dump(self) -> dict[str, Any]:
        """All of it as plain JSON."""
        return {"rows": self.rows, "changes": self.changes, "removed": self.removed, "made": self.made}

    def restore(self, body: Mapping[str, Any]) -> None:
        """Take in what `dump` gave."""
        self.rows, self.changes = dict(body["rows"]), body["changes"]
        self.removed, self.made = dict(body["removed"]), body["made"]
