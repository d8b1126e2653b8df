"""The conformance suite, on CSV and on JSON Lines, with the hub's own ids and with a natural key."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest

from tieline import Rule
from tieline.testing import ConnectorTests, Subject
from tieline_files.connector import Limits
from tieline_files.disk import Disk
from tieline_files.mapping import MAPPING

STREAMS = ("accounts", "campaigns", "contacts", "opportunities")
BATCH = 40
NO_MERGE = "a row of a file has no merge: a person deletes one of two rows"
NO_LIMIT = "a disk has no rate limit"


class Hand:
    """A person with an editor: cells are written as text, by the default mapping."""

    def __init__(self, folder, files: Mapping[str, Any], key: Mapping[str, str]) -> None:
        self.folder, self.files, self.key = folder, files, key
        self._made = 0

    def _load(self, stream: str) -> list[dict[str, Any]]:
        name = self.files[stream]["file"]
        with open(self.folder.path / name, newline="", encoding="utf-8") as file:
            return [*csv.DictReader(file)] if name.endswith(".csv") else [json.loads(line) for line in file]

    def _save(self, stream: str, rows: list[dict[str, Any]]) -> None:
        name = self.files[stream]["file"]
        with open(self.folder.path / name, "w", newline="", encoding="utf-8") as file:
            if name.endswith(".csv"):
                header = self.folder.header(stream)
                columns = [*header, *(["tieline_id"] if any("tieline_id" in r for r in rows) else [])]
                writer = csv.DictWriter(file, columns)
                writer.writeheader()
                writer.writerows(rows)
            else:
                file.writelines(json.dumps(row) + "\n" for row in rows)

    def create(self, stream: str, fields: Mapping[str, Any]) -> str:
        self._made += 1
        key = self.key.get(stream)
        id = fields[key] if key else f"p{self._made}"
        self._save(stream, [*self._load(stream), {"id": id, **fields} if not key else dict(fields)])
        return str(id)

    def edit(self, stream: str, id: str, fields: Mapping[str, Any]) -> None:
        rows = self._load(stream)
        next(r for r in rows if r[self.key.get(stream, "id")] == id).update(fields)
        self._save(stream, rows)

    def delete(self, stream: str, id: str) -> None:
        self._save(stream, [r for r in self._load(stream) if r[self.key.get(stream, "id")] != id])

    def merge(self, stream: str, winner: str, loser: str) -> None:
        raise NotImplementedError

    def count(self, stream: str) -> int:
        return len(self._load(stream))

    def state(self) -> Any:
        return {name: self.folder.bytes(name) for name in self.folder.names()}


class FilesSubject(Subject):
    """A folder of four files of one suffix."""

    streams = STREAMS
    many = 5
    unknown_id = "nobody"
    reasons: ClassVar[Mapping[str, str]] = {
        "M1": NO_MERGE,
        "M2": NO_MERGE,
        "L1": NO_LIMIT,
        "L2": NO_LIMIT,
        "U1": "a file is replaced in one step: what fails before it was not sent, and says so (see test_writing)",
        "F3": "a file has no foreign keys: the cell takes any id, and is read as it was written",
        "K1": "a folder has no credential",
    }

    def __init__(self, folder, suffix: str, rules, key: Mapping[str, str]) -> None:
        self.folder = folder
        files = {s: {"file": s + suffix, "id": key.get(s, "id")} for s in STREAMS}
        folder.header = lambda stream: [*([] if stream in key else ["id"]), *(r.remote for r in rules[stream])]
        for stream in STREAMS:
            header = ",".join(folder.header(stream)) + "\r\n" if suffix == ".csv" else ""
            folder.put(stream + suffix, header)
            files[stream]["missing"] = "error" if suffix == ".csv" else "empty"
        self.folder_fails = False
        disk = Disk(sync=self._sync)
        self.connector = folder.connect(files, rules, disk=disk, limits=Limits(page=3, calls=BATCH))
        self.outside = Hand(folder, files, key)
        self._suffix = suffix

    def _sync(self, handle: int) -> None:
        import os
        import stat

        if self.folder_fails and stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(5, "Input/output error")

    def sample(self, stream: str, n: int) -> Mapping[str, Any]:
        if stream == "contacts":
            return {"email": f"p{n}@example.com", "last_name": f"Person {n}", "title": f"+1 for {n}"}
        extra = {"accounts": "phone", "campaigns": "type", "opportunities": "stage"}[stream]
        more = {"campaigns": "status"}.get(stream, "owner")
        return {"name": f"Name {n}", extra: f"=extra {n}", more: f"o{n}@example.com"}

    @contextmanager
    def fault(self, name: str) -> Iterator[None]:
        if name == "lost_after":
            self.folder_fails = True
            yield
            self.folder_fails = False
            return
        paths = [self.folder.path / (s + self._suffix) for s in STREAMS]
        for path in paths:
            path.rename(path.with_suffix(".aside"))
            path.mkdir()
        yield
        for path in paths:
            path.rmdir()
            path.with_suffix(".aside").rename(path)


class TestCsv(ConnectorTests):
    @pytest.fixture
    def subject(self, folder):
        return FilesSubject(folder, ".csv", MAPPING, {})


class TestJsonLines(ConnectorTests):
    @pytest.fixture
    def subject(self, folder):
        return FilesSubject(folder, ".jsonl", MAPPING, {})


class TestNaturalKey(ConnectorTests):
    @pytest.fixture
    def subject(self, folder):
        rules = {
            **MAPPING,
            "accounts": (Rule("name", "name"), *(Rule(n, n) for n in ("phone", "owner", "industry", "parent"))),
        }
        return FilesSubject(folder, ".csv", rules, {"accounts": "name"})
