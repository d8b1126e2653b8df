"""One test for each fact of the Sheets API, and of Drive, that the tabs rely on; its docstring names the source.

`spec`: the vendor's own API description. `recorded`: real traffic. `documentation`: the vendor's pages. `issue`: a
public thread. `believed`: not checked anywhere.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tieline import ConfigError, Request, Response, Window, Write
from tieline_google.sheets.book import Book, PastTheEnd
from tieline_google.sheets.cells import dumped, letters, loaded, quoted, start_row, text

STREAM = "opportunities"
HUB = "018bcfe5-6800-7000-8000-00000000000"


@pytest.fixture
def subject(sheets: Any) -> Any:
    """Three deals in a tab that one call reads whole."""
    found = sheets()
    for n in range(1, 4):
        found.create(STREAM, found.sample(STREAM, n))
    return found


def asked(subject: Any) -> list[Request]:
    """Everything that was sent so far, and from here on nothing of it."""
    found = []
    for sent in subject.transport.requests:
        url = urlsplit(sent.path)
        params = dict(parse_qsl(url.query))
        found.append(Request(sent.method, url.path, params, sent.headers, body=sent.payload()))
    subject.transport.requests.clear()
    return found


# -- values


def test_rows_and_cells_that_are_blank_at_the_end_are_cut_off(subject):
    """Recorded, spec: trailing blanks of rows and of the whole range are left out; without any value `values` is."""
    subject.put(STREAM, 1, dict.fromkeys(range(5, 13), ""))
    (one, *_) = subject.listed(STREAM)
    assert one.fields["x_next_step"] is None
    assert subject.listed("campaigns") == []


def test_values_are_asked_for_as_they_are_and_days_as_numbers(subject):
    """Spec: UNFORMATTED_VALUE is what a formula comes to, unformatted; SERIAL_NUMBER counts days from 1899-12-30."""
    asked(subject)
    (remote, *_) = subject.listed(STREAM)
    params = asked(subject)[-1].params
    assert (params["valueRenderOption"], params["dateTimeRenderOption"]) == ("UNFORMATTED_VALUE", "SERIAL_NUMBER")
    assert remote.fields["close_date"] == "2026-02-02"
    assert [loaded(n, "date") for n in (1, 45000, 45000.75)] == ["1899-12-31", "2023-03-15", "2023-03-15"]
    assert [dumped(d, "date") for d in ("1899-12-31", "2023-03-15")] == [1, 45000]


def test_everything_is_written_raw(subject):
    """Spec: RAW values are stored as they are; USER_ENTERED would make formulas and numbers of texts."""
    asked(subject)
    subject.connector.write(STREAM, [Write("update", HUB + "1", {"x_next_step": "=1+1", "stage": "007"}, "row 1")])
    bodies = [r.data() for r in asked(subject) if r.path.endswith("values:batchUpdate")]
    assert [b["valueInputOption"] for b in bodies] == ["RAW"]
    assert subject.connector.read(STREAM, ["row 1"], None)[0].fields["stage"] == "007"


def test_a_new_row_holds_texts_as_texts_whatever_they_begin_with(subject):
    """Spec: a `stringValue` is a text, without a leading quote; only a `formulaValue` is a formula."""
    asked(subject)
    subject.connector.write(STREAM, [Write("create", HUB + "1", {"name": "=HYPERLINK(1)", "probability": "40"})])
    (body,) = [r.data() for r in asked(subject) if r.path.endswith(":batchUpdate")]
    values = [c.get("userEnteredValue") for c in body["requests"][0]["appendCells"]["rows"][0]["values"]]
    assert {"stringValue": "=HYPERLINK(1)"} in values
    assert {"numberValue": 40} in values
    assert "formulaValue" not in str(body)


def test_a_blank_text_empties_a_cell(subject):
    """Spec: null leaves a cell alone, an empty string empties it."""
    asked(subject)
    (outcome,) = subject.connector.write(STREAM, [Write("update", HUB + "1", {"x_next_step": None}, "row 1")])
    assert outcome.remote.fields["x_next_step"] is None
    (body,) = [r.data() for r in asked(subject) if r.path.endswith("values:batchUpdate")]
    assert body["data"][0]["values"] == [[""]]


def test_a_cell_holds_fifty_thousand_characters():
    """Documentation: a cell holds at most 50,000 characters."""
    assert dumped("x" * 50_000, "text") == "x" * 50_000
    with pytest.raises(ValueError, match="a cell holds 50000"):
        dumped("x" * 50_001, "text")


def test_numbers_are_floats():
    """Spec: a `numberValue` is a double; what it cannot hold is refused rather than rounded."""
    assert [dumped(d, "number") for d in ("12", "0.1", "-3.25")] == [12, 0.1, -3.25]
    with pytest.raises(ValueError, match="more digits"):
        dumped("12345678901234567.89", "number")
    assert [text(v) for v in (7.0, 2.5, 4912345678901.0, True)] == ["7", "2.5", "4912345678901", "TRUE"]


# -- ranges


def test_titles_stand_in_quotes_and_a_quote_in_one_is_doubled():
    """Recorded, documentation: `'profiles-10.csv'!A1:Z1`; any title may stand in quotes."""
    assert quoted("Bo's deals") == "'Bo''s deals'"
    assert [letters(n) for n in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_an_answer_names_the_range_that_it_holds():
    """Recorded: the range is cut to the grid, and says where its rows begin."""
    assert [start_row(r) for r in ("'a!b'!A5002:Z9000", "Sheet1!A1:Z1", "Sheet1!A1", "T!A:B")] == [5002, 1, 1, 1]


def test_a_range_behind_the_grid_is_an_error_that_means_the_end(sheets):
    """Issue: `Range (Mass!151154:151354) exceeds grid limits. Max rows: 151000, max columns: 26`, a 400."""
    subject = sheets(rows=3)
    for n in range(1, 10):
        subject.create(STREAM, subject.sample(STREAM, n))
    subject.tab(STREAM).rows = 10
    book: Book = subject.connector.parts[STREAM].book
    with pytest.raises(PastTheEnd):
        book.ask("Opportunities", ["11:13"])
    first = subject.connector.list(STREAM, None)
    subject.tab(STREAM).rows, subject.tab(STREAM).cells = 4, subject.tab(STREAM).cells[:4]
    subject.touched()
    found, token = [*first.remotes], first.token
    while token is not None:
        page = subject.connector.list(STREAM, token)
        found, token = [*found, *page.remotes], page.token
    assert {r.id for r in found} >= {"row 1", "row 2", "row 3"}


def test_a_tab_that_is_not_there_cannot_be_parsed(subject):
    """Issue: a range of a tab that there is not is a 400, `Unable to parse range: Class DataE`, and no 404."""
    subject.tab(STREAM).title = "Deals"
    with pytest.raises(ConfigError, match="no tab 'Opportunities'") as raised:
        subject.connector.parts[STREAM].schema()
    assert "check --fix" in str(raised.value.hint)


def test_many_ranges_go_into_a_body(sheets):
    """Spec: `values:batchGetByDataFilter` takes ranges in its body, and answers each beside its filter."""
    subject = sheets(rows=4)
    for n in range(1, 120):
        subject.create(STREAM, subject.sample(STREAM, n))
    ids = [f"row {n}" for n in range(1, 120, 2)]
    asked(subject)
    found = subject.connector.read(STREAM, ids, None)
    assert [r.id for r in found] == ids
    assert [r.fields["name"] for r in found] == [f"Deal {n}" for n in range(1, 120, 2)]
    ends = [r.path.rsplit("/", 1)[-1] for r in asked(subject)]
    assert "values:batchGetByDataFilter" in ends


# -- versions


def test_the_version_of_the_file_tells_that_something_changed(subject):
    """Spec: `version` grows with every change, also with one that people do not see; Sheets has no feed of changes."""
    feed = subject.connector.list(STREAM, None).feed
    asked(subject)
    assert subject.connector.changes(STREAM, Window(0, feed=feed), None).feed is None
    (request,) = asked(subject)
    assert (request.method, request.params["fields"]) == ("GET", "version,modifiedTime,trashed")
    subject.put(STREAM, 1, {5: "x"})
    page = subject.connector.changes(STREAM, Window(0, feed=feed), None)
    assert (page.remotes, page.feed not in (None, feed)) == ((), True)


def test_a_spreadsheet_of_a_shared_drive_is_found(subject):
    """Spec: without `supportsAllDrives` a file of a shared drive is not found."""
    asked(subject)
    subject.connector.parts[STREAM].book.version()
    assert asked(subject)[0].params["supportsAllDrives"] == "true"


def test_a_spreadsheet_in_the_bin_is_no_empty_one(subject):
    """Spec: a file in the bin has `trashed`, and can still be read; its rows were not deleted."""
    subject.file["trashed"] = True
    with pytest.raises(ConfigError, match="in the bin"):
        subject.connector.list(STREAM, None)


# -- writing


def test_a_batch_of_changes_is_atomic_and_rows_go_from_the_bottom_up(subject):
    """Documentation: requests of a batch are done in order, all or none; each deletion moves the rows below it."""
    asked(subject)
    outcomes = subject.connector.write(STREAM, [Write("archive", HUB + n, {}, f"row {n}") for n in ("1", "3")])
    assert [o.status for o in outcomes] == ["ok", "ok"]
    (body,) = [r.data() for r in asked(subject) if r.path.endswith(":batchUpdate")]
    assert [r["deleteDimension"]["range"]["startIndex"] for r in body["requests"]] == [3, 1]
    assert [r.id for r in subject.listed(STREAM)] == ["row 2"]


def test_new_rows_begin_in_the_first_column_whatever_is_blank_there(subject):
    """Spec: `appendCells` adds behind the last row with data; `values:append` begins where a «table» seems to."""
    subject.add(STREAM, subject.cells(STREAM, {"name": "Typed"}))
    (outcome,) = subject.connector.write(STREAM, [Write("create", HUB + "1", {"name": "Made"})])
    assert outcome.status == "ok"
    assert subject.row_of(STREAM, HUB + "1") == 5


def test_the_id_of_a_tab_that_was_made_anew_is_learnt(subject):
    """Believed: a batch that names an id that no tab has is refused whole, `No grid with id: N`."""
    subject.listed(STREAM)
    subject.tab(STREAM).id = 77
    (outcome,) = subject.connector.write(STREAM, [Write("create", HUB + "1", {"name": "Made"})])
    assert outcome.status == "ok"


def test_a_refused_batch_is_split_down_to_the_culprit(subject):
    """Believed: a write into a protected cell refuses the whole call with a 400; the others can be done."""
    send = subject.transport.inner.send

    def protected(request: Request) -> Response:
        if request.path.endswith("values:batchUpdate") and b"'Opportunities'!C3" in request.payload():
            said = "You are trying to edit a protected cell or object."
            body = f'{{"error": {{"code": 400, "message": "{said}", "status": "INVALID_ARGUMENT"}}}}'
            return Response(400, {"content-type": "application/json"}, body.encode())
        return send(request)

    subject.transport.inner.send = protected
    writes = [Write("update", HUB + str(n), {"stage": "Won"}, f"row {n}") for n in range(1, 4)]
    outcomes = subject.connector.write(STREAM, writes)
    assert [o.status for o in outcomes] == ["ok", "rejected", "ok"]
    assert "protected cell" in outcomes[1].problems[0].message


def test_a_list_taken_from_a_range_is_one_formula(subject):
    """Spec: `ONE_OF_RANGE` takes a single value, a range in A1 notation; what is parsed as if it was typed begins with
    an equals sign. Issue: Google shows it with dollar signs."""
    below = {"sheetId": 2, "startRowIndex": 1, "startColumnIndex": 1, "endColumnIndex": 2}

    def put(*values: str) -> Any:
        condition = {"type": "ONE_OF_RANGE", "values": [{"userEnteredValue": v} for v in values]}
        body = {"requests": [{"setDataValidation": {"range": below, "rule": {"condition": condition}}}]}
        return subject.ask("POST", f"/v4/spreadsheets/{subject.connector.settings.spreadsheet}:batchUpdate", body)

    put("='Accounts'!$B$2:$B")
    for wrong in (["Accounts!B2:B"], ["=Accounts!B2:B", "=Accounts!C2:C"], ["=Nowhere!B2:B"]):
        with pytest.raises(AssertionError, match="400"):
            put(*wrong)
