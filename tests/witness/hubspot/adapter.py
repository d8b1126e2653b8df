"""Makes the HubSpot stand-in ready for a recorded conversation, and says by rule what may differ and why."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.witness import replay
from tests.witness.hubspot import account as witness
from tieline.sandbox import Request, SandboxOptions
from tieline.testing import FakeClock
from tieline_hubspot.sandbox import HubSpotSandbox
from tieline_hubspot.sandbox.call import route_of
from tieline_hubspot.sandbox.schema import type_named
from tieline_hubspot.sandbox.search import Hits

Exchange, Reply, Conversation, Where = replay.Exchange, replay.Reply, replay.Conversation, replay.Where

UNSERVED = {
    "/crm/v3/schemas": "schemas of custom objects are not served: no kind of Tieline's is one",
    "/crm/v3/lists": "contact lists are not served",
    "/crm/v3/associations": "the old associations API is not served, v4 and the dated ones are",
    "/oauth/": "credentials are blacked out in recordings: a token cannot be asked for again",
    "/crm/v3/imports": "imports are not served",
    "/crm/v3/exports": "exports are not served",
    "/events/": "behavioural events are not served",
    "/webhooks/": "subscriptions to webhooks are not served",
    "/automation/": "workflows are not served",
    "/cms/": "content is not served",
    "/files/": "files are not served",
}
"""Parts of the API that the stand-in leaves out, by prefix, with the reason."""
SYSTEM = ("hs_", "lifecyclestage", "num_", "createdate", "lastmodifieddate")
"""Names of properties that the server computes; which of them a write answers has grown over the years."""
LATER = frozenset({"url", "hs_full_name_or_email", "hs_prospecting_agent_total_enrolled_count", "tieline_id"})
"""Keys and properties that came after the oldest recordings, and the account's own hub field."""
SECONDLY = "x-hubspot-ratelimit-secondly"
BUDGET = (
    "x-hubspot-ratelimit-daily",
    "x-hubspot-ratelimit-daily-remaining",
    "x-hubspot-ratelimit-interval-milliseconds",
    "x-hubspot-ratelimit-max",
    "x-hubspot-ratelimit-remaining",
    SECONDLY,
    f"{SECONDLY}-remaining",
)
DEFINITION_FACTS = frozenset({"type", "fieldType", "hasUniqueValue", "externalOptions", "readOnlyValue", "name"})


def _family(exchange: Any) -> str:
    route = route_of(exchange.path)
    return route.family if route else ""


def _kind(exchange: Any) -> str:
    """The object type a path is about, as the stand-in names it; empty when it is about none."""
    route = route_of(exchange.path)
    if route is None or not route.family.startswith("crm/") or not route.rest:
        return ""
    known = type_named(route.rest[0])
    return known.name if known else ""


def _records(answer: Any) -> Iterator[Mapping[str, Any]]:
    """Every record in an answer."""
    if isinstance(answer, Mapping):
        if "properties" in answer and "id" in answer:
            yield answer
        for row in answer.get("results") or []:
            if isinstance(row, Mapping) and "properties" in row and "id" in row:
                yield row


def _rest(exchange: Any) -> list[str]:
    """The path after family and object type."""
    route = route_of(exchange.path)
    return list(route.rest[1:]) if route else []


def _born(exchange: Any, row: Mapping[str, Any]) -> bool:
    """Whether this record of an answer was made by its request."""
    rest = _rest(exchange)
    return exchange.method == "POST" and (rest in ([], ["batch", "create"]) or row.get("new") is True)


class HubSpotRules(replay.Rules):  # type: ignore[misc, name-defined]  # loaded by path
    """Property values are text or null; a server that knows more properties may answer more of its own."""

    def identifier(self, exchange: Any, where: tuple[str, ...]) -> bool:
        """Ids of records, wherever they stand."""
        return where[-1] in ("id", "hs_object_id", "hs_all_contact_vids") and _family(exchange) == "crm/objects"

    def key(self, where: tuple[str, ...], item: Any) -> Any:
        """Definitions go by name, options by value."""
        if isinstance(item, Mapping) and "modificationMetadata" in item:
            return item["name"]
        if where[-2:-1] == ("options",):
            return item.get("value")
        return None

    def optional(self, exchange: Any, where: tuple[str, ...]) -> bool:
        """Definitions of properties differ in their optional parts from one to the next [rec]."""
        if self._in_definition(exchange, where):
            return not DEFINITION_FACTS & {where[-1]}
        return exchange.status == 403 and where[-1] == "links"

    def extra(self, exchange: Any, where: tuple[str, ...]) -> bool:
        """Newer keys anywhere; in the properties that a write answers, what the server computes."""
        if where[-1] in LATER or self._in_definition(exchange, where):
            return True
        computed = where[-1].startswith(SYSTEM)
        return "properties" in where[:-1] and exchange.method != "GET" and not self._searches(exchange) and computed

    def _in_definition(self, exchange: Any, where: tuple[str, ...]) -> bool:
        return _family(exchange) == "crm/properties" and where[1:3] == ("results", "*")

    def _searches(self, exchange: Any) -> bool:
        return exchange.path.endswith(("/search", "/batch/read"))

    def extract(self, exchange: Any, where: tuple[str, ...]) -> bool:
        """An account's definitions and the scopes of an app are its own business."""
        return _family(exchange) == "crm/properties" or where[-1] in ("requiredScopes", "requiredGranularScopes")

    def same_type(self, exchange: Any, where: tuple[str, ...], recorded: Any, actual: Any) -> bool:
        """A property value is text or null: workflows of the recorded account set values that no request did."""
        if "properties" in where[:-1]:
            return all(value is None or isinstance(value, str) for value in (recorded, actual))
        return type(recorded) is type(actual)

    def exact(self, exchange: Any, where: tuple[str, ...]) -> bool:
        """Totals, cursors, flags; and what a definition says of its property."""
        if _family(exchange) == "crm/properties":
            return where[-1] in DEFINITION_FACTS
        return where[-1] in ("total", "after", "archived", "status", "category", "numErrors", "new")

    def headers(self, exchange: Any) -> Iterable[str]:
        """Those that the wire facts name."""
        return ("content-type", "location", "x-hubspot-notfound", "x-hubspot-correlation-id", *BUDGET)


class HubSpotAdapter:
    """One stand-in per conversation, on the recording's own clock, with an index that lags."""

    def __init__(self, wrong: Any = None) -> None:
        self.rules = HubSpotRules()
        self.wrong = wrong
        """A function that spoils an answer before it is compared: to see that the comparison bites."""
        self._fresh()

    def _fresh(self) -> None:
        self.clock = FakeClock(0)
        self.sandbox = HubSpotSandbox(SandboxOptions(vices=frozenset({"search-lag"}), clock=self.clock))
        self._oauth = ""

    def unserved(self, exchange: Any) -> str | None:
        """By prefix, by version, by object type."""
        for prefix, reason in UNSERVED.items():
            if exchange.path.startswith(prefix):
                return reason
        parts = exchange.path.strip("/").split("/")
        if {"v1", "v2"} & set(parts[:3]) and parts[0] != "oauth":
            return "versions before v3 are not served"
        route = route_of(exchange.path)
        if route and route.family in ("crm/objects", "crm/properties") and route.rest and exchange.status != 400:
            known = type_named(route.rest[0])
            return None if known else f"objects of type {route.rest[0]} are not served: no kind of Tieline's is one"
        return None

    # -- what was there before

    def begin(self, conversation: Any) -> None:
        """Load every record that the conversation meets and does not make, as it was first seen."""
        self._fresh()
        exchanges = [e for e in conversation.exchanges if self.unserved(e) is None]
        start = min((e.at for e in exchanges if e.at is not None), default=0)
        self.clock.advance(start)
        self._define(exchanges)
        seen = self._seen(exchanges)
        if "users" in seen:
            table = self.sandbox.state.tables["users"]
            for record in list(table.records.values()):
                table.purge(record, start)
        objects: dict[str, list[Any]] = {kind: list(rows.values()) for kind, rows in seen.items()}
        account = witness.Account(self.sandbox.state, exchanges)
        account.owners()
        account.pipelines()
        objects["campaigns"] = account.campaigns()
        objects["associations"] = account.associations(objects)
        self.sandbox.load(objects)

    def _seen(self, exchanges: Sequence[Any]) -> dict[str, dict[str, Any]]:
        born: set[str] = set()
        seen: dict[str, dict[str, Any]] = {}
        for exchange in exchanges:
            kind = _kind(exchange)
            if not kind or exchange.status >= 300 or _family(exchange) != "crm/objects":
                continue
            rows = list(_records(exchange.answer))
            born |= {row["id"] for row in rows if _born(exchange, row)}
            known = seen.setdefault(kind, {})
            for row in rows:
                if row["id"] not in born:
                    known.setdefault(row["id"], self._row(kind, row))
            for key in self._touched(exchange):
                if key not in born:
                    known.setdefault(key, {"id": key, "properties": {}})
            self._more(exchange, kind, rows, known)
        return seen

    def _row(self, kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
        properties = {n: v for n, v in row["properties"].items() if v is not None}
        return {**row, "archived": False, "properties": properties}

    def _touched(self, exchange: Any) -> list[str]:
        """Ids that a request names and that must have existed for its answer."""
        rest, body = _rest(exchange), exchange.body if isinstance(exchange.body, Mapping) else {}
        if rest in (["batch", "archive"], ["batch", "update"]):
            return [str(row["id"]) for row in body.get("inputs") or [] if "idProperty" not in row]
        if rest == ["merge"]:
            return [str(body["primaryObjectId"]), str(body["objectIdToMerge"])]
        return rest[:1] if rest and rest[0].isdigit() else []

    def _more(self, exchange: Any, kind: str, rows: Sequence[Any], known: dict[str, Any]) -> None:
        """What an answer says exists without showing it: the next page, and the rest of a search's total."""
        answer = exchange.answer if isinstance(exchange.answer, Mapping) else {}
        mark = ((answer.get("paging") or {}).get("next") or {}).get("after")
        if exchange.method == "GET" and mark and mark.isdigit():
            known.setdefault(mark, {"id": mark, "properties": {}})
        if exchange.path.endswith("/search") and mark and rows:
            top = max(int(row["id"]) for row in rows)
            for n in range(1, answer["total"] - len(rows) + 1):
                copy = {k: v for k, v in rows[-1]["properties"].items() if v and k != "hs_object_id"}
                if "email" in copy:
                    copy["email"] = f"more{n}.{copy['email']}"
                known.setdefault(str(top + n), {"id": str(top + n), "properties": copy})

    def _define(self, exchanges: Sequence[Any]) -> None:
        """Make the account's own properties that the recording's answers hold."""
        for exchange in exchanges:
            kind = _kind(exchange)
            if not kind or exchange.status >= 300:
                continue
            names = {name for row in _records(exchange.answer) for name in row["properties"]}
            for name in sorted(names - set(self.sandbox.state.tables[kind].properties)):
                body = {"name": name, "label": name, "type": "string", "fieldType": "text"}
                group = next(iter(self.sandbox.state.groups[kind]))
                made = self._send(self.sandbox, "POST", f"/crm/v3/properties/{kind}", {**body, "groupName": group})
                assert made.status == 201, made

    # -- sending

    def replies(self, exchange: Any, recorded: Any) -> Sequence[Any]:
        """The stand-in's answer; for searches on a lagging index what a quicker index would say; for a 429 its own."""
        if exchange.at is not None and exchange.at > self.clock.now():
            self.clock.advance(exchange.at - self.clock.now())
        if recorded.status == 429:
            return [self._provoked(exchange, recorded)]
        first = self._ask(self.sandbox, exchange, recorded)
        rest = self._settling(exchange, recorded, first) if exchange.path.endswith("/search") else []
        replies = [first, *rest]
        return [self.wrong(recorded, reply) for reply in replies] if self.wrong else replies

    def _fork(self, *vices: str) -> HubSpotSandbox:
        options = SandboxOptions(vices=frozenset(vices), clock=self.clock, state=self.sandbox.dump())
        return HubSpotSandbox(options)

    def _provoked(self, exchange: Any, recorded: Any) -> Any:
        """A recorded 429 tells of a load that a replay does not make: it is provoked on a copy."""
        fork = self._fork("rate-limit-no-retry-after", "search-lag")
        reply = self._ask(fork, exchange, recorded)
        for _ in range(10):
            if reply.status == 429:
                break
            reply = self._ask(fork, exchange, recorded)
        return reply

    def _settling(self, exchange: Any, recorded: Any, late: Any) -> list[Any]:
        """While the index has changes before it, it may know all of them, none, or some: records that wait to be
        indexed may or may not be counted, and those that are shown are shown as they are now [rec]."""
        kind = _kind(exchange)
        waiting = {row[1] for row in self.sandbox.dump()["tables"].get(kind, {}).get("pending", ())}
        if not waiting or late.status != 200:
            return []
        fork = self._fork()
        new = self._ask(fork, exchange, recorded)
        old_ids = set(Hits().of(self.sandbox.state.tables[kind], exchange.body))
        either = old_ids | set(Hits().of(fork.state.tables[kind], exchange.body))
        replies = [new]
        if len(either - waiting) <= recorded.answer["total"] <= len(either):
            shown = {row["id"] for row in exchange.answer["results"]}
            every = self._ask_wide(fork, exchange, recorded, shown)
            replies.append(new._replace(body={"total": recorded.answer["total"], "results": every}))
        return replies

    def _ask_wide(self, fork: HubSpotSandbox, exchange: Any, recorded: Any, ids: set[str]) -> list[Any]:
        """These records as the search would show them."""
        rule = {"propertyName": "hs_object_id", "operator": "IN", "values": sorted(ids) or ["0"]}
        body = {**exchange.body, "filterGroups": [{"filters": [rule]}], "limit": 100}
        wide = dataclasses.replace(exchange, body=body)
        return list(self._ask(fork, wide, recorded).body["results"])

    def _ask(self, sandbox: HubSpotSandbox, exchange: Any, recorded: Any) -> Any:
        token = self._credential(sandbox, recorded)
        return self._send(sandbox, exchange.method, exchange.path, exchange.body, exchange.params, recorded, token)

    def _credential(self, sandbox: HubSpotSandbox, recorded: Any) -> str:
        """The recorded answer tells the kind: refused for scopes, an OAuth app (no daily budget), or a private one."""
        if recorded.status in (401, 403):
            return sandbox.token_without_scopes if recorded.status == 403 else "nobody's"
        if "x-hubspot-ratelimit-daily" in recorded.answer_headers:
            return sandbox.token
        form = {
            "grant_type": "client_credentials",
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
        }
        if sandbox is not self.sandbox or not self._oauth:
            answer = sandbox.handle(Request("POST", sandbox.token_path, {}, {}, form=form))
            token = str(answer.json()["access_token"])
            if sandbox is not self.sandbox:
                return token
            self._oauth = token
        return self._oauth

    def _send(
        self,
        sandbox: HubSpotSandbox,
        method: str,
        path: str,
        body: Any = None,
        params: Mapping[str, Any] | None = None,
        recorded: Any = None,
        token: str = "",
    ) -> Any:
        headers = {**(recorded.headers if recorded else {}), "authorization": f"Bearer {token or sandbox.token}"}
        response = sandbox.handle(Request(method, path, params or {}, headers, json=body))
        kind = response.headers.get("content-type", "")
        text: Any = None
        if response.body:
            text = response.json() if "json" in kind else response.body.decode()
        return Reply(response.status, response.headers, text)
