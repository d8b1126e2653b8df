"""Turns KIND and KEY of a command into one record, or says why it cannot."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from tieline.errors import UserError

if TYPE_CHECKING:
    from tieline.records import Kind
    from tieline.store import Store
    from tieline.store.lookup import Found

KIND_NAMES = ("account", "campaign", "contact", "opportunity")
"""As `records.KINDS`, which is not imported to show a command's help."""
kind_argument = click.argument("kind", type=click.Choice(KIND_NAMES))
key_argument = click.argument("key")


def one_record(store: Store, kind: Kind, key: str) -> Found:
    """The record that KEY names. Raises UserError when there is none, or more than one."""
    from tieline.store.lookup import find, unlinked

    found = find(store, kind, key)
    waiting = [] if found else unlinked(store, kind, key)
    if waiting:
        raise UserError(
            f"{', '.join(waiting)} has the key {key!r}, but is not linked to a record yet", hint="tieline review list"
        )
    if not found:
        raise UserError(
            f"no {kind} answers to {key!r}",
            hint="a KEY is a hub id, SYSTEM:REMOTE_ID, or an exact e-mail address, domain or name",
        )
    if len(found) > 1:
        listed = ", ".join(f"{f.id} ({f.title})" for f in found[:5])
        raise UserError(f"{len(found)} {kind}s answer to {key!r}: {listed}", hint="name one by its id")
    return found[0]


def nearest_field(name: str, known: list[str]) -> UserError:
    """The error for a field that the record does not have."""
    near = get_close_matches(name, known, 1)
    more = f"; did you mean {near[0]!r}?" if near else f"; it has {', '.join(known)}"
    return UserError(f"there is no field {name!r}{more}")


def changes_of(text: str | None) -> dict[str, Any]:
    """A journal row's changes."""
    from pydantic_core import from_json

    found: dict[str, Any] = from_json(text) if text else {}
    return found
