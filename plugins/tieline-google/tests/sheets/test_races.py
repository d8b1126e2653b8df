"""People sort the tab between the connector's look and its write: nothing is lost, and nothing ends in another row."""

from __future__ import annotations

from typing import Any

import pytest

from tieline import Write

HUB = "018bcfe5-6800-7000-8000-0000000000"
STREAM = "accounts"
NOTE = 20
"""A column of the people's own."""


@pytest.fixture(params=[5000, 3], ids=["small", "large"])
def book(request: pytest.FixtureRequest, sheets: Any) -> Any:
    """Eight rows, each with a note of somebody's, on a stand-in where rows change places."""
    subject = sheets("reorder", rows=request.param)
    tab = subject.tab(STREAM)
    tab.rows = 12
    for n in range(1, 9):
        id = subject.create(STREAM, {"name": f"Name {n}", "description": f"d{n}", "phone": f"+{n}"})
        subject.put(STREAM, subject.row_of(STREAM, id), {NOTE: f"note of {id}"})
    return subject


def held(subject: Any) -> dict[str, tuple[Any, ...]]:
    """Key → name, description, phone and note of each row, as they stand there."""
    header, rows = subject.header(STREAM), {}
    columns = [header.column(t) for t in ("Name", "Description", "Phone")] + [NOTE]
    for number, row in enumerate(subject.tab(STREAM).cells[1:], 1):
        values = tuple(subject.tab(STREAM).cell(number, c) for c in columns)
        rows[row[header.key] or f"keyless {values[0]}"] = values
    return rows


def updates(ids: list[str], **fields: Any) -> list[Write]:
    """One update for each."""
    return [
        Write("update", f"{HUB}{n:02}", {f: f"{v} of {i}" for f, v in fields.items()}, i) for n, i in enumerate(ids)
    ]


def test_updates_reach_their_rows_and_no_other(book):
    before = held(book)
    ids = list(before)
    wanted = dict(before)
    for turn in range(12):
        some = ids[turn % 3 :: 2]
        field = ("description", "phone")[turn % 2]
        outcomes = book.connector.write(STREAM, updates(some, **{field: f"turn {turn}"}))
        assert [o.status for o in outcomes] == ["ok"] * len(some)
        for id, outcome in zip(some, outcomes, strict=True):
            name, description, phone, note = wanted[id]
            value = f"turn {turn} of {id}"
            wanted[id] = (name, value, phone, note) if field == "description" else (name, description, value, note)
            assert outcome.remote.id == id
            assert outcome.remote.fields[field] == value
        assert held(book) == wanted


def test_a_row_that_was_hit_by_mistake_gets_its_own_back_although_nobody_wrote_to_it(book):
    before = held(book)
    for turn in range(9):
        (outcome,) = book.connector.write(STREAM, updates(["row 3"], description=f"turn {turn}"))
        assert outcome.status == "ok"
        before["row 3"] = ("Name 3", f"turn {turn} of row 3", "+3", "note of row 3")
        assert held(book) == before


def test_a_row_without_a_key_that_was_hit_gets_its_own_back(book):
    book.add(STREAM, {**book.cells(STREAM, {"name": "New", "description": "typed"}), NOTE: "mine"})
    before = held(book)
    for turn in range(9):
        (outcome,) = book.connector.write(STREAM, updates(["row 8"], description=f"turn {turn}"))
        assert outcome.status == "ok"
        before["row 8"] = ("Name 8", f"turn {turn} of row 8", "+8", "note of row 8")
        assert held(book) == before


def test_rows_get_their_keys_and_no_other_row_loses_its_own(book):
    names = [f"New {n}" for n in range(6)]
    for n, name in enumerate(names):
        book.add(STREAM, {**book.cells(STREAM, {"name": name}), NOTE: f"mine {n}"})
    before = held(book)
    for round in range(4):
        shown = {r.fields["name"]: r for r in book.listed(STREAM) if r.provisional}
        writes = [Write("link", f"{HUB}{names.index(name):02}", {}, r.id, r.version) for name, r in shown.items()]
        if not writes:
            break
        for write, outcome in zip(writes, book.connector.write(STREAM, writes[: 2 + round]), strict=False):
            if outcome.status == "ok":
                assert outcome.remote.id == write.hub_id
                assert outcome.remote.aliases == (write.remote_id,)
                assert outcome.remote.fields["name"] == names[int(write.hub_id[-2:])]
            else:
                assert outcome.status == "gone"
    after = held(book)
    assert not [r for r in book.listed(STREAM) if r.provisional]
    named = {f"{HUB}{n:02}": before.pop(f"keyless {name}") for n, name in enumerate(names)}
    assert after == {**before, **named}


def test_the_rows_that_were_meant_are_taken_away_and_no_others(book):
    book.add(STREAM, {**book.cells(STREAM, {"name": "New"}), NOTE: "mine"})
    wanted = held(book)
    for ids in (["row 2"], ["row 5", "row 6"], ["row 1"], ["row 8"]):
        outcomes = book.connector.write(STREAM, [Write("archive", HUB + "99", {}, id) for id in ids])
        assert [o.status for o in outcomes] == ["ok"] * len(ids)
        for id in ids:
            del wanted[id]
        assert held(book) == wanted


def test_new_rows_come_behind_the_others_whole(book):
    before = held(book)
    for turn in range(5):
        ids = [f"{HUB}{turn}{n}" for n in range(3)]
        writes = [Write("create", id, {"name": f"Made {id[-2:]}", "description": "x"}) for id in ids]
        outcomes = book.connector.write(STREAM, writes)
        assert [o.remote.id for o in outcomes] == ids
        before |= {id: (f"Made {id[-2:]}", "x", None, None) for id in ids}
        assert held(book) == before


def test_columns_that_are_moved_in_the_moment_of_a_write_lose_nothing(sheets):
    subject = sheets()
    for n in range(1, 5):
        subject.create(STREAM, {"name": f"Name {n}", "description": f"d{n}", "phone": f"+{n}"})
    before = held(subject)
    send, struck = subject.transport.inner.send, []

    def moving(request: Any) -> Any:
        if request.path.endswith("values:batchUpdate") and not struck:
            struck.append(request)
            tab = subject.tab(STREAM)
            tab.cells = [[None, *row] for row in tab.cells]
        return send(request)

    subject.transport.inner.send = moving
    outcomes = subject.connector.write(STREAM, updates(["row 2", "row 4"], description="new"))
    assert struck
    assert [o.status for o in outcomes] == ["ok", "ok"]
    for id in ("row 2", "row 4"):
        before[id] = (before[id][0], f"new of {id}", *before[id][2:])
    assert held(subject) == before
