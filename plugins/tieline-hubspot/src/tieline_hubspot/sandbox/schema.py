"""What the account has before any record: object types, properties, pipelines, association types, owners.

Types and flags of the contact properties are as recorded; those of companies and deals are from memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tieline_hubspot.sandbox.wire import iso

HUB_FIELD = "tieline_id"
BORN = 1_598_842_800_000
"""When the account's own properties were made."""


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One object type: its names on the wire, its stamp of modification and what is answered without `properties`."""

    name: str
    singular: str
    type_id: str
    modified: str
    defaults: tuple[str, ...]
    searched: tuple[str, ...] = ()

    @property
    def legacy(self) -> str:
        """The name in upper case, as error texts have it."""
        return self.singular.upper()


TYPES: Mapping[str, ObjectType] = {
    "contacts": ObjectType(
        "contacts",
        "contact",
        "0-1",
        "lastmodifieddate",
        ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"),
        ("firstname", "lastname", "email", "phone", "company", "hs_additional_emails"),
    ),
    "companies": ObjectType(
        "companies",
        "company",
        "0-2",
        "hs_lastmodifieddate",
        ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name"),
        ("name", "domain", "website", "phone"),
    ),
    "deals": ObjectType(
        "deals",
        "deal",
        "0-3",
        "hs_lastmodifieddate",
        (
            "amount",
            "closedate",
            "createdate",
            "dealname",
            "dealstage",
            "hs_lastmodifieddate",
            "hs_object_id",
            "pipeline",
        ),
        ("dealname", "description"),
    ),
    "users": ObjectType(
        "users",
        "user",
        "0-115",
        "hs_lastmodifieddate",
        ("hs_createdate", "hs_lastmodifieddate", "hs_object_id"),
        ("hs_email", "hs_given_name", "hs_family_name"),
    ),
}
_ALIASES: Mapping[str, str] = {
    alias: t.name for t in TYPES.values() for alias in (t.name, t.singular, t.type_id, t.legacy.lower())
}


def type_named(text: str) -> ObjectType | None:
    """The object type by plural, singular, legacy name or id, whatever the case."""
    return TYPES.get(_ALIASES.get(text.lower(), ""))


@dataclass(frozen=True, slots=True)
class Property:
    """A property definition. `options` empty with `external`: the values come from elsewhere (owners, pipelines)."""

    name: str
    type: str
    field: str = "text"
    group: str = "contactinformation"
    read_only: bool = False
    unique: bool = False
    external: bool = False
    hidden: bool = False
    calculated: bool = False
    options: tuple[tuple[str, str], ...] = ()
    """(value, label)."""
    label: str = ""
    description: str = ""
    own: bool = True
    """Defined by HubSpot, not by the account."""
    made: int = BORN
    refers: str = ""

    def as_json(self) -> dict[str, Any]:
        """The definition as the properties API answers it."""
        rows = [{"label": b, "value": a, "displayOrder": i, "hidden": False} for i, (a, b) in enumerate(self.options)]
        body: dict[str, Any] = {
            "updatedAt": iso(self.made),
            "createdAt": iso(self.made),
            "name": self.name,
            "label": self.label or self.name.removeprefix("hs_").replace("_", " ").title(),
            "type": self.type,
            "fieldType": self.field,
            "description": self.description,
            "groupName": self.group,
            "options": rows if self.own else [{**r, "description": ""} for r in rows],
            "displayOrder": -1,
            "calculated": self.calculated,
            "externalOptions": self.external,
            "hasUniqueValue": self.unique,
            "hidden": self.hidden,
            "modificationMetadata": {
                "archivable": True,
                "readOnlyDefinition": self.own,
                "readOnlyValue": self.read_only,
            },
            "formField": not self.read_only,
            "dataSensitivity": "non_sensitive",
        }
        if self.refers:
            body["referencedObjectType"] = self.refers
        body.update({"hubspotDefined": True} if self.own else {"archived": False})
        return body


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((v, v.replace("_", " ").title()) for v in text.split())


LIFECYCLE: tuple[tuple[str, str], ...] = (
    ("subscriber", "Subscriber"),
    ("lead", "Lead"),
    ("marketingqualifiedlead", "Marketing Qualified Lead"),
    ("salesqualifiedlead", "Sales Qualified Lead"),
    ("opportunity", "Opportunity"),
    ("customer", "Customer"),
    ("evangelist", "Evangelist"),
    ("other", "Other"),
)
_TRUTH = (("true", "True"), ("false", "False"))
_LEAD_STATUS = _pairs("NEW OPEN IN_PROGRESS OPEN_DEAL UNQUALIFIED ATTEMPTED_TO_CONTACT CONNECTED BAD_TIMING")
_SOURCES = _pairs(
    "ORGANIC_SEARCH PAID_SEARCH EMAIL_MARKETING SOCIAL_MEDIA REFERRALS OTHER_CAMPAIGNS DIRECT_TRAFFIC OFFLINE "
    "PAID_SOCIAL"
)
_INDUSTRIES = _pairs(
    "ACCOUNTING AIRLINES_AVIATION APPAREL_FASHION AUTOMOTIVE BANKING BIOTECHNOLOGY BUILDING_MATERIALS CHEMICALS "
    "CIVIL_ENGINEERING COMPUTER_HARDWARE COMPUTER_SOFTWARE CONSTRUCTION CONSUMER_GOODS CONSUMER_SERVICES "
    "EDUCATION_MANAGEMENT ELECTRICAL_ELECTRONIC_MANUFACTURING ENTERTAINMENT ENVIRONMENTAL_SERVICES "
    "FINANCIAL_SERVICES FOOD_BEVERAGES FOOD_PRODUCTION FURNITURE GOVERNMENT_ADMINISTRATION "
    "HEALTH_WELLNESS_AND_FITNESS HIGHER_EDUCATION HOSPITAL_HEALTH_CARE HOSPITALITY HUMAN_RESOURCES "
    "INDUSTRIAL_AUTOMATION INFORMATION_TECHNOLOGY_AND_SERVICES INSURANCE INTERNET LAW_PRACTICE "
    "LOGISTICS_AND_SUPPLY_CHAIN MACHINERY MANAGEMENT_CONSULTING MARKETING_AND_ADVERTISING "
    "MECHANICAL_OR_INDUSTRIAL_ENGINEERING MEDIA_PRODUCTION MEDICAL_DEVICES MINING_METALS "
    "NON_PROFIT_ORGANIZATION_MANAGEMENT OIL_ENERGY PACKAGE_FREIGHT_DELIVERY PHARMACEUTICALS PLASTICS "
    "PRINTING REAL_ESTATE RENEWABLES_ENVIRONMENT RETAIL SEMICONDUCTORS SPORTS STAFFING_AND_RECRUITING "
    "TELECOMMUNICATIONS TEXTILES TRANSPORTATION_TRUCKING_RAILROAD UTILITIES WHOLESALE"
)
_COMPANY_TYPES = _pairs("PROSPECT PARTNER RESELLER VENDOR OTHER")
_DEAL_TYPES = (("newbusiness", "New Business"), ("existingbusiness", "Existing Business"))
_PRIORITIES = (("low", "Low"), ("medium", "Medium"), ("high", "High"))
_SIZES = tuple((v, v) for v in ["1-5", "5-25", "25-50", "50-100", "100-500", "500-1000", "1000+"])
_OPTIONS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "lifecycle": LIFECYCLE,
    "leadstatus": _LEAD_STATUS,
    "source": _SOURCES,
    "industry": _INDUSTRIES,
    "companytype": _COMPANY_TYPES,
    "dealtype": _DEAL_TYPES,
    "priority": _PRIORITIES,
    "size": _SIZES,
}
_SHORT: Mapping[str, tuple[str, str]] = {
    "s": ("string", "text"),
    "t": ("string", "textarea"),
    "p": ("string", "phonenumber"),
    "n": ("number", "number"),
    "nq": ("number", "calculation_equation"),
    "nr": ("number", "calculation_rollup"),
    "d": ("datetime", "date"),
    "b": ("bool", "booleancheckbox"),
    "bq": ("bool", "calculation_equation"),
    "br": ("bool", "calculation_read_time"),
    "e": ("enumeration", "select"),
    "er": ("enumeration", "radio"),
    "ec": ("enumeration", "checkbox"),
    "eb": ("enumeration", "booleancheckbox"),
}
_FLAGS = {"!": "read_only", "+": "external", "~": "calculated", "?": "hidden", "*": "unique"}
_GROUPS: Mapping[str, str] = {
    "contacts": "contactinformation",
    "companies": "companyinformation",
    "deals": "dealinformation",
    "users": "userinformation",
}

# name:form[flags][=options][@group], forms and flags as in the tables above; unknown truth options fill themselves in
_CONTACTS = """
email:s firstname:s lastname:s salutation:s jobtitle:s phone:p mobilephone:p fax:p company:s website:s address:s
city:s state:s zip:s country:s industry:s annualrevenue:s numemployees:e=size lifecyclestage:er+=lifecycle
hs_lead_status:er=leadstatus@sales_properties hubspot_owner_id:e+@sales_properties
hubspot_owner_assigneddate:d!@sales_properties associatedcompanyid:n+? hs_object_id:n! createdate:d! lastmodifieddate:d!
hs_lastmodifieddate:d!? hs_merged_object_ids:ec! hs_additional_emails:e!~? hs_email_optout:b!@emailinformation
hs_email_optout_448994475:eb!@emailinformation hs_email_optout_448994479:eb!@emailinformation hs_email_domain:s!~
hs_all_contact_vids:e!~? hs_is_contact:br!~? hs_is_unworked:bq!@sales_properties hs_pipeline:e+? hs_object_source:s!?
hs_object_source_id:s!? hs_object_source_label:e!+ hs_registered_member:nq!~@contactscripted
hs_membership_has_accessed_private_content:nq!~@contactscripted hs_currently_enrolled_in_prospecting_agent:bq!~
hs_lifecyclestage_lead_date:d!? hs_associated_target_accounts:nr!? hs_prospecting_agent_actively_enrolled_count:nr!?
hs_prospecting_agent_total_enrolled_count:nr!? hs_sequences_actively_enrolled_count:n!? hs_full_name_or_email:s!~?
num_notes:n!@contact_activity hs_analytics_source:e=source@analyticsinformation closedate:d@deal_information
hs_latest_source:e=source@analyticsinformation twitterhandle:s message:t@contact_activity hs_linkedin_url:s
num_associated_deals:n!@deal_information hs_unique_creation_key:s!?*
"""
_COMPANIES = """
name:s domain:s website:s phone:p description:t about_us:t industry:e=industry numberofemployees:n annualrevenue:n
address:s address2:s city:s state:s zip:s country:s type:e=companytype lifecyclestage:er+=lifecycle
hs_lead_status:er=leadstatus hubspot_owner_id:e+ hs_object_id:n! createdate:d! hs_lastmodifieddate:d!
hs_parent_company_id:n! hs_merged_object_ids:ec! hs_pipeline:e+? hs_object_source:s!? hs_object_source_id:s!?
hs_object_source_label:e!+ hs_additional_domains:ec! num_associated_contacts:n! num_associated_deals:n!
facebookfans:n twitterhandle:s linkedin_company_page:s founded_year:s timezone:s hs_unique_creation_key:s!?*
"""
_DEALS = """
dealname:s amount:n deal_currency_code:s closedate:d dealstage:er+ pipeline:e+ dealtype:er=dealtype description:t
closed_lost_reason:t closed_won_reason:t hubspot_owner_id:e+ hs_priority:e=priority hs_object_id:n! createdate:d
hs_lastmodifieddate:d! hs_is_closed:bq!~ hs_is_closed_won:bq!~ hs_deal_stage_probability:nq!~
hs_forecast_probability:n hs_analytics_source:e=source@analyticsinformation hs_campaign:s num_associated_contacts:n!
hs_merged_object_ids:ec! hs_object_source:s!? hs_object_source_id:s!? hs_object_source_label:e!+ hs_next_step:s
hs_unique_creation_key:s!?*
"""
_USERS = "hs_email:s! hs_given_name:s hs_family_name:s hs_object_id:n! hs_createdate:d! hs_lastmodifieddate:d!"
_TABLES = {"contacts": _CONTACTS, "companies": _COMPANIES, "deals": _DEALS, "users": _USERS}


def _property(entry: str, group: str) -> Property:
    entry, _, own_group = entry.partition("@")
    entry, _, choice = entry.partition("=")
    name, _, form = entry.partition(":")
    flags: dict[str, Any] = {_FLAGS[c]: True for c in form if c in _FLAGS}
    kind, field = _SHORT[form.strip("".join(_FLAGS))]
    options = _OPTIONS.get(choice, _TRUTH if kind == "bool" or field == "booleancheckbox" else ())
    refers = {"hubspot_owner_id": "OWNER", "associatedcompanyid": "COMPANY"}.get(name, "")
    return Property(name, kind, field, own_group or group, options=options, refers=refers, **flags)


def standard_properties(type_name: str) -> dict[str, Property]:
    """The properties an account has for this type when it is new."""
    group = _GROUPS[type_name]
    rows = (_property(entry, group) for entry in _TABLES[type_name].split())
    return {p.name: p for p in rows}


def hub_property(type_name: str) -> Property:
    """The account's own unique property that holds the hub's id."""
    return Property(
        HUB_FIELD,
        "string",
        group=_GROUPS[type_name],
        unique=True,
        own=False,
        label="Tieline ID",
        description="Set by Tieline; keep it as it is.",
    )


def property_groups(type_name: str) -> dict[str, str]:
    """Group name → label, for every group that a standard property is in."""
    names = {p.group: None for p in standard_properties(type_name).values()}
    return {name: name.replace("_", " ").title() for name in names}
