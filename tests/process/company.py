"""A small company on both sides, put in from the outside, and what the vendors' own SDKs say is there."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.process.harness import Sandboxes

ONLY, BOTH = 25, 15
"""Contacts that one side alone has, and contacts that both have."""
COMPANIES = 8
DEALS = 10
TRIES = 6
"""Times a stand-in that refuses some of the rows is asked."""
NOISE = ("urllib3", "hubspot", "simple_salesforce")
API = "/services/data/v62.0"


def person(side: str, number: int) -> dict[str, str]:
    """A contact as both sides can hold it."""
    return {
        "email": f"{side}{number:03d}@{domain(number)}",
        "first": f"{side.title()}{number}",
        "last": f"Person{number:03d}",
        "title": "Buyer" if number % 3 else "Head of Purchasing",
    }


def domain(number: int) -> str:
    """The company a contact of this number works for."""
    return f"firm{number % COMPANIES}.example"


def emails() -> set[str]:
    """Every address there should be in the end, on both sides."""
    named = [("both", BOTH), ("crm", ONLY), ("marketing", ONLY)]
    return {person(side, n)["email"] for side, most in named for n in range(most)}


# -- putting it in


def fill(sandboxes: Sandboxes) -> None:
    """Companies and people on both sides, some of them the same; deals in the CRM."""
    fill_marketing(sandboxes)
    fill_crm(sandboxes)


def fill_crm(sandboxes: Sandboxes) -> None:
    """The even companies, the CRM's own people and the common ones, and deals."""
    accounts = [
        {"Name": f"Firm {n}", "Website": f"https://www.firm{n}.example", "NumberOfEmployees": 10 + n}
        for n in range(0, COMPANIES, 2)
    ]
    ids = crm_create(sandboxes, "Account", accounts)
    by_domain = {f"firm{n}.example": i for n, i in zip(range(0, COMPANIES, 2), ids, strict=True)}
    people = [person("crm", n) for n in range(ONLY)] + [person("both", n) for n in range(BOTH)]
    crm_create(sandboxes, "Contact", [_crm_person(p, by_domain) for p in people])
    deals = [
        {
            "Name": f"Deal {n}",
            "StageName": "Prospecting",
            "CloseDate": "2031-03-01",
            "Amount": 1000 + n,
            "AccountId": ids[n % len(ids)],
        }
        for n in range(DEALS)
    ]
    crm_create(sandboxes, "Opportunity", deals)


def _crm_person(p: Mapping[str, str], by_domain: Mapping[str, str]) -> dict[str, Any]:
    row = {"Email": p["email"], "FirstName": p["first"], "LastName": p["last"], "Title": p["title"]}
    account = by_domain.get(p["email"].partition("@")[2])
    return {**row, "AccountId": account} if account else row


def crm_create(sandboxes: Sandboxes, name: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Create through the collections call, what was refused again; the ids, in the order of the rows."""
    ids = [""] * len(rows)
    for _ in range(TRIES):
        left = [n for n, i in enumerate(ids) if not i]
        if not left:
            return ids
        body = {"allOrNone": False, "records": [{"attributes": {"type": name}, **rows[n]} for n in left]}
        for n, answer in zip(left, sandboxes.ask("crm", f"{API}/composite/sobjects", body), strict=True):
            ids[n] = answer.get("id") or ""
    raise AssertionError(f"the stand-in does not take {name}")


def fill_marketing(sandboxes: Sandboxes) -> None:
    """All companies, marketing's own people and the common ones."""
    companies = [{"name": f"Firm {n}", "domain": f"firm{n}.example"} for n in range(COMPANIES)]
    marketing_create(sandboxes, "companies", "domain", companies)
    people = [person("marketing", n) for n in range(ONLY)] + [person("both", n) for n in range(BOTH)]
    rows = [
        {"email": p["email"], "firstname": p["first"], "lastname": p["last"], "jobtitle": p["title"]} for p in people
    ]
    marketing_create(sandboxes, "contacts", "email", rows)


def marketing_create(sandboxes: Sandboxes, name: str, key: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Create through the batch call, what was refused again; `key` tells the rows apart."""
    left = list(rows)
    for _ in range(TRIES):
        if not left:
            return
        body = {"inputs": [{"properties": row, "associations": []} for row in left]}
        made = sandboxes.ask("marketing", f"/crm/v3/objects/{name}/batch/create", body)["results"]
        done = {row["properties"][key] for row in made}
        left = [row for row in left if row[key] not in done]
    raise AssertionError(f"the stand-in does not take {name}")


# -- looking at it with the vendors' own SDKs


def marketing_sdk(sandboxes: Sandboxes) -> Any:
    """hubspot-api-client, pointed at the stand-in."""
    import hubspot

    _hush()
    url = sandboxes.url["marketing"]
    return hubspot.HubSpot(
        access_token=sandboxes.token["marketing"], host=url, base_url=url, ssl_ca_cert=str(sandboxes.ca), retry=False
    )


def crm_sdk(sandboxes: Sandboxes) -> Any:
    """simple-salesforce, pointed at the stand-in."""
    import requests
    import simple_salesforce

    _hush()
    session = requests.Session()
    session.trust_env = False  # a bundle or proxy named by the environment would win over `verify`
    session.verify = str(sandboxes.ca)
    return simple_salesforce.Salesforce(
        instance_url=sandboxes.url["crm"], session_id=sandboxes.token["crm"], session=session, object_pairs_hook=dict
    )


def _hush() -> None:
    for name in NOISE:
        logging.getLogger(name).setLevel(logging.ERROR)


class Outside:
    """All records of both sides as the SDKs read them: kind → rows of (key, hub id, the SDK's own fields)."""

    def __init__(self, sandboxes: Sandboxes, *, stamped: bool = True) -> None:
        hub, sf = marketing_sdk(sandboxes).crm, crm_sdk(sandboxes)
        self.stamped = stamped
        stamp = ", Tieline_Id__c" if stamped else ""
        self.marketing = {
            "account": _objects(hub.companies, "domain", "name", "tieline_id"),
            "contact": _objects(hub.contacts, "email", "firstname", "lastname", "jobtitle", "phone", "tieline_id"),
            "opportunity": _objects(hub.deals, "dealname", "amount", "closedate", "dealstage", "tieline_id"),
        }
        self.crm = {
            "account": _rows(sf, f"SELECT Id, Name, Website{stamp} FROM Account"),
            "contact": _rows(sf, f"SELECT Id, Email, FirstName, LastName, Title, Phone{stamp} FROM Contact"),
            "opportunity": _rows(
                sf, f"SELECT Id, Name, Amount, CloseDate, StageName, AccountId{stamp} FROM Opportunity"
            ),
        }
        sf.session.close()

    def emails(self, system: str) -> Counter[str]:
        """How often each address stands there."""
        if system == "crm":
            return Counter(str(r["Email"]).lower() for r in self.crm["contact"])
        return Counter(str(r["email"]).lower() for r in self.marketing["contact"])

    def hub_ids(self, system: str, kind: str) -> list[str]:
        """The hub ids stamped there, one for each record."""
        if system == "crm":
            return [str(r["Tieline_Id__c"]) for r in self.crm[kind]]
        return [str(r["tieline_id"]) for r in self.marketing[kind]]

    def names(self, system: str, kind: str) -> Counter[str]:
        """How often each account's or opportunity's name stands there."""
        rows = self.crm[kind] if system == "crm" else self.marketing[kind]
        return Counter(str(r.get("Name") or r.get("name") or r.get("dealname")) for r in rows)

    def check(self) -> None:
        """No twin and no missing record on either side: the same people, companies and deals, each once."""
        for system in ("crm", "marketing"):
            assert self.emails(system) == Counter(emails()), (system, self.emails(system) - Counter(emails()))
            assert self.names(system, "account") == Counter(f"Firm {n}" for n in range(COMPANIES)), system
            assert self.names(system, "opportunity") == Counter(f"Deal {n}" for n in range(DEALS)), system
        if not self.stamped:
            return
        for kind in ("account", "contact", "opportunity"):
            crm, marketing = self.hub_ids("crm", kind), self.hub_ids("marketing", kind)
            assert len(set(crm)) == len(crm), f"a hub id stands twice in crm: {kind}"
            assert sorted(crm) == sorted(marketing), f"the sides disagree on which {kind}s there are"


def _objects(api: Any, *properties: str) -> list[dict[str, Any]]:
    return [{"id": row.id, **row.properties} for row in api.get_all(properties=list(properties))]


def _rows(sf: Any, soql: str) -> list[dict[str, Any]]:
    return list(sf.query_all(soql)["records"])


# -- people at work


def edit_both(sandboxes: Sandboxes) -> None:
    """A marketer gives one contact a new title, a rep gives another a phone number, each by the vendor's SDK."""
    from hubspot.crm.contacts import SimplePublicObjectInput

    hub, sf = marketing_sdk(sandboxes).crm.contacts, crm_sdk(sandboxes)
    first, second = person("both", 1)["email"], person("both", 2)["email"]
    found = next(row for row in hub.get_all(properties=["email"]) if row.properties["email"] == first)
    _patiently(lambda: hub.basic_api.update(found.id, SimplePublicObjectInput(properties={"jobtitle": TITLE})))
    (row,) = sf.query_all(f"SELECT Id FROM Contact WHERE Email = '{second}'")["records"]
    _patiently(lambda: sf.Contact.update(row["Id"], {"Phone": PHONE}))
    sf.session.close()


def edits_arrived(outside: Outside) -> list[str]:
    """Which of the two edits of `edit_both` do not stand on the other side."""
    first, second = person("both", 1)["email"], person("both", 2)["email"]
    title = {r["Email"].lower(): r["Title"] for r in outside.crm["contact"]}[first]
    phone = {r["email"]: r["phone"] for r in outside.marketing["contact"]}[second]
    return [f"{value!r} is not {wanted!r}" for value, wanted in ((title, TITLE), (phone, PHONE)) if value != wanted]


TITLE, PHONE = "Chief Buyer", "+49 30 5550101"


def _patiently(act: Callable[[], Any]) -> None:
    """Do it again where the stand-in lost the answer: the same value once more is harmless."""
    for _ in range(TRIES):
        try:
            act()
        except Exception as error:  # each SDK has its own; a bad answer to the person is not what is tested
            last = error
        else:
            return
    raise last
