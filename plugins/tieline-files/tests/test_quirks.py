"""What real files do to whoever reads them. One oddity a test, each with the reason it matters."""

from __future__ import annotations

import os
import time

import pytest

from tieline import ConfigError, Rule, Unavailable, Window, compile_rules
from tieline_files.connector import Limits
from tieline_files.disk import Stamp
from tieline_files.settings import FileSettings
from tieline_files.table import Table, View


def where(pages):
    return [(bad.where, bad.message) for page in pages for bad in page.bad]


def test_a_byte_order_mark_is_no_part_of_the_first_column(folder, listed):
    """Excel writes one before UTF-8."""
    folder.put("accounts.csv", b"\xef\xbb\xbfid,name\r\n1,Caf\xc3\xa9\r\n")

    (remote,) = listed(folder.connect())

    assert (remote.id, remote.fields["name"]) == ("1", "Café")


def test_quoted_cells_hold_commas_quotes_and_lines_and_the_lines_still_count(folder, pages):
    """RFC 4180, section 2, rules 6 and 7; a text editor counts physical lines."""
    folder.put("accounts.csv", 'id,name\r\n1,"a ""b"", c\r\nd"\r\nx\r\n2,e\r\n')

    (page,) = pages(folder.connect())

    assert [r.fields["name"] for r in page.remotes] == ['a "b", c\r\nd', "e"]
    assert where([page]) == [("accounts.csv:4", "it has 1 cells, the header 2")]


def test_a_quote_that_is_never_closed_costs_one_line_not_the_rest_of_the_file(folder, pages):
    """Otherwise every row after it would vanish inside one cell."""
    folder.put("accounts.csv", 'id,name\n1,"open\n2,b\n3,c\n')

    (page,) = pages(folder.connect())

    assert [r.id for r in page.remotes] == ["2", "3"]
    assert where([page]) == [("accounts.csv:2", "a quoted cell is never closed")]


def test_a_quote_that_swallows_lines_up_to_the_next_quote_gives_them_back(folder, pages):
    folder.put("accounts.csv", 'id,name\n1,"open\n2,b\n3,"c"\n4,d\n')

    (page,) = pages(folder.connect())

    assert [r.id for r in page.remotes] == ["2", "3", "4"]
    assert where([page]) == [("accounts.csv:2", "a quoted cell goes on after its closing quote")]


def test_a_long_unclosed_cell_is_given_up_before_it_fills_the_memory(folder, pages):
    folder.put("accounts.csv", 'id,name\n1,"open\n' + "".join(f"{n},{'x' * 990}\n" for n in range(2, 402)))

    found = pages(folder.connect())

    assert sum(len(p.remotes) for p in found) == 400
    assert where(found) == [("accounts.csv:2", "a quoted cell is never closed")]


def test_bytes_that_are_not_the_encoding_spoil_their_row_alone(folder, pages):
    """An export in Windows-1252, pasted into a UTF-8 file."""
    folder.put("accounts.csv", b"id,name\n1,Caf\xe9\n2,ok\n")

    (page,) = pages(folder.connect())

    assert [r.id for r in page.remotes] == ["2"]
    assert where([page]) == [("accounts.csv:2", "byte 6 of the line is not utf-8")]


def test_another_encoding_and_delimiter_can_be_named(folder, listed):
    """What Excel writes in much of Europe."""
    folder.put("accounts.csv", "id;name\r\n1;Müller, Söhne\r\n".encode("cp1252"))

    (remote,) = listed(folder.connect({"accounts": {"delimiter": ";", "encoding": "cp1252"}}))

    assert remote.fields["name"] == "Müller, Söhne"


def test_a_wrong_delimiter_is_guessed_in_the_message(folder):
    folder.put("accounts.csv", "id;name\r\n1;a\r\n")

    with pytest.raises(ConfigError, match=r"has no column 'id'.*set files\.accounts\.delimiter = ';'"):
        folder.connect().list("accounts", None)


def test_blank_ids_and_taken_ids_are_bad_rows_with_their_line(folder, pages):
    folder.put("accounts.csv", "id,name\n1,a\n,b\n2,c\n1,d\n1,e\n")

    (page,) = pages(folder.connect())

    assert [(r.id, r.fields["name"]) for r in page.remotes] == [("1", "a"), ("2", "c")]
    assert where([page]) == [
        ("accounts.csv:3", "the column 'id' names no row: it is blank, or no text"),
        ("accounts.csv:5", "the id '1' is taken by line 2"),
        ("accounts.csv:6", "the id '1' is taken by line 2"),
    ]
    assert [bad.id for bad in page.bad] == [None, "1", "1"]


def test_blank_lines_and_rows_of_blank_cells_are_no_rows(folder, pages):
    """Spreadsheets save the rows that were once formatted."""
    folder.put("accounts.csv", "id,name\n\n1,a\n,\n,,,,\n")

    (page,) = pages(folder.connect())

    assert ([r.id for r in page.remotes], [*page.bad]) == (["1"], [])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,name,name\n1,a,b\n", "its header names 'name' more than once"),
        ("\n1,a\n", "it has no header line"),
        ("name\na\n", "has no column 'id' .it has 'name'.: name the column that identifies a row"),
        ('"id,name\n1,a\n', "its header line cannot be read: a quoted cell is never closed"),
        ("id,name\r1,a\r", "a carriage return stands outside quotes"),
        ("id,name\n1,a\n".encode("utf-16"), "it is UTF-16: save it as UTF-8"),
        (b"id,n\xe9\n", "its header line cannot be read: byte 5 of the line is not utf-8"),
    ],
)
def test_a_header_that_cannot_be_used_stops_the_stream_with_the_file_s_name(folder, content, message):
    folder.put("accounts.csv", content)

    with pytest.raises(ConfigError, match=rf"accounts\.csv.*{message}"):
        folder.connect().list("accounts", None)


@pytest.mark.parametrize("content", [None, ""])
def test_a_missing_or_empty_file_is_trouble_not_an_empty_listing(folder, content):
    """Absence from a complete listing is evidence of deletion: a lost file must not delete every account."""
    if content is not None:
        folder.put("accounts.csv", content)
    connector = folder.connect()

    for call in (
        lambda: connector.list("accounts", None),
        lambda: connector.changes("accounts", Window(0), None),
        lambda: connector.changes("accounts", Window(2**60), None),
        lambda: connector.read("accounts", ["1"], None),
    ):
        with pytest.raises(Unavailable, match="which does not mean that its rows are gone") as caught:
            call()
        assert not caught.value.sent


def test_a_column_without_a_name_is_kept_and_left_alone(folder, listed):
    """Spreadsheets and data frames save an index without a heading."""
    folder.put("accounts.csv", ",id,name,\n0,1,a,\n")

    (remote,) = listed(folder.connect())

    assert (remote.id, remote.fields) == ("1", {"name": "a"})
    folder.put("accounts.csv", ",id,name\n0,1,a\n")
    (remote,) = listed(folder.connect({"accounts": {"stamps": False}}))
    assert (remote.id, remote.hub_id) == ("1", None)


def test_a_guarded_cell_is_read_without_its_guard_and_other_apostrophes_stay(folder, listed):
    folder.put("accounts.csv", "id,name,phone,description\n1,'=1+1,'+41 44,'tis\n2,''=x,'abc,'-5\n")

    one, two = listed(folder.connect())

    assert (one.fields["name"], one.fields["phone"], one.fields["description"]) == ("=1+1", "+41 44", "'tis")
    assert (two.fields["name"], two.fields["phone"], two.fields["description"]) == ("'=x", "'abc", "'-5")


def test_json_lines_take_what_csv_cannot_say(folder, listed, pages):
    """Numbers with all their digits, booleans, nulls, ids that are numbers; a missing key is blank."""
    folder.put("accounts.jsonl", '{"id": 7, "name": "=1", "annual_revenue": 12345678901234567.89, "phone": null}\n')

    (remote,) = listed(folder.connect({"accounts": "accounts.jsonl"}))

    assert remote.id == "7"
    assert remote.fields["name"] == "=1"
    assert remote.fields["annual_revenue"] == "12345678901234567.89"
    assert remote.fields["phone"] is None
    assert remote.fields["domain"] is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"id": "1"', "it is not JSON: Expecting ',' delimiter at character"),
        (b"[1, 2]", "it is not a JSON object"),
        (b'{"id": "1", "id": "2"}', "a key stands twice in it"),
        (b'{"id": "1", "name": NaN}', "NaN is no JSON"),
        (b'{"id": "1", "name": "\\ud800"}', "it holds half a surrogate pair"),
        (b'{"id": "\xff"}', "byte 9 of the line is not utf-8"),
        (b'{"id": true}', "the column 'id' names no row"),
        (b'{"a": ' * 100_000, "it is nested too deep"),
    ],
)
def test_a_line_that_is_no_usable_object_is_a_bad_row(folder, pages, line, message):
    folder.put("accounts.jsonl", b'\xef\xbb\xbf{"id": "0"}\n\n' + line + b'\n{"id": "9"}\n')

    (page,) = pages(folder.connect({"accounts": "accounts.jsonl"}))

    assert [r.id for r in page.remotes] == ["0", "9"]
    ((place, why),) = where([page])
    assert place == "accounts.jsonl:3"
    assert message in why


def test_a_cell_that_does_not_fit_its_field_spoils_that_field_alone(folder, listed):
    folder.put("accounts.csv", "id,name,employees\n1,a,many\n")

    (remote,) = listed(folder.connect())

    assert "employees" not in remote.fields
    assert [p.field for p in remote.problems] == ["employees"]


def test_the_header_is_the_schema_and_a_natural_key_is_given_once(folder):
    folder.put("accounts.csv", "account,sector\nAcme,retail\n")
    rules = {"accounts": [Rule("account", "name"), Rule("sector", "industry", values={"retail": "Retail"})]}
    rules["accounts"] += [Rule("nowhere", "phone"), Rule("", "type", const="Customer")]
    schema = folder.connect({"accounts": {"id": "account"}}, rules).schema("accounts")

    assert set(schema.fields) == {"name", "industry", "type"}
    name, industry, kind = (schema.fields[f] for f in ("name", "industry", "type"))
    assert (name.write, name.create, name.clear, name.required) == (False, True, False, True)
    assert (industry.write, industry.choices) == (True, ("Retail",))
    assert (kind.read, kind.write, kind.create) == (True, False, False)


def test_the_schema_s_fingerprint_moves_with_the_header(folder):
    connector = folder.connect()
    folder.put("accounts.csv", "id,name\n")
    before = connector.schema("accounts").fingerprint
    folder.put("accounts.csv", "id,name,phone\n")

    assert connector.schema("accounts").fingerprint != before


def test_an_idle_run_looks_at_the_stamp_and_does_not_open_the_file(folder):
    """Proved by a file that cannot be read: opening it would raise."""
    path = folder.put("accounts.csv", "id,name\n1,a\n")
    connector = folder.connect()
    path.unlink()
    path.mkdir()
    (path / "so that it has a size").touch()

    page = connector.changes("accounts", Window(time.time_ns() // 1_000_000 + 60_000), None)

    assert ([*page.remotes], page.token) == ([], None)


def test_a_file_moved_here_with_an_old_date_is_a_change(folder):
    """`mv` and `cp -p` keep the modification time: a restored backup would go unnoticed."""
    connector = folder.connect()
    since = time.time_ns() // 1_000_000 - 1000
    elsewhere = folder.path / "backup.csv"
    elsewhere.write_text("id,name\n1,a\n")
    os.utime(elsewhere, (1_000_000_000, 1_000_000_000))
    elsewhere.rename(folder.path / "accounts.csv")

    assert len(connector.changes("accounts", Window(since), None).remotes) == 1


def test_a_date_in_the_future_is_taken_as_now(folder):
    """A clock that was wrong when the file was saved must not make its rows the newest for years."""
    path = folder.put("accounts.csv", "id,name\n1,a\n")
    os.utime(path, (4_000_000_000, 4_000_000_000))
    connector = folder.connect()
    page = connector.changes("accounts", Window(0), None)

    assert page.remotes[0].modified <= page.now


def test_a_file_that_changes_between_two_pages_is_listed_anew(folder):
    """Byte offsets of the old file mean nothing in the new one."""
    folder.put("accounts.csv", "id,name\n1,a\n2,b\n3,c\n")
    connector = folder.connect(limits=Limits(page=2))
    first = connector.list("accounts", None)
    folder.put("accounts.csv", "id,name\n0,a longer first row\n1,a\n2,b\n3,c\n")
    second = connector.list("accounts", first.token)
    third = connector.list("accounts", second.token)

    assert [r.id for r in first.remotes] == ["1", "2"]
    assert [r.id for r in [*second.remotes, *third.remotes]] == ["0", "1", "2", "3"]


def test_an_index_is_kept_only_once_the_file_s_stamp_can_be_trusted(folder):
    """Two edits within one tick of the kernel's clock leave the same stamp, size and inode."""
    now = 1_750_000_000_000

    class Clock:
        def now(self):
            return now

    def table_and_ids(age_ms):
        table = Table(
            "accounts",
            folder.path / "accounts.csv",
            FileSettings(file="accounts.csv"),
            compile_rules("account", []),
            Clock(),
        )
        stamp = Stamp((now - age_ms) * 1_000_000, 0, 18, 1)
        found = []
        for order in ("ab", "ba"):
            folder.put("accounts.csv", f"id,name\n{order[0]},xx\n{order[1]},y\n")
            with open(table.path, "rb") as file:
                view = View(table, file, stamp, table.form.head(file))
                found.append([id for id in "ab" if view.row(id) is not None])
        return found

    assert table_and_ids(age_ms=3) == [["a", "b"], ["a", "b"]]
    assert table_and_ids(age_ms=3_000) == [["a", "b"], []]  # kept: one pass over the file serves many calls


def test_a_version_ignores_quoting_and_the_hub_s_new_column_but_not_the_header(folder, listed):
    """Otherwise adding the hub's column would make a conflict of every write that was planned before."""
    connector = folder.connect()
    folder.put("accounts.csv", "id,name\n1,a\n")
    plain = listed(connector)[0].version

    def version(text):
        folder.put("accounts.csv", text)
        return listed(connector)[0].version

    assert version('"id","name"\r\n"1","a"\r\n') == plain
    assert version("id,name,tieline_id\n1,a,\n") == plain
    assert version("id,name,tieline_id\n1,a,h1\n") != plain
    assert version("id,phone\n1,a\n") != plain
    assert version("id,name\n1,b\n") != plain


def test_check_names_what_is_wrong_and_what_to_do(folder):
    folder.put("accounts.csv", "id,address_city\n1,Bern\n,Basel\n")
    folder.put("contacts.csv", "email\na@example.com\n")
    connector = folder.connect({"accounts": {}, "contacts": {}, "campaigns": {"missing": "empty"}})
    found = {(f.level, f.subject): f for f in reversed([*connector.check()])}

    assert found["ok", "accounts.csv"].message == "1 row"
    assert "names no row" in found["warning", "accounts.csv:3"].message
    assert "'address_street'" in found["note", "accounts.csv"].message
    assert "will be added" in " ".join(f.message for f in connector.check() if f.subject == "accounts.csv")
    assert "has no column 'id'" in found["error", "contacts.csv"].message
    assert "the first write begins it" in found["note", "campaigns.csv"].message
