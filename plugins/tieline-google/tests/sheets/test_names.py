"""What a reference shows is a name: people read it, pick it, type it; the key beside it decides while nobody does."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline import Unavailable, Write
from tieline_google.sheets.cells import ERRORS
from tieline_google.sheets.names import Names, meant, untouched

STREAM = "opportunities"
HUB = "018bcfe5-6800-7000-8000-0000000000{:02}"
CALLED = Names(["k1", "k2", "k3", "k4", None], ["Acme Ltd", "Beta", "Beta ", "", "New"])


PIECES = st.lists(st.sampled_from(["Acme", "Beta", " ", " | ", "|", "k1", *ERRORS]), max_size=4).map("".join)


@given(PIECES, PIECES)
def test_the_short_way_to_a_key_leads_where_the_long_one_does(told: str, held: str) -> None:
    for beside in (held, f"{held} | {told}"):
        key = untouched(told, beside)
        assert key is None or (key == meant(told, beside, CALLED, "Accounts") and told not in ERRORS)
    assert untouched("Acme", "k1 | Acme") == "k1"


@pytest.mark.parametrize(
    ("told", "held", "key"),
    [
        ("Acme Ltd", None, "k1"),
        ("  acme   LTD ", None, "k1"),
        ("Acme Ltd", "k2 | Beta", "k1"),
        ("k2", None, "k2"),
        ("k2", "k1 | Acme Ltd", "k2"),
        ("Beta", "k3 | Beta", "k3"),
        ("BETA", "k2", "k2"),
        ("Acme", "k1 | Acme", "k1"),
        ("Beta", "k1 | Beta", "k1"),
        ("Acme", "gone | acme", "gone"),
        ("", "k1 | Acme Ltd", None),
        ("", "k1", "k1"),
        ("", "k4 ", "k4"),
        ("", None, None),
    ],
    ids=[
        "a name", "in any case", "linked anew", "a key", "another key", "of two of one name, the one that it was",
        "of two of one name, the one whose key stands there",
        "renamed since", "renamed, and another is called so now", "deleted since",
        "cleared", "nothing shown yet", "has no name", "blank",
    ],
)  # fmt: skip
def test_what_a_cell_means(told, held, key):
    assert meant(told, held, CALLED, "Accounts") == key


@pytest.mark.parametrize(
    ("told", "held", "said"),
    [
        ("Acmee", "k1 | Acme Ltd", "no row of Accounts is called 'Acmee'"),
        ("Acmee", None, "no row of Accounts is called 'Acmee'"),
        ("Beta", None, r"2 rows of Accounts are called 'Beta': type the key .*\(k2, k3\)"),
        ("Beta", "k1 | Acme Ltd", r"\(k2, k3\)"),
        ("Beta", "k2 | Old", r"\(k2, k3\)"),
        ("new", None, "has no key yet: the next sync gives it one"),
    ],
)
def test_what_nobody_can_tell_is_said(told, held, said):
    with pytest.raises(ValueError, match=said):
        meant(told, held, CALLED, "Accounts")


# -- in a sheet


@pytest.fixture(params=[5000, 3], ids=["small", "large"])
def subject(request: pytest.FixtureRequest, sheets: Any) -> Any:
    """Four accounts, and a deal with the first of them."""
    found = sheets(rows=request.param)
    for tab in found.book.tabs:
        tab.rows = 30
    for n, name in enumerate(("Acme", "Beta", "Gamma", "Twin"), 1):
        found.connector.write("accounts", [Write("create", HUB.format(n), {"name": name})])
    deals = [Write("create", HUB.format(10 + n), {"name": f"Deal {n}", "account": HUB.format(1)}) for n in range(5)]
    assert {o.status for o in found.connector.write(STREAM, deals)} == {"ok"}
    return found


def cell(subject: Any, row: int, title: str, stream: str = STREAM) -> Any:
    """What stands in a row (1: the first below the titles)."""
    return subject.tab(stream).cell(row, subject.header(stream).column(title))


def typed(subject: Any, row: int, stream: str = STREAM, **cells: Any) -> None:
    """Somebody types into a row."""
    named = {t.replace("_", " "): v for t, v in cells.items()}
    subject.put(stream, row, {subject.header(stream).column(t): v for t, v in named.items()})


def updated(subject: Any, fields: Any, id: str = HUB.format(10), stream: str = STREAM) -> Any:
    """What became of an update."""
    (outcome,) = subject.connector.write(stream, [Write("update", id, fields, id)])
    return outcome


def deal(subject: Any, row: int = 1) -> Any:
    """What is listed of a row, and what a strong read says, which is the same."""
    key = cell(subject, row, "Tieline ID")
    listed = next(r for r in subject.listed(STREAM) if r.id == key)
    (read,) = subject.connector.read(STREAM, [key], None)
    assert (read.fields, read.version, read.problems) == (listed.fields, listed.version, listed.problems)
    return listed


def test_a_reference_is_written_as_a_name_with_its_key_beside_it(subject):
    assert (cell(subject, 1, "Account"), cell(subject, 1, "Account ID")) == ("Acme", HUB.format(1) + " | Acme")
    assert deal(subject).fields["account"] == HUB.format(1)
    (outcome,) = subject.connector.write(
        STREAM, [Write("update", HUB.format(10), {"account": HUB.format(2)}, HUB.format(10))]
    )
    assert (outcome.status, outcome.remote.fields["account"]) == ("ok", HUB.format(2))
    assert (cell(subject, 1, "Account"), cell(subject, 1, "Account ID")) == ("Beta", HUB.format(2) + " | Beta")
    outcome = updated(subject, {"account": None})
    assert outcome.remote.fields["account"] is None
    assert (cell(subject, 1, "Account"), cell(subject, 1, "Account ID")) == (None, None)


def test_a_name_that_looks_like_a_formula_is_written_as_a_text(subject):
    name = '=HYPERLINK("https://evil.example")'
    subject.connector.write("accounts", [Write("update", HUB.format(2), {"name": name}, HUB.format(2))])
    updated(subject, {"account": HUB.format(2)})
    assert cell(subject, 1, "Account") == name
    assert deal(subject).fields["account"] == HUB.format(2)
    (created,) = subject.connector.write(
        STREAM, [Write("create", HUB.format(30), {"name": "x", "account": HUB.format(2)})]
    )
    assert created.remote.fields["account"] == HUB.format(2)
    assert not [v for row in subject.tab(STREAM).cells for v in row if isinstance(v, dict)]


@pytest.mark.parametrize(("told", "account"), [(" gamma ", 3), (HUB.format(4), 4), ("", None)])
def test_what_a_person_types_links_the_row_anew(subject, told, account):
    before = deal(subject).version
    typed(subject, 1, Account=told)
    found = deal(subject)
    assert found.fields["account"] == (HUB.format(account) if account else None)
    assert (found.problems, found.version != before) == ((), True)


def test_a_typing_error_is_told_with_its_cell_and_the_rest_goes_on(subject):
    typed(subject, 1, Account="Gama", Stage="Won")
    found = deal(subject)
    (problem,) = found.problems
    assert (problem.field, "account" in found.fields, found.fields["stage"]) == ("account", False, "Won")
    column = subject.header(STREAM).column("Account")
    assert (
        problem.message == f"Opportunities!{'ABCDEFGHIJKLMNOP'[column]}2 (Account): no row of Accounts is called 'Gama'"
    )
    typed(subject, 1, Account="Gamma")
    assert deal(subject).fields["account"] == HUB.format(3)


def test_of_two_accounts_of_one_name_nobody_guesses(subject):
    typed(subject, 1, stream="accounts", Name="Twin")
    assert deal(subject).fields["account"] == HUB.format(1), "the name that it shows is the old one"
    typed(subject, 2, Account="twin")
    found = deal(subject, 2)
    assert "account" not in found.fields
    assert f"({HUB.format(1)}, {HUB.format(4)})" in found.problems[0].message
    typed(subject, 2, Account=HUB.format(4))
    assert deal(subject, 2).fields["account"] == HUB.format(4)
    typed(subject, 4, stream="accounts", Name="Twin the second")
    typed(subject, 3, Account="twin")
    assert deal(subject, 3).fields["account"] == HUB.format(1)


def test_a_renamed_account_keeps_its_deals_and_its_name_is_shown_when_they_are_written(subject):
    before = deal(subject)
    subject.connector.write("accounts", [Write("update", HUB.format(1), {"name": "Acme Holding"}, HUB.format(1))])
    subject.touched()
    assert deal(subject) == before._replace(modified=deal(subject).modified)
    assert cell(subject, 1, "Account") == "Acme"
    typed(subject, 2, stream="accounts", Name="Acme")
    assert deal(subject).fields["account"] == HUB.format(1), "although another is called so by now"
    writes = [Write("update", HUB.format(10), {"stage": "Won", "account": HUB.format(1)}, HUB.format(10))]
    assert subject.connector.write(STREAM, writes)[0].status == "ok"
    assert cell(subject, 1, "Account") == "Acme Holding"
    assert cell(subject, 1, "Account ID") == HUB.format(1) + " | Acme Holding"


def test_a_row_that_is_written_anyway_shows_the_name_of_today_and_keeps_the_key_of_what_was_typed(sheets):
    subject = sheets()
    for n, name in enumerate(("Acme", "Beta"), 1):
        subject.connector.write("accounts", [Write("create", HUB.format(n), {"name": name})])
    deals = [Write("create", HUB.format(10 + n), {"name": f"Deal {n}", "account": HUB.format(1)}) for n in range(3)]
    subject.connector.write(STREAM, deals)
    typed(subject, 1, stream="accounts", Name="Acme Holding")
    typed(subject, 2, Account="beta")
    typed(subject, 3, Account="nobody")
    writes = [Write("update", HUB.format(10 + n), {"stage": "Won"}, HUB.format(10 + n)) for n in range(3)]
    assert {o.status for o in subject.connector.write(STREAM, writes)} == {"ok"}
    shown = [(cell(subject, n, "Account"), cell(subject, n, "Account ID")) for n in (1, 2, 3)]
    assert shown == [
        ("Acme Holding", HUB.format(1) + " | Acme Holding"),
        ("Beta", HUB.format(2) + " | Beta"),
        ("nobody", HUB.format(1) + " | Acme"),
    ]
    typed(subject, 2, stream="accounts", Name="Beta Ltd")
    assert deal(subject, 2).fields["account"] == HUB.format(2)


def test_a_row_that_was_typed_with_a_name_keeps_the_key_once_it_has_its_own(subject):
    number = subject.add(STREAM, subject.cells(STREAM, {"name": "Typed"}))
    typed(subject, number, Account="beta")
    shown = next(r for r in subject.listed(STREAM) if r.provisional)
    assert shown.fields["account"] == HUB.format(2)
    (outcome,) = subject.connector.write(STREAM, [Write("link", HUB.format(40), {}, shown.id, shown.version)])
    assert (outcome.status, outcome.remote.id, outcome.remote.aliases) == ("ok", HUB.format(40), (shown.id,))
    assert outcome.remote.fields["account"] == HUB.format(2)
    assert (cell(subject, number, "Account"), cell(subject, number, "Account ID")) == (
        "Beta",
        HUB.format(2) + " | Beta",
    )


def test_a_name_of_a_row_that_has_no_key_yet_waits_for_it(subject):
    subject.add("accounts", subject.cells("accounts", {"name": "Delta"}))
    typed(subject, 1, Account="Delta")
    assert "no key yet" in deal(subject).problems[0].message
    new = next(r for r in subject.listed("accounts") if r.provisional)
    before = deal(subject).version
    subject.connector.write("accounts", [Write("link", HUB.format(50), {}, new.id, new.version)])
    assert deal(subject).fields["account"] == HUB.format(50)
    assert deal(subject).version != before


def test_a_version_tells_when_a_typed_name_means_another_row(subject):
    typed(subject, 1, Account="Beta")
    before = deal(subject)
    typed(subject, 2, stream="accounts", Name="Old Beta")
    typed(subject, 3, stream="accounts", Name="Beta")
    after = deal(subject)
    assert [r.fields["account"] for r in (before, after)] == [HUB.format(2), HUB.format(3)]
    assert before.version != after.version


def test_a_sheet_that_is_sorted_keeps_its_references(subject):
    typed(subject, 2, Account="Gamma")
    before = {r.id: (r.fields, r.version) for r in subject.listed(STREAM)}
    for stream in (STREAM, "accounts"):
        tab = subject.tab(stream)
        tab.cells = [tab.cells[0], *reversed(tab.cells[1:])]
    subject.touched()
    assert {r.id: (r.fields, r.version) for r in subject.listed(STREAM)} == before


def test_a_parent_is_shown_by_its_name_within_its_own_tab(subject):
    (outcome,) = subject.connector.write(
        "accounts", [Write("update", HUB.format(1), {"parent": HUB.format(2)}, HUB.format(1))]
    )
    assert outcome.remote.fields["parent"] == HUB.format(2)
    assert cell(subject, 1, "Parent", "accounts") == "Beta"
    typed(subject, 1, stream="accounts", Parent="gamma")
    found = {r.id: r.fields["parent"] for r in subject.listed("accounts")}
    assert found[HUB.format(1)] == HUB.format(3)
    assert subject.connector.read("accounts", [HUB.format(1)], None)[0].fields["parent"] == HUB.format(3)
    typed(subject, 1, stream="accounts", Parent="nobody")
    assert "parent" not in {r.id: r for r in subject.listed("accounts")}[HUB.format(1)].fields


def test_names_come_in_the_call_that_reads_the_rows(subject):
    subject.listed(STREAM)
    subject.clock.advance(60_000)
    before = len(subject.transport.requests)
    count = len(subject.listed(STREAM))
    asked = subject.transport.requests[before:]
    pages = 1 if subject.limit > 30 else -(-29 // subject.limit)
    assert count == 5
    assert sum("values:batchGet" in r.path for r in asked) == pages
    assert sum("%27Accounts%27" in r.path for r in asked) == 1


def test_a_reference_to_a_row_that_there_is_not_is_refused_by_name(subject):
    outcome = updated(subject, {"account": HUB.format(99), "stage": "Won"})
    assert (outcome.status, [p.code for p in outcome.problems]) == ("ok", ["unknown_reference"])
    assert (cell(subject, 1, "Account"), cell(subject, 1, "Stage")) == ("Acme", "Won")


def test_columns_of_accounts_that_have_moved_are_found(subject):
    subject.listed(STREAM)
    tab = subject.tab("accounts")
    tab.cells = [[None, None, *row] for row in tab.cells]
    typed(subject, 1, Account="Beta")
    assert deal(subject).fields["account"] == HUB.format(2)


def test_without_the_tab_that_is_referred_to_what_is_shown_stays_and_nothing_new_is_taken(subject):
    typed(subject, 2, Account="Beta")
    subject.book.tabs = [t for t in subject.book.tabs if t.title != "Accounts"]
    subject.touched()
    assert deal(subject).fields["account"] == HUB.format(1)
    assert deal(subject, 2).problems[0].field == "account"


# -- sheets that show keys alone


@pytest.fixture
def old(sheets: Any) -> Any:
    """A sheet that was made without the columns of names."""
    found = sheets(names=False)
    for tab in found.book.tabs:
        tab.sizes["0"] = {"hiddenByUser": True}
    for n, name in enumerate(("Acme", "Beta"), 1):
        found.connector.write("accounts", [Write("create", HUB.format(n), {"name": name})])
    deals = [Write("create", HUB.format(10 + n), {"name": f"Deal {n}", "account": HUB.format(1)}) for n in range(3)]
    found.connector.write(STREAM, deals)
    return found


def test_a_sheet_without_columns_of_names_goes_on_with_keys(old):
    assert cell(old, 1, "Account ID") == HUB.format(1)
    typed(old, 1, Account_ID=HUB.format(2))
    assert deal(old).fields["account"] == HUB.format(2)
    (outcome,) = old.connector.write(
        STREAM, [Write("update", HUB.format(11), {"account": HUB.format(9)}, HUB.format(11))]
    )
    assert outcome.status == "rejected"


def test_the_check_says_how_to_get_them_and_fix_makes_and_fills_them(old):
    before = {r.id: r.fields for r in old.listed(STREAM)}
    notes = [f for f in old.connector.parts[STREAM].findings() if f.level != "ok"]
    assert [(f.level, f.subject) for f in notes] == [
        ("note", "Opportunities.Account"),
        ("note", "Opportunities.Campaign"),
    ]
    made = old.connector.mend(notes[0].mend)
    assert (made.level, made.message) == ("ok", "made: Account, Campaign")
    assert [cell(old, n, "Account") for n in (1, 2, 3)] == ["Acme"] * 3
    assert cell(old, 1, "Account ID") == HUB.format(1) + " | Acme"
    assert {r.id: r.fields for r in old.listed(STREAM)} == before
    assert [f.level for f in old.connector.parts[STREAM].findings()] == ["ok"]
    rules = {old.tab(STREAM).cells[0][v["range"]["startColumnIndex"]]: v["rule"] for v in old.tab(STREAM).validations}
    assert rules["Account"]["condition"]["type"] == "ONE_OF_RANGE"


@pytest.mark.parametrize("ends", [False, True], ids=["to its end", "cut off when the column is there"])
def test_a_column_of_names_that_was_deleted_and_is_made_anew_clears_no_reference(sheets, ends):
    subject = sheets()
    for tab in subject.book.tabs:
        tab.sizes["0"] = {"hiddenByUser": True}
    subject.connector.write("accounts", [Write("create", HUB.format(1), {"name": "Acme"})])
    deals = [Write("create", HUB.format(10 + n), {"name": f"Deal {n}", "account": HUB.format(1)}) for n in range(3)]
    subject.connector.write(STREAM, deals)
    before = {r.id: r.fields for r in subject.listed(STREAM)}
    where = subject.header(STREAM).column("Account")
    tab = subject.tab(STREAM)
    tab.cells = [[*row[:where], *row[where + 1 :]] for row in tab.cells]
    subject.touched()
    assert {r.id: r.fields for r in subject.listed(STREAM)} == before
    send, made = subject.transport.inner.send, []

    def cut(request: Any) -> Any:
        if made and request.path.endswith("values:batchUpdate"):
            raise Unavailable("cut off", sent=False)
        if request.path.endswith(":batchUpdate") and "updateCells" in request.payload().decode():
            made.append(request)
        return send(request)

    if ends:
        subject.transport.inner.send = cut
        with pytest.raises(Unavailable):
            subject.connector.mend("sheets:opportunities")
        subject.transport.inner.send = send
    else:
        assert subject.connector.mend("sheets:opportunities").level == "ok"
        assert [cell(subject, n, "Account") for n in (1, 2, 3)] == ["Acme"] * 3
    subject.touched()
    assert {r.id: r.fields for r in subject.listed(STREAM)} == before


def test_a_column_of_names_that_a_person_made_is_no_list_of_cleared_references(old):
    before = {r.id: r.fields for r in old.listed(STREAM)}
    old.put(STREAM, 0, {20: "Account"})
    assert {r.id: r.fields for r in old.listed(STREAM)} == before
    old.put(STREAM, 0, {20: ""})
    typed(old, 1, Account_ID=HUB.format(1) + " | Acme")
    assert {r.id: r.fields for r in old.listed(STREAM)} == before
