"""Batches that Google refuses as a whole, and who is the reason; calls one after the other."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tieline import ConfigError, Rule, Unavailable, Window, Write
from tieline_google.people.writing import MOST_CALLS

ADA, BOB = [{"givenName": "Ada", "familyName": "L"}], [{"givenName": "Bob"}]


def update(n: int, etag: str = "", **fields: Any) -> Write:
    return Write("update", f"018bcfe5-6800-7000-8000-{n:012}", fields, f"people/c{n}", etag)


def create(n: int, **fields: Any) -> Write:
    return Write("create", f"018bcfe5-6800-7000-8000-{n:012}", fields)


def statuses(outcomes: Any) -> list[str]:
    return [o.status for o in outcomes]


def test_a_create_carries_label_and_hub_id_and_nothing_that_is_output_only(contacts: Any, people: Any) -> None:
    made = people.person(1, hub=people.hub + "1", names=ADA)
    part, script = contacts([people.groups("Tieline"), people.created(made)])
    (outcome,) = part.write([Write("create", people.hub + "1", {"first_name": "Ada", "title": None})])
    (sent,) = script.body()["contacts"]
    assert sent["contactPerson"] == {
        "names": [{"givenName": "Ada"}],
        "clientData": [{"key": "tieline_id", "value": people.hub + "1"}],
        "memberships": [
            {"contactGroupMembership": {"contactGroupResourceName": "contactGroups/myContacts"}},
            {"contactGroupMembership": {"contactGroupResourceName": people.label}},
        ],
    }
    assert (outcome.status, outcome.remote.id, outcome.remote.version) == ("ok", "people/c1", "#1")
    assert script.asked[-1].write


def test_the_label_is_made_with_the_first_write_and_looked_up_once(contacts: Any, people: Any) -> None:
    def created(request: Any) -> Any:
        rows = [c["contactPerson"] for c in request.data()["contacts"]]
        return people.created(*(people.person(n, hub=r["clientData"][0]["value"]) for n, r in enumerate(rows)))

    label = people.answer({"resourceName": people.label, "groupType": "USER_CONTACT_GROUP", "name": "Tieline"})
    part, script = contacts([people.groups(), label, created, created])
    assert statuses(part.write([create(1, first_name="A")])) == ["ok"]
    assert statuses(part.write([create(2, first_name="B")])) == ["ok"]
    assert [c for c in script.calls if "contactGroups" in c] == ["GET contactGroups", "POST contactGroups"]


def test_a_label_that_somebody_else_made_meanwhile_is_taken(contacts: Any, people: Any) -> None:
    taken = people.refused(409, "Contact group name already exists.", "ALREADY_EXISTS")
    made = people.created(people.person(1, hub=people.hub + "1"))
    part, _ = contacts([people.groups(), taken, people.groups("Tieline"), made])
    assert statuses(part.write([Write("create", people.hub + "1", {"first_name": "A"})])) == ["ok"]


def test_a_label_that_goes_while_it_is_written_is_no_fault_of_any_contact(contacts: Any, people: Any) -> None:
    refusal = people.refused(400, "Contact group does not exist", "INVALID_ARGUMENT")
    part, _ = contacts([people.groups("Tieline"), refusal, people.groups()])
    with pytest.raises(ConfigError, match="no label"):
        part.write([Write("create", people.hub + str(n), {"first_name": "A"}) for n in (1, 2)])


def test_a_label_whose_members_are_known_is_not_made_anew(contacts: Any, people: Any) -> None:
    """A listing may be minutes behind its deletion: then nothing seems to have happened."""
    part, _ = contacts([people.listing(sync="t"), people.groups("Tieline")])
    feed = part.list(None).feed
    for groups, said in (
        (people.groups(), "no label 'Tieline' any more"),
        (other(people), "is another one, even if it was made again"),
    ):
        part, script = contacts(
            [people.listing(sync="t2"), groups, people.listing(people.person(1, hub=people.hub + "1"))]
        )
        part.changes(Window(0, feed=feed), None)
        with pytest.raises(ConfigError, match=said):
            part.write([create(1, first_name="A")])
        assert [c for c in script.calls if c.startswith("POST")] == []


def other(people: Any) -> Any:
    """The labels, of which another one has the name now."""
    row = {"resourceName": "contactGroups/9f", "groupType": "USER_CONTACT_GROUP", "name": "Tieline"}
    return people.answer({"contactGroups": [row]})


def test_created_people_are_known_by_the_hub_id_and_not_by_their_place(contacts: Any, people: Any) -> None:
    one, two = people.person(1, hub=people.hub + "1"), people.person(2, hub=people.hub + "2")
    part, _ = contacts([people.groups("Tieline"), people.created(two, one)])
    found = part.write([Write("create", people.hub + str(n), {"first_name": "A"}) for n in (1, 2, 3)])
    assert [o.remote.id if o.remote else o.status for o in found] == ["people/c1", "people/c2", "unknown"]


def test_one_mask_is_sent_and_who_does_not_change_a_field_gets_it_back_as_it_is(contacts: Any, people: Any) -> None:
    """[spec] all fields of the mask are replaced, or cleared if left empty, for each person."""
    one = people.person(1, names=ADA, phoneNumbers=[{"value": "+1", "type": "work"}])
    two = people.person(2, names=BOB, phoneNumbers=[{"value": "+2", "type": "home", "formattedType": "Home"}])
    part, script = contacts([people.read(one, two), people.groups("Tieline"), people.updated(one, two)])
    assert statuses(part.write([update(1, first_name="Eve"), update(2, phone="+9")])) == ["ok", "ok"]
    body = script.body()
    assert body["updateMask"] == "names,phoneNumbers"
    sent = body["contacts"]
    assert sent["people/c1"]["names"] == [{"givenName": "Eve", "familyName": "L"}]
    assert sent["people/c1"]["phoneNumbers"] == [{"value": "+1", "type": "work"}]
    assert sent["people/c2"]["names"] == [{"givenName": "Bob"}]
    assert [p["value"] for p in sent["people/c2"]["phoneNumbers"]] == ["+2", "+9"]
    assert sent["people/c2"]["metadata"] == {"sources": [{"type": "CONTACT", "id": "2", "etag": "#1"}]}


def test_what_is_there_already_is_not_written(contacts: Any, people: Any) -> None:
    part, script = contacts([people.read(people.person(1, names=ADA)), people.groups("Tieline")])
    (outcome,) = part.write([update(1, first_name="Ada")])
    assert (outcome.status, outcome.remote.version) == ("ok", "#1")
    assert script.left == 0


def test_who_was_read_a_moment_ago_at_this_version_is_not_read_again(contacts: Any, people: Any) -> None:
    one = people.person(1, "#7", names=ADA)
    answers = [people.read(one), people.groups("Tieline"), people.updated(one), people.read(one), people.updated(one)]
    part, script = contacts(answers)
    part.read(["people/c1"], frozenset({"title"}))
    part.write([update(1, "#7", title="Boss")])
    assert script.calls[-1] == "POST people:batchUpdateContacts"
    part.write([update(1, title="Boss")])  # no version: what was read before may be old
    assert script.calls[-2:] == ["GET people:batchGet", "POST people:batchUpdateContacts"]


def test_an_old_version_is_a_conflict_and_the_others_are_done(contacts: Any, people: Any) -> None:
    one, two = people.person(1, "#5", names=ADA), people.person(2, "#6", names=BOB)
    part, script = contacts([people.read(one, two), people.groups("Tieline"), people.updated(two)])
    assert statuses(part.write([update(1, "#4", title="A"), update(2, "#6", title="B")])) == ["conflict", "ok"]
    assert list(script.body()["contacts"]) == ["people/c2"]


@pytest.mark.parametrize("named", [True, False])
def test_who_moved_between_the_read_and_the_write_is_a_conflict_and_the_others_are_done(
    contacts: Any, people: Any, named: bool
) -> None:
    """[spec] 400 failedPrecondition; [doc] contactErrors names the culprits; without it they are found by a read."""
    rows = [people.person(n, names=BOB) for n in (1, 2, 3)]
    errors = {"contactErrors": {"people/c2": {"code": 9, "message": "etag"}}}
    refusal = people.refused(400, "stale", "FAILED_PRECONDITION", *([errors] if named else []))
    again = [] if named else [people.read(rows[0], people.person(2, "#2", names=BOB), rows[2])]
    done = people.updated(rows[0], rows[2])
    part, script = contacts([people.read(*rows), people.groups("Tieline"), refusal, *again, done])
    found = part.write([update(n, title="T") for n in (1, 2, 3)])
    assert statuses(found) == ["ok", "conflict", "ok"]
    assert list(script.body()["contacts"]) == ["people/c1", "people/c3"]


def test_a_refused_value_is_a_problem_of_its_field_and_of_that_contact_alone(contacts: Any, people: Any) -> None:
    violation = {"field": "person.email_addresses.value", "description": "too long"}
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation]}
    errors = {"contactErrors": {"1": {"code": 3, "message": "bad", "details": [detail]}}}
    refusal = people.refused(400, "failed", "INVALID_ARGUMENT", errors)
    made = people.created(people.person(1, hub=people.hub + "1"), people.person(3, hub=people.hub + "3"))
    part, _ = contacts([people.groups("Tieline"), refusal, people.groups("Tieline"), made])
    rows = [Write("create", people.hub + str(n), {"first_name": "A", "email": "a@x.example"}) for n in (1, 2, 3)]
    found = part.write(rows)
    assert statuses(found) == ["ok", "rejected", "ok"]
    assert [(p.field, p.message) for p in found[1].problems] == [("email", "too long")]


def culprit(people: Any, bad: set[str], calls: list[int]) -> Any:
    """Refuses a batch with one of these names in it, without saying because of whom."""

    def handle(request: Any) -> Any:
        if request.path.endswith("contactGroups"):
            return people.groups("Tieline")
        rows = [c["contactPerson"] for c in request.data()["contacts"]]
        calls.append(len(rows))
        if bad & {r["names"][0]["givenName"] for r in rows}:
            return people.refused(400, "Invalid contact.", "INVALID_ARGUMENT")
        made = [people.person(n, hub=r["clientData"][0]["value"], names=r["names"]) for n, r in enumerate(rows)]
        return people.created(*made)

    return handle


def test_without_a_name_for_the_culprit_the_batch_is_halved_down_to_it(contacts: Any, people: Any) -> None:
    calls: list[int] = []
    part, _ = contacts(culprit(people, {"P77"}, calls))
    found = part.write([create(n, first_name=f"P{n}") for n in range(200)])
    assert [n for n, o in enumerate(found) if o.status != "ok"] == [77]
    assert [(p.field, p.message) for p in found[77].problems] == [(None, "Invalid contact.")]
    assert len(calls) <= 1 + 2 * 8


def test_where_every_contact_is_refused_the_search_ends(contacts: Any, people: Any) -> None:
    calls: list[int] = []
    part, _ = contacts(culprit(people, {f"P{n}" for n in range(200)}, calls))
    found = statuses(part.write([create(n, first_name=f"P{n}") for n in range(200)]))
    assert len(calls) == MOST_CALLS
    assert set(found) == {"rejected", "throttled"}


def test_a_lost_answer_in_the_midst_leaves_open_only_what_it_was_about(contacts: Any, people: Any) -> None:
    steps = [people.refused(400, "no", "INVALID_ARGUMENT"), people.created(people.person(1, hub=people.hub + "1"))]
    label = people.groups("Tieline")
    part, script = contacts([label, steps[0], label, steps[1], Unavailable("lost", sent=True)])
    rows = [Write("create", people.hub + str(n), {"first_name": "A"}) for n in (1, 2)]
    assert statuses(part.write(rows)) == ["ok", "unknown"]
    assert script.left == 0


def test_a_lost_answer_at_the_beginning_is_raised(contacts: Any, people: Any) -> None:
    part, _ = contacts([people.groups("Tieline"), Unavailable("lost", sent=True)])
    with pytest.raises(Unavailable):
        part.write([Write("create", people.hub + "1", {"first_name": "A"})])


def test_who_left_the_label_or_moved_is_not_deleted(contacts: Any, people: Any) -> None:
    rows = [people.person(1, label=None), people.person(2, "#2"), people.person(3)]
    part, script = contacts([people.read(*rows, missing=["people/c4"]), people.groups("Tieline"), people.answer({})])
    writes = [Write("archive", people.hub + str(n), {}, f"people/c{n}", "#1" if n == 2 else "") for n in (1, 2, 3, 4)]
    assert statuses(part.write(writes)) == ["gone", "conflict", "ok", "gone"]
    assert script.body() == {"resourceNames": ["people/c3"]}


def test_one_who_is_deleted_meanwhile_is_gone_and_the_others_are_deleted(contacts: Any, people: Any) -> None:
    """[cap] 404 with the place of who is not there."""
    detail = {"fieldViolations": [{"field": "resourceNames[0]", "description": "Resource not found."}]}
    refusal = people.refused(404, "Contact person resources are not found.", "NOT_FOUND", detail)
    read = people.read(people.person(1), people.person(2))
    part, script = contacts([read, people.groups("Tieline"), refusal, people.answer({})])
    writes = [Write("archive", people.hub + str(n), {}, f"people/c{n}") for n in (1, 2)]
    assert statuses(part.write(writes)) == ["gone", "ok"]
    assert script.body() == {"resourceNames": ["people/c2"]}


def test_a_link_leaves_the_data_of_other_tools_alone(contacts: Any, people: Any) -> None:
    held = people.person(1)
    held["clientData"] = [{"key": "other", "value": "1"}, {"key": "tieline_id", "value": "old"}]
    part, script = contacts([people.read(held), people.groups("Tieline"), people.updated(held)])
    part.write([Write("link", people.hub + "1", {}, "people/c1")])
    body = script.body()
    assert body["updateMask"] == "clientData"
    assert body["contacts"]["people/c1"]["clientData"] == [
        {"key": "other", "value": "1"},
        {"key": "tieline_id", "value": people.hub + "1"},
    ]


def test_a_contact_that_gets_another_name_by_the_write_tells_the_old_one(contacts: Any, people: Any) -> None:
    """[spec] the resource name may change when a field links a contact with a profile."""
    told = {"updateResult": {"people/c1": {"person": people.person(9), "requestedResourceName": "people/c1"}}}
    part, _ = contacts([people.read(people.person(1)), people.groups("Tieline"), people.answer(told)])
    (outcome,) = part.write([update(1, email="a@x.example")])
    assert (outcome.remote.id, outcome.remote.aliases) == ("people/c9", ("people/c1",))


def test_a_blank_that_another_entry_would_fill_is_a_problem_and_the_rest_is_written(contacts: Any, people: Any) -> None:
    held = people.person(1, emailAddresses=[{"value": "a@x.example"}, {"value": "b@x.example"}])
    part, script = contacts([people.read(held), people.groups("Tieline"), people.updated(held)])
    (outcome,) = part.write([update(1, email=None, title="T")])
    assert outcome.status == "ok"
    assert [p.field for p in outcome.problems] == ["email"]
    assert script.body()["updateMask"] == "organizations"


def test_columns_that_there_are_not_cannot_be_written(contacts: Any, people: Any) -> None:
    rule = Rule("birthplace", "x_place")
    part, _ = contacts([people.read(people.person(1)), people.groups("Tieline")], rule)
    facts = part.schema().fields["x_place"]
    assert (facts.read, facts.write) == (False, False)
    (outcome,) = part.write([update(1, x_place="Oslo")])
    assert (outcome.status, [p.code for p in outcome.problems]) == ("rejected", ["read_only"])


def test_a_consent_may_stand_in_a_field_of_ones_own(contacts: Any, people: Any) -> None:
    rule = Rule("userDefined.No mail", "consent_email", values={"yes": "opted_out", "no": "allowed"})
    held = people.person(1, userDefined=[{"key": "No mail", "value": "no"}, {"key": "Other", "value": "1"}])
    part, script = contacts([people.read(held), people.groups("Tieline"), people.updated(held)], rule)
    part.write([update(1, consent_email="opted_out")])
    sent = script.body()["contacts"]["people/c1"]["userDefined"]
    assert sent == [{"key": "No mail", "value": "yes"}, {"key": "Other", "value": "1"}]


def test_writes_are_made_one_after_the_other(contacts: Any, people: Any) -> None:
    """[spec] mutate requests for the same user should be sent sequentially."""
    at_once: list[int] = []
    busy = 0

    def slow(request: Any) -> Any:
        nonlocal busy
        if request.path.endswith("contactGroups"):
            return people.groups("Tieline")
        busy += 1
        at_once.append(busy)
        time.sleep(0.01)
        busy -= 1
        hubs = [c["contactPerson"]["clientData"][0]["value"] for c in request.data()["contacts"]]
        return people.created(*(people.person(n, hub=h) for n, h in enumerate(hubs)))

    part, _ = contacts(slow)
    threads = [threading.Thread(target=part.write, args=([create(n, first_name="A")],)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert at_once == [1, 1, 1, 1]


@pytest.mark.parametrize("op", ["update", "link", "archive"])
def test_a_contact_that_cannot_be_sent_back_is_refused_alone(contacts: Any, people: Any, op: Any) -> None:
    odd = {**people.person(1), "names": [{"metadata": 7}], "clientData": [{"metadata": 7}], "memberships": [None]}
    done = people.answer({}) if op == "archive" else people.updated(people.person(2))
    part, _ = contacts([people.read(odd, people.person(2)), people.groups("Tieline"), done])
    fields = {"first_name": "Z"} if op == "update" else {}
    found = part.write([Write(op, people.hub + str(n), fields, f"people/c{n}", "") for n in (1, 2)])
    assert statuses(found) == ["rejected", "ok"]


@pytest.mark.parametrize("told", [True, [7], {"people/c1": 7}, {"people/c1": {"person": [7]}}])
def test_an_answer_to_a_write_that_shows_nothing_leaves_open_what_was_done(
    contacts: Any, people: Any, told: Any
) -> None:
    part, _ = contacts([people.read(people.person(1)), people.groups("Tieline"), people.answer({"updateResult": told})])
    assert statuses(part.write([update(1, first_name="Z")])) == ["unknown"]
    part, _ = contacts([people.groups("Tieline"), people.answer({"createdPeople": told})])
    assert statuses(part.write([create(1, first_name="Z")])) == ["unknown"]


@pytest.mark.parametrize(
    "detail",
    [
        {"contactErrors": [7]},
        {"contactErrors": {"0": {"details": 7}}},
        {"fieldViolations": True},
        {"fieldViolations": {"field": "contacts[0].names"}},
    ],
)
def test_a_refusal_of_another_form_refuses_no_more_than_it_is_about(contacts: Any, people: Any, detail: Any) -> None:
    refusal = people.refused(400, "no", "INVALID_ARGUMENT", detail)
    two = people.updated(people.person(2))
    script = [people.read(people.person(1), people.person(2)), people.groups("Tieline"), refusal, refusal, two]
    if "contactErrors" in detail and isinstance(detail["contactErrors"], dict):
        script = [*script[:3], two]  # the culprit is named
    part, _ = contacts(script)
    assert statuses(part.write([update(n, first_name="Z") for n in (1, 2)])) == ["rejected", "ok"]
