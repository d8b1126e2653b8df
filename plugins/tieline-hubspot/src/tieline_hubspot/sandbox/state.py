"""Everything the stand-in remembers, and how it is kept as JSON. Decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tieline.sandbox import Issuer
from tieline_hubspot.sandbox import account
from tieline_hubspot.sandbox.associations import Edges
from tieline_hubspot.sandbox.consent import Consents
from tieline_hubspot.sandbox.schema import (
    HUB_FIELD,
    TYPES,
    Property,
    hub_property,
    property_groups,
    standard_properties,
)
from tieline_hubspot.sandbox.table import Record, Table
from tieline_hubspot.sandbox.wire import iso, moment

RESTRICTED: Mapping[str, Mapping[str, str]] = {
    "contacts": {"lifecyclestage": "evangelist", "hs_lead_status": "BAD_TIMING"},
    "companies": {"industry": "COMPUTER_SOFTWARE", "lifecyclestage": "evangelist"},
    "deals": {"dealtype": "existingbusiness"},
}
"""The options that the vice `restricted-picklist` takes away."""
_FIRST_IDS = {
    "contacts": 73_183_578_001,
    "companies": 23_828_159_001,
    "deals": 28_640_112_001,
    "users": 168_371_669_001,
}
CLIENT_ID = "tieline-sandbox"
ISSUED = "na1-person-"
"""How tokens of a person's sign-in begin."""
_CUSTOM = ("contacts", "companies", "deals")


class State:
    """The account: records, definitions, associations, campaigns, consent, tokens and counters."""

    def __init__(self, vices: frozenset[str] = frozenset()) -> None:
        lagging = "search-lag" in vices
        self.tables: dict[str, Table] = {}
        for name, kind in TYPES.items():
            properties = standard_properties(name)
            if name in _CUSTOM and "no-hub-field" not in vices:
                properties[HUB_FIELD] = hub_property(name)
            if "restricted-picklist" in vices:
                properties.update(_restrict(name, properties))
            self.tables[name] = Table(kind, properties, lagging and name != "users")
        self.groups: dict[str, dict[str, str]] = {name: property_groups(name) for name in TYPES}
        self.pipelines = account.pipelines()
        self.owners = account.owners()
        self.edges = Edges()
        self.consents = Consents(account.subscriptions())
        self.campaigns: dict[str, dict[str, Any]] = {}
        self.blocked: set[str] = set()
        """E-mail addresses that a GDPR deletion keeps out."""
        self.next_ids: dict[str, int] = dict(_FIRST_IDS)
        self.counters: dict[str, int] = {}
        """What the vices and the token endpoint count."""
        self.tokens: dict[str, int] = {}
        """Access token → how many calls it was used for."""
        self.issuer = Issuer(CLIENT_ID, ISSUED, rotates="refresh-rotation" in vices)
        """Who signed in by browser. The vendor's refresh tokens stay the same; under the vice they do not."""
        self.seeded_contacts: list[int] = []
        self._add_users()

    def _add_users(self) -> None:
        table = self.tables["users"]
        for owner in self.owners:
            born = moment(owner["createdAt"]) or 0
            record = Record(self.take_id("users"), born, born)
            record.props.update(
                hs_email=owner["email"],
                hs_given_name=owner["firstName"],
                hs_family_name=owner["lastName"],
                hs_createdate=iso(born),
            )
            table.insert(record)

    def take_id(self, type_name: str) -> int:
        """A fresh record id, never given before."""
        key = self.next_ids[type_name]
        self.next_ids[type_name] = key + 1 + key % 3
        return key

    def count(self, name: str) -> int:
        """Count one more of something; the first is 1."""
        self.counters[name] = self.counters.get(name, 0) + 1
        return self.counters[name]

    def dump(self) -> dict[str, Any]:
        """All of it as plain JSON; `restore` on a fresh State of the same vices gives the same again."""
        own = {name: [_keep(p) for p in table.properties.values() if not p.own] for name, table in self.tables.items()}
        return {
            "tables": {name: table.dump() for name, table in self.tables.items()},
            "properties": own,
            "groups": {name: dict(rows) for name, rows in self.groups.items()},
            "associations": self.edges.dump(),
            "consents": self.consents.dump(),
            "campaigns": list(self.campaigns.values()),
            "blocked": sorted(self.blocked),
            "next_ids": dict(self.next_ids),
            "counters": dict(sorted(self.counters.items())),
            "tokens": dict(self.tokens),
            "sign_ins": self.issuer.dump(),
            "seeded_contacts": list(self.seeded_contacts),
        }

    def restore(self, body: Mapping[str, Any]) -> None:
        """Take in what `dump` gave, in place of what is here."""
        for name, table in self.tables.items():
            known = {n: p for n, p in table.properties.items() if p.own}
            known.update({row["name"]: _own(row) for row in body["properties"][name]})
            fresh = Table(table.kind, known, table.lagging)
            fresh.restore(body["tables"][name])
            self.tables[name] = fresh
        self.groups = {name: dict(rows) for name, rows in body["groups"].items()}
        self.edges.restore(body["associations"])
        self.consents.restore(body["consents"])
        self.campaigns = {row["id"]: _deep(row) for row in body["campaigns"]}
        self.blocked = set(body["blocked"])
        self.next_ids = dict(body["next_ids"])
        self.counters = dict(body["counters"])
        self.tokens = dict(body["tokens"])
        if "sign_ins" in body:
            self.issuer.restore(body["sign_ins"])
        self.seeded_contacts = list(body["seeded_contacts"])


def _restrict(name: str, properties: Mapping[str, Property]) -> dict[str, Property]:
    less = {}
    for prop, gone in RESTRICTED.get(name, {}).items():
        known = properties[prop]
        less[prop] = replace(known, options=tuple(o for o in known.options if o[0] != gone))
    return less


_KEPT = ("name", "type", "field", "group", "unique", "hidden", "label", "description", "made")


def _keep(prop: Property) -> dict[str, Any]:
    return {**{k: getattr(prop, k) for k in _KEPT}, "options": [list(o) for o in prop.options]}


def _own(row: Mapping[str, Any]) -> Property:
    options = tuple((o[0], o[1]) for o in row["options"])
    return Property(**{k: row[k] for k in _KEPT}, options=options, own=False)


def _deep(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: dict(v) if isinstance(v, Mapping) else list(v) if isinstance(v, list) else v for k, v in row.items()}
