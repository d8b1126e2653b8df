"""Replays a recorded conversation against the stand-in: seeds it from the recording's own answers, binds ids on first
sight, sends each request, compares each answer. Nothing here knows a particular recording.

A call is left out, with its reason, when it concerns an object the stand-in does not offer, or a path below
`/services/data` that it does not serve.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tieline.sandbox import Request, Response, Sandbox

DEFAULT_VERSION = 59
_VERSION = re.compile(r"/services/data/v(\w+?)\.0")
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_COUNT = re.compile(r"select\s+count\(\)\s+from\s+(\w+)\s*$", re.IGNORECASE)
_FROM = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)
Json = Any


@dataclass(slots=True)
class Exchange:
    """One request as it can be sent, and what was answered then."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: Json
    status: int
    answer_headers: dict[str, str]
    answer: Json


@dataclass(slots=True)
class Seen:
    """Records the recording shows that it did not make itself, and how many there must be of each object."""

    rows: dict[str, dict[str, dict[str, Json]]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)


def read(path: Path) -> list[Exchange] | None:
    """The exchanges of a recording in order; None when the file holds no conversation."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError:
        return None
    if not isinstance(content, dict) or not isinstance(content.get("interactions"), list):
        return None
    return [_exchange(i) for i in content["interactions"]]


def _exchange(entry: Mapping[str, Any]) -> Exchange:
    asked, answered = entry["request"], entry["response"]
    url = urlsplit(asked["url"])
    said = re.search(r"/services/data/v(\d+)\.0", json.dumps(answered.get("body")))
    version = int(said[1]) if said else DEFAULT_VERSION
    return Exchange(
        asked["method"],
        _VERSION.sub(lambda m: m[0] if m[1].isdigit() else f"/services/data/v{version}.0", url.path),
        {k: _decoded(v) for k, v in parse_qsl(url.query, keep_blank_values=True)},
        {k.lower(): v for k, v in (asked.get("headers") or {}).items()},
        _versioned(asked.get("body"), version),
        int(answered["status"]),
        {k.lower(): v for k, v in (answered.get("headers") or {}).items()},
        answered.get("body"),
    )


def _versioned(body: Json, version: int) -> Json:
    return json.loads(json.dumps(body).replace("/vxx.0/", f"/v{version}.0/"))


def _decoded(value: str) -> str:
    """Some recorders encode twice."""
    return unquote(value) if re.search(r"%[0-9A-Fa-f]{2}", value) and " " not in value else value


# -- what must be there before the first request


def definitions(conversations: Iterable[Iterable[Exchange]]) -> dict[tuple[str, str], dict[str, Json]]:
    """Custom fields as the set's own describes define them."""
    found: dict[tuple[str, str], dict[str, Json]] = {}
    for conversation in conversations:
        for exchange in conversation:
            content = exchange.answer if isinstance(exchange.answer, dict) else {}
            for entry in content.get("fields", ()) if "childRelationships" in content else ():
                if entry.get("custom") or str(entry["name"]).endswith("__c"):
                    found[content["name"], entry["name"]] = entry
    return found


def objects_in(value: Json) -> Iterable[Mapping[str, Json]]:
    """Every JSON object in a value, outer ones first."""
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from objects_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects_in(inner)


def custom_fields(conversation: Iterable[Exchange], known: Mapping[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """Definitions of the custom fields a conversation uses; where no describe has one, its value tells the type."""
    found: dict[tuple[str, str], Any] = {}
    for exchange in conversation:
        for record in objects_in([exchange.body, exchange.answer]):
            name = (record.get("attributes") or {}).get("type") if isinstance(record.get("attributes"), dict) else None
            for key, value in record.items() if name else ():
                if key.endswith("__c") and (name, key) not in found:
                    found[name, key] = known.get((name, key)) or _guess(key, value)
    return found


def _guess(name: str, value: Json) -> dict[str, Json]:
    kind = {bool: "boolean", int: "double", float: "double"}.get(type(value), "string")
    return {"name": name, "type": kind, "externalId": "external" in name.lower(), "length": 255}


def seen_in(conversation: Iterable[Exchange]) -> Seen:
    """What the answers show that no request of the conversation made."""
    seen = Seen()
    for exchange in conversation:
        for method, path, params, _, answer in parts_of(exchange):
            _note_made(seen, method, path, answer)
            _note_count(seen, params, answer)
            for record in objects_in(answer):
                _note_record(seen, record)
    return seen


def parts_of(exchange: Exchange) -> Iterable[tuple[str, str, Mapping[str, str], Json, Json]]:
    """The calls of an exchange: itself, or a composite's sub-requests with their answers."""
    answers = exchange.answer.get("compositeResponse") if isinstance(exchange.answer, dict) else None
    asked = exchange.body.get("compositeRequest") if isinstance(exchange.body, dict) else None
    if not answers or not asked:
        yield exchange.method, exchange.path, exchange.params, exchange.body, exchange.answer
        return
    for part, answer in zip(asked, answers, strict=False):
        url = urlsplit(part["url"])
        yield part["method"], url.path, dict(parse_qsl(url.query)), part.get("body"), answer.get("body")


def _note_made(seen: Seen, method: str, path: str, answer: Json) -> None:
    for result in objects_in(answer):
        fresh = result.get("created") or (method == "POST" and "/sobjects" in path and "created" not in result)
        if result.get("success") and fresh and isinstance(result.get("id"), str):
            seen.made.add(result["id"])


def _note_count(seen: Seen, params: Mapping[str, str], answer: Json) -> None:
    counted = _COUNT.match(params.get("q", "").strip())
    if counted and isinstance(answer, dict) and answer.get("totalSize"):
        made = len(seen.made)
        seen.counts[counted[1]] = max(seen.counts.get(counted[1], 0), answer["totalSize"] - made)


def _note_record(seen: Seen, record: Mapping[str, Json]) -> None:
    attributes = record.get("attributes")
    if not isinstance(attributes, dict) or not isinstance(attributes.get("url"), str):
        return
    record_id = attributes["url"].rsplit("/", 1)[-1]
    if record_id in seen.made:
        return
    row = seen.rows.setdefault(attributes["type"], {}).setdefault(record_id, {})
    for key, value in record.items():
        if key not in ("attributes", "Id") and not isinstance(value, (dict, list)):
            row.setdefault(key, value)


# -- the replay


@dataclass(slots=True)
class Replay:
    """One conversation with one stand-in."""

    sandbox: Sandbox
    compare: Any
    answer: Callable[[Request], Response]
    """How a recorded request reaches the stand-in; looking around and seeding go straight to it."""
    bound: dict[str, str] = field(default_factory=dict)
    """Recorded id → the stand-in's."""
    skipped: list[str] = field(default_factory=list)
    verdict: Any = None
    replayed: int = 0
    _fields: dict[str, dict[str, Mapping[str, Json]]] = field(default_factory=dict)

    def run(self, conversation: list[Exchange], known: Mapping[tuple[str, str], Any]) -> None:
        """Seed, send, compare."""
        self.verdict = self.compare.Verdict(fields_of=lambda name: self._fields_of(name).keys())
        self._look_around()
        self._seed(conversation, known)
        for number, exchange in enumerate(conversation):
            reason = self._left_out(exchange)
            if reason:
                self.skipped.append(f"{number}: {reason}")
                continue
            self.replayed += 1
            self._exchange(number, exchange)

    def _ask(self, method: str, path: str, params: Mapping[str, str] | None = None, body: Json = None) -> Response:
        headers = {"authorization": f"Bearer {self.sandbox.token}"}
        return self.sandbox.handle(Request(method, path, params or {}, headers, json=body))

    def _look_around(self) -> None:
        base = f"/services/data/v{DEFAULT_VERSION}.0"
        for entry in self._ask("GET", f"{base}/sobjects").json()["sobjects"]:
            self._fields[entry["name"]] = {"": entry}

    def _fields_of(self, name: str) -> dict[str, Mapping[str, Json]]:
        held = self._fields[name]
        if len(held) == 1:
            content = self._ask("GET", f"/services/data/v{DEFAULT_VERSION}.0/sobjects/{name}/describe").json()
            held |= {f["name"]: f for f in content["fields"]}
        return held

    # -- seeding

    def _seed(self, conversation: list[Exchange], known: Mapping[tuple[str, str], Any]) -> None:
        for (name, _), entry in custom_fields(conversation, known).items():
            if name in self._fields:
                self.sandbox.add_field(name, entry)  # type: ignore[attr-defined]
        described = {e.answer.get("name") for e in conversation if isinstance(e.answer, dict) and "fields" in e.answer}
        for (name, field_name), entry in known.items():
            if name in described and name in self._fields and field_name not in self._fields_of(name):
                self.sandbox.add_field(name, entry)  # type: ignore[attr-defined]
        seen = seen_in(conversation)
        for name, rows in seen.rows.items():
            if name in self._fields:
                self._seed_object(name, rows)
        for name, count in seen.counts.items():
            have = len(seen.rows.get(name, {}))
            if name in self._fields:
                self._load(name, [self._filled(name, {}) for _ in range(count - have)])

    def _seed_object(self, name: str, rows: Mapping[str, Mapping[str, Json]]) -> None:
        if not self._fields[name][""]["createable"]:
            first = self._ask("GET", f"/services/data/v{DEFAULT_VERSION}.0/query", {"q": f"SELECT Id FROM {name}"})
            for record_id, ours in zip(rows, first.json()["records"], strict=False):
                self.bound[record_id] = ours["Id"]
            return
        entries = [self._filled(name, row) for row in rows.values()]
        for record_id, ours in zip(rows, self._load(name, entries), strict=True):
            self.bound[record_id] = ours

    def _load(self, name: str, entries: list[dict[str, Json]]) -> list[str]:
        made: dict[str, list[str]] = self.sandbox.load({name: entries})  # type: ignore[attr-defined]
        return made[name]

    def _filled(self, name: str, row: Mapping[str, Json]) -> dict[str, Json]:
        """A row the stand-in will take: what can be written, references it knows, what is required."""
        fields = self._fields_of(name)
        entry: dict[str, Json] = {}
        for key, value in row.items():
            of = fields.get(key)
            if of is None or not of["createable"]:
                continue
            if of["type"] == "reference":
                value = self.bound.get(str(value))
            if value is not None:
                entry[key] = value
        for key, of in fields.items():
            if key and of["createable"] and not of["nillable"] and not of["defaultedOnCreate"] and key not in entry:
                entry[key] = {"date": "2030-01-01", "reference": None}.get(of["type"], f"{key} of a seed")
        return entry

    # -- one exchange

    def _left_out(self, exchange: Exchange) -> str | None:
        if exchange.status >= 400:
            return None
        for _, path, params, body, _ in parts_of(exchange):
            names = re.findall(r"/sobjects/(\w+)", path) + _FROM.findall(re.sub(r"\(.*?\)", "", params.get("q", "")))
            names += [r["attributes"]["type"] for r in objects_in(body) if isinstance(r.get("attributes"), dict)]
            unknown = [n for n in names if n not in self._fields and not _ID.fullmatch(n)]
            if unknown and "compositeResponse" not in (exchange.answer or {}):
                return f"the stand-in does not offer {unknown[0]}"
            if "/services/data/" not in path:
                return f"{path} is not below /services/data"
            if re.search(r"/(jobs|tooling|analytics|actions)/", path):
                return f"the stand-in does not serve {path}"
        return None

    def _exchange(self, number: int, exchange: Exchange) -> None:
        params = {k: self._ours(v) for k, v in exchange.params.items()}
        headers = {"authorization": f"Bearer {self.sandbox.token}"} | exchange.headers
        body = json.loads(self._ours(json.dumps(exchange.body)))
        request = Request(exchange.method, self._ours(exchange.path), params, headers, json=body)
        response = self.answer(request)
        where = f"{number}: {exchange.method} {exchange.path}"
        if response.status != exchange.status:
            self.verdict.differ(f"{where} status", exchange.status, f"{response.status} {response.body[:200]!r}")
            return
        self.compare.headers(exchange.answer_headers, response.headers, self.verdict)
        ours = response.json() if response.body else None
        self._bind(exchange.answer, ours)
        self.compare.body(exchange.answer, self._ordered(exchange.answer, ours), where, exchange.path, self.verdict)

    def _ours(self, text: str) -> str:
        return _ID.sub(lambda m: self.bound.get(m[0], m[0]), text) if self.bound else text

    def _bind(self, recorded: Json, ours: Json) -> None:
        if isinstance(recorded, dict) and isinstance(ours, dict):
            for key in recorded.keys() & ours.keys():
                if re.search(r"(^id|Id)$", key) and isinstance(recorded[key], str) and isinstance(ours[key], str):
                    self.bound.setdefault(recorded[key], ours[key])
                else:
                    self._bind(recorded[key], ours[key])
        elif isinstance(recorded, list) and isinstance(ours, list):
            for one, other in zip(recorded, self._ordered(recorded, ours), strict=False):
                self._bind(one, other)

    def _ordered(self, recorded: Json, ours: Json) -> Json:
        """Our records in the recorded order, where ids are bound: no order was asked for."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            return {k: self._ordered(recorded.get(k), v) for k, v in ours.items()}
        if not isinstance(recorded, list) or not isinstance(ours, list):
            return ours
        places = {self.bound.get(_id_of(r) or "", ""): n for n, r in enumerate(recorded)}
        if all((_id_of(o) or "?") in places for o in ours):
            ours = sorted(ours, key=lambda o: places[_id_of(o) or "?"])
        return [self._ordered(r, o) for r, o in zip(recorded, ours, strict=False)] + ours[len(recorded) :]


def _id_of(record: Json) -> str | None:
    attributes = record.get("attributes") if isinstance(record, dict) else None
    url = attributes.get("url") if isinstance(attributes, dict) else None
    return url.rsplit("/", 1)[-1] if isinstance(url, str) else None
