"""What the tables promise: links by any id, keys, bases, intents that outlive a process, a spool that does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tieline.model import Change, FieldFacts, Link, Order, Question, Schema
from tieline.store import Cursor, Effect, Entry, Refusal, Row, Spooled, Store
from tieline.store.forms import decode, dumps, encode_base
from tieline.store.lookup import find, stray

NOW = 1_000


def row(remote_id: str, *, system: str = "crm", record: str | None = None, **columns: Any) -> Row:
    values: dict[str, Any] = {
        "system": system, "kind": "contact", "remote_id": remote_id, "stream": "contacts", "record": record,
        "seen": "{}", "base": None, "times": None, "sent": None, "problems": None, "version": "", "modified": 0,
        "own": 0, "gone": None, "hub_id": None, "dirty": 1, "pulled": None, "state": None, "listed": None,
    }  # fmt: skip
    return Row(**{**values, **columns})


def add_record(store: Store, record: str, fields: str = "{}") -> None:
    store.trees.add_records([(record, "contact", fields, "{}", 1)])


# -- trees


def test_a_remote_that_gets_an_id_keeps_its_keys_and_answers_to_the_old_one(store: Store) -> None:
    add_record(store, "r")
    store.trees.insert([row("~1", record="r", provisional=1), row("~2", provisional=1, pulled="run")])
    store.trees.set_keys("crm", "contact", [("email:a@b.example", "~1")])
    assert store.trees.provisional("crm", "contact", "contacts", "run") == ["~1"]
    assert store.trees.placeholders("crm", "contact", ["r", "q"]) == {"r": "~1"}
    store.trees.rename("crm", "contact", "~1", "7", ["email:a@b.example"])
    assert store.trees.links("crm", "contact", ["7", "~1"])["7"].provisional == 0
    assert store.trees.owners("crm", "contact", ["~1", "7"]) == {"~1": "r", "7": "r"}
    found = store.trees.sharing("contact", ["email:a@b.example"])
    assert [m[:3] for m in found["email:a@b.example"]] == [("crm", "7", "r")]
    assert store.trees.provisional("crm", "contact", "contacts") == ["~2"]


def test_an_id_of_its_own_costs_the_same_however_many_remotes_there_are() -> None:
    def steps(remotes: int) -> int:
        """What SQLite does for a hundred of them, in hundreds of its machine's steps."""
        store, count = Store(), [0]

        def tick() -> int:
            count[0] += 1
            return 0

        with store.atomic(fence=False):
            store.trees.insert([row(f"~{n}", provisional=1) for n in range(remotes)])
            store.trees.set_keys("crm", "contact", [(f"email:p{n}@b.example", f"~{n}") for n in range(remotes)])
            for n in range(100, remotes):  # most have theirs
                store.trees.rename("crm", "contact", f"~{n}", f"{n}", [f"email:p{n}@b.example"])
            store.db.sql.set_progress_handler(tick, 100)
            for n in range(100):
                store.trees.rename("crm", "contact", f"~{n}", f"{n}", [f"email:p{n}@b.example"])
            store.db.sql.set_progress_handler(None, 0)
        store.close()
        return count[0]

    assert steps(2000) < 2 * steps(200)


def test_a_stream_in_which_one_was_lost_sight_of_is_known_until_it_was_read_again(store: Store) -> None:
    assert store.trees.strayed("crm", "contacts") == 0
    store.trees.stray("crm", "contacts", 7)
    assert (store.trees.strayed("crm", "contacts"), store.trees.strayed("crm", "leads")) == (7, 0)
    store.trees.met_again("crm", "contacts")
    assert store.trees.strayed("crm", "contacts") == 0


def test_a_link_comes_back_as_it_was_saved(store: Store) -> None:
    store.trees.insert([row("1", record="r")])
    saved = Link(
        "crm", "contact", "contacts", "1", "r", {"title": "b", "phone": None}, {"title": "a"}, "v2", 5,
        {"title": 4}, {"phone": "1"}, None, False,
    )  # fmt: skip
    store.trees.save(saved, own=9)
    found = store.trees.links("crm", "contact", ["1"])["1"]
    assert decode(found) == saved
    assert found.own == 9


def test_a_base_is_stored_only_where_it_differs() -> None:
    seen = {"a": 1, "b": 2}
    assert encode_base(seen, seen) == "{}"
    assert encode_base(seen, dict(seen)) == "{}"
    assert encode_base(seen, {}) is None
    assert encode_base(seen, {"a": 0}) == dumps({"was": {"a": 0}, "none": ["b"]})


def test_a_record_has_one_link_in_a_system(store: Store) -> None:
    store.trees.insert([row("1", record="r"), row("2")])
    with pytest.raises(Exception, match="UNIQUE"):
        store.trees.adopt([("r", None, "applied", "crm", "contact", "2")])


def test_a_gone_remote_makes_way_and_a_living_one_does_not(store: Store) -> None:
    store.trees.insert([row("1", record="r", gone="user"), row("1", system="mail", record="r")])
    store.trees.make_way("r", "crm", "2")
    store.trees.make_way("r", "mail", "2")
    assert [(r.system, r.remote_id) for r in store.trees.of_records(["r"])["r"]] == [("mail", "1")]


def test_a_remote_that_made_way_is_still_known_for_whose_it_was(store: Store) -> None:
    """Taken out of the bin again it is a second one of that record, also where no field holds the hub's id."""
    store.trees.insert([row("1", record="r", gone="user")])
    store.trees.make_way("r", "crm", "2")
    assert store.trees.links("crm", "contact", ["1"])["1"].hub_id == "r"


def test_an_old_id_answers_with_the_record_of_the_new_one(store: Store) -> None:
    add_record(store, "r")
    store.trees.insert([row("3", record="r")])
    store.trees.alias("crm", "contact", "1", "2")
    store.trees.alias("crm", "contact", "2", "3")
    assert store.trees.owners("crm", "contact", ["1", "2", "3"]) == {"1": "r", "2": "r", "3": "r"}


def test_an_unlinked_remote_is_known_and_owned_by_nobody(store: Store) -> None:
    store.trees.insert([row("1")])
    assert store.trees.owners("crm", "contact", ["1", "2"]) == {"1": None}


def test_the_remote_of_a_folded_record_belongs_to_the_winner(store: Store) -> None:
    add_record(store, "loser")
    add_record(store, "winner")
    store.trees.insert([row("1", record="loser")])
    store.trees.set_state("loser", "folded", "winner")
    assert store.trees.owners("crm", "contact", ["1"]) == {"1": "winner"}


def test_a_key_finds_the_living_of_its_kind_only(store: Store) -> None:
    store.trees.insert([row("1"), row("2", gone="user"), row("1", system="mail")])
    for system, remote_id in (("crm", "1"), ("crm", "2"), ("mail", "1")):
        store.trees.set_keys(system, "contact", [("email:a", remote_id)])
    found = store.trees.sharing("contact", ["email:a"])["email:a"]
    assert sorted((s, i) for s, i, *_ in found) == [("crm", "1"), ("mail", "1")]
    assert store.trees.sharing("account", ["email:a"]) == {}


def test_a_key_taken_away_finds_nobody(store: Store) -> None:
    store.trees.insert([row("1")])
    store.trees.set_keys("crm", "contact", [("email:a", "1")])
    store.trees.unkey("crm", "contact", [("email:a", "1")])
    assert store.trees.sharing("contact", ["email:a"]) == {}


def test_more_ids_than_one_question_may_name_are_asked_in_parts(store: Store) -> None:
    ids = [f"{n:05}" for n in range(1_234)]
    store.trees.insert([row(i) for i in ids])
    assert sorted(store.trees.links("crm", "contact", ids)) == ids
    assert len(store.trees.versions("crm", "contact", ids)) == len(ids)


def test_planning_again_is_wanted_by_what_is_dirty_or_has_an_order_open(store: Store) -> None:
    for name in "abc":
        add_record(store, name)
    store.trees.planned([(0, 0, "a"), (0, 2, "b"), (1, 0, "c")])
    assert store.trees.dirty("contact", "") == ["b", "c"]
    store.trees.done(["b", "b"])
    assert store.trees.dirty("contact", "") == ["c"]
    assert store.trees.dirty("account", "") == []


def test_a_cursor_comes_back_whole(store: Store) -> None:
    cursor = Cursor("crm", "contacts", True, "t", 1, 2, True, 3, 4, "run", "feed")
    store.trees.save_cursor(cursor)
    assert store.trees.cursor("crm", "contacts") == cursor
    assert store.trees.cursor("crm", "leads") == Cursor("crm", "leads")


# -- work


def spooled(store: Store, *records: str) -> list[Spooled]:
    fields = {"email": "a@b.example"}
    store.work.spool((Order("create", "crm", "contact", "contacts", r, None, fields, {}), "Ada", 0) for r in records)
    return store.work.take("contact", ("create",), "crm", "contacts", 0, 100)[-len(records) :]


def intend(store: Store, run: str = "run 1", record: str = "r") -> list[int]:
    with store.atomic():
        return store.work.intend(run, [(order, order.fields) for order in spooled(store, record)], NOW)


def test_an_intent_survives_the_process_that_wrote_it(store: Store, reopen: Callable[[], Store]) -> None:
    intend(store)
    store.close()
    [intent] = reopen().work.intents()
    assert (intent.payload, intent.state) == ({"email": "a@b.example"}, "prepared")


def test_an_intent_of_an_earlier_run_is_of_unknown_outcome(store: Store) -> None:
    intend(store, "run 1")
    intend(store, "run 2", "s")
    store.work.discover("run 2", NOW + 5)
    assert [(i.run, i.state, i.sent_at) for i in store.work.intents()] == [
        ("run 1", "unknown", NOW + 5),
        ("run 2", "prepared", NOW),
    ]


def test_a_call_of_unknown_outcome_is_waited_for_from_its_end_on(store: Store) -> None:
    ids = intend(store)
    store.work.unknown(ids, NOW + 9)
    assert [(i.state, i.sent_at) for i in store.work.intents()] == [("unknown", NOW + 9)]


def test_an_intent_blocks_its_record_in_its_system_until_it_is_forgotten(store: Store) -> None:
    ids = intend(store)
    assert store.work.blocked() == {("r", "crm")}
    store.work.forget(ids)
    assert store.work.blocked() == set()


def test_an_intent_blocks_the_record_that_its_remote_stands_for_by_now(store: Store) -> None:
    store.trees.insert([row("1", record="winner")])
    store.work.spool([(Order("update", "crm", "contact", "contacts", "r", "1", {"title": "b"}, {}), "Ada", 0)])
    [order] = store.work.take("contact", ("update",), "crm", "contacts", 0, 1)
    with store.atomic():
        store.work.intend("run 1", [(order, order.fields)], NOW)
    assert store.work.blocked() == {("winner", "crm")}


def test_an_intent_holds_what_is_sent_not_what_was_ordered(store: Store) -> None:
    plain, moved = spooled(store, "r", "s")
    with store.atomic():
        ids = store.work.intend("run 1", [(moved, {"account": "001"}), (plain, plain.fields)], NOW)
    kept = {i.id: (i.record, i.payload, i.reasons, i.sent_at) for i in store.work.intents()}
    assert [kept[i] for i in ids] == [("s", {"account": "001"}, "{}", NOW), ("r", plain.fields, "{}", NOW)]


def test_an_intent_of_unknown_outcome_outlives_a_new_spool(store: Store) -> None:
    old = intend(store)
    store.work.clear_spool()
    new = intend(store, record="s")
    assert [i.record for i in store.work.intents()] == ["r", "s"]
    assert old != new


def test_the_spool_counts_and_hands_out_in_order(store: Store) -> None:
    orders = [Order("update", "crm", "contact", "contacts", f"r{n}", str(n), {"title": None}, {}) for n in range(5)]
    store.work.spool((o, "Ada", 1) for o in orders)
    assert store.work.counts() == {"crm": {"contact": {"update": 5}}}
    assert store.work.blanks() == {"crm": 5}
    first = store.work.take("contact", ("update",), "crm", "contacts", 0, 3)
    rest = store.work.take("contact", ("update",), "crm", "contacts", first[-1].seq, 3)
    assert [o.record for o in (*first, *rest)] == ["r0", "r1", "r2", "r3", "r4"]
    store.work.clear_spool()
    assert store.work.counts() == {}


def refusal(field: str, value: str, schema: str = "s1") -> Refusal:
    return Refusal("r", "crm", "contact", field, value, "bad", f"{field} is bad", schema, "run")


def test_a_refused_field_does_not_replace_another(store: Store) -> None:
    store.work.refuse([refusal("title", "1")])
    store.work.refuse([refusal("phone", "2")])
    store.work.refuse([refusal("title", "3")])
    assert store.work.refusals(["r"]) == {("r", "crm"): {"title": "3", "phone": "2"}}


def test_what_was_written_after_all_is_refused_no_more(store: Store) -> None:
    store.work.refuse([refusal("title", "1"), refusal("phone", "2"), refusal("*", "3")])
    store.work.accept("r", "crm", ["title"])
    assert store.work.refusals(["r"]) == {("r", "crm"): {"phone": "2"}}


def test_a_changed_schema_lets_values_be_tried_again(store: Store) -> None:
    add_record(store, "r")
    store.trees.planned([(0, 0, "r")])
    store.work.refuse([refusal("title", "1", "s1"), refusal("phone", "2", "s2")])
    store.work.retry_refused("crm", "contact", "s2")
    assert store.work.refusals(["r"]) == {("r", "crm"): {"phone": "2"}}
    assert store.trees.dirty("contact", "") == ["r"]


def test_a_journal_tells_a_records_story_in_order(store: Store) -> None:
    for op in ("adopt", "create", "update"):
        store.work.journal([Entry("run", NOW, "r", "crm", "contact", "1", op, "ok", "{}", None)])
    assert [e.op for e in store.work.entries("r")] == ["adopt", "create", "update"]
    assert store.work.entries("s") == []


def test_an_order_carried_out_as_it_stands_is_journalled_from_the_spool(store: Store) -> None:
    change = {"title": Change("a", "b", "crm", "two-way")}
    store.work.spool(
        (Order("update", "crm", "contact", "contacts", r, f"1{r}", {"title": "b"}, change), "", 0) for r in "rst"
    )
    orders = store.work.take("contact", ("update",), "crm", "contacts", 0, 9)
    store.work.journal_orders("run", [o.seq for o in orders if o.record != "s"], NOW)
    changes = '{"title":["a","b","crm","two-way"]}'
    assert store.work.entries("r") == [Entry("run", NOW, "r", "crm", "contact", "1r", "update", "ok", changes, None)]
    assert store.work.entries("s") == []


# -- the book


def ask(key: str, **detail: Any) -> Question:
    return Question("delete", key, "contact", "r", "what now?", detail, "yes", "no")


def test_a_question_is_asked_once(store: Store) -> None:
    assert store.book.ask(ask("k"), "run", NOW)
    assert not store.book.ask(ask("k"), "run", NOW)
    assert store.book.open_reviews() == 1


@pytest.mark.parametrize("answer", ["accepted", "rejected"])
def test_an_answered_question_is_not_asked_again_until_it_is_spent(store: Store, answer: str) -> None:
    store.book.ask(ask("k"), "run", NOW)
    store.book.answer(1, answer, None, NOW)
    assert not store.book.ask(ask("k"), "run", NOW)
    assert store.book.decisions(["r"])["k"].answer == answer
    store.book.spend("k")
    assert store.book.decisions(["r"]) == {}
    assert store.book.ask(ask("k"), "run 2", NOW)


def test_an_answer_keeps_what_it_was_about_whatever_is_found_later(store: Store) -> None:
    store.book.ask(ask("k", count=2), "run", NOW)
    store.book.refresh(ask("k", count=3))
    store.book.answer(1, "accepted", None, NOW)
    store.book.refresh(ask("k", count=900))
    found = store.book.decision("k")
    assert found is not None
    assert found.detail == {"count": 3}


def test_an_answer_makes_its_record_want_planning(store: Store) -> None:
    add_record(store, "r")
    store.trees.planned([(0, 0, "r")])
    store.book.ask(ask("k"), "run", NOW)
    store.book.answer(1, "rejected", None, NOW)
    assert store.trees.dirty("contact", "") == ["r"]


def test_a_question_that_no_longer_stands_is_closed_and_answers_stay(store: Store) -> None:
    for key in ("a", "b", "c"):
        store.book.ask(ask(key), "run", NOW)
    store.book.answer(3, "accepted", None, NOW)
    store.book.close_stale("r", ["a"], ["delete"])
    assert [r["key"] for r in store.book.reviews()] == ["a"]
    assert [r["state"] for r in store.book.reviews("all")] == ["open", "closed", "accepted"]


def test_a_schema_is_remembered_for_as_long_as_it_may_be(store: Store) -> None:
    schema = Schema({"title": FieldFacts(clear=False, choices=("a", "b"), max_length=9)}, False, "f1")
    store.book.save_schema("crm", "contacts", schema, NOW)
    assert store.book.schema("crm", "contacts", NOW) == schema
    assert store.book.schema("crm", "contacts", NOW + 1) is None
    assert store.book.schema("mail", "contacts", 0) is None
    store.book.outdate_schemas("mail")
    assert store.book.schema("crm", "contacts", NOW) == schema
    store.book.outdate_schemas("crm")
    assert store.book.schema("crm", "contacts", 1) is None
    assert store.book.schema("crm", "contacts", 0) == schema


def test_runs_are_told_newest_first(store: Store) -> None:
    for n in (1, 2):
        store.book.begin(f"run {n}", "sync", n)
    store.book.finish("run 1", "done", {"writes": 3}, 9)
    first, second = store.book.runs()
    assert (first["id"], first["outcome"]) == ("run 2", None)
    assert second["summary"] == {"writes": 3}


def test_a_create_that_was_found_again_was_not_given_up(store: Store) -> None:
    def settled(record: str, remote_id: str | None) -> Entry:
        return Entry(
            "run",
            NOW,
            record,
            "crm",
            "contact",
            remote_id,
            "create",
            "settled",
            '{"title":[null,"Boss","mail","two-way"]}',
            None,
        )

    store.work.journal([settled("found", "7"), settled("lost", None)])
    assert [store.work.given_up(r, "crm") for r in ("found", "lost")] == [[], [{"title": "Boss"}]]
    assert store.work.given_up("lost", "mail") == []


def test_who_was_merged_is_found_by_its_old_id_as_whom_it_became(store: Store) -> None:
    for record in ("one", "two", "three"):
        add_record(store, record, dumps({"first_name": record}))
    store.trees.fold("one", "two")
    store.trees.fold("two", "three")
    assert [f.id for f in find(store, "contact", "one")] == ["three"]


def test_a_remote_without_a_record_is_found_by_its_old_id(store: Store) -> None:
    store.trees.insert([row("7", state="filtered")])
    store.trees.alias("crm", "contact", "5", "7")
    assert stray(store, "contact", "crm:5") == ("crm:7", "filtered", [])
    assert stray(store, "contact", "crm:6") is None


def test_the_first_word_about_a_side_effect_stands(store: Store) -> None:
    done = Effect("r:welcome", "r", "welcome", "desk", "ticket", "done", "7", "", NOW)
    store.effects.save([done])
    store.effects.save([done._replace(state="past", remote_id=None)])
    assert store.db.rows("SELECT state, remote_id FROM effect") == [("done", "7")]


def test_a_listing_goes_on_where_it_is_told_and_blanks_are_added_up(store: Store) -> None:
    orders = [Order("update", "crm", "contact", "contacts", f"r{n}", str(n), {"title": None}, {}) for n in range(5)]
    store.work.spool((o, "Ada", n) for n, o in enumerate(orders))
    assert [o["record"] for o in store.work.listing(2, 2)] == ["r2", "r3"]
    assert store.work.blanks() == {"crm": 1 + 2 + 3 + 4}


def test_what_is_unseen_is_read_anew_whatever_its_version(store: Store) -> None:
    store.trees.insert([row("1", seen='{"title":"a","phone":"1"}', base="{}", version="v2")])
    store.trees.unsee("crm", "contact", {"phone"})
    link = decode(store.trees.links("crm", "contact", ["1"])["1"])
    assert (link.seen, link.base, link.version) == ({"title": "a"}, {"title": "a", "phone": "1"}, "")


def test_only_what_was_taken_counts_as_written_before(store: Store) -> None:
    told = [("run 1", "ok"), ("run 1", "rejected"), ("run 2", "ok"), ("run 1", "ok")]
    store.work.journal(Entry(run, NOW, "r", "crm", "contact", "1", "create", how, None, None) for run, how in told)
    assert store.work.written_before("run 2", "crm", "create") == 2
    assert store.work.written_before("run 1", "crm", "create") == 1


def test_every_conflict_is_told_once(store: Store) -> None:
    store.work.journal(
        Entry("run", NOW, f"r{n}", "", "contact", None, "conflict", "lost", "{}", None) for n in range(3)
    )
    assert [e.record for e in store.work.conflicts(0)] == ["r0", "r1", "r2"]


def test_what_still_waits_for_a_person_is_named_before_what_was_answered(store: Store) -> None:
    store.trees.insert([row("7")])
    about = {"system": "crm", "remote_id": "7"}
    for key in ("match:a", "match:b"):
        store.book.ask(Question("match", key, "contact", None, "the same?", about, "yes", "no"), "run", NOW)
    first, second = (review["id"] for review in store.book.reviews())
    store.book.answer(first, "rejected", None, NOW)
    found = stray(store, "contact", "crm:7")
    assert found is not None
    assert list(found.reviews) == [(second, "open"), (first, "rejected")]


def test_what_is_gone_is_neither_unreadable_nor_matched_anew(store: Store) -> None:
    odd = dumps([["title", "odd", "odd"]])
    store.trees.insert([row("1", problems=odd, dirty=0), row("2", problems=odd, gone="user", dirty=0)])
    assert store.book.unreadable() == [("crm", "contact", "title", 1, "odd")]
    store.trees.forget_versions()
    assert [r.remote_id for r in store.trees.unmatched("contact", "crm")[0]] == ["1"]
