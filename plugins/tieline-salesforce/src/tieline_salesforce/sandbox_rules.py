"""What is particular to an object when a record is written: defaults that depend on other fields, what must not be,
and what the system does of itself afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tieline_salesforce.sandbox_derive import responded, stage_facts
from tieline_salesforce.sandbox_errors import ApiError
from tieline_salesforce.sandbox_rows import Row, Rows
from tieline_salesforce.sandbox_values import day_of

if TYPE_CHECKING:
    from tieline_salesforce.sandbox_write import Writer

MEMBER_STATUSES = (("Sent", False, True), ("Responded", True, False))
"""Label, counts as a response, default: what every new campaign offers [memory]."""
_MAX_DEPTH = 50


def before(rows: Rows, name: str, new: Row, old: Row | None, given: Row) -> None:
    """Complete `new` and refuse it if the object's own rules say so; `given` are the fields the caller named."""
    if name == "Opportunity":
        _stage(rows, new, old, given)
    elif name == "Lead":
        _lead(old)
    elif name == "CampaignMember":
        _member(rows, new, old)
    elif name in ("Account", "Campaign") and given.get("ParentId") and old is not None:
        _no_circle(rows, name, new)


def _stage(rows: Rows, new: Row, old: Row | None, given: Row) -> None:
    if old is not None and old.get("StageName") == new.get("StageName"):
        return
    _, probability, category, _, _ = stage_facts(new.get("StageName"))
    if given.get("Probability") is None:
        new["Probability"] = float(probability)
    if given.get("ForecastCategoryName") is None:
        new["ForecastCategoryName"] = category
    new["LastStageChangeDate"] = rows.now()


def _lead(old: Row | None) -> None:
    if old is not None and old.get("IsConverted"):
        raise ApiError(400, "CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", ())


def _member(rows: Rows, new: Row, old: Row | None) -> None:
    """A campaign and exactly one of contact and lead, each pair once, with a status of the campaign [memory]."""
    if old is None and bool(new.get("ContactId")) == bool(new.get("LeadId")):
        raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", "Must specify one of: Lead or Contact ID", ())
    if old is None:
        pair = (new["CampaignId"], new.get("ContactId"), new.get("LeadId"))
        for member in rows.all("CampaignMember"):
            if (member["CampaignId"], member.get("ContactId"), member.get("LeadId")) == pair:
                raise ApiError(400, "DUPLICATE_VALUE", "Already a campaign member.", ())
    if not new.get("Status") or (old or {}).get("Status") != new["Status"]:
        statuses = [s for s in rows.all("CampaignMemberStatus") if s["CampaignId"] == new["CampaignId"]]
        if new.get("Status") and statuses and new["Status"] not in {s["Label"] for s in statuses}:
            message = f"Status: bad value for restricted picklist field: {new['Status']}"
            raise ApiError(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ("Status",))
    if not new.get("Status"):
        new["Status"] = next((s["Label"] for s in statuses if s.get("IsDefault")), MEMBER_STATUSES[0][0])
    if not new.get("FirstRespondedDate") and responded(rows, new):
        new["FirstRespondedDate"] = day_of(rows.now())


def _no_circle(rows: Rows, name: str, new: Row) -> None:
    above = new.get("ParentId")
    for _ in range(_MAX_DEPTH):
        if above is None:
            return
        if above == new["Id"]:
            raise ApiError(400, "CIRCULAR_DEPENDENCY", "attempt to violate hierarchy constraints", ("ParentId",))
        above = (rows.any(name, above) or {}).get("ParentId")


def after(writer: Writer, name: str, new: Row, old: Row | None) -> None:
    """What the system does once a record is kept."""
    if name == "Campaign" and old is None:
        campaign_statuses(writer, new["Id"])
    elif name == "Opportunity" and old is None and new.get("ContactId"):
        role = {"OpportunityId": new["Id"], "ContactId": new["ContactId"], "IsPrimary": True}
        writer.create(writer.schema.objects["OpportunityContactRole"], role)
    elif name == "OpportunityContactRole" and new.get("IsPrimary") and not (old or {}).get("IsPrimary"):
        _only_primary(writer, new)


def campaign_statuses(writer: Writer, campaign_id: str) -> None:
    """The member statuses a new campaign starts with."""
    definition = writer.schema.objects["CampaignMemberStatus"]
    for order, (label, answered, first) in enumerate(MEMBER_STATUSES, 1):
        values: dict[str, Any] = {"CampaignId": campaign_id, "Label": label, "SortOrder": order}
        writer.create(definition, values | {"HasResponded": answered, "IsDefault": first})


def _only_primary(writer: Writer, new: Row) -> None:
    """One primary contact a deal: the newest takes it from the one before [memory]."""
    definition = writer.schema.objects["OpportunityContactRole"]
    of = definition.fields["opportunityid"]
    for role in writer.rows.children(definition.name, of, new["OpportunityId"]):
        if role["Id"] != new["Id"] and role.get("IsPrimary"):
            writer.touch(definition, role, {"IsPrimary": False})
