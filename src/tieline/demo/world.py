"""What is true of the company's world: customers, people, deals, campaigns, and which side knows of each. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

from tieline.demo import words
from tieline.demo.cast import ACCOUNTS, CONTACTS, DEALS, Part
from tieline.records import Cell, Kind

SEED = "northbay"
DAY_MS = 86_400_000


class Share(NamedTuple):
    """How many records of a kind both sides know, and how many only one."""

    both: int
    crm: int
    marketing: int


SHARES: dict[Kind, Share] = {
    "account": Share(120, 40, 30),
    "contact": Share(400, 120, 120),
    "opportunity": Share(160, 60, 40),
    "campaign": Share(8, 4, 4),
}
DOUBLES = 12
"""Of marketing's own contacts: people that both sides know already, who signed up with a private address."""
SERVED = 0.9
"""Chance that support knows a customer, or one of its people."""
NOTED = 0.15
"""Chance that the office has a customer in its sheet, or one of its people in its address book."""
LOOSE = 24
"""Every so many contacts, one that belongs to no account."""


@dataclass(slots=True)
class Truth:
    """One real thing. `sides` know it; `twice` sides have entered it two times."""

    kind: Kind
    key: str
    sides: frozenset[str]
    fields: dict[str, Cell]
    cast: bool = False
    """It has a part in the demo's day: both sides spell it out in full, and alike."""
    twice: frozenset[str] = frozenset()
    facts: dict[str, Any] = field(default_factory=dict)
    """What spelling needs besides: the telephone's parts, the bare name."""

    @property
    def shared(self) -> bool:
        """Both sales and marketing know it."""
        return {"crm", "marketing"} <= self.sides

    def copies(self, side: str) -> int:
        """How often this side has it."""
        return (side in self.sides) + (side in self.twice)


World = dict[Kind, list[Truth]]


def _cast(truth: Truth, part: Part) -> Truth:
    truth.cast, truth.twice = True, part.twice
    truth.fields.update(part.fields)
    return truth


def truths(owners: Sequence[str], now: int) -> World:
    """Everything there is, the cast first."""
    maker = _Maker(owners, now)
    accounts = maker.accounts()
    contacts = maker.contacts(accounts)
    campaigns = maker.campaigns()
    deals = maker.deals(accounts, contacts, campaigns)
    _serve(accounts, contacts)
    _note(accounts, contacts)
    return {"account": accounts, "contact": contacts, "campaign": campaigns, "opportunity": deals}


def _serve(accounts: Sequence[Truth], contacts: Sequence[Truth]) -> None:
    """Support knows some of the customers that sales and marketing know, and people there; of each it has one entry."""
    served: set[Cell] = {None}
    for truth in (*accounts, *contacts):
        home = truth.fields["account"] if truth.kind == "contact" else None
        chosen = truth.cast or Random(f"{SEED}/{truth.key}/support").random() < SERVED
        if truth.shared and not truth.twice and chosen and home in served:
            truth.sides |= {"support"}
            served.add(truth.key)


def _note(accounts: Sequence[Truth], contacts: Sequence[Truth]) -> None:
    """The office has noted some of those that sales and marketing know, once each."""
    for truth in (*accounts, *contacts):
        chosen = truth.cast or Random(f"{SEED}/{truth.key}/office").random() < NOTED
        if truth.shared and not truth.twice and chosen:
            truth.sides |= {"office"}


def _sides(kind: Kind) -> list[frozenset[str]]:
    share = SHARES[kind]
    both, crm, marketing = frozenset({"crm", "marketing"}), frozenset({"crm"}), frozenset({"marketing"})
    return [both] * share.both + [crm] * share.crm + [marketing] * share.marketing


def phone(dice: Random) -> tuple[str, str, str]:
    """A telephone number: country code, area, subscriber."""
    place = dice.choice(words.PLACES)
    return place[4], place[5], str(dice.randrange(10**6, 10**7))


def bare(name: str) -> str:
    """A company's name without its legal form."""
    for form in words.FORMS:
        if form and name.endswith(form):
            return name.removesuffix(form)
    return name


class _Maker:
    def __init__(self, owners: Sequence[str], now: int) -> None:
        self.dice = Random(SEED)
        self.owners = owners
        self.now = now

    def maybe(self, chance: float, value: Any) -> Any:
        return value if self.dice.random() < chance else None

    def day(self, ahead: int) -> str:
        moment = datetime.fromtimestamp((self.now + ahead * DAY_MS) / 1000, UTC)
        return moment.date().isoformat()

    def address(self) -> dict[str, Cell]:
        city, state, code, country, _, _ = self.dice.choice(words.PLACES)
        street = f"{self.dice.randrange(1, 200)} {self.dice.choice(words.STREETS)}"
        parts = {"street": street, "city": city, "state": state, "postal_code": code, "country": country}
        return {name: part for name, part in parts.items() if part}

    # -- accounts

    def accounts(self) -> list[Truth]:
        names = [f"{stem} {trade}" for stem in words.STEMS for trade in words.TRADES]
        self.dice.shuffle(names)
        made = []
        for number, sides in enumerate(_sides("account")):
            if number < len(ACCOUNTS):
                part = ACCOUNTS[number]
                made.append(_cast(self.account(number, str(part.fields["name"]), sides), part))
            else:
                made.append(self.account(number, names[number] + self.dice.choice(words.FORMS), sides))
        self._parents(made)
        next(a for a in reversed(made) if a.sides == {"crm"}).twice = frozenset({"crm"})
        return made

    def account(self, number: int, name: str, sides: frozenset[str]) -> Truth:
        plain = bare(name)
        domain = plain.lower().replace(" ", "-") + ".example"
        fields: dict[str, Cell] = {
            "name": name,
            "domain": domain,
            "industry": words.TRADES.get(plain.split()[-1], "Technology"),
            "employees": self.dice.choice((8, 25, 60, 140, 420, 1800)),
            "annual_revenue": str(self.dice.randrange(2, 900) * 100_000),
            "address": self.address(),
            "description": self.maybe(0.4, f"Known since {2015 + number % 10}."),
            "owner": self.dice.choice(self.owners),
            "type": self.dice.choice(words.TYPES),
            "x_tier": self.maybe(0.5, self.dice.choice(words.TIERS)),
        }
        facts = {"phone": phone(self.dice), "bare": plain}
        return Truth("account", f"account-{number}", sides, fields, facts=facts)

    def _parents(self, made: Sequence[Truth]) -> None:
        """Some companies belong to others that both sides know."""
        known = [a for a in made if len(a.sides) == 2]
        for number, child in enumerate(known[30:], 30):
            if self.dice.random() < 0.08:
                child.fields["parent"] = known[self.dice.randrange(5, number)].key

    # -- contacts

    def contacts(self, accounts: Sequence[Truth]) -> list[Truth]:
        names = [(first, last) for first in words.FIRST for last in words.LAST]
        self.dice.shuffle(names)
        made: list[Truth] = []
        for number, sides in enumerate(_sides("contact")):
            if number < len(CONTACTS):
                part = CONTACTS[number]
                name = str(part.fields["first_name"]), str(part.fields["last_name"])
                made.append(_cast(self.contact(number, *name, accounts[part.home], sides), part))
            else:
                home = None if number % LOOSE == LOOSE - 1 else self._known(accounts, sides)
                made.append(self.contact(number, *names[number], home, sides))
        self._doubles(made)
        return made

    def _known(self, accounts: Sequence[Truth], sides: frozenset[str]) -> Truth:
        """An account that all these sides know, and know once."""
        return self.dice.choice([a for a in accounts if sides <= a.sides and not a.twice])

    def _doubles(self, made: Sequence[Truth]) -> None:
        """People that both sides know, in marketing's books once more under a private address."""
        known = [c for c in made if len(c.sides) == 2 and not c.cast]
        for one, again in zip(known, [c for c in made if c.sides == {"marketing"}][:DOUBLES], strict=False):
            names = {name: one.fields[name] for name in ("first_name", "last_name")}
            mail = str(one.fields["email"]).partition("@")[0] + "@mail.example"
            again.fields.update(names, email=mail, account=None)

    def contact(self, number: int, first: str, last: str, home: Truth | None, sides: frozenset[str]) -> Truth:
        plain = str.maketrans({"ü": "ue", "'": "", " ": ""})
        host = home.fields["domain"] if home is not None else "mail.example"
        fields: dict[str, Cell] = {
            "email": f"{first}.{last}@{host}".translate(plain).lower(),
            "first_name": first,
            "last_name": last,
            "title": self.dice.choice(words.TITLES),
            "account": home.key if home is not None else None,
            "owner": self.dice.choice(self.owners),
            "lead_source": self.maybe(0.5, self.dice.choice(words.SOURCES)),
            "lifecycle_stage": self.dice.choice(words.LIFECYCLE),
            "lead_status": self.maybe(0.6, self.dice.choice(words.LEAD_STATUS)),
            "consent_email": "opted_out" if self.dice.random() < 0.05 else "allowed",
            "consent_phone": "opted_out" if self.dice.random() < 0.03 else "allowed",
            "address": self.maybe(0.4, self.address()),
        }
        facts = {"phone": phone(self.dice), "mobile": phone(self.dice)}
        return Truth("contact", f"contact-{number}", sides, fields, facts=facts)

    # -- campaigns and deals

    def campaigns(self) -> list[Truth]:
        made = []
        for number, sides in enumerate(_sides("campaign")):
            what = words.CAMPAIGNS[number % len(words.CAMPAIGNS)]
            start = self.dice.randrange(-300, 40)
            done = "Completed" if self.dice.random() < 0.5 else "In Progress"
            fields: dict[str, Cell] = {
                "name": f"{what}: {words.STEMS[number * 3]} {self.day(start)[:7]}",
                "type": what,
                "status": "Planned" if start > 0 else done,
                "start": self.day(start),
                "end": self.day(start + self.dice.randrange(1, 40)),
                "budget": str(self.dice.randrange(5, 80) * 1000),
                "actual_cost": str(self.dice.randrange(5, 90) * 900),
                "currency": "EUR",
            }
            made.append(Truth("campaign", f"campaign-{number}", sides, fields))
        return made

    def deals(self, accounts: Sequence[Truth], contacts: Sequence[Truth], campaigns: Sequence[Truth]) -> list[Truth]:
        made: list[Truth] = []
        names = {str(part.fields["name"]) for part in DEALS}
        for number, sides in enumerate(_sides("opportunity")):
            if number < len(DEALS):
                part = DEALS[number]
                made.append(_cast(self.deal(number, accounts[part.home], sides, names, contacts, campaigns), part))
            else:
                made.append(self.deal(number, self._known(accounts, sides), sides, names, contacts, campaigns))
        return made

    def deal(
        self,
        number: int,
        home: Truth,
        sides: frozenset[str],
        names: set[str],
        contacts: Sequence[Truth],
        campaigns: Sequence[Truth],
    ) -> Truth:
        stage = self.dice.choice(words.STAGES)
        closed = stage.startswith("Closed")
        name = f"{home.facts['bare']} - {self.dice.choice(words.PRODUCTS)}"
        while name in names:
            name = f"{home.facts['bare']} - {self.dice.choice(words.PRODUCTS)} {self.dice.randrange(2, 9)}"
        names.add(name)
        people = [c for c in contacts if c.fields["account"] == home.key and sides <= c.sides and not c.twice]
        chosen = self.dice.sample(people, min(len(people), self.dice.randrange(4)))
        fields: dict[str, Cell] = {
            "name": name,
            "account": home.key,
            "contacts": [
                {"id": c.key, "role": self.dice.choice(words.ROLES), "primary": n == 0} for n, c in enumerate(chosen)
            ],
            "stage": stage,
            "amount": self.maybe(0.93, {"amount": str(self.dice.randrange(8, 4000) * 50), "currency": "EUR"}),
            "close_date": self.day(-self.dice.randrange(1, 300) if closed else self.dice.randrange(3, 200)),
            "lost_reason": self.dice.choice(words.LOST) if stage == "Closed Lost" else None,
            "campaign": self.maybe(0.3, self.dice.choice([c.key for c in campaigns if "crm" in c.sides])),
            "owner": home.fields["owner"],
        }
        return Truth("opportunity", f"deal-{number}", sides, fields)
