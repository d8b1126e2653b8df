"""Calls and their answers: queries, collections, composites, and what a refusal means. Knows no canonical field.

Shapes: errors are `[{"message","errorCode","fields"}]` [rec]; inside collections the code is `statusCode` [rec]; a
composite answers 200 and keeps the status of each of its parts in the body [doc].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from tieline import (
    Clock,
    ConfigError,
    ContractViolation,
    HttpClient,
    NotAuthorised,
    RateLimited,
    Rejected,
    Request,
    Response,
    Transient,
    Unavailable,
    decode,
    server_time,
)
from tieline_salesforce.settings import LARGEST_PAGE

PARTS = 5
"""Collections and queries that one composite may hold [doc]."""
COLLECTION = 200
"""Records that one collections call may hold [rec]."""
URL_ROOM = 16_000
"""Characters a URL may have [memory]."""
MOST_PAGES = 1000
"""Pages of one query that are followed here: queries for given ids, users of an org."""
NO_ANSWER = 0
"""The status of a part that was not answered: what it asked may or may not have been done."""

_BUSY = frozenset({"UNABLE_TO_LOCK_ROW", "REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE"})
_NOT_ALLOWED = frozenset(
    {
        "API_CURRENTLY_DISABLED",
        "API_DISABLED_FOR_ORG",
        "FORBIDDEN",
        "INSUFFICIENT_ACCESS",
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "INVALID_TYPE",
        "OPERATION_NOT_ALLOWED",
    }
)


class VendorError(NamedTuple):
    """One error as Salesforce words it. `fields` are its own names."""

    code: str
    message: str
    fields: tuple[str, ...] = ()


class NothingThere(ConfigError):
    """The org has nothing under this address."""


class Refused(Rejected):
    """The whole call was refused and nothing of it was done. Never leaves the connector uncaught by intent."""

    def __init__(self, status: int, errors: Sequence[VendorError]) -> None:
        first = errors[0] if errors else VendorError("", f"status {status} without a reason")
        super().__init__(first.message.strip().splitlines()[-1] if first.message.strip() else "", code=first.code)
        self.status = status
        self.errors = tuple(errors)


class Answer(NamedTuple):
    """A decoded answer, the server's clock when it was given (ms), and how many bytes it took."""

    data: Any
    now: int
    size: int = 0


class Rows(NamedTuple):
    """One answer of a query job: comma-separated values as they came, how many rows it is said to have, and the locator
    of the next one (None: none)."""

    text: bytes
    total: int
    locator: str | None
    now: int


class Call(NamedTuple):
    """One part of `batch`. `path` is below the version; `params` go into the URL; `body` is sent as JSON."""

    method: str
    path: str
    params: Mapping[str, str] = {}
    body: Mapping[str, Any] | None = None


class Reply(NamedTuple):
    """What one part of `batch` was answered. `status` may be NO_ANSWER."""

    status: int
    body: Any
    now: int = 0

    @property
    def ok(self) -> bool:
        """Whether the part was done and answered."""
        return 200 <= self.status < 300


def errors_of(body: Any) -> list[VendorError]:
    """The errors in a decoded answer of any of the shapes they come in; empty when there are none."""
    if isinstance(body, Mapping):  # OAuth says {"error", "error_description"}; a composite part may be one error alone
        if "error" in body:
            return [VendorError(str(body["error"]), str(body.get("error_description", "")))]
        body = [body]
    if not isinstance(body, list):
        return []
    return [
        VendorError(
            str(e.get("errorCode") or e.get("statusCode") or ""),
            str(e.get("message") or ""),
            tuple(str(f) for f in e.get("fields") or ()),
        )
        for e in body
        if isinstance(e, Mapping) and ("errorCode" in e or "statusCode" in e or "message" in e)
    ]


def errors_in(response: Response) -> list[VendorError]:
    """The errors of an answer; empty when its body is not the API's JSON (a proxy's page, nothing at all)."""
    try:
        return errors_of(response.json())
    except ValueError:
        return []


def busy(code: str) -> bool:
    """Whether this error only asks to come again later."""
    return code in _BUSY


class Wire:
    """Speaks to one org. Safe to share between threads: the only state is whether `/composite` was found missing."""

    def __init__(self, http: HttpClient, clock: Clock, version: str, page: int = LARGEST_PAGE) -> None:
        self._http = http
        self._clock = clock
        self.version = version
        self.base = f"/services/data/{version}"
        self._composites = True
        self._options = {} if page == LARGEST_PAGE else {"sforce-query-options": f"batchSize={page}"}

    # -- reading

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """`path` is below the version, or starts at `/services/`. Raises Refused, or what a connector may raise."""
        full = path if path.startswith("/services/") else self.base + path
        return self._decoded(self._http.send(Request("GET", full, params=params or {}, headers=self._options)))

    def query(self, statement: str, *, deleted: bool = False) -> Answer:
        """The first page of a query; `deleted` also sees what is in the recycle bin and what was merged away."""
        answer = self.get("/queryAll" if deleted else "/query", {"q": statement})
        return self._page(answer)

    def more(self, url: str) -> Answer:
        """The page behind `nextRecordsUrl`. Raises ContractViolation for an address that is not one of the API's."""
        if not url.startswith("/services/data/") or ".." in url:
            raise ContractViolation(f"Salesforce named {url!r} as the next page")
        return self._page(self.get(url))

    def pages(self, data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """This page of a result, a subquery's too, and those behind it. Raises ContractViolation if they do not end."""
        seen: set[str] = set()
        while True:
            yield data
            if data.get("done", True):
                return
            url = str(data.get("nextRecordsUrl"))
            if url in seen or len(seen) >= MOST_PAGES:
                raise ContractViolation("Salesforce answers pages of one query again and again")
            seen.add(url)
            data = self.more(url).data

    @staticmethod
    def _page(answer: Answer) -> Answer:
        data = answer.data
        if not isinstance(data, Mapping) or not isinstance(data.get("records"), list):
            raise Unavailable("Salesforce answered a query with something that is no query result", sent=False)
        return answer

    # -- jobs

    def ask(self, method: str, path: str, body: Mapping[str, Any]) -> Answer:
        """A call that changes no record: one that is repeated leaves a job behind that nobody asks about."""
        return self._decoded(self._http.send(Request(method, self.base + path, json=body)))

    def rows(self, path: str, params: Mapping[str, str]) -> Rows:
        """Results of a query job. Raises Unavailable when the answer is something else (a proxy's page), Rejected when
        it does not say how many rows it has and where they go on: it might end anywhere."""
        request = Request("GET", self.base + path, params=params, headers={"accept": "text/csv"})
        response = self._http.send(request)
        if response.status >= 300:
            raise self.refusal(response.status, errors_in(response))
        locator, count = response.headers.get("sforce-locator", ""), response.headers.get("sforce-numberofrecords", "")
        if not response.headers.get("content-type", "").startswith("text/csv"):
            raise Unavailable("Salesforce answered a query job with something that is no table", sent=False)
        if not locator or not count.isdecimal():
            raise Rejected("its results do not say how many there are, or where they go on")
        following = None if locator == "null" else locator
        return Rows(response.body, int(count), following, server_time(response, self._clock))

    # -- writing

    def batch(self, calls: Sequence[Call]) -> list[Reply]:
        """These calls in their order, as composites where the org offers them, else one by one.

        Raises only when nothing was written; afterwards a part that could not be asked has the status NO_ANSWER.
        """
        replies: list[Reply] = []
        written = False
        for start in range(0, len(calls), PARTS):
            group = calls[start : start + PARTS]
            try:
                replies += self._group(group)
            except (Transient, NotAuthorised, Refused):
                if not written:
                    raise
                replies += [Reply(NO_ANSWER, None) for _ in group]
            written = written or any(c.method != "GET" for c in group)
        return replies

    def _group(self, calls: Sequence[Call]) -> list[Reply]:
        if self._composites and len(calls) > 1 and not _looks_like_a_reference(calls):
            replies = self._composite(calls)
            if replies is not None:
                return replies
        replies = []
        for call in calls:
            try:
                replies.append(self._single(call))
            except (Transient, NotAuthorised):
                if not any(c.method != "GET" for c in calls[: len(replies)]):
                    raise
                replies.append(Reply(NO_ANSWER, None))
        return replies

    def _composite(self, calls: Sequence[Call]) -> list[Reply] | None:
        """None when the org has no such resource: nothing was done then."""
        parts = []
        for i, call in enumerate(calls):
            url = self.base + call.path + ("?" + urlencode(call.params, quote_via=quote) if call.params else "")
            part = {"method": call.method, "url": url, "referenceId": f"part{i}"}
            parts.append(part if call.body is None else {**part, "body": call.body})
        body = {"allOrNone": False, "collateSubrequests": False, "compositeRequest": parts}
        write = any(c.method != "GET" for c in calls)
        response = self._http.send(Request("POST", self.base + "/composite", json=body, write=write))
        if response.status in (404, 405):
            self._composites = False
            return None
        answer = self._decoded(response)
        found = answer.data.get("compositeResponse") if isinstance(answer.data, Mapping) else None
        if not isinstance(found, list) or len(found) != len(calls):
            raise Unavailable("Salesforce answered a composite with something else", sent=write)
        return [Reply(int(part.get("httpStatusCode") or 0), part.get("body"), answer.now) for part in found]

    def _single(self, call: Call) -> Reply:
        write = call.method != "GET"
        request = Request(call.method, self.base + call.path, params=call.params, json=call.body, write=write)
        response = self._http.send(request)
        now = server_time(response, self._clock)
        if response.status >= 400:
            return Reply(response.status, _body(response, sent=False), now)
        return Reply(response.status, _body(response, sent=write), now)

    # -- answers

    def _decoded(self, response: Response) -> Answer:
        if response.status >= 300:
            raise self.refusal(response.status, errors_in(response))
        return Answer(_body(response, sent=True), server_time(response, self._clock), len(response.body))

    def refusal(self, status: int, errors: Sequence[VendorError]) -> Exception:
        """The error to raise for a refused call."""
        refused = Refused(status, errors)
        where = f"{refused.code}: {refused}" if refused.code else str(refused)
        if refused.code == "INVALID_TYPE":
            return NotAuthorised(f"Salesforce does not show this object to the signed-in user ({where})")
        if status == 403 or refused.code in _NOT_ALLOWED:
            return NotAuthorised(f"Salesforce does not allow this call ({where})")
        if busy(refused.code):
            return RateLimited(f"Salesforce is busy ({where})")
        if status == 404 and refused.code in ("", "NOT_FOUND"):
            return NothingThere(
                f"Salesforce has nothing at {self.base}: is api_version {self.version!r} offered by this org, "
                "and is base_url its My Domain?",
                hint="tieline check",
            )
        return refused


def _looks_like_a_reference(calls: Sequence[Call]) -> bool:
    """A composite takes `@{…}` anywhere in a part for a reference to another part's answer, also in a person's text."""
    return any(call.body is not None and "@{" in repr(call.body) for call in calls)


def _body(response: Response, *, sent: bool) -> Any:
    if not response.body:
        return None
    try:
        return decode(response, "Salesforce")
    except Unavailable as error:
        raise Unavailable(str(error), sent=sent) from None
