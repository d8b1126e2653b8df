"""What has to hold: each item has a test that carries its number, or a line in the documentation that says why not."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "security.md"
ITEMS = {f"S{number}" for number in (*range(1, 25), *range(27, 33))}


def carrying() -> dict[str, list[str]]:
    """Item → the tests that carry its number."""
    found: dict[str, list[str]] = {}
    for path in sorted(HERE.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_s"):
                for number in re.findall(r"_s(\d\d)(?=_)", node.name.removeprefix("test")):
                    found.setdefault(f"S{int(number)}", []).append(f"{path.name}::{node.name}")
    return found


def rows() -> dict[str, str]:
    """Item → what the page says in its table."""
    return dict(re.findall(r"^\| (S\d+) \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE))


def test_every_item_is_tested_or_its_absence_explained() -> None:
    told = rows()
    assert told.keys() >= ITEMS
    assert ITEMS - carrying().keys() == {item for item in ITEMS if told[item].startswith("not yet")}


def test_the_page_names_the_files_that_hold_the_tests() -> None:
    told = rows()
    for item, tests in carrying().items():
        assert item in told, item
        named = set(re.findall(r"`(test_\w+)`", told[item]))
        assert named == {test.split(".")[0] for test in tests}, item
