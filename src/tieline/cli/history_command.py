"""`tieline history`: every change of one record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tieline.cli.boundary import DONE
from tieline.cli.console import clean, plural
from tieline.cli.keys import changes_of, key_argument, kind_argument, one_record
from tieline.cli.options import command as declare
from tieline.cli.session import Session
from tieline.cli.words import changed, named, said, when

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tieline.records import Kind
    from tieline.store import Entry
    from tieline.store.lookup import Found


@declare("history", example="tieline history contact ann@example.com")
@kind_argument
@key_argument
def command(session: Session, kind: Kind, key: str) -> int:
    """Every change of one record, oldest first: what was written where, and why.

    KEY is a hub id, SYSTEM:REMOTE_ID, or a unique e-mail address, domain or name.
    """
    from tieline.runner.titles import names_in

    with session.open_store() as store:
        record = one_record(store, kind, key)
        entries = store.work.entries(record.id)
        names = names_in(store, kind, [pair for entry in entries for pair in _values(entry)])
    value = {"record": record.id, "kind": record.kind, "title": record.title, "state": record.state}
    session.console.result({**value, "entries": [_json(e) for e in entries]}, lambda: _text(record, entries, names))
    return DONE


def _json(entry: Entry) -> dict[str, Any]:
    found = {"run": entry.run, "at": entry.at, "system": entry.system, "remote_id": entry.remote_id, "op": entry.op}
    return {**found, "outcome": entry.outcome, "changes": changes_of(entry.changes), "note": entry.note}


def _values(entry: Entry) -> list[tuple[str, Any]]:
    """(field, value) of all that an entry tells."""
    found = []
    for name, change in changes_of(entry.changes).items():
        found += [(name, change)] if _adopted(entry, change) else [(name, change[0]), (name, change[1])]
    return found


def _adopted(entry: Entry, change: Any) -> bool:
    """Whether it is a value and not a step from one to another."""
    return entry.op == "adopt" or not (isinstance(change, list) and len(change) == 4)


def _text(record: Found, entries: list[Entry], names: Mapping[str, str]) -> str:
    lines = [f"{record.kind} {said(record.title)} ({record.id}), {record.state}"]
    for entry in entries:
        lines.append(f"{when(entry.at)}  {_what(entry)}" + (f": {clean(entry.note)}" if entry.note else ""))
        for name, change in changes_of(entry.changes).items():
            if _adopted(entry, change):
                lines.append(f"    {name} {said(named(change, names))}")
            else:
                lines.append(f"    {changed(name, change, names)}")
    return "\n".join([*lines, plural(len(entries), "entry") + "."])


def _what(entry: Entry) -> str:
    place = clean(f"{entry.system}:{entry.remote_id}" if entry.remote_id else entry.system)
    told = {
        ("adopt", "ok"): f"taken in from {place}",
        ("link", "ok"): f"linked with {place}",
        ("merge", "ok"): "the record changed",
        ("convert", "ok"): f"converted, and now {place}",
        ("conflict", "lost"): f"a conflict: the value of {place} lost",
        ("create", "ok"): f"created in {place}",
        ("update", "ok"): f"written to {place}",
        ("archive", "ok"): f"archived in {place}",
        ("read", "gone"): f"lost sight of {place}",
    }
    return told.get((entry.op, entry.outcome)) or f"{entry.op} in {place}: {entry.outcome}"
