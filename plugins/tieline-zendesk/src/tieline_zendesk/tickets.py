"""Tickets as actions: opened once for each key, found again by it. Decides nothing about when.

The key is the ticket's `external_id`, which the plain list of tickets finds without lag [spec], and the call's
`Idempotency-Key`, under which Zendesk answers a second create with the first one's ticket for two hours [doc].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tieline import Action, Cell, Problem, Receipt
from tieline_zendesk.mapping import record_id
from tieline_zendesk.rows import JOIN
from tieline_zendesk.wire import Refused, Wire, listed

TICKET = "ticket"
_TEXTS = {"subject": "subject", "priority": "priority", "type": "type", "status": "status"}
_IDS = {
    "requester": "requester_id",
    "organization": "organization_id",
    "group": "group_id",
    "assignee": "assignee_id",
    "form": "ticket_form_id",
    "brand": "brand_id",
}
_CUSTOM = "custom."
FIELDS = (*_TEXTS, *_IDS, "comment", "public", "tags", "due", f"{_CUSTOM}ID")
"""What an action may say of its ticket."""
_BACK = {"comment": "comment", "due_at": "due", **{v: k for k, v in _IDS.items()}}


class Tickets:
    """Opens tickets in one account."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def act(self, action: Action) -> Receipt:
        """Open the ticket; `exists` where this key has one."""
        if action.name != TICKET:
            return Receipt("rejected", problems=(Problem(None, f"Zendesk has no action {action.name!r}", "unknown"),))
        ticket, problems = drafted(action)
        if problems:
            return Receipt("rejected", problems=tuple(problems))
        try:
            answer = self._wire.write("POST", "/tickets", {"ticket": ticket}, headers={"idempotency-key": action.key})
        except Refused as error:
            found = self.acted([action.key]) if any("Idempotent" in f.code for f in error.faults) else {}
            if action.key in found:
                return found[action.key]._replace(status="exists")
            said = (
                Problem(_BACK.get(f.column, f.column) or None, f.message, f.code or "invalid") for f in error.faults
            )
            return Receipt("rejected", problems=tuple(said))
        receipt = _receipt(answer.data.get("ticket"))
        if receipt is None:
            return Receipt("unknown")
        return receipt._replace(status="exists") if answer.headers.get("x-idempotency-lookup") == "hit" else receipt

    def acted(self, keys: Sequence[str]) -> dict[str, Receipt]:
        """Key → its ticket. Keys need not be unique in Zendesk: the oldest ticket counts."""
        found: dict[str, Receipt] = {}
        for key in keys:
            tickets = listed(self._wire.get("/tickets", {"external_id": key}), "tickets")
            own = [t for t in tickets if isinstance(t, Mapping) and t.get("external_id") == key]
            receipts = [r for t in sorted(own, key=lambda t: int(t["id"])) if (r := _receipt(t)) is not None]
            if receipts:
                found[key] = receipts[0]
        return found


def drafted(action: Action) -> tuple[dict[str, Any], list[Problem]]:
    """The ticket as it is sent, and what cannot be said of one."""
    ticket: dict[str, Any] = {"external_id": action.key}
    problems: list[Problem] = []
    for name, value in action.fields.items():
        try:
            _put(ticket, name, value)
        except (ValueError, TypeError) as error:
            problems.append(Problem(name, f"{name}: {error}"))
    said = {k: v for k, v in action.fields.items() if k in ("comment", "public")}
    if not said.get("comment"):
        problems.append(Problem("comment", "comment: a ticket begins with one", "required"))
    else:
        ticket["comment"] = {"body": str(said["comment"]), "public": str(said.get("public", "")).lower() == "true"}
    return ticket, problems


def _put(ticket: dict[str, Any], name: str, value: Cell) -> None:
    if value is None or name in ("comment", "public"):
        return
    if name in _TEXTS:
        ticket[_TEXTS[name]] = str(value)
    elif name in _IDS:
        ticket[_IDS[name]] = record_id(str(value))
    elif name == "tags":
        ticket["tags"] = [t for t in (p.strip() for p in str(value).replace(",", JOIN).split(JOIN)) if t]
    elif name == "due":  # a due date belongs to tickets of the type task [doc]
        ticket |= {"due_at": str(value), "type": "task"}
    elif name.startswith(_CUSTOM):
        ticket.setdefault("custom_fields", []).append({"id": record_id(name.removeprefix(_CUSTOM)), "value": value})
    else:
        raise ValueError(f"a ticket has {', '.join(FIELDS)}")


def _receipt(ticket: Any) -> Receipt | None:
    if not isinstance(ticket, Mapping) or not isinstance(ticket.get("id"), int):
        return None
    id, url = str(ticket["id"]), str(ticket.get("url") or "")
    site = url.partition("/api/")[0]
    return Receipt("ok", id, f"{site}/agent/tickets/{id}" if site else "", state=str(ticket.get("status") or ""))
