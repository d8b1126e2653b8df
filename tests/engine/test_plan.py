"""What is owed to each system, and what cannot be ordered and why."""

from __future__ import annotations

from typing import Any

from tieline.engine.merge import digest, merge
from tieline.engine.plan import Planned, archives, doomed, folded, last_words, links, owed
from tieline.model import Change, Decision, FieldFacts, Record
from tieline.rules import Policy, SystemRules


def planned(make: Any, record: Record, sides: list[Any], targets: list[Any] | None = None, **given: Any) -> Planned:
    court = given.get("court") or make.court()
    return owed(record, merge(record, sides, court), sides, targets or [], court, given.get("refs") or make.refs())


def test_only_changed_fields_are_written(make: Any) -> None:
    sides = [make.side("mail", seen={"title": "a", "phone": "1"})]
    [order] = planned(make, make.record(title="b", phone="1"), sides).orders
    assert (order.op, order.remote_id, order.fields) == ("update", "mail-1", {"title": "b"})
    assert tuple(order.reasons["title"])[:2] == ("a", "b")


def test_what_agrees_owes_nothing(make: Any) -> None:
    assert planned(make, make.record(title="a"), [make.side("mail", seen={"title": "a"})]).orders == []


def test_what_a_system_normalised_is_not_written_again(make: Any) -> None:
    sides = [make.side("mail", seen={"phone": "155"}, sent={"phone": "+1 55"})]
    assert planned(make, make.record(phone="+1 55"), sides).orders == []
    assert planned(make, make.record(phone="+1 56"), sides).orders != []


def test_a_null_clears_only_where_the_system_lets_it(make: Any) -> None:
    record = make.record(title=None)
    assert planned(make, record, [make.side("mail", seen={"title": "a"})]).orders[0].fields == {"title": None}
    stubborn = make.side("mail", seen={"title": "a"}, facts={"title": FieldFacts(clear=False)})
    assert planned(make, record, [stubborn]).orders == []


def test_a_read_only_field_and_a_read_only_system_are_never_written(make: Any) -> None:
    record = make.record(title="b")
    sides = [make.side("mail", seen={"title": "a"}, facts={"title": FieldFacts(write=False)})]
    assert planned(make, record, sides).orders == []
    assert planned(make, record, [make.side("mail", seen={"title": "a"}, rules=SystemRules("read"))]).orders == []


def test_fill_writes_into_blanks_only(make: Any) -> None:
    record = make.record(title="b", phone="1")
    sides = [make.side("mail", seen={"title": "a", "phone": None}, rules=SystemRules("fill"))]
    assert planned(make, record, sides).orders[0].fields == {"phone": "1"}


def test_an_opt_out_is_written_over_a_consent_also_where_blanks_alone_are_filled(make: Any) -> None:
    record = make.record(consent_email="opted_out", title="b")
    there = {"consent_email": "allowed", "title": "a"}
    [order] = planned(make, record, [make.side("mail", seen=there, rules=SystemRules("fill"))]).orders
    assert order.fields == {"consent_email": "opted_out"}


def test_a_field_held_for_a_person_is_not_written_where_it_was_edited(make: Any) -> None:
    sides = [
        make.side("crm", seen={"title": "b"}, base={"title": "a"}, modified=5),
        make.side("mail", seen={"title": "c"}, base={"title": "a"}, modified=5),
    ]
    assert planned(make, make.record(title="a"), sides).orders == []


def test_a_refused_value_is_not_sent_again_and_a_new_one_is(make: Any) -> None:
    sides = [make.side("mail", seen={"title": "a", "phone": "1"}, rejected={"title": digest("b")})]
    out = planned(make, make.record(title="b", phone="2"), sides)
    assert out.orders[0].fields == {"phone": "2"}
    assert [p.field for p in out.rejected["mail"]] == ["title"]
    assert "title" in planned(make, make.record(title="c", phone="2"), sides).orders[0].fields


def test_a_change_refused_as_a_whole_is_sent_again_only_when_it_differs(make: Any) -> None:
    sides = [make.side("mail", seen={"title": "a"}, rejected={"*": digest({"title": "b"})})]
    assert planned(make, make.record(title="b"), sides).orders == []
    assert planned(make, make.record(title="c"), sides).orders != []


def test_an_open_intent_keeps_a_system_from_being_written(make: Any) -> None:
    assert planned(make, make.record(title="b"), [make.side("mail", seen={"title": "a"}, blocked=True)]).orders == []


def test_a_create_carries_every_value_and_no_blank(make: Any) -> None:
    [order] = planned(make, make.record(email="a@b.example", title=None), [], [make.target()]).orders
    assert (order.op, order.remote_id, order.fields) == ("create", None, {"email": "a@b.example"})


def test_a_default_is_given_only_where_nobody_has_a_value(make: Any) -> None:
    target = make.target(defaults={"title": "Unknown", "phone": "0"})
    [order] = planned(make, make.record(title="Boss"), [], [target]).orders
    assert order.fields == {"title": "Boss", "phone": "0"}
    assert order.reasons["phone"].rule == "default"


def test_a_create_that_lacks_what_is_required_is_named(make: Any) -> None:
    out = planned(
        make, make.record(email="a@b.example"), [], [make.target(facts={"last_name": FieldFacts(required=True)})]
    )
    assert out.orders == []
    assert [(p.field, p.code) for p in out.rejected["mail"]] == [("last_name", "required")]


def test_what_is_required_and_cannot_be_given_in_a_create_holds_none_up(make: Any) -> None:
    facts = {"last_name": FieldFacts(required=True, create=False)}
    out = planned(make, make.record(email="a@b.example"), [], [make.target(facts=facts)])
    assert ([o.op for o in out.orders], out.rejected) == (["create"], {})


def test_a_held_target_waits_with_its_reason(make: Any) -> None:
    out = planned(make, make.record(email="a@b.example"), [], [make.target(held="a question is open")])
    assert (out.orders, out.waiting) == ([], {"mail": "a question is open"})


def test_a_refused_create_is_not_repeated(make: Any) -> None:
    fields = {"email": "a@b.example"}
    out = planned(make, make.record(**fields), [], [make.target(rejected={"*": digest(fields)})])
    assert out.orders == []
    assert out.rejected["mail"]


# -- references


def test_a_reference_that_is_there_or_coming_is_written(make: Any) -> None:
    for state in ("there", "coming"):
        out = planned(
            make, make.record(account="acme"), [make.side("mail", seen={"account": None})], refs=make.refs(state)
        )
        assert out.orders[0].fields == {"account": "acme"}


def test_a_reference_that_waits_holds_only_itself_in_an_update(make: Any) -> None:
    sides = [make.side("mail", seen={"account": None, "title": None})]
    out = planned(make, make.record(account="acme", title="b"), sides, refs=make.refs("waiting"))
    assert out.orders[0].fields == {"title": "b"}
    assert out.waiting == {"mail": "account waits for its account"}


def test_a_create_waits_for_its_reference(make: Any) -> None:
    out = planned(
        make, make.record(account="acme", email="a@b.example"), [], [make.target()], refs=make.refs("waiting")
    )
    assert out.orders == []
    assert "mail" in out.waiting


def test_a_reference_that_will_never_be_there_is_left_out(make: Any) -> None:
    out = planned(make, make.record(account="acme", email="a@b.example"), [], [make.target()], refs=make.refs("never"))
    assert out.orders[0].fields == {"email": "a@b.example"}
    assert out.waiting == {}


def test_a_list_of_references_names_those_that_can_be_named(make: Any) -> None:
    people = [{"id": i, "role": None, "primary": False} for i in ("p", "q")]
    sides = [make.side("mail", "opportunity", seen={"contacts": None})]
    out = planned(make, make.record("opportunity", contacts=people), sides, refs=make.refs(q="never"))
    assert [r["id"] for r in out.orders[0].fields["contacts"]] == ["p"]


def test_a_reference_the_hub_does_not_know_is_neither_merged_nor_overwritten(make: Any) -> None:
    sides = [make.side("mail", seen={"account": None}, base={"account": "acme"}, unresolved=frozenset({"account"}))]
    assert planned(make, make.record(account="acme"), sides).orders == []


# -- ends


def test_a_deletion_asks_by_default_and_archives_when_told(make: Any) -> None:
    gone = make.side("mail", gone="user")
    ended, [question] = doomed(make.record(), [make.side("crm"), gone], make.court())
    assert (ended, question.topic) == (False, "delete")
    told = make.side("mail", gone="user", rules=SystemRules(delete="archive"))
    assert doomed(make.record(), [make.side("crm"), told], make.court()) == (True, [])
    ignored = make.side("mail", gone="user", rules=SystemRules(delete="ignore"))
    assert doomed(make.record(), [make.side("crm"), ignored], make.court()) == (False, [])


def test_an_answer_ends_a_record_or_keeps_it(make: Any) -> None:
    sides = [make.side("crm"), make.side("mail", gone="user")]
    [question] = doomed(make.record(), sides, make.court())[1]
    for answer, ends in (("accepted", True), ("rejected", False)):
        decision = Decision("delete", question.key, answer, question.detail)  # type: ignore[arg-type]
        assert doomed(make.record(), sides, make.court({question.key: decision})) == (ends, [])


def test_what_we_archived_ourselves_is_no_deletion(make: Any) -> None:
    assert doomed(make.record(), [make.side("crm"), make.side("mail", gone="hub")], make.court()) == (False, [])


def test_an_end_archives_what_is_alive_and_may_be_written(make: Any) -> None:
    sides = [
        make.side("crm"),
        make.side("mail", rules=SystemRules("read")),
        make.side("files", gone="user", rules=SystemRules(delete="archive")),
        make.side("more", blocked=True),
        make.side("shop", rejected={"*": digest({})}),
    ]
    [order] = archives(make.record(), sides, sides[2])
    assert (order.op, order.system) == ("archive", "crm")
    assert order.reasons == {"*": Change(None, None, "files", "delete = archive")}, (
        "it names the rule of another system"
    )


def test_an_edit_that_a_deletion_overrides_goes_to_the_journal(make: Any) -> None:
    out = last_words(make.record(title="a"), [make.side("crm", seen={"title": "b"}, base={"title": "a"})])
    assert [c.lost for c in out.conflicts] == [("crm", "b")]


def test_what_the_record_says_itself_is_no_edit_that_a_deletion_overrides(make: Any) -> None:
    ours = make.side("crm", seen={"title": "b"}, base={"title": "a"})  # a write whose answer was lost
    assert last_words(make.record(title="b"), [ours]).conflicts == []


def test_a_link_left_behind_by_a_merge_is_a_question(make: Any) -> None:
    sides = [make.side("mail")]
    orders, [question], apart = folded(make.record(), "r2", sides, make.court())
    assert (orders, question.topic, apart) == ([], "merge", False)
    yes = {question.key: Decision("merge", question.key, "accepted", {})}
    assert [o.op for o in folded(make.record(), "r2", sides, make.court(yes))[0]] == ["archive"]
    no = {question.key: Decision("merge", question.key, "rejected", {})}
    assert folded(make.record(), "r2", sides, make.court(no))[2]


def test_only_unstamped_links_of_writable_systems_are_stamped(make: Any) -> None:
    bare = make.side("mail")
    bare = bare._replace(link=bare.link._replace(stamped=False))
    known = frozenset({"mail"})
    assert [o.op for o in links(make.record(), [bare], known)] == ["link"]
    assert links(make.record(), [make.side("mail")], known) == []
    assert links(make.record(), [bare], frozenset()) == []
    assert links(make.record(), [bare._replace(rules=SystemRules("read"))], known) == []
    assert links(make.record(), [bare._replace(rejected={"#link": "x"})], known) == []


def test_an_unshared_field_is_in_no_order(make: Any) -> None:
    court = make.court(title=Policy("none"))
    record = make.record(title="b", email="a@b.example")
    assert (
        planned(make, record, [make.side("mail", seen={"title": "a", "email": "a@b.example"})], court=court).orders
        == []
    )
    assert planned(make, record, [], [make.target()], court=court).orders[0].fields == {"email": "a@b.example"}


def test_a_remote_without_an_id_is_linked_whether_or_not_there_is_a_field_for_the_hub_id(make: Any) -> None:
    record = make.record(title="Boss")
    side = make.side("crm", provisional=True)
    assert [o.op for o in links(record, [side], frozenset())] == ["link"]
    assert [o.op for o in links(record, [side], frozenset({"crm"}))] == ["link"]
    for odd in (
        make.side("crm", provisional=True, rules=SystemRules(mode="read")),
        make.side("crm", provisional=True, blocked=True),
        make.side("crm", provisional=True, rejected={"#link": "x"}),
        make.side("crm"),
    ):
        assert links(record, [odd], frozenset({"crm"})) == []


def test_a_default_that_is_blank_is_not_written(make: Any) -> None:
    [order] = planned(make, make.record(title="Boss"), [], [make.target(defaults={"phone": None})]).orders
    assert order.fields == {"title": "Boss"}
