"""HubSpot's own Python SDK drives the stand-in over a socket: it parses every answer with its generated models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

contacts_sdk = pytest.importorskip("hubspot.crm.contacts", reason="hubspot-api-client is not installed")

Inputs = contacts_sdk.SimplePublicObjectInputForCreate


def _create(api: Any, **properties: str) -> Any:
    return api.basic_api.create(Inputs(properties=properties, associations=[]))


def test_a_contact_is_created_read_changed_and_archived(bench: Callable[..., Any]) -> None:
    api = bench().client.crm.contacts
    made = _create(api, email="Ada@Example.com", firstname=" Ada ", lastname="Berg")
    assert made.id == made.properties["hs_object_id"]
    assert (made.properties["email"], made.properties["firstname"]) == ("ada@example.com", "Ada")
    changed = api.basic_api.update(made.id, contacts_sdk.SimplePublicObjectInput(properties={"lastname": "Vogel"}))
    assert changed.properties["lastname"] == "Vogel"
    assert "email" not in changed.properties, "an update answers what changed, not the record"
    read = api.basic_api.get_by_id("ada@example.com", id_property="email", properties=["lastname", "phone"])
    assert (read.id, read.properties["lastname"], read.properties["phone"]) == (made.id, "Vogel", None)
    assert read.updated_at >= read.created_at
    api.basic_api.archive(made.id)
    with pytest.raises(contacts_sdk.ApiException) as gone:
        api.basic_api.get_by_id(made.id)
    assert gone.value.status == 404
    assert '"OBJECT_NOT_FOUND"' in gone.value.body, "the SDK asks for JSON, so the 404 is JSON"
    assert api.basic_api.get_by_id(made.id, archived=True).archived_at is not None


def test_all_pages_of_a_list_are_walked_once(bench: Callable[..., Any]) -> None:
    one = bench(seed="demo")
    rows = one.client.crm.contacts.get_all(properties=["email"])
    ids = [row.id for row in rows]
    assert len(ids) == len(set(ids)) == len(one.sandbox.state.tables["contacts"].alive)


def test_a_search_pages_by_offset_until_it_says_no_more(bench: Callable[..., Any]) -> None:
    api = bench(seed="demo").client.crm.companies
    search = {
        "filterGroups": [{"filters": [{"propertyName": "industry", "operator": "EQ", "value": "TEXTILES"}]}],
        "sorts": [{"propertyName": "name", "direction": "DESCENDING"}],
        "properties": ["name", "industry"],
        "limit": 5,
    }
    names: list[str] = []
    after: str | None = None
    while True:
        page = api.search_api.do_search({**search, "after": after} if after else search)
        names += [row.properties["name"] for row in page.results]
        assert {row.properties["industry"] for row in page.results} == {"TEXTILES"}
        if page.paging is None:
            break
        after = page.paging.next.after
    assert len(names) == page.total > 5
    assert names == sorted(names, key=str.lower, reverse=True)


@pytest.mark.parametrize(
    ("operator", "extra", "expected"),
    [
        ("EQ", {"value": "30"}, {"b"}),
        ("NEQ", {"value": "30"}, {"a", "c", "d"}),
        ("LT", {"value": "30"}, {"a"}),
        ("LTE", {"value": "30"}, {"a", "b"}),
        ("GT", {"value": "30"}, {"c"}),
        ("GTE", {"value": "30"}, {"b", "c"}),
        ("BETWEEN", {"value": "20", "highValue": "50"}, {"b"}),
        ("IN", {"values": ["9", "100"]}, {"a", "c"}),
        ("NOT_IN", {"values": ["9", "100"]}, {"b", "d"}),
        ("HAS_PROPERTY", {}, {"a", "b", "c"}),
        ("NOT_HAS_PROPERTY", {}, {"d"}),
    ],
)
def test_every_search_operator_compares_numbers_as_numbers(
    bench: Callable[..., Any], operator: str, extra: dict[str, Any], expected: set[str]
) -> None:
    api = bench().client.crm.companies
    for name, size in (("a", "9"), ("b", "30"), ("c", "100"), ("d", "")):
        _create(api, name=name, numberofemployees=size)
    rule = {"propertyName": "numberofemployees", "operator": operator, **extra}
    found = api.search_api.do_search({"filterGroups": [{"filters": [rule]}], "properties": ["name"]})
    assert {row.properties["name"] for row in found.results} == expected


@pytest.mark.parametrize(("operator", "expected"), [("CONTAINS_TOKEN", {"x"}), ("NOT_CONTAINS_TOKEN", {"y"})])
def test_token_operators_look_at_words(bench: Callable[..., Any], operator: str, expected: set[str]) -> None:
    api = bench().client.crm.contacts
    _create(api, email="x@one.example", firstname="x")
    _create(api, email="y@two.example", firstname="y")
    rule = {"propertyName": "email", "operator": operator, "value": "*@one.example"}
    found = api.search_api.do_search({"filterGroups": [{"filters": [rule]}], "properties": ["firstname"]})
    assert {row.properties["firstname"] for row in found.results} == expected


def test_batches_create_read_update_upsert_and_archive(bench: Callable[..., Any]) -> None:
    api = bench().client.crm.contacts.batch_api
    rows = [{"properties": {"email": f"p{i}@example.com"}, "associations": []} for i in range(20)]
    made = api.create({"inputs": rows})
    assert made.status == "COMPLETE"
    assert len(made.results) == 20
    order = [row.properties["email"] for row in made.results]
    assert order != [row["properties"]["email"] for row in rows], "results do not come in the order of the request"
    ids = sorted(row.id for row in made.results)
    read = api.read({"inputs": [{"id": i} for i in ids], "properties": ["email"], "propertiesWithHistory": []})
    assert {row.id for row in read.results} == set(ids)
    done = api.update({"inputs": [{"id": i, "properties": {"city": "Porto"}} for i in ids[:2]]})
    assert {row.properties["city"] for row in done.results} == {"Porto"}
    upsert = api.upsert(
        {
            "inputs": [
                {"id": "p0@example.com", "idProperty": "email", "properties": {"city": "Lyon"}},
                {"id": "new@example.com", "idProperty": "email", "properties": {"city": "Leeds"}},
            ]
        }
    )
    assert {(row.properties["city"], row.new) for row in upsert.results} == {("Lyon", False), ("Leeds", True)}
    assert api.archive({"inputs": [{"id": i} for i in [*ids, "404"]]}) is None
    again = api.read({"inputs": [{"id": i} for i in ids], "properties": [], "propertiesWithHistory": []})
    assert (again.results, again.num_errors) == ([], 1)


def test_a_traced_batch_tells_each_failure_apart_and_keeps_the_rest(bench: Callable[..., Any]) -> None:
    one = bench()
    held = _create(one.client.crm.contacts, email="held@example.com")
    mails = ("held@example.com", "free@example.com", "no address")
    rows = [
        {"properties": {"email": mail}, "associations": [], "objectWriteTraceId": str(i)}
        for i, mail in enumerate(mails)
    ]
    made = one.client.crm.contacts.batch_api.create({"inputs": rows})
    assert [(row.object_write_trace_id, row.properties["email"]) for row in made.results] == [("1", "free@example.com")]
    errors = {row.context["objectWriteTraceId"][0]: row for row in made.errors}
    assert made.num_errors == 2
    assert errors["0"].category == "CONFLICT"
    assert errors["0"].context["existingId"] == [held.id]
    assert errors["2"].errors[0].code == "INVALID_EMAIL"


def test_an_untraced_batch_is_all_or_nothing(bench: Callable[..., Any]) -> None:
    one = bench()
    api = one.client.crm.contacts
    rows = [{"properties": {"email": "ok@example.com"}}, {"properties": {"nonsense": "1"}}]
    with pytest.raises(contacts_sdk.ApiException) as refused:
        api.batch_api.create({"inputs": rows})
    assert refused.value.status == 400
    assert "PROPERTY_DOESNT_EXIST" in refused.value.body
    assert api.basic_api.get_page().results == []


def test_a_merge_keeps_the_winner_and_the_losers_id_leads_to_it(bench: Callable[..., Any]) -> None:
    one = bench()
    api = one.client.crm.contacts
    winner = _create(api, email="win@example.com", firstname="Win")
    loser = _create(api, email="lose@example.com", city="Leeds")
    merged = one.client.crm.contacts.basic_api.merge({"primaryObjectId": winner.id, "objectIdToMerge": loser.id})
    assert merged.id == winner.id
    seen = api.basic_api.get_by_id(loser.id, properties=["hs_merged_object_ids", "city", "email"])
    assert seen.id == winner.id
    assert (seen.properties["hs_merged_object_ids"], seen.properties["city"]) == (loser.id, "Leeds")
    assert [row.id for row in api.basic_api.get_page().results] == [winner.id]
    assert api.basic_api.get_by_id("lose@example.com", id_property="email").id == winner.id


def test_a_privacy_deletion_is_for_good_and_keeps_the_address_out(bench: Callable[..., Any]) -> None:
    api = bench().client.crm.contacts
    made = _create(api, email="gone@example.com")
    api.basic_api.purge({"objectId": made.id})
    for archived in (False, True):
        with pytest.raises(contacts_sdk.ApiException) as lost:
            api.basic_api.get_by_id(made.id, archived=archived)
        assert lost.value.status == 404
    with pytest.raises(contacts_sdk.ApiException) as refused:
        _create(api, email="gone@example.com")
    assert refused.value.status == 400


def test_histories_name_old_values_newest_first(bench: Callable[..., Any]) -> None:
    one = bench()
    api = one.client.crm.contacts
    made = _create(api, email="h@example.com", lifecyclestage="lead")
    one.clock.advance(5000)
    api.basic_api.update(made.id, {"properties": {"lifecyclestage": "customer"}})
    read = api.basic_api.get_by_id(made.id, properties_with_history=["lifecyclestage"])
    rows = read.properties_with_history["lifecyclestage"]
    assert [row.value for row in rows] == ["customer", "lead"]
    assert rows[0].timestamp > rows[1].timestamp


def _refusal(act: Callable[[], Any]) -> Any:
    with pytest.raises(contacts_sdk.ApiException) as caught:
        act()
    return caught.value


def test_the_error_cases_have_their_status_and_body(bench: Callable[..., Any]) -> None:
    one = bench()
    api = one.client.crm.contacts
    held = _create(api, email="a@example.com", tieline_id="k")
    clash = _refusal(lambda: _create(api, email="A@example.com"))
    assert (clash.status, f"Existing ID: {held.id}" in clash.body) == (409, True)
    unique = _refusal(lambda: _create(api, tieline_id="k"))
    assert (unique.status, f"{held.id} already has that value." in unique.body) == (400, True)
    read_only = _refusal(lambda: _create(api, email="b@example.com", hs_email_optout="true"))
    assert (read_only.status, "READ_ONLY_VALUE" in read_only.body) == (400, True)
    twice = _refusal(lambda: api.batch_api.update({"inputs": [{"id": held.id, "properties": {}}] * 2}))
    assert (twice.status, "IDs must be unique" in twice.body) == (400, True)
    missing = _refusal(lambda: api.basic_api.update("999", {"properties": {}}))
    assert missing.status == 404
    stranger = bench(token="wrong")
    assert _refusal(lambda: stranger.client.crm.contacts.basic_api.get_page()).status == 401
    poor = bench(token=one.sandbox.token_without_scopes)
    refused = _refusal(lambda: poor.client.crm.contacts.basic_api.get_page())
    assert (refused.status, "MISSING_SCOPES" in refused.body) == (403, True)


def test_a_429_carries_what_the_recording_carries(bench: Callable[..., Any]) -> None:
    burst = bench("rate-limit")
    api = burst.client.crm.contacts.basic_api
    for _ in range(100):
        api.get_page(limit=1)
    refused = _refusal(lambda: api.get_page(limit=1))
    assert (refused.status, "TEN_SECONDLY_ROLLING" in refused.body) == (429, True)
    assert refused.headers["x-hubspot-ratelimit-remaining"] == "0"
    burst.clock.advance(10_001)
    assert api.get_page(limit=1).results == []
    searching = bench("rate-limit-no-retry-after")
    search = searching.client.crm.contacts.search_api
    for _ in range(5):
        search.do_search({"limit": 1})
    refused = _refusal(lambda: search.do_search({"limit": 1}))
    assert (refused.status, "secondly limit" in refused.body) == (429, True)
    assert "retry-after" not in refused.headers
