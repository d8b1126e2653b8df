"""`tieline explain`: why a field has the value it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tieline.cli.boundary import DONE
from tieline.cli.console import clean
from tieline.cli.keys import changes_of, key_argument, kind_argument, nearest_field, one_record
from tieline.cli.options import command as declare
from tieline.cli.session import Session
from tieline.cli.words import changed, said, when
from tieline.cli.words import named as with_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tieline.model import Link, Record
    from tieline.records import Kind
    from tieline.rules import Policy
    from tieline.store import Store


@declare("explain", example="tieline explain contact ann@example.com title")
@kind_argument
@key_argument
@click.argument("field", required=False)
def command(session: Session, kind: Kind, key: str, field: str | None) -> int:
    """Why a field has the value it has: where it came from, by which rule, and what each system holds.

    KEY is a hub id, SYSTEM:REMOTE_ID, or a unique e-mail address, domain or name. Without FIELD, all fields are told.
    """
    from tieline.runner.titles import names_in

    policies = session.load_config().rules.policies.get(kind, {})
    with session.open_store() as store:
        found = _explain(store, kind, key, field, policies)
        changes = [(n, told["last_change"] or {}) for n, told in found["fields"].items()]
        values = [(n, change.get(side)) for n, change in changes for side in ("before", "after")]
        names = names_in(store, kind, [*((n, told["value"]) for n, told in found["fields"].items()), *values])
    session.console.result(found, lambda: _text(found, names))
    return DONE


def _explain(store: Store, kind: Kind, key: str, field: str | None, policies: Mapping[str, Policy]) -> dict[str, Any]:
    from tieline.store.forms import decode, problems_of

    named = one_record(store, kind, key)
    record, state, _ = store.trees.records([named.id])[named.id]
    rows = store.trees.of_records([named.id]).get(named.id, [])
    links = [decode(row) for row in rows]
    unread = {row.system: {p.field or "*": p.message for p in problems_of(row)} for row in rows if row.problems}
    unreadable = {name for found in unread.values() for name in found if name != "*"}
    names = sorted({*record.fields, *unreadable, *(name for link in links for name in link.seen)})
    if field is not None and field not in names:
        raise nearest_field(field, sorted({*names, *policies}))
    refused = {system: fields for (_, system), fields in store.work.refusals([named.id]).items()}
    last = _last_changes(store, named.id)
    given = _given(store, named.id)
    told = {}
    for name in [field] if field is not None else names:
        origin = record.stamps.get(name) or record.stamps.get("*") or ("", 0)
        policy = str(policies.get(name, "two-way"))
        told[name] = {
            "value": record.fields.get(name),
            "origin": origin[0] or None,
            "edited_at": origin[1] or None,
            "policy": policy,
            "last_change": last.get(name),
            "systems": {
                link.system: {
                    **_there(link, name, refused.get(link.system, {}), _waits(store, link, name), policy),
                    **_filled(record, link, name, given),
                    "unreadable": unread.get(link.system, {}).get(name),
                }
                for link in links
                if name in link.seen or name in unread.get(link.system, {})
            },
        }
    reviews = [
        {"id": r["id"], "summary": r["summary"]}
        for r in store.book.reviews("open")
        if r["record"] == named.id and (field is None or r["detail"].get("field") in (None, field))
    ]
    head = {"record": named.id, "kind": kind, "title": named.title, "state": state}
    return {**head, "fields": told, "reviews": reviews}


def _waits(store: Store, link: Link, name: str) -> list[str]:
    """Whom a reference there names that no record stands for yet; empty for any other field."""
    from tieline.records import REFERENCES
    from tieline.runner.space import ids_of

    target, value = REFERENCES[link.kind].get(name), link.seen.get(name)
    if target is None or not value or link.gone is not None:
        return []
    ids = ids_of(value)
    known = store.trees.owners_named(link.system, target, ids)
    return [f"{link.system}:{i}" for i in ids if not any(known.get(i, ()))]


def _there(link: Link, name: str, refused: Mapping[str, str], waits: list[str], policy: str) -> dict[str, Any]:
    from tieline.records import REFERENCES

    seen, based = link.seen.get(name), name in link.base
    if link.gone is not None:
        state = f"gone there ({link.gone})"
    elif name in refused or "*" in refused:
        state = "refused there"
    elif policy == "none":
        state = "not synced"
    elif waits:
        more = f" and {len(waits) - 1} more, which are" if len(waits) > 1 else ", which is"
        state = f"waits for {REFERENCES[link.kind][name]} {waits[0]}{more} not linked yet"
    elif not based:
        state = "not merged yet"
    elif seen != link.base[name]:
        state = "edited there since"
    else:
        state = "as merged"
    told = {"remote_id": link.remote_id, "value": seen, "state": state, "modified": link.modified or None}
    return {**told, "waits_for": waits}


def _given(store: Store, record: str) -> set[tuple[str, str]]:
    """System and field of what was put in only because nobody had a value."""
    return {
        (entry.system, name)
        for entry in store.work.entries(record)
        if entry.op == "create"
        for name, change in changes_of(entry.changes).items()
        if change[3] == "default"
    }


def _filled(record: Record, link: Link, name: str, given: set[tuple[str, str]]) -> dict[str, str]:
    """Another state for a default that stands where the record is blank."""
    agreed = name in link.base and link.seen.get(name) == link.base[name] is not None
    stands = agreed and record.fields.get(name) is None and (link.system, name) in given
    return {"state": "the default there, for a blank"} if stands and link.gone is None else {}


def _last_changes(store: Store, record: str) -> dict[str, dict[str, Any]]:
    """Field → the newest merge or adoption that set it."""
    found: dict[str, dict[str, Any]] = {}
    for entry in store.work.entries(record):
        if entry.op not in ("adopt", "merge"):
            continue
        for name, change in changes_of(entry.changes).items():
            adopted = entry.op == "adopt"
            found[name] = {
                "at": entry.at,
                "run": entry.run,
                "before": None if adopted else change[0],
                "after": change if adopted else change[1],
                "origin": entry.system if adopted else change[2],
                "rule": "the first value known" if adopted else change[3],
            }
    return found


def _text(found: dict[str, Any], names: Mapping[str, str]) -> str:
    lines = [f"{found['kind']} {said(found['title'])} ({found['record']}), {found['state']}"]
    for name, told in found["fields"].items():
        value = told["value"]
        known = f" ({value})" if isinstance(value, str) and value in names else ""
        lines += ["", f"{name} = {said(with_names(value, names))}{known}"]
        change = told["last_change"]
        if change is not None:
            parts = [change[part] for part in ("before", "after", "origin", "rule")]
            step = changed("", parts, names).strip()
            lines.append(f"  because: {when(change['at'])}  {step}")
        elif told["origin"] and value is not None:  # a blank that no change left behind came from nobody
            lines.append(f"  because: it came from {clean(told['origin'])}, edited {when(told['edited_at'])}")
        lines.append(f"  policy:  {clean(told['policy'])}")
        for system, there in told["systems"].items():
            holds = f"holds {said(there['value'])}, {there['state']}"
            if there["unreadable"]:
                holds = f"holds what cannot be read: {clean(there['unreadable'])}"
            lines.append(f"  {clean(system)}:{clean(there['remote_id'])} {holds}")
    for review in found["reviews"]:
        lines += ["", f"Review {review['id']} waits: {clean(review['summary'])}"]
    step = f"tieline review show {found['reviews'][0]['id']}" if found["reviews"] else _onward(found)
    return "\n".join([*lines, f"Next: {step}"] if step else lines)


def _onward(found: dict[str, Any]) -> str:
    """Where it says why the first field that waits for somebody does."""
    from tieline.records import REFERENCES

    for name, told in found["fields"].items():
        for there in told["systems"].values():
            for whom in there["waits_for"]:
                return f"tieline explain {REFERENCES[found['kind']][name]} {clean(whom)}"
    return ""
