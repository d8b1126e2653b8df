"""zenpy, the common Python SDK, drives the stand-in over a socket: it parses every answer into its own objects."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

objects = pytest.importorskip("zenpy.lib.api_objects", reason="zenpy is not installed")
errors = pytest.importorskip("zenpy.lib.exception")

User, Organization, Ticket, Comment = objects.User, objects.Organization, objects.Ticket, objects.Comment
BEGINNING = datetime(2001, 1, 1, tzinfo=UTC)


class Later:
    """A clock that runs a given time ahead: what is made now is older than a minute to the exports."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> int:
        return round((datetime.now(UTC) + self.ahead).timestamp() * 1000)

    def monotonic(self) -> float:
        return self.now() / 1000

    def sleep(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@pytest.mark.parametrize("basic", [False, True])
def test_a_user_is_created_read_changed_and_deleted(bench: Callable[..., Any], basic: bool) -> None:
    users = bench(basic=basic).client.users
    made = users.create(User(name="Ada Berg", email="Ada@One.example", external_id="A-1"))
    assert (made.email, made.role, made.active) == ("ada@one.example", "end-user", True)
    made.notes = "Likes maps"
    users.update(made)
    assert users(id=made.id).notes == "Likes maps"
    gone = users.delete(users(id=made.id))
    assert (gone.active, gone.email) == (False, None), "a deletion is soft and answers the user"
    assert users(id=made.id).active is False
    again = users.create(User(name="Ada Berg", email="ada@one.example", external_id="A-1"))
    assert again.id != made.id, "the address and the external id are free again"
    with pytest.raises(errors.APIException):
        users.delete(users(id=made.id))


def test_who_asks_is_told_with_either_credential(bench: Callable[..., Any]) -> None:
    assert bench().client.users.me().role == "admin"
    assert bench(basic=True).client.users.me().email == "integration@northbay.example"
    with pytest.raises(errors.APIException) as wrong:
        bench(oauth_token="nobody").client.users.me()
    assert wrong.value.response.status_code == 401


def test_an_organization_is_created_read_changed_and_deleted(bench: Callable[..., Any]) -> None:
    one = bench()
    api = one.client.organizations
    made = api.create(Organization(name="One", external_id="O-1", domain_names=["one.example"], notes="n"))
    made.domain_names = ["two.example", "one.example"]
    assert api.update(made).domain_names == ["two.example", "one.example"]
    with pytest.raises(errors.APIException) as twice:
        api.create(Organization(name="ONE"))
    assert twice.value.response.status_code == 422
    assert "Name: ONE has already been taken" in str(twice.value)
    member = one.client.users.create(User(name="Bo", organization_id=made.id))
    assert [user.id for user in api.users(made.id)] == [member.id]
    api.delete(made)
    with pytest.raises(errors.RecordNotFoundException):
        api(id=made.id)
    assert one.client.users(id=member.id).organization_id is None, "its users stay"


def test_create_or_update_finds_by_external_id_and_by_address(bench: Callable[..., Any]) -> None:
    users = bench().client.users
    first = users.create_or_update(User(name="Cy", external_id="c-9", email="cy@one.example"))
    same = users.create_or_update(User(name="Cyra", external_id="C-9"))
    assert (same.id, same.name, same.external_id) == (first.id, "Cyra", "C-9"), "ids have no case, the last one stays"
    assert users.create_or_update(User(name="C", email="CY@one.example")).id == first.id


def test_organizations_are_matched_by_external_id_alone(bench: Callable[..., Any]) -> None:
    api = bench().client.organizations
    first = api.create_or_update(Organization(name="One", external_id="o1"))
    assert api.create_or_update(Organization(name="Uno", external_id="O1")).id == first.id
    with pytest.raises(errors.APIException):
        api.create_or_update(Organization(name="Uno", external_id="o2"))


def test_a_new_address_is_an_identity_made_primary(bench: Callable[..., Any]) -> None:
    users = bench().client.users
    made = users.create(User(name="Di", email="di@old.example"))
    made.email = "di@new.example"
    assert users.update(made).email == "di@old.example", "an update adds a secondary address"
    both = list(users.identities(id=made.id))
    assert [(i.value, i.primary) for i in both] == [("di@old.example", True), ("di@new.example", False)]
    users.identities.make_primary(user=made.id, identity=both[1])
    assert users(id=made.id).email == "di@new.example"
    third = users.identities.create(user=made.id, identity=objects.Identity(type="email", value="di@third.example"))
    assert users.identities.show(made.id, third.id).value == "di@third.example"
    users.identities.delete(made.id, third)
    assert len(list(users.identities(id=made.id))) == 2


def test_every_page_of_a_list_is_walked_once(bench: Callable[..., Any]) -> None:
    one = bench("demo")
    ids = [row.id for row in one.client.organizations()]
    assert len(ids) == len(set(ids)) == one.sandbox.counts()["account"] > 100
    people = [row.id for row in one.client.users(role="end-user")]
    assert len(people) == len(set(people)) == one.sandbox.counts()["contact"]


def test_offset_pages_end_at_ten_thousand(bench: Callable[..., Any]) -> None:
    one = bench("demo")
    found = list(one.client.organizations(cursor_pagination=False))
    assert len(found) == one.sandbox.counts()["account"]
    answer = one.session.get("https://northbay.zendesk.com/api/v2/users.json?page=101&per_page=100")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "InvalidPaginationDepth")


def test_several_are_shown_by_ids_and_by_external_ids(bench: Callable[..., Any]) -> None:
    users = bench().client.users
    made = [users.create(User(name=f"U{n}", external_id=f"x-{n}")) for n in range(3)]
    assert {u.id for u in users(ids=[made[0].id, made[2].id, 7])} == {made[0].id, made[2].id}
    assert [u.id for u in users(external_id="X-1")] == [made[1].id]
    with pytest.raises(errors.TooManyValuesException) as many:
        list(users(ids=range(1, 102)))
    assert many.value.response.json()["max_count"] == 100


def test_jobs_create_change_and_delete_many(bench: Callable[..., Any]) -> None:
    one = bench()
    api = one.client.organizations
    job = api.create([Organization(name=f"Org {n}", external_id=f"o-{n}") for n in range(5)])
    assert (job.status, job.total, job.results) == ("queued", 5, None)
    job = one.client.job_status(id=job.id)
    assert (job.status, job.progress) == ("completed", 5)
    ids = [row["id"] if isinstance(row, dict) else row.id for row in job.results]
    rows = {row.id: row for row in api(ids=ids)}
    assert [rows[key].name for key in ids] == [f"Org {n}" for n in range(5)], "results are in the order asked"
    changed = []
    for key in ids[:2]:
        rows[key].notes = "changed"
        changed.append(rows[key])
    done = one.client.job_status(id=api.update(changed).id)
    assert done.status == "completed"
    assert {row.notes for row in api(ids=ids[:2])} == {"changed"}
    one.client.job_status(id=api.delete([rows[key] for key in ids]).id)
    assert list(api()) == []


def test_a_job_says_which_items_failed(bench: Callable[..., Any]) -> None:
    one = bench()
    job = one.client.users.create([User(name="Ed", email="ed@one.example"), User(name="Ed", email="ed@one.example")])
    answer = one.session.get(f"https://northbay.zendesk.com/api/v2/job_statuses/{job.id}.json").json()["job_status"]
    assert answer["results"][0]["status"] == "Created"
    assert (answer["results"][1]["index"], answer["results"][1]["status"]) == (1, "Failed")
    assert "already being used" in answer["results"][1]["details"]


def test_create_or_update_many_tells_new_from_known(bench: Callable[..., Any]) -> None:
    one = bench()
    one.client.users.create(User(name="Fay", external_id="f-1"))
    job = one.client.users.create_or_update([User(name="Fay B", external_id="f-1"), User(name="Gus", external_id="g")])
    answer = one.session.get(f"https://northbay.zendesk.com/api/v2/job_statuses/{job.id}.json").json()["job_status"]
    assert [row["status"] for row in answer["results"]] == ["Updated", "Created"]


def test_two_users_become_one(bench: Callable[..., Any]) -> None:
    one = bench()
    users = one.client.users
    loser = users.create(User(name="Hal", email="hal@one.example"))
    winner = users.create(User(name="Hal K", email="hal@two.example"))
    ticket = one.client.tickets.create(Ticket(subject="s", comment=Comment(body="b"), requester_id=loser.id)).ticket
    merged = users.merge(source_user=loser, dest_user=winner)
    assert (merged.id, merged.email) == (winner.id, "hal@two.example")
    assert {i.value for i in users.identities(id=winner.id)} == {"hal@one.example", "hal@two.example"}
    assert users(id=loser.id).active is False
    assert one.client.tickets(id=ticket.id).requester_id == winner.id
    agent = next(iter(users(role="agent")))
    with pytest.raises(errors.APIException):
        users.merge(source_user=winner, dest_user=agent)


def test_the_exports_tell_of_every_change_once_it_is_a_minute_old(bench: Callable[..., Any]) -> None:
    clock = Later()
    one = bench("demo", clock=clock)
    users = one.client.users
    made = users.create(User(name="Ida", email="ida@one.example"))
    users.delete(users.create(User(name="Jo")))
    seen = {u.id for u in users.incremental(start_time=BEGINNING)}
    assert made.id not in seen
    clock.sleep(61)
    rows = {u.id: u for u in users.incremental(start_time=BEGINNING)}
    assert made.id in rows
    assert sum(not u.active for u in rows.values()) == 1, "a deleted user comes with active false"
    assert len(seen) + 2 == len(rows)
    by_cursor = [u.id for u in users.incremental(start_time=BEGINNING, paginate_by_time=False)]
    assert sorted(by_cursor) == sorted(rows)
    found = [o.id for o in one.client.organizations.incremental(start_time=BEGINNING)]
    assert len(found) == len(set(found)) == one.sandbox.counts()["account"]


def test_an_export_from_the_newest_minute_is_refused(bench: Callable[..., Any]) -> None:
    with pytest.raises(errors.APIException) as soon:
        bench().client.users.incremental(start_time=datetime.now(UTC))
    assert "StartTimeTooRecent" in str(soon.value)


def test_searches_find_by_field_type_and_word(bench: Callable[..., Any]) -> None:
    one = bench()
    made = one.client.users.create(User(name="Kim Lee", email="kim@one.example", external_id="k"))
    one.client.organizations.create(Organization(name="Kim and Sons"))
    assert [u.id for u in one.client.search(type="user", email="kim@one.example")] == [made.id]
    assert len(list(one.client.search("kim"))) == 2
    assert [u.id for u in one.client.search_export(type="user", query="kim")] == [made.id]
    assert [u.id for u in one.client.users.search(external_id="K")] == [made.id]
    answer = one.session.get("https://northbay.zendesk.com/api/v2/organizations/search.json?name=kim%20and%20sons")
    assert [row["name"] for row in answer.json()["organizations"]] == ["Kim and Sons"]
    assert one.client.search.count("kim") == 2


def test_a_ticket_is_opened_answered_tagged_solved_and_deleted(bench: Callable[..., Any]) -> None:
    one = bench()
    tickets = one.client.tickets
    asker = {"name": "Lu", "email": "lu@one.example"}
    due = datetime(2030, 1, 1, tzinfo=UTC)
    draft = Ticket(subject="Welcome", external_id="deal-1", type="task", due_at=due, tags=["Onboarding"])
    draft.comment, draft.requester = Comment(body="First steps", public=False), User(**asker)
    ticket = tickets.create(draft).ticket
    assert (ticket.status, ticket.tags, ticket.external_id) == ("new", ["onboarding"], "deal-1")
    assert ticket.due_at == "2030-01-01T00:00:00Z"
    assert ticket.requester.email == "lu@one.example"
    ticket.comment, ticket.status = Comment(body="Done"), "solved"
    tickets.update(ticket)
    said = [(c.body, c.public) for c in tickets.comments(ticket=ticket.id)]
    assert said == [("First steps", False), ("Done", True)]
    assert tickets(id=ticket.id).status == "solved"
    assert [t.id for t in tickets(external_id="deal-1")] == [ticket.id]
    tickets.delete(tickets(id=ticket.id))
    with pytest.raises(errors.RecordNotFoundException):
        tickets(id=ticket.id)


def test_memberships_name_the_default_organization(bench: Callable[..., Any]) -> None:
    one = bench()
    first, second = (one.client.organizations.create(Organization(name=name)) for name in ("One", "Two"))
    user = one.client.users.create(User(name="Mo", organization_id=first.id))
    made = one.client.organization_memberships.create(
        objects.OrganizationMembership(user_id=user.id, organization_id=second.id)
    )
    assert made.default is None
    assert {m.organization_id for m in one.client.users.organization_memberships(user.id)} == {first.id, second.id}
    path = f"users/{user.id}/organizations/{second.id}/make_default.json"
    assert one.session.put(f"https://northbay.zendesk.com/api/v2/{path}").status_code == 200
    assert one.client.users(id=user.id).organization_id == second.id
    one.client.organization_memberships.delete(made)
    assert one.client.users(id=user.id).organization_id == first.id


def test_custom_fields_are_listed_and_filled(bench: Callable[..., Any]) -> None:
    one = bench("demo")
    keys = {field.key for field in one.client.user_fields()}
    assert {"tieline_id", "job_title", "email_opt_out"} <= keys
    user = one.client.users.create(User(name="Ny", user_fields={"job_title": "Buyer", "email_opt_out": True}))
    assert user.user_fields["job_title"] == "Buyer"
    assert user.user_fields["mobile"] is None
    with pytest.raises(errors.APIException) as wrong:
        one.client.organizations.create(Organization(name="Q", organization_fields={"tier": "Platinum"}))
    assert wrong.value.response.status_code == 422
