"""The vendor's description of its API: it must notice what is wrong, and real answers must be what excuses it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

USER = {"id": 1, "name": "Ada", "email": "ada@one.example", "role": "end-user", "tags": ["t"]}


@pytest.fixture
def known(description: Any) -> Any:
    if description is None:
        pytest.skip("TIELINE_RECORDINGS names no folder with the vendor's description")
    return description


@pytest.mark.parametrize(
    ("sent", "status", "answer", "where"),
    [
        ({"user": {"name": "Ada", "email": "a@b.example"}}, 201, {"user": USER}, None),
        ({"user": {"name": "Ada", "email": "a@b.example"}}, 202, {"user": USER}, "status"),
        ({}, 201, {"user": USER}, ""),
        ({"user": {"name": "Ada", "email": "a@b.example"}}, 201, {"user": {**USER, "id": "1"}}, "user.id"),
        ({"user": {"name": "Ada", "email": "a@b.example"}}, 201, {"user": {**USER, "tags": None}}, "user.tags"),
        ({"user": {"name": "Ada", "email": "a@b.example"}}, 201, {"user": {**USER, "phone": None}}, None),
    ],
)
def test_what_differs_is_named(known: Any, sent: Any, status: int, answer: Any, where: str | None) -> None:
    found = [wrong.where for wrong in known.check("POST", "/api/v2/users.json", sent, status, answer)]
    assert (found[0] if found else None) == where


def test_recordings_agree_with_it(known: Any, conversation: Any) -> None:
    wrong = [
        w
        for e in conversation.exchanges
        if e.answer is not None
        for w in known.check(e.method, e.path, e.body, e.status, e.answer)
    ]
    assert wrong == []


def _nulls(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _nulls(part, str(name))
    elif isinstance(value, list):
        for part in value:
            yield from _nulls(part, key)
    elif value is None:
        yield key


def test_an_excused_null_is_one_that_real_answers_have(openapi: Any, captured: Any) -> None:
    assert set(_nulls([body for _, body in captured])) >= openapi.NULL_IN_REAL_ANSWERS


def test_connections_of_the_stand_in_are_really_held_against_it(known: Any, bench: Any) -> None:
    before = known.checked
    one = bench()
    one.client.users.me()
    assert known.checked == before + 1
    one.sandbox.state.users.rows[one.sandbox.state.admin]["tags"] = ["fine"]
    one.client.users.me()
    assert one.sandbox.wrong == []
