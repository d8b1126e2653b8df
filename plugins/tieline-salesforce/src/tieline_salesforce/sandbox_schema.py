"""What the stand-in's org looks like: objects, fields, rights, picklists, relationships; and what an administrator
changes of it. Decides no value and holds no record.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tieline_salesforce.sandbox_tables import ADDRESS, OBJECTS, SYSTEM, VIEWED

HUB_FIELD = "Tieline_Id__c"
HUB_OBJECTS = ("Account", "Contact", "Lead", "Opportunity", "Campaign", "CampaignMember")
HIDDEN_FIELD = "HasOptedOutOfEmail"
"""The field that field-level security hides under the vice `field-hidden`."""
RESTRICTED = (("Account", "Industry"), ("Lead", "Industry"), ("Opportunity", "StageName"))
ID_LENGTH = 18
LONG_TEXT = 255
"""A longer text area is a long text area."""

STAGES: tuple[tuple[str, int, str, bool, bool], ...] = (
    ("Prospecting", 10, "Pipeline", False, False),
    ("Qualification", 10, "Pipeline", False, False),
    ("Needs Analysis", 20, "Pipeline", False, False),
    ("Value Proposition", 50, "Pipeline", False, False),
    ("Id. Decision Makers", 60, "Pipeline", False, False),
    ("Perception Analysis", 70, "Pipeline", False, False),
    ("Proposal/Price Quote", 75, "Pipeline", False, False),
    ("Negotiation/Review", 90, "Pipeline", False, False),
    ("Closed Won", 100, "Closed", True, True),
    ("Closed Lost", 0, "Omitted", True, False),
)
"""Stage, probability, forecast category, closed, won: the standard sales process [names from recorded describes]."""

_SOURCES = "Web;Phone Inquiry;Partner Referral;Purchased List;Other"
PICKLISTS: Mapping[str, tuple[str, ...]] = {
    name: tuple(values.split(";"))
    for name, values in {
        "account_type": "Prospect;Customer - Direct;Customer - Channel;Channel Partner / Reseller;"
        "Installation Partner;Technology Partner;Other",
        "industry": "Agriculture;Apparel;Banking;Biotechnology;Chemicals;Communications;Construction;Consulting;"
        "Education;Electronics;Energy;Engineering;Entertainment;Environmental;Finance;Food & Beverage;Government;"
        "Healthcare;Hospitality;Insurance;Machinery;Manufacturing;Media;Not For Profit;Recreation;Retail;Shipping;"
        "Technology;Telecommunications;Transportation;Utilities;Other",
        "ownership": "Public;Private;Subsidiary;Other",
        "rating": "Hot;Warm;Cold",
        "clean": "Matched=In Sync;Different;Acknowledged=Reviewed;NotFound=Not Found;Inactive;Pending=Not Compared;"
        "SelectMatch=Select Match;Skipped",
        "geocode": "Address;NearAddress;Block;Street;ExtendedZip;Zip;Neighborhood;City;County;State;Unknown",
        "salutation": "Mr.;Ms.;Mrs.;Dr.;Prof.",
        "lead_source": _SOURCES,
        "lead_status": "Open - Not Contacted;Working - Contacted;Closed - Converted;Closed - Not Converted",
        "stage": ";".join(s[0] for s in STAGES),
        "opportunity_type": "Existing Customer - Upgrade;Existing Customer - Replacement;"
        "Existing Customer - Downgrade;New Customer",
        "forecast": "Omitted;Pipeline;BestCase=Best Case;MostLikely=Most Likely;Forecast=Commit;Closed",
        "forecast_name": "Omitted;Pipeline;Best Case;Commit;Closed",
        "role": "Business User;Decision Maker;Economic Buyer;Economic Decision Maker;Evaluator;Executive Sponsor;"
        "Influencer;Technical Buyer;Other",
        "campaign_type": "Conference;Webinar;Trade Show;Public Relations;Partners;Referral Program;Advertisement;"
        "Banner Ads;Direct Mail;Email;Telemarketing;Other",
        "campaign_status": "Planned;In Progress;Completed;Aborted",
        "member_status": "Sent;Responded",
        "member_type": "Contact;Lead",
        "user_type": "Standard;PowerPartner;Guest;AutomatedProcess",
        "zone": "UTC;Europe/London;Europe/Berlin;America/New_York;America/Los_Angeles",
        "locale": "en_US;en_GB;de_DE;fr_FR",
        "language": "en_US;de;fr",
        "encoding": "UTF-8;ISO-8859-1",
    }.items()
}
DEFAULTS: Mapping[tuple[str, str], str] = {
    ("Lead", "Status"): "Open - Not Contacted",
    ("Campaign", "Type"): "Conference",
    ("Campaign", "Status"): "Planned",
}
"""Picklist values filled in on create."""

_RELATIONS: Mapping[tuple[str, str], tuple[str | None, bool]] = {
    ("Account", "ParentId"): ("ChildAccounts", False),
    ("Contact", "AccountId"): ("Contacts", True),
    ("Contact", "ReportsToId"): (None, False),
    ("Opportunity", "AccountId"): ("Opportunities", True),
    ("Opportunity", "ContactId"): ("Opportunities", False),
    ("Opportunity", "CampaignId"): ("Opportunities", False),
    ("OpportunityContactRole", "OpportunityId"): ("OpportunityContactRoles", True),
    ("OpportunityContactRole", "ContactId"): ("OpportunityContactRoles", True),
    ("Campaign", "ParentId"): ("ChildCampaigns", False),
    ("CampaignMember", "CampaignId"): ("CampaignMembers", True),
    ("CampaignMember", "ContactId"): ("CampaignMembers", True),
    ("CampaignMember", "LeadId"): ("CampaignMembers", True),
    ("CampaignMember", "LeadOrContactId"): (None, False),
    ("CampaignMemberStatus", "CampaignId"): ("CampaignMemberStatuses", True),
    ("Lead", "ConvertedAccountId"): (None, False),
    ("Lead", "ConvertedContactId"): (None, False),
    ("Lead", "ConvertedOpportunityId"): (None, False),
}
"""Child object and its field → the name under which the parent sees its children, and whether they go with it
[recorded describes: cascadeDelete of contacts and opportunities is true]."""

_OBJECT_FACTS: Mapping[str, tuple[str, str, str, str]] = {
    "Account": ("001", "Account", "Accounts", "cudmtelsfU"),
    "Contact": ("003", "Contact", "Contacts", "cudmtelsfU"),
    "Lead": ("00Q", "Lead", "Leads", "cudmtelsfU"),
    "Opportunity": ("006", "Opportunity", "Opportunities", "cudtelsfU"),
    "OpportunityContactRole": ("00K", "Opportunity Contact Role", "Opportunity Contact Role", "cudtl"),
    "Campaign": ("701", "Campaign", "Campaigns", "cudtelsU"),
    "CampaignMember": ("00v", "Campaign Member", "Campaign Members", "cudtl"),
    "CampaignMemberStatus": ("01Y", "Campaign Member Status", "Campaign Member Statuses", "cud"),
    "OpportunityStage": ("01J", "Opportunity Stage", "Opportunity Stage", ""),
    "User": ("005", "User", "Users", "cutelsf"),
    "Organization": ("00D", "Organization", "Organizations", "u"),
}
"""Prefix of ids, label, plural, and what it can: c create, u update, d delete, U undelete, m merge, t triggers,
e most recently used lists, l layouts, s search, f feed [prefixes and rights from the recorded global describe]."""


@dataclass(frozen=True, slots=True)
class FieldDef:
    """One field. `size` is the longest text it takes; `precision` and `scale` hold for numbers, `digits` for int."""

    name: str
    type: str
    rights: str
    label: str
    size: int = 0
    precision: int = 0
    scale: int = 0
    digits: int = 0
    refers_to: tuple[str, ...] = ()
    relation: str | None = None
    compound: str | None = None
    values: tuple[str, ...] = ()
    default: str | None = None
    unique: bool = False
    external: bool = False
    case_sensitive: bool = False

    @property
    def createable(self) -> bool:
        """Whether it can be set on create."""
        return "c" in self.rights

    @property
    def updateable(self) -> bool:
        """Whether it can be changed."""
        return "u" in self.rights

    @property
    def nillable(self) -> bool:
        """Whether it may be empty."""
        return "n" in self.rights

    @property
    def lookup(self) -> bool:
        """Whether an upsert may find records by it."""
        return self.external or "i" in self.rights or self.type == "id"

    @property
    def restricted(self) -> bool:
        """Whether a value outside the picklist is refused."""
        return "r" in self.rights

    @property
    def filterable(self) -> bool:
        """Whether a query may filter by it; long text areas are not, nor are addresses in one piece [recorded]."""
        return "x" not in self.rights and not (self.type == "textarea" and self.size > LONG_TEXT)

    @property
    def custom(self) -> bool:
        """Whether somebody made it in this org."""
        return self.name.endswith("__c")

    @property
    def required(self) -> bool:
        """Whether a create must name it."""
        return self.createable and not self.nillable and "d" not in self.rights


@dataclass(slots=True)
class ObjectDef:
    """One object type; `fields` by lower-case name, in the vendor's order."""

    name: str
    prefix: str
    label: str
    plural: str
    can: str
    fields: dict[str, FieldDef] = field(default_factory=dict)
    hidden: dict[str, FieldDef] = field(default_factory=dict)
    """Fields that hold values the integration user may neither see nor write."""

    def find(self, name: str) -> FieldDef | None:
        """A field by its name in any case."""
        return self.fields.get(name.lower())

    def parent(self, relation: str) -> FieldDef | None:
        """The reference field behind a relationship name such as Account or Owner."""
        wanted = relation.lower()
        return next((f for f in self.fields.values() if f.relation and f.relation.lower() == wanted), None)

    @property
    def name_field(self) -> str:
        """The field that holds a record's name, or Id."""
        return next((f.name for f in self.fields.values() if "N" in f.rights), "Id")


class Schema:
    """The org's objects, as the integration user sees them."""

    def __init__(self, vices: Iterable[str] = ()) -> None:
        held = frozenset(vices)
        self.custom: list[dict[str, Any]] = []
        self.objects = {name: _object(name) for name in OBJECTS}
        if "no-hub-field" not in held:
            for name in HUB_OBJECTS:
                self.add_field(name, _HUB_ENTRY, remember=False)
        if "field-hidden" in held:
            for definition in self.objects.values():
                if HIDDEN_FIELD.lower() in definition.fields:
                    definition.hidden[HIDDEN_FIELD.lower()] = definition.fields.pop(HIDDEN_FIELD.lower())
        if "restricted-picklist" in held:
            for name, of in RESTRICTED:
                fields = self.objects[name].fields
                fields[of.lower()] = replace(fields[of.lower()], rights=fields[of.lower()].rights + "r")

    def find(self, name: str) -> ObjectDef | None:
        """An object by its name in any case."""
        wanted = name.lower()
        return self.objects.get(name) or next((o for n, o in self.objects.items() if n.lower() == wanted), None)

    def by_prefix(self, record_id: str) -> ObjectDef | None:
        """The object whose records have ids like this one."""
        return next((o for o in self.objects.values() if o.prefix == record_id[:3]), None)

    def add_field(self, object_name: str, entry: Mapping[str, Any], remember: bool = True) -> None:
        """Make a field, as an administrator does in Setup. `entry` speaks describe's words; only `name` and `type`
        are needed."""
        definition = self.objects[object_name]
        made = _from_describe(entry)
        definition.fields[made.name.lower()] = made
        if remember:
            self.custom.append({"object": object_name, "entry": dict(entry)})

    def children(self, parent: str) -> list[tuple[ObjectDef, FieldDef, str | None, bool]]:
        """Who refers to this object: child, its field, relationship name, whether it is deleted along."""
        found = []
        for child in self.objects.values():
            for ref in child.fields.values():
                known = _RELATIONS.get((child.name, ref.name))
                if parent in ref.refers_to and (known or ref.custom):
                    name, cascade = known or (None, False)
                    found.append((child, ref, name, cascade))
        return found


_HUB_ENTRY: Mapping[str, Any] = {
    "name": HUB_FIELD,
    "type": "string",
    "label": "Tieline Id",
    "length": 36,
    "unique": True,
    "externalId": True,
}
_TYPE = re.compile(r"(\w+)(?:\(([^)]*)\))?(?::(\w+))?$")


def _object(name: str) -> ObjectDef:
    prefix, label, plural, can = _OBJECT_FACTS[name]
    made = ObjectDef(name, prefix, label, plural, can)
    for line in _lines(OBJECTS[name]):
        item = _field(name, line)
        made.fields[item.name.lower()] = item
    return made


def _lines(table: str) -> Iterable[str]:
    for line in table.split("\n"):
        if line.startswith("@address"):
            prefix = line.removeprefix("@address").strip()
            yield from _lines(ADDRESS.format(p=prefix, l=f"{prefix} " if prefix else ""))
        elif line.startswith("@"):
            yield from _lines({"@system": SYSTEM, "@viewed": VIEWED}[line.strip()])
        elif line.strip():
            yield line


def _field(object_name: str, line: str) -> FieldDef:
    name, kind, rights, label, *options = (*line.split("|"), "", "")[: max(4, line.count("|") + 1)]
    chosen = dict(o.split("=", 1) for o in options if o)
    match = _TYPE.match(kind)
    if match is None:
        raise ValueError(f"no type in {line!r}")
    base, arguments, values = match.groups()
    numbers = [int(a) for a in (arguments or "").split(",") if a.isdigit()]
    refers_to = tuple((arguments or "").split(",")) if base == "ref" else ()
    if base == "id":
        rights, numbers = "di", [ID_LENGTH]
    made = FieldDef(
        name,
        "reference" if base == "ref" else base,
        rights or "cun",
        label or _spaced(name),
        relation=chosen.get("rel", name.removesuffix("Id") if refers_to else "") or None,
        compound=chosen.get("compound"),
        values=PICKLISTS.get(values or "", ()),
        default=DEFAULTS.get((object_name, name)),
        refers_to=refers_to,
    )
    return _sized(made, numbers)


def _sized(made: FieldDef, numbers: list[int]) -> FieldDef:
    if made.type == "reference":
        return replace(made, size=ID_LENGTH)
    if made.type == "int":
        return replace(made, digits=numbers[0])
    if len(numbers) == 2:
        return replace(made, precision=numbers[0], scale=numbers[1])
    return replace(made, size=numbers[0] if numbers else 0)


def _spaced(name: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.sub(r" Id$", " ID", words)


def _from_describe(entry: Mapping[str, Any]) -> FieldDef:
    name = str(entry["name"])
    kind = str(entry["type"])
    rights = "".join(
        letter
        for key, letter, unsaid in (("createable", "c", True), ("updateable", "u", True), ("nillable", "n", True))
        if entry.get(key, unsaid)
    )
    rights += "d" * (kind == "boolean" or bool(entry.get("defaultedOnCreate")))
    rights += "r" * bool(entry.get("restrictedPicklist"))
    rights += "i" * bool(entry.get("externalId") or entry.get("idLookup"))
    if kind == "boolean":
        rights = rights.replace("n", "")
    numeric = kind in ("double", "currency", "percent")
    return FieldDef(
        name,
        kind,
        rights,
        str(entry.get("label") or name.removesuffix("__c").replace("_", " ")),
        size=int(entry.get("length") or (0 if numeric else 255)) if kind not in _SIZELESS else 0,
        precision=int(entry.get("precision") or 18) if numeric else 0,
        scale=int(entry.get("scale", 2)) if numeric else 0,
        digits=int(entry.get("digits") or 8) if kind == "int" else 0,
        refers_to=tuple(entry.get("referenceTo") or ()),
        relation=entry.get("relationshipName"),
        values=tuple(str(v["value"]) for v in entry.get("picklistValues") or ()),
        unique=bool(entry.get("unique")),
        external=bool(entry.get("externalId")),
        case_sensitive=bool(entry.get("caseSensitive")),
    )


_SIZELESS = ("boolean", "date", "datetime", "address", "int", "double", "currency", "percent")
