"""The stand-in by itself: what the account remembers, how it pages, what it refuses, and that a dump loses nothing."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tieline.sandbox import Request, Response, SandboxOptions
from tieline.testing import FakeClock
from tieline_hubspot.sandbox import VICES, HubSpotSandbox
from tieline_hubspot.wire import PROFILE

CONTACTS = "/crm/v3/objects/contacts"
DATED = "/crm/objects/2026-09/contacts"


class Stand:
    """A stand-in on a clock of the test's own."""

    def __init__(self, *vices: str, seed: str = "empty", state: Any = None) -> None:
        self.clock = FakeClock()
        options = SandboxOptions(seed=seed, vices=frozenset(vices), clock=self.clock, state=state)
        self.sandbox = HubSpotSandbox(options)
        self.token = self.sandbox.token

    def raw(self, method: str, path: str, body: Any = None, **params: Any) -> Response:
        headers = {"authorization": f"Bearer {self.token}", "accept": "application/json"}
        return self.sandbox.handle(Request(method, path, params, headers, json=body))

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> tuple[int, Any]:
        response = self.raw(method, path, body, **params)
        return response.status, response.json() if response.body else None

    def make(self, kind: str, **properties: Any) -> str:
        status, body = self.ask("POST", f"/crm/v3/objects/{kind}", {"properties": properties})
        assert status == 201, body
        return str(body["id"])

    def find(self, kind: str, *filters: dict[str, Any], **more: Any) -> Any:
        search = {"filterGroups": [{"filters": list(filters)}], **more}
        return self.ask("POST", f"/crm/v3/objects/{kind}/search", search)[1]


def test_numeric_and_dated_paths_act_on_one_state() -> None:
    stand = Stand()
    key = stand.make("contacts", email="a@one.example")
    for version in ("2025-09", "2026-03", "2026-09"):
        assert stand.ask("GET", f"/crm/objects/{version}/contacts/{key}")[1]["id"] == key
        assert stand.ask("GET", f"/crm/owners/{version}")[0] == 200
        assert stand.ask("GET", f"/crm/properties/{version}/deals/dealstage")[0] == 200
        assert stand.ask("GET", f"/crm/pipelines/{version}/deals")[0] == 200
        assert stand.ask("GET", f"/marketing/campaigns/{version}")[0] == 200
        assert stand.ask("GET", f"/communication-preferences/{version}/definitions")[0] == 200
    status, details = stand.ask("GET", "/account-info/v3/details")
    assert (status, {"timeZone", "portalId"} <= set(details)) == (200, True)
    for wrong in ("/crm/objects/2024-01/contacts", "/crm/v2/objects/contacts", "/crm/v4/objects/contacts", "/x", "/"):
        assert stand.ask("GET", wrong)[0] == 404, wrong


def test_a_page_ends_where_the_next_record_begins() -> None:
    """[rec] `after` is the id of the next object, and the last page has no `paging`."""
    stand = Stand()
    ids = sorted(stand.make("contacts", email=f"p{i}@one.example") for i in range(5))
    status, page = stand.ask("GET", CONTACTS, limit="2")
    assert (status, [r["id"] for r in page["results"]]) == (200, ids[:2])
    assert page["paging"]["next"]["after"] == ids[2]
    stand.ask("DELETE", f"{CONTACTS}/{ids[2]}")
    page = stand.ask("GET", CONTACTS, limit="2", after=ids[2])[1]
    assert [r["id"] for r in page["results"]] == ids[3:]
    assert "paging" not in page
    archived = stand.ask("GET", CONTACTS, archived="true")[1]["results"]
    assert [(r["id"], r["archived"], "archivedAt" in r) for r in archived] == [(ids[2], True, True)]
    assert stand.ask("GET", CONTACTS, limit="101")[0] == 400


def test_a_404_is_html_unless_json_is_asked_for_by_name() -> None:
    """[rec] 2024-10: `Accept: */*` gets `text/html` and `X-HubSpot-NotFound: true`."""
    stand = Stand()
    headers = {"authorization": f"Bearer {stand.token}", "accept": "*/*"}
    answer = stand.sandbox.handle(Request("GET", f"{CONTACTS}/1", {}, headers))
    assert (answer.status, answer.headers["x-hubspot-notfound"]) == (404, "true")
    assert answer.headers["content-type"].startswith("text/html")
    with pytest.raises(ValueError):
        answer.json()
    assert stand.ask("GET", f"{CONTACTS}/1")[1]["category"] == "OBJECT_NOT_FOUND"


@pytest.mark.parametrize(
    ("kind", "name", "value", "code"),
    [
        ("contacts", "nope", "1", "PROPERTY_DOESNT_EXIST"),
        ("contacts", "hs_email_optout", "true", "READ_ONLY_VALUE"),
        ("contacts", "lifecyclestage", "unheard of", "INVALID_OPTION"),
        ("contacts", "email", "nobody", "INVALID_EMAIL"),
        ("contacts", "hubspot_owner_id", "5", "INVALID_OWNER_ID"),
        ("companies", "numberofemployees", "many", "INVALID_LONG"),
        ("companies", "industry", "computer software", "INVALID_OPTION"),
        ("deals", "closedate", "soon", "INVALID_DATE"),
        ("deals", "dealstage", "nowhere", "INVALID_OPTION"),
        ("deals", "amount", {"value": 1}, "INVALID_VALUE"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name_and_code(kind: str, name: str, value: Any, code: str) -> None:
    status, body = Stand().ask("POST", f"/crm/v3/objects/{kind}", {"properties": {name: value}})
    assert (status, body["category"]) == (400, "VALIDATION_ERROR")
    assert [(e["code"], e["context"]["propertyName"]) for e in body["errors"]] == [(code, [name])]
    assert body["correlationId"]


def test_values_are_kept_trimmed_as_text_and_cleared_by_a_blank() -> None:
    stand = Stand()
    key = stand.make("deals", dealname="  D  ", amount=12.5, closedate="1767139200000", dealstage="closedlost")
    names = "dealname,amount,closedate,hs_is_closed,hs_is_closed_won,deal_currency_code"
    read = stand.ask("GET", f"/crm/v3/objects/deals/{key}", properties=names)[1]["properties"]
    assert (read["dealname"], read["amount"], read["closedate"]) == ("D", "12.5", "2025-12-31T00:00:00Z")
    assert (read["hs_is_closed"], read["hs_is_closed_won"], read["deal_currency_code"]) == ("true", "false", None)
    stand.ask("PATCH", f"/crm/v3/objects/deals/{key}", {"properties": {"amount": "", "dealname": None}})
    read = stand.ask("GET", f"/crm/v3/objects/deals/{key}")[1]["properties"]
    assert (read["amount"], read["dealname"]) == ("", "")


def test_a_companys_website_is_filled_from_its_domain_once() -> None:
    """[rec] 2024-10 and 2022-02: visible on create; a website cleared later stays cleared."""
    stand = Stand()
    body = stand.ask("POST", "/crm/v3/objects/companies", {"properties": {"domain": "one.example"}})[1]
    assert body["properties"]["website"] == "one.example"
    path = f"/crm/v3/objects/companies/{body['id']}"
    stand.ask("PATCH", path, {"properties": {"website": ""}})
    stand.ask("PATCH", path, {"properties": {"domain": "two.example"}})
    assert stand.ask("GET", path, properties="website")[1]["properties"]["website"] == ""


def test_the_hub_field_is_unique_until_its_holder_is_archived() -> None:
    stand = Stand()
    first = stand.make("companies", tieline_id="k1", name="One")
    status, body = stand.ask("POST", "/crm/v3/objects/companies", {"properties": {"tieline_id": "k1"}})
    assert (status, body["category"]) == (400, "VALIDATION_ERROR")
    assert body["message"].endswith(f"{first} already has that value.")
    other = stand.make("companies", tieline_id="k2")
    assert stand.ask("PATCH", f"/crm/v3/objects/companies/{other}", {"properties": {"tieline_id": "k1"}})[0] == 400
    read = stand.ask("GET", "/crm/v3/objects/companies/k1", idProperty="tieline_id")[1]
    assert read["id"] == first
    stand.ask("DELETE", f"/crm/v3/objects/companies/{first}")
    assert stand.ask("PATCH", f"/crm/v3/objects/companies/{other}", {"properties": {"tieline_id": "k1"}})[0] == 200


def test_batches_keep_their_limits() -> None:
    stand = Stand()
    rows = [{"properties": {"email": f"p{i}@one.example"}} for i in range(101)]
    assert stand.ask("POST", f"{CONTACTS}/batch/create", {"inputs": rows})[0] == 400
    status, body = stand.ask("POST", f"{CONTACTS}/batch/create", {"inputs": rows[:100]})
    assert (status, len(body["results"])) == (201, 100)
    ids = [{"id": row["id"]} for row in body["results"]]
    dated = {"inputs": ids, "properties": [], "propertiesWithHistory": ["email"]}
    assert stand.ask("POST", f"{CONTACTS}/batch/read", dated)[0] == 400
    assert stand.ask("POST", f"{CONTACTS}/batch/read", {**dated, "inputs": ids[:50]})[0] == 200
    twice = {"inputs": [{**ids[0], "properties": {}}] * 2}
    status, body = stand.ask("POST", f"{CONTACTS}/batch/update", twice)
    assert (status, body["context"]["ids"]) == (400, [ids[0]["id"]])
    unique = {"inputs": [{"id": "x", "idProperty": "city", "properties": {}}]}
    assert stand.ask("POST", f"{CONTACTS}/batch/upsert", unique)[0] == 400


def test_a_search_refuses_what_the_api_refuses() -> None:
    """[doc] 2026-03: five groups, six filters, one sort, 200 a page, 3,000 characters, no unknown property."""
    stand = Stand()
    rule = {"propertyName": "email", "operator": "EQ", "value": "a@one.example"}

    def status(**body: Any) -> int:
        return stand.ask("POST", f"{CONTACTS}/search", body)[0]

    assert status(filterGroups=[{"filters": [rule]}] * 5) == 200
    assert status(filterGroups=[{"filters": [rule]}] * 6) == 400
    assert status(filterGroups=[{"filters": [rule] * 6}]) == 200
    assert status(filterGroups=[{"filters": [rule] * 7}]) == 400
    assert status(sorts=[{"propertyName": "email"}, {"propertyName": "city"}]) == 400
    assert status(limit=200) == 200
    assert status(limit=201) == 400
    assert status(after="9999") == 200
    assert status(after="10000") == 400
    assert status(query="x" * 3000) == 400
    assert status(filterGroups=[{"filters": [{**rule, "propertyName": "nope"}]}]) == 400
    assert status(filterGroups=[{"filters": [{**rule, "operator": "LIKE"}]}]) == 400


def test_stamps_are_searched_as_milliseconds_or_as_iso_text() -> None:
    stand = Stand()
    old = stand.make("contacts", email="old@one.example")
    stand.clock.advance(60_000)
    new = stand.make("contacts", email="new@one.example")
    limit = stand.clock.now()
    for value in (str(limit), "2025-06-15T17:07:40+02:00"):
        found = stand.find("contacts", {"propertyName": "lastmodifieddate", "operator": "GTE", "value": value})
        assert [r["id"] for r in found["results"]] == [new]
    found = stand.find("contacts", {"propertyName": "hs_object_id", "operator": "LT", "value": new})
    assert [r["id"] for r in found["results"]] == [old]


def test_an_opt_out_reaches_the_contact_and_a_subscription_does_not_undo_it() -> None:
    """[doc] A plain subscribe leaves a portal-wide opt-out; [memory] the opt-out moves the contact's stamp."""
    stand = Stand()
    key = stand.make("contacts", email="Ada@one.example")
    before = stand.ask("GET", f"{CONTACTS}/{key}")[1]["updatedAt"]
    stand.clock.advance(1000)
    path = "/communication-preferences/2026-09/statuses/batch"
    status, body = stand.ask("POST", f"{path}/unsubscribe-all", {"inputs": ["ada@one.example", "x"]}, channel="EMAIL")
    assert (status, body["numErrors"]) == (207, 1)
    assert body["results"][0]["wideStatuses"][0]["wideStatusType"] == "PORTAL_WIDE"
    names = "hs_email_optout,hs_email_optout_448994475"
    after = stand.ask("GET", f"{CONTACTS}/{key}", properties=names)[1]
    assert after["properties"]["hs_email_optout"] == after["properties"]["hs_email_optout_448994475"] == "true"
    assert after["updatedAt"] > before
    say = {"subscriberIdString": "ada@one.example", "subscriptionId": 448994475, "channel": "EMAIL"}
    status, body = stand.ask("POST", f"{path}/write", {"inputs": [{**say, "statusState": "SUBSCRIBED"}]})
    assert (status, body["results"][0]["status"]) == (200, "UNSUBSCRIBED")
    read = stand.ask("POST", f"{path}/unsubscribe-all/read", {"inputs": ["ada@one.example"]}, channel="EMAIL")[1]
    assert read["results"][0]["wideStatuses"][0]["status"] == "UNSUBSCRIBED"
    assert stand.ask("GET", f"{CONTACTS}/{key}", properties=names)[1]["properties"]["hs_email_optout"] == "true"


def test_one_subscription_may_end_and_begin_again() -> None:
    stand = Stand()
    key = stand.make("contacts", email="b@one.example")
    say = {"subscriberIdString": "b@one.example", "subscriptionId": 448994475, "channel": "EMAIL"}
    flag = "hs_email_optout_448994475"
    for state, shown in (("UNSUBSCRIBED", "true"), ("SUBSCRIBED", "")):
        rows = {"inputs": [{**say, "statusState": state, "legalBasis": "CONSENT_WITH_NOTICE"}]}
        assert stand.ask("POST", "/communication-preferences/v4/statuses/batch/write", rows)[0] == 200
        properties = stand.ask("GET", f"{CONTACTS}/{key}", properties=f"{flag},hs_email_optout")[1]["properties"]
        assert (properties[flag], properties["hs_email_optout"]) == (shown, None)
    statuses = stand.ask("GET", "/communication-preferences/v4/statuses/b@one.example", channel="EMAIL")[1]["results"]
    assert {s["subscriptionId"]: s["status"] for s in statuses}[448994475] == "SUBSCRIBED"


def test_a_campaign_lives_by_guid_and_its_budget_is_a_sum() -> None:
    stand = Stand()
    path = "/marketing/campaigns/2026-09"
    made = stand.ask("POST", path, {"properties": {"hs_name": "Fair", "hs_start_date": "2026-03-01"}})[1]
    assert len(made["id"]) == 36
    stand.ask("POST", f"{path}/{made['id']}/budget", {"name": "hall", "amount": 1200.5, "order": 0})
    names = "hs_name,hs_budget_items_sum_amount,hs_end_date"
    read = stand.ask("GET", f"{path}/{made['id']}", properties=names)[1]
    assert read["properties"] == {"hs_name": "Fair", "hs_budget_items_sum_amount": "1200.5"}
    assert stand.ask("PATCH", f"{path}/{made['id']}", {"properties": {"hs_campaign_status": "lost"}})[0] == 400
    assert stand.ask("PATCH", f"{path}/{made['id']}", {"properties": {"hs_campaign_status": "active"}})[0] == 200
    for name in ("B", "C"):
        stand.ask("POST", path, {"properties": {"hs_name": name}})
    page = stand.ask("GET", path, limit="2")[1]
    assert (page["total"], len(page["results"]), page["paging"]["next"]["after"]) == (3, 2, "Mg%3D%3D")
    for after in ("Mg%3D%3D", "Mg=="):
        assert len(stand.ask("GET", path, limit="2", after=after)[1]["results"]) == 1
    assert stand.ask("DELETE", f"{path}/{made['id']}")[0] == 204
    assert stand.ask("GET", f"{path}/{made['id']}")[0] == 404


def _everything(stand: Stand) -> Stand:
    """Touch every part of the state."""
    company = stand.make("companies", name="C", domain="c.example")
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}
    body = {"properties": {"email": "e@c.example"}, "associations": [{"to": {"id": company}, "types": [spec]}]}
    first = stand.ask("POST", DATED, body)[1]["id"]
    second = stand.make("contacts", email="f@c.example", lifecyclestage="customer")
    stand.clock.advance(5)
    stand.ask("POST", f"{CONTACTS}/merge", {"primaryObjectId": first, "objectIdToMerge": second})
    stand.ask("DELETE", f"{CONTACTS}/{stand.make('contacts', email='g@c.example')}")
    stand.ask("POST", f"{CONTACTS}/gdpr-delete", {"objectId": stand.make("contacts", email="h@c.example")})
    own = {"name": "own", "label": "Own", "type": "enumeration", "fieldType": "select", "groupName": "dealinformation"}
    own["options"] = [{"label": "A", "value": "a"}]  # type: ignore[assignment]
    assert stand.ask("POST", "/crm/v3/properties/deals", own)[0] == 201
    stand.ask("POST", "/crm/v4/associations/deals/contacts/labels", {"label": "Buyer", "name": "buyer"})
    stand.make("deals", dealname="D", own="a")
    stand.ask("POST", "/marketing/v3/campaigns", {"properties": {"hs_name": "N"}})
    path = "/communication-preferences/v4/statuses/batch/unsubscribe-all"
    stand.ask("POST", path, {"inputs": ["e@c.example"]}, channel="EMAIL")
    form = {"grant_type": "client_credentials", "client_id": stand.sandbox.client_id}
    form["client_secret"] = stand.sandbox.client_secret
    assert stand.sandbox.handle(Request("POST", stand.sandbox.token_path, form=form)).status == 200
    return stand


@pytest.mark.parametrize("vices", [(), ("search-lag",), ("token-expiry", "partial-batch")])
def test_a_dump_goes_through_json_and_back_without_a_difference(vices: tuple[str, ...]) -> None:
    stand = _everything(Stand(*vices))
    dump = json.loads(json.dumps(stand.sandbox.dump()))
    again = Stand(*vices, state=dump)
    assert json.dumps(again.sandbox.dump()) == json.dumps(stand.sandbox.dump())
    again.clock.advance(5)
    for method, path, body in (
        ("GET", CONTACTS, None),
        ("GET", "/crm/v3/properties/deals", None),
        ("POST", f"{CONTACTS}/search", {"query": "c.example"}),
        ("GET", "/crm/v4/associations/deals/contacts/labels", None),
        ("POST", CONTACTS, {"properties": {"email": "e@c.example"}}),
        ("POST", CONTACTS, {"properties": {"email": "h@c.example"}}),
        ("POST", CONTACTS, {"properties": {"email": "next@c.example"}}),
    ):
        one, two = stand.ask(method, path, body), again.ask(method, path, body)
        for _, answer in (one, two):
            answer.pop("correlationId", None)
        assert one == two, path


def test_the_demo_account_is_believable_and_the_same_each_time() -> None:
    one, two = Stand(seed="demo"), Stand(seed="demo")
    assert json.dumps(one.sandbox.dump()) == json.dumps(two.sandbox.dump())
    tables = one.sandbox.state.tables
    assert len(tables["contacts"].alive) >= 500
    assert len(tables["companies"].alive) == 150
    assert len(tables["deals"].alive) == 200
    assert len(one.sandbox.state.campaigns) == 12
    people = [record.props for record in tables["contacts"].records.values()]
    assert sum(not p.get("associatedcompanyid") for p in people) > 10
    assert any(p.get("email", "") != p.get("email", "").lower() for p in people)
    assert len({"".join("9" if c.isdigit() else c for c in p.get("phone", "")) for p in people}) > 8
    assert any(p.get("hs_email_optout") == "true" for p in people)
    latest = max(r.updated for t in tables.values() for r in t.records.values())
    assert latest < one.clock.now(), "nothing is newer than the clock"


def test_rows_from_outside_are_loaded_as_they_are_and_nonsense_is_named() -> None:
    stand = Stand()
    stand.sandbox.load(
        {
            "companies": [{"id": "8", "properties": {"name": "Eight"}}],
            "contacts": [
                {"id": "9", "properties": {"email": "MiXed@One.example"}, "createdAt": "2024-01-01T00:00:00Z"},
                {"properties": {"lastname": "No id"}},
            ],
            "campaigns": [{"properties": {"hs_name": "N"}}],
            "associations": [["contacts", "9", "companies", "8", 1]],
        }
    )
    read = stand.ask("GET", f"{CONTACTS}/9", properties="email,associatedcompanyid")[1]
    assert (read["properties"]["email"], read["properties"]["associatedcompanyid"]) == ("MiXed@One.example", "8")
    assert read["createdAt"] == "2024-01-01T00:00:00Z"
    assert len(stand.ask("GET", CONTACTS)[1]["results"]) == 2
    with pytest.raises(ValueError, match="no property nope"):
        stand.sandbox.load({"contacts": [{"properties": {"nope": "1"}}]})
    with pytest.raises(ValueError, match="no record 77"):
        stand.sandbox.load({"associations": [["contacts", "77", "companies", "8", 1]]})
    with pytest.raises(ValueError, match="unknown vice"):
        Stand("no-such-vice")


def test_threads_may_call_at_once_and_none_is_lost() -> None:
    stand = Stand()
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda i: stand.make("contacts", email=f"t{i}@one.example"), range(200)))
    assert len(set(ids)) == 200
    assert len(stand.sandbox.state.tables["contacts"].alive) == 200


def test_the_token_endpoint_refuses_strangers() -> None:
    stand = Stand()
    form = {"grant_type": "refresh_token", "client_id": "x", "client_secret": "y", "refresh_token": "z"}
    answer = stand.sandbox.handle(Request("POST", "/oauth/2026-09/token", form=form))
    assert (answer.status, answer.json()["status"]) == (400, "BAD_CLIENT_ID")
    form |= {"client_id": stand.sandbox.client_id, "client_secret": stand.sandbox.client_secret}
    answer = stand.sandbox.handle(Request("POST", "/oauth/2026-09/token", form=form))
    assert answer.json()["status"] == "BAD_REFRESH_TOKEN"
    stand.token = "stranger"
    assert stand.ask("GET", CONTACTS)[0] == 401


def test_a_batch_of_campaigns_takes_half_as_many_as_one_of_objects() -> None:
    """[spec] Marketing Campaigns: 50 inputs; CRM objects: 100."""
    stand = Stand()
    rows = [{"properties": {"hs_name": f"N{i}"}} for i in range(51)]
    path = "/marketing/campaigns/2026-09/batch/create"
    status, body = stand.ask("POST", path, {"inputs": rows})
    assert (status, "50" in body["message"]) == (400, True)
    assert stand.ask("POST", path, {"inputs": rows[:50]})[0] == 201


def test_every_token_endpoint_gives_the_token_that_every_version_takes() -> None:
    """[spec] Signing in is versioned apart from the objects, so one path in the profile is enough."""
    stand = Stand()
    ours = {"client_id": stand.sandbox.client_id, "client_secret": stand.sandbox.client_secret}
    form = {"grant_type": "client_credentials", **ours}
    for endpoint in ("/oauth/v1/token", "/oauth/2026-03/token", str(PROFILE.token_path)):
        answer = stand.sandbox.handle(Request("POST", endpoint, form=form))
        stand.token = answer.json()["access_token"]
        for path in (CONTACTS, DATED, "/crm/objects/2026-03/contacts"):
            assert stand.ask("GET", path)[0] == 200, (endpoint, path)


def test_every_vice_has_a_name_of_its_own() -> None:
    assert len(set(VICES)) == len(VICES) == 15
