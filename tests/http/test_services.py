"""One sign-in, several hosts: which host a path goes to, and that a credential never goes anywhere else."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from tieline.auth import Authoriser, AuthorizationCodeAuth, Endpoint, Grant, Login, MemoryTokens
from tieline.connector import ConnectorSpec, HttpProfile, OAuth
from tieline.errors import ConfigError
from tieline.ports import Request, Response
from tieline.secrets import Redactor, Secret
from tieline.services import Services, profile_of

OK = Response(200, {"content-type": "application/json"}, b"{}")
BASE = "https://api.example.com"
PEOPLE, SHEETS, TABLES, LOGIN = (f"https://{name}.example.com" for name in ("people", "sheets", "tables", "login"))
TABLE = {
    "/v1/": PEOPLE,
    "/v4/sheets": SHEETS,
    "/v4/sheets/tables": TABLES,
    "/token": LOGIN,
    "/revoke": f"{LOGIN}/",
    "/agree": LOGIN,
}
PROFILE = HttpProfile(
    hosts=(".example.com",),
    services=MappingProxyType(TABLE),
    token_path="/token",
    oauth=OAuth(authorize="/agree", revoke="/revoke"),
)


@pytest.mark.parametrize(
    ("path", "sent_to"),
    [
        ("/v1/people", f"{PEOPLE}/v1/people"),
        ("v1/people", f"{PEOPLE}/v1/people"),
        ("/v1", f"{PEOPLE}/v1"),
        ("/v1?a=/v4/sheets", f"{PEOPLE}/v1?a=/v4/sheets"),
        ("/v1/people:create", f"{PEOPLE}/v1/people:create"),
        ("/v10/people", f"{BASE}/v10/people"),
        ("/v1x", f"{BASE}/v1x"),
        ("/v1:all", f"{BASE}/v1:all"),
        ("/V1/people", f"{BASE}/V1/people"),
        ("/x/v1/people", f"{BASE}/x/v1/people"),
        ("/x?y=/v1/people", f"{BASE}/x?y=/v1/people"),
        ("//v1/people", f"{BASE}//v1/people"),
        ("/v4/sheets/1", f"{SHEETS}/v4/sheets/1"),
        ("/v4/sheets/tables/1", f"{TABLES}/v4/sheets/tables/1"),
        ("/v4/sheets/tablesx", f"{SHEETS}/v4/sheets/tablesx"),
        ("/v4/sheetsx", f"{BASE}/v4/sheetsx"),
        ("/v4", f"{BASE}/v4"),
        (f"{SHEETS}/v9/next?page=2", f"{SHEETS}/v9/next?page=2"),
        (f"{BASE}/v1/people", f"{BASE}/v1/people"),
    ],
)
def test_a_path_goes_to_the_host_of_its_longest_whole_prefix(script, make_client, path, sent_to):
    wire = script(OK)
    make_client(wire, profile=PROFILE).send(Request("GET", path))
    assert wire.sent[0].path == sent_to
    assert wire.sent[0].headers["authorization"] == "Bearer token-1"


def test_a_path_that_is_part_of_the_base_url_is_no_part_of_another_hosts(script, make_client):
    wire = script(OK)
    client = make_client(wire, base_url=f"{BASE}/eu", profile=PROFILE)
    client.send(Request("GET", "/v1/people"))
    client.send(Request("GET", "/other"))
    assert [r.path for r in wire.sent] == [f"{PEOPLE}/v1/people", f"{BASE}/eu/other"]


@pytest.mark.parametrize("path", ["/v1/people", "/v4/sheets/1", "/token", "/other"])
@pytest.mark.parametrize("base", ["http://127.0.0.1:8", "http://localhost:8/x", "https://[::1]:8"])
def test_at_a_stand_in_everything_is_below_its_address(script, make_client, base, path):
    wire = script(OK)
    make_client(wire, base_url=base, profile=PROFILE).send(Request("GET", path))
    assert wire.sent[0].path == base + path


@pytest.mark.parametrize(
    "link",
    [
        "https://other.example.com/v1/people",
        "http://people.example.com/v1/people",
        "https://people.example.com:8443/v1/people",
        "https://people.example.com.evil.example/v1",
        "https://people.example.com@evil.example/v1",
        "http://127.0.0.1/v1/people",
    ],
)
def test_a_link_to_a_host_that_has_no_service_is_refused_also_where_hosts_allow_it(script, make_client, link):
    wire = script(OK)
    with pytest.raises(ConfigError, match=r"leads to|user name"):
        make_client(wire, profile=PROFILE).send(Request("GET", link))
    assert wire.sent == []


def test_at_a_stand_in_a_link_to_a_service_of_the_vendor_is_refused(script, make_client):
    wire = script(OK)
    with pytest.raises(ConfigError, match="leads to people"):
        make_client(wire, base_url="http://127.0.0.1:8", profile=PROFILE).send(Request("GET", f"{PEOPLE}/v1/people"))
    assert wire.sent == []


@pytest.mark.parametrize(
    ("prefix", "told"),
    [
        ("/v1", "https://evil.example"),
        ("/v1", "https://people.example.com.evil.example"),
        ("/v1", "http://people.example.com"),
        ("/v1", "https://people.example.com:8443"),
        ("/v1", "http://127.0.0.1:8"),
        ("/v1", "http://localhost"),
        ("/v1", "https://x@people.example.com"),
        ("/v1", "https://people.example.com/more"),
        ("/v1", "https://people.example.com?more"),
        ("/v1", "people.example.com"),
        ("v1", PEOPLE),
        ("", PEOPLE),
    ],
)
@pytest.mark.parametrize("base", [BASE, "http://127.0.0.1:8"])
def test_a_table_that_leads_elsewhere_is_refused_when_the_client_is_built(script, make_client, base, prefix, told):
    profile = HttpProfile(hosts=(".example.com",), services={"/v2": SHEETS, prefix: told})
    with pytest.raises(ConfigError):
        make_client(script(OK), base_url=base, profile=profile)


def test_the_budget_is_the_accounts_and_the_lanes_see_the_real_address(script, make_client):
    seen = []
    lane = PROFILE.lane
    profile = HttpProfile(hosts=(".example.com",), services=TABLE, lane=lambda r: seen.append(r.path) or lane(r))
    client = make_client(script(OK), profile=profile)
    client.send(Request("GET", "/v1/a"))
    client.send(Request("GET", "/b"))
    assert client.calls == 2
    assert seen == [f"{PEOPLE}/v1/a", f"{BASE}/b"]
    assert client.origins == (BASE, TABLES, SHEETS, LOGIN, PEOPLE)


# -- whose table it is


def spec(**more) -> ConnectorSpec:
    return ConnectorSpec("x", "X", (), lambda context: None, {}, {}, http=PROFILE, **more)


def test_the_table_holds_at_the_connectors_own_address_alone():
    for own in (BASE, f"{BASE}/", "https://API.example.com:443"):
        assert profile_of(spec(base_url=own), BASE).services == TABLE
    for chosen in ("https://other.example.com", f"{BASE}/eu"):
        assert profile_of(spec(base_url=BASE), chosen) == HttpProfile(
            hosts=PROFILE.hosts, token_path="/token", oauth=PROFILE.oauth, expired=PROFILE.expired
        )
        assert Services(chosen, profile_of(spec(base_url=BASE), chosen), "x").url("/v1/a") == f"{chosen}/v1/a"
    assert profile_of(spec(), BASE).services == {}


# -- signing in


def authoriser(clock, tmp_path, wire, base=BASE, store=None, **auth) -> Authoriser:
    settings = AuthorizationCodeAuth(client_id="me", **auth)
    more = {"base_url": base, "profile": PROFILE, "send": wire.send, "clock": clock, "root": tmp_path}
    return Authoriser(settings, system="crm", store=store or MemoryTokens(), **more)


def test_tokens_are_asked_for_and_revoked_where_the_table_says(script, clock, tmp_path):
    for base, place, auth in (
        (BASE, LOGIN, {}),
        ("http://127.0.0.1:8", "http://127.0.0.1:8", {}),
        (BASE, "https://sso.example.com", {"token_url": "https://sso.example.com/token"}),
    ):
        wire, store = script(Response(200, {}, b'{"access_token": "a"}'), OK), MemoryTokens()
        made = authoriser(clock, tmp_path, wire, base, store, **auth)
        store.save("crm", Grant(Secret("refresh"), made.origin()[0]))
        made.authorise(Request("GET", "/"))
        made.forget()
        assert [r.path for r in wire.sent] == [f"{place}/token", f"{place}/revoke"]


def test_a_revocation_path_without_an_entry_is_at_the_token_endpoints_host(script, clock):
    wire = script(OK)
    profile = HttpProfile(hosts=(".example.com",), services={"/token": LOGIN}, token_path="/token", oauth=PROFILE.oauth)
    told = {"base_url": BASE, "profile": profile, "send": wire.send, "clock": clock, "redactor": Redactor()}
    assert Endpoint(AuthorizationCodeAuth(client_id="me"), system="crm", **told).revoke(None, Secret("r"), "x") is None
    assert wire.sent[0].path == f"{LOGIN}/revoke"


def test_a_browser_is_sent_where_the_table_says(script, clock):
    settings = AuthorizationCodeAuth(client_id="me")
    for base, place in ((BASE, LOGIN), ("http://127.0.0.1:8", "http://127.0.0.1:8")):
        told = {"base_url": base, "profile": PROFILE, "redactor": Redactor(), "system": "crm"}
        endpoint = Endpoint(settings, send=script(OK).send, clock=clock, **told)
        login = Login(settings, endpoint, scopes=(), redirect="http://127.0.0.1:9/callback", **told)
        assert login.url.startswith(f"{place}/agree?")


def test_no_token_is_asked_for_at_a_host_that_is_not_allowed(script, clock, tmp_path):
    profile = HttpProfile(hosts=("api.example.com",), services={"/token": LOGIN}, token_path="/token")
    wire = script(OK)
    more = {"base_url": BASE, "profile": profile, "send": wire.send, "clock": clock, "root": tmp_path}
    with pytest.raises(ConfigError, match=r"services of crm: /token: credentials must not go to .*login\.example\.com"):
        Authoriser(AuthorizationCodeAuth(client_id="me"), system="crm", **more)
    assert wire.sent == []
