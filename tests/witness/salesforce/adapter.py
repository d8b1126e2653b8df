"""Makes a Salesforce stand-in ready for recorded conversations, and says by rule what may differ between two orgs.

What may: which features an org has switched on (so which fields a whole record, a describe, a list of objects shows),
estimates, keys that came and went with releases. What is left out: objects the stand-in does not offer, and paths it
does not serve.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from tieline.sandbox import Request, Response, SandboxOptions
from tieline_salesforce.sandbox import SalesforceSandbox

DEFAULT_VERSION = 59
Json = Any
Where = tuple[str, ...]
Known = Mapping[tuple[str, str], Mapping[str, Json]]
_BASE = f"/services/data/v{DEFAULT_VERSION}.0"
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000$")
_COUNT = re.compile(r"select\s+count\(\)\s+from\s+(\w+)\s*$", re.IGNORECASE)
_FROM = re.compile(r"\bfrom\s+(\w+)", re.IGNORECASE)
_WHOLE = re.compile(r"/sobjects/(\w+)/(\w+)$")

HEADERS: Mapping[str, str] = {
    "content-type": r"application/json;\s?charset=UTF-8",
    "sforce-limit-info": r"api-usage=\d+/\d+",
    "etag": r'"[A-Za-z0-9+/=]+"',
    "last-modified": r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
    "location": r"/services/data/v\d+\.0/sobjects/\w+/\w{18}",
}
"""The headers the wire facts name, and what each looks like; one of another form counts as missing."""
WORDS = frozenset({"errorCode", "statusCode", "success", "created", "done", "httpStatusCode", "referenceId"})
FIELD_FACTS = frozenset(
    [
        *("type", "soapType", "createable", "updateable", "nillable", "defaultedOnCreate", "calculated", "autoNumber"),
        *("externalId", "idLookup", "unique", "nameField", "relationshipName", "precision", "scale", "digits"),
        *("compoundFieldName", "restrictedPicklist", "filterable", "sortable", "groupable", "aggregatable"),
        *("polymorphicForeignKey", "extraTypeInfo"),
    ]
)
"""What a describe says of a field alike in any org."""
OBJECT_FACTS = frozenset({"name", "createable", "updateable", "deletable", "undeletable", "mergeable", "queryable"})
RELATION_FACTS = frozenset({"relationshipName", "cascadeDelete"})
RELEASE_KEYS = frozenset({"sobjectDescribeOption", "associateEntityType", "associateParentEntity"})
KEYS: Mapping[str, tuple[str, ...]] = {
    "fields": ("name",),
    "sobjects": ("name",),
    "picklistValues": ("value",),
    "childRelationships": ("childSObject", "field"),
    "compositeResponse": ("referenceId",),
    "recordTypeInfos": ("name",),
    "supportedScopes": ("name",),
}
"""Lists whose items are paired by what they say of themselves."""
PARTIAL = frozenset(KEYS) - {"compositeResponse"}


class Reply(NamedTuple):
    """What the stand-in answered."""

    status: int
    headers: Mapping[str, str]
    body: Any


class SalesforceRules:
    """What may differ. See the module's docstring."""

    def __init__(self, fields_of: Callable[[str], Iterable[str]]) -> None:
        self._fields_of = fields_of

    def identifier(self, exchange: Any, where: Where) -> bool:
        """Only a record's own id: who owns or changed what is another org's business."""
        return where[-1] in ("id", "Id")

    def key(self, where: Where, item: Any) -> Any:
        """See KEYS."""
        names = KEYS.get(where[-2]) if len(where) > 1 else None
        if names is None or not isinstance(item, Mapping):
            return None
        return tuple(str(item.get(name)) for name in names)

    def optional(self, exchange: Any, where: Where) -> bool:
        """A whole record's field that the stand-in's own describe does not know; an address of its interface."""
        whole = _WHOLE.search(exchange.path)
        if whole is not None and len(where) == 2:
            return where[1] not in self._fields_of(whole[1])
        return where[-1] in RELEASE_KEYS or where[-2] == "urls"

    def extra(self, exchange: Any, where: Where) -> bool:
        """A whole record's field of a feature the other org had not."""
        whole = _WHOLE.search(exchange.path)
        return (whole is not None and len(where) == 2 and isinstance(exchange.answer, dict)) or (
            where[-1] in RELEASE_KEYS
        )

    def extract(self, exchange: Any, where: Where) -> bool:
        """Lists of what an org has, and counts, which are estimates."""
        return where[-1] in PARTIAL or exchange.path.endswith("/limits/recordCount")

    def same_type(self, exchange: Any, where: Where, recorded: Any, actual: Any) -> bool:
        """Null says nothing of a scalar's type, but is neither an object nor a list; times keep their form."""
        kinds = {_kind(recorded), _kind(actual)}
        if "container" in kinds:
            return False
        if isinstance(recorded, str) and isinstance(actual, str) and _TIME.match(recorded):
            return _TIME.match(actual) is not None
        return len(kinds - {"null"}) <= 1

    def exact(self, exchange: Any, where: Where) -> bool:
        """The protocol's own words, and the facts of a describe."""
        if where[-1] in WORDS:
            return True
        if not exchange.path.endswith(("/describe", "/sobjects")):
            return False
        facts = {"fields": FIELD_FACTS, "sobjects": OBJECT_FACTS, "childRelationships": RELATION_FACTS}
        return where[-1] in facts.get(where[-3] if len(where) > 2 else "", OBJECT_FACTS)

    def headers(self, exchange: Any) -> Iterable[str]:
        """Those the recorder kept."""
        return [name for name in HEADERS if name in exchange.answer_headers]


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "text" if isinstance(value, str) else "container"


# -- reading a recording as it was meant


def prepared(conversation: Any) -> Any:
    """The conversation with recorders' habits undone: values encoded twice, a version masked, ids in one text.

    Results of a collection, which come in order, are told by their place.
    """
    return replace(conversation, exchanges=tuple(_prepared(e) for e in conversation.exchanges))


def _prepared(exchange: Any) -> Any:
    said = re.search(r"/services/data/v(\d+)\.0", json.dumps(exchange.answer))
    version = said[1] if said else str(DEFAULT_VERSION)
    body = json.loads(json.dumps(exchange.body).replace("/vxx.0/", f"/v{version}.0/"))
    return replace(
        exchange,
        path=exchange.path.replace("/vxx.0/", f"/v{version}.0/"),
        params={k: _decoded(v) if isinstance(v, str) else v for k, v in exchange.params.items()},
        body=body,
        answer=placed(exchange.answer),
    )


def _decoded(value: str) -> str:
    return unquote(value) if re.search(r"%[0-9A-Fa-f]{2}", value) and " " not in value else value


def placed(answer: Json) -> Json:
    """A collection's results as an object from place to result: their order is a promise."""
    if isinstance(answer, list) and answer and all(isinstance(a, dict) and "success" in a for a in answer):
        return {str(place): result for place, result in enumerate(answer)}
    return answer


def definitions(conversations: Iterable[Any]) -> dict[tuple[str, str], Mapping[str, Json]]:
    """Custom fields as the set's own describes define them."""
    found: dict[tuple[str, str], Mapping[str, Json]] = {}
    for conversation in conversations:
        for exchange in conversation.exchanges:
            content = exchange.answer if isinstance(exchange.answer, dict) else {}
            for entry in content.get("fields", ()) if "childRelationships" in content else ():
                if str(entry["name"]).endswith("__c"):
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


def parts_of(exchange: Any) -> Iterable[tuple[str, str, Mapping[str, str], Json, Json]]:
    """The calls of an exchange: itself, or a composite's sub-requests with their answers."""
    answers = exchange.answer.get("compositeResponse") if isinstance(exchange.answer, dict) else None
    asked = exchange.body.get("compositeRequest") if isinstance(exchange.body, dict) else None
    if not answers or not asked:
        yield exchange.method, exchange.path, exchange.params, exchange.body, exchange.answer
        return
    for part, answer in zip(asked, answers, strict=False):
        url = urlsplit(part["url"])
        yield part["method"], url.path, dict(parse_qsl(url.query)), part.get("body"), answer.get("body")


# -- what the answers show that no request made


@dataclass(slots=True)
class Seen:
    """Records to seed, by object and recorded id, and how many there must be of an object."""

    rows: dict[str, dict[str, dict[str, Json]]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)


def seen_in(exchanges: Iterable[Any]) -> Seen:
    """Read the answers in order: what a create made needs no seed."""
    seen = Seen()
    for exchange in exchanges:
        for method, path, params, _, answer in parts_of(exchange):
            for result in objects_in(answer):
                fresh = result.get("created") or (method == "POST" and "/sobjects" in path and "created" not in result)
                if result.get("success") and fresh and isinstance(result.get("id"), str):
                    seen.made.add(result["id"])
            counted = _COUNT.match(str(params.get("q", "")).strip())
            if counted and isinstance(answer, dict) and answer.get("totalSize"):
                least = answer["totalSize"] - len(seen.made)
                seen.counts[counted[1]] = max(seen.counts.get(counted[1], 0), least)
            for record in objects_in(answer):
                _note(seen, record)
    return seen


def _note(seen: Seen, record: Mapping[str, Json]) -> None:
    attributes = record.get("attributes")
    if not isinstance(attributes, dict) or not isinstance(attributes.get("url"), str):
        return
    record_id = attributes["url"].rsplit("/", 1)[-1]
    if record_id not in seen.made:
        row = seen.rows.setdefault(attributes["type"], {}).setdefault(record_id, {})
        for key, value in record.items():
            if key not in ("attributes", "Id") and not isinstance(value, (dict, list)):
                row.setdefault(key, value)


def custom_fields(exchanges: Iterable[Any], known: Known) -> dict[tuple[str, str], Mapping[str, Json]]:
    """Custom fields a conversation needs; where no describe of the set has one, its value tells the type."""
    found: dict[tuple[str, str], Mapping[str, Json]] = {}
    for exchange in exchanges:
        for record in objects_in([exchange.body, exchange.answer]):
            attributes = record.get("attributes")
            name = attributes.get("type") if isinstance(attributes, dict) else None
            for key, value in record.items() if name else ():
                if key.endswith("__c") and (name, key) not in found:
                    found[name, key] = known.get((name, key)) or _guess(key, value)
        described = exchange.answer.get("name") if isinstance(exchange.answer, dict) else None
        found |= {place: entry for place, entry in known.items() if place[0] == described}
    return found


def _guess(name: str, value: Json) -> Mapping[str, Json]:
    kind = {bool: "boolean", int: "double", float: "double"}.get(type(value), "string")
    return {"name": name, "type": kind, "externalId": "external" in name.lower(), "length": 255}


# -- the adapter


class SalesforceAdapter:
    """A fresh stand-in for each conversation. `known` defines custom fields; `spoil` may change its answers."""

    def __init__(self, known: Known, spoil: Callable[[Response], Response] | None = None) -> None:
        self._known = known
        self._spoil = spoil
        self.rules = SalesforceRules(cache(self._names))
        self.sandbox = SalesforceSandbox(SandboxOptions())
        self._bound: dict[str, str] = {}
        self._offered = {o["name"]: o for o in self._ask("/sobjects")["sobjects"]}

    def _ask(self, path: str, **params: str) -> Any:
        headers = {"authorization": f"Bearer {self.sandbox.token}"}
        return self.sandbox.handle(Request("GET", _BASE + path, params, headers)).json()

    def _names(self, name: str) -> frozenset[str]:
        return frozenset(self._fields(name))

    def _fields(self, name: str) -> dict[str, Mapping[str, Json]]:
        return {f["name"]: f for f in self._ask(f"/sobjects/{name}/describe")["fields"]}

    def unserved(self, exchange: Any) -> str | None:
        """See the module's docstring; a refusal is always replayed."""
        if exchange.status >= 400 or "compositeResponse" in (exchange.answer or ()):
            return None
        for _, path, params, body, _ in parts_of(exchange):
            names = re.findall(r"/sobjects/(\w+)", path)
            names += _FROM.findall(re.sub(r"\(.*?\)", "", str(params.get("q", ""))))
            names += [r["attributes"]["type"] for r in objects_in(body) if isinstance(r.get("attributes"), dict)]
            unknown = [n for n in names if n not in self._offered and not _ID.fullmatch(n)]
            if unknown:
                return f"the stand-in does not offer {unknown[0]}"
            if not path.startswith("/services/data/") or re.search(r"/(jobs|tooling|analytics|actions)/", path):
                return f"the stand-in does not serve {path}"
        return None

    def begin(self, conversation: Any) -> None:
        """Make the custom fields, then what the answers show."""
        for (name, _), entry in custom_fields(conversation.exchanges, self._known).items():
            if name in self._offered:
                self.sandbox.add_field(name, entry)
        seen = seen_in(conversation.exchanges)
        for name, rows in seen.rows.items():
            if name in self._offered:
                self._seed(name, rows)
        for name, count in seen.counts.items():
            if name in self._offered:
                missing = count - len(seen.rows.get(name, {}))
                self.sandbox.load({name: [self._filled(name, {}) for _ in range(missing)]})

    def _seed(self, name: str, rows: Mapping[str, Mapping[str, Json]]) -> None:
        if self._offered[name]["createable"]:
            entries = [self._filled(name, row) for row in rows.values()]
            ours = self.sandbox.load({name: entries})[name]
        else:
            ours = [r["Id"] for r in self._ask("/query", q=f"SELECT Id FROM {name}")["records"]]
        self._bound.update(zip(rows, ours, strict=False))

    def _filled(self, name: str, row: Mapping[str, Json]) -> dict[str, Json]:
        """A row the stand-in will take: what can be written, references it knows, what is required."""
        entry: dict[str, Json] = {}
        for key, of in self._fields(name).items():
            value = row.get(key)
            if of["type"] == "reference" and value is not None:
                value = self._bound.get(str(value))
            if value is None and not of["nillable"] and not of["defaultedOnCreate"]:
                value = {"date": "2030-01-01", "reference": None}.get(of["type"], f"{key} of a seed")
            if of["createable"] and value is not None:
                entry[key] = value
        return entry

    def replies(self, exchange: Any, recorded: Any) -> Sequence[Reply]:
        """Ask the stand-in, with its own ids wherever a recorded one stands, in texts of queries too."""
        params = {k: self._ours(v) if isinstance(v, str) else v for k, v in recorded.params.items()}
        body = None if recorded.body is None else json.loads(self._ours(json.dumps(recorded.body)))
        headers = {"authorization": f"Bearer {self.sandbox.token}", **recorded.headers}
        request = Request(recorded.method, self._ours(recorded.path), params, headers, json=body)
        response = self.sandbox.handle(request)
        if self._spoil is not None:
            response = self._spoil(response)
        answer = placed(response.json()) if response.body else None
        self._bind(recorded.answer, answer)
        shown = {k: v for k, v in response.headers.items() if k in HEADERS and re.fullmatch(HEADERS[k], v)}
        return [Reply(response.status, shown, answer)]

    def _ours(self, text: str) -> str:
        return _ID.sub(lambda m: self._bound.get(m[0], m[0]), text)

    def _bind(self, recorded: Json, ours: Json) -> None:
        if isinstance(recorded, Mapping) and isinstance(ours, Mapping):
            for key in recorded.keys() & ours.keys():
                if key in ("id", "Id") and isinstance(recorded[key], str) and isinstance(ours[key], str):
                    self._bound.setdefault(recorded[key], ours[key])
                self._bind(recorded[key], ours[key])
