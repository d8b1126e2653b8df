"""Google's own client and gspread drive the stand-in of the Sheets API over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("googleapiclient", reason="google-api-python-client is not installed")
gspread = pytest.importorskip("gspread", reason="gspread is not installed")


@pytest.fixture
def bench(discovery: Any, witness_module: Callable[[str], Any]) -> Iterator[Callable[..., Any]]:
    """`bench(*vices)`: the stand-in on a socket."""
    opened: list[Any] = []

    def start(*vices: str) -> Any:
        opened.append(witness_module("google/sheets_bench").Bench(discovery, *vices))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def refusal(call: Callable[[], Any]) -> tuple[int, str]:
    from googleapiclient.errors import HttpError

    with pytest.raises(HttpError) as raised:
        call()
    return raised.value.status_code, str(raised.value.reason)


# -- Google's own client


def test_a_spreadsheet_is_made_with_its_tabs(bench: Any) -> None:
    api = bench().client()
    tabs = [{"properties": {"title": t, "gridProperties": {"frozenRowCount": 1}}} for t in ("One", "Two")]
    made = api.create(body={"properties": {"title": "Book"}, "sheets": tabs}).execute()
    assert [s["properties"]["title"] for s in made["sheets"]] == ["One", "Two"]
    got = api.get(spreadsheetId=made["spreadsheetId"], fields="properties.title,sheets(properties(title))").execute()
    assert got == {"properties": {"title": "Book"}, "sheets": [{"properties": {"title": t}} for t in ("One", "Two")]}
    assert refusal(api.get(spreadsheetId="1NoSuchSpreadsheet").execute) == (404, "Requested entity was not found.")


def test_values_are_cut_behind_the_last_and_kept_as_they_are_written(bench: Any) -> None:
    one = bench()
    id, values = one.spreadsheet(), one.client().values()
    rows = [["=1+1", 1, 2.5, True], ["", "x", "", ""], [], ["007"]]
    body = {"valueInputOption": "RAW", "data": [{"range": "A1:D4", "values": rows}]}
    done = values.batchUpdate(spreadsheetId=id, body=body).execute()
    assert (done["totalUpdatedSheets"], done["responses"][0]["updatedRange"]) == (1, "Sheet1!A1:D4")
    asked: dict[str, Any] = {"spreadsheetId": id, "ranges": ["Sheet1!1:2", "A:A"]}
    raw = values.batchGet(**asked, valueRenderOption="UNFORMATTED_VALUE").execute()["valueRanges"]
    assert [v.get("values") for v in raw] == [[["=1+1", 1, 2.5, True], ["", "x"]], [["=1+1"], [], [], ["007"]]]
    shown = values.get(spreadsheetId=id, range="A1:D1").execute()
    assert shown["values"] == [["=1+1", "1", "2.5", "TRUE"]]
    typed = values.update(spreadsheetId=id, range="A1", valueInputOption="USER_ENTERED", body={"values": [["=1+1"]]})
    typed.execute()
    got = values.get(spreadsheetId=id, range="A1", valueRenderOption="UNFORMATTED_VALUE").execute()
    assert got["values"] == [[2]]
    got = values.get(spreadsheetId=id, range="A1", valueRenderOption="FORMULA").execute()
    assert got["values"] == [["=1+1"]]
    columns = values.get(spreadsheetId=id, range="A1:B2", majorDimension="COLUMNS").execute()
    assert columns["values"] == [["2"], ["1", "x"]]


def test_more_ranges_than_an_address_takes_are_asked_for_in_a_body(bench: Any) -> None:
    one = bench()
    id, values = one.spreadsheet(), one.client().values()
    rows = [[n] for n in range(100)]
    values.update(spreadsheetId=id, range="A1", valueInputOption="RAW", body={"values": rows}).execute()
    filters = [{"a1Range": f"Sheet1!{n}:{n}"} for n in range(1, 101, 2)]
    body = {"dataFilters": filters, "valueRenderOption": "UNFORMATTED_VALUE"}
    got = values.batchGetByDataFilter(spreadsheetId=id, body=body).execute()["valueRanges"]
    assert [v["valueRange"]["values"] for v in got] == [[[n]] for n in range(0, 100, 2)]


def test_a_range_outside_the_grid_or_of_no_tab_is_refused(bench: Any) -> None:
    one = bench()
    id, values = one.spreadsheet(), one.client().values()
    status, said = refusal(values.get(spreadsheetId=id, range="Sheet1!2000:2100").execute)
    assert (status, "exceeds grid limits. Max rows: 1000, max columns: 26" in said) == (400, True)
    status, said = refusal(values.get(spreadsheetId=id, range="Nowhere!A1").execute)
    assert (status, said) == (400, "Unable to parse range: Nowhere!A1")


def test_a_batch_of_changes_is_done_whole_or_not_at_all(bench: Any) -> None:
    one = bench()
    id, api = one.spreadsheet(), one.client()
    cells = [{"values": [{"userEnteredValue": {"stringValue": f"r{n}"}}]} for n in range(4)]
    append = {"appendCells": {"sheetId": 0, "rows": cells, "fields": "userEnteredValue"}}
    ends = {"sheetId": 0, "dimension": "ROWS", "startIndex": 1, "endIndex": 2}
    good = [append, {"deleteDimension": {"range": ends}}]
    assert len(api.batchUpdate(spreadsheetId=id, body={"requests": good}).execute()["replies"]) == 2
    bad = {"requests": [append, {"deleteSheet": {"sheetId": 77}}]}
    status, said = refusal(api.batchUpdate(spreadsheetId=id, body=bad).execute)
    assert (status, "No grid with id: 77" in said) == (400, True)
    got = api.values().get(spreadsheetId=id, range="A:A").execute()
    assert got["values"] == [["r0"], ["r2"], ["r3"]]


def test_what_is_set_of_cells_and_columns_is_shown(bench: Any) -> None:
    one = bench()
    id, api = one.spreadsheet(), one.client()
    span = {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}
    below = {"sheetId": 0, "startRowIndex": 1, "startColumnIndex": 1, "endColumnIndex": 2}
    rule = {"condition": {"type": "ONE_OF_LIST", "values": [{"userEnteredValue": "Open"}]}, "strict": True}
    day = {"numberFormat": {"type": "DATE", "pattern": "yyyy-mm-dd"}}
    merge = {"sheetId": 0, "startRowIndex": 1, "endRowIndex": 3, "startColumnIndex": 0, "endColumnIndex": 1}
    hide = {"range": span, "properties": {"hiddenByUser": True}, "fields": "hiddenByUser"}
    requests = [
        {"updateDimensionProperties": hide},
        {"setDataValidation": {"range": below, "rule": rule}},
        {
            "repeatCell": {
                "range": below,
                "cell": {"userEnteredFormat": day},
                "fields": "userEnteredFormat.numberFormat",
            }
        },
        {"mergeCells": {"range": merge, "mergeType": "MERGE_ALL"}},
        {"addProtectedRange": {"protectedRange": {"range": below, "warningOnly": True}}},
    ]
    api.batchUpdate(spreadsheetId=id, body={"requests": requests}).execute()
    (sheet,) = api.get(spreadsheetId=id, ranges=["Sheet1!A1:C2"], includeGridData=True).execute()["sheets"]
    (data,) = sheet["data"]
    assert [c.get("hiddenByUser") for c in data["columnMetadata"]] == [None, True, None]
    assert data["rowData"][1]["values"][1] == {"dataValidation": rule, "userEnteredFormat": day}
    assert sheet["merges"] == [merge]
    assert sheet["protectedRanges"][0]["warningOnly"] is True


def test_a_quota_is_refused_as_google_does(bench: Any) -> None:
    one = bench("quota")
    id, values = one.spreadsheet(), one.client().values()
    ask = values.get(spreadsheetId=id, range="A1")
    for _ in range(6):
        ask.execute()
    status, said = refusal(ask.execute)
    assert (status, "Quota exceeded" in said) == (429, True)


# -- gspread


def test_gspread_reads_and_writes_a_tab(bench: Any) -> None:
    one = bench()
    book = one.gspread().open_by_key(one.spreadsheet("Deals"))
    sheet = book.sheet1
    sheet.update([["Name", "Amount"], ["Ada", 12.5], ["Bo", 7]], "A1")
    assert sheet.get_all_values() == [["Name", "Amount"], ["Ada", "12.5"], ["Bo", "7"]]
    assert sheet.get_all_records() == [{"Name": "Ada", "Amount": 12.5}, {"Name": "Bo", "Amount": 7}]
    sheet.append_row(["Cy", 3])
    sheet.insert_row(["Di", 4], 2)
    assert [r[0] for r in sheet.get_all_values()] == ["Name", "Di", "Ada", "Bo", "Cy"]
    sheet.sort((2, "des"), range="A2:B5")
    assert [r[0] for r in sheet.get_all_values()] == ["Name", "Ada", "Bo", "Di", "Cy"]
    sheet.delete_rows(3)
    sheet.batch_clear(["A2:B2"])
    assert sheet.get_all_values() == [["Name", "Amount"], ["", ""], ["Di", "4"], ["Cy", "3"]]
    assert sheet.find("Di").address == "A3"
    assert sheet.acell("B3", value_render_option="UNFORMATTED_VALUE").value == 4


def test_gspread_manages_tabs(bench: Any) -> None:
    one = bench()
    book = one.gspread().open_by_key(one.spreadsheet("Deals"))
    tab = book.add_worksheet("More deals", rows=5, cols=3)
    assert (tab.row_count, tab.col_count) == (5, 3)
    tab.update_title("Fewer deals")
    tab.freeze(rows=1)
    tab.resize(rows=9)
    assert [w.title for w in book.worksheets()] == ["Sheet1", "Fewer deals"]
    assert (book.worksheet("Fewer deals").frozen_row_count, book.worksheet("Fewer deals").row_count) == (1, 9)
    tab.merge_cells("A2:A3")
    tab.hide_columns(0, 1)
    book.del_worksheet(tab)
    with pytest.raises(gspread.WorksheetNotFound):
        book.worksheet("Fewer deals")
    with pytest.raises(gspread.exceptions.SpreadsheetNotFound):
        one.gspread().open_by_key("1NoSuchSpreadsheet").sheet1  # noqa: B018
