"""Creating and changing records: uniqueness, what follows from a value, merging, archiving. Knows no routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline.sandbox import Refusal
from tieline_hubspot.sandbox.account import DEFINED
from tieline_hubspot.sandbox.state import State
from tieline_hubspot.sandbox.table import Record, Table
from tieline_hubspot.sandbox.values import check, missing
from tieline_hubspot.sandbox.wire import PORTAL, Problem, invalid_values, iso, refuse, validation

SOURCE_ID = "4169410"
_SOURCE = {
    "hs_object_source": "INTEGRATION",
    "hs_object_source_id": SOURCE_ID,
    "hs_object_source_label": "INTEGRATION",
}
_NEW_CONTACT = {
    "hs_associated_target_accounts": "0",
    "hs_currently_enrolled_in_prospecting_agent": "false",
    "hs_is_contact": "true",
    "hs_is_unworked": "true",
    "hs_membership_has_accessed_private_content": "0",
    "hs_prospecting_agent_actively_enrolled_count": "0",
    "hs_prospecting_agent_total_enrolled_count": "0",
    "hs_registered_member": "0",
    "hs_sequences_actively_enrolled_count": "0",
    "num_notes": "0",
}
"""What a create of a contact answers besides [rec, cap]."""
ALWAYS = ("hs_object_id", *_SOURCE, "hs_pipeline", "lifecyclestage", "hs_is_unworked", "hs_is_contact")
"""What an update answers besides the changed properties and the stamps, where it has a value [rec]."""
MERGE_LIMIT = 250


def problems_of(
    state: State, table: Table, record: Record | None, values: Mapping[str, Any], version: str, rules: bool
) -> tuple[dict[str, str], list[Problem]]:
    """The values as kept, and everything wrong with them. `rules`: the account's own rules hold as well."""
    clean, problems = check(state, table, values)
    if rules and not problems:
        after = {**(record.props if record else {}), **clean}
        problems = missing(table, after, record is None, version)
    return clean, problems


def clash(state: State, table: Table, key: int | None, values: Mapping[str, str]) -> Refusal | None:
    """The refusal when a unique value belongs to another record; `key` is None for a create."""
    for name in table.unique_names():
        value = values.get(name)
        if not value:
            continue
        if name == "email" and value in state.blocked:
            return validation(f"email {value} was deleted for privacy reasons and cannot be used")  # [memory]
        holder = table.holder(name, value)
        if holder is None or holder == key:
            continue
        if name == "email" and key is None:
            return refuse(409, "CONFLICT", f"Contact already exists. Existing ID: {holder}")  # [cap]
        mine = key if key is not None else state.next_ids[table.kind.name]
        where = f"portalId={PORTAL}, objectTypeId=ObjectTypeId{{legacyObjectType={table.kind.legacy}}}"
        held = f"propertyName={name}, value={value}"
        return validation(
            f"Cannot set PropertyValueCoordinates{{{where}, {held}}} on {mine}. {holder} already has that value."
        )  # [obs]
    return None


def create(state: State, table: Table, values: Mapping[str, str], now: int, key: int | None = None) -> Record:
    """A new record with these checked values; `key` only for what is loaded."""
    record = Record(state.take_id(table.kind.name) if key is None else key, now, now)
    seed = dict(_SOURCE)
    if table.kind.name == "contacts":
        seed.update(_NEW_CONTACT, hs_all_contact_vids=str(record.id))
    if table.kind.name in ("contacts", "companies"):
        seed.update(hs_pipeline=f"{table.kind.name}-lifecycle-pipeline", lifecyclestage="lead")
    elif "pipeline" in table.properties:
        seed["pipeline"] = "default"
    record.props.update({n: v for n, v in seed.items() if n in table.properties})
    table.insert(record)
    change(state, table, record, values, now)
    return record


def change(state: State, table: Table, record: Record, values: Mapping[str, str], now: int) -> dict[str, str]:
    """Write checked values and what follows from them; all that was set."""
    everything = {**values, **_derived(state, table, record, values, now)}
    table.write(record, everything, now)
    company = values.get("associatedcompanyid")
    if company and state.tables["companies"].find(company):
        state.edges.add(table.kind.name, record.id, "companies", int(company), [(DEFINED, 1)])
    return everything


def _derived(state: State, table: Table, record: Record, values: Mapping[str, str], now: int) -> dict[str, str]:
    after = {**record.props, **values}
    more: dict[str, str] = {}
    if values.get("hubspot_owner_id") and "hubspot_owner_assigneddate" in table.properties:
        more["hubspot_owner_assigneddate"] = iso(now)
    if table.kind.name == "contacts":
        more.update(_of_contact(state, record, values, after, now))
    known = "website" in values or "website" in record.props
    if table.kind.name == "companies" and values.get("domain") and not known:
        more["website"] = values["domain"]  # [rec]
    if table.kind.name == "deals" and values.get("dealstage"):
        more.update(_of_stage(state, values["dealstage"]))
    return more


def _of_contact(
    state: State, record: Record, values: Mapping[str, str], after: Mapping[str, str], now: int
) -> dict[str, str]:
    more: dict[str, str] = {}
    if "email" in values:
        more["hs_email_domain"] = values["email"].rpartition("@")[2]
        flags = state.consents.flags(values["email"])
        held = [n for n in record.props if n.startswith("hs_email_optout")]
        more.update(dict.fromkeys(held, ""), **flags)
    name = " ".join(p for p in (after.get("firstname"), after.get("lastname")) if p)
    if {"firstname", "lastname", "email"} & set(values):
        more["hs_full_name_or_email"] = name or after.get("email") or ""
    if after.get("lifecyclestage") == "lead" and "hs_lifecyclestage_lead_date" not in record.props:
        more["hs_lifecyclestage_lead_date"] = iso(now)
    return more


def _of_stage(state: State, stage_id: str) -> dict[str, str]:
    for pipeline in state.pipelines["deals"]:
        for stage in pipeline["stages"]:
            if stage["id"] == stage_id:
                share, closed = stage["metadata"]["probability"], stage["metadata"]["isClosed"]
                won = str(closed == "true" and float(share) == 1).lower()
                return {"hs_is_closed": closed, "hs_is_closed_won": won, "hs_deal_stage_probability": share}
    return {}


def write_checked(
    state: State, table: Table, record: Record | None, values: Mapping[str, Any], now: int, version: str, rules: bool
) -> tuple[Record, dict[str, str]]:
    """Create (`record` None) or change one record, or raise the refusal: nothing is applied then."""
    clean, problems = problems_of(state, table, record, values, version, rules)
    if problems:
        raise invalid_values(problems)
    refusal = clash(state, table, record.id if record else None, clean)
    if refusal is not None:
        raise refusal
    if record is None:
        record = create(state, table, clean, now)
        return record, dict(record.props)
    return record, change(state, table, record, clean, now)


def merge(state: State, table: Table, winner: Record, loser: Record, now: int) -> None:
    """Make one of two: the winner's values hold, its blanks are filled, the loser's id leads to it [memory]."""
    ids = [i for i in winner.props.get("hs_merged_object_ids", "").split(";") if i]
    ids += [i for i in loser.props.get("hs_merged_object_ids", "").split(";") if i]
    if len(ids) >= MERGE_LIMIT:
        raise validation("Cannot have more than 250 identities on a profile")  # [doc]
    filled = {
        name: loser.props[name]
        for name, known in table.properties.items()
        if not known.read_only and loser.props.get(name) and not winner.props.get(name)
    }
    table.archive(loser, now)
    extra = {"hs_merged_object_ids": ";".join([*ids, str(loser.id)])}
    mail = loser.props.get("email")
    if mail and winner.props.get("email"):
        known = winner.props.get("hs_additional_emails", "")
        extra["hs_additional_emails"] = f"{known};{mail}".strip(";")
    table.merged[loser.id] = winner.id
    state.edges.move(table.kind.name, loser.id, winner.id)
    table.write(winner, {**filled, **extra}, now)
    sync_company(state, table, winner)


def sync_company(state: State, table: Table, record: Record | None) -> None:
    """Let the properties that name an associated company follow; the stamp does not move [memory]."""
    if record is None:
        return
    table.version += 1
    if table.kind.name == "contacts":
        _follow(record, "associatedcompanyid", state.edges.primary("contacts", record.id))
    elif table.kind.name == "companies":
        _follow(record, "hs_parent_company_id", state.edges.parent(record.id))


def _follow(record: Record, name: str, value: int | None) -> None:
    if value is not None:
        record.props[name] = str(value)
    elif name in record.props:
        record.props[name] = ""
