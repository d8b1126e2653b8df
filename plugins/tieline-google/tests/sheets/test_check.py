"""What `tieline check` says of the spreadsheet, what `--fix` makes, and the sheet that `new-sheet` makes."""

from __future__ import annotations

from typing import Any

import pytest

from tieline import ConfigError, Rule, Write
from tieline.testing import HttpSubject
from tieline_google.sandbox.sheets_grid import Book
from tieline_google.settings import GoogleSettings
from tieline_google.sheets.make import new_sheet
from tieline_google.sheets.mapping import KEY, TABLES, TABS
from tieline_google.spec import SPEC

SPREADSHEET = "1TielineSheetOfTheTests"


def findings(subject: Any, stream: str = "opportunities") -> list[Any]:
    """What is found of one tab, but what is well."""
    return [f for f in subject.connector.parts[stream].findings() if f.level != "ok"]


def only(subject: Any, stream: str = "opportunities") -> Any:
    """The one finding."""
    found = findings(subject, stream)
    assert len(found) == 1, found
    return found[0]


def mended(subject: Any) -> Any:
    """What making it came to."""
    return subject.connector.mend(only(subject).mend)


def hide(subject: Any) -> None:
    """The key columns are hidden, as in a sheet that Tieline made."""
    for tab in subject.book.tabs:
        tab.sizes["0"] = {"hiddenByUser": True}


@pytest.fixture
def subject(sheets: Any) -> Any:
    """A spreadsheet in which nothing is wrong."""
    found = sheets()
    hide(found)
    return found


def test_a_good_sheet_is_well(subject):
    for stream in TABS:
        (finding,) = subject.connector.parts[stream].findings()
        assert (finding.level, finding.subject) == ("ok", TABS[stream])


def test_a_missing_tab_is_made(subject):
    subject.book.tabs = [t for t in subject.book.tabs if t.title != "Opportunities"]
    assert "no tab 'Opportunities'" in only(subject).message
    assert mended(subject).level == "ok"
    assert findings(subject) == []
    assert subject.count("accounts") == 0
    outcome = subject.connector.write("opportunities", [Write("create", "h1", {"name": "One"})])[0]
    assert outcome.status == "ok"


def test_without_a_key_column_nothing_of_the_tab_is_touched_until_it_is_made(subject):
    id = subject.create("opportunities", {"name": "One"})
    tab = subject.tab("opportunities")
    tab.cells = [[None, *row[1:]] for row in tab.cells]
    for call in (
        lambda: subject.connector.list("opportunities", None),
        lambda: subject.connector.read("opportunities", [id], None),
        lambda: subject.connector.schema("opportunities"),
        lambda: subject.connector.write("opportunities", [Write("update", "h", {"name": "Two"}, id)]),
    ):
        with pytest.raises(ConfigError, match="no column 'Tieline ID'"):
            call()
    assert subject.listed("accounts") == []
    assert mended(subject).level == "ok"
    (remote,) = subject.listed("opportunities")
    assert (remote.provisional, remote.fields["name"]) == (True, "One")


@pytest.mark.parametrize("how", ["emptied", "deleted"])
def test_without_its_row_of_titles_a_tab_is_left_alone_and_nothing_is_made_over_its_rows(subject, how):
    subject.create("opportunities", {"name": "One", "stage": "New"})
    subject.create("opportunities", {"name": "Two", "stage": "New"})
    tab = subject.tab("opportunities")
    header = list(tab.cells[0])
    if how == "emptied":
        subject.put("opportunities", 0, dict.fromkeys(range(len(header)), ""))
    else:
        del tab.cells[0]
    before = [list(row) for row in tab.cells]
    found = only(subject)
    assert (found.level, found.mend) == ("error", "")
    assert "none of the titles" in found.message
    assert subject.connector.mend("sheets:opportunities").level == "error"
    assert [list(row) for row in tab.cells] == before


def test_a_column_that_was_renamed_in_other_words_is_asked_about_and_not_made_beside_it(subject):
    where = subject.header("accounts").column("Phone")
    subject.put("accounts", 0, {where: "Telephone"})
    found = only(subject, "accounts")
    assert found.remedy.startswith("Was it renamed to 'Telephone'?")
    assert found.mend == ""


@pytest.mark.parametrize(
    ("told", "id"),
    [
        ("1aBcDeFgHiJkLmNoPq", "1aBcDeFgHiJkLmNoPq"),
        ("https://docs.google.com/spreadsheets/d/1aBcDeFgHiJkLmNoPq/edit?usp=sharing#gid=0", "1aBcDeFgHiJkLmNoPq"),
        ("https://docs.google.com/spreadsheets/u/1/d/1aBcDeFgHiJkLmNoPq", "1aBcDeFgHiJkLmNoPq"),
        ("https://evil.example/spreadsheets/d/1aBcDeFgHiJkLmNoPq/edit", None),
        ("1aBcDeFgHi JkLmNoPq", None),
        ("short", None),
    ],
)
def test_the_address_of_a_spreadsheet_names_it_as_well_as_its_id(told, id):
    if id is None:
        with pytest.raises(ValueError, match="between /d/ and /edit"):
            GoogleSettings(spreadsheet=told)
    else:
        assert GoogleSettings(spreadsheet=told).spreadsheet == id


def test_two_key_columns_are_for_a_person_to_mend(subject):
    subject.put("opportunities", 0, {20: KEY})
    finding = only(subject)
    assert (finding.level, finding.mend) == ("error", "")
    with pytest.raises(ConfigError, match="2 columns 'Tieline ID'"):
        subject.connector.list("opportunities", None)


def test_a_key_column_that_shows_is_hidden(subject):
    subject.tab("opportunities").sizes = {}
    assert "not hidden" in only(subject).message
    mended(subject)
    assert findings(subject) == []


def test_a_missing_column_is_made_behind_the_others(subject):
    subject.put("opportunities", 0, {subject.header("opportunities").column("Next step"): ""})
    finding = only(subject)
    assert (finding.level, finding.subject) == ("warning", "Opportunities.Next step")
    assert mended(subject).message == "made: Next step"
    assert findings(subject) == []
    assert subject.header("opportunities").column("Next step") == 15, "behind all others"


def test_a_renamed_column_is_not_made_a_second_time(subject):
    subject.put("opportunities", 0, {subject.header("opportunities").column("Close date"): "Close dates"})
    finding = only(subject)
    assert "renamed to 'Close dates'" in finding.remedy
    assert finding.mend == ""


def test_a_doubled_column_and_merged_cells_are_told_where_they_are(subject):
    subject.put("opportunities", 0, {21: "Stage"})
    assert "2 columns 'Stage'" in only(subject).message
    subject.put("opportunities", 0, {21: ""})
    merge = {"sheetId": 2, "startRowIndex": 3, "endRowIndex": 5, "startColumnIndex": 2, "endColumnIndex": 3}
    subject.tab("opportunities").merges.append(merge)
    assert "C4:C5 are merged" in only(subject).message


def test_a_spreadsheet_that_is_not_shared_or_not_there_is_told_once_and_plainly(subject):
    subject.file["private"] = True
    finding = only(subject)
    assert (finding.level, finding.subject) == ("error", "spreadsheet")
    assert "does not have permission" in finding.message
    del subject.file["private"], subject.sandbox.state.files.rows[SPREADSHEET]
    assert "share the spreadsheet" in only(subject).remedy


def test_what_a_run_would_fail_on_is_told_by_the_check(subject):
    subject.file["trashed"] = True
    assert (only(subject).level, only(subject).remedy) == ("error", "take it out of the bin")


# -- new-sheet


def test_new_sheet_makes_all_that_a_sync_needs(subject):
    fresh = type(subject)()
    fresh.connector.settings = fresh.connector.settings.model_copy(update={"spreadsheet": None})
    options = {"title": "Our pipeline", "opportunity.stage": "Open, Won, Lost"}
    made, told = new_sheet(fresh.connector, options)
    id = made.message.split("/d/")[1].split("/")[0]
    assert told.remedy == f'spreadsheet = "{id}"'
    assert [r.method for r in fresh.transport.requests] == ["GET", "POST", "POST"]
    book: Book = fresh.sandbox.state.sheets.books[id]
    assert (book.title, [t.title for t in book.tabs]) == ("Our pipeline", [*TABS.values()])
    tab = book.tab("Opportunities")
    first = [r.remote for r in TABLES["opportunities"]]
    assert tab.cells[0] == [KEY, *first[:-2], "Account", "Account ID", "Campaign", "Campaign ID"]
    assert tab.frozen == 1
    hidden = {tab.cells[0][int(c)] for c, v in tab.sizes.items() if v.get("hiddenByUser")}
    assert hidden == {KEY, "Account ID", "Campaign ID"}
    rules = {tab.cells[0][v["range"]["startColumnIndex"]]: v["rule"] for v in tab.validations}
    assert [v["userEnteredValue"] for v in rules["Stage"]["condition"]["values"]] == ["Open", "Won", "Lost"]
    assert rules["Close date"]["condition"]["type"] == "DATE_IS_VALID"
    assert (rules["Account"]["condition"]["type"], rules["Account"]["strict"]) == ("ONE_OF_RANGE", False)
    assert rules["Account"]["condition"]["values"] == [{"userEnteredValue": "='Accounts'!$B$2:$B"}]
    assert "Account ID" not in rules
    formats = {tab.cells[0][f["range"]["startColumnIndex"]]: f["numberFormat"]["type"] for f in tab.formats}
    assert (formats["Close date"], formats["Next step"], formats.get("Amount")) == ("DATE", "TEXT", None)
    assert all(p["warningOnly"] for p in tab.protected)
    assert not [row for t in book.tabs for row in t.cells[1:]]


def test_new_sheet_makes_no_second_one_of_the_same_title(subject):
    fresh = type(subject)()
    fresh.connector.settings = fresh.connector.settings.model_copy(update={"spreadsheet": None})
    title = {"title": "Ops' own \\ sheet"}
    made, free, _ = new_sheet(fresh.connector, title)
    assert "Stage" in free.message
    assert "--opportunity-stage" in free.remedy
    id = made.message.split("/d/")[1].split("/")[0]
    fresh.touched()
    before = len(fresh.sandbox.state.sheets.books)
    (told,) = new_sheet(fresh.connector, title)
    assert (told.level, len(fresh.sandbox.state.sheets.books)) == ("note", before)
    assert id in told.message
    assert told.remedy.startswith(f'spreadsheet = "{id}"')
    assert len([*new_sheet(fresh.connector, {"title": "Another"})]) == 3


def test_new_sheet_completes_the_one_that_is_configured(subject):
    id = subject.create("accounts", {"name": "One"})
    subject.put("accounts", 0, {subject.header("accounts").column("Phone"): "Telephone"})
    told = {f.subject: f.message for f in new_sheet(subject.connector, {})}
    assert told == {
        "Accounts": "made: Phone",
        "Opportunities": "nothing was missing",
        "Campaigns": "nothing was missing",
    }
    assert [r.id for r in subject.listed("accounts")] == [id]


def test_new_sheet_refuses_a_choice_of_what_is_not_mapped(subject):
    with pytest.raises(ConfigError, match=r"no mapped field 'opportunity.colour'"):
        [*new_sheet(subject.connector, {"opportunity.colour": "red"})]


def test_new_sheet_gives_a_list_to_pick_from_to_a_column_that_is_there(subject):
    assert not [v for v in subject.tab("opportunities").validations if v.get("rule")]
    told = {f.subject: f.message for f in new_sheet(subject.connector, {"opportunity.stage": "Open, Won"})}
    assert told["Opportunities"] == "a list to pick from: Stage"
    assert (told["Accounts"], told["Campaigns"]) == ("nothing was missing", "nothing was missing")
    (made,) = subject.tab("opportunities").validations
    assert [v["userEnteredValue"] for v in made["rule"]["condition"]["values"]] == ["Open", "Won"]
    column = subject.header("opportunities").column("Stage")
    assert (made["range"]["startColumnIndex"], made["range"]["startRowIndex"]) == (column, 1)


def test_new_sheet_refuses_choices_that_a_value_map_gives_already():
    level = Rule("Level", "x_level", values={"1": "low", "2": "high"})
    mapped = HttpSubject(SPEC, {}, more={"opportunities": [level]})
    with pytest.raises(ConfigError, match=r"opportunity\.x_level has a value map"):
        [*new_sheet(mapped.connector, {"opportunity.x_level": "low, middle"})]
    assert mapped.transport.requests == []
