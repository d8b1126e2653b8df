"""What the account's own people do at their screens. Through the same rules as the API, past its limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from tieline.sandbox import Act, Request, Response
from tieline_hubspot.mapping import ASSOCIATION, KINDS
from tieline_hubspot.rows import as_text
from tieline_hubspot.sandbox.dialect import mapper
from tieline_hubspot.sandbox.state import State

_STREAM = {kind: stream for stream, kind in KINDS.items()}
_CRM = "/crm/v3/objects"
Ask = Callable[[Request], Response]


def counts(state: State) -> dict[Any, int]:
    """Living records per kind."""
    found: dict[Any, int] = {
        KINDS[stream]: len(table.alive) for stream, table in state.tables.items() if stream in KINDS
    }
    return {**found, "campaign": len(state.campaigns)}


def perform(state: State, act: Act, ask: Ask, token: str) -> None:
    """Do it; see `tieline.sandbox.Act`. Raises ValueError."""
    if act.verb == "convert":
        raise ValueError("there are no leads here to convert")
    stream = _STREAM[act.kind]
    found = _found(state, stream, act.key)
    if not found:
        raise ValueError(f"there is no {act.kind} {act.key!r}")
    base = "/marketing/v3/campaigns" if stream == "campaigns" else f"{_CRM}/{stream}"
    calls: list[tuple[str, str, Any]] = []
    if act.verb == "edit":
        calls = [("PATCH", f"{base}/{found[0]}", {"properties": _properties(stream, act)})]
    elif act.verb == "delete":
        calls = [("DELETE", f"{base}/{found[0]}", None)]
    elif act.verb == "merge":
        calls = [
            ("POST", f"{base}/merge", {"primaryObjectId": found[0], "objectIdToMerge": other}) for other in found[1:]
        ]
    else:
        path = f"/communication-preferences/v4/statuses/{quote(act.key, safe='')}/unsubscribe-all"
        calls = [("POST", path, None)]
    for method, path, body in calls:
        params = {"channel": "EMAIL"} if act.verb == "opt_out" else {}
        headers = {"authorization": f"Bearer {token}", "accept": "application/json"}
        answer = ask(Request(method, path, params, headers, json=body))
        if answer.status >= 400:
            raise ValueError(str(answer.json().get("message")))


def _found(state: State, stream: str, key: str) -> list[str]:
    """The ids of the living records that answer to a key, oldest first."""
    wanted = key.casefold()
    if stream == "campaigns":
        rows = [(r["created"], r["id"], r["properties"].get("hs_name", "")) for r in state.campaigns.values()]
    else:
        column = {"contacts": "email", "companies": "name", "deals": "dealname"}[stream]
        records = (state.tables[stream].records[i] for i in state.tables[stream].alive)
        rows = [(r.created, str(r.id), r.props.get(column, "")) for r in records]
    return [i for _, i, text in sorted(rows) if text.casefold() == wanted]


def _properties(stream: str, act: Act) -> Mapping[str, Any]:
    columns, problems = mapper(stream).write(act.fields)
    if problems:
        raise ValueError(problems[0].message)
    if any(c.startswith(ASSOCIATION) for c in columns):
        raise ValueError("associations are not edited here")
    return {name: "" if value is None else as_text(value) for name, value in columns.items()}
