"""Values nobody writes: what Salesforce works out from other fields and records when a row is read. Pure reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tieline_salesforce.sandbox_rows import Row, Rows
from tieline_salesforce.sandbox_schema import STAGES, FieldDef, ObjectDef

_STAGE = {stage[0]: stage for stage in STAGES}
_FORECAST_CODES = {"Best Case": "BestCase", "Commit": "Forecast"}
_ADDRESS_PARTS = {
    "City": "city",
    "Country": "country",
    "GeocodeAccuracy": "geocodeAccuracy",
    "Latitude": "latitude",
    "Longitude": "longitude",
    "PostalCode": "postalCode",
    "State": "state",
    "Street": "street",
}
_MONTHS_PER_QUARTER = 3
_PHOTO_OBJECTS = ("Account", "Contact", "Lead")
PERSONS = ("Contact", "Lead", "User")


def value_of(rows: Rows, definition: ObjectDef, row: Row, of: FieldDef) -> Any:
    """A field's value as kept or as derived; None when empty."""
    derive = _DERIVED.get((definition.name, of.name))
    if derive is not None:
        return derive(rows, row)
    if of.type == "address":
        return _address(row, of.name.removesuffix("Address"))
    value = row.get(of.name)
    return False if value is None and of.type == "boolean" else value


def derived(definition: ObjectDef, of: FieldDef) -> bool:
    """Whether the value is worked out on reading, so that no kept value can be compared instead."""
    return (definition.name, of.name) in _DERIVED or of.type in ("address", "boolean")


def person_name(row: Row) -> str:
    """First and last name, as the name of a person is shown."""
    return " ".join(part for part in (row.get("FirstName"), row.get("LastName")) if part)


def _address(row: Row, prefix: str) -> dict[str, Any] | None:
    parts = {key: row.get(prefix + part) for part, key in _ADDRESS_PARTS.items()}
    return parts if any(v is not None for v in parts.values()) else None


def stage_facts(name: str | None) -> tuple[str, int, str, bool, bool]:
    """Of a stage: name, probability, forecast category, closed, won. One nobody set up counts as open, at zero."""
    return _STAGE.get(name or "", (name or "", 0, "Pipeline", False, False))


def _expected(rows: Rows, row: Row) -> float | None:
    amount = row.get("Amount")
    return None if amount is None else round(amount * (row.get("Probability") or 0) / 100, 2)


def _quarter(row: Row) -> int:
    return (int(row["CloseDate"][5:7]) - 1) // _MONTHS_PER_QUARTER + 1


def _fiscal(rows: Rows, row: Row) -> str | None:
    return f"{row['CloseDate'][:4]} {_quarter(row)}" if row.get("CloseDate") else None


def _forecast_code(rows: Rows, row: Row) -> str:
    name = row.get("ForecastCategoryName") or "Pipeline"
    return _FORECAST_CODES.get(name, name)


def _members(rows: Rows, row: Row, key: str) -> list[Row]:
    members = (m for m in rows.all("CampaignMember") if m["CampaignId"] == row["Id"])
    return [m for m in members if m.get(key)]


def _deals(rows: Rows, row: Row, won: bool) -> list[Row]:
    deals = (o for o in rows.all("Opportunity") if o.get("CampaignId") == row["Id"])
    return [o for o in deals if not won or stage_facts(o.get("StageName"))[4]]


def _sum(deals: list[Row]) -> float:
    return float(sum(o.get("Amount") or 0 for o in deals))


def _converted(rows: Rows, row: Row) -> int:
    leads = (rows.any("Lead", m["LeadId"]) for m in _members(rows, row, "LeadId"))
    return sum(1 for lead in leads if lead and lead.get("IsConverted"))


def responded(rows: Rows, row: Row) -> bool:
    """Whether a campaign member's status counts as a response in its campaign."""
    statuses = (s for s in rows.all("CampaignMemberStatus") if s["CampaignId"] == row["CampaignId"])
    return any(s["Label"] == row.get("Status") and s.get("HasResponded") for s in statuses)


def _person(rows: Rows, row: Row) -> Row:
    found = rows.any("Contact", row.get("ContactId")) or rows.any("Lead", row.get("LeadId"))
    return found or {}


def _from_person(name: str) -> Callable[[Rows, Row], Any]:
    return lambda rows, row: _person(rows, row).get(name)


def _company(rows: Rows, row: Row) -> str | None:
    person = _person(rows, row)
    account = rows.any("Account", person.get("AccountId"))
    return person.get("Company") or (account["Name"] if account else None)


_DERIVED: Mapping[tuple[str, str], Callable[[Rows, Row], Any]] = {
    **{(name, "Name"): lambda rows, row: person_name(row) or None for name in PERSONS},
    **{(name, "PhotoUrl"): lambda rows, row: f"/services/images/photo/{row['Id']}" for name in _PHOTO_OBJECTS},
    **{(name, "IsEmailBounced"): lambda rows, row: bool(row.get("EmailBouncedDate")) for name in ("Contact",)},
    ("Opportunity", "IsClosed"): lambda rows, row: stage_facts(row.get("StageName"))[3],
    ("Opportunity", "IsWon"): lambda rows, row: stage_facts(row.get("StageName"))[4],
    ("Opportunity", "ForecastCategory"): _forecast_code,
    ("Opportunity", "ExpectedRevenue"): _expected,
    ("Opportunity", "Fiscal"): _fiscal,
    ("Opportunity", "FiscalYear"): lambda rows, row: int(row["CloseDate"][:4]) if row.get("CloseDate") else None,
    ("Opportunity", "FiscalQuarter"): lambda rows, row: _quarter(row) if row.get("CloseDate") else None,
    ("Campaign", "NumberOfLeads"): lambda rows, row: len(_members(rows, row, "LeadId")),
    ("Campaign", "NumberOfConvertedLeads"): _converted,
    ("Campaign", "NumberOfContacts"): lambda rows, row: len(_members(rows, row, "ContactId")),
    ("Campaign", "NumberOfResponses"): lambda rows, row: sum(
        1 for m in _members(rows, row, "CampaignId") if responded(rows, m)
    ),
    ("Campaign", "NumberOfOpportunities"): lambda rows, row: len(_deals(rows, row, False)),
    ("Campaign", "NumberOfWonOpportunities"): lambda rows, row: len(_deals(rows, row, True)),
    ("Campaign", "AmountAllOpportunities"): lambda rows, row: _sum(_deals(rows, row, False)),
    ("Campaign", "AmountWonOpportunities"): lambda rows, row: _sum(_deals(rows, row, True)),
    ("CampaignMember", "HasResponded"): responded,
    ("CampaignMember", "Name"): lambda rows, row: person_name(_person(rows, row)) or None,
    ("CampaignMember", "Type"): lambda rows, row: "Contact" if row.get("ContactId") else "Lead",
    ("CampaignMember", "LeadOrContactId"): lambda rows, row: row.get("ContactId") or row.get("LeadId"),
    ("CampaignMember", "LeadOrContactOwnerId"): _from_person("OwnerId"),
    ("CampaignMember", "CompanyOrAccount"): _company,
    **{
        ("CampaignMember", name): _from_person(name)
        for name in ("Salutation", "FirstName", "LastName", "Title", "Email", "Phone", "MobilePhone", "LeadSource")
    },
}
