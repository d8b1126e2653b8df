"""Each vice of the stand-in, seen from a client's side; and that without it nothing of the kind happens."""

from __future__ import annotations

import http.client
from typing import Any

import pytest

from tieline import Unavailable
from tieline.sandbox import InProcess, Request, Response, SandboxOptions, serve
from tieline.testing import FakeClock
from tieline_hubspot.sandbox import HubSpotSandbox

CONTACTS = "/crm/v3/objects/contacts"


class Stand:
    """A stand-in with vices, on a clock of the test's own."""

    def __init__(self, *vices: str, seed: str = "empty") -> None:
        self.clock = FakeClock()
        self.sandbox = HubSpotSandbox(SandboxOptions(seed=seed, vices=frozenset(vices), clock=self.clock))
        self.token = self.sandbox.token

    def raw(self, method: str, path: str, body: Any = None, **params: Any) -> Response:
        headers = {"authorization": f"Bearer {self.token}", "accept": "application/json"}
        return self.sandbox.handle(Request(method, path, params, headers, json=body))

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> tuple[int, Any]:
        response = self.raw(method, path, body, **params)
        return response.status, response.json() if response.body else None

    def make(self, kind: str, **properties: Any) -> str:
        return str(self.ask("POST", f"/crm/v3/objects/{kind}", {"properties": properties})[1]["id"])

    def by_domain(self, domain: str) -> Any:
        rule = {"propertyName": "domain", "operator": "EQ", "value": domain}
        body = {"filterGroups": [{"filters": [rule]}], "properties": ["domain"]}
        return self.ask("POST", "/crm/v3/objects/companies/search", body)[1]


def test_a_lagging_index_matches_what_was_and_shows_what_is() -> None:
    """[rec] 2022-02-17: new ones unfound, old values found with new properties, archived ones counted but not shown."""
    stand = Stand("search-lag")
    key = stand.make("companies", domain="old.example")
    assert stand.by_domain("old.example") == {"total": 0, "results": []}
    stand.clock.advance(10_000)
    assert stand.by_domain("old.example")["total"] == 1
    stand.ask("PATCH", f"/crm/v3/objects/companies/{key}", {"properties": {"domain": "new.example"}})
    stale = stand.by_domain("old.example")
    assert [r["properties"]["domain"] for r in stale["results"]] == ["new.example"]
    assert stand.by_domain("new.example")["total"] == 0
    stand.clock.advance(10_000)
    assert (stand.by_domain("old.example")["total"], stand.by_domain("new.example")["total"]) == (0, 1)
    stand.ask("DELETE", f"/crm/v3/objects/companies/{key}")
    assert stand.by_domain("new.example") == {"total": 1, "results": []}
    stand.clock.advance(10_000)
    assert stand.by_domain("new.example") == {"total": 0, "results": []}


def test_without_lag_a_search_sees_the_last_write() -> None:
    stand = Stand()
    stand.make("companies", domain="now.example")
    assert stand.by_domain("now.example")["total"] == 1


def test_a_capped_search_pages_to_the_cap_and_then_refuses() -> None:
    stand = Stand("result-cap", seed="demo")
    body = {"limit": 15, "sorts": [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]}
    first = stand.ask("POST", f"{CONTACTS}/search", body)[1]
    assert (len(first["results"]), first["paging"]["next"]["after"]) == (15, "15")
    second = stand.ask("POST", f"{CONTACTS}/search", {**body, "after": "15"})[1]
    assert (len(second["results"]), second["paging"]["next"]["after"]) == (5, "20")
    assert second["total"] == 520
    assert stand.ask("POST", f"{CONTACTS}/search", {**body, "after": "20"})[0] == 400


def test_coarse_stamps_are_full_seconds() -> None:
    stand = Stand("coarse-stamps")
    stand.clock.advance(1234)
    made = stand.ask("POST", CONTACTS, {"properties": {"email": "a@one.example"}})[1]
    assert made["updatedAt"] == made["createdAt"] == "2025-06-15T15:06:41Z"


def test_the_burst_limit_says_how_long_to_wait() -> None:
    stand = Stand("rate-limit")
    left = [stand.raw("GET", CONTACTS).headers["x-hubspot-ratelimit-remaining"] for _ in range(100)]
    assert (left[0], left[-1]) == ("99", "0")
    stand.clock.advance(4000)
    refused = stand.raw("GET", CONTACTS)
    assert (refused.status, refused.headers["retry-after"]) == (429, "6")
    assert refused.json()["policyName"] == "TEN_SECONDLY_ROLLING"
    stand.clock.advance(6001)
    assert stand.raw("GET", CONTACTS).status == 200


def test_the_search_limit_says_nothing_but_no() -> None:
    stand = Stand("rate-limit-no-retry-after")
    answers = [stand.raw("POST", f"{CONTACTS}/search", {}) for _ in range(6)]
    assert [a.status for a in answers] == [200] * 5 + [429]
    assert "retry-after" not in answers[-1].headers
    assert answers[-1].json()["category"] == "RATE_LIMITS"
    stand.clock.advance(1001)
    assert stand.raw("POST", f"{CONTACTS}/search", {}).status == 200


def test_every_seventh_item_of_a_batch_fails_and_the_rest_stands() -> None:
    stand = Stand("partial-batch")
    rows = [{"properties": {"email": f"p{i}@one.example"}, "objectWriteTraceId": str(i)} for i in range(10)]
    status, body = stand.ask("POST", f"{CONTACTS}/batch/create", {"inputs": rows})
    assert (status, len(body["results"]), body["numErrors"]) == (207, 9, 1)
    assert body["errors"][0]["context"]["objectWriteTraceId"] == ["6"]
    ids = [{"id": row["id"], "properties": {"city": "Porto"}} for row in body["results"]]
    status, body = stand.ask("POST", f"{CONTACTS}/batch/update", {"inputs": ids})
    assert (status, len(body["results"]), len(body["errors"][0]["context"]["ids"])) == (207, 8, 1)


def test_every_fifth_write_is_done_and_its_answer_lost() -> None:
    stand = Stand("lost-answer")
    transport = InProcess(stand.sandbox)
    headers = {"authorization": f"Bearer {stand.token}"}
    for i in range(4):
        body = {"properties": {"email": f"p{i}@one.example"}}
        assert transport.send(Request("POST", f"http://hub{CONTACTS}", {}, headers, json=body)).status == 201
    body = {"properties": {"email": "lost@one.example"}}
    with pytest.raises(Unavailable) as lost:
        transport.send(Request("POST", f"http://hub{CONTACTS}", {}, headers, json=body))
    assert lost.value.sent is True
    assert stand.ask("GET", f"{CONTACTS}/lost@one.example", idProperty="email")[0] == 200


def test_a_lost_answer_closes_the_connection_of_a_real_client() -> None:
    stand = Stand("lost-answer")
    with serve(stand.sandbox) as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        headers = {"authorization": f"Bearer {stand.token}", "accept": "application/json"}
        for i in range(5):
            body = f'{{"properties": {{"email": "p{i}@one.example"}}}}'
            client.request("POST", CONTACTS, body, headers)
            if i < 4:
                answer = client.getresponse()
                assert (answer.status, len(answer.msg.get_all("date"))) == (201, 1)
                answer.read()
        with pytest.raises(http.client.RemoteDisconnected):
            client.getresponse()
        client.close()
    assert len(stand.sandbox.state.tables["contacts"].alive) == 5


def test_a_token_is_used_up_and_a_fresh_one_goes_on() -> None:
    stand = Stand("token-expiry")
    assert [stand.ask("GET", CONTACTS)[0] for _ in range(21)] == [200] * 20 + [401]
    form = {"grant_type": "client_credentials", "client_id": stand.sandbox.client_id}
    form["client_secret"] = stand.sandbox.client_secret
    stand.token = stand.sandbox.handle(Request("POST", stand.sandbox.token_path, form=form)).json()["access_token"]
    assert [stand.ask("GET", CONTACTS)[0] for _ in range(21)] == [200] * 20 + [401]


def test_a_seeded_contact_is_merged_by_a_person_after_it_was_read() -> None:
    stand = Stand("merged", seed="demo")
    loser, winner = stand.sandbox.state.seeded_contacts[:2]
    assert loser in stand.sandbox.state.tables["contacts"].alive
    first = stand.ask("GET", CONTACTS, limit="100")[1]["results"]
    assert str(loser) in {row["id"] for row in first}, "the first read still shows it"
    after = stand.ask("GET", f"{CONTACTS}/{loser}", properties="hs_merged_object_ids")[1]
    assert (after["id"], after["properties"]["hs_merged_object_ids"]) == (str(winner), str(loser))
    again = stand.ask("GET", CONTACTS, limit="100")[1]["results"]
    assert str(loser) not in {row["id"] for row in again}


def test_a_restricted_picklist_refuses_a_value_that_others_have() -> None:
    strict, normal = Stand("restricted-picklist", seed="demo"), Stand(seed="demo")
    body = {"properties": {"industry": "COMPUTER_SOFTWARE"}}
    assert normal.ask("POST", "/crm/v3/objects/companies", body)[0] == 201
    assert strict.ask("POST", "/crm/v3/objects/companies", body)[0] == 400
    options = strict.ask("GET", "/crm/v3/properties/companies/industry")[1]["options"]
    assert "COMPUTER_SOFTWARE" not in {o["value"] for o in options}
    held = strict.sandbox.state.tables["companies"].records.values()
    assert any(record.props.get("industry") == "COMPUTER_SOFTWARE" for record in held)


def test_portal_rules_hold_from_2026_09_on_and_not_before() -> None:
    """[doc] 2026-09 enforces conditional required properties on API writes."""
    stand = Stand("required-property")
    body = {"properties": {"dealname": "D", "dealstage": "closedlost"}}
    status, answer = stand.ask("POST", "/crm/objects/2026-09/deals", body)
    assert (status, answer["errors"][0]["code"]) == (400, "MISSING_CONDITIONAL_REQUIRED_PROPERTY")
    assert answer["errors"][0]["context"]["propertyName"] == ["closed_lost_reason"]
    assert stand.ask("POST", "/crm/objects/2026-03/deals", body)[0] == 201
    assert stand.ask("POST", "/crm/v3/objects/deals", body)[0] == 201
    body["properties"]["closed_lost_reason"] = "Price"
    assert stand.ask("POST", "/crm/objects/2026-09/deals", body)[0] == 201
    status, answer = stand.ask("POST", "/crm/objects/2026-09/companies", {"properties": {"domain": "x.example"}})
    assert (status, answer["errors"][0]["code"]) == (400, "MISSING_REQUIRED_PROPERTY")
    assert Stand().ask("POST", "/crm/objects/2026-09/companies", {"properties": {"domain": "x.example"}})[0] == 201


def test_a_repeating_page_never_ends() -> None:
    stand = Stand("repeat-page", seed="demo")
    first = stand.ask("GET", CONTACTS, limit="10")[1]
    second = stand.ask("GET", CONTACTS, limit="10", after=first["paging"]["next"]["after"])[1]
    assert second == first


def test_garbage_is_a_200_that_is_no_json() -> None:
    stand = Stand("garbage")
    answers = [stand.raw("GET", CONTACTS) for _ in range(10)]
    assert {a.status for a in answers} == {200}
    assert answers[-1].headers["content-type"].startswith("text/html")
    with pytest.raises(ValueError):
        answers[-1].json()


def test_without_the_hub_field_nothing_can_be_stamped() -> None:
    stand = Stand("no-hub-field")
    assert stand.ask("GET", "/crm/v3/properties/contacts/tieline_id")[0] == 404
    status, body = stand.ask("POST", CONTACTS, {"properties": {"tieline_id": "k"}})
    assert (status, body["errors"][0]["code"]) == (400, "PROPERTY_DOESNT_EXIST")
    assert Stand().ask("GET", "/crm/v3/properties/contacts/tieline_id")[1]["hasUniqueValue"] is True
