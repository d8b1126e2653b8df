"""What `tieline check` says of a HubSpot account: reachable, scopes, the hub-id property, mapped names, time zone.

It reads and never writes; every finding that asks for something says exactly what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from pydantic_core import to_json

from tieline import Finding, NotAuthorised, Transient
from tieline_hubspot.mapping import ASSOCIATION, HUB_FIELD, OPT_OUT, RELATIONS
from tieline_hubspot.properties import Definition

if TYPE_CHECKING:
    from tieline_hubspot.connector import HubSpotConnector

_GROUPS = {
    "companies": "companyinformation",
    "contacts": "contactinformation",
    "deals": "dealinformation",
    "campaigns": "campaigninformation",
}
CONFLICT = 409
"""A property of this name is there [recorded]."""
_ASK_SCOPES = "Add the scope to the service key (Settings > Integrations > Service keys) or to the app, then try again."


def findings(hubspot: HubSpotConnector) -> Iterator[Finding]:
    """All findings, stream by stream; nothing is asked that no configured stream needs."""
    reachable = False
    for stream in hubspot.streams:
        found = list(_reach(hubspot, stream))
        yield from found
        if any(f.level == "error" for f in found):
            continue
        reachable = True
        yield from _schema(hubspot, stream)
    if not reachable:
        return
    yield from _zone(hubspot)
    if any(hubspot.rows[s].mapper.specs.get("owner") for s in hubspot.streams):
        yield from _owners(hubspot)
    if "deals" in hubspot.streams:
        yield from _stages(hubspot)
    if any(hubspot.rows[s].opt_outs for s in hubspot.streams):
        yield from _consent(hubspot)


def _reach(hubspot: HubSpotConnector, stream: str) -> Iterator[Finding]:
    try:
        hubspot.wire.get(hubspot.wire.objects(stream), {"limit": 1}).items  # noqa: B018 raises what check reports
    except NotAuthorised as error:
        yield Finding("error", stream, str(error), _ASK_SCOPES)
    except Transient as error:
        yield Finding("error", stream, str(error), "Look at base_url, api_version and the network.")
    else:
        yield Finding("ok", stream, "can be read")
        for relation in RELATIONS[stream]:
            if relation in hubspot.rows[stream].relations:
                yield Finding("ok", stream, f"{relation.column} is associations of type {relation.type_id}")


def _schema(hubspot: HubSpotConnector, stream: str) -> Iterator[Finding]:
    try:
        definitions = hubspot.properties.fetch(stream)
    except NotAuthorised as error:
        yield Finding("error", f"{stream} properties", str(error), _ASK_SCOPES)
        return
    except Transient as error:
        yield Finding("warning", f"{stream} properties", str(error), "Try again later.")
        return
    if not definitions:
        yield Finding(
            "note",
            stream,
            "HubSpot serves no property definitions for them and no custom properties: the mapping cannot be "
            "checked, and a create whose answer is lost is found again by what was sent",
        )
        return
    yield _hub_field(hubspot, stream, definitions.get(HUB_FIELD))
    yield from _columns(hubspot, stream, definitions)


def _hub_field(hubspot: HubSpotConnector, stream: str, definition: Definition | None) -> Finding:
    subject = f"{stream}.{HUB_FIELD}"
    if definition is None:
        weaker = "Tieline works without it, but a create whose answer is lost may have to be looked at by a person"
        missing = f"the property does not exist: {weaker}"
        return Finding(
            "warning", subject, missing, f"tieline check --fix, or: {make_property(hubspot, stream)}", stream
        )
    if not definition.get("hasUniqueValue") and stream != "campaigns":
        wrong = "the property exists but is not unique, and HubSpot does not let that be changed"
        return Finding("error", subject, wrong, f"Archive it, then: {make_property(hubspot, stream)}")
    return Finding("ok", subject, "exists")


def _definition(stream: str) -> dict[str, object]:
    return {
        "name": HUB_FIELD,
        "label": "Tieline ID",
        "type": "string",
        "fieldType": "text",
        "groupName": _GROUPS[stream],
        "hasUniqueValue": stream != "campaigns",
    }


def mend(hubspot: HubSpotConnector, stream: str) -> Finding:
    """Make the property for the hub id. Raises NotAuthorised where the scope is missing, and Transient."""
    subject = f"{stream}.{HUB_FIELD}"
    answer = hubspot.wire.write(hubspot.properties.path(stream), _definition(stream), also=(400, 409))
    if answer.ok or answer.status == CONFLICT:
        return Finding("ok", subject, "made" if answer.ok else "exists")
    told = str(answer.data.get("message") or answer.status)
    return Finding("error", subject, f"HubSpot does not make it: {told}", make_property(hubspot, stream))


def make_property(hubspot: HubSpotConnector, stream: str) -> str:
    """The call, and the clicks, that make the unique property for the hub id."""
    path = hubspot.properties.path(stream)
    clicks = (
        "Settings > Properties > Create property: internal name tieline_id, single-line text, Require unique values"
    )
    return f"POST {path} {to_json(_definition(stream)).decode()} (or in HubSpot: {clicks})"


def _columns(hubspot: HubSpotConnector, stream: str, definitions: Mapping[str, Definition]) -> Iterator[Finding]:
    """Mapped names that the account does not have, and mapped fields that it does not let be written."""
    rows = hubspot.rows[stream]
    associations = {r.column for r in RELATIONS[stream]}
    for rule in rows.mapper.rules:
        for column in rule.columns:
            if column in definitions or column in associations:
                continue
            near = get_close_matches(column, [*definitions, *associations], 1)
            hint = f"Did you mean {near[0]!r}?" if near else "Map another property, or make this one in HubSpot."
            yield Finding(
                "error" if column.startswith(ASSOCIATION) else "warning",
                f"{stream}.{column}",
                f"{rule.field}: HubSpot has no such property",
                hint,
            )
    schema = hubspot.properties.schema_of(stream, definitions)
    fixed = [n for n, f in schema.fields.items() if f.read and not f.write]
    if fixed:
        yield Finding("note", stream, f"read only in HubSpot: {', '.join(sorted(fixed))}")
    yield from _value_maps(hubspot, stream, definitions)


def _value_maps(hubspot: HubSpotConnector, stream: str, definitions: Mapping[str, Definition]) -> Iterator[Finding]:
    """Values of a value map that the picklist does not have."""
    for rule in hubspot.rows[stream].mapper.rules:
        definition = definitions.get(rule.remote) or {}
        options = {str(o.get(k)) for o in definition.get("options") or () for k in ("value", "label")}
        if rule.values is None or not options or definition.get("externalOptions"):
            continue
        if rule.remote in ("dealstage", "pipeline"):
            continue
        for value in rule.values:
            if value not in options:
                near = get_close_matches(value, options, 1)
                hint = f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(sorted(options)[:12])}"
                yield Finding("warning", f"{stream}.{rule.remote}", f"{value!r} is no option of the property", hint)


def _zone(hubspot: HubSpotConnector) -> Iterator[Finding]:
    """Whether the configured time zone is the account's: close dates shift by a day where it is not."""
    wire = hubspot.wire
    path = "/account-info/v3/details" if wire.version == "v3" else f"/account-info/{wire.version}/details"
    try:
        answer = wire.get(path, also=(400, 404))
    except (Transient, NotAuthorised):
        return
    zone = answer.data.get("timeZone") if answer.ok else None
    if zone and zone != hubspot.settings.timezone and "deals" in hubspot.streams:
        told = f"the account's time zone is {zone}, the configured one {hubspot.settings.timezone}"
        yield Finding("warning", "timezone", f"{told}: close dates may be off by one", f'Set timezone = "{zone}".')


def _owners(hubspot: HubSpotConnector) -> Iterator[Finding]:
    try:
        owners = hubspot.portal.owners()
    except ValueError as error:
        yield Finding("warning", "owners", str(error), f"{_ASK_SCOPES} Until then the owner of a record is not synced.")
    except Transient as error:
        yield Finding("warning", "owners", str(error), "Try again later.")
    else:
        yield Finding("ok", "owners", f"{len(owners.emails)} active owners with an e-mail address")


def _stages(hubspot: HubSpotConnector) -> Iterator[Finding]:
    try:
        stages = hubspot.portal.stages()
    except ValueError as error:
        yield Finding("warning", "deals.dealstage", str(error), _ASK_SCOPES)
        return
    except Transient as error:
        yield Finding("warning", "deals.dealstage", str(error), "Try again later.")
        return
    yield Finding("ok", "deals.pipeline", f"{len(stages.pipelines)} pipelines with {len(stages.stages)} stages")
    labels = {label for _, label in stages.stages.values()}
    known = {
        "dealstage": {*stages.stages, *labels},
        "pipeline": {*stages.pipelines, *stages.pipelines.values()},
    }
    for rule in hubspot.rows["deals"].mapper.rules:
        names = known.get(rule.remote, set())
        for value in (rule.values or ()) if names else ():
            if value not in names:
                near = get_close_matches(value, names, 1)
                hint = f"Did you mean {near[0]!r}?" if near else f"It has: {_some(names)}"
                yield Finding("warning", f"deals.{rule.remote}", f"the value map names {value!r}, which is none", hint)


def _consent(hubspot: HubSpotConnector) -> Iterator[Finding]:
    try:
        answer = hubspot.wire.get(hubspot.wire.preferences("definitions"), also=(400, 404))
    except NotAuthorised as error:
        yield Finding("warning", OPT_OUT, f"{error} Opt-outs are read but cannot be written.", _ASK_SCOPES)
        return
    except Transient as error:
        yield Finding("warning", OPT_OUT, str(error), "Try again later.")
        return
    ids = {str(d.get("id")) for d in answer.data.get("results") or () if isinstance(d, dict)}
    for wanted in hubspot.settings.subscriptions:
        if ids and str(wanted) not in ids:
            yield Finding(
                "error", "subscriptions", f"the account has no subscription {wanted}", f"It has: {_some(ids)}"
            )
    yield Finding("ok", OPT_OUT, "opt-outs are written through communication preferences")


def _some(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)[:12])
