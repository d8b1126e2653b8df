"""What only a person can do, in the user interface: merge two records, convert a lead. Not offered over REST."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tieline import Kind
from tieline.sandbox import Act
from tieline_salesforce.sandbox_demo import columns, mapper, sobject
from tieline_salesforce.sandbox_errors import ApiError
from tieline_salesforce.sandbox_rows import Row
from tieline_salesforce.sandbox_values import day_of
from tieline_salesforce.sandbox_write import Writer

CONVERTED_STATUS = "Closed - Converted"
_COPIED = ("FirstName", "LastName", "Salutation", "Title", "Phone", "MobilePhone", "Fax", "Email", "LeadSource")
_ADDRESS = ("Street", "City", "State", "PostalCode", "Country")
_CONSENT = ("HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall")


def perform(writer: Writer, act: Act) -> None:
    """Do what one of the company's people does at a screen; see `tieline.sandbox.Act`. Raises ValueError."""
    if act.verb == "convert":
        leads = [r for r in writer.rows.all("Lead") if not r.get("IsConverted")]
        for lead in (str(r["Id"]) for r in leads if str(r.get("Email", "")).casefold() == act.key.casefold()):
            convert(writer, lead)
            return
        raise ValueError(f"there is no lead {act.key!r}")
    definition = writer.schema.objects[sobject(act.kind)]
    found = found_by(writer, act.kind, act.key)
    if not found:
        raise ValueError(f"there is no {act.kind} {act.key!r}")
    try:
        if act.verb == "edit":
            users = {row["Email"]: row["Id"] for row in writer.rows.all("User")}
            writer.update(definition, found[0], columns(mapper(act.kind), act.fields, users))
        elif act.verb == "opt_out":
            writer.update(definition, found[0], {"HasOptedOutOfEmail": True})
        elif act.verb == "delete":
            writer.delete(definition, found[0])
    except ApiError as error:
        raise ValueError(error.message) from error
    if act.verb == "merge":
        for other in found[1:]:
            merge(writer, definition.name, found[0], other)


def found_by(writer: Writer, kind: Kind, key: str) -> list[str]:
    """The ids of the living records that answer to an e-mail address or a name, oldest first."""
    column = "Email" if kind == "contact" else "Name"
    rows = [r for r in writer.rows.all(sobject(kind)) if str(r.get(column, "")).casefold() == key.casefold()]
    return [str(row["Id"]) for row in sorted(rows, key=lambda row: (row["CreatedDate"], row["Id"]))]


def merge(writer: Writer, object_name: str, winner_id: str, loser_id: str) -> None:
    """The loser's children go to the winner, the loser to the recycle bin with MasterRecordId set [rec: fields].

    Only Account, Contact and Lead can be merged; the winner keeps its own values. Raises ValueError.
    """
    definition = writer.schema.find(object_name)
    if definition is None or "m" not in definition.can:
        raise ValueError(f"{object_name} records cannot be merged")
    try:
        winner, loser = (writer.target(definition, i) for i in (winner_id, loser_id))
    except ApiError as error:
        raise ValueError(error.message) from error
    if winner["Id"] == loser["Id"]:
        raise ValueError("a record cannot be merged with itself")
    for child, of, _, _ in writer.schema.children(definition.name):
        for row in writer.rows.children(child.name, of, loser["Id"]):
            if row["Id"] == winner["Id"] or _twin(writer, child.name, of.name, row, winner["Id"]):
                continue
            writer.touch(child, row, {of.name: winner["Id"]})
    writer._bin(definition, writer.rows.tables[definition.name][loser["Id"]], loser["Id"])
    row = writer.rows.tables[definition.name][loser["Id"]]
    writer.rows.put(definition.name, {**row, "MasterRecordId": winner["Id"]})
    writer.touch(definition, writer.rows.tables[definition.name][winner["Id"]], {})


def _twin(writer: Writer, child: str, field: str, row: Row, winner_id: str) -> bool:
    """Whether the winner already stands in the same place, so that the loser's row goes with the loser."""
    other = {"OpportunityContactRole": "OpportunityId", "CampaignMember": "CampaignId"}.get(child)
    if other is None or field == other:
        return False
    return any(r.get(field) == winner_id and r.get(other) == row.get(other) for r in writer.rows.all(child))


def convert(
    writer: Writer,
    lead_id: str,
    opportunity_name: str | None = None,
    contact_id: str | None = None,
    mapped: Sequence[str] = (),
) -> dict[str, str]:
    """Turn a lead into a contact of an account, found by the company's name or made, and perhaps a deal; or into part
    of a contact that is there, whose blanks are filled [doc].

    `mapped`: the custom fields of a lead that the org's lead field mapping carries to the contact's of the same name.
    Returns the ids by field: ConvertedAccountId, ConvertedContactId, ConvertedOpportunityId. Raises ValueError.
    """
    objects = writer.schema.objects
    try:
        lead = writer.target(objects["Lead"], lead_id)
        there = None if contact_id is None else writer.target(objects["Contact"], contact_id)
    except ApiError as error:
        raise ValueError(error.message) from error
    if lead.get("IsConverted"):
        raise ValueError("the lead is already converted")
    values: dict[str, Any] = {k: lead[k] for k in (*_COPIED, *_CONSENT, *mapped) if k in lead}
    values |= {f"Mailing{part}": lead[part] for part in _ADDRESS if part in lead}
    values = {k: v for k, v in values.items() if objects["Contact"].find(k)}
    if there is None:
        account_id = _account_of(writer, lead)
        own = {"AccountId": account_id, "OwnerId": lead["OwnerId"]}
        contact_id = writer.create(objects["Contact"], values | own)
    else:
        contact_id, account_id = str(there["Id"]), str(there.get("AccountId") or _account_of(writer, lead))
        blank = {k: v for k, v in values.items() if there.get(k) is None}
        writer.update(objects["Contact"], contact_id, {"AccountId": account_id, **blank})
    _carry_members(writer, lead, contact_id)
    made = {"ConvertedAccountId": account_id, "ConvertedContactId": contact_id}
    if opportunity_name:
        deal = {"Name": opportunity_name, "StageName": "Prospecting", "CloseDate": day_of(writer.rows.now())}
        made["ConvertedOpportunityId"] = writer.create(
            objects["Opportunity"], deal | {"AccountId": account_id, "ContactId": contact_id}
        )
    done = {"IsConverted": True, "ConvertedDate": day_of(writer.rows.now()), "Status": CONVERTED_STATUS}
    writer.touch(objects["Lead"], lead, done | made)
    return made


def _carry_members(writer: Writer, lead: Row, contact_id: str) -> None:
    """A lead's campaign members become the contact's; one whose campaign has the contact already goes [memory]."""
    definition = writer.schema.objects["CampaignMember"]
    for member in writer.rows.children(definition.name, definition.fields["leadid"], str(lead["Id"])):
        if _twin(writer, definition.name, "ContactId", member, contact_id):
            writer.delete(definition, member["Id"])
        else:
            writer.touch(definition, member, {"ContactId": contact_id})


def _account_of(writer: Writer, lead: Row) -> str:
    company = str(lead.get("Company") or "").casefold()
    for account in writer.rows.all("Account"):
        if account["Name"].casefold() == company:
            return str(account["Id"])
    return writer.create(writer.schema.objects["Account"], {"Name": lead["Company"], "OwnerId": lead["OwnerId"]})
