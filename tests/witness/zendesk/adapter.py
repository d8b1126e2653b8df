"""Makes a Zendesk stand-in ready for recorded conversations, and says by rule what may differ between two accounts.

Nothing of a served answer may, but values that a client has not sent. Time goes as the conversation says: a job is as
far as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from tieline.sandbox import Request, Response, SandboxOptions
from tieline_zendesk.sandbox import ZendeskSandbox
from tieline_zendesk.sandbox.jobs import DONE_MS, START_MS

Json = Any
Where = tuple[str, ...]
HEADERS = ("content-type", "location", "etag", "x-rate-limit", "x-rate-limit-remaining", "x-zendesk-api-version")
"""The headers that the recorders kept and the wire facts name."""
WORDS = frozenset({"has_more", "count", "status", "total", "success", "action", "error", "description", "role"})
"""The protocol's own words: equal, not only alike."""
SHOWN = ("organizations", "organization")
FIELDS = ("user_fields", "organization_fields")
_HOST = "northbay.zendesk.com"


class Reply(NamedTuple):
    """What the stand-in answered."""

    status: int
    headers: Mapping[str, str]
    body: Json


class Rules:
    """What may differ. See the module's docstring."""

    def identifier(self, exchange: Any, where: Where) -> bool:
        """A record's own id."""
        return where[-1] == "id"

    def key(self, where: Where, item: Any) -> Any:
        """Results of a job are in the order of its items, rows of a list in the order of their ids."""
        return None

    def optional(self, exchange: Any, where: Where) -> bool:
        """Nothing is."""
        return False

    def extra(self, exchange: Any, where: Where) -> bool:
        """Nothing is."""
        return False

    def extract(self, exchange: Any, where: Where) -> bool:
        """Lists are whole."""
        return False

    def same_type(self, exchange: Any, where: Where, recorded: Any, actual: Any) -> bool:
        """Types are the same, null is none of them."""
        return type(recorded) is type(actual)

    def exact(self, exchange: Any, where: Where) -> bool:
        """The protocol's own words."""
        return where[-1] in WORDS

    def headers(self, exchange: Any) -> Iterable[str]:
        """Those that the recorder kept."""
        return HEADERS


class Clock:
    """Stands still until it is set (ms)."""

    def __init__(self, at: int) -> None:
        self.at = at

    def now(self) -> int:
        """The time it was set to."""
        return self.at

    def monotonic(self) -> float:
        """The same in seconds."""
        return self.at / 1000

    def sleep(self, seconds: float) -> None:
        """Set it on."""
        self.at += round(seconds * 1000)


def _no_change(recorded: Any, reply: Reply) -> Reply:
    return reply


class ZendeskAdapter:
    """One conversation at a time; `wrong` may spoil each reply, to prove that it would be noticed."""

    def __init__(self, wrong: Callable[[Any, Reply], Reply] = _no_change) -> None:
        self.rules = Rules()
        self._wrong = wrong

    def unserved(self, exchange: Any) -> str | None:
        """Why an exchange is not replayed."""
        if exchange.status == 200 and exchange.answer is None:
            return "a recording without its body"
        return None

    def begin(self, conversation: Any) -> None:
        """A fresh account that holds what the conversation shows without having made it."""
        start = next((e.at for e in conversation.exchanges if e.at is not None), 1_700_000_000_000)
        self._clock = Clock(start)
        vices = frozenset({"no-hub-field", "job-delay"})
        self.sandbox = ZendeskSandbox(SandboxOptions(vices=vices, clock=self._clock))
        self.sandbox.load(_before(conversation.exchanges))
        self._mine: dict[str, str] = {}
        self._vanishing = _vanishing(conversation.exchanges)

    def replies(self, exchange: Any, recorded: Any) -> Sequence[Reply]:
        """The stand-in's answer."""
        self._set_time(recorded)
        if recorded is self._vanishing:
            self._request("DELETE", f"/api/v2/organizations/{_EXTRA}.json", {}, None)
        path = "/".join(self._known(part) for part in exchange.path.split("/"))
        params = {name: self._listed(value) for name, value in exchange.params.items()}
        reply = self._wrong(recorded, self._request(exchange.method, path, params, exchange.body))
        self._learn(recorded.answer, reply.body)
        return [reply]

    def _set_time(self, recorded: Any) -> None:
        """A job goes on when it did in the recording."""
        self._clock.at = (
            max(self._clock.at, recorded.at or 0) if "job_statuses" not in recorded.path else self._clock.at
        )
        if "job_statuses" in recorded.path and isinstance(recorded.answer, Mapping):
            asked = max(job["asked"] for job in self.sandbox.state.jobs.values())
            after = {"queued": 0, "working": START_MS, "completed": DONE_MS}
            self._clock.at = asked + after[recorded.answer["job_status"]["status"]]

    def _request(self, method: str, path: str, params: Mapping[str, Any], body: Json) -> Reply:
        headers = {"authorization": f"Bearer {self.sandbox.token}", "host": _HOST}
        content = None if body is None else json.dumps(body).encode()
        response: Response = self.sandbox.handle(Request(method, path, params, headers, body=content))
        is_json = "json" in response.headers.get("content-type", "")
        return Reply(response.status, response.headers, response.json() if is_json else response.body.decode() or None)

    def _known(self, part: str) -> str:
        """A part of a path, or a cursor, as the stand-in knows it."""
        name, dot, ending = part.partition(".json")
        return self._mine.get(name, name) + dot + ending

    def _listed(self, value: Any) -> Any:
        return ",".join(self._known(part) for part in value.split(",")) if isinstance(value, str) else value

    def _learn(self, recorded: Json, actual: Json) -> None:
        """Ids and cursors that stand for each other, by their place in the two answers."""
        if isinstance(recorded, Mapping) and isinstance(actual, Mapping):
            for name in set(recorded) & set(actual):
                if name in ("id", "after_cursor") and recorded[name] is not None:
                    self._mine[str(recorded[name])] = str(actual[name])
                else:
                    self._learn(recorded[name], actual[name])
        elif isinstance(recorded, list) and isinstance(actual, list):
            for one, other in zip(recorded, actual, strict=False):
                self._learn(one, other)


# -- what was there before

_EXTRA = 99_999_999_999_999
"""The id of an organization that goes while the pages are walked."""


def _vanishing(exchanges: Sequence[Any]) -> Any:
    """The empty page that follows one which promised more: somebody deleted the last record in between."""
    promised = False
    for exchange in exchanges:
        rows = exchange.answer.get("organizations") if isinstance(exchange.answer, Mapping) else None
        if rows == [] and promised:
            return exchange
        promised = bool(rows) and bool(exchange.answer.get("meta", {}).get("has_more"))
    return None


def _before(exchanges: Sequence[Any]) -> dict[str, list[Json]]:
    """Organizations and fields that are shown, changed or deleted, and were not made on the way."""
    made: set[int] = set()
    seeds: dict[int, Json] = {}
    fields: dict[str, list[Json]] = {}
    for exchange in exchanges:
        answer = exchange.answer if isinstance(exchange.answer, Mapping) else {}
        made |= _made(exchange, answer)
        for row in _shown(answer):
            if row["id"] not in made:
                seeds.setdefault(row["id"], _unsent(row, exchange))
        for name in FIELDS:
            if isinstance(answer.get(name), list):
                fields[name] = answer[name]
        for key in _named(exchange):
            if exchange.method in ("DELETE", "PUT") and exchange.status < 300 and key not in made:
                seeds.setdefault(key, {"id": key, "name": f"Organization {key}"})
    rows = [_original(row, exchanges) for row in seeds.values()]
    if _vanishing(exchanges) is not None:
        rows.append({"id": _EXTRA, "name": "Going"})
    return {"organizations": rows, **fields}


def _made(exchange: Any, answer: Mapping[str, Any]) -> set[int]:
    if exchange.method == "POST" and exchange.status == 201:
        return {row["id"] for row in _shown(answer)}
    results = answer.get("job_status", {}).get("results") or ()
    return {row["id"] for row in results if row.get("status") == "Created"}


def _shown(answer: Mapping[str, Any]) -> list[Json]:
    rows = [row for name in SHOWN for row in [answer.get(name)] if row is not None]
    return [one for row in rows for one in (row if isinstance(row, list) else [row])]


def _named(exchange: Any) -> list[int]:
    """The ids that a request names in its path, its parameters or its body."""
    body = exchange.body if isinstance(exchange.body, Mapping) else {}
    inside = [row.get("id") for row in body.get("organizations", ()) if isinstance(row, Mapping)]
    texts = [*exchange.path.removesuffix(".json").split("/"), *str(exchange.params.get("ids", "")).split(","), *inside]
    return [int(text) for text in texts if str(text).isdigit()]


def _unsent(row: Json, exchange: Any) -> Json:
    """A row as it was before the request that this is the answer of."""
    sent = exchange.body.get("organization", {}) if isinstance(exchange.body, Mapping) else {}
    return {**row, **dict.fromkeys(sent)} if exchange.method == "PUT" else row


def _original(row: Json, exchanges: Sequence[Any]) -> Json:
    """Without what a job of the same conversation writes."""
    for exchange in exchanges:
        if exchange.method == "PUT" and isinstance(exchange.body, Mapping):
            for sent in exchange.body.get("organizations", ()):
                if sent.get("id") == row["id"]:
                    row = {**row, **{name: None for name in sent if name != "id"}}
    name = row.get("name") or f"Organization {row['id']}"
    return {**row, "name": name, "domain_names": row.get("domain_names") or [], "tags": row.get("tags") or []}
