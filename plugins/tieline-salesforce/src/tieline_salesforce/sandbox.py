"""A stateful stand-in of a Salesforce org: REST, SOQL, Collections, Composite, OAuth, and bad days by name.

It speaks the wire format as recorded and documented; a person's acts in the user interface are methods. SOAP, Tooling
and push are not offered.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from tieline import Kind
from tieline.sandbox import Act, Issuer, Request, Response, SandboxOptions
from tieline_salesforce import sandbox_ingest as ingest
from tieline_salesforce import sandbox_jobs as jobs
from tieline_salesforce import sandbox_many as many
from tieline_salesforce import sandbox_reads as reads
from tieline_salesforce import sandbox_records as records
from tieline_salesforce.sandbox_demo import COMPANY, TIER, config, demo, sobject
from tieline_salesforce.sandbox_errors import ApiError, ManyMatch, answer, bad_json, not_found
from tieline_salesforce.sandbox_oauth import (
    CLIENT_ID,
    CLIENT_SECRET,
    FIRST_TOKEN,
    REFRESH_TOKEN,
    TOKEN_PATH,
    USERINFO_PATH,
    Tokens,
    sign_in_answer,
    userinfo,
)
from tieline_salesforce.sandbox_org import Call, Org, Route
from tieline_salesforce.sandbox_people import convert, merge, perform
from tieline_salesforce.sandbox_values import http_time
from tieline_salesforce.sandbox_vices import Days
from tieline_salesforce.vices import VICES

LOST = 0
"""The status of an answer that never arrives."""
_DATA = re.compile(r"^/services/data/v(\d+)\.0(?:/(.*))?$")


class SalesforceSandbox:
    """One org. Threads may call `handle` at once; every call is one transaction."""

    token = FIRST_TOKEN
    client_id = CLIENT_ID
    client_secret = CLIENT_SECRET
    refresh_token = REFRESH_TOKEN
    token_path = TOKEN_PATH

    def __init__(self, options: SandboxOptions) -> None:
        options.check(VICES)
        self._lock = threading.RLock()
        self._now = options.now
        self._days = Days(options.vices)
        self._org = Org(self._now, options.vices)
        self._tokens = Tokens("token-expiry" in options.vices, rotates="refresh-rotation" in options.vices)
        self._used = 0
        if options.state is not None:
            self._restore(options.state)
            return
        self._org.found()
        if options.seed == "demo":
            self.add_field("Account", TIER)
            self._org.load(demo(self._org.rows))

    # -- the wire

    def handle(self, request: Request) -> Response:
        """Answer one request. Status 0: the answer is lost on its way, what it did is done."""
        with self._lock:
            signing = sign_in_answer(self._org, self._tokens, request, self._now())
            if signing is not None:
                return signing
            if request.path.rstrip("/") == "/services/data" and request.method == "GET":
                return reads.versions()
            self._used += 1
            response = self._guarded(request)
            wrote = self._org.rows.mark() > 0
            self._org.rows.commit()
            if not wrote and response.status == 200:
                self._days.behind_the_back(self._org, response.body)
                self._org.rows.commit()
            if self._days.loses(wrote):
                return Response(LOST)
            usage = f"api-usage={self._days.usage(self._used)}/{reads.DAILY_LIMIT}"
            said = {"date": http_time(self._now()), "sforce-limit-info": usage}
            return Response(response.status, {**response.headers, **said}, response.body)

    def _guarded(self, request: Request) -> Response:
        try:
            refused = self._days.throttle(self._now())
            if refused is not None:
                return refused
            self._tokens.check(request.headers)
            if request.path == USERINFO_PATH:
                return userinfo(self._org, request)
            return self._days.garbage() or self._answered(_call(request))
        except ApiError as error:
            self._org.rows.back_to(0)
            return answer(error.status, [error.entry()])
        except ManyMatch as error:
            self._org.rows.back_to(0)
            return answer(300, error.urls)

    def _answered(self, call: Call) -> Response:
        if call.parts[:1] == ["limits"] and len(call.parts) == 1:
            return reads.limits(self._org, call, self._used)
        return dispatch(self._org, call)

    # -- what a person or an administrator does, not through the API

    def load(self, objects: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[str]]:
        """Keep records as they are given: `{"Account": [{fields, optional Id}], …}`; their real ids, in order.

        Any field may be set, CreatedDate and SystemModstamp too. An `Id` that is no real id of the type is a name:
        references to it are filled in. Name parents before children only by habit; all references must resolve in
        the end. Raises ValueError naming the field that does not fit.
        """
        with self._lock:
            return self._org.load(objects)

    def person(self, act: Act) -> None:
        """Somebody does this at a screen; see `tieline.sandbox.Peopled`. Raises ValueError."""
        with self._lock:
            try:
                perform(self._org.writer, act)
            except ValueError:
                self._org.rows.back_to(0)
                raise
            self._org.rows.commit()

    def counts(self) -> Mapping[Kind, int]:
        """Living records per kind; leads that are not converted are contacts."""
        with self._lock:
            rows = self._org.rows
            found = {kind: sum(1 for _ in rows.all(sobject(kind))) for kind in COMPANY}
            found["contact"] += sum(not lead.get("IsConverted") for lead in rows.all("Lead"))
            return found

    def demo_config(self, system: str) -> str:
        """The configuration that joins this org to the demo's company."""
        return config(system)

    def merge(self, object_name: str, winner_id: str, loser_id: str) -> None:
        """A person merges two accounts, contacts or leads. Raises ValueError."""
        with self._lock:
            merge(self._org.writer, object_name, winner_id, loser_id)
            self._org.rows.commit()

    def convert(
        self,
        lead_id: str,
        opportunity_name: str | None = None,
        contact_id: str | None = None,
        mapped: Sequence[str] = (),
    ) -> dict[str, str]:
        """A person converts a lead, into a contact that is there if one is named; the ids, by Converted… field.
        `mapped`: custom fields that the org's lead field mapping carries along. Raises ValueError."""
        with self._lock:
            made = convert(self._org.writer, lead_id, opportunity_name, contact_id, mapped)
            self._org.rows.commit()
            return made

    def undelete(self, object_name: str, record_id: str) -> None:
        """A person takes a record out of the recycle bin. Raises ValueError."""
        with self._lock:
            try:
                self._org.writer.undelete(self._org.object(object_name), record_id)
            except ApiError as error:
                self._org.rows.back_to(0)
                raise ValueError(error.message) from error
            self._org.rows.commit()

    def add_field(self, object_name: str, entry: Mapping[str, Any]) -> None:
        """An administrator makes a custom field; `entry` speaks describe's words, `name` and `type` suffice."""
        with self._lock:
            self._org.schema.add_field(self._org.object(object_name).name, entry)

    @property
    def issuer(self) -> Issuer:
        """Who signed in by browser."""
        return self._tokens.issuer

    # -- state

    def dump(self) -> Mapping[str, Any]:
        """The whole state as plain JSON."""
        with self._lock:
            parts = {"days": self._days.dump(), "tokens": self._tokens.dump(), "used": self._used}
            return {"org": self._org.dump(), **parts}

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._org.restore(state["org"])
        self._days.restore(state["days"])
        self._tokens.restore(state["tokens"])
        self._used = int(state["used"])


def _call(request: Request) -> Call:
    match = _DATA.match(request.path)
    if match is None or not reads.FIRST_VERSION <= int(match[1]) <= reads.LAST_VERSION:
        raise not_found()
    params = {k: v if isinstance(v, str) else str(v[-1]) for k, v in request.params.items()}
    method = params.get("_HttpMethod", request.method).upper() if request.method == "POST" else request.method
    content = request.payload()
    body: Any = None
    text = ""
    if content and request.headers.get("content-type", "").startswith("text/csv"):
        text = content.decode("utf-8", "replace")
    elif content:
        try:
            body = json.loads(content)
        except ValueError as error:
            raise bad_json(f"{error} [line:1, column:1]") from error
    parts = [unquote(p) for p in (match[2] or "").split("/") if p]
    return Call(method, parts, params, request.headers, body, int(match[1]), text=text)


# -- routes: method, then the path's fixed words; * stands for one segment of any text

_ROUTES: tuple[tuple[str, str, Route], ...] = (
    ("GET", "", reads.resources),
    ("GET", "limits/recordCount", reads.record_count),
    ("GET", "sobjects", reads.all_objects),
    ("GET", "sobjects/*", reads.one_object),
    ("POST", "sobjects/*", records.create),
    ("GET", "sobjects/*/describe", reads.describe_object),
    ("GET", "sobjects/*/updated", reads.updated),
    ("GET", "sobjects/*/deleted", reads.deleted),
    ("GET", "sobjects/*/*", records.read),
    ("PATCH", "sobjects/*/*", records.update),
    ("DELETE", "sobjects/*/*", records.delete),
    ("GET", "sobjects/*/*/*", records.read_by_key),
    ("PATCH", "sobjects/*/*/*", records.upsert),
    ("DELETE", "sobjects/*/*/*", records.delete_by_key),
    ("GET", "query", reads.query),
    ("POST", "query", reads.query),
    ("GET", "queryAll", reads.query),
    ("POST", "queryAll", reads.query),
    ("GET", "query/*", reads.next_page),
    ("GET", "queryAll/*", reads.next_page),
    ("POST", "composite", lambda org, call: many.composite(org, call, dispatch)),
    ("POST", "composite/batch", lambda org, call: many.batch(org, call, dispatch)),
    ("POST", "composite/sobjects", many.create_many),
    ("PATCH", "composite/sobjects", many.update_many),
    ("DELETE", "composite/sobjects", many.delete_many),
    ("GET", "composite/sobjects/*", many.retrieve),
    ("POST", "composite/sobjects/*", many.retrieve),
    ("PATCH", "composite/sobjects/*/*", many.upsert_many),
    ("POST", "jobs/query", jobs.make_query),
    ("GET", "jobs/query", jobs.listed),
    ("GET", "jobs/query/*", jobs.look),
    ("PATCH", "jobs/query/*", jobs.change),
    ("DELETE", "jobs/query/*", jobs.remove),
    ("GET", "jobs/query/*/results", jobs.results),
    ("POST", "jobs/ingest", ingest.make),
    ("GET", "jobs/ingest", jobs.listed),
    ("GET", "jobs/ingest/*", jobs.look),
    ("PATCH", "jobs/ingest/*", ingest.change),
    ("DELETE", "jobs/ingest/*", jobs.remove),
    ("PUT", "jobs/ingest/*/batches", ingest.upload),
    ("GET", "jobs/ingest/*/*", ingest.results),
)
_NESTABLE = "composite/sobjects"


def dispatch(org: Org, call: Call) -> Response:
    """Answer one call, from the wire or from inside a composite. Raises ApiError or ManyMatch."""
    others: set[str] = set()
    for method, pattern, route in _ROUTES:
        words = pattern.split("/") if pattern else []
        if len(words) != len(call.parts) or any(w not in ("*", p) for w, p in zip(words, call.parts, strict=True)):
            continue
        if call.nested and words[:1] in (["composite"], ["jobs"]) and not pattern.startswith(_NESTABLE):
            raise ApiError(400, "INVALID_INPUT", "a composite cannot hold another, nor a job")
        if method == call.method:
            return route(org, call)
        others.add(method)
    if not others:
        raise not_found()
    message = f"HTTP Method '{call.method}' not allowed. Allowed are {','.join(sorted(others))}"
    raise ApiError(405, "METHOD_NOT_ALLOWED", message)


__all__ = ["LOST", "VICES", "SalesforceSandbox", "dispatch"]
