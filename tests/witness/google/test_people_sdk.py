"""Google's own client drives the stand-in of the People API over a socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tieline.testing import FakeClock

pytest.importorskip("googleapiclient", reason="google-api-python-client is not installed")

FIELDS = "names,emailAddresses,phoneNumbers,addresses,organizations,userDefined,clientData,memberships,metadata"
ADA = {
    "names": [{"givenName": "Ada", "familyName": "Lovelace"}],
    "emailAddresses": [{"value": "ada@line.example", "type": "work"}, {"value": "a@home.example"}],
    "phoneNumbers": [{"value": "+44 20 5550 0100", "type": "mobile"}],
    "addresses": [{"streetAddress": "1 Main Street", "city": "London", "country": "UK"}],
    "organizations": [{"name": "Engines", "title": "Analyst"}],
    "userDefined": [{"key": "Lead source", "value": "Fair"}],
    "clientData": [{"key": "other", "value": "tool"}],
}


@pytest.fixture
def people(account: Callable[..., Any]) -> Any:
    return account(clock=FakeClock()).service("people", "v1")


def _error(call: Callable[[], Any]) -> tuple[int, str, str]:
    from googleapiclient.errors import HttpError

    with pytest.raises(HttpError) as raised:
        call()
    error = raised.value
    return error.status_code, str(error.reason), repr(error.error_details)


def test_a_contact_is_made_read_changed_and_deleted(people: Any) -> None:
    api = people.people()
    made = api.createContact(body=ADA, personFields=FIELDS).execute()
    assert made["names"][0]["displayName"] == "Ada Lovelace"
    assert made["emailAddresses"][0]["metadata"]["primary"] is True
    assert made["phoneNumbers"][0]["canonicalForm"] == "+442055500100"
    assert made["addresses"][0]["formattedValue"] == "1 Main Street\nLondon\nUK"
    name = made["resourceName"]
    body = {"metadata": made["metadata"], "names": [{"givenName": "Augusta"}]}
    changed = api.updateContact(resourceName=name, updatePersonFields="names", personFields=FIELDS, body=body).execute()
    assert changed["names"][0]["displayName"] == "Augusta"
    assert changed["emailAddresses"] == made["emailAddresses"]
    got = api.get(resourceName=name, personFields=FIELDS).execute()
    assert got["names"] == changed["names"]
    assert api.deleteContact(resourceName=name).execute() == {}
    assert _error(api.deleteContact(resourceName=name).execute)[0] == 404
    assert _error(api.get(resourceName=name, personFields=FIELDS).execute)[0] == 404


def test_an_old_etag_is_refused(people: Any) -> None:
    api = people.people()
    made = api.createContact(body=ADA, personFields="metadata,names").execute()
    change: dict[str, Any] = {"resourceName": made["resourceName"], "updatePersonFields": "names"}
    api.updateContact(**change, body={"metadata": made["metadata"], "names": [{"givenName": "A"}]}).execute()
    late = api.updateContact(**change, body={"metadata": made["metadata"], "names": [{"givenName": "B"}]})
    status, said, _ = _error(late.execute)
    assert (status, "different" in said) == (400, True)
    without = api.updateContact(**change, body={"names": [{"givenName": "B"}]})
    assert _error(without.execute)[0] == 400


def test_pages_end_in_a_sync_token_that_tells_what_happened_since(people: Any) -> None:
    api, ask = people.people(), people.people().connections()
    batch = [{"contactPerson": {"names": [{"givenName": f"P{n}"}]}} for n in range(7)]
    made = api.batchCreateContacts(body={"contacts": batch, "readMask": "names,metadata"}).execute()["createdPeople"]
    base: dict[str, Any] = {"resourceName": "people/me", "personFields": "names,metadata", "pageSize": 3}
    request, pages = ask.list(**base, requestSyncToken=True), []
    while request is not None:
        pages.append(request.execute())
        request = ask.list_next(request, pages[-1])
    assert [len(p["connections"]) for p in pages] == [3, 3, 1]
    assert ["nextSyncToken" in p for p in pages] == [False, False, True]
    assert {p["totalItems"] for p in pages} == {7}
    api.deleteContact(resourceName=made[0]["person"]["resourceName"]).execute()
    since = ask.list(**base, requestSyncToken=True, syncToken=pages[-1]["nextSyncToken"]).execute()
    (gone,) = since["connections"]
    assert gone["metadata"]["deleted"] is True
    nothing = ask.list(**base, requestSyncToken=True, syncToken=since["nextSyncToken"]).execute()
    assert "connections" not in nothing
    other = {**base, "personFields": "names"}
    assert _error(ask.list(**other, requestSyncToken=True, syncToken=since["nextSyncToken"]).execute)[0] == 400


def test_a_batch_is_done_as_a_whole_or_not_at_all(people: Any) -> None:
    api = people.people()
    good = {"contactPerson": {"names": [{"givenName": "Good"}]}}
    bad = {"contactPerson": {"names": [{"givenName": "One"}, {"givenName": "Two"}]}}
    body = {"contacts": [good, bad], "readMask": "names"}
    status, _, details = _error(api.batchCreateContacts(body=body).execute)
    assert status == 400
    assert "'contactErrors': {'1':" in details
    listed = people.people().connections().list(resourceName="people/me", personFields="names").execute()
    assert listed == {"totalPeople": 0, "totalItems": 0}


def test_updates_of_a_batch_are_answered_by_name(people: Any) -> None:
    api = people.people()
    contacts = [{"contactPerson": {"names": [{"givenName": f"P{n}"}]}} for n in range(2)]
    made = api.batchCreateContacts(body={"contacts": contacts, "readMask": "names,metadata"}).execute()["createdPeople"]
    people_ = [r["person"] for r in made]
    change = {p["resourceName"]: {"metadata": p["metadata"], "nicknames": [{"value": "N"}]} for p in people_}
    body = {"contacts": change, "updateMask": "names,nicknames", "readMask": "names,nicknames,metadata"}
    told = api.batchUpdateContacts(body=body).execute()["updateResult"]
    assert set(told) == set(change)
    assert all("names" not in r["person"] for r in told.values())  # in the mask and not given: cleared
    status, _, details = _error(api.batchUpdateContacts(body=body).execute)
    assert (status, details.count("'code': 9")) == (400, 2)


def test_labels_are_made_filled_and_found(people: Any) -> None:
    api, groups = people.people(), people.contactGroups()
    label = groups.create(body={"contactGroup": {"name": "Tieline"}}).execute()
    assert label["groupType"] == "USER_CONTACT_GROUP"
    assert _error(groups.create(body={"contactGroup": {"name": "Tieline"}}).execute)[0] == 409
    made = api.createContact(body=ADA, personFields="memberships").execute()
    change = {"resourceNamesToAdd": [made["resourceName"], "people/c1"]}
    told = groups.members().modify(resourceName=label["resourceName"], body=change).execute()
    assert told == {"notFoundResourceNames": ["people/c1"]}
    got = groups.get(resourceName=label["resourceName"], maxMembers=5).execute()
    assert (got["memberCount"], got["memberResourceNames"]) == (1, [made["resourceName"]])
    shown = api.get(resourceName=made["resourceName"], personFields="memberships").execute()["memberships"]
    assert len(shown) == 2
    listed = groups.list(pageSize=1000).execute()
    assert "Tieline" in [g["name"] for g in listed["contactGroups"]]
    groups.delete(resourceName=label["resourceName"]).execute()
    shown = api.get(resourceName=made["resourceName"], personFields="memberships").execute()["memberships"]
    assert len(shown) == 1


def test_many_are_read_by_their_names(people: Any) -> None:
    api = people.people()
    made = api.createContact(body=ADA).execute()["resourceName"]
    told = api.getBatchGet(resourceNames=[made, "people/c1"], personFields="names").execute()["responses"]
    assert [r["requestedResourceName"] for r in told] == [made, "people/c1"]
    assert (told[0]["person"]["resourceName"], told[1]["status"]["code"]) == (made, 5)
    many = [f"people/c{n}" for n in range(201)]
    assert _error(api.getBatchGet(resourceNames=many, personFields="names").execute)[0] == 400


@pytest.mark.parametrize("statuses", [{"INVALID_ARGUMENT", "FAILED_PRECONDITION"}])
def test_an_expired_token_is_refused_with_a_reason_whatever_the_status(account: Any, statuses: set[str]) -> None:
    """[spec] the reason; [obs] both statuses."""
    clock = FakeClock()
    api = account(clock=clock).service("people", "v1").people().connections()
    base: dict[str, Any] = {"resourceName": "people/me", "personFields": "names", "requestSyncToken": True}
    token = api.list(**base).execute()["nextSyncToken"]
    clock.advance(8 * 86_400_000)
    found = [_error(api.list(**base, syncToken=token).execute) for _ in range(2)]
    assert {status for status, _, _ in found} == {400}
    assert all("'reason': 'EXPIRED_SYNC_TOKEN'" in details for _, _, details in found)
    assert all("Sync token is expired" in said for _, said, _ in found)
