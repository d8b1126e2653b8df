"""A company over four systems, put in from the outside, and stand-ins that begin with it.

No system has all of it and some of it stands in several; part of the spreadsheet is typed by hand, without a key.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from pydantic_core import to_json

from tests.process import company
from tests.process.harness import Desk, Sandboxes
from tests.process.settings import config_of
from tieline.home import Home
from tieline.plugins import Registry
from tieline.standin import SandboxOptions

VENDORS = {"crm": "salesforce", "marketing": "hubspot", "support": "zendesk", "workspace": "google"}
KINDS = {
    "crm": ("account", "contact", "opportunity", "campaign"),
    "marketing": ("account", "contact", "opportunity", "campaign"),
    "support": ("account", "contact"),
    "workspace": ("account", "contact", "opportunity", "campaign"),
}
"""What each system keeps."""
HOLDS: Mapping[str, Mapping[str, Iterable[int]]] = {
    "account": {"crm": range(6), "marketing": range(3, 9), "support": range(5, 10), "workspace": (0, 8, 9, 10, 11)},
    "contact": {
        "crm": range(12),
        "marketing": range(8, 20),
        "support": range(16, 24),
        "workspace": (*range(4), *range(20, 30)),
    },
    "opportunity": {"crm": range(4), "marketing": (4, 5), "workspace": (6, 7)},
    "campaign": {"crm": (0,), "workspace": (1,)},
}
"""Kind → system → which of them it has before the first sync."""
ALL = {kind: len({n for some in held.values() for n in some}) for kind, held in HOLDS.items()}
"""How many there are of each kind, once."""
TABS = {"account": "Accounts", "opportunity": "Opportunities", "campaign": "Campaigns"}
LABEL = "Tieline"
NAMELESS = {("marketing", "campaign")}
"""What has no field for a hub id."""
A_WHILE = 1200
"""Seconds: longer than any system may take to show a create whose answer was lost."""
CONFIG = config_of(VENDORS)


def name(kind: str, number: int) -> str:
    """What a record is called; for a contact, the address."""
    if kind == "contact":
        return f"person{number:02d}@{domain(number)}"
    return f"{ {'account': 'Firm', 'opportunity': 'Deal', 'campaign': 'Fair'}[kind] } {number:02d}"


def domain(number: int) -> str:
    """The domain of an account, and of the contacts that work there."""
    return f"firm{number % ALL['account']:02d}.example"


def names(kind: str) -> Counter[str]:
    """All there should be in the end, in each system that keeps the kind, once each."""
    return Counter(name(kind, n) for n in range(ALL[kind]))


def gains() -> dict[str, dict[str, int]]:
    """System → kind → how many it lacks before the first sync, where it lacks any."""
    lacks = {s: {k: ALL[k] - len(list(HOLDS[k].get(s, ()))) for k in kinds} for s, kinds in KINDS.items()}
    return {s: {k: n for k, n in kinds.items() if n} for s, kinds in lacks.items()}


# -- time


class Time:
    """The time of stand-ins and commands: the machine's, and as much later as was said."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "ahead"
        self.ahead = 0

    def program(self, *arguments: str) -> list[str]:
        """The command line of a `tieline` command at this time."""
        script = Path(__file__).with_name("later.py")
        return [sys.executable, str(script), str(self.file), *arguments]

    def pass_(self, seconds: int) -> None:
        """It is so much later for all at once."""
        self.ahead += seconds
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(self.ahead * 1000))
        fresh.replace(self.file)


# -- stand-ins that are kept


class Kept:
    """The company as it is before anything was synced, made once and served as often as needed."""

    def __init__(self, folder: Path) -> None:
        time = Time(folder)
        self._home = Home(folder / "home").create()
        systems = "".join(
            f'[systems.{system}]\nconnector = "{vendor}"\nbase_url = "http://127.0.0.1"\nauth = {{ type = "none" }}\n'
            for system, vendor in VENDORS.items()
        )  # without ports: any that are free
        self._home.write("tieline.toml", systems.encode())
        found = Registry.discover()
        for vendor in VENDORS.values():
            make = found.get(vendor).sandbox
            assert make is not None
            self._home.write(f"sandboxes/{vendor}.json", to_json(make(SandboxOptions()).dump()))
        sandboxes = served(folder / "sandbox", time, self._home.path)
        try:
            trusting = {f"{name}_more": f'ca = "{sandboxes.ca}"' for name in VENDORS}
            desk = Desk(folder / "desk", sandboxes.url, sandboxes.token, CONFIG, time.program, **trusting)
            self.sheet = new_sheet(desk)
            fill(sandboxes, self.sheet)
        finally:
            sandboxes.stop()

    def served(self, folder: Path, time: Time, *vices: str) -> Sandboxes:
        """Stand-ins of their own that go on from there, a while later."""
        copy = shutil.copytree(self._home.path, folder / "home")
        time.pass_(A_WHILE)
        return served(folder, time, copy, *vices)

    def desk(self, folder: Path, urls: Mapping[str, str], tokens: Mapping[str, str], time: Time) -> Desk:
        """A desk that has all four systems."""
        sheet = f'spreadsheet = "{self.sheet}"'
        return Desk(folder, urls, tokens, CONFIG, time.program, workspace_more=sheet)


def served(folder: Path, time: Time, home: Path, *vices: str) -> Sandboxes:
    """The stand-ins that are kept in a home, in a process of their own."""
    return Sandboxes(folder, *vices, vendors=VENDORS, program=partial(time.program, "--home", str(home)))


# -- putting it in


def fill(sandboxes: Sandboxes, sheet: str) -> None:
    """Each system gets what it holds."""
    _fill_crm(sandboxes)
    _fill_marketing(sandboxes)
    _fill_support(sandboxes)
    _fill_contacts(sandboxes)
    for kind in TABS:
        _type_rows(sandboxes, sheet, kind)


def _person(number: int) -> tuple[str, str, str]:
    return name("contact", number), f"Person{number:02d}", f"Of{number % ALL['account']:02d}"


def _fill_crm(sandboxes: Sandboxes) -> None:
    held = {kind: list(systems["crm"]) for kind, systems in HOLDS.items()}
    firms = [{"Name": name("account", n), "Website": f"https://www.{domain(n)}"} for n in held["account"]]
    ids = dict(zip(held["account"], company.crm_create(sandboxes, "Account", firms), strict=True))
    people = []
    for n in held["contact"]:
        email, first, last = _person(n)
        row = {"Email": email, "FirstName": first, "LastName": last, "Title": "Buyer"}
        people.append(row | ({"AccountId": ids[n]} if n in ids else {}))
    company.crm_create(sandboxes, "Contact", people)
    deal = {"StageName": "Prospecting", "CloseDate": "2031-03-01"}
    deals = [{**deal, "Name": name("opportunity", n), "Amount": 1000 + n, "AccountId": ids[n]} for n in range(4)]
    company.crm_create(sandboxes, "Opportunity", deals)
    company.crm_create(sandboxes, "Campaign", [{"Name": name("campaign", n)} for n in held["campaign"]])


def _fill_marketing(sandboxes: Sandboxes) -> None:
    held = {kind: list(systems.get("marketing", ())) for kind, systems in HOLDS.items()}
    firms = [{"name": name("account", n), "domain": domain(n)} for n in held["account"]]
    company.marketing_create(sandboxes, "companies", "domain", firms)
    people = [dict(zip(("email", "firstname", "lastname"), _person(n), strict=True)) for n in held["contact"]]
    company.marketing_create(sandboxes, "contacts", "email", people)
    deal = {"dealstage": "appointmentscheduled", "pipeline": "default", "closedate": "2031-03-01T00:00:00Z"}
    deals = [{**deal, "dealname": name("opportunity", n), "amount": str(1000 + n)} for n in held["opportunity"]]
    company.marketing_create(sandboxes, "deals", "dealname", deals)


def _fill_support(sandboxes: Sandboxes) -> None:
    ids = {}
    for n in HOLDS["account"]["support"]:
        firm = {"name": name("account", n), "domain_names": [domain(n)]}
        ids[n] = sandboxes.ask("support", "/api/v2/organizations", {"organization": firm})["organization"]["id"]
    for n in HOLDS["contact"]["support"]:
        email, first, last = _person(n)
        user = {"name": f"{first} {last}", "email": email, "role": "end-user"}
        at = ids.get(n % ALL["account"])
        sandboxes.ask("support", "/api/v2/users", {"user": user | ({"organization_id": at} if at else {})})


def _fill_contacts(sandboxes: Sandboxes) -> None:
    group = sandboxes.ask("workspace", "/v1/contactGroups", {"contactGroup": {"name": LABEL}})["resourceName"]
    people = []
    for n in HOLDS["contact"]["workspace"]:
        email, first, last = _person(n)
        person = {
            "names": [{"givenName": first, "familyName": last}],
            "emailAddresses": [{"value": email}],
            "memberships": [{"contactGroupMembership": {"contactGroupResourceName": group}}],
        }
        people.append({"contactPerson": person})
    sandboxes.ask("workspace", "/v1/people:batchCreateContacts", {"contacts": people, "readMask": "names"})


def _type_rows(sandboxes: Sandboxes, sheet: str, kind: str) -> None:
    """What a person types: below the last row, as the header says, and no key."""
    values = f"/v4/spreadsheets/{sheet}/values/{TABS[kind]}"
    header = sandboxes.ask("workspace", f"{values}!1:1")["values"][0]
    typed = []
    for n in HOLDS[kind]["workspace"]:
        row = {"Name": name(kind, n)}
        if kind == "account":
            row["Domain"] = domain(n)
        if kind == "opportunity":
            row |= {"Stage": "Prospecting", "Amount": str(1000 + n), "Currency": "USD", "Close date": "2031-03-01"}
        typed.append([row.get(title, "") for title in header])
    sandboxes.ask("workspace", f"{values}:append?valueInputOption=USER_ENTERED", {"values": typed})


def new_sheet(desk: Desk) -> str:
    """`tieline google new-sheet`; the spreadsheet's id, out of what it says is to be configured."""
    done = desk.run("google", "new-sheet", "--json")
    assert done.code == 0, f"{done.out}\n{done.err}"
    return str(done.json["findings"][-1]["remedy"]).split('"')[1]
