"""The first run of a home, and the run after it: everything joined, then nothing to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tieline.engine.limits import Limit, Limits
from tieline.errors import Rejected, Unavailable
from tieline.model import Outcome, Page, Remote, Window, Write
from tieline.runner import Options

ENDS = ("applied", "unchanged", "waiting", "rejected", "review", "filtered", "gone")


class Explodes:
    """A connector that may only be asked what changed; anything else fails the test."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.facts = inner.facts
        self.asked: list[str] = []

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        self.asked.append(stream)
        page: Page = self.inner.changes(stream, window, token)
        return page

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was touched")


class Broken:
    """A connector whose method of a name fails."""

    def __init__(self, inner: Any, method: str) -> None:
        self.inner, self.facts, self.method = inner, inner.facts, method

    def __getattr__(self, name: str) -> Any:
        if name == self.method:
            return self._fail
        return getattr(self.inner, name)

    def _fail(self, *given: Any) -> Any:
        raise Unavailable("no answer", sent=False)


class Automated:
    """A connector of a system that fills a field of all that is made there, and says so."""

    def __init__(self, inner: Any, system: Any, **fields: Any) -> None:
        self.inner, self.facts, self.system, self.fields = inner, inner.facts, system, fields

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        return [
            self._filled(stream, outcome) if write.op == "create" else outcome
            for write, outcome in zip(writes, self.inner.write(stream, writes), strict=True)
        ]

    def _filled(self, stream: str, outcome: Outcome) -> Outcome:
        assert outcome.remote is not None
        self.system.person_edit("contact", outcome.remote.id, self.fields)
        return outcome._replace(remote=self.inner.read(stream, [outcome.remote.id], None)[0])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_what_one_system_has_is_made_in_the_other(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example", last_name="Ada")
    pair.create("mail", "contact", email="bob@firm.example", last_name="Bob")
    summary = pair.sync()
    assert (summary.outcome, summary.converged) == ("done", True)
    for system in ("crm", "mail"):
        assert pair.values(system, "contact", "last_name") == ["Ada", "Bob"]


@pytest.mark.parametrize("opted_out", ["crm", "mail"])
def test_who_is_opted_out_in_one_system_is_opted_out_in_all_from_the_first_sync_on(pair: Any, opted_out: str) -> None:
    for system in ("crm", "mail"):
        consent = "opted_out" if system == opted_out else "allowed"
        pair.create(system, "contact", email="ada@firm.example", consent_email=consent)
    pair.sync()
    for system in ("crm", "mail"):
        assert pair.values(system, "contact", "consent_email") == ["opted_out"]


def test_what_both_have_is_linked_and_each_blank_is_filled_from_the_other(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example", title="Boss")
    pair.create("mail", "contact", email="Ada@Firm.Example", phone="+1 555")
    pair.sync()
    for system in ("crm", "mail"):
        one = pair.only(system, "contact")
        assert (one.fields["title"], one.fields["phone"]) == ("Boss", "+1 555")
    assert pair.only("mail", "contact").fields["email"] == "Ada@Firm.Example"  # spelled alike: nobody's is overwritten


def test_a_first_sync_clears_nothing(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example", title="Boss")
    pair.create("mail", "contact", email="ada@firm.example")  # later, and without a title
    pair.sync()
    assert pair.values("crm", "contact", "title") == ["Boss"]
    assert not [e for s in pair.systems.values() for e in s.history if e.who == "hub" and e.after is None]


def test_the_run_after_a_complete_run_asks_once_per_stream_and_does_nothing(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    pair.sync()
    for name, connector in pair.connectors.items():
        pair.connectors[name] = Explodes(connector)
    before = pair.store.db.rows("SELECT * FROM record"), pair.store.db.rows("SELECT count(*) FROM journal")
    summary = pair.sync()
    assert (summary.outcome, summary.converged, summary.writes, summary.orders) == ("done", True, 0, {})
    assert [c.asked for c in pair.connectors.values()] == [["accounts", "contacts"]] * 2
    assert before == (pair.store.db.rows("SELECT * FROM record"), pair.store.db.rows("SELECT count(*) FROM journal"))


def test_nothing_is_written_before_every_system_has_been_read_once(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.create("mail", "contact", email="ada@firm.example")
    whole = pair.connectors["mail"]
    pair.connectors["mail"] = Broken(whole, "list")
    summary = pair.sync()
    assert (summary.outcome, summary.writes) == ("failed", 0)
    assert pair.hub_writes("crm") == 0
    pair.connectors["mail"] = whole
    assert pair.sync().converged
    assert len(pair.systems["mail"].alive("contact")) == 1


def test_two_that_carry_one_id_that_this_home_has_never_given_are_two(pair: Any) -> None:
    """An earlier home gave it, and somebody copied the record since."""
    for name in ("Ada", "Ada's copy"):
        pair.systems["crm"].create("contact", {"first_name": name}, "person", "01977421-0000-7000-8000-000000000001")
    for _ in range(3):
        summary = pair.sync()
    assert summary.converged
    records = [pair.record_of("crm", "contact", r.id) for r in pair.systems["crm"].alive("contact")]
    assert len(set(records)) == 2
    assert "01977421-0000-7000-8000-000000000001" in records
    assert len(pair.systems["mail"].alive("contact")) == 2


def test_a_system_named_without_is_not_waited_for_and_joins_later(pair: Any) -> None:
    pair.add("files")
    pair.create("crm", "contact", email="ada@firm.example")
    pair.create("files", "contact", email="ada@firm.example", title="Boss")
    pair.sync(without=frozenset({"files"}))
    assert len(pair.systems["mail"].alive("contact")) == 1
    assert pair.hub_writes("files") == 0
    pair.sync()
    assert len(pair.systems["files"].alive("contact")) == 1
    assert pair.values("mail", "contact", "title") == ["Boss"]


def test_a_system_added_later_gets_everything_and_gives_everything(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    pair.add("files")
    pair.create("files", "contact", email="bob@firm.example")
    pair.sync()
    for system in ("crm", "mail", "files"):
        assert pair.values(system, "contact", "email") == ["ada@firm.example", "bob@firm.example"]


def test_without_a_yes_the_first_sync_writes_nothing_and_the_next_one_asks_again(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.clock.advance(1000)
    for confirm in (None, lambda preview: False):
        summary = pair.runner().sync(Options(confirm=confirm))
        assert (summary.outcome, summary.writes) == ("waiting", 0)
    shown: list[Any] = []

    def yes(preview: Any) -> bool:
        shown.append((preview.orders, preview.listing(10, 0)))
        return True

    assert pair.runner().sync(Options(confirm=yes)).writes == 2
    [(orders, listing)] = shown
    assert orders["mail"] == {"contact": {"create": 1}}
    assert {o["title"] for o in listing} == {"ada@firm.example"}


def test_a_home_that_has_written_once_asks_no_more(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    pair.create("crm", "contact", email="bob@firm.example")
    pair.clock.advance(60_000)
    assert pair.runner().sync(Options(confirm=None)).writes == 2


def test_a_first_sync_that_breaks_off_goes_on_without_a_second_question(pair: Any) -> None:
    pair.limits = Limits(creates=Limit(count=1), updates=Limit(count=1))
    both: list[str] = []
    for n in range(3):
        both.append(pair.create("crm", "contact", email=f"p{n}@firm.example", title="Boss"))
        pair.create("mail", "contact", email=f"p{n}@firm.example")
        pair.create("crm", "contact", email=f"q{n}@firm.example")
    assert pair.plan().notes == []
    whole, pair.connectors["mail"] = pair.connectors["mail"], Broken(pair.connectors["mail"], "write")
    assert pair.sync().outcome == "failed"
    pair.connectors["mail"] = whole
    assert pair.plan().notes == []
    assert (pair.sync().outcome, pair.reviews()) == ("done", [])

    for one in both:  # and that was the first plan: the limits hold from now on
        pair.edit("crm", "contact", one, title="Chief")
    assert pair.sync().outcome == "waiting"
    assert [r["key"] for r in pair.reviews()] == ["guard:mail:updates"]


def test_the_yes_to_a_first_plan_holds_for_no_more_than_it_showed(pair: Any) -> None:
    pair.limits = Limits(creates=Limit(count=0))
    pair.create("crm", "contact", email="p@firm.example")
    whole, pair.connectors["mail"] = pair.connectors["mail"], Broken(pair.connectors["mail"], "write")
    assert pair.sync().outcome == "failed"
    pair.connectors["mail"] = whole
    pair.create("crm", "contact", email="q@firm.example")
    assert pair.sync().outcome == "waiting"
    assert [r["key"] for r in pair.reviews()] == ["guard:mail:creates"]


@pytest.mark.parametrize(("more", "outcome"), [(2, "done"), (3, "waiting")])
def test_what_goes_beyond_a_first_plan_is_within_the_limit_or_asked_about(pair: Any, more: int, outcome: str) -> None:
    pair.limits = Limits(creates=Limit(count=2))
    for n in range(5):
        pair.create("crm", "contact", email=f"p{n}@firm.example")
    whole, pair.connectors["mail"] = pair.connectors["mail"], Broken(pair.connectors["mail"], "write")
    assert pair.sync().outcome == "failed"
    pair.connectors["mail"] = whole
    for n in range(more):
        pair.create("crm", "contact", email=f"q{n}@firm.example")
    assert pair.sync().outcome == outcome
    assert len(pair.systems["mail"].alive("contact")) == (7 if outcome == "done" else 0)


def test_what_was_written_of_a_first_plan_that_is_never_done_is_not_agreed_to_twice(pair: Any) -> None:
    """A third system takes nothing for days, so that the first plan is never done: the limits hold nevertheless."""
    pair.limits = Limits(updates=Limit(count=1))
    pair.add("shop")
    pair.connectors["shop"] = Broken(pair.connectors["shop"], "write")
    both = [pair.create("crm", "contact", email=f"p{n}@firm.example", title="Boss") for n in range(3)]
    for n in range(3):
        pair.create("mail", "contact", email=f"p{n}@firm.example")
    assert pair.sync().outcome == "failed"
    assert pair.values("mail", "contact", "title") == ["Boss"] * 3
    for one in both:
        pair.edit("crm", "contact", one, title="Oops")
    pair.sync()
    assert pair.values("mail", "contact", "title") == ["Boss"] * 3
    assert [r["key"] for r in pair.reviews()] == ["guard:mail:updates"]


@pytest.mark.parametrize("breaks", [False, True])
def test_what_a_system_adds_to_what_is_made_there_travels_back_with_the_first_sync(pair: Any, breaks: bool) -> None:
    """Automation fills a field of whatever is new: nobody is asked, also where the first sync broke off."""
    pair.limits = Limits(updates=Limit(count=1))
    people = {pair.create("crm", "contact", email=f"p{n}@firm.example"): n for n in range(4)}
    pair.connectors["mail"] = Automated(pair.connectors["mail"], pair.systems["mail"], title="New")
    if breaks:
        whole, pair.connectors["crm"] = pair.connectors["crm"], Broken(pair.connectors["crm"], "write")
        assert pair.sync().outcome == "failed"
        assert pair.values("mail", "contact", "title") == ["New"] * 4
        pair.connectors["crm"] = whole
    assert pair.sync().outcome == "done"
    assert pair.values("crm", "contact", "title") == ["New"] * 4
    for one in people:  # and what somebody does to all of them next is no part of it
        pair.edit("crm", "contact", one, title="Oops")
    pair.sync()
    assert pair.values("mail", "contact", "title") == ["New"] * 4
    assert [r["key"] for r in pair.reviews()] == ["guard:mail:updates"]


def test_a_plan_says_what_would_be_done_and_leaves_nothing_behind(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example", title="Boss")
    plan = pair.plan(listing=10)
    assert plan.orders == {"crm": {"contact": {"link": 1}}, "mail": {"contact": {"create": 1}}}
    assert {(o["op"], o["system"]) for o in plan.orders_list or []} == {("link", "crm"), ("create", "mail")}
    assert [pair.hub_writes(s) for s in pair.systems] == [0, 0]
    for table in ("record", "orders", "journal", "intent", "review"):
        assert pair.store.db.rows(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert pair.plan().orders == plan.orders


def test_a_plan_is_what_the_next_sync_does(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example", title="Boss")
    pair.create("mail", "contact", email="ada@firm.example")
    planned = pair.plan().orders
    summary = pair.sync()
    assert summary.orders == planned
    assert summary.writes == sum(n for kinds in planned.values() for ops in kinds.values() for n in ops.values())


def test_a_plan_offline_asks_nobody(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.plan()
    for name, connector in pair.connectors.items():
        pair.connectors[name] = Explodes(connector)
    plan = pair.plan(offline=True)
    assert plan.orders["mail"] == {"contact": {"create": 1}}
    assert [c.asked for c in pair.connectors.values()] == [[], []]


def test_stamping_the_hubs_id_is_counted_apart_and_done_once(pair: Any) -> None:
    one = pair.create("crm", "contact", email="ada@firm.example")
    summary = pair.sync()
    assert summary.orders == {"crm": {"contact": {"link": 1}}, "mail": {"contact": {"create": 1}}}
    hub = pair.record_of("crm", "contact", one)
    assert [pair.only(s, "contact").hub_id for s in ("crm", "mail")] == [hub, hub]
    assert pair.sync().orders == {}


def test_a_system_without_a_field_for_the_hubs_id_works_all_the_same(office: Any) -> None:
    office.add("crm", stamps=False, unique_hub_id=False)
    office.add("mail", stamps=False, unique_hub_id=False)
    office.create("crm", "contact", email="ada@firm.example")
    assert "link" not in str(office.sync().orders)
    assert office.sync().orders == {}
    assert len(office.systems["mail"].alive("contact")) == 1


def test_every_remote_pulled_ends_as_something_and_the_numbers_add_up(pair: Any) -> None:
    for n in range(3):
        pair.create("crm", "contact", email=f"p{n}@firm.example")
    summary = pair.sync()
    found = summary.records["crm"]["contact"]
    assert found["pulled"] == sum(found[end] for end in ENDS) == 3
    assert found["applied"] == 3
    assert summary.records["mail"]["contact"]["pulled"] == 0


def test_a_page_that_holds_what_cannot_be_read_is_counted_and_told(pair: Any) -> None:
    from tieline.model import Bad

    inner = pair.connectors["crm"]

    class Torn:
        facts = inner.facts

        def list(self, stream: str, token: str | None) -> Page:
            page: Page = inner.list(stream, token)
            return page._replace(bad=[Bad("people.csv:3", "not a row")]) if stream == "contacts" else page

        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

    pair.connectors["crm"] = Torn()
    pair.create("crm", "contact", email="ada@firm.example")
    summary = pair.sync()
    assert summary.records["crm"]["contact"]["rejected"] == 1
    assert pair.store.db.rows("SELECT note FROM journal WHERE op = 'read'") == [("people.csv:3: not a row",)]


def test_what_a_page_has_to_say_of_the_reading_is_told_once_and_nothing_failed(pair: Any) -> None:
    inner = pair.connectors["crm"]

    class Talks:
        facts = inner.facts

        def list(self, stream: str, token: str | None) -> Page:
            page: Page = inner.list(stream, token)
            return page._replace(note=f"{stream} were read the long way" if stream == "contacts" else "")

        def changes(self, stream: str, window: Any, token: str | None) -> Page:
            page: Page = inner.changes(stream, window, token)
            return page._replace(note="contacts were read the long way")

        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

    pair.connectors["crm"] = Talks()
    for n in range(250):
        pair.create("crm", "contact", email=f"p{n}@firm.example")
    first, second = pair.sync(), pair.sync()
    for summary in (first, second):
        assert [n for n in summary.notes if "long way" in n] == ["crm: contacts were read the long way"]
    assert (first.outcome, second.outcome) == ("done", "done")


@pytest.mark.parametrize("deaths", [1, 9])
def test_a_page_token_that_has_died_is_a_new_beginning_once(pair: Any, deaths: int) -> None:
    inner = pair.connectors["crm"]
    asked: list[str | None] = []

    class Forgets:
        facts = inner.facts

        def list(self, stream: str, token: str | None) -> Page:
            asked.append(token)
            if token is not None and stream == "contacts" and sum(t is not None for t in asked) <= deaths:
                raise Rejected("that page is not known any more")
            page: Page = inner.list(stream, token and token.partition("#")[0])
            return page._replace(token=page.token and f"{page.token}#{len(asked)}")

        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

    pair.connectors["crm"] = Forgets()
    for n in range(250):
        pair.create("crm", "contact", email=f"p{n}@firm.example")
    done = pair.sync()
    assert len(asked) < 20
    assert (done.outcome, len(pair.systems["mail"].alive("contact"))) == (
        ("done", 250) if deaths == 1 else ("failed", 0)
    )


def test_pages_delivered_twice_and_out_of_order_change_nothing(pair: Any) -> None:
    for n in range(5):
        pair.create("crm", "contact", email=f"p{n}@firm.example")
    inner = pair.connectors["crm"]

    class Stutters:
        facts = inner.facts

        def list(self, stream: str, token: str | None) -> Page:
            page: Page = inner.list(stream, token)
            remotes: Sequence[Remote] = [*reversed(page.remotes), *page.remotes]
            return page._replace(remotes=remotes)

        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

    pair.connectors["crm"] = Stutters()
    summary = pair.sync()
    assert summary.records["crm"]["contact"]["pulled"] == 5
    assert len(pair.systems["mail"].alive("contact")) == 5


@pytest.mark.parametrize("lag", [0, 5000])
def test_an_index_that_lags_and_caps_its_results_hides_nothing(office: Any, lag: int) -> None:
    office.add("crm")
    office.add("mail", hints=True, index_lag_ms=lag, page=2, cap=4, sweep=True, tombstones=False, granularity_ms=1000)
    office.sync()
    for n in range(11):
        office.systems["mail"].person_create("contact", {"email": f"p{n}@firm.example"})  # all of one second
    for _ in range(2):
        office.sync()
    assert len(office.systems["crm"].alive("contact")) == 11


def test_who_carries_an_id_that_nobody_knows_and_is_known_by_the_address_gets_the_right_one(pair: Any) -> None:
    pair.create("crm", "contact", email="ada@firm.example")
    pair.sync()
    pair.rule("mail", "contact", create=False)
    pair.create("crm", "contact", email="bob@firm.example")
    pair.sync()
    theirs = pair.systems["mail"].create("contact", {"email": "bob@firm.example"}, "person", "id-of-another-home").id
    for _ in range(2):
        pair.sync()
    bob = pair.by_name("crm", "contact", "bob@firm.example", "email").id
    found = pair.systems["mail"].get("contact", theirs)
    assert found.hub_id == pair.record_of("mail", "contact", theirs) == pair.record_of("crm", "contact", bob)


def test_a_long_walk_moves_the_cursor_no_further_than_it_was_safe_at_its_beginning(office: Any) -> None:
    overlap = 10_000
    office.add("crm", page=1, late_commit_ms=overlap)
    office.sync()
    connector, asked = office.connectors["crm"], []
    changes = connector.changes

    def slowly(stream: str, *window: Any) -> Any:
        page = changes(stream, *window)
        if stream == "contacts":
            asked.append(office.clock.now())
            office.clock.advance(60_000)
        return page

    connector.changes = slowly
    for n in range(3):
        office.systems["crm"].person_create("contact", {"email": f"p{n}@firm.example"})
    office.sync(pause_ms=0)
    assert len(asked) > 1
    newest = max(r.remote.modified for r in office.systems["crm"].alive("contact"))
    assert newest > asked[0] - overlap >= office.store.trees.cursor("crm", "contacts").since
