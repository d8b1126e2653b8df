"""HubSpot's own Python SDK on what surrounds the records: associations, properties, pipelines, owners, tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

links_sdk = pytest.importorskip("hubspot.crm.associations.v4", reason="hubspot-api-client is not installed")

PRIMARY = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}
PLAIN = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}


def _make(api: Any, **properties: str) -> str:
    return str(api.basic_api.create({"properties": properties, "associations": []}).id)


def test_associations_go_both_ways_and_only_one_company_is_primary(bench: Callable[..., Any]) -> None:
    crm = bench().client.crm
    person = _make(crm.contacts, email="a@example.com")
    first, second = _make(crm.companies, name="First"), _make(crm.companies, name="Second")
    links = crm.associations.v4
    pair = links.basic_api.create("contacts", person, "companies", first, [PLAIN])
    assert (str(pair.from_object_id), str(pair.to_object_id)) == (person, first)
    made = links.batch_api.create(
        "contacts", "companies", {"inputs": [{"from": {"id": person}, "to": {"id": second}, "types": [PRIMARY]}]}
    )
    assert made.results[0].labels == ["Primary"]
    rows = links.basic_api.get_page("contacts", person, "companies").results
    kinds = {str(r.to_object_id): sorted(t.type_id for t in r.association_types) for r in rows}
    assert kinds == {first: [279], second: [1, 279]}
    back = links.basic_api.get_page("companies", second, "contacts").results
    assert sorted(t.type_id for t in back[0].association_types) == [2, 280]
    assert crm.contacts.basic_api.get_by_id(person, properties=["associatedcompanyid"]).properties[
        "associatedcompanyid"
    ] == str(second)
    links.basic_api.archive("contacts", person, "companies", second)
    rows = links.basic_api.get_page("contacts", person, "companies").results
    assert [str(r.to_object_id) for r in rows] == [first]


def test_association_batches_read_default_unlabel_and_archive(bench: Callable[..., Any]) -> None:
    crm = bench().client.crm
    deal, lonely = _make(crm.deals, dealname="D"), _make(crm.deals, dealname="L")
    company = _make(crm.companies, name="C")
    api = crm.associations.v4.batch_api
    ends = {"from": {"id": deal}, "to": {"id": company}}
    done = api.create_default("deals", "companies", {"inputs": [ends]})
    assert {r.association_spec.association_type_id for r in done.results} == {341, 342}
    read = api.get_page("deals", "companies", {"inputs": [{"id": deal}, {"id": lonely}]})
    assert [r._from.id for r in read.results] == [deal]
    assert read.errors[0].context["fromObjectId"] == [lonely]
    primary = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}
    api.archive_labels("deals", "companies", {"inputs": [{**ends, "types": [primary]}]})
    read = api.get_page("deals", "companies", {"inputs": [{"id": deal}]})
    assert [t.type_id for t in read.results[0].to[0].association_types] == [341]
    api.archive("deals", "companies", {"inputs": [{"from": {"id": deal}, "to": [{"id": company}]}]})
    assert crm.associations.v4.basic_api.get_page("deals", deal, "companies").results == []


def test_a_create_associates_in_the_same_call_and_a_read_shows_it(bench: Callable[..., Any]) -> None:
    crm = bench().client.crm
    company = _make(crm.companies, name="C")
    made = crm.contacts.basic_api.create(
        {"properties": {"email": "c@example.com"}, "associations": [{"to": {"id": company}, "types": [PRIMARY]}]}
    )
    read = crm.contacts.basic_api.get_by_id(made.id, associations=["companies"])
    shown = {(row.id, row.type) for row in read.associations["companies"].results}
    assert shown == {(company, "contact_to_company"), (company, "contact_to_company_unlabeled")}


def test_labels_of_the_accounts_own_can_be_defined_and_used(bench: Callable[..., Any]) -> None:
    crm = bench().client.crm
    schema = crm.associations.v4.schema.definitions_api
    made = schema.create("deals", "contacts", {"label": "Decision maker", "name": "decision_maker"})
    own = made.results[0]
    assert own.category == "USER_DEFINED"
    listed = schema.get_all("deals", "contacts").results
    assert {(row.type_id, row.label) for row in listed} >= {(3, None), (own.type_id, "Decision maker")}


def test_properties_are_listed_made_once_and_keep_their_uniqueness(bench: Callable[..., Any]) -> None:
    properties_sdk = pytest.importorskip("hubspot.crm.properties")
    api = bench().client.crm.properties
    known = {p.name: p for p in api.core_api.get_all("contacts").results}
    assert known["hs_email_optout"].modification_metadata.read_only_value is True
    assert known["tieline_id"].has_unique_value is True
    assert [o.value for o in known["lifecyclestage"].options][:2] == ["subscriber", "lead"]
    group = api.groups_api.create("deals", {"name": "own", "label": "Own"})
    assert group.name == "own"
    wanted = {
        "name": "ledger_id",
        "label": "Ledger ID",
        "type": "string",
        "fieldType": "text",
        "groupName": "own",
        "hasUniqueValue": True,
    }
    made = api.core_api.create("deals", wanted)
    assert (made.name, made.has_unique_value) == ("ledger_id", True)
    with pytest.raises(properties_sdk.ApiException) as twice:
        api.core_api.create("deals", wanted)
    assert (twice.value.status, "PROPERTY_WITH_NAME_EXISTS" in twice.value.body) == (409, True)
    assert api.core_api.get_by_name("deals", "ledger_id").label == "Ledger ID"
    api.core_api.archive("deals", "ledger_id")
    with pytest.raises(properties_sdk.ApiException) as gone:
        api.core_api.get_by_name("deals", "ledger_id")
    assert gone.value.status == 404


def test_pipelines_and_owners_are_as_the_sdk_models_them(bench: Callable[..., Any]) -> None:
    crm = bench().client.crm
    sales = crm.pipelines.pipelines_api.get_all("deals").results[0]
    stages = {s.id: s.metadata["probability"] for s in sales.stages}
    assert (sales.id, stages["closedwon"], stages["closedlost"]) == ("default", "1.0", "0.0")
    assert len(crm.pipelines.pipeline_stages_api.get_all("deals", "default").results) == len(stages)
    owners = crm.owners.owners_api.get_page(limit=2)
    assert len(owners.results) == 2
    assert owners.paging.next.after
    first = owners.results[0]
    assert crm.owners.owners_api.get_by_id(int(first.id)).email == first.email
    assert [o.id for o in crm.owners.owners_api.get_page(email=first.email).results] == [first.id]


def test_a_stage_decides_what_is_closed_and_won(bench: Callable[..., Any]) -> None:
    api = bench().client.crm.deals.basic_api
    made = api.create(
        {"properties": {"dealname": "D", "dealstage": "closedwon", "amount": "10.50"}, "associations": []}
    )
    read = api.get_by_id(made.id, properties=["hs_is_closed", "hs_is_closed_won", "pipeline", "amount"])
    values = {k: read.properties[k] for k in ("hs_is_closed", "hs_is_closed_won", "pipeline", "amount")}
    assert values == {"hs_is_closed": "true", "hs_is_closed_won": "true", "pipeline": "default", "amount": "10.50"}


def test_a_token_is_had_from_the_endpoint_and_works(bench: Callable[..., Any]) -> None:
    one = bench()
    sandbox = one.sandbox
    given = one.client.oauth.tokens_api.create(
        grant_type="refresh_token",
        client_id=sandbox.client_id,
        client_secret=sandbox.client_secret,
        refresh_token=sandbox.refresh_token,
    )
    assert (given.token_type, given.expires_in) == ("bearer", 1800)
    other = bench(token=given.access_token)
    other.sandbox.state.tokens[given.access_token] = 0
    page, status, headers = other.client.crm.contacts.basic_api.get_page_with_http_info(limit=1)
    assert (status, page.results) == (200, [])
    assert headers["x-hubspot-ratelimit-max"] == "110", "an OAuth app has limits of its own"
    assert "x-hubspot-ratelimit-daily" not in headers


def test_an_expiring_token_stops_after_its_uses(bench: Callable[..., Any]) -> None:
    contacts_sdk = pytest.importorskip("hubspot.crm.contacts")
    one = bench("token-expiry")
    api = one.client.crm.contacts.basic_api
    for _ in range(20):
        api.get_page(limit=1)
    with pytest.raises(contacts_sdk.ApiException) as over:
        api.get_page(limit=1)
    assert (over.value.status, "EXPIRED_AUTHENTICATION" in over.value.body) == (401, True)
    fresh = one.client.oauth.tokens_api.create(
        grant_type="refresh_token",
        client_id=one.sandbox.client_id,
        client_secret=one.sandbox.client_secret,
        refresh_token=one.sandbox.refresh_token,
    )
    one.client.access_token = fresh.access_token
    assert one.client.crm.contacts.basic_api.get_page(limit=1).results == []


def test_raw_calls_of_the_sdk_reach_campaigns_and_the_dated_paths(bench: Callable[..., Any]) -> None:
    """The SDK has no campaigns client; its generic `api_request` sends what its users send."""
    one = bench()

    def ask(method: str, path: str, **more: Any) -> tuple[int, Any]:
        answer = one.client.api_request({"method": method, "path": path, **more})
        return answer.status_code, answer.json() if answer.content else None

    status, made = ask("POST", "/marketing/v3/campaigns", body={"properties": {"hs_name": "Fair"}})
    assert (status, made["businessUnits"]) == (201, [{"id": 0}])
    status, read = ask("GET", f"/marketing/campaigns/2026-09/{made['id']}", qs={"properties": "hs_name,hs_notes"})
    assert (status, read["properties"]) == (200, {"hs_name": "Fair"})
    status, listed = ask("GET", "/crm/objects/2026-03/contacts")
    assert (status, listed) == (200, {"results": []})
