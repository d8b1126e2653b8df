"""What five SDKs that others wrote say is in four systems."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from copy import copy
from typing import Any
from urllib.parse import urlsplit

from tests.process import company, four
from tests.process.harness import Sandboxes

Rows = list[tuple[str, str]]


class Outside:
    """Every record of the four systems as simple-salesforce, hubspot-api-client, zenpy, google-api-python-client and
    gspread read it: system → kind → (name, hub id)."""

    def __init__(self, sandboxes: Sandboxes, sheet: str) -> None:
        with ExitStack() as closing:
            self.seen: dict[str, dict[str, Rows]] = {
                "crm": _crm(sandboxes, closing),
                "marketing": _marketing(sandboxes),
                "support": _support(sandboxes, closing),
                "workspace": {"contact": _people(sandboxes, closing), **_sheet(sandboxes, sheet, closing)},
            }

    def count(self) -> dict[str, dict[str, int]]:
        """System → kind → how many."""
        return {system: {kind: len(rows) for kind, rows in kinds.items()} for system, kinds in self.seen.items()}

    def having(self, system: str, kind: str, rows: Rows) -> Outside:
        """The same, but for one kind in one system."""
        other = copy(self)
        other.seen = {**self.seen, system: {**self.seen[system], kind: rows}}
        return other

    def check(self) -> None:
        """No twin and no missing record anywhere; and the four agree which is which."""
        for system, kinds in self.seen.items():
            assert set(kinds) == set(four.KINDS[system])
            for kind, rows in kinds.items():
                found = Counter(name for name, _ in rows)
                assert found == four.names(kind), (system, kind, found - four.names(kind), four.names(kind) - found)
                if (system, kind) not in four.NAMELESS:
                    assert all(hub for _, hub in rows), (system, kind, "somebody has no hub id")
                    assert sorted(rows) == sorted(self.seen["crm"][kind]), (system, kind, "other hub ids than the CRM")


def _crm(sandboxes: Sandboxes, closing: ExitStack) -> dict[str, Rows]:
    sf = company.crm_sdk(sandboxes)
    closing.callback(sf.session.close)
    tables = {"account": "Account", "contact": "Contact", "opportunity": "Opportunity", "campaign": "Campaign"}
    found = {}
    for kind, table in tables.items():
        called = "Email" if kind == "contact" else "Name"
        rows = sf.query_all(f"SELECT {called}, Tieline_Id__c FROM {table}")["records"]
        found[kind] = [(str(r[called]), str(r["Tieline_Id__c"] or "")) for r in rows]
    return found


def _marketing(sandboxes: Sandboxes) -> dict[str, Rows]:
    hub = company.marketing_sdk(sandboxes)
    apis = {
        "account": (hub.crm.companies, "name"),
        "contact": (hub.crm.contacts, "email"),
        "opportunity": (hub.crm.deals, "dealname"),
    }
    found = {
        kind: [
            (str(r.properties[called]), str(r.properties["tieline_id"] or ""))
            for r in api.get_all(properties=[called, "tieline_id"])
        ]
        for kind, (api, called) in apis.items()
    }
    client = hub.crm.companies.basic_api.api_client  # the SDK has no class for campaigns: its own client of any call
    page = client.call_api(
        "/marketing/v3/campaigns", "GET", query_params=[("limit", "100"), ("properties", "hs_name")],
        response_types_map={200: "object"}, auth_settings=["oauth2"], _return_http_data_only=True,
    )  # fmt: skip
    assert "paging" not in page
    found["campaign"] = [(row["properties"]["hs_name"], "") for row in page["results"]]
    return found


def carried(sandboxes: Sandboxes, system: str) -> Any:
    """A session that carries what is meant for a vendor's own host to its stand-in."""
    import requests
    from requests.adapters import HTTPAdapter

    base = sandboxes.url[system]

    class Carrier(HTTPAdapter):
        def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
            url = urlsplit(request.url)
            inner = request.copy()
            inner.url = f"{base}{url.path}?{url.query}" if url.query else f"{base}{url.path}"
            inner.headers["Host"] = url.netloc
            response = super().send(inner, *args, **kwargs)
            response.request, response.url = request, request.url
            return response

    session = requests.Session()
    session.trust_env = False
    session.verify = str(sandboxes.ca)
    session.mount("https://", Carrier())
    return session


def _support(sandboxes: Sandboxes, closing: ExitStack) -> dict[str, Rows]:
    import zenpy

    session = closing.enter_context(carried(sandboxes, "support"))
    api = zenpy.Zenpy(subdomain="northbay", session=session, disable_cache=True, oauth_token=sandboxes.token["support"])
    users = [u for u in api.users() if u.role == "end-user" and u.active]
    return {
        "account": [(o.name, o.external_id or "") for o in api.organizations()],
        "contact": [(u.email, u.external_id or "") for u in users],
    }


def _people(sandboxes: Sandboxes, closing: ExitStack) -> Rows:
    import httplib2
    from google.oauth2.credentials import Credentials
    from google_auth_httplib2 import AuthorizedHttp
    from googleapiclient.discovery import build

    http = AuthorizedHttp(
        Credentials(token=sandboxes.token["workspace"]),  # type: ignore[no-untyped-call]
        httplib2.Http(ca_certs=str(sandboxes.ca)),
    )
    endpoint = {"api_endpoint": sandboxes.url["workspace"]}
    api = build("people", "v1", http=http, client_options=endpoint, cache_discovery=False, num_retries=0)
    closing.callback(api.close)
    asked = api.people().connections()
    request = asked.list(resourceName="people/me", personFields="emailAddresses,clientData", pageSize=1000)
    found = []
    while request is not None:
        page = request.execute()
        for person in page["connections"]:
            kept = {d["key"]: d["value"] for d in person.get("clientData", ())}
            found.append((person["emailAddresses"][0]["value"], kept.get("tieline_id", "")))
        request = asked.list_next(request, page)
    return found


def _sheet(sandboxes: Sandboxes, sheet: str, closing: ExitStack) -> dict[str, Rows]:
    import gspread

    session = closing.enter_context(carried(sandboxes, "workspace"))
    session.headers["Authorization"] = f"Bearer {sandboxes.token['workspace']}"
    book = gspread.Client(auth=None, session=session).open_by_key(sheet)  # type: ignore[arg-type]
    return {
        kind: [(str(row["Name"]), str(row["Tieline ID"])) for row in book.worksheet(tab).get_all_records()]
        for kind, tab in four.TABS.items()
    }
