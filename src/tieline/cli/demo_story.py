"""The demo in words: plain sentences, and tables of at most 80 columns. Pure; it tells what it is given."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tieline.cli.console import clean, fit, plural, table
from tieline.cli.words import counts_table, order_lines, said, total
from tieline.demo.day import MAREK

if TYPE_CHECKING:
    from tieline.demo.play import Told
    from tieline.runner import Summary

WIDTH = 80
KINDS = ("account", "contact", "opportunity", "campaign")


def opening(titles: Mapping[str, str]) -> str:
    """Who the company is. `titles` are the vendors' names, by system."""
    homes = {name: f"{title} ({name})" for name, title in titles.items()}
    text = (
        f"Northbay Instruments is made up. Sales works in {homes['crm']}, marketing in {homes['marketing']}, support "
        f"in {homes['support']}; the office keeps an address book and a sheet of deals in {homes['office']}. All are "
        "stand-ins on this machine, and the records in them are as untidy as yours."
    )
    return textwrap.fill(text, WIDTH)


def first(told: Told) -> str:
    """The first sync: what was done to bring the systems together, and what came of it."""
    summary = told.runs[0]
    rows = [
        [kind, *(counts[name].get(kind, "-") for name in told.before for counts in (told.before, told.after))]
        for kind in KINDS
    ]
    heads = [head for name in told.before for head in (name.upper(), "NOW")]
    return "\n".join(
        [
            "$ tieline sync --yes",
            "The first sync links what is certainly the same, fills blanks, makes what a",
            "side lacks, and asks where it cannot know.",
            "",
            counts_table(summary.orders),
            "",
            ended(summary),
            "",
            table(["RECORDS", *heads], rows),
        ]
    )


def ended(summary: Summary) -> str:
    """How a run ended, in a line or two."""
    calls = ", ".join(f"{name} {number}" for name, number in summary.api_calls.items())
    waits = f"{plural(summary.reviews, 'review')} open" if summary.reviews else "no review"
    state = "converged" if summary.converged else "not converged"
    return textwrap.fill(f"{plural(summary.writes, 'write')}, {state}, {waits}. API calls: {calls}.", WIDTH)


def day(deeds: Sequence[tuple[int, Any]]) -> str:
    """What people did, in the order of the day."""
    rows = [[_clock(at), deed.system, deed.told] for at, deed in deeds]
    return table(["TIME", "WHERE", "A day at work"], rows, width=WIDTH)


def plan(summary: Summary) -> str:
    """The orders that answer the day, each with its reason; those of one record together."""
    orders = [o for o in summary.orders_list or [] if o["op"] != "link"]
    rest = total(summary.orders) - len(orders)
    more = f", and {plural(rest, 'link')}" if rest else ""
    head = f"$ tieline plan, in short: one entry a record{more}"
    return "\n".join([head, *(fit(line, WIDTH) for line in _together(orders))])


def _together(orders: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of each record one entry: in which systems it is written, and what is changed in any of them."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for order in orders:
        one = found.setdefault((order["op"], order["record"]), {**order, "system": [], "remote_id": None, "fields": {}})
        one["system"].append(order["system"])
        one["fields"] = {**order["fields"], **one["fields"]}
    return order_lines({**one, "system": ", ".join(one["system"])} for one in found.values())


def second(told: Told, refused: int, answered: int) -> str:
    """The sync of the evening: what it wrote, what was refused, and what it found answered."""
    lines = ["$ tieline sync", ended(told.runs[-1])]
    if refused:
        lines.append(f"{plural(refused, 'value')} refused; see below. The rest of the record goes on.")
    if answered:
        lines.append(f"Merging Jonas Weber's entries has answered {plural(answered, 'review')} of the morning.")
    return "\n".join(lines)


def conflict(entries: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    """A conflict that a policy decided, as the journal has it."""
    lines = ["Both corrected Priya Raman's phone. The policy chose; the journal keeps both:"]
    for system, changes in entries:
        for name, (lost, kept, origin, rule) in changes.items():
            lines.append(f"  {name} {said(lost)} of {system} gave way to {said(kept)} of {origin} ({rule})")
    return "\n".join(lines)


def reviews(found: Sequence[Mapping[str, Any]]) -> str:
    """What waits for a person: of each topic the first, in full."""
    lines = ["Some things only a person can answer. They hold up nothing else:"]
    for topic in sorted({r["topic"] for r in found}):
        mine = [r for r in found if r["topic"] == topic]
        more = f" (and {len(mine) - 1} more)" if len(mine) > 1 else ""
        head = f"{mine[0]['id']:>4}  {topic:<9} "
        lines += textwrap.wrap(
            clean(mine[0]["summary"]) + more,
            WIDTH,
            initial_indent=head,
            subsequent_indent=" " * len(head),
            break_on_hyphens=False,
        )
    return "\n".join(lines)


def last(told: Told) -> str:
    """The third run, seen from every side."""
    counted = ", ".join(f"{name} {number}" for name, number in told.counted.items())
    seen = textwrap.fill(f"Writes that the stand-ins counted meanwhile: {counted}.", WIDTH)
    return f"$ tieline sync\n{ended(told.runs[-1])}\n{seen}"


def closing(told: Told, home: str, waiting: Sequence[Mapping[str, Any]], program: str) -> str:
    """Whether it came out as told, and what to try next. `program` is how the user calls Tieline."""
    commands = [
        (f"{program} sandbox --home . &", "serve the stand-ins again"),
        (f"{program} status", "runs, links, reviews, refusals"),
        (f"{program} history contact {MAREK}", ""),
        *(_answer(program, next((r for r in waiting if r["topic"] == "conflict"), None))),
        (f"{program} plan", "what that answer leads to"),
        (f"{program} sync", ""),
    ]
    lines = [CONVERGED if told.converged else FAILED, "", "Your turn:", f"  cd {home}"]
    return "\n".join([*lines, *(_command(*c) for c in commands)])


CONVERGED = "Converged: nothing is left to do, but for what waits for a person."
FAILED = "NOT converged: something did not come out as told; tieline status says more."


def _answer(program: str, review: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if review is None:
        return []
    number = review["id"]
    return [(f"{program} review show {number}", ""), (f"{program} review accept {number}", "decide it")]


def _command(text: str, note: str) -> str:
    return f"  {text:<36} # {note}" if note else f"  {text}"


def _clock(at: int) -> str:
    return time.strftime("%H:%M", time.localtime(at / 1000))
