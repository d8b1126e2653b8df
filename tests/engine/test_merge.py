"""How the three trees move: what is observed, what a write confirms, what a merge takes in."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.engine.merge import begin, digest, merge
from tieline.engine.trees import adrift, confirm, late, observe, settle, unmerged
from tieline.model import Decision, FieldFacts
from tieline.rules import Policy, SystemRules

FAR = 100_000


def test_observing_writes_seen_and_leaves_base(make: Any) -> None:
    after = observe(make.link("mail", seen={"title": "a"}), make.remote(fields={"title": "b"}, modified=7))
    assert (after.seen, after.base, after.times) == ({"title": "b"}, {"title": "a"}, {"title": 7})


def test_a_field_that_is_not_spoken_of_stays_as_it_was_seen(make: Any) -> None:
    after = observe(make.link("mail", seen={"title": "a", "phone": "1"}), make.remote(fields={"phone": None}))
    assert after.seen == {"title": "a", "phone": None}


def test_who_is_observed_is_alive_whatever_was_taken_out_of_the_bin_elsewhere(make: Any) -> None:
    after = observe(make.link("mail", gone="user", risen=7), make.remote(fields={"title": "b"}))
    assert (after.gone, after.risen) == (None, 0)


def test_an_edit_taken_back_is_no_edit(make: Any) -> None:
    edited = observe(make.link("mail", seen={"title": "a"}), make.remote(fields={"title": "b"}, modified=7))
    back = observe(edited, make.remote(fields={"title": "a"}, modified=9))
    assert not unmerged(back)
    assert back.times == {}


def test_the_edit_time_is_the_fields_own_where_the_system_has_one(make: Any) -> None:
    there = make.remote(fields={"title": "b"}, modified=9, field_times={"title": 4})
    assert observe(make.link("mail", seen={"title": "a"}), there).times == {"title": 4}


def test_the_edit_time_is_that_of_the_first_observation(make: Any) -> None:
    seen = observe(make.link("mail", seen={"title": "a"}), make.remote(fields={"title": "b"}, modified=7))
    again = observe(seen, make.remote(fields={"title": "b", "phone": "1"}, modified=99))
    assert again.times["title"] == 7


def test_a_confirmed_write_is_never_an_edit_of_that_system(make: Any) -> None:
    after = confirm(make.link("mail", seen={"title": "a"}), {"title": "b"}, make.remote(fields={"title": "b"}))
    assert not unmerged(after)
    assert after.seen["title"] == "b"


def test_what_a_lossy_system_made_of_a_value_is_agreed_and_remembered(make: Any) -> None:
    after = confirm(
        make.link("mail", seen={"email": "a"}), {"email": "A@B.example"}, make.remote(fields={"email": "a@b.example"})
    )
    assert after.base["email"] == "a@b.example"
    assert after.sent == {"email": "A@B.example"}
    assert not unmerged(after)


def test_a_refused_field_stays_owed(make: Any) -> None:
    before = make.link("mail", seen={"title": "a", "phone": "1"})
    after = confirm(before, {"title": "b", "phone": "2"}, make.remote(fields={"title": "a", "phone": "2"}), ["title"])
    assert (after.base["title"], after.base["phone"]) == ("a", "2")


def test_an_edit_that_came_with_the_answer_is_an_observation(make: Any) -> None:
    before = make.link("mail", seen={"title": "a", "phone": "1"})
    after = confirm(before, {"title": "b"}, make.remote(fields={"title": "b", "phone": "9"}, modified=50))
    assert unmerged(after, ["phone"])
    assert not unmerged(after, ["title"])
    assert after.times["phone"] < 50


def test_an_answer_that_is_not_of_the_moment_may_hold_somebodys_edit(make: Any) -> None:
    before = make.link("mail", seen={"title": "a"})
    after = confirm(before, {"title": "b"}, make.remote(fields={"title": "zzz"}, modified=5), atomic=False)
    assert unmerged(after, ["title"])


def test_the_version_is_believed_only_when_the_answer_holds_every_field(make: Any) -> None:
    before = make.link("mail", seen={"title": "a", "phone": "1"})
    assert confirm(before, {"title": "b"}, make.remote(fields={"title": "b"}, version="9")).version == ""
    whole = make.remote(fields={"title": "b", "phone": "1"}, version="9")
    assert confirm(before, {"title": "b"}, whole).version == "9"


def test_settling_takes_what_equals_the_payload_for_our_own_write(make: Any) -> None:
    before = make.link("mail", seen={"title": "a", "phone": "1"})
    after = settle(before, {"title": "b"}, make.remote(fields={"title": "b", "phone": "2"}, modified=9))
    assert not unmerged(after, ["title"])
    assert unmerged(after, ["phone"])


def test_settling_a_write_that_never_arrived_leaves_it_owed(make: Any) -> None:
    after = settle(make.link("mail", seen={"title": "a"}), {"title": "zzz"}, make.remote(fields={"title": "a"}))
    assert after.base == {"title": "a"}
    assert after.sent == {}


# -- merging


def test_an_edit_enters_the_record_and_is_agreed(make: Any) -> None:
    sides = [make.side("crm", seen={"title": "a"}), make.side("mail", seen={"title": "b"}, base={"title": "a"})]
    out = merge(make.record(title="a"), sides, make.court())
    assert out.fields["title"] == "b"
    assert out.agreed == {"mail": {"title"}}
    assert tuple(out.changes["title"]) == ("a", "b", "mail", "two-way")


def test_edits_of_different_fields_never_conflict(make: Any) -> None:
    sides = [
        make.side("crm", seen={"title": "x", "phone": "1"}, base={"title": "a", "phone": "1"}, modified=5),
        make.side("mail", seen={"title": "a", "phone": "2"}, base={"title": "a", "phone": "1"}, modified=5),
    ]
    out = merge(make.record(title="a", phone="1"), sides, make.court())
    assert (out.fields["title"], out.fields["phone"]) == ("x", "2")
    assert out.conflicts == []
    assert out.questions == []


def test_a_first_link_never_clears(make: Any) -> None:
    sides = [make.side("mail", seen={"title": None, "phone": "1"}, base={}, modified=FAR)]
    out = merge(make.record(title="a"), sides, make.court())
    assert out.fields == {"title": "a", "phone": "1"}


def test_a_first_link_spelled_differently_owes_nothing_and_changes_nothing(make: Any) -> None:
    sides = [make.side("mail", seen={"email": "ADA@firm.example"}, base={}, modified=FAR)]
    out = merge(make.record(email="ada@firm.example"), sides, make.court())
    assert out.fields["email"] == "ada@firm.example"
    assert out.same == {"mail": {"email": "ada@firm.example"}}
    assert out.agreed == {"mail": {"email"}}


def test_a_change_of_spelling_by_a_person_is_an_edit(make: Any) -> None:
    sides = [make.side("mail", seen={"last_name": "McKay"}, base={"last_name": "Mckay"}, modified=FAR)]
    assert merge(make.record(last_name="Mckay"), sides, make.court()).fields["last_name"] == "McKay"


def test_a_deleted_remote_has_no_say(make: Any) -> None:
    sides = [make.side("mail", seen={"title": "b"}, base={"title": "a"}, gone="user")]
    assert merge(make.record(title="a"), sides, make.court()).fields["title"] == "a"


def test_the_loser_of_a_conflict_is_kept(make: Any) -> None:
    sides = [
        make.side("crm", seen={"title": "older"}, base={"title": "a"}, modified=1),
        make.side("mail", seen={"title": "newer"}, base={"title": "a"}, modified=FAR),
    ]
    out = merge(make.record(title="a"), sides, make.court())
    [conflict] = out.conflicts
    assert (conflict.kept, conflict.lost) == (("mail", "newer"), ("crm", "older"))


def test_an_unshared_field_is_left_alone(make: Any) -> None:
    sides = [make.side("mail", seen={"title": "b"}, base={"title": "a"})]
    out = merge(make.record(title="a"), sides, make.court(title=Policy("none")))
    assert (out.fields["title"], out.agreed) == ("a", {})


def test_a_held_field_is_neither_agreed_nor_changed_where_it_was_edited(make: Any) -> None:
    sides = [
        make.side("crm", seen={"title": "b"}, base={"title": "a"}, modified=FAR),
        make.side("mail", seen={"title": "c"}, base={"title": "a"}, modified=FAR + 1),
    ]
    out = merge(make.record(title="a"), sides, make.court())
    assert out.held == {"title": {"crm", "mail"}}
    assert out.agreed == {}
    [question] = out.questions
    assert question.topic == "conflict"


@pytest.mark.parametrize(
    ("answer", "choice", "kept"), [("accepted", None, "c"), ("rejected", None, "b"), ("accepted", "crm", "b")]
)
def test_an_answer_decides_a_conflict(make: Any, answer: Any, choice: str | None, kept: str) -> None:
    sides = [
        make.side("crm", seen={"title": "b"}, base={"title": "a"}, modified=FAR),
        make.side("mail", seen={"title": "c"}, base={"title": "a"}, modified=FAR + 1),
    ]
    [question] = merge(make.record(title="a", by=("files", 0)), sides, make.court()).questions
    decision = Decision("conflict", question.key, answer, question.detail, choice)
    out = merge(make.record(title="a", by=("files", 0)), sides, make.court({question.key: decision}))
    assert out.fields["title"] == kept
    assert out.held == {}


FIXED = {"title": FieldFacts(write=False)}


@pytest.mark.parametrize(
    ("facts", "rules"), [(FIXED, SystemRules()), ({}, SystemRules(mode="read")), ({}, SystemRules(mode="fill"))]
)
def test_nobody_is_asked_about_a_conflict_where_no_answer_could_be_written(make: Any, facts: Any, rules: Any) -> None:
    sides = [
        make.side("crm", seen={"title": "b"}, base={"title": "a"}, modified=FAR, facts=facts, rules=rules),
        make.side("mail", seen={"title": "c"}, base={"title": "a"}, modified=FAR + 1, facts=facts, rules=rules),
    ]
    out = merge(make.record(title="a"), sides, make.court())
    assert (out.questions, out.held, out.fields["title"]) == ([], {}, "c")
    [conflict] = out.conflicts
    assert (conflict.lost, conflict.policy) == (("crm", "b"), "newest: no system can write it")
    third = make.side("files", seen={"title": "a"}, base={"title": "a"})
    assert merge(make.record(title="a"), [*sides, third], make.court()).held, "it can be written there"
    blank = make.side("files", seen={"title": None}, base={"title": None}, rules=SystemRules(mode="fill"))
    assert merge(make.record(title="a"), [*sides, blank], make.court()).held, "it is blank there, and filled"


def test_nobody_is_asked_about_a_foreign_edit_that_cannot_be_put_back_nor_taken(make: Any) -> None:
    policy = Policy("only", "crm", "review")
    sides = [make.side("mail", seen={"title": "b"}, base={"title": "a"}, modified=FAR, facts=FIXED)]
    out = merge(make.record(title="a"), sides, make.court(title=policy))
    assert (out.questions, out.fields["title"], [c.lost for c in out.conflicts]) == ([], "a", [("mail", "b")])


def test_an_opt_in_is_asked_about_wherever_it_can_be_written(make: Any) -> None:
    facts = {"consent_email": FieldFacts(write=False)}
    seen, base = {"consent_email": "allowed"}, {"consent_email": "opted_out"}
    sides = [make.side("mail", seen=seen, base=base, modified=FAR, facts=facts)]
    [question] = merge(make.record(consent_email="opted_out"), sides, make.court()).questions
    assert question.topic == "consent"


def test_a_foreign_edit_can_be_asked_about(make: Any) -> None:
    policy = Policy("only", "crm", "review")
    sides = [make.side("mail", seen={"title": "b"}, base={"title": "a"}, modified=FAR)]
    [question] = merge(make.record(title="a"), sides, make.court(title=policy)).questions
    assert question.topic == "foreign"
    for answer, kept in (("accepted", "b"), ("rejected", "a")):
        decision = Decision("foreign", question.key, answer, question.detail)  # type: ignore[arg-type]
        out = merge(make.record(title="a"), sides, make.court({question.key: decision}, title=policy))
        assert out.fields["title"] == kept


def test_a_system_without_roles_does_not_blank_them(make: Any) -> None:
    known = [{"id": "p", "role": "buyer", "primary": True}]
    plain = [{"id": "p", "role": None, "primary": False}, {"id": "q", "role": None, "primary": False}]
    sides = [make.side("mail", "opportunity", seen={"contacts": plain}, base={"contacts": plain[:1]}, modified=FAR)]
    out = merge(make.record("opportunity", contacts=known), sides, make.court())
    assert {r["id"]: r["role"] for r in out.fields["contacts"]} == {"p": "buyer", "q": None}


def test_money_is_one_value(make: Any) -> None:
    before, after = {"amount": "5", "currency": "EUR"}, {"amount": "5", "currency": "USD"}
    sides = [make.side("mail", "opportunity", seen={"amount": after}, base={"amount": before}, modified=FAR)]
    assert merge(make.record("opportunity", amount=before), sides, make.court()).fields["amount"] == after


def test_equal_cells_have_equal_digests_whatever_the_order_of_their_parts() -> None:
    assert digest({"amount": "5", "currency": "EUR"}) == digest({"currency": "EUR", "amount": "5"})
    assert len({digest(v) for v in (None, "", "0", 0, False, [], {})}) == 7


def test_a_record_without_a_word_takes_its_first_one_from_the_first_system_whatever_the_policies(make: Any) -> None:
    sides = [
        make.side("mail", seen={"title": "Boss", "phone": None}, base={}, modified=9),
        make.side("crm", seen={"title": "Chief", "email": "a@b.example"}, base={}, modified=5),
    ]
    blank = make.record()._replace(fields={}, stamps={})
    out = begin(blank, sides[:1], make.court(title=Policy("only", "crm")))
    assert (out.fields["title"], out.agreed["mail"]) == ("Boss", {"title", "phone"})
    assert (out.changes["title"].rule, out.changes["title"].origin) == ("the first value known", "mail")
    both = begin(blank, sides, make.court(title=Policy("only", "crm")))  # who ranks first begins, whoever is newer
    assert (both.fields["title"], both.fields["email"]) == ("Chief", "a@b.example")
    assert [c.lost for c in both.conflicts] == [("mail", "Boss")]


def test_a_first_word_leaves_out_what_nobody_shares_and_whom_nobody_knows_yet(make: Any) -> None:
    side = make.side("crm", seen={"title": "Boss", "phone": "1", "account": "x"}, base={}, unresolved={"account"})
    out = begin(make.record()._replace(fields={}, stamps={}), [side], make.court(phone=Policy("none")))
    assert out.fields == {"title": "Boss"}
    assert out.agreed == {"crm": {"title"}}


def test_a_version_that_came_with_somebodys_edit_and_not_with_every_field_is_not_believed(make: Any) -> None:
    before = make.link("mail", seen={"title": "a", "phone": "1", "email": "x"})
    part = make.remote(fields={"title": "b", "phone": "2"}, version="9")
    assert confirm(before, {"title": "b"}, part).version == ""


def test_what_was_written_beside_a_deletion_takes_nobody_out_of_the_bin(make: Any) -> None:
    gone = make.link("mail", seen={"title": "a"}, gone="user")
    after = adrift(gone, {"title": "b"}, None)
    assert (after.gone, after.seen["title"], after.base["title"]) == ("user", "b", "a")


def test_an_answer_is_about_the_order_that_was_shown_whoever_is_the_newer_by_now(make: Any) -> None:
    def sides(crm: int, mail: int) -> list[Any]:
        return [
            make.side("crm", seen={"title": "b"}, base={"title": "a"}, modified=crm),
            make.side("mail", seen={"title": "c"}, base={"title": "a"}, modified=mail),
        ]

    record = make.record(title="a", by=("files", 0))
    [question] = merge(record, sides(FAR, FAR + 1), make.court()).questions
    assert question.accept.startswith('keep "c" from mail')
    decision = Decision("conflict", question.key, "accepted", question.detail)
    out = merge(record, sides(FAR + 2, FAR + 1), make.court({question.key: decision}))
    assert out.fields["title"] == "c"


def test_an_answer_about_one_channel_says_nothing_of_another(make: Any) -> None:
    out_there = dict.fromkeys(("consent_email", "consent_phone"), "opted_out")
    back_in = dict.fromkeys(out_there, "allowed")
    sides = [make.side("crm", seen=back_in, base=out_there, modified=FAR)]
    record = make.record(**out_there)
    asked = {q.detail["field"]: q for q in merge(record, sides, make.court()).questions}
    assert asked.keys() == out_there.keys()
    yes = asked["consent_email"]
    decision = Decision("consent", yes.key, "accepted", yes.detail)
    out = merge(record, sides, make.court({yes.key: decision}))
    assert (out.fields["consent_email"], out.fields["consent_phone"]) == ("allowed", "opted_out")
    assert [q.detail["field"] for q in out.questions] == ["consent_phone"]


def test_a_foreign_edit_that_is_asked_about_is_held_in_every_system_that_made_one(make: Any) -> None:
    sides = [make.side(name, seen={"title": name}, base={"title": "a"}, modified=FAR) for name in ("mail", "files")]
    sides.append(make.side("crm", seen={"title": "a"}))
    policy = Policy("only", "crm", on_foreign="review")
    out = merge(make.record(title="a"), sides, make.court(title=policy))
    assert [q.topic for q in out.questions] == ["foreign"]
    assert out.held == {"title": {"mail", "files"}}


def test_of_two_creates_that_were_given_up_the_later_tells_how_a_value_was_sent(make: Any) -> None:
    there = make.link("mail", seen={"email": "ada@b.example"}, base={}, times={"email": 7})
    sent = [{"email": "Ada@b.example"}, {"email": "ADA@b.example"}]
    after = late(there, sent, {"email": "ada@b.example"})
    assert (after.base, after.sent) == ({"email": "ada@b.example"}, {"email": "ADA@b.example"})
    assert after.times == {}


def test_the_other_value_is_another_one_also_where_two_systems_say_the_first(make: Any) -> None:
    told = {"crm": "x", "mail": "y", "files": "x"}
    sides = [make.side(s, seen={"title": v}, base={"title": "a"}, modified=FAR) for s, v in told.items()]
    record = make.record(title="a")
    [question] = merge(record, sides, make.court()).questions
    decision = Decision("conflict", question.key, "rejected", question.detail)
    assert merge(record, sides, make.court({question.key: decision})).fields["title"] == "y"
