"""A believable company as its sales people left it in the CRM: made up by a seeded generator, messy on purpose.

Phones in every notation, e-mails in any case, some people entered twice, some accounts without a website.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from tieline_salesforce.sandbox_rows import Rows
from tieline_salesforce.sandbox_schema import PICKLISTS, STAGES
from tieline_salesforce.sandbox_values import day_of, wire_time

SEED = 1971
ACCOUNTS, CONTACTS, LEADS, DEALS, CAMPAIGNS, TWINS = 160, 520, 40, 220, 12, 12
_DAY = 86_400_000
_YEAR = 365
Entry = dict[str, Any]


def _words(text: str, between: str | None = None) -> list[str]:
    return text.split(between)


_FIRST = _words(
    "Aisha Anna Ben Carla Chidi Clara Daniel David Elena Emma Erik Fatima Felix Grace Hannah Henrik Hugo Ines Ivan "
    "Jack James Jane Julia Karim Kenji Laura Lena Leo Liam Linda Lucia Maria Mark Marta Mateo Maya Michael Mina Nadia "
    "Nils Noah Nora Olga Oscar Paula Peter Priya Rosa Samuel Sara Sean Simon Stella Tara Theo Tim Uma Vera Victor Zoe"
)
_LAST = _words(
    "Abbott Adeyemi Ahmed Andersson Baker Becker Bianchi Bishop Braun Brown Castillo Chen Clarke Costa Cruz Dubois "
    "Evans Fischer Foster Garcia Gomez Grant Gupta Haddad Hansen Hoffmann Hughes Ibrahim Ito Jansen Jensen Kaya Keller "
    "Khan Kim Kowalski Larsen Lopez Martin Mendes Meyer Moreau Murphy Nakamura Nguyen Novak Olsen Patel Perez Petrov "
    "Quinn Rossi Ryan Santos Schmidt Shah Silva Singh Sokolov Stone Suzuki Taylor Turner Vargas Walker Weber Wright"
)
_WORDS = _words(
    "Alder Amber Arbour Argent Beacon Birch Bluewater Bramble Brightside Cairn Cedar Clearfield Cobalt Copper Crescent "
    "Delta Drift Ember Fairway Falcon Fjord Foxglove Granite Harbour Hawthorn Heron Highland Indigo Iron Juniper "
    "Lantern Larch Linden Lumen Maple Meridian Millstone Northgate Oakley Orchard Osprey Pioneer Quarry Redwood Ridge "
    "Riverbend Rowan Saffron Sterling Summit Tamarind Thistle Timber Umber Valley Vantage Willow Windward"
)
_TRADES = _words(
    "Analytics Bakery Bank Clinics Components Energy Foods Hotels Labs Logistics Media Mills Optics Systems Works"
)
_FORMS = ("Ltd", "GmbH", "Inc.", "AG", "S.A.", "plc", "")
_TITLES = _words(
    "CEO;CFO;CTO;Head of Marketing;Marketing Manager;VP Sales;Sales Director;Operations Manager;Buyer;"
    "IT Manager;Head of Procurement;Office Manager;Data Analyst;Project Lead",
    ";",
)
_PLACES = (
    ("London", "Greater London", "EC2A 4NE", "United Kingdom"),
    ("Bristol", "", "BS1 5TR", "UK"),
    ("Berlin", "Berlin", "10115", "Germany"),
    ("Munich", "Bavaria", "80331", "Deutschland"),
    ("Lisbon", "", "1100-148", "Portugal"),
    ("Boston", "MA", "02110", "USA"),
    ("Austin", "TX", "78701", "United States"),
    ("Osaka", "", "530-0001", "Japan"),
)
_STREETS = ("High Street", "Station Road", "Market Square", "Mill Lane", "King Street", "Harbour Way")


def demo(rows: Rows) -> dict[str, list[Entry]]:
    """The company's records, the same for every org of one day; for `load`. Names stand for ids."""
    maker = _Maker(rows)
    accounts = maker.accounts()
    contacts = maker.contacts(accounts)
    campaigns = maker.campaigns()
    deals = maker.deals(accounts, campaigns)
    return {
        "Account": accounts,
        "Contact": contacts,
        "Lead": maker.leads(),
        "Campaign": campaigns,
        "Opportunity": deals,
        "OpportunityContactRole": maker.roles(deals, contacts),
        "CampaignMember": maker.members(campaigns, contacts),
    }


class _Maker:
    def __init__(self, rows: Rows) -> None:
        self.dice = random.Random(SEED)
        self.now = rows.now()
        self.reps = list(rows.tables["User"])[1:]

    def past(self, days: int = 2 * _YEAR) -> Entry:
        made = self.now - self.dice.randrange(_DAY, days * _DAY)
        changed = self.dice.randrange(made, self.now - _DAY // 24)
        return {"CreatedDate": wire_time(made // 1000 * 1000), "LastModifiedDate": wire_time(changed // 1000 * 1000)}

    def maybe(self, chance: float, value: Any) -> Any:
        return value if self.dice.random() < chance else None

    def phone(self) -> str:
        a, b, c = self.dice.randrange(20, 99), self.dice.randrange(100, 999), self.dice.randrange(1000, 9999)
        forms = (
            f"+44 {a} {b} {c}",
            f"0{a}-{b}{c}",
            f"({a}0) {b}-{c}",
            f"+49{a}{b}{c}",
            f"00 44 {a} {b}{c}",
            f"{b}.{c}",
        )
        return self.dice.choice(forms)

    def address(self, prefix: str) -> Entry:
        city, state, code, country = self.dice.choice(_PLACES)
        street = f"{self.dice.randrange(1, 200)} {self.dice.choice(_STREETS)}"
        parts = {"Street": street, "City": city, "State": state or None, "PostalCode": code, "Country": country}
        return {prefix + k: v for k, v in parts.items()}

    def accounts(self) -> list[Entry]:
        names = [f"{word} {trade}" for word in _WORDS for trade in _TRADES]
        self.dice.shuffle(names)
        return [self.account(number, name) for number, name in enumerate(names[:ACCOUNTS])]

    def account(self, number: int, name: str) -> Entry:
        domain = name.lower().replace(" ", "-") + ".example"
        site = self.dice.choice((f"https://www.{domain}/", f"www.{domain}", f"http://{domain.upper()}", domain))
        return {
            "Id": f"account-{number}",
            "Name": f"{name} {self.dice.choice(_FORMS)}".strip(),
            "Website": self.maybe(0.9, site),
            "Phone": self.maybe(0.7, self.phone()),
            "Industry": self.maybe(0.8, self.dice.choice(PICKLISTS["industry"])),
            "Type": self.maybe(0.6, self.dice.choice(PICKLISTS["account_type"])),
            "AnnualRevenue": self.maybe(0.5, self.dice.randrange(1, 900) * 100_000),
            "NumberOfEmployees": self.maybe(0.6, self.dice.randrange(3, 9000)),
            "ParentId": f"account-{self.dice.randrange(number)}" if number > 20 and self.dice.random() < 0.08 else None,
            "OwnerId": self.dice.choice(self.reps),
            **(self.address("Billing") if self.dice.random() < 0.7 else {}),
            **self.past(),
        }

    def contacts(self, accounts: Sequence[Entry]) -> list[Entry]:
        pairs = [(first, last) for first in _FIRST for last in _LAST]
        self.dice.shuffle(pairs)
        made = [self.contact(n, *pairs[n], self.dice.choice(accounts)) for n in range(CONTACTS - TWINS)]
        twins = [self.twin(n, self.dice.choice(made[:200])) for n in range(TWINS)]
        return made + twins

    def contact(self, number: int, first: str, last: str, account: Entry) -> Entry:
        domain = account["Name"].rsplit(" ", 1)[0].lower().replace(" ", "-") + ".example"
        email = f"{first}.{last}@{domain}"
        email = self.dice.choice((email.lower(), email.lower(), email.lower(), email, email.upper()))
        return {
            "Id": f"contact-{number}",
            "FirstName": self.maybe(0.97, first),
            "LastName": last,
            "Email": self.maybe(0.93, email),
            "AccountId": self.maybe(0.95, account["Id"]),
            "Title": self.maybe(0.75, self.dice.choice(_TITLES)),
            "Phone": self.maybe(0.6, self.phone()),
            "MobilePhone": self.maybe(0.4, self.phone()),
            "LeadSource": self.maybe(0.5, self.dice.choice(PICKLISTS["lead_source"])),
            "HasOptedOutOfEmail": self.dice.random() < 0.06,
            "DoNotCall": self.dice.random() < 0.03,
            "OwnerId": self.dice.choice(self.reps),
            **(self.address("Mailing") if self.dice.random() < 0.3 else {}),
            **self.past(),
        }

    def twin(self, number: int, of: Entry) -> Entry:
        """The same person entered again by somebody in a hurry."""
        email = of["Email"].swapcase() if of["Email"] else None
        keep = {k: of[k] for k in ("FirstName", "LastName", "AccountId")}
        more = {"Phone": self.phone(), "Title": None, "OwnerId": self.dice.choice(self.reps)}
        return {"Id": f"twin-{number}", **keep, "Email": self.maybe(0.6, email), **more, **self.past(100)}

    def leads(self) -> list[Entry]:
        return [
            {
                "Id": f"lead-{number}",
                "FirstName": self.dice.choice(_FIRST),
                "LastName": self.dice.choice(_LAST),
                "Company": f"{self.dice.choice(_WORDS)} {self.dice.choice(_TRADES)}",
                "Email": f"lead{number}@{self.dice.choice(_WORDS).lower()}.example",
                "Phone": self.maybe(0.5, self.phone()),
                "Status": self.dice.choice(("Open - Not Contacted", "Working - Contacted", "Closed - Not Converted")),
                "LeadSource": self.dice.choice(PICKLISTS["lead_source"]),
                "OwnerId": self.dice.choice(self.reps),
                **self.past(200),
            }
            for number in range(LEADS)
        ]

    def campaigns(self) -> list[Entry]:
        kinds = ("Webinar", "Conference", "Email", "Trade Show")
        return [self.campaign(number, kinds[number % len(kinds)]) for number in range(CAMPAIGNS)]

    def campaign(self, number: int, kind: str) -> Entry:
        start = self.now - self.dice.randrange(-60, 500) * _DAY
        status = "Planned" if start > self.now else self.dice.choice(("In Progress", "Completed"))
        return {
            "Id": f"campaign-{number}",
            "Name": f"{kind}: {self.dice.choice(_WORDS)} {day_of(start)[:4]}-{number + 1:02d}",
            "Type": kind,
            "Status": status,
            "IsActive": status == "In Progress",
            "StartDate": day_of(start),
            "EndDate": day_of(start + self.dice.randrange(1, 40) * _DAY),
            "BudgetedCost": self.dice.randrange(5, 80) * 1000,
            "ActualCost": self.maybe(0.6, self.dice.randrange(5, 90) * 900),
            "ParentId": f"campaign-{self.dice.randrange(3)}" if number > 5 and number % 3 == 0 else None,
            "OwnerId": self.dice.choice(self.reps),
            **self.past(),
        }

    def deals(self, accounts: Sequence[Entry], campaigns: Sequence[Entry]) -> list[Entry]:
        return [self.deal(n, self.dice.choice(accounts), self.dice.choice(campaigns)) for n in range(DEALS)]

    def deal(self, number: int, account: Entry, campaign: Entry) -> Entry:
        stage, _, _, closed, _ = self.dice.choice(STAGES)
        days = -self.dice.randrange(1, 400) if closed else self.dice.randrange(-20, 200)
        what = self.dice.choice(("Renewal", "Platform", "Sensors", "Service contract", "Pilot", "Expansion"))
        return {
            "Id": f"deal-{number}",
            "Name": f"{account['Name'][:90]} - {what} {number + 1}",
            "AccountId": account["Id"],
            "StageName": stage,
            "Amount": self.maybe(0.92, self.dice.randrange(8, 4000) * 50 + self.dice.choice((0, 0, 0.5, 0.99))),
            "CloseDate": day_of(self.now + days * _DAY),
            "Type": self.maybe(0.5, self.dice.choice(PICKLISTS["opportunity_type"])),
            "LeadSource": self.maybe(0.4, self.dice.choice(PICKLISTS["lead_source"])),
            "CampaignId": self.maybe(0.3, campaign["Id"]),
            "OwnerId": account["OwnerId"],
            **self.past(500),
        }

    def roles(self, deals: Sequence[Entry], contacts: Sequence[Entry]) -> list[Entry]:
        made = []
        for deal in deals:
            people = [c for c in contacts if c["AccountId"] == deal["AccountId"]]
            self.dice.shuffle(people)
            for place, person in enumerate(people[: self.dice.randrange(4)]):
                role = self.maybe(0.8, self.dice.choice(PICKLISTS["role"]))
                who = {"OpportunityId": deal["Id"], "ContactId": person["Id"], "IsPrimary": place == 0}
                made.append(who | {"Role": role, "CreatedDate": deal["LastModifiedDate"]})
        return made

    def members(self, campaigns: Sequence[Entry], contacts: Sequence[Entry]) -> list[Entry]:
        made = []
        for campaign in campaigns:
            for person in self.dice.sample(list(contacts), self.dice.randrange(20, 50)):
                status = self.dice.choice(("Sent", "Sent", "Responded"))
                made.append({"CampaignId": campaign["Id"], "ContactId": person["Id"], "Status": status})
        return made
