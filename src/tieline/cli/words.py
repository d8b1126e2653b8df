"""How values, times and orders are put into words. Pure, but for the local time zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic_core import to_json

from tieline.cli.console import clean, fit, table

OPS = ("create", "update", "archive", "link", "act")
LONGEST_VALUE = 60
LINE = 150
"""Columns of one order where not everything is shown."""


def when(ms: int | None) -> str:
    """A moment in local time, to the second."""
    if not ms:
        return "never"
    return datetime.fromtimestamp(ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def said(value: Any) -> str:
    """A cell for a person: text in quotes (an address as one), blank as such, anything else as JSON; shortened."""
    if value is None:
        return "blank"
    if isinstance(value, str):
        return f'"{fit(clean(value), LONGEST_VALUE)}"'
    if isinstance(value, Mapping):
        return f'"{fit(clean(", ".join(str(v) for v in value.values() if v is not None)), LONGEST_VALUE)}"'
    return fit(clean(to_json(value).decode()), LONGEST_VALUE)


def whole(value: Any) -> list[str]:
    """A cell for a person as `said`, but nothing is left out: one text for each item of a list, one for all else."""
    if isinstance(value, (list, tuple)):
        return [text for item in value for text in whole(item)] or ["none"]
    if isinstance(value, Mapping):
        return [", ".join(f"{name} {said_whole(v)}" for name, v in value.items() if v is not None) or "blank"]
    return [said_whole(value)]


def said_whole(value: Any) -> str:
    """One value, uncut."""
    if value is None:
        return "blank"
    return f'"{clean(value)}"' if isinstance(value, str) else clean(to_json(value).decode())


def named(value: Any, names: Mapping[str, str]) -> Any:
    """A cell for a person with names for the hub ids that are known; several, with what they are there, as one text."""
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, list) and value and all(isinstance(r, Mapping) and r.get("id") in names for r in value):
        return ", ".join(names[r["id"]] + (f" ({r['role']})" if r.get("role") else "") for r in value)
    return value


def changed(name: str, change: Sequence[Any], names: Mapping[str, str]) -> str:
    """`title "CTO" → "CEO" (crm, two-way)`; a reference by whom it names."""
    before, after, origin, rule = change
    source = ", ".join(part for part in (origin, rule) if part)
    step = f"{name} {said(named(before, names))} → {said(named(after, names))}"
    return step + (f" ({clean(source)})" if source else "")


def order_lines(orders: Iterable[Mapping[str, Any]], width: int | None = None) -> list[str]:
    """Each order on a line, with what it changes and why; a create's values are cut to `width` columns."""
    lines = []
    for order in orders:
        place = f"{order['system']}:{order['remote_id']}" if order["remote_id"] else order["system"]
        head = f"{order['op']:<8}{order['kind']} {said(order['title'])} in {clean(place)}"
        fields, names = order["fields"], order.get("names", {})
        if order["op"] == "create":
            given = [f"{n} {said(named(change[1], names))}" for n, change in fields.items() if change[1] is not None]
            line = f"{head}: {', '.join(given)}" if given else head
            lines.append(line if width is None else fit(line, width))
        else:
            lines.append(head)
            lines += [f"        {changed(name, change, names)}" for name, change in fields.items()]
    return lines


def counts_table(orders: Mapping[str, Mapping[str, Mapping[str, int]]]) -> str:
    """Orders by system, kind and op; only the ops that occur."""
    used = [op for op in OPS if any(op in ops for kinds in orders.values() for ops in kinds.values())]
    rows = [
        [system, kind, *(ops.get(op, 0) for op in used)]
        for system, kinds in orders.items()
        for kind, ops in sorted(kinds.items())
    ]
    return table(["SYSTEM", "KIND", *(op.upper() for op in used)], rows)


def records_table(records: Mapping[str, Mapping[str, Mapping[str, int]]]) -> str:
    """What each remote that was pulled ended as; only the ends that occur."""
    ends = list(dict.fromkeys(end for kinds in records.values() for counts in kinds.values() for end in counts))
    used = [e for e in ends if e == "pulled" or any(c.get(e) for kinds in records.values() for c in kinds.values())]
    rows = [
        [system, kind, *(counts.get(end, 0) for end in used)]
        for system, kinds in records.items()
        for kind, counts in sorted(kinds.items())
        if any(counts.values())
    ]
    return table(["SYSTEM", "KIND", *(end.upper() for end in used)], rows) if rows else ""


def total(orders: Mapping[str, Mapping[str, Mapping[str, int]]]) -> int:
    """How many orders there are."""
    return sum(n for kinds in orders.values() for ops in kinds.values() for n in ops.values())
