"""The stand-in of the People API: what Google promises of it, and each vice; and that without it nothing of the kind
happens."""

from __future__ import annotations

from typing import Any

import pytest

WEEK_MS = 7 * 86_400_000
MINUTE_MS = 60_000


def token(stand: Any) -> str:
    return str(stand.listed(requestSyncToken="true")["nextSyncToken"])


def since(stand: Any, at: str, **params: str) -> Any:
    return stand.raw("GET", "people/me/connections", personFields="names,metadata", requestSyncToken="true",
                     syncToken=at, **params)  # fmt: skip


def ids(answer: Any) -> list[str]:
    return [p["resourceName"] for p in answer.get("connections", ())]


def patch(stand: Any, person: Any, mask: str = "names", **lists: Any) -> Any:
    body = {"metadata": stand.ask("GET", person["resourceName"], personFields="metadata")["metadata"], **lists}
    return stand.raw("PATCH", f"{person['resourceName']}:updateContact", body, updatePersonFields=mask)


def reason(response: Any) -> tuple[int, str, str]:
    error = response.json()["error"]
    return response.status, error["status"], error.get("details", [{}])[0].get("reason", "")


def test_a_token_is_good_for_seven_days_after_the_full_sync_however_often_it_was_renewed(stand: Any) -> None:
    """[spec] sync tokens expire 7 days after the full sync."""
    one = stand()
    at = token(one)
    one.clock.advance(WEEK_MS - MINUTE_MS)
    newer = since(one, at)
    assert newer.status == 200
    one.clock.advance(2 * MINUTE_MS)
    assert reason(since(one, newer.json()["nextSyncToken"]))[2] == "EXPIRED_SYNC_TOKEN"
    assert since(one, token(one)).status == 200


def test_every_third_token_is_told_to_be_expired_under_the_vice_and_none_without_it(stand: Any) -> None:
    one, good = stand("sync-token-expiry"), stand()
    at = token(one)
    told = [reason(r) if (r := since(one, at)).status == 400 else r.status for _ in range(6)]
    assert told[:2] == told[3:5] == [200, 200]
    assert {told[2][1], told[5][1]} == {"INVALID_ARGUMENT", "FAILED_PRECONDITION"}
    assert [since(good, token(good)).status for _ in range(6)] == [200] * 6


def test_a_token_wants_the_parameters_of_its_first_call(stand: Any) -> None:
    """[spec] all other parameters must match."""
    one = stand()
    assert reason(since(one, token(one), pageSize="7"))[:2] == (400, "INVALID_ARGUMENT")
    assert since(one, "nonsense").status == 400


def test_deleted_contacts_come_with_a_token_alone(stand: Any) -> None:
    """[spec] PersonMetadata.deleted, for sync requests only."""
    one = stand()
    ada, bob = one.make("Ada"), one.make("Bob")
    at = token(one)
    assert one.raw("DELETE", f"{ada['resourceName']}:deleteContact").json() == {}
    assert ids(one.listed()) == [bob["resourceName"]]
    (gone,) = since(one, at).json()["connections"]
    assert (gone["resourceName"], gone["metadata"]["deleted"]) == (ada["resourceName"], True)


def test_a_merged_contact_answers_to_both_names_and_says_so_with_a_token(stand: Any) -> None:
    """[spec] previousResourceNames; [spec] requestedResourceName."""
    one = stand()
    ada, bob = one.make("Ada"), one.make("Bob")
    at = token(one)
    one.sandbox.state.people.merge(ada["resourceName"], bob["resourceName"], one.clock.now())
    (told,) = since(one, at).json()["connections"]
    assert told["metadata"]["previousResourceNames"] == [bob["resourceName"]]
    assert "previousResourceNames" not in one.listed()["connections"][0]["metadata"]
    (found,) = one.ask("GET", "people:batchGet", personFields="names", resourceNames=bob["resourceName"])["responses"]
    assert (found["requestedResourceName"], found["person"]["resourceName"]) == (
        bob["resourceName"],
        ada["resourceName"],
    )


def test_listings_are_minutes_behind_under_the_vice_and_reads_by_name_are_not(stand: Any) -> None:
    """[spec] writes may have a propagation delay of several minutes for sync requests."""
    one = stand("propagation")
    ada = one.make("Ada")
    assert one.listed()["totalItems"] == 0
    assert one.ask("GET", ada["resourceName"], personFields="names")["names"][0]["givenName"] == "Ada"
    one.clock.advance(4 * MINUTE_MS)
    at = token(one)
    assert patch(one, ada, names=[{"givenName": "Eve"}]).status == 200
    assert one.listed()["connections"][0]["names"][0]["givenName"] == "Ada"
    assert ids(since(one, at).json()) == []
    one.clock.advance(4 * MINUTE_MS)
    assert since(one, at).json()["connections"][0]["names"][0]["givenName"] == "Eve"
    prompt = stand()
    prompt.make("Ada")
    assert prompt.listed()["totalItems"] == 1


def test_an_update_needs_the_newest_etag(stand: Any) -> None:
    """[spec] 400 without a source, and where its etag is another one."""
    one = stand()
    ada = one.make("Ada")
    path, mask = f"{ada['resourceName']}:updateContact", {"updatePersonFields": "names"}
    assert one.raw("PATCH", path, {"names": []}, **mask).status == 400
    assert patch(one, ada, names=[{"givenName": "Eve"}]).status == 200
    late = one.raw("PATCH", path, {"metadata": ada["metadata"], "names": [{"givenName": "Bob"}]}, **mask)
    assert reason(late)[:2] == (400, "FAILED_PRECONDITION")


def test_somebody_edits_in_the_very_moment_under_stale_etag(stand: Any) -> None:
    one = stand("stale-etag")
    made = [one.make(f"P{n}") for n in range(3)]
    found = []
    for step in range(4):
        people = [one.ask("GET", p["resourceName"], personFields="metadata") for p in made]
        contacts = {p["resourceName"]: {"metadata": p["metadata"], "names": [{"givenName": f"{step}"}]} for p in people}
        found.append(one.raw("POST", "people:batchUpdateContacts", {"contacts": contacts, "updateMask": "names"}))
    assert [r.status for r in found] == [200, 200, 200, 400]
    errors = found[3].json()["error"]["details"][0]["contactErrors"]
    assert {k: e["code"] for k, e in errors.items()} == {made[1]["resourceName"]: 9}
    assert one.ask("GET", made[0]["resourceName"], personFields="names")["names"][0]["givenName"] == "2"


def test_a_refused_batch_names_its_culprits_and_under_partial_batch_it_does_not(stand: Any) -> None:
    """[doc] contactErrors; all or nothing [spec]."""
    batch = {"contacts": [{"contactPerson": {"names": [{"givenName": f"P{n}"}]}} for n in range(40)]}
    one = stand("partial-batch")
    refused = one.raw("POST", "people:batchCreateContacts", batch)
    assert (refused.status, "details" in refused.json()["error"]) == (400, False)
    assert one.listed()["totalItems"] == 0
    singly = [one.raw("POST", "people:batchCreateContacts", {"contacts": [c]}).status for c in batch["contacts"]]
    assert {200, 400} == set(singly)
    assert singly == [
        one.raw("POST", "people:batchCreateContacts", {"contacts": [c]}).status for c in batch["contacts"]
    ]
    good = stand()
    assert good.raw("POST", "people:batchCreateContacts", batch).json() == {}  # without a readMask nothing is told
    assert good.listed()["totalItems"] == 40
    bad = {"contacts": [*batch["contacts"], {"contactPerson": {"names": [{"givenName": "x" * 2000}]}}]}
    errors = good.raw("POST", "people:batchCreateContacts", bad).json()["error"]["details"][0]["contactErrors"]
    assert list(errors) == ["40"]


@pytest.mark.parametrize(
    ("vice", "status", "word"), [("quota", 429, "RESOURCE_EXHAUSTED"), ("old-403", 403, "rateLimitExceeded")]
)
def test_quotas_are_told_without_a_time_to_wait(stand: Any, vice: str, status: int, word: str) -> None:
    """[rec] 429 without Retry-After; [memory] the older 403."""
    one = stand(vice)
    found = [one.raw("GET", "contactGroups") for _ in range(14)]
    bad = [r for r in found if r.status != 200]
    assert [r.status for r in bad] == [status] * 2
    assert word in bad[0].body.decode()
    assert "retry-after" not in bad[0].headers


def test_a_lost_answer_was_a_write_that_was_done(stand: Any) -> None:
    one = stand("lost-answer")
    batch = {"contacts": [{"contactPerson": {"names": [{"givenName": "A"}]}}]}
    found = [one.raw("POST", "people:batchCreateContacts", batch).status for _ in range(5)]
    assert found == [200, 200, 200, 200, 0]
    assert one.listed()["totalItems"] == 5


def test_a_state_that_was_kept_goes_on(stand: Any) -> None:
    from tieline.sandbox import SandboxOptions
    from tieline_google.sandbox import GoogleSandbox

    one = stand("propagation")
    one.make("Ada")
    again = GoogleSandbox(SandboxOptions(vices=one.sandbox.vices, clock=one.clock, state=one.sandbox.dump()))
    assert again.dump() == one.sandbox.dump()
    one.sandbox = again
    one.clock.advance(4 * MINUTE_MS)
    assert one.listed()["totalItems"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "params", "status"),
    [
        ("GET", "people/me/connections", None, {}, 400),
        ("GET", "people/me/connections", None, {"personFields": "shoes"}, 400),
        ("GET", "people/me/connections", None, {"personFields": "names", "pageSize": "1001"}, 400),
        ("GET", "people/me/connections", None, {"personFields": "names", "pageToken": "x"}, 400),
        ("GET", "people/me/connections", None, {"personFields": "names", "sortOrder": "x"}, 400),
        ("GET", "people:batchGet", None, {"personFields": "names"}, 400),
        ("GET", "people/c1/photo", None, {}, 404),
        ("POST", "people:createContact", {"shoes": []}, {}, 400),
        ("POST", "people:createContact", {"names": {"givenName": "A"}}, {}, 400),
        ("POST", "people:batchCreateContacts", {"contacts": []}, {}, 400),
        ("POST", "people:batchUpdateContacts", {"contacts": {}, "updateMask": "names"}, {}, 400),
        ("POST", "people:batchUpdateContacts", {"contacts": {"people/c1": {}}, "updateMask": "photos"}, {}, 400),
        ("POST", "people:batchDeleteContacts", {"resourceNames": ["people/c1"]}, {}, 404),
        ("DELETE", "people/c1:deleteContact", None, {}, 404),
        ("POST", "contactGroups", {"contactGroup": {}}, {}, 400),
        ("POST", "contactGroups", {"contactGroup": {"name": "starred"}}, {}, 409),
        ("DELETE", "contactGroups/myContacts", None, {}, 400),
    ],
)
def test_what_is_not_right_is_refused(stand: Any, method: str, path: str, body: Any, params: Any, status: int) -> None:
    assert stand().raw(method, path, body, **params).status == status


def test_a_label_that_is_google_s_own_takes_nobody_but_two_of_them_do(stand: Any) -> None:
    """[spec] only user groups, myContacts and starred can have members added."""
    one = stand()
    for group, status in (("starred", 200), ("myContacts", 200), ("friends", 400)):
        member = {"contactGroupMembership": {"contactGroupResourceName": f"contactGroups/{group}"}}
        assert one.raw("POST", "people:createContact", {"memberships": [member]}).status == status


def test_reading_is_for_whoever_may_read_and_writing_is_not(stand: Any) -> None:
    one = stand()
    one.sandbox.state.tokens["reader"] = {
        "used": 0,
        "scope": "https://www.googleapis.com/auth/contacts.readonly",
        "who": "reader@line.example",
    }
    one.sandbox.token = "reader"
    assert one.raw("GET", "contactGroups").status == 200
    refused = one.raw("POST", "contactGroups", {"contactGroup": {"name": "N"}})
    assert (refused.status, refused.json()["error"]["status"]) == (403, "PERMISSION_DENIED")


def test_the_demos_company_is_there_with_the_label() -> None:
    from tieline.sandbox import SandboxOptions
    from tieline.testing import FakeClock
    from tieline_google.sandbox import GoogleSandbox

    one, two = (GoogleSandbox(SandboxOptions(seed="demo", clock=FakeClock())) for _ in range(2))
    assert one.dump() == two.dump()
    people = one.state.people
    label = next(key for key, row in people.groups.items() if row["name"] == "Tieline")
    assert len(people.members(label)) == len(people.rows) > 20
    assert all(row["fields"].get("names") or row["fields"].get("emailAddresses") for row in people.rows.values())
