"""`tieline check` for a Zendesk account: who signs in, the hub's id, mapped fields. Decides nothing.

Each finding says what was seen and exactly what to do about it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from tieline import ConfigError, Finding, NotAuthorised, Rejected, Transient
from tieline_zendesk import schema as schemas
from tieline_zendesk.mapping import CUSTOM, HUB_FIELD
from tieline_zendesk.reading import MANY
from tieline_zendesk.rows import is_hub_id, is_staff
from tieline_zendesk.wire import listed

if TYPE_CHECKING:
    from tieline_zendesk.connector import ZendeskConnector

Definition = Mapping[str, Any]
_SCOPES = "sign in anew with the scopes in the connector's README, as an admin"


def findings(zendesk: ZendeskConnector) -> Iterator[Finding]:
    """All findings, in the order a person would mend them."""
    try:
        me = zendesk.wire.get("/users/me").data.get("user")
    except (ConfigError, Rejected) as error:
        yield _elsewhere(zendesk.settings.subdomain, str(error))
        return
    except NotAuthorised as error:
        yield Finding("error", "sign-in", str(error), _SCOPES)
        return
    except Transient as error:
        subject = "subdomain" if zendesk.settings.subdomain else "base_url"
        yield Finding("warning", subject, str(error), "Try again later.")
        return
    yield _who(me)
    for stream in zendesk.streams:
        yield from _stream(zendesk, stream)


def _elsewhere(subdomain: str | None, said: str) -> Finding:
    """No account answers there: the setting that names it is wrong."""
    if subdomain:
        return Finding("error", "subdomain", said, f"is {subdomain} what stands before .zendesk.com in your account?")
    return Finding("error", "base_url", said, "give the account's address: https://YOURS.zendesk.com")


def _who(me: Any) -> Finding:
    """A wrong credential is answered with 200 and nobody [obs]; exports are for admins [spec]."""
    if not isinstance(me, Mapping) or me.get("id") is None:
        return Finding("error", "sign-in", "Zendesk takes the call for one of an anonymous visitor", _SCOPES)
    if me.get("role") != "admin":
        said = f"{me.get('name')} is {me.get('role')}: the incremental exports are for admins only"
        return Finding("error", "sign-in", said, "let an admin make the OAuth client, or sign in as one")
    return Finding("ok", "sign-in", f"{me.get('name')} is an admin")


def _stream(zendesk: ZendeskConnector, stream: str) -> Iterator[Finding]:
    rows, reader = zendesk.rows[stream], zendesk.readers[stream]
    try:
        definitions: Mapping[str, Definition] = reader.definitions() if rows.keys or rows.hub_field else {}
        sample = listed(zendesk.wire.get(f"/{stream}", {"page[size]": MANY}), stream)
    except (NotAuthorised, ConfigError, Rejected) as error:
        yield Finding("error", stream, str(error), _SCOPES)
        return
    except Transient as error:
        yield Finding("warning", stream, str(error), "Try again later.")
        return
    if rows.hub_field is None:
        yield _external_ids(stream, sample)
    else:
        yield _own_field(stream, rows.hub_field, definitions)
    for key in schemas.missing(rows, definitions):
        near = get_close_matches(key, definitions, 1)
        hint = f"Did you mean {near[0]!r}?" if near else "Make the field in Admin Center > People, or unmap it."
        yield Finding(
            "warning", f"{stream}.{CUSTOM[stream]}.{key}", "the account has no such field, or it is off", hint
        )
    yield from _values(zendesk, stream, definitions)
    fixed = sorted(n for n, f in schemas.schema_of(rows, definitions, stamps=True).fields.items() if not f.write)
    if fixed:
        yield Finding("note", stream, f"read only in Zendesk: {', '.join(fixed)}")


def _external_ids(stream: str, sample: list[Any]) -> Finding:
    """Whether somebody else keeps ids of its own in `external_id`."""
    held = [i.get(HUB_FIELD) for i in sample if isinstance(i, Mapping) and not is_staff(i) and i.get(HUB_FIELD)]
    foreign = [h for h in held if not is_hub_id(h)]
    if not foreign:
        return Finding("ok", f"{stream}.{HUB_FIELD}", "free for the hub's id")
    return Finding(
        "warning",
        f"{stream}.{HUB_FIELD}",
        f"{len(foreign)} of {len(sample)} records looked at carry another tool's id: they are never overwritten, so "
        "these records are synced without a stamp",
        'make a text field for users and for organizations, and set hub_field = "its key"',
    )


def _own_field(stream: str, key: str, definitions: Mapping[str, Definition]) -> Finding:
    held, subject = definitions.get(key), f"{stream}.{CUSTOM[stream]}.{key}"
    if held is None:
        weaker = "the field does not exist: a create whose answer is lost cannot be found again by its hub id"
        return Finding("error", subject, weaker, f"tieline check --fix, or: {_by_hand(stream, key)}", stream)
    if held.get("active", True) is False or str(held.get("type")) != "text":
        said = f"the field is {'off' if held.get('active', True) is False else 'a ' + str(held.get('type'))}"
        return Finding("error", subject, said, "it must be an active field of the type text")
    return Finding("ok", subject, "exists; Zendesk does not keep it unique, so a lost create is waited for longer")


def _definition(stream: str, key: str) -> dict[str, Any]:
    return {CUSTOM[stream].removesuffix("s"): {"key": key, "type": "text", "title": "Tieline ID"}}


def _by_hand(stream: str, key: str) -> str:
    return f"POST /api/v2/{CUSTOM[stream]} {json.dumps(_definition(stream, key))}, or make it in Admin Center"


def mend(zendesk: ZendeskConnector, stream: str) -> Finding:
    """Make the text field for the hub's id. Raises NotAuthorised where the scope is missing, and Transient."""
    key = zendesk.rows[stream].hub_field or ""
    subject = f"{stream}.{CUSTOM[stream]}.{key}"
    try:
        zendesk.wire.write("POST", f"/{CUSTOM[stream]}", _definition(stream, key))
    except Rejected as error:
        if key in zendesk.readers[stream].definitions():
            return Finding("ok", subject, "exists")
        return Finding("error", subject, f"Zendesk does not make it: {error}", _by_hand(stream, key))
    return Finding("ok", subject, "made")


def _values(zendesk: ZendeskConnector, stream: str, definitions: Mapping[str, Definition]) -> Iterator[Finding]:
    """Values of a value map that a dropdown does not have."""
    rows = zendesk.rows[stream]
    for rule in rows.mapper.rules:
        held = definitions.get(rule.remote.removeprefix(f"{rows.custom}.")) if rule.values is not None else None
        if held is None or str(held.get("type")) not in schemas.CHOSEN:
            continue
        known = schemas.options(held)
        for value in rule.values or ():
            if value not in known:
                near = get_close_matches(value, known, 1)
                hint = f"Did you mean {near[0]!r}?" if near else f"It has: {', '.join(known[:12])}"
                yield Finding("warning", f"{stream}.{rule.remote}", f"{value!r} is no option of the field", hint)
