"""Two systems, one of them a help desk's stand-in, synced as users sync them; every request is counted.

People make, change, merge and delete on both sides. What it costs is held against what it must cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.joint.zendesk import Joint
from tieline.rules import ActionRule


@pytest.fixture
def joint() -> Iterator[Joint]:
    made = Joint()
    yield made
    made.store.close()


IDLE = {"GET /incremental/users/cursor": 1, "GET /incremental/organizations": 1}


def test_the_first_sync_makes_both_sides_equal_and_the_second_writes_nothing(joint: Joint) -> None:
    joint.fill(30)
    done, _ = joint.sync()
    assert done.converged, done
    assert len(joint.users()) == 60
    assert len(joint.crm.alive("contact")) == 60
    there = joint.users()["c7@crm7.example"]
    assert (there["name"], there["organization_id"] is not None) == ("Bo Crm7", True)
    assert all(u["external_id"] for u in joint.users().values())
    again, calls = joint.sync()
    assert (again.writes, again.converged) == (0, True)
    assert not [r for r in calls if not r.startswith("GET")]


def test_an_idle_run_costs_one_request_for_each_stream(joint: Joint) -> None:
    joint.fill(20)
    joint.sync()
    joint.sync()
    _, calls = joint.sync()
    assert dict(calls) == IDLE


def test_the_first_sync_costs_what_it_must(joint: Joint) -> None:
    """For 700 people on each side: reading, then for each batch of up to 100 the job and one look at it; for new ones
    the read of what came of them, for old ones the read of what will be changed."""
    joint.fill(700)
    done, calls = joint.sync()
    assert done.converged
    batches = {"create": 7 + 1, "link": 7 + 1}
    reading = 1 + 1 + 1  # organizations: one page; users: a page of the list, then one of the export
    least = reading + 3 * (batches["create"] + batches["link"])
    assert sum(calls.values()) <= least * 1.05, calls


def test_edits_travel_both_ways(joint: Joint) -> None:
    joint.fill(10)
    joint.sync()
    user = joint.users()["c3@crm3.example"]
    joint.ask("PUT", f"/users/{user['id']}", {"user": {"name": "Bo van\u00a0Crm", "phone": "+15550100"}})
    joint.edit("d4@desk4.example", last_name="Newname")
    done, _ = joint.sync()
    assert done.converged
    held = joint.person("c3@crm3.example").fields
    assert (held["last_name"], held["phone"]) == ("van Crm", "+15550100")
    assert joint.users()["d4@desk4.example"]["name"] == "Ann Newname"
    again, _ = joint.sync()
    assert again.writes == 0


def test_a_changed_address_is_a_new_identity_and_no_second_user(joint: Joint) -> None:
    joint.fill(10)
    joint.sync()
    user = joint.users()["c3@crm3.example"]
    joint.edit("c3@crm3.example", email="new@crm3.example")
    done, _ = joint.sync()
    assert done.converged
    assert joint.users()["new@crm3.example"]["id"] == user["id"]
    assert len(joint.users()) == 20
    held = joint.ask("GET", f"/users/{user['id']}/identities")["identities"]
    assert [(i["value"], i["primary"]) for i in held] == [("c3@crm3.example", False), ("new@crm3.example", True)]


def test_a_deleted_user_is_archived_in_the_crm_and_one_of_the_crm_at_the_desk(joint: Joint) -> None:
    joint.fill(10)
    joint.sync()
    joint.ask("DELETE", f"/users/{joint.users()['c3@crm3.example']['id']}")
    joint.crm.person_delete("contact", joint.person("d4@desk4.example").id)
    done, _ = joint.sync()
    assert done.converged
    assert {"c3@crm3.example", "d4@desk4.example"}.isdisjoint(joint.users())
    assert len(joint.users()) == len(joint.crm.alive("contact")) == 18


def test_a_deleted_organization_is_missed_by_a_whole_reading(joint: Joint) -> None:
    joint.fill(10)
    joint.sync()
    (home,) = [o for o in joint.ask("GET", "/organizations")["organizations"] if o["name"] == "Crm 3"]
    joint.ask("DELETE", f"/organizations/{home['id']}")
    joint.sync(full=True)
    assert "Crm 3" not in [r.fields["name"] for r in joint.crm.alive("account")]


def test_two_merged_users_are_one_person_and_nobody_is_archived_or_made_anew(joint: Joint) -> None:
    joint.fill(10)
    joint.sync()
    users = joint.users()
    winner, loser = users["c3@crm3.example"]["id"], users["c4@crm4.example"]["id"]
    joint.ask("PUT", f"/users/{loser}/merge", {"user": {"id": winner}})
    joint.sync()
    done, _ = joint.sync()
    assert done.writes == 0
    assert len(joint.users()) == 19
    owners = joint.store.trees.owners("crm", "contact", [joint.person(f"c{n}@crm{n}.example").id for n in (3, 4)])
    assert len(joint.crm.alive("contact")) == 20
    assert len(set(owners.values())) == 1
    held = joint.ask("GET", f"/users/{winner}/identities")["identities"]
    assert [i["value"] for i in held] == ["c3@crm3.example", "c4@crm4.example"]


def test_a_merge_that_the_search_does_not_know_yet_counts_as_a_deletion(joint: Joint) -> None:
    joint.fill(10)
    joint.sync()
    users = joint.users()
    winner, loser = users["c3@crm3.example"]["id"], users["c4@crm4.example"]["id"]
    joint.spoil("search-lag")
    joint.ask("PUT", f"/users/{loser}/merge", {"user": {"id": winner}})
    joint.sync(pause_ms=70_000)
    assert len(joint.users()) == 19
    assert len(joint.crm.alive("contact")) == 19


def test_jobs_that_never_end_lose_nothing_and_the_rest_goes_on() -> None:
    joint = Joint(job_wait=30)
    joint.fill(30)
    joint.spoil("job-stuck")
    for _ in range(6):
        joint.sync()
        joint.clock.advance(600_000)
    emails = Counter(u["email"] for u in joint.users().values())
    assert max(emails.values()) == 1
    assert len(joint.crm.alive("contact")) == 60
    joint.store.close()


def test_a_ticket_is_opened_once_for_each_record_that_asks_for_it() -> None:
    rule = ActionRule(
        "welcome",
        "contact",
        "support",
        "ticket",
        lambda fields: fields.get("phone") == "+1 call me",
        {"subject": "Call {first_name}", "comment": "{phone}", "tags": "tieline, call", "due": "2030-01-02T00:00:00Z"},
    )
    joint = Joint(actions=(rule,))
    joint.fill(10)
    joint.sync()
    joint.edit("d4@desk4.example", phone="+1 call me")
    joint.sync()
    joint.sync()
    (ticket,) = joint.ask("GET", "/tickets")["tickets"]
    assert (ticket["subject"], ticket["status"], ticket["tags"]) == ("Call Ann", "new", ["call", "tieline"])
    assert ticket["due_at"] == "2030-01-02T00:00:00Z"
    joint.store.close()


NASTY = (
    "alias-host",
    "domain-mapping",
    "garbage",
    "job-delay",
    "lost-answer",
    "null-cursor",
    "partial-batch",
    "rate-limit",
    "rate-limit-no-retry-after",
    "search-lag",
    "text-429",
    "user-update-limit",
)


@pytest.mark.parametrize("vice", NASTY)
def test_whatever_the_desk_does_both_sides_end_equal_and_nobody_is_there_twice(vice: str) -> None:
    joint = Joint()
    joint.fill(30)
    joint.spoil(vice)
    for _ in range(8):
        done, _ = joint.sync()
        joint.clock.advance(600_000)
    joint.edit("d4@desk4.example", last_name="Newname", email="new@desk4.example")
    for _ in range(6):
        done, _ = joint.sync()
        joint.clock.advance(600_000)
    assert done.converged, done
    joint.spoil()
    users = joint.users()
    held = {r.fields["email"]: r.fields for r in joint.crm.alive("contact")}
    assert users.keys() == held.keys()
    assert len(users) == 60
    assert users["new@desk4.example"]["name"] == "Ann Newname"
    assert {u["name"] for u in users.values()} == {f"{f['first_name']} {f['last_name']}" for f in held.values()}
    assert [r["topic"] for r in joint.store.book.reviews()] == []
    joint.store.close()
