"""What a write does to a file, and what it must not do to other cells, to bad rows, or when the disk fails."""

from __future__ import annotations

import os
import stat
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tieline import Rule, Unavailable, Write
from tieline_files.csv_form import CsvForm, guard, unguard
from tieline_files.disk import Disk
from tieline_files.jsonl_form import JsonlForm

NAMES = {"accounts": [Rule("name", "name"), Rule("phone", "phone"), Rule("description", "description")]}


def write(connector, *writes, stream="accounts"):
    return connector.write(stream, writes)


def create(hub_id="h1", **fields):
    return Write("create", hub_id, fields)


def update(id, version="", **fields):
    return Write("update", "h0", fields, id, version)


def statuses(outcomes):
    return [o.status for o in outcomes]


# -- what stays as it was


def test_an_update_changes_one_cell_and_no_other_byte(folder):
    """Spelling, unknown columns, line endings, blank lines and bad rows are the owner's."""
    before = (
        b"\xef\xbb\xbfid,mine,name,also mine\r\n"
        b'1,"x",a,"quoted without need"\r\n'
        b"\r\n"
        b"2,=mine(),b\r\n"
        b"3,y,c,\xff\r\n"
        b'4," z ",d,end'
    )
    folder.put("accounts.csv", before)

    (outcome,) = write(folder.connect({"accounts": {"stamps": False}}, NAMES), update("4", name="D, E"))

    assert outcome.status == "ok"
    assert folder.bytes() == before.replace(b'4," z ",d,end', b'4," z ","D, E",end\r\n')


def test_an_update_with_what_is_there_leaves_the_file_alone(folder):
    path = folder.put("accounts.csv", "id,name\n1,a\n")
    inode = path.stat().st_ino

    (outcome,) = write(folder.connect(rules=NAMES), update("1", name="a"))

    assert (outcome.status, path.stat().st_ino) == ("ok", inode)


def test_a_file_whose_cells_are_all_quoted_stays_so(folder):
    folder.put("accounts.csv", '"id","name"\n"1","a"\n')

    write(folder.connect(rules=NAMES), create(name="b"))

    assert folder.text() == '"id","name","tieline_id"\n"1","a",""\n"h1","b","h1"\n'


def test_the_hub_s_column_is_added_once_and_never_makes_a_bad_row_good(folder, pages):
    """A row with one cell too many would fit the header with one more column, its last cell taken for a hub id."""
    folder.put("accounts.csv", 'id,name\n1,a\n2,b,stray\n3\n4,"open\n\n5,e')
    connector = folder.connect(rules=NAMES)
    before = [bad.where for bad in pages(connector)[0].bad]

    assert statuses(write(connector, Write("link", "h5", {}, "5"))) == ["ok"]
    assert folder.text() == 'id,name,tieline_id\n1,a,\n2,b,stray,\n3,\n4,"open\n\n5,e,h5\n'
    assert [bad.where for bad in pages(connector)[0].bad] == before

    assert statuses(write(connector, Write("link", "h1", {}, "1"))) == ["ok"]
    assert folder.text().startswith("id,name,tieline_id\n1,a,h1\n2,b,stray,\n")


def test_without_stamps_the_hub_s_column_is_never_written(folder):
    folder.put("accounts.csv", "id,name\n1,a\n")
    connector = folder.connect({"accounts": {"stamps": False}}, NAMES)

    outcomes = write(connector, create(name="b"), Write("link", "h9", {}, "1"))

    assert statuses(outcomes) == ["ok", "rejected"]
    assert folder.text() == "id,name\n1,a\nh1,b\n"
    assert [r.hub_id for r in connector.find("accounts", ["h1"])] == ["h1"]  # the id is the hub's own
    assert statuses(write(connector, create(name="again"))) == ["exists"]


def test_permissions_and_symbolic_links_are_kept(folder, tmp_path_factory):
    target = tmp_path_factory.mktemp("elsewhere") / "real.csv"
    target.write_text("id,name\n1,a\n")
    target.chmod(0o640)
    link = folder.path / "accounts.csv"
    link.symlink_to(target)

    write(folder.connect(rules=NAMES), update("1", name="b"))

    assert link.is_symlink()
    assert target.read_text() == "id,name\n1,b\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_json_lines_keep_other_keys_numbers_and_order(folder):
    folder.put("accounts.jsonl", '{"z":1.10,"id":"1","name":"a","deep":{"n":1e400}}\n{"id":"2","z":1.10}\n')
    connector = folder.connect({"accounts": "accounts.jsonl"})

    write(connector, update("1", name="Zoë", annual_revenue="0.1"))

    first, second = folder.text("accounts.jsonl").splitlines()
    assert first == '{"z": 1.10, "id": "1", "name": "Zoë", "deep": {"n": 1E+400}, "annual_revenue": 0.1}'
    assert second == '{"id":"2","z":1.10}'


# -- creates, archives, conflicts


def test_a_first_write_begins_the_file_with_every_mapped_column(folder):
    connector = folder.connect({"accounts": {"missing": "empty"}}, NAMES)
    assert [*connector.list("accounts", None).remotes] == []

    (outcome,) = write(connector, create(name="Acme", phone="+1 2"))

    assert folder.text() == "id,name,phone,description,tieline_id\r\nh1,Acme,'+1 2,,h1\r\n"
    assert (outcome.remote.id, outcome.remote.hub_id, outcome.remote.fields["phone"]) == ("h1", "h1", "+1 2")
    assert folder.names() == ["accounts.csv"]


def test_rows_are_added_after_a_last_line_that_has_no_end(folder):
    folder.put("accounts.csv", "id,name,tieline_id")
    write(folder.connect(rules=NAMES), create("h1", name="a"))
    assert folder.text() == "id,name,tieline_id\nh1,a,h1\n"

    folder.put("accounts.csv", "id,name,tieline_id\n1,a,")
    write(folder.connect(rules=NAMES), create("h1", name="b"))
    assert folder.text() == "id,name,tieline_id\n1,a,\nh1,b,h1\n"


def test_a_natural_key_names_the_new_row_and_one_that_is_taken_exists(folder):
    folder.put("accounts.csv", "name,phone\nAcme,1\n")
    connector = folder.connect({"accounts": {"id": "name"}}, NAMES)

    outcomes = write(
        connector,
        create("h1", name="Bolt"),
        create("h2", name="Acme"),
        create("h3", phone="5"),
        create("h4", name="Bolt"),
    )

    assert statuses(outcomes) == ["ok", "exists", "rejected", "exists"]
    assert [o.remote_id for o in outcomes] == ["Bolt", "Acme", None, "Bolt"]
    assert [p.field for p in outcomes[2].problems] == ["name"]
    assert folder.text() == "name,phone,tieline_id\nAcme,1,\nBolt,,h1\n"


def test_two_creates_with_one_hub_id_in_one_call_make_one_row(folder):
    folder.put("accounts.csv", "name,phone\n")
    connector = folder.connect({"accounts": {"id": "name"}}, NAMES)

    outcomes = write(connector, create("h1", name="Acme"), create("h1", name="Bolt"))

    assert [(o.status, o.remote_id) for o in outcomes] == [("ok", "Acme"), ("exists", "Acme")]
    assert folder.text() == "name,phone,tieline_id\nAcme,,h1\n"


def test_a_natural_key_is_not_rewritten(folder):
    """Rows of other files refer to it, and the row would lose its identity."""
    folder.put("accounts.csv", "name,phone\nAcme,1\n")
    connector = folder.connect({"accounts": {"id": "name"}}, NAMES)

    both, alone = write(connector, update("Acme", name="Bolt", phone="2"), update("Acme", name="Bolt"))

    assert (both.status, alone.status) == ("ok", "rejected")
    assert [p.field for o in (both, alone) for p in o.problems] == ["name", "name"]
    assert folder.text() == "name,phone\nAcme,2\n"


def test_an_archived_row_leaves_the_file_and_is_kept_beside_it(folder):
    folder.put("accounts.csv", "id,name,mine\n1,a,x\n2,b,y\n3,c,z")
    connector = folder.connect(rules=NAMES)

    first = write(connector, Write("archive", "h", {}, "3"), Write("archive", "h", {}, "9"))
    second = write(connector, Write("archive", "h", {}, "1"), update("1", name="late"))

    assert (statuses(first), statuses(second)) == (["ok", "gone"], ["ok", "gone"])
    assert folder.text() == "id,name,mine\n2,b,y\n"
    assert folder.text("accounts.csv.removed") == "id,name,mine\n3,c,z\n1,a,x\n"


def test_an_edit_by_a_person_is_a_conflict_of_its_row_alone(folder, listed):
    folder.put("accounts.csv", "id,name\n1,a\n2,b\n")
    connector = folder.connect(rules=NAMES)
    one, two = (remote.version for remote in listed(connector))
    folder.put("accounts.csv", "id,name\n1,edited\n2,b\n")

    outcomes = write(connector, update("1", one, name="A"), update("2", two, name="B"))

    assert statuses(outcomes) == ["conflict", "ok"]
    assert outcomes[0].remote.fields["name"] == "edited"
    assert folder.text() == "id,name\n1,edited\n2,B\n"


def test_several_writes_of_one_row_are_done_in_turn_against_the_version_before_them(folder, listed):
    folder.put("accounts.csv", "id,name\n1,a\n")
    connector = folder.connect(rules=NAMES)
    (remote,) = listed(connector)

    outcomes = write(connector, update("1", remote.version, name="b"), Write("link", "h1", {}, "1", remote.version))

    assert statuses(outcomes) == ["ok", "ok"]
    assert folder.text() == "id,name,tieline_id\n1,b,h1\n"


def test_the_second_of_two_rows_with_one_id_is_never_touched(folder):
    folder.put("accounts.csv", "id,name\n1,a\n1,twin\n")

    write(folder.connect(rules=NAMES), update("1", name="b"))

    assert folder.text() == "id,name\n1,b\n1,twin\n"


def test_a_hub_id_is_on_one_row_only(folder):
    folder.put("accounts.csv", "id,name,tieline_id\n1,a,h1\n2,b,\n")

    outcomes = write(folder.connect(rules=NAMES), Write("link", "h1", {}, "2"), create("h1", name="c"))

    assert statuses(outcomes) == ["rejected", "exists"]
    assert outcomes[1].remote_id == "1"
    assert folder.text() == "id,name,tieline_id\n1,a,h1\n2,b,\n"


def test_a_field_without_a_place_is_named_and_the_others_are_written(folder):
    folder.put("accounts.csv", "id,name\n1,a\n")
    connector = folder.connect(rules=NAMES)

    (outcome,) = write(connector, update("1", name="b", phone="1", description=None))

    assert (outcome.status, [p.field for p in outcome.problems]) == ("ok", ["phone"])
    assert folder.text() == "id,name\n1,b\n"
    assert statuses(write(connector, update("1", phone="1"))) == ["rejected"]


def test_a_value_the_encoding_lacks_is_a_problem_of_its_field(folder):
    folder.put("accounts.csv", "id,name,phone\n1,a,1\n".encode("cp1252"))
    connector = folder.connect({"accounts": {"encoding": "cp1252", "stamps": False}}, NAMES)

    outcomes = write(connector, update("1", name="漢", phone="2"), create("h1", name="漢", phone="3"))

    assert statuses(outcomes) == ["ok", "ok"]
    assert [[p.field for p in o.problems] for o in outcomes] == [["name"], ["name"]]
    assert folder.text() == "id,name,phone\n1,a,2\nh1,,3\n"


def test_a_text_longer_than_a_cell_can_be_read_is_refused(folder, listed):
    """csv.field_size_limit: what is longer would be a bad row at the next reading."""
    folder.put("accounts.csv", "id,name,description\n1,a,\n")
    connector = folder.connect(rules=NAMES)
    longest = connector.schema("accounts").fields["description"].max_length

    (refused,) = write(connector, update("1", description="x" * (longest + 1)))
    (taken,) = write(connector, update("1", description="=" * longest))

    assert (refused.status, taken.status) == ("rejected", "ok")
    assert listed(connector)[0].fields["description"] == "=" * longest


# -- what a spreadsheet would run


@given(st.text(alphabet=st.sampled_from("'=+-@\t\r\0 5.ax"), max_size=8) | st.text())
@example("'=x")
@example("''=x")
@example("'")
def test_guarding_is_reversible(text):
    assert unguard(guard(text)) == text


@given(st.text(alphabet=st.sampled_from("'=+-@\t\r\0 5.ax"), max_size=8))
def test_no_guarded_cell_begins_like_a_formula_unless_it_is_a_number(text):
    cell = guard(text)
    if cell[:1] in tuple("=+-@\t\r\0"):
        float(cell)


def test_numbers_are_no_formulas():
    assert [guard(t) for t in ("-5", "+5.25", "-.5", "-5+1", "-", "+41 44", "-1e5")] == [
        "-5", "+5.25", "-.5", "'-5+1", "'-", "'+41 44", "'-1e5",
    ]  # fmt: skip


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1) | st.text("'=+-@\t\r\n\0\", ;", min_size=1)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5), st.sampled_from(",;\t|"), st.booleans())
def test_any_text_survives_a_csv_file(tmp_path_factory, rows, delimiter, unix):
    form = CsvForm(delimiter, "utf-8")
    head = form.fresh(["id", "text", "last"])
    if unix:
        head = head._replace(raw=head.raw.replace(b"\r\n", b"\n"), eol="\n")
    assert_survives(
        form, head, [{"id": str(n), "text": a, "last": b} for n, (a, b) in enumerate(rows)], tmp_path_factory
    )


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_any_text_survives_a_json_lines_file(tmp_path_factory, rows):
    form = JsonlForm("utf-8", [])
    head = form.fresh([])
    assert_survives(form, head, [{"id": str(n), a: b, "text": a} for n, (a, b) in enumerate(rows)], tmp_path_factory)


def assert_survives(form, head, rows, tmp_path_factory):
    """Written as new rows, and again as an edit of every row."""
    path = tmp_path_factory.getbasetemp() / "survives"
    for lines in (
        [form.added(head, row) for row in rows],
        [form.edited(form.added(head, {**row, "text": "old"}), head, row) for row in rows],
    ):
        path.write_bytes(head.raw + b"".join(lines))
        with open(path, "rb") as file:
            again = form.head(file)
            entries = [*form.entries(file, again, again.rows)]
        assert [(e.row, e.why) for e in entries] == [(row, "") for row in rows]
        assert b"".join(e.raw for e in entries) == b"".join(lines)
        assert entries[-1].place.line - again.rows.line == b"".join(lines[:-1]).count(b"\n")


# -- when the disk, or somebody else, gets in the way


def fails(*_):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("disk", [Disk(replace=fails), Disk(sync=fails)], ids=["replace", "sync"])
def test_a_disk_that_fails_leaves_the_old_file_and_nothing_else(folder, disk):
    folder.put("accounts.csv", "id,name\n1,a\n")

    with pytest.raises(
        Unavailable, match=r"accounts\.csv could not be written, it is as it was: No space left"
    ) as caught:
        write(folder.connect(rules=NAMES, disk=disk), update("1", name="b"))

    assert not caught.value.sent
    assert (folder.text(), folder.names()) == ("id,name\n1,a\n", ["accounts.csv"])


def test_a_folder_that_cannot_be_synced_makes_the_outcome_unknown(folder):
    """The new file is there, but a power cut could still bring back the old one."""

    def sync(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            fails()

    folder.put("accounts.csv", "id,name\n1,a\n")

    with pytest.raises(Unavailable) as caught:
        write(folder.connect(rules=NAMES, disk=Disk(sync=sync)), update("1", name="b"))

    assert caught.value.sent
    assert folder.text() == "id,name\n1,b\n"


def test_an_edit_during_the_write_wins_and_nothing_is_written(folder):
    """A person's editor takes no lock: the stamp is compared in the last moment."""
    path = folder.put("accounts.csv", "id,name\n1,a\n")

    class Clock:
        """Asked for the time once the file is open: that is when the person saves."""

        def now(self):
            path.write_text("id,name\n1,by a person\n")
            return 0

        def monotonic(self):
            return 0.0

    with pytest.raises(Unavailable, match="changed by somebody else just now: nothing was written") as caught:
        write(folder.connect(rules=NAMES, clock=Clock()), update("1", name="b"))

    assert not caught.value.sent
    assert (folder.text(), folder.names()) == ("id,name\n1,by a person\n", ["accounts.csv"])


SCRIPT = """
import sys, time
from pathlib import Path
from tieline import Context, Rule, Write, compile_rules
from tieline_files.connector import FilesConnector
from tieline_files.disk import Disk
from tieline_files.settings import FilesSettings

class Clock:
    now = staticmethod(lambda: time.time_ns() // 1_000_000)
    monotonic, sleep = staticmethod(time.monotonic), staticmethod(time.sleep)

folder, who, how = sys.argv[1:4]
settings = FilesSettings.model_validate({"folder": folder, "files": {"accounts": {}}})
mapper = compile_rules("account", [Rule("name", "name")])
"""


def run(folder, who, how, body):
    return subprocess.Popen([sys.executable, "-c", SCRIPT + body, str(folder.path), who, how], stderr=subprocess.PIPE)


def test_two_processes_that_write_at_once_lose_no_row(folder):
    folder.put("accounts.csv", "id,name\n")
    body = """
connector = FilesConnector(Context("s", settings, {"accounts": mapper}, None, Clock(), Path(folder)))
for n in range(25):
    (outcome,) = connector.write("accounts", [Write("create", f"{who}{n}", {"name": who})])
    assert outcome.status == "ok", outcome
"""
    both = [run(folder, who, "", body) for who in "ab"]
    assert [(p.communicate()[1], p.returncode) for p in both] == [(b"", 0), (b"", 0)]

    rows = folder.text().splitlines()[1:]
    assert sorted(rows) == sorted(f"{who}{n},{who},{who}{n}" for who in "ab" for n in range(25))


def test_a_process_killed_before_the_replacement_leaves_the_old_file_and_the_next_write_tidies_up(folder):
    folder.put("accounts.csv", "id,name,tieline_id\n1,a,\n")
    body = """
import os, signal
disk = Disk(replace=lambda *_: os.kill(os.getpid(), signal.SIGKILL))
connector = FilesConnector(Context("s", settings, {"accounts": mapper}, None, Clock(), Path(folder)), disk)
connector.write("accounts", [Write("create", "h1", {"name": "b"})])
"""
    process = run(folder, "a", "", body)
    process.communicate()

    assert process.returncode == -9
    assert folder.text() == "id,name,tieline_id\n1,a,\n"
    assert folder.names() == [".accounts.csv.tieline-new", "accounts.csv"]

    write(folder.connect(rules=NAMES), create("h1", name="b"))
    assert folder.text() == "id,name,tieline_id\n1,a,\nh1,b,h1\n"
    assert folder.names() == ["accounts.csv"]


def test_a_full_disk_is_told_and_the_file_is_whole(folder):
    """RLIMIT_FSIZE makes the kernel refuse bytes in the middle of the new file, as a full disk does."""
    before = "id,name\n" + "".join(f"{n},{'x' * 80}\n" for n in range(500))
    folder.put("accounts.csv", before)
    body = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
connector = FilesConnector(Context("s", settings, {"accounts": mapper}, None, Clock(), Path(folder)))
from tieline import Unavailable
try:
    connector.write("accounts", [Write("create", "h1", {"name": "b"})])
except Unavailable as error:
    assert not error.sent
    sys.exit(str(error))
"""
    said = run(folder, "a", "", body).communicate()[1].decode()

    assert "could not be written, it is as it was: the file would be larger" in said
    assert folder.text() == before
    assert folder.names() == ["accounts.csv"]


def test_a_writer_that_holds_the_lock_too_long_is_named(folder):
    fcntl = pytest.importorskip("fcntl", reason="this system has no file locks")

    class Clock:
        seconds = 0.0

        def now(self):
            return 0

        def monotonic(self):
            return self.seconds

        def sleep(self, seconds):
            self.seconds += seconds

    folder.put("accounts.csv", "id,name\n1,a\n")
    with open(folder.path / ".tieline-files.lock", "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="another writer has held") as caught:
            write(folder.connect(rules=NAMES, clock=Clock()), update("1", name="b"))

    assert not caught.value.sent
    assert folder.text() == "id,name\n1,a\n"
