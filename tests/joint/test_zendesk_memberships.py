"""Who belongs to several organizations of a help desk: the default one is the account, and no other is ever lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.joint.zendesk import Joint


@pytest.fixture
def joint() -> Iterator[Joint]:
    made = Joint()
    yield made
    made.store.close()


def _homes(joint: Joint, email: str) -> dict[str, bool]:
    """The names of a user's organizations, and whether each is the default one."""
    user = joint.users()[email]
    rows = joint.ask("GET", f"/users/{user['id']}/organization_memberships")["organization_memberships"]
    return {row["organization_name"]: bool(row["default"]) for row in rows}


def _belongs(joint: Joint, email: str, name: str) -> None:
    """A person makes a user belong to one more organization."""
    found = joint.ask("GET", "/organizations")["organizations"]
    home = next(o["id"] for o in found if o["name"] == name)
    given = {"user_id": joint.users()[email]["id"], "organization_id": home}
    joint.ask("POST", "/organization_memberships", {"organization_membership": given})


def test_who_belongs_to_several_organizations_keeps_them_and_the_default_one_is_the_account(joint: Joint) -> None:
    ids = {name: joint.crm.person_create("account", {"name": name}) for name in ("One", "Two", "Three")}
    joint.crm.person_create("contact", {"email": "ann@line.example", "last_name": "Lee", "account": ids["One"]})
    joint.sync()
    for name in ("Two", "Three"):
        _belongs(joint, "ann@line.example", name)
    assert joint.sync()[0].writes == 0, "they are no news for the contact"
    joint.edit("ann@line.example", account=ids["Two"])
    assert joint.sync()[0].converged
    assert _homes(joint, "ann@line.example") == {"One": False, "Two": True, "Three": False}
    user = joint.users()["ann@line.example"]["id"]
    rows = joint.ask("GET", f"/users/{user}/organization_memberships")["organization_memberships"]
    three = next(row["id"] for row in rows if row["organization_name"] == "Three")
    joint.ask("PUT", f"/users/{user}/organization_memberships/{three}/make_default")
    joint.sync()
    assert joint.person("ann@line.example").fields["account"] == ids["Three"]
    joint.ask("DELETE", f"/organization_memberships/{three}")
    joint.sync()
    home = next(name for name, default in _homes(joint, "ann@line.example").items() if default)
    assert joint.person("ann@line.example").fields["account"] == ids[home]
    assert joint.sync()[0].writes == 0


def test_an_account_that_is_taken_from_who_belongs_to_several_gives_way_to_the_next_one(joint: Joint) -> None:
    ids = {name: joint.crm.person_create("account", {"name": name}) for name in ("One", "Two")}
    joint.crm.person_create("contact", {"email": "ann@line.example", "last_name": "Lee", "account": ids["One"]})
    joint.sync()
    _belongs(joint, "ann@line.example", "Two")
    joint.sync()
    joint.edit("ann@line.example", account=None)
    for _ in range(3):
        done, _ = joint.sync()
    assert (done.writes, done.converged) == (0, True)
    assert _homes(joint, "ann@line.example") == {"Two": True}
    assert joint.person("ann@line.example").fields["account"] == ids["Two"], "the desk leaves no such user without one"


def _several(joint: Joint, email: str, *more: str) -> dict[str, str]:
    """Somebody whose account is One, and who belongs to more organizations; the CRM's ids of all accounts by name."""
    ids = {name: joint.crm.person_create("account", {"name": name}) for name in ("One", *more, "Elsewhere")}
    joint.crm.person_create("contact", {"email": email, "last_name": "Lee", "account": ids["One"]})
    joint.sync()
    for name in more:
        _belongs(joint, email, name)
    joint.sync()
    return ids


def _at_rest(joint: Joint) -> None:
    for _ in range(3):
        done, _ = joint.sync(full=True)
    assert (done.writes, done.converged) == (0, True), done


def test_an_account_that_somebody_is_no_member_of_takes_the_place_of_the_default_one_alone(joint: Joint) -> None:
    """The organization named in a change takes the place of the default one [memory]."""
    ids = _several(joint, "ann@line.example", "Two", "Three")
    joint.edit("ann@line.example", account=ids["Elsewhere"])
    _at_rest(joint)
    assert _homes(joint, "ann@line.example") == {"Two": False, "Three": False, "Elsewhere": True}
    assert joint.person("ann@line.example").fields["account"] == ids["Elsewhere"]


def test_a_job_that_changes_many_leaves_their_other_organizations_alone(joint: Joint) -> None:
    people = [f"ann{n}@line.example" for n in range(3)]
    ids = _several(joint, people[0], "Two")
    for email in people[1:]:
        joint.crm.person_create("contact", {"email": email, "last_name": "Lee", "account": ids["One"]})
    joint.sync()
    for email in people[1:]:
        _belongs(joint, email, "Two")
    joint.sync()
    for email in people:
        joint.edit(email, phone="+1 555 0100")
    assert joint.sync()[1]["PUT /users/update_many"] == 1
    assert [_homes(joint, email) for email in people] == [{"One": True, "Two": False}] * 3
    for email in people:
        joint.edit(email, account=ids["Two"], last_name="Ray")
    assert joint.sync()[1]["PUT /users/update_many"] == 1
    _at_rest(joint)
    assert [_homes(joint, email) for email in people] == [{"One": False, "Two": True}] * 3


@pytest.mark.parametrize("where", ["desk", "crm"])
def test_whose_default_organization_is_deleted_belongs_to_the_next_one(joint: Joint, where: str) -> None:
    ids = _several(joint, "ann@line.example", "Two", "Three")
    if where == "desk":
        (home,) = [o for o in joint.ask("GET", "/organizations")["organizations"] if o["name"] == "One"]
        joint.ask("DELETE", f"/organizations/{home['id']}")
    else:
        joint.crm.person_delete("account", ids["One"])
    _at_rest(joint)
    assert _homes(joint, "ann@line.example") == {"Two": True, "Three": False}
    assert joint.person("ann@line.example").fields["account"] == ids["Two"]
    assert sorted(r.fields["name"] for r in joint.crm.alive("account")) == ["Elsewhere", "Three", "Two"]


@pytest.mark.parametrize("how", ["organization", "organization_membership"])
def test_the_end_of_another_membership_is_no_news_for_the_contact(joint: Joint, how: str) -> None:
    ids = _several(joint, "ann@line.example", "Two", "Three")
    user = joint.users()["ann@line.example"]["id"]
    rows = joint.ask("GET", f"/users/{user}/organization_memberships")["organization_memberships"]
    (two,) = [row for row in rows if row["organization_name"] == "Two"]
    key = {"organization": two["organization_id"], "organization_membership": two["id"]}[how]
    joint.ask("DELETE", f"/{how}s/{key}")
    _at_rest(joint)
    assert _homes(joint, "ann@line.example") == {"One": True, "Three": False}
    assert joint.person("ann@line.example").fields["account"] == ids["One"]


def test_who_is_merged_into_somebody_takes_the_memberships_along(joint: Joint) -> None:
    ids = _several(joint, "ann@line.example", "Two")
    fields = {"email": "bo@line.example", "last_name": "Lee", "account": ids["Elsewhere"]}
    joint.crm.person_create("contact", fields)
    joint.sync()
    users = joint.users()
    loser, winner = users["ann@line.example"]["id"], users["bo@line.example"]["id"]
    joint.ask("PUT", f"/users/{loser}/merge", {"user": {"id": winner}})
    joint.sync()
    joint.sync()
    assert _homes(joint, "bo@line.example") == {"Elsewhere": True, "One": False, "Two": False}
    assert joint.person("bo@line.example").fields["account"] == ids["Elsewhere"]
