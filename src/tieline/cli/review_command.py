"""`tieline review`: what waits for a person, and the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tieline.cli.boundary import DONE
from tieline.cli.console import clean, fit, plural, table
from tieline.cli.options import command as declare
from tieline.cli.options import group
from tieline.cli.session import Session
from tieline.cli.words import said, when, whole
from tieline.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tieline.records import Kind
    from tieline.store import Store

command = group("review", example="tieline review list", text="Answer what waits for a person.")
LONGEST = 130
"""Columns of a question in the list; `show` has it whole."""
STATES = ("open", "accepted", "rejected", "closed", "all")


@declare("list", example="tieline review list --json", group=command)
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True, help="Which reviews.")
@click.option("--topic", help="Only this topic, such as conflict, match, consent, guard, rejected, delete.")
def list_command(session: Session, state: str, topic: str | None) -> int:
    """What waits for a person, oldest first."""
    with session.open_store() as store:
        found = [r for r in store.book.reviews(state) if topic in (None, r["topic"])]
    session.console.result(found, lambda: _list(session, found, state))
    return DONE


def _list(session: Session, found: list[dict[str, Any]], state: str) -> str:
    if not found:
        return "Nothing waits for a person." if state == "open" else "There is none."
    rows = [[r["id"], r["topic"], r["kind"], fit(clean(r["summary"]), LONGEST)] for r in found]
    shown = table(["ID", "TOPIC", "KIND", "QUESTION"], rows, width=session.console.width)
    return f"{shown}\n\n{plural(len(found), 'review')}.\nNext: tieline review show {found[0]['id']}"


@declare("show", example="tieline review show 3", group=command)
@click.argument("number", type=int, metavar="ID")
def show_command(session: Session, number: int) -> int:
    """One review: what is asked, what is known, and what each answer does."""
    with session.open_store() as store:
        found = _one(store, number)
        held = _held(store, found)
    session.console.result(found, lambda: _show(found, held, session.console.width))
    return DONE


def _held(store: Store, found: dict[str, Any]) -> list[list[str]]:
    """Whom a question of who is who names, and what each of them holds."""
    from tieline.store.forms import decode

    detail, kind = found["detail"], found["kind"]
    if found["topic"] != "match" or "rivals" not in detail:
        return []
    holds: dict[str, Mapping[str, Any]] = {}
    for who in [f"{detail['system']}:{detail['remote_id']}", *map(str, detail["rivals"])]:
        system, _, remote_id = who.partition(":")
        row = store.trees.links(system, kind, [remote_id]).get(remote_id)
        if row is not None:
            holds[who] = decode(row).seen
    known = store.trees.records(list(map(str, detail.get("records", []))))
    holds |= {i: record.fields for i, (record, _, _) in known.items()}
    return [[who, _values(kind, fields)] for who, fields in holds.items()]


def _values(kind: Kind, fields: Mapping[str, Any]) -> str:
    """What a person tells one from another by; not whom they refer to."""
    from tieline.records import FIELDS, REFERENCES

    told = [n for n in FIELDS[kind] if fields.get(n) not in (None, "", []) and n not in REFERENCES[kind]]
    return ", ".join(f"{n} {said(fields[n])}" for n in told)


def _show(found: dict[str, Any], held: list[list[str]], width: int | None) -> str:
    state = found["state"] if found["choice"] is None else f"{found['state']} ({found['choice']})"
    lines = [f"Review {found['id']}, {found['topic']}, {state}", clean(found["summary"]), ""]
    known = dict(found["detail"])
    sides = known.pop("values", [])
    details = [row for name, value in known.items() for row in _rows([name], value)]
    lines += [table(["KNOWN", ""], details, width=width, wrap=True), ""] if details else []
    lines += [table(["WHO", "HOLDS"], held, width=width or LONGEST, wrap=True), ""] if held else []
    if sides:
        rows = [
            row for system, value, at in sides for row in _rows([system or "the hub", when(at) if at else ""], value)
        ]
        lines += [table(["SYSTEM", "EDITED", "VALUE"], rows, width=width, wrap=True), ""]
    lines += [f"accept: {clean(found['accept'])}", f"reject: {clean(found['reject'])}"]
    if found["state"] == "open":
        lines.append(f"Next: {_answers(found)}")
    return "\n".join(lines)


def _rows(head: list[str], value: Any) -> list[list[str]]:
    """A row for each item of the value, the first with the head."""
    return [[*(head if n == 0 else [""] * len(head)), text] for n, text in enumerate(whole(value))]


def _answers(found: dict[str, Any]) -> str:
    """The commands that answer this review; only those that would be taken."""
    number, choices = found["id"], found["detail"].get("choices")
    no = f"tieline review reject {number}"
    if choices is None or len(choices) == 1:
        return f"tieline review accept {number}, or {no}"
    if not choices:
        return f"merge the two where they are, or {no}"
    return f"tieline review accept {number} --take {clean(choices[0])} (or another of the choices), or {no}"


@declare("accept", example="tieline review accept 3 --take crm", group=command)
@click.argument("numbers", type=int, nargs=-1, required=True, metavar="ID...")
@click.option("--take", metavar="CHOICE", help="Which one, where there are several; see `review show`.")
def accept_command(session: Session, numbers: tuple[int, ...], take: str | None) -> int:
    """Answer yes; the next plan acts on it. What yes means is told by `review show`."""
    return _answer(session, numbers, "accepted", take)


@declare("reject", example="tieline review reject 3", group=command)
@click.argument("numbers", type=int, nargs=-1, required=True, metavar="ID...")
def reject_command(session: Session, numbers: tuple[int, ...]) -> int:
    """Answer no; the next plan acts on it. What no means is told by `review show`."""
    return _answer(session, numbers, "rejected", None)


def _answer(session: Session, numbers: tuple[int, ...], answer: str, choice: str | None) -> int:
    from tieline.ports import SystemClock

    with session.open_store() as store:
        asked = [_one(store, number) for number in numbers]
        for review in asked:
            if review["state"] == "closed":
                raise UserError(f"review {review['id']} is closed: events have answered it", hint="tieline review list")
            if answer == "accepted" and choice is None and review["topic"] in ("match", "lost"):
                _one_choice(review)
            if choice is not None and choice not in (choices := _choices(review)) and not _unnamed(review, choice):
                known = f"; there are: {', '.join(choices)}" if choices else "; it has none"
                raise UserError(f"review {review['id']} has no choice {choice!r}{known}")
        with store.atomic(fence=False):
            for review in asked:
                store.book.answer(review["id"], answer, choice, SystemClock().now())
        answered = [_one(store, number) for number in numbers]
    many = ", ".join(str(r["id"]) for r in answered)
    session.console.result(answered, lambda: f"{answer.capitalize()}: {many}.\nNext: tieline plan")
    return DONE


def _one(store: Store, number: int) -> dict[str, Any]:
    found = store.book.review(number)
    if found is None:
        raise UserError(f"there is no review {number}", hint="tieline review list")
    return found


def _one_choice(review: dict[str, Any]) -> None:
    """Raise UserError unless «it is the same» can only mean one thing."""
    choices = review["detail"].get("choices")
    if choices is None or len(choices) == 1:
        return
    number = review["id"]
    if not choices:
        raise UserError(
            f"review {number} names nobody in another system to link with: merge the two where they are, or reject it",
            hint=f"tieline review reject {number}",
        )
    raise UserError(
        f"review {number} needs to know which: {', '.join(map(str, choices))}",
        hint=f"tieline review accept {number} --take {choices[0]}",
    )


def _unnamed(review: dict[str, Any], choice: str) -> bool:
    """Whether it may be one of those that the question had no room for; the next planning looks it up."""
    return bool(review["detail"].get("more")) and ":" in choice


def _choices(review: dict[str, Any]) -> list[str]:
    """What `--take` may say for this review."""
    detail = review["detail"]
    if "choices" in detail:
        return [str(choice) for choice in detail["choices"]]
    values = [str(value[0]) for value in detail.get("values", []) if value[0]]
    return [*values, *map(str, detail.get("rivals", [])), *map(str, detail.get("records", []))]
