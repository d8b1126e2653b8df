"""The stand-in's search language and partial answers."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.sandbox import Refusal
from tieline_google.sandbox.mask import masked
from tieline_google.sandbox.query import test_of as finder

ROW = {
    "name": "Ada's",
    "mimeType": "a/folder",
    "trashed": False,
    "parents": ["p1"],
    "modified": 1_700_000_000_000,
    "created": 1_600_000_000_000,
    "appProperties": {"k": "v"},
}


@pytest.mark.parametrize(
    "q",
    [
        "",
        "name = 'Ada\\'s'",
        'name = "Ada\'s"',
        "name contains 'ada'",
        "name != 'x' and mimeType = 'a/folder'",
        "trashed = false",
        "trashed != true",
        "'p1' in parents",
        "not 'p2' in parents",
        "appProperties has { key='k' and value='v' }",
        "name = 'x' or (name = 'y' or trashed = false)",
        "modifiedTime > '2020-01-01T00:00:00' and createdTime <= '2020-09-13T12:26:40'",
    ],
)
def test_a_search_finds_what_it_says(q: str) -> None:
    assert finder(q)(ROW)


@pytest.mark.parametrize(
    "q",
    [
        "name = 'x'",
        "trashed = true",
        "'p2' in parents",
        "appProperties has { key='k' and value='w' }",
        "appProperties has { key='x' and value='v' }",
        "name = 'x' or name = 'y' and trashed = false",
        "modifiedTime < '2020-01-01T00:00:00'",
    ],
)
def test_and_nothing_else(q: str) -> None:
    assert not finder(q)(ROW)


@pytest.mark.parametrize(
    "q", ["name", "name = ", "name = x", "(name = 'x'", "name ~ 'x'", "size = '1'", "'a' 'b'", "and", ";"]
)
def test_what_is_no_search_is_refused(q: str) -> None:
    with pytest.raises(Refusal):
        finder(q)


BODY: Any = {"a": 1, "b": {"c": 2, "d": {"e": 3, "f": 4}}, "g": [{"h": 5, "i": 6}]}


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ("", BODY),
        ("*", BODY),
        ("a", {"a": 1}),
        ("b/c, a", {"a": 1, "b": {"c": 2}}),
        ("b.d.f", {"b": {"d": {"f": 4}}}),
        ("b(c,d/e)", {"b": {"c": 2, "d": {"e": 3}}}),
        ("g(h)", {"g": [{"h": 5}]}),
        ("g/*", {"g": BODY["g"]}),
        ("zzz", {}),
    ],
)
def test_a_mask_leaves_what_it_names(fields: str, left: Any) -> None:
    assert masked(BODY, fields) == left


@pytest.mark.parametrize("fields", ["a,", "b(c", "b)c", "(", "a b", "b//c", ","])
def test_what_is_no_mask_is_refused(fields: str) -> None:
    with pytest.raises(Refusal):
        masked(BODY, fields)
