"""The in-memory system does what its character says, and keeps a true history for an outside oracle."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tieline.connector import Connector
from tieline.errors import ContractViolation, Invalid, NotFound
from tieline.model import Outcome, Remote, Window, Write
from tieline.testing import Character, FakeClock, MemoryConnector, MemorySystem, SeqIds
from tieline.testing.character import digits, lower, truncated

ALL = Window(0)


def make(**knobs) -> tuple[MemorySystem, MemoryConnector, FakeClock]:
    clock = FakeClock()
    system = MemorySystem(Character(**knobs), clock)
    return system, MemoryConnector(system), clock


def everything(call, *args) -> list[Remote]:
    found, token = [], None
    while True:
        page = call(*args, token)
        found += page.remotes
        token = page.token
        if token is None:
            return found


def ids(remotes) -> list[str]:
    return [remote.id for remote in remotes]


def create(connector, stream="contacts", hub_id="h1", **fields) -> Outcome:
    return connector.write(stream, [Write("create", hub_id, fields)])[0]


def update(connector, id, version="", hub_id="h1", **fields) -> Outcome:
    return connector.write("contacts", [Write("update", hub_id, fields, id, version)])[0]


def test_it_is_a_connector_for_the_type_checker_and_at_run_time():
    _, connector, _ = make()
    as_protocol: Connector = connector
    assert [s.name for s in as_protocol.facts.streams] == ["accounts", "campaigns", "contacts", "opportunities"]


def test_the_memory_system_can_be_imported_without_pytest():
    code = (
        "import sys, tieline.testing as t; t.MemoryConnector(t.MemorySystem()); t.FaultyConnector; "
        "assert 'pytest' not in sys.modules and 'hypothesis' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_clock_moves_only_when_told():
    clock = FakeClock()
    start = clock.now()
    clock.sleep(1.5)
    assert (clock.now() - start, clock.monotonic(), clock.slept) == (1500, 1.5, 1.5)
    assert clock.advance(10) == start + 1510
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)


def test_ids_repeat_with_their_seed_and_sort_by_birth():
    first, second = SeqIds(1), SeqIds(1)
    drawn = [first.new(1000 + i // 2) for i in range(50)]
    assert drawn == [second.new(1000 + i // 2) for i in range(50)]
    assert drawn == sorted(set(drawn))
    assert drawn[0] != SeqIds(2).new(1000)
    assert len(drawn[0]) == 36
    assert drawn[0][14] == "7"


def test_listing_pages_through_the_living_by_id():
    system, connector, _ = make(page=2)
    made = [system.person_create("contact", {"last_name": str(i)}) for i in range(5)]
    system.person_delete("contact", made[2])
    assert ids(everything(connector.list, "contacts")) == [made[0], made[1], made[3], made[4]]


def test_changes_come_by_stamp_and_then_by_id_across_pages():
    system, connector, clock = make(page=2, granularity_ms=1000)
    made = [system.person_create("contact", {"last_name": str(i)}) for i in range(5)]
    clock.advance(1000)
    system.person_edit("contact", made[0], {"title": "x"})
    found = everything(connector.changes, "contacts", ALL)
    assert ids(found) == [*made[1:], made[0]]
    assert len({r.modified for r in found[:4]}) == 1
    assert ids(everything(connector.changes, "contacts", Window(found[-1].modified))) == [made[0]]


def test_a_capped_query_goes_on_by_id_within_one_stamp():
    system, connector, _ = make(page=3, cap=4, granularity_ms=60_000)
    made = [system.person_create("contact", {}) for _ in range(10)]
    first = connector.changes("contacts", ALL, None)
    second = connector.changes("contacts", ALL, first.token)
    assert ids([*first.remotes, *second.remotes]) == made[:4]
    assert (second.capped, second.token) == (True, None)
    stamp = second.remotes[-1].modified
    assert ids(connector.changes("contacts", Window(stamp, made[3]), None).remotes) == made[4:7]


def test_with_counting_tokens_an_edit_between_pages_hides_a_record():
    def second_page(offsets):
        system, connector, clock = make(page=2, offsets=offsets)
        made = []
        for i in range(4):
            made.append(system.person_create("contact", {"last_name": str(i)}))
            clock.advance(10)
        first = connector.changes("contacts", ALL, None)
        system.person_edit("contact", made[0], {"title": "x"})
        return made, ids(connector.changes("contacts", ALL, first.token).remotes)

    made, seen = second_page(offsets=False)
    assert seen == made[2:]
    made, seen = second_page(offsets=True)
    assert made[2] not in seen


def test_an_index_matches_the_old_stamp_but_shows_the_new_state():
    system, connector, clock = make(hints=True, index_lag_ms=5000)
    id = system.person_create("contact", {"title": "old"})
    assert connector.changes("contacts", ALL, None).remotes == []
    clock.advance(10_000)
    before = clock.now()
    system.person_edit("contact", id, {"title": "new"})
    assert connector.changes("contacts", Window(before), None).remotes == []
    (hit,) = connector.changes("contacts", ALL, None).remotes
    assert hit.fields["title"] == "new"
    clock.advance(5000)
    assert ids(connector.changes("contacts", Window(before), None).remotes) == [id]


def test_stale_hits_show_what_the_index_holds():
    system, connector, clock = make(hints=True, index_lag_ms=5000, stale_hits=True)
    id = system.person_create("contact", {"title": "old"})
    clock.advance(10_000)
    system.person_edit("contact", id, {"title": "new"})
    (hit,) = connector.changes("contacts", ALL, None).remotes
    assert (hit.fields["title"], hit.version) == ("old", "1")
    assert connector.read("contacts", [id], None)[0].fields["title"] == "new"


def test_a_feed_that_is_no_index_leaves_out_what_is_too_young():
    system, connector, clock = make(index_lag_ms=5000)
    id = system.person_create("contact", {"title": "old"})
    clock.advance(10_000)
    system.person_edit("contact", id, {"title": "new"})
    assert connector.changes("contacts", ALL, None).remotes == []
    clock.advance(5000)
    assert connector.changes("contacts", ALL, None).remotes[0].fields["title"] == "new"


def test_a_lost_create_is_found_only_after_the_index_caught_up():
    _, connector, clock = make(index_lag_ms=5000, hints=True)
    create(connector, hub_id="h1", last_name="A")
    assert connector.find("contacts", ["h1"]) == []
    clock.advance(connector.facts.stream("contacts").quiet_ms)
    assert connector.find("contacts", ["h1"])[0].hub_id == "h1"


def test_late_commits_show_with_an_older_stamp_that_never_goes_back():
    system, connector, clock = make(late_commit_ms=3000)
    clock.advance(100_000)
    id = system.person_create("contact", {})
    stamps = []
    for i in range(30):
        clock.advance(500)
        system.person_edit("contact", id, {"title": str(i)})
        stamps.append((clock.now(), system.get("contact", id).stamp))
    assert any(stamp < now for now, stamp in stamps)
    assert all(now - 3000 <= stamp <= now for now, stamp in stamps)
    assert [s for _, s in stamps] == sorted(s for _, s in stamps)
    assert connector.facts.streams[0].overlap_ms == 3000


def test_a_weak_read_lags_like_the_index():
    system, connector, clock = make(strong_read=False, index_lag_ms=1000)
    id = system.person_create("contact", {"title": "old"})
    clock.advance(2000)
    system.person_edit("contact", id, {"title": "new"})
    assert connector.read("contacts", [id], None)[0].fields["title"] == "old"
    clock.advance(1000)
    assert connector.read("contacts", [id], None)[0].fields["title"] == "new"


def test_a_create_carries_the_hub_id_and_answers_every_field():
    _, connector, _ = make()
    outcome = create(connector, email="a@b.cd", last_name="A")
    assert outcome.status == "ok"
    assert outcome.remote.hub_id == "h1"
    assert outcome.remote.fields["title"] is None
    assert connector.read("contacts", [outcome.remote_id], None) == [outcome.remote]


def test_without_a_hub_field_nothing_is_stamped_but_the_oracle_knows():
    system, connector, _ = make(stamps=False)
    outcome = create(connector, last_name="A")
    assert outcome.remote.hub_id is None
    assert connector.find("contacts", ["h1"]) == []
    assert system.get("contact", outcome.remote_id).asked_hub_id == "h1"
    assert connector.schema("contacts").stamps is False
    assert connector.write("contacts", [Write("link", "h1", {}, outcome.remote_id)])[0].status == "rejected"


def test_an_update_changes_only_the_given_fields_and_null_clears():
    _, connector, _ = make()
    made = create(connector, last_name="A", title="T", phone="1").remote
    after = update(connector, made.id, title=None, phone="2").remote
    assert {f: v for f, v in after.fields.items() if v is not None} == {"last_name": "A", "phone": "2"}
    assert after.version != made.version


def test_writing_what_is_there_moves_nothing_unless_the_system_touches():
    _, connector, clock = make()
    made = create(connector, last_name="A").remote
    clock.advance(10)
    assert update(connector, made.id, last_name="A").remote == made
    _, connector, clock = make(touches=True)
    made = create(connector, last_name="A").remote
    assert update(connector, made.id, last_name="A").remote.version != made.version


def test_an_old_version_is_a_conflict_where_writes_are_conditional():
    system, connector, _ = make(conditional=True)
    made = create(connector, last_name="A").remote
    system.person_edit("contact", made.id, {"title": "T"})
    assert update(connector, made.id, made.version, last_name="B").status == "conflict"
    assert system.get("contact", made.id).fields["last_name"] == "A"
    assert update(connector, made.id, system.get("contact", made.id).version, last_name="B").status == "ok"


def test_a_second_create_with_the_same_hub_id_exists():
    system, connector, _ = make(unique_hub_id=True)
    made = create(connector, last_name="A")
    assert create(connector, last_name="B") == Outcome("exists", remote_id=made.remote_id)
    assert len(system.alive("contact")) == 1
    assert create(make()[1], last_name="B").status == "ok"


def test_an_email_in_use_exists_on_create_and_is_refused_on_update():
    system, connector, _ = make(unique_email=True, normal={"email": lower})
    made = system.person_create("contact", {"email": "Ann@x.com"})
    assert create(connector, email="ann@X.com") == Outcome("exists", remote_id=made)
    other = create(connector, email="bob@x.com").remote
    refused = update(connector, other.id, email="ANN@x.com")
    assert (refused.status, refused.problems[0].field) == ("rejected", "email")
    with pytest.raises(Invalid, match="in use"):
        system.person_create("contact", {"email": "bob@x.com"})
    system.person_delete("contact", made)
    assert update(connector, other.id, email="ANN@x.com").status == "ok"
    with pytest.raises(Invalid, match="in use"):
        system.person_undelete("contact", made)


def test_a_bad_field_refuses_the_whole_update_unless_the_system_takes_parts():
    choices = {"contact.lead_source": ("web", "fair")}
    system, connector, _ = make(choices=choices)
    made = create(connector, last_name="A").remote
    outcome = update(connector, made.id, lead_source="tv", title="T")
    assert (outcome.status, [p.field for p in outcome.problems]) == ("rejected", ["lead_source"])
    assert system.get("contact", made.id).fields["title"] is None
    system, connector, _ = make(choices=choices, partial_fields=True)
    made = create(connector, last_name="A").remote
    outcome = update(connector, made.id, lead_source="tv", title="T")
    assert (outcome.status, [p.field for p in outcome.problems]) == ("ok", ["lead_source"])
    assert outcome.remote.fields["title"] == "T"


def test_each_refusal_names_its_field():
    _, connector, _ = make(
        required=frozenset({"last_name"}),
        read_only=frozenset({"owner"}),
        unclearable=frozenset({"title"}),
        missing=frozenset({"mobile"}),
        max_length={"phone": 3},
    )
    outcome = create(connector, owner="a@b.cd", mobile="1", phone="1234", account="ac9")
    assert outcome.status == "rejected"
    assert {p.field for p in outcome.problems} == {"last_name", "owner", "mobile", "phone", "account"}
    made = create(connector, last_name="A", title="T").remote
    assert {p.field for p in update(connector, made.id, title=None, last_name=None).problems} == {"title", "last_name"}
    facts = connector.schema("contacts").fields
    assert "mobile" not in facts
    assert (facts["last_name"].required, facts["owner"].write, facts["title"].clear) == (True, False, False)


def test_a_picklist_change_moves_the_fingerprint():
    system, connector, _ = make()
    before = connector.schema("contacts").fingerprint
    assert connector.schema("contacts").fingerprint == before
    system.set_choices("contact", "lead_source", ["web"])
    assert connector.schema("contacts").fingerprint != before
    assert connector.schema("contacts").fields["lead_source"].choices == ("web",)


def test_lossy_fields_are_kept_in_the_systems_own_form():
    _, connector, _ = make(normal={"email": lower, "phone": digits, "title": truncated(3)})
    made = create(connector, email="A@B.cd", phone="+49 (30) 1", title="Director").remote
    assert (made.fields["email"], made.fields["phone"], made.fields["title"]) == ("a@b.cd", "49301", "Dir")
    assert update(connector, made.id, email="A@b.cd", title="Dirk").remote == made


def test_a_partial_batch_answers_item_by_item_in_order():
    system, connector, _ = make(required=frozenset({"last_name"}))
    outcomes = connector.write(
        "contacts", [Write("create", f"h{i}", {} if i == 1 else {"last_name": str(i)}) for i in range(3)]
    )
    assert [o.status for o in outcomes] == ["ok", "rejected", "ok"]
    assert [r.fields["last_name"] for r in system.alive("contact")] == ["0", "2"]


def test_a_call_beyond_the_facts_is_a_breach_of_contract():
    _, connector, _ = make(batch=1, read_batch=1)
    with pytest.raises(ContractViolation, match="2 writes"):
        connector.write("contacts", [Write("create", "a", {}), Write("create", "b", {})])
    with pytest.raises(ContractViolation, match="2 ids"):
        connector.read("contacts", ["a", "b"], None)
    _, connector, _ = make()
    with pytest.raises(ContractViolation, match="several operations"):
        connector.write("contacts", [Write("create", "a", {}), Write("archive", "b", {}, "x")])
    with pytest.raises(ContractViolation, match="sweep"):
        connector.sweep("contacts", None)


def test_deleted_records_show_only_where_the_system_remembers():
    for knobs, in_changes, in_sweep in (({"tombstones": True}, 1, 0), ({"sweep": True}, 0, 1), ({}, 0, 0)):
        system, connector, _ = make(**knobs)
        id = system.person_create("contact", {"last_name": "A"})
        create(connector, hub_id="h2")
        system.person_delete("contact", id)
        gone = [r for r in everything(connector.changes, "contacts", ALL) if r.gone]
        assert len(gone) == in_changes
        if in_sweep:
            assert ids(everything(connector.sweep, "contacts")) == [id]
        assert len(connector.read("contacts", [id], None)) == bool(in_changes or in_sweep)
        assert update(connector, id, title="x").status == "gone"


def test_an_undeleted_record_is_newer_than_its_tombstone():
    system, connector, clock = make(tombstones=True)
    id = system.person_create("contact", {"last_name": "A"})
    system.person_delete("contact", id)
    (tomb,) = connector.changes("contacts", ALL, None).remotes
    clock.advance(5)
    system.person_undelete("contact", id)
    (back,) = connector.changes("contacts", ALL, None).remotes
    assert (tomb.gone, back.gone, back.fields["last_name"]) == (True, False, "A")
    assert back.modified > tomb.modified
    with pytest.raises(NotFound):
        system.person_undelete("contact", id)


def test_a_merge_leaves_a_tombstone_that_names_the_winner():
    system, connector, _ = make(tombstones=True)
    a, b = (system.person_create("contact", f) for f in ({"last_name": "A"}, {"last_name": "B", "title": "T"}))
    system.person_merge("contact", a, b)
    assert {r.id: (r.gone, r.merged_into) for r in connector.changes("contacts", ALL, None).remotes} == {
        a: (False, None),
        b: (True, a),
    }
    assert system.get("contact", a).fields["title"] == "T"
    assert system.resolve("contact", b) == a


def test_a_merge_redirects_where_the_system_does_so():
    system, connector, _ = make(redirects=True, sweep=True)
    a, b, c = (system.person_create("contact", {"last_name": n}) for n in "ABC")
    system.person_merge("contact", b, c)
    system.person_merge("contact", a, b)
    (winner,) = connector.read("contacts", [c], None)
    assert (winner.id, winner.aliases) == (a, (c, b))
    assert everything(connector.sweep, "contacts") == []
    assert update(connector, c, title="T").remote.id == a


def test_a_merge_repoints_what_referred_to_the_loser():
    system, connector, _ = make(tombstones=True)
    a, b = (system.person_create("account", {"name": n}) for n in "AB")
    contact = system.person_create("contact", {"account": b})
    deal = system.person_create("opportunity", {"contacts": [{"id": contact, "role": "buyer"}]})
    system.person_merge("account", a, b)
    assert connector.read("contacts", [contact], None)[0].fields["account"] == a
    other = system.person_create("contact", {})
    system.person_merge("contact", other, contact)
    assert system.get("opportunity", deal).fields["contacts"] == [{"id": other, "role": "buyer", "primary": False}]


def test_the_history_tells_who_changed_what_and_when():
    system, connector, clock = make()
    id = system.person_create("contact", {"last_name": "A"}, who="ann")
    clock.advance(7)
    update(connector, id, last_name="B")
    connector.write("contacts", [Write("link", "h1", {}, id)])
    system.person_delete("contact", id, who="bob")
    start = system.history[0].at
    assert [tuple(e) for e in system.history] == [
        (start, "ann", "contact", id, "@created", None, True),
        (start, "ann", "contact", id, "last_name", None, "A"),
        (start + 7, "hub", "contact", id, "last_name", "A", "B"),
        (start + 7, "hub", "contact", id, "@hub_id", None, "h1"),
        (start + 7, "bob", "contact", id, "@deleted", False, True),
    ]


def test_field_times_tell_when_each_field_was_edited():
    system, connector, clock = make(field_times=True)
    id = system.person_create("contact", {"last_name": "A"})
    start = clock.now()
    clock.advance(9)
    system.person_edit("contact", id, {"title": "T"})
    assert connector.read("contacts", [id], None)[0].field_times == {"last_name": start, "title": start + 9}


def test_a_skewed_server_stamps_by_its_own_clock():
    system, connector, clock = make(skew_ms=600_000)
    id = system.person_create("contact", {})
    assert system.get("contact", id).stamp == clock.now() + 600_000
    assert connector.changes("contacts", ALL, None).now == clock.now() + 600_000


def test_a_person_cannot_use_what_is_not_there():
    system, _, _ = make(missing=frozenset({"title"}))
    with pytest.raises(NotFound):
        system.person_edit("contact", "co1", {"last_name": "A"})
    with pytest.raises(Invalid, match="no field title"):
        system.person_create("contact", {"title": "T"})
