"""`tieline check` for an org: versions, objects, mapped fields, the hub-id field, currency, users, budget.

Decides nothing: each finding says what was seen and exactly what to do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from tieline import ConfigError, Finding, NotAuthorised, Rejected
from tieline_salesforce.mapping import BECOMES, CONVERTED, CURRENCY, HUB_FIELD, OWNER, SOBJECTS
from tieline_salesforce.org import Org
from tieline_salesforce.rows import owner_by_mail
from tieline_salesforce.schema import HUB_ID_LENGTH, ObjectInfo

LOW_SHARE = 0.1
"""Below this share of the daily budget a warning is due."""


def findings(org: Org) -> Iterator[Finding]:
    """All findings, in the order a person would mend them."""
    yield from _versions(org)
    infos: dict[str, ObjectInfo] = {}
    for stream in org.mappers:
        try:
            infos[stream] = org.describe(stream)
        except (NotAuthorised, ConfigError) as error:
            yield Finding("error", SOBJECTS[stream], str(error), _PERMISSION.format(SOBJECTS[stream]))
            continue
        yield from _object(org, stream, infos[stream])
    if infos:
        yield from _currency(org)
        yield from _users(org)
    yield from _budget(org)


_PERMISSION = (
    "Setup → Permission Sets → the integration user's set → Object Settings → {}: Read, Create, Edit, View All Records"
)


def _versions(org: Org) -> Iterator[Finding]:
    try:
        answer = org.wire.get("/services/data")
        offered = [f"v{entry['version']}" for entry in answer.data]
    except (ConfigError, Rejected, KeyError, TypeError):
        yield Finding(
            "error",
            "base_url",
            "this address does not answer as a Salesforce org",
            "give the My Domain address, such as https://example.my.salesforce.com (Setup → My Domain)",
        )
        return
    if org.wire.version in offered:
        yield Finding("ok", "api_version", f"{org.wire.version} is offered (newest: {offered[-1]})")
    else:
        said = f"{org.wire.version} is not offered by this org"
        yield Finding("error", "api_version", said, f'set api_version = "{offered[-1]}"')


def _object(org: Org, stream: str, info: ObjectInfo) -> Iterator[Finding]:
    name = SOBJECTS[stream]
    yield from _hub_field(name, info)
    columns = {c: rule.field for rule in org.mappers[stream].rules for c in rule.columns}
    missing = [c for c in columns if c != CURRENCY and not info.reads(c)]
    for column in missing:
        near = difflib.get_close_matches(column, list(info.fields), n=3)
        said = f"{column} ({columns[column]}) is not there, or field-level security hides it: it is left out"
        remedy = f"is it {' or '.join(near)}? Otherwise " if near else ""
        yield Finding(
            "warning", f"{name}.{column}", said, f"{remedy}give the integration user read access to it, or unmap it"
        )
    if not missing:
        yield Finding("ok", name, f"{len(columns)} mapped fields can be read")
    for allowed, right in ((info.createable or stream in BECOMES, "Create"), (info.updateable, "Edit")):
        if not allowed:
            yield Finding("warning", name, f"the signed-in user lacks the right {right!r}", _PERMISSION.format(name))
    if stream in BECOMES:
        yield _conversion(name, info)
    yield from _unwritable(org, stream, info)


def _conversion(name: str, info: ObjectInfo) -> Finding:
    hidden = [c for c in ("IsConverted", CONVERTED) if not info.reads(c)]
    if hidden:
        said = (
            f"{' and '.join(hidden)} cannot be read: a converted lead cannot be told from one that is not, or is gone"
        )
        return Finding("error", f"{name} conversion", said, "give the integration user read access to both fields")
    said = "read and updated here; new people are made as contacts, and a converted lead goes on as its contact"
    return Finding("ok", f"{name} conversion", said)


_READ_ONLY = "can be read but not written"


def _unwritable(org: Org, stream: str, info: ObjectInfo) -> Iterator[Finding]:
    for rule in org.mappers[stream].rules:
        entry = info.fields.get(rule.remote)
        if rule.write and entry is not None and info.updateable and not entry.get("updateable"):
            once = rule.create and entry.get("createable")
            said = f"{rule.remote} ({rule.field}) {'is given once, when a record is made' if once else _READ_ONLY}"
            yield Finding("note", f"{SOBJECTS[stream]}.{rule.remote}", said, "edits elsewhere will not reach it")


def _hub_field(name: str, info: ObjectInfo) -> Iterator[Finding]:
    subject = f"{name}.{HUB_FIELD}"
    entry = info.fields.get(HUB_FIELD)
    if entry is None:
        yield Finding("warning", subject, _WEAKER, how_to_make(name))
        return
    wrong = []
    if not entry.get("externalId"):
        wrong.append("not marked External ID")
    if not entry.get("unique"):
        wrong.append("not marked Unique: a create whose answer is lost could make a twin")
    if entry.get("length") and int(entry["length"]) < HUB_ID_LENGTH:
        wrong.append(f"only {entry['length']} characters long, {HUB_ID_LENGTH} are needed")
    if not entry.get("createable") or not entry.get("updateable"):
        wrong.append("not writable for the signed-in user")
    if wrong:
        mend = f"Setup → Object Manager → {name} → Fields & Relationships → {HUB_FIELD} → Edit, and its security"
        yield Finding("error", subject, f"the field is {'; '.join(wrong)}", mend)
    else:
        yield Finding("ok", subject, "exists, External ID, Unique")


_WEAKER = (
    "the field does not exist, or is hidden: Tieline works without it, but a create whose answer is lost may have to "
    "be looked at by a person"
)


def how_to_make(name: str) -> str:
    """The steps that make the hub-id field on one object, by hand and as metadata."""
    return (
        f"Setup → Object Manager → {name} → Fields & Relationships → New → Text; label «Tieline Id», length 36, "
        "field name Tieline_Id (it becomes Tieline_Id__c), tick Unique (case sensitive) and External ID; give the "
        f"integration user read and edit access, leave it off page layouts. As metadata, in {name}.object-meta.xml: "
        f"<fields><fullName>{HUB_FIELD}</fullName><label>Tieline Id</label><type>Text</type><length>36</length>"
        "<unique>true</unique><caseSensitive>true</caseSensitive><externalId>true</externalId></fields>"
    )


def _currency(org: Org) -> Iterator[Finding]:
    if not any(CURRENCY in rule.columns for mapper in org.mappers.values() for rule in mapper.rules):
        return
    said = org.settings.currency
    if org.currencies and said is None:
        yield Finding(
            "note", "currency", "records say their currency", 'set currency = "multi": one request less a run'
        )
    elif said is None:
        yield Finding(
            "warning",
            "currency",
            "this org keeps one currency and does not say which: amounts are read without it",
            'set currency = "USD" (or whichever it is: Setup → Company Information)',
        )
    else:
        yield Finding("ok", "currency", said)


def _users(org: Org) -> Iterator[Finding]:
    """Owners are found by e-mail address: an address that two active users share finds nobody."""
    if not any(owner_by_mail(mapper) for mapper in org.mappers.values()):
        return
    try:
        first = org.wire.query("SELECT Id,Email,IsActive FROM User WHERE IsActive = true").data
        users = [row for page in org.wire.pages(first) for row in page["records"]]
    except (NotAuthorised, Rejected) as error:
        yield Finding("warning", "users", f"cannot be read ({error})", f"without them {OWNER} cannot be written")
        return
    seen: dict[str, int] = {}
    for user in users:
        address = str(user.get("Email") or "").lower()
        seen[address] = seen.get(address, 0) + 1
    shared = sorted(a for a, n in seen.items() if n > 1 and a)
    if shared:
        names = ", ".join(shared[:5]) + (", …" if len(shared) > 5 else "")
        yield Finding(
            "warning",
            "users",
            f"{len(shared)} e-mail addresses belong to several active users: {names}",
            "records owned by them elsewhere cannot be given an owner here; or map OwnerId with a value map",
        )
    else:
        yield Finding("ok", "users", f"{len(users)} active users, each found by e-mail address")


def _budget(org: Org) -> Iterator[Finding]:
    try:
        limits = org.wire.get("/limits").data
        daily = limits["DailyApiRequests"]
        left, most = int(daily["Remaining"]), int(daily["Max"])
    except (ConfigError, NotAuthorised, Rejected, KeyError, TypeError, ValueError):
        return  # the headers of every answer say the same
    low = left < most * LOW_SHARE
    said = f"{left:,} of {most:,} calls left in the rolling 24 hours"
    yield Finding("warning" if low else "ok", "API calls", said, "run less often until they come back" if low else "")
    if org.settings.bulk_from:
        yield _jobs(org.settings.bulk_from, limits.get("DailyBulkV2QueryJobs"))


def _jobs(threshold: int, told: Any) -> Finding:
    """Whether large listings will find a query job."""
    left = told.get("Remaining") if isinstance(told, Mapping) else None
    if left:
        said = f"complete reads of more than {threshold:,} rows go through a query job ({left:,} left today)"
        return Finding("ok", "Bulk API", said)
    said = "the org offers no query jobs" if left is None else "all query jobs of the day are used up"
    remedy = "bulk_from = 0 switches them off; without them complete reads take more calls"
    return Finding("note", "Bulk API", f"{said}: complete reads go page by page", remedy)
