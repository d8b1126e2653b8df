"""What people do to a sheet: a clear message that names the cell, nothing lost, and the rest goes on."""

from __future__ import annotations

from typing import Any

import pytest

from tieline import ConfigError, Window, Write
from tieline_google.sheets.cells import letters

STREAM = "opportunities"
HUB = "018bcfe5-6800-7000-8000-000000000001"


@pytest.fixture
def subject(sheets: Any) -> Any:
    """Three deals."""
    found = sheets()
    for n in range(1, 4):
        found.create(STREAM, found.sample(STREAM, n))
    return found


def by_name(subject: Any) -> dict[Any, Any]:
    """What is listed, by name."""
    return {r.fields["name"]: r for r in subject.listed(STREAM)}


def column(subject: Any, title: str) -> int:
    """Where a column is."""
    found = subject.header(STREAM).column(title)
    assert found is not None
    return int(found)


def typed(subject: Any, row: int, title: str, value: Any) -> str:
    """Type into a cell; its name."""
    where = column(subject, title)
    subject.put(STREAM, row, {where: value})
    return f"Opportunities!{letters(where)}{row + 1} ({title})"


@pytest.mark.parametrize(
    ("title", "value", "field", "said"),
    [
        ("Close date", "12.5.2026", "close_date", "'12.5.2026' is text, not a date"),
        ("Close date", "2026-05-12", "close_date", "is text, not a date"),
        ("Close date", True, "close_date", "is text, not a date"),
        ("Close date", -4, "close_date", "no day of the calendar"),
        ("Close date", 0.5, "close_date", "no day of the calendar"),
        ("Amount", "1,200 EUR", "amount", "is not a number"),
        ("Amount", True, "amount", "TRUE is not a number"),
        ("Probability", 120, "probability", "percentage between 0 and 100"),
        ("Currency", "Euro", "amount", "currency code"),
        ("Next step", "#REF!", "x_next_step", "the formula there has no value: #REF!"),
    ],
)
def test_a_cell_that_does_not_fit_is_told_by_its_name_and_the_others_go_on(subject, title, value, field, said):
    cell = typed(subject, 2, title, value)
    remote = by_name(subject)["Deal 2"]
    (problem,) = remote.problems
    assert problem.field == field
    assert said in problem.message
    assert problem.message.startswith(cell if field != "amount" else "Opportunities!")
    assert field not in remote.fields
    assert remote.fields["stage"] == "S2"
    assert subject.tab(STREAM).cell(2, column(subject, title)) == value
    assert not by_name(subject)["Deal 1"].problems


def test_what_looks_like_a_formula_in_a_name_from_elsewhere_stays_a_text(subject):
    name = '=IMPORTXML("https://evil.example", "//a")'
    (made,) = subject.connector.write(STREAM, [Write("create", HUB, {"name": name})])
    (changed,) = subject.connector.write(STREAM, [Write("update", HUB, {"x_next_step": "=1+1"}, "row 1")])
    assert (made.remote.fields["name"], changed.remote.fields["x_next_step"]) == (name, "=1+1")
    held = [value for row in subject.tab(STREAM).cells for value in row]
    assert name in held
    assert not [v for v in held if isinstance(v, dict)], "no formula was written"


def test_a_formula_that_somebody_typed_reads_as_what_it_shows_and_is_left_alone(subject):
    sandbox_formula = {"f": "=20*5", "v": 100}
    subject.put(STREAM, 1, {column(subject, "Amount"): sandbox_formula})
    assert by_name(subject)["Deal 1"].fields["amount"] == {"amount": "100", "currency": "EUR"}
    subject.connector.write(STREAM, [Write("update", HUB, {"stage": "Won"}, "row 1")])
    assert subject.tab(STREAM).cell(1, column(subject, "Amount")) == sandbox_formula


@pytest.mark.parametrize("title", ["Stage", "Amount"])
def test_a_missing_or_renamed_column_is_no_blank(subject, title):
    field = {"Stage": "stage", "Amount": "amount"}[title]
    where = column(subject, title)
    subject.put(STREAM, 0, {where: "Something else"})
    remote = by_name(subject)["Deal 1"]
    assert field not in remote.fields
    assert remote.fields["x_next_step"] == "Call 1"
    facts = subject.connector.schema(STREAM).fields[field]
    assert (facts.read, facts.write) == (False, False)
    value = {"stage": "Won", "amount": {"amount": "1", "currency": "EUR"}}[field]
    (outcome,) = subject.connector.write(STREAM, [Write("update", HUB, {field: value, "name": "New"}, "row 1")])
    assert (outcome.status, [p.field for p in outcome.problems]) == ("ok", [field])
    assert f"no column '{title}'" in outcome.problems[0].message
    (refused,) = subject.connector.write(STREAM, [Write("update", HUB, {field: value}, "row 1")])
    assert refused.status == "rejected"
    subject.put(STREAM, 0, {where: title})
    assert by_name(subject)["New"].fields[field] is not None


def test_a_column_that_stands_there_twice_is_neither_read_nor_written_until_it_is_mended(subject):
    subject.put(STREAM, 0, {25: "stage "})
    before = subject.connector.schema(STREAM)
    assert "stage" not in by_name(subject)["Deal 1"].fields
    subject.put(STREAM, 0, {25: ""})
    assert by_name(subject)["Deal 1"].fields["stage"] == "S1"
    assert subject.connector.schema(STREAM).fingerprint != before.fingerprint


def test_another_spreadsheet_without_keys_is_no_mass_deletion_and_a_copy_goes_on(subject):
    subject.create(STREAM, subject.sample(STREAM, 1))
    feed = subject.connector.list(STREAM, None).feed
    books, mime = subject.sandbox.state.sheets.books, "application/vnd.google-apps.spreadsheet"
    book = subject.connector.parts[STREAM].book
    old, book.id = book.id, "1AnotherSpreadsheet"
    subject.sandbox.state.files.make("Another", mime, subject.clock.now(), id=book.id)
    kept = books[old]
    books[book.id] = type(kept)("Another", [])
    with pytest.raises(ConfigError, match="nobody deleted"):
        subject.connector.changes(STREAM, Window(0, feed=feed), None)
    books[book.id] = kept
    assert subject.connector.changes(STREAM, Window(0, feed=feed), None).feed not in (None, feed)


def test_a_run_is_told_of_columns_that_are_missing(subject):
    subject.create(STREAM, subject.sample(STREAM, 1))
    assert subject.connector.list(STREAM, None).note == ""
    subject.put(STREAM, 0, {column(subject, "Stage"): "Something else"})
    assert "no column 'Stage'" in subject.connector.list(STREAM, None).note


def test_one_more_cell_that_cannot_be_read_is_news_and_so_is_one_that_can_again(subject):
    where = column(subject, "Stage")
    merge = {"sheetId": 2, "startRowIndex": 1, "endRowIndex": 3, "startColumnIndex": where, "endColumnIndex": where + 1}
    subject.put(STREAM, 2, {where: "", column(subject, "Close date"): "soon"})
    before = by_name(subject)["Deal 2"]
    subject.tab(STREAM).merges.append(merge)
    subject.touched()
    after = by_name(subject)["Deal 2"]
    assert [{p.field for p in r.problems} for r in (before, after)] == [{"close_date"}, {"close_date", "stage"}]
    assert after.version != before.version


def test_columns_that_change_places_change_nothing(subject):
    before = {r.id: r for r in subject.listed(STREAM)}
    tab = subject.tab(STREAM)
    wide = len(tab.cells[0])
    tab.cells = [[*reversed([*row, *[None] * (wide - len(row))])] for row in tab.cells]
    subject.touched()
    after = {r.id: r for r in subject.listed(STREAM)}
    assert {i: (r.fields, r.version) for i, r in after.items()} == {i: (r.fields, r.version) for i, r in before.items()}
    (outcome,) = subject.connector.write(STREAM, [Write("update", HUB, {"stage": "Won"}, "row 2")])
    assert outcome.remote.fields == {**before["row 2"].fields, "stage": "Won"}


def test_a_sheet_that_was_sorted_lists_the_same(subject):
    before = {r.id: (r.fields, r.version) for r in subject.listed(STREAM)}
    tab = subject.tab(STREAM)
    tab.cells = [tab.cells[0], [], *reversed(tab.cells[1:]), []]
    subject.touched()
    assert {r.id: (r.fields, r.version) for r in subject.listed(STREAM)} == before


def test_of_two_rows_with_one_key_the_first_keeps_it_and_the_copy_becomes_a_record_of_its_own(subject):
    subject.add(STREAM, dict(enumerate(subject.tab(STREAM).cells[2])))
    copies = [r for r in subject.listed(STREAM) if r.fields["name"] == "Deal 2"]
    assert [r.provisional for r in copies] == [False, True]
    assert copies[0].id == "row 2"
    (outcome,) = subject.connector.write(STREAM, [Write("link", HUB, {}, copies[1].id, copies[1].version)])
    assert (outcome.status, outcome.remote.id) == ("ok", HUB)
    assert [subject.row_of(STREAM, id) for id in ("row 2", HUB)] == [2, 4]


@pytest.mark.parametrize("typed", ["~x", "~", " ~0123456789abcdef.1"])
def test_a_key_that_begins_as_no_key_may_is_mistyped_and_the_row_gets_one(subject, typed):
    """What rows without a key are known by begins so: sought as such, this one would be found nowhere, or elsewhere."""
    subject.put(STREAM, 2, {subject.header(STREAM).key or 0: typed})
    (mistyped,) = [r for r in subject.listed(STREAM) if r.fields["name"] == "Deal 2"]
    assert mistyped.provisional
    (read,) = subject.connector.read(STREAM, [mistyped.id], None)
    assert (read.id, read.fields["name"]) == (mistyped.id, "Deal 2")
    (outcome,) = subject.connector.write(STREAM, [Write("link", HUB, {}, mistyped.id, mistyped.version)])
    assert (outcome.status, outcome.remote.id, subject.row_of(STREAM, HUB)) == ("ok", HUB, 2)


def test_a_hub_id_behind_a_mistyped_key_is_the_key(subject):
    subject.put(STREAM, 2, {subject.header(STREAM).key or 0: f"~x {HUB}"})
    (row,) = subject.connector.read(STREAM, [HUB], None)
    assert (row.id, row.hub_id, row.fields["name"], row.provisional) == (HUB, HUB, "Deal 2", False)


def test_equal_rows_without_keys_are_two_records(subject):
    for _ in range(2):
        subject.add(STREAM, subject.cells(STREAM, {"name": "Same"}))
    shown = [r for r in subject.listed(STREAM) if r.provisional]
    assert len({r.id for r in shown}) == 2
    writes = [Write("link", HUB[:-1] + str(n), {}, r.id) for n, r in enumerate(shown)]
    assert [o.status for o in subject.connector.write(STREAM, writes)] == ["ok", "ok"]
    assert not [r for r in subject.listed(STREAM) if r.provisional]


def test_a_cell_beneath_merged_ones_is_no_blank(subject):
    where = column(subject, "Stage")
    merge = {"sheetId": 2, "startRowIndex": 1, "endRowIndex": 3, "startColumnIndex": where, "endColumnIndex": where + 1}
    subject.put(STREAM, 2, {where: ""})
    subject.tab(STREAM).merges.append(merge)
    subject.touched()
    found = by_name(subject)
    assert found["Deal 1"].fields["stage"] == "S1"
    assert "stage" not in found["Deal 2"].fields
    assert "unmerge" in found["Deal 2"].problems[0].message


def test_a_key_beneath_merged_cells_makes_a_listing_no_evidence(subject):
    merge = {"sheetId": 2, "startRowIndex": 1, "endRowIndex": 3, "startColumnIndex": 0, "endColumnIndex": 1}
    subject.put(STREAM, 2, {0: ""})
    subject.tab(STREAM).merges.append(merge)
    subject.touched()
    page = subject.connector.list(STREAM, None)
    assert [(bad.where, bad.id) for bad in page.bad] == [("Opportunities!A3", None)]
    assert {r.id for r in page.remotes} == {"row 1", "row 3"}


def test_a_row_whose_cells_were_all_emptied_is_gone_although_its_hidden_key_stands_there(subject):
    tab = subject.tab(STREAM)
    subject.put(STREAM, 2, dict.fromkeys(range(1, len(tab.cells[2])), ""))
    assert {r.id for r in subject.listed(STREAM)} == {"row 1", "row 3"}
    assert subject.connector.read(STREAM, ["row 2"], None) == []
    subject.put(STREAM, 0, {column(subject, "Pipeline"): "Elsewhere"})
    assert {r.id for r in subject.listed(STREAM)} == {"row 1", "row 2", "row 3"}, "what it held may be in that column"


def test_rows_of_nothing_but_unticked_boxes_and_a_currency_are_no_records(subject):
    subject.put(STREAM, 6, {column(subject, "Pipeline"): False, 20: False, column(subject, "Currency"): "EUR"})
    assert len(subject.listed(STREAM)) == 3


def test_numbers_in_text_columns_read_as_their_text(subject):
    for title, value in (("Next step", 7), ("Pipeline", 2.5), ("Lost reason", True), ("Stage", 4912345678901.0)):
        typed(subject, 1, title, value)
    fields = by_name(subject)["Deal 1"].fields
    shown = [fields[f] for f in ("x_next_step", "pipeline", "lost_reason", "stage")]
    assert shown == ["7", "2.5", "TRUE", "4912345678901"]


def test_a_text_too_long_and_a_number_too_exact_are_refused_by_name(subject):
    long, exact = "x" * 50_001, {"amount": "12345678901234567.89", "currency": "EUR"}
    writes = [Write("update", HUB, {"name": long, "amount": exact, "stage": "Won"}, "row 1")]
    (outcome,) = subject.connector.write(STREAM, writes)
    assert (outcome.status, {p.field for p in outcome.problems}) == ("ok", {"name", "amount"})
    assert outcome.remote.fields["stage"] == "Won"


@pytest.mark.parametrize("day", ["1899-12-30", "1789-07-14", "0001-01-01"])
def test_a_day_before_the_first_that_reads_back_is_refused_and_the_other_fields_are_written(subject, day):
    (told,) = subject.connector.write(STREAM, [Write("update", HUB, {"close_date": day, "stage": "Won"}, "row 1")])
    assert (told.status, [p.field for p in told.problems]) == ("ok", ["close_date"])
    assert f"{day} is before 1899-12-31" in told.problems[0].message
    subject.connector.write(STREAM, [Write("update", HUB, {"close_date": "1899-12-31"}, "row 1")])
    remote = by_name(subject)["Deal 1"]
    assert (remote.fields["close_date"], remote.fields["stage"], remote.problems) == ("1899-12-31", "Won", ())


def test_a_write_of_blanks_alone_makes_no_row(subject):
    (outcome,) = subject.connector.write(STREAM, [Write("create", HUB, {"name": None, "stage": None})])
    assert outcome.status == "rejected"
    assert subject.count(STREAM) == 3


def test_a_second_create_with_the_same_key_exists(subject):
    write = Write("create", HUB, {"name": "New"})
    assert [subject.connector.write(STREAM, [write])[0].status for _ in range(2)] == ["ok", "exists"]
    assert subject.count(STREAM) == 4


def test_what_a_person_typed_into_another_column_meanwhile_is_kept(subject):
    before = subject.connector.read(STREAM, ["row 1"], None)[0]
    typed(subject, 1, "Next step", "mine")
    (outcome,) = subject.connector.write(STREAM, [Write("update", HUB, {"stage": "Won"}, "row 1", before.version)])
    assert (outcome.remote.fields["x_next_step"], outcome.remote.fields["stage"]) == ("mine", "Won")


def test_a_row_that_got_its_key_by_another_record_is_found_by_both(subject):
    (outcome,) = subject.connector.write(STREAM, [Write("link", HUB, {}, "row 1")])
    assert (outcome.remote.id, outcome.remote.hub_id) == ("row 1", HUB)
    assert [r.id for r in subject.connector.find(STREAM, [HUB])] == ["row 1"]
    assert subject.tab(STREAM).cell(1, 0) == f"row 1 {HUB}"


def test_an_idle_look_is_one_request(subject):
    feed = subject.connector.list(STREAM, None).feed
    asked = len(subject.transport.requests)
    assert subject.connector.changes(STREAM, Window(0, feed=feed), None).feed is None
    assert len(subject.transport.requests) == asked + 1


def test_a_reference_into_a_tab_that_is_missing_is_a_problem_of_its_field_alone(subject):
    subject.book.tabs = [t for t in subject.book.tabs if t.title != "Campaigns"]
    writes = [Write("update", HUB, {"campaign": "row 9", "stage": "Won"}, "row 1")]
    (outcome,) = subject.connector.write(STREAM, writes)
    assert (outcome.status, [p.field for p in outcome.problems]) == ("ok", ["campaign"])
    assert outcome.remote.fields["stage"] == "Won"
