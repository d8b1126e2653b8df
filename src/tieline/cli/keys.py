"""Turns KIND and KEY of a command into one record, or says why it cannot."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from tieline.cli.console import plural
from tieline.errors import UserError

if TYPE_CHECKING:
    from tieline.records import Kind
    from tieline.store import Store
    from tieline.store.lookup import Found, Stray

KIND_NAMES = ("account", "campaign", "contact", "opportunity", "campaign_member")
"""As `records.KINDS`, which is not imported to show a command's help."""
kind_argument = click.argument("kind", type=click.Choice(KIND_NAMES))
key_argument = click.argument("key")


def one_record(store: Store, kind: Kind, key: str) -> Found:
    """The record that KEY names. Raises UserError when there is none, or more than one."""
    from tieline.store.lookup import find, stray, unlinked

    found = find(store, kind, key)
    if not found:
        waiting = unlinked(store, kind, key)
        if len(waiting) > 1:
            many = f"{', '.join(waiting)} have the key {key!r}, but are not linked to a record yet"
            raise UserError(many, hint=f"tieline explain {kind} {waiting[0]}")
        alone = stray(store, kind, waiting[0] if waiting else key)
        if alone is not None:
            raise _unlinked(kind, alone)
        raise UserError(
            f"no {kind} answers to {key!r}",
            hint="a KEY is a hub id, SYSTEM:REMOTE_ID, or an exact e-mail address, domain or name",
        )
    if len(found) > 1:
        listed = ", ".join(f"{f.id} ({f.title})" for f in found[:5])
        raise UserError(f"{plural(len(found), kind)} answer to {key!r}: {listed}", hint="name one by its id")
    return found[0]._replace(title=_title(store, found[0]))


def _title(store: Store, found: Found) -> str:
    """What people call it."""
    from tieline.runner.titles import Titles

    titles, fields = Titles(store, found.kind), store.trees.records([found.id])[found.id][0].fields
    titles.prepare([fields])
    return titles.of(found.id, fields)


def _unlinked(kind: Kind, found: Stray) -> UserError:
    """Why a remote is not linked to a record, and the command that goes on from there."""
    name, system = found.name, found.name.partition(":")[0]
    for number, state in found.reviews:
        if state == "open":
            return UserError(
                f"{name} is not linked to a record: a person has to say whose it is",
                hint=f"tieline review show {number}",
            )
        return UserError(
            f"{name} is not linked to a record yet: review {number} is {state}, and the next sync acts on it",
            hint="tieline plan",
        )
    if found.state == "gone":
        return UserError(f"{name} was deleted there before it was linked to a record")
    if found.state == "filtered":
        return UserError(
            f"{name} is not synced: the filter of [systems.{system}.{kind}] leaves it out",
            hint="change that filter, then tieline sync",
        )
    return UserError(
        f"{name} was read, but is not linked to a record yet: it waits for what it refers to, or for a first reading",
        hint="tieline status, or tieline sync once more",
    )


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
