"""A folder of files, and a connector on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tieline import Context, Page, Remote, Rule, compile_rules
from tieline_files.connector import FilesConnector, Limits
from tieline_files.disk import Disk
from tieline_files.mapping import MAPPING, STREAM_KINDS
from tieline_files.settings import FilesSettings


class WallClock:
    """The machine's own: the stamps of files come from it too."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Folder:
    """A folder for one test: write and read its files, and look at it through a connector."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, name: str, text: str | bytes) -> Path:
        file = self.path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def bytes(self, name: str = "accounts.csv") -> bytes:
        return (self.path / name).read_bytes()

    def text(self, name: str = "accounts.csv") -> str:
        return self.bytes(name).decode()

    def names(self) -> list[str]:
        return sorted(p.name for p in self.path.iterdir() if p.name != ".tieline-files.lock")

    def connect(
        self,
        files: Mapping[str, Any] | None = None,
        rules: Mapping[str, Sequence[Rule]] | None = None,
        clock: Any = None,
        disk: Disk | None = None,
        limits: Limits | None = None,
    ) -> FilesConnector:
        settings = FilesSettings.model_validate({"folder": str(self.path), "files": files or {"accounts": {}}})
        mappers = {
            s: compile_rules(STREAM_KINDS[s], table) for s, table in {**MAPPING, **(rules or {})}.items() if table
        }
        context = Context("sheets", settings, mappers, None, clock or WallClock(), self.path)
        return FilesConnector(context, disk, {}, limits)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty folder."""
    return Folder(tmp_path)


@pytest.fixture
def listed() -> Callable[..., list[Remote]]:
    """Everything a stream lists."""

    def all_of(connector: FilesConnector, stream: str = "accounts") -> list[Remote]:
        return [remote for page in pages_of(connector, stream) for remote in page.remotes]

    return all_of


@pytest.fixture
def pages() -> Callable[..., list[Page]]:
    """The pages of a listing."""
    return pages_of


def pages_of(connector: FilesConnector, stream: str = "accounts") -> list[Page]:
    found = [connector.list(stream, None)]
    while found[-1].token is not None:
        found.append(connector.list(stream, found[-1].token))
    return found
