"""Rows that people type without a key: named first, everywhere second; whatever happens in between, no twin and no
question about a deletion."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.model import Outcome, Problem, Remote
from tieline.rules import ActionRule, Policy
from tieline.runner import Options
from tieline.runner.ingest import Ingest
from tieline.store import Refusal

HOUR = 3_600_000
DAY = 24 * HOUR


@pytest.fixture
def desk(office: Any) -> Any:
    """`crm`, and `sheet` where people type rows without a key."""
    office.add("crm")
    office.add("sheet", keyless=1.0, tombstones=False, full_listing=True, mixed=True)
    return office


def typed(office: Any, **fields: Any) -> str:
    return office.create("sheet", "contact", **fields)


def alive(office: Any) -> list[int]:
    return [len(s.alive("contact")) for s in office.systems.values()]


def linked(office: Any, system: str) -> list[Any]:
    query = "SELECT remote_id, provisional FROM link WHERE system = ? AND kind = 'contact' AND record IS NOT NULL"
    return sorted(office.store.db.rows(query, system))


def states(office: Any) -> list[str]:
    return sorted(s for (s,) in office.store.db.rows("SELECT state FROM record"))


def test_a_row_without_a_key_is_named_and_then_made_elsewhere_in_one_run(desk: Any) -> None:
    id = typed(desk, email="ada@firm.example", title="Boss")
    summary = desk.sync()
    assert summary.orders == {"sheet": {"contact": {"link": 1}}, "crm": {"contact": {"create": 1}}}
    assert desk.only("crm", "contact").fields["title"] == "Boss"
    assert linked(desk, "sheet") == [(id, 0)]
    assert desk.only("sheet", "contact").hub_id == desk.only("crm", "contact").hub_id
    assert (desk.sync().writes, desk.reviews()) == (0, [])


def test_a_plan_shows_the_link_alone_by_name_and_counts_the_row_as_waiting(desk: Any) -> None:
    typed(desk, email="ada@firm.example", last_name="Love")
    summary = desk.plan(listing=10)
    assert summary.orders == {"sheet": {"contact": {"link": 1}}}
    assert [o["title"] for o in summary.orders_list or []] == ["Love"]
    assert summary.records["sheet"]["contact"]["waiting"] == 1
    assert summary.records["sheet"]["contact"]["pulled"] == 1
    counts = desk.sync(full=True).records["sheet"]["contact"]
    assert (counts["pulled"], counts["waiting"]) == (1, 0)


def test_what_the_row_says_first_is_taken_whoever_owns_the_field(desk: Any) -> None:
    desk.policy("contact", "title", Policy("only", "crm"))
    typed(desk, email="ada@firm.example", title="Boss")
    desk.sync()
    assert desk.only("crm", "contact").fields["title"] == "Boss"
    assert desk.only("sheet", "contact").fields["title"] == "Boss"
    entry = next(e for e in desk.journal("crm", "contact", desk.only("crm", "contact").id) if e.op == "merge")
    assert "the first value known" in (entry.changes or "")


def test_a_row_that_is_known_elsewhere_is_linked_and_only_then_merged(desk: Any) -> None:
    desk.create("crm", "contact", email="ada@firm.example", title="Boss")
    desk.rule("sheet", "contact", create=False)
    desk.sync()
    typed(desk, email="ada@firm.example", phone="+1 555 0100")
    seen: list[Any] = []
    desk.boundary = lambda name: seen.append((name, desk.only("crm", "contact").fields["phone"]))
    desk.sync()
    desk.boundary = lambda name: None
    named = next(n for n, (name, _) in enumerate(seen) if name == "confirmed")
    assert all(phone is None for _, phone in seen[: named + 1])
    desk.sync(pause_ms=HOUR)
    assert desk.only("crm", "contact").fields["phone"] == "+1 555 0100"
    assert desk.only("sheet", "contact").fields["title"] == "Boss"
    assert alive(desk) == [1, 1]


def test_others_of_the_record_go_on_while_a_row_waits_for_its_key(desk: Any) -> None:
    desk.add("mail")
    crm = desk.create("crm", "contact", email="ada@firm.example", title="Boss")
    desk.rule("sheet", "contact", mode="read")
    desk.sync()
    typed(desk, email="ada@firm.example", phone="+1 555 0100")
    summary = desk.sync()
    assert "no id of their own" in " ".join(summary.notes)
    desk.edit("crm", "contact", crm, title="Chief")
    desk.sync()
    assert desk.only("mail", "contact").fields["title"] == "Chief"
    assert desk.only("mail", "contact").fields["phone"] is None
    assert desk.hub_writes("sheet") == 0


def tear(office: Any, at: str, deed: Any) -> None:
    """Something happens in the next run, the first time that it comes to a boundary of this name."""

    def boundary(name: str) -> None:
        if name == at:
            office.boundary = lambda name: None
            deed()

    office.boundary = boundary


EDITS = {
    "edited": lambda o, id: o.systems["sheet"].person_edit("contact", id, {"title": "Chief"}),
    "moved to another address": lambda o, id: o.systems["sheet"].person_edit("contact", id, {"email": "new@x.example"}),
    "deleted": lambda o, id: o.systems["sheet"].person_delete("contact", id),
    "typed twice": lambda o, id: typed(o, email="ada@firm.example", title="Boss"),
    "left alone": lambda o, id: None,
}


@pytest.mark.parametrize("what", EDITS)
@pytest.mark.parametrize("when", ["baseline", "planned", "intended"])
@pytest.mark.parametrize("fault", ["", "lost_after", "lost_before", "refused", "partial"])
def test_whatever_happens_to_the_row_in_between_makes_no_twin_and_asks_about_no_deletion(
    desk: Any, what: str, when: str, fault: str
) -> None:
    desk.create("crm", "contact", email="bo@firm.example")
    desk.sync()
    id = typed(desk, email="ada@firm.example", title="Boss")

    def deed() -> None:
        EDITS[what](desk, id)
        if fault:
            desk.faults["sheet"].force(fault, 1)

    tear(desk, when, deed)
    desk.sync()
    for _ in range(4):
        summary = desk.sync(pause_ms=DAY)
    crm = [r.fields["email"] for r in desk.systems["crm"].alive("contact")]
    sheet = [r.fields["email"] for r in desk.systems["sheet"].alive("contact")]
    assert len(crm) == len(set(crm))
    assert [r for r in desk.reviews() if r["topic"] == "delete"] == []
    if what == "typed twice":
        assert sorted(sheet) == ["ada@firm.example"] * 2 + ["bo@firm.example"]
        return
    assert sorted(crm) == sorted(sheet)
    assert len(crm) == (1 if what == "deleted" and when != "intended" else len(sheet))
    assert desk.values("crm", "contact", "title") == desk.values("sheet", "contact", "title")
    assert (summary.outcome, summary.writes) == ("done", 0)
    assert all(provisional == 0 for _, provisional in linked(desk, "sheet"))


def test_a_crash_at_any_boundary_ends_as_if_there_had_been_none(office: Any) -> None:
    class Torn(BaseException):
        pass

    for step in range(1, 60):
        again = type(office)()
        again.add("crm")
        again.add("sheet", keyless=1.0, tombstones=False, full_listing=True)
        again.create("crm", "contact", email="bo@firm.example", title="Head")
        id = typed(again, email="ada@firm.example", title="Boss")
        typed(again, email="bo@firm.example", phone="+1 555 0100")
        count = [0]

        def die(name: str, count: list[int] = count, step: int = step) -> None:
            count[0] += 1
            if count[0] == step:
                raise Torn

        again.boundary = die
        try:
            again.sync()
        except Torn:
            again.store.db.release()
            if step % 2:
                again.systems["sheet"].person_edit("contact", id, {"title": "Chief"})
        again.boundary = lambda name: None
        for _ in range(3):
            summary = again.sync(pause_ms=DAY)
        assert alive(again) == [2, 2], step
        assert (summary.outcome, summary.writes, again.reviews()) == ("done", 0, []), step
        assert again.values("crm", "contact", "title") == again.values("sheet", "contact", "title"), step
        again.store.close()


def test_a_row_that_is_gone_before_it_had_a_key_ends_quietly(desk: Any) -> None:
    id = typed(desk, email="ada@firm.example")
    tear(desk, "planned", lambda: desk.systems["sheet"].person_delete("contact", id))
    desk.sync()
    assert alive(desk) == [0, 0]
    assert states(desk) == ["dead"]
    assert linked(desk, "sheet") == []
    assert desk.sync(pause_ms=DAY).outcome == "done"
    assert desk.reviews() == []


def test_an_edited_row_that_waits_for_a_person_is_asked_about_anew(desk: Any) -> None:
    for _ in range(2):
        desk.create("crm", "contact", email="ada@firm.example")
    desk.sync()
    desk.answer("rejected")
    desk.sync()
    id = typed(desk, email="ada@firm.example", title="Boss")
    desk.sync()
    (before,) = [r for r in desk.reviews() if r["system"] == "sheet"]
    written = desk.hub_writes("sheet")
    desk.edit("sheet", "contact", id, title="Chief")
    desk.sync(pause_ms=DAY)
    (after,) = [r for r in desk.reviews() if r["system"] == "sheet"]
    assert before["remote_id"] != after["remote_id"]
    assert desk.hub_writes("sheet") == written


def test_a_link_that_is_refused_is_told_and_holds_up_nobody(desk: Any) -> None:
    class Protected:
        def __init__(self, inner: Any) -> None:
            self.inner, self.facts = inner, inner.facts

        def write(self, stream: str, writes: Any) -> Any:
            from tieline.model import Outcome, Problem

            problem = Problem(None, "the sheet is protected", "protected")
            return [Outcome("rejected", problems=(problem,)) if w.op == "link" else None for w in writes]

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    desk.connectors["sheet"] = Protected(desk.connectors["sheet"])
    typed(desk, email="ada@firm.example")
    summary = desk.sync()
    assert alive(desk) == [0, 1]
    assert [r["topic"] for r in desk.reviews()] == ["rejected"]
    assert summary.records["sheet"]["contact"]["rejected"] + summary.records["sheet"]["contact"]["waiting"] == 1
    assert desk.sync().writes == 0


def test_an_order_that_names_no_new_id_is_a_breach(desk: Any) -> None:
    class Silent:
        def __init__(self, inner: Any) -> None:
            self.inner, self.facts = inner, inner.facts

        def write(self, stream: str, writes: Any) -> Any:
            return [o._replace(remote=None, remote_id=None) for o in self.inner.write(stream, writes)]

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    honest = desk.connectors["sheet"]
    desk.connectors["sheet"] = Silent(honest)
    typed(desk, email="ada@firm.example")
    summary = desk.sync()
    assert "does not say which" in " ".join(summary.notes)
    desk.connectors["sheet"] = honest
    for _ in range(2):
        desk.sync(pause_ms=DAY)
    assert alive(desk) == [1, 1]


def test_a_state_that_is_not_answered_is_read_back(office: Any) -> None:
    office.add("crm")
    office.add("sheet", keyless=1.0, tombstones=False, full_listing=True, answers_state=False)
    id = typed(office, email="ada@firm.example")
    office.sync()
    assert linked(office, "sheet") == [(id, 0)]
    assert alive(office) == [1, 1]


def test_without_a_field_for_the_hub_id_a_row_is_named_all_the_same(office: Any) -> None:
    office.add("crm")
    office.add("sheet", keyless=1.0, tombstones=False, full_listing=True, stamps=False)
    typed(office, email="ada@firm.example", title="Boss")
    office.faults["sheet"].force("lost_after", 1)
    office.sync()
    for _ in range(2):
        office.sync(pause_ms=DAY)
    assert alive(office) == [1, 1]
    assert office.reviews() == []
    assert all(provisional == 0 for _, provisional in linked(office, "sheet"))


def test_who_refers_to_a_row_waits_until_it_has_a_key(desk: Any) -> None:
    firm = desk.create("sheet", "account", name="Firm", domain="firm.example")
    desk.create("crm", "contact", email="ada@firm.example")
    crm_firm = desk.create("crm", "account", name="Firm", domain="firm.example")
    desk.edit("crm", "contact", desk.only("crm", "contact").id, account=crm_firm)
    desk.sync()
    desk.sync()
    assert desk.only("sheet", "contact").fields["account"] == firm


def test_two_sheets_with_one_person_become_one_record(office: Any) -> None:
    office.add("crm")
    for name in ("sheet", "list"):
        office.add(name, keyless=1.0, tombstones=False, full_listing=True)
    typed(office, email="ada@firm.example", title="Boss")
    office.create("list", "contact", email="ada@firm.example", phone="+1 555 0100")
    for _ in range(2):
        office.sync()
    assert alive(office) == [1, 1, 1]
    assert office.values("crm", "contact", "phone") == ["+1 555 0100"]
    assert office.values("crm", "contact", "title") == ["Boss"]


def test_a_deletion_elsewhere_does_not_reach_a_row_that_is_still_to_be_named(desk: Any) -> None:
    desk.rule("crm", "contact", delete="archive")
    crm = desk.create("crm", "contact", email="ada@firm.example")
    desk.sync()
    desk.systems["sheet"].person_delete("contact", desk.only("sheet", "contact").id)
    desk.sync(pause_ms=DAY)
    desk.answer("rejected")
    desk.sync()
    typed(desk, email="ada@firm.example", title="new")
    tear(desk, "intended", lambda: desk.faults["sheet"].force("refused", 1))
    desk.sync()
    assert [provisional for _, provisional in linked(desk, "sheet")] == [1]
    desk.systems["crm"].person_delete("contact", crm)
    for _ in range(3):
        desk.sync(pause_ms=DAY)
    assert alive(desk) == [1, 1]
    assert desk.only("crm", "contact").fields["title"] == "new"
    assert desk.reviews() == []


def test_what_rows_met_before_a_rule_was_new_is_past(desk: Any) -> None:
    desk.add("help", kinds=("contact",), actions=("ticket",))
    rule = ActionRule("greet", "contact", "help", "ticket", lambda f: f.get("title") is not None, {"to": "{email}"})
    desk.actions = (rule,)
    typed(desk, email="ada@firm.example", title="Boss")
    desk.sync()
    desk.sync()
    assert desk.systems["help"].deeds == []
    typed(desk, email="bo@firm.example", title="Boss")
    desk.sync()
    desk.sync()
    assert len(desk.systems["help"].deeds) == 1


def test_a_row_that_keeps_its_id_is_named_by_what_is_read_next(desk: Any) -> None:
    id = typed(desk, email="ada@firm.example")
    desk.faults["sheet"].force("lost_before", 1)
    tear(desk, "intended", lambda: desk.systems["sheet"].name(desk.systems["sheet"].get("contact", id)))
    desk.sync()
    for _ in range(3):
        desk.sync(pause_ms=DAY)
    assert alive(desk) == [1, 1]
    assert desk.reviews() == []


@pytest.mark.parametrize("when", ["ingested", "baseline", "planned", "intended"])
def test_a_row_that_is_lost_sight_of_is_looked_for_before_anything_is_made_in_its_sheet(desk: Any, when: str) -> None:
    desk.create("crm", "contact", email="ada@firm.example", title="Head")
    id = typed(desk, email="ada@firm.example", phone="+1 555 0100")
    tear(desk, when, lambda: desk.systems["sheet"].person_edit("contact", id, {"phone": "+1 555 0199"}))
    desk.sync()
    assert alive(desk) == [1, 1]
    desk.sync(pause_ms=DAY)
    assert alive(desk) == [1, 1]
    assert desk.only("crm", "contact").fields["phone"] == "+1 555 0199"
    assert desk.reviews() == []


def test_what_is_to_be_made_in_a_sheet_waits_for_one_run_at_most(desk: Any) -> None:
    desk.create("crm", "contact", email="bo@firm.example")
    id = typed(desk, email="ada@firm.example")
    tear(desk, "baseline", lambda: desk.systems["sheet"].person_edit("contact", id, {"title": "Chief"}))
    desk.sync()
    desk.sync(pause_ms=DAY)
    assert alive(desk) == [2, 2]
    id = typed(desk, email="di@firm.example")
    tear(desk, "intended", lambda: desk.faults["sheet"].force("refused", 1))
    desk.sync(pause_ms=DAY)
    desk.create("crm", "contact", email="cy@firm.example")
    desk.edit("sheet", "contact", id, title="Chief")
    desk.sync(pause_ms=DAY)
    assert alive(desk) == [4, 4]


def test_a_feed_and_rows_without_a_key_go_together(office: Any) -> None:
    office.add("crm")
    office.add("sheet", keyless=1.0, feed=True)
    office.create("crm", "contact", email="bo@firm.example")
    office.sync()
    id = typed(office, email="ada@firm.example", title="Boss")
    tear(office, "planned", lambda: office.systems["sheet"].person_edit("contact", id, {"title": "Chief"}))
    office.sync()
    for _ in range(2):
        summary = office.sync(pause_ms=DAY)
    assert alive(office) == [2, 2]
    assert "Chief" in office.values("crm", "contact", "title")
    assert (summary.writes, office.reviews()) == (0, [])


@pytest.mark.parametrize("traits", [{"tombstones": False, "full_listing": True}, {"feed": True}])
@pytest.mark.parametrize("lag_ms", [0, 5_000, 300_000])
def test_a_link_whose_answer_was_lost_is_found_again_and_sent_once(office: Any, lag_ms: int, traits: Any) -> None:
    office.add("crm")
    sheet = office.add("sheet", index_lag_ms=lag_ms, keyless=1.0, **traits)
    id = typed(office, email="ada@firm.example", title="Boss")
    tear(office, "intended", lambda: office.faults["sheet"].force("lost_after", 1))
    office.sync()
    for _ in range(8):
        office.sync()
    assert sum(e.field == "@hub_id" for e in sheet.history) == 1
    assert states(office) == ["alive"]
    assert linked(office, "sheet") == [(id, 0)]
    assert alive(office) == [1, 1]


def test_who_refers_to_a_row_that_is_refused_a_key_goes_on_without_it(desk: Any) -> None:
    class Protected:
        def __init__(self, inner: Any) -> None:
            self.inner, self.facts = inner, inner.facts

        def write(self, stream: str, writes: Any) -> Any:
            links = [w.op == "link" and stream == "accounts" for w in writes]
            answers = iter(self.inner.write(stream, [w for w, bad in zip(writes, links, strict=True) if not bad]))
            problem = Problem(None, "the sheet is protected", "protected")
            return [Outcome("rejected", problems=(problem,)) if bad else next(answers) for bad in links]

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    desk.connectors["sheet"] = Protected(desk.connectors["sheet"])
    desk.create("sheet", "account", name="Firm", domain="firm.example")
    firm = desk.create("crm", "account", name="Firm", domain="firm.example")
    desk.create("crm", "contact", email="ada@firm.example", account=firm)
    for _ in range(3):
        desk.sync()
    assert desk.only("sheet", "contact").fields["account"] is None


def test_rows_that_cannot_be_given_a_key_are_told_once(desk: Any) -> None:
    desk.rule("sheet", "contact", mode="read")
    for name in ("ada", "bob"):
        typed(desk, email=f"{name}@firm.example")
    notes = desk.sync().notes
    assert len([note for note in notes if "no id of their own" in note]) == 1


def test_a_row_that_turns_out_to_be_one_that_is_known_is_let_go(desk: Any) -> None:
    desk.rule("sheet", "contact", mode="read")
    typed(desk, email="ada@firm.example")
    desk.sync()
    [(placeholder, _)] = linked(desk, "sheet")
    record = desk.record_of("sheet", "contact", placeholder)
    desk.store.work.refuse([Refusal(record, "sheet", "contact", "#link", "", "link", "no", "", "run")])
    run = desk.runner()._run(Options())
    ingest = Ingest(run, "sheet", desk.connectors["sheet"].facts.stream("contacts"))
    with desk.store.atomic():
        ingest.take([Remote("7", {"email": "ada@firm.example"}, version="1")])
        ingest.take([Remote("7", {"email": "ada@firm.example"}, version="2", aliases=(placeholder,))])
    assert linked(desk, "sheet") == []
    assert states(desk) == ["dead"]
    assert list(ingest.rows([placeholder, "7"])) == ["7"]
    assert desk.store.db.rows("SELECT remote_id FROM matchkey WHERE system = 'sheet'") == [("7",)]
    assert desk.store.work.refusals([record]) == {}
    assert run.lost["sheet", "contact"] == 1
    last = desk.store.work.entries(record)[-1]
    assert (last.op, last.outcome, last.remote_id) == ("read", "gone", placeholder)
    assert "before it had an id of its own" in (last.note or "")
