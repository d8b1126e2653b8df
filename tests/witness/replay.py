"""Replays real recorded conversations against a stand-in and tells where its answers differ in shape.

Knows no vendor: an adapter seeds the stand-in from a conversation's own answers, sends its requests, and says by rule
(never by file name) what may differ and what the stand-in does not serve. Compared are status, the presence of
headers, key sets, value types, the number of results, and values that the client itself had sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

Where = tuple[str, ...]
"""Where in an answer: `$` for its top, then keys, `*` for any item of a list."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as recorded, and its answer. Header names are lower case; a blank body is None."""

    method: str
    path: str
    """Decoded, without host and query."""
    params: Mapping[str, Any]
    headers: Mapping[str, str]
    body: Any
    status: int
    answer_headers: Mapping[str, str]
    answer: Any
    at: int | None
    """When it was answered, in ms; None when the recording does not say."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Conversation:
    """The exchanges of one recording, in order."""

    name: str
    exchanges: tuple[Exchange, ...]

    @classmethod
    def of(cls, name: str, rows: Iterable[Mapping[str, Any]]) -> Conversation:
        """One of interactions as recorded."""
        return cls(name, tuple(exchange_of(row) for row in rows))


class Reply(NamedTuple):
    """What a stand-in answered; `body` decoded where it is JSON, text otherwise, None when there is none."""

    status: int
    headers: Mapping[str, str]
    body: Any


class Mismatch(NamedTuple):
    """One difference: which exchange, where in its answer, and what."""

    exchange: str
    where: str
    what: str


class Rules:
    """What may differ between a recording and a stand-in. The defaults allow nothing; an adapter relaxes by rule."""

    def identifier(self, exchange: Exchange, where: Where) -> bool:
        """This value is a record's id: bound on first sight, equal from then on."""
        return where[-1] == "id"

    def key(self, where: Where, item: Any) -> Any:
        """What pairs the items of a list besides ids; None: by their contents."""
        return None

    def optional(self, exchange: Exchange, where: Where) -> bool:
        """The recording has this key and the stand-in need not."""
        return False

    def extra(self, exchange: Exchange, where: Where) -> bool:
        """The stand-in may have this key although the recording has not."""
        return False

    def extract(self, exchange: Exchange, where: Where) -> bool:
        """The stand-in has a part of this list, or more: only the items that both have are compared."""
        return False

    def same_type(self, exchange: Exchange, where: Where, recorded: Any, actual: Any) -> bool:
        """Whether two values that are no containers are of one type."""
        return type(recorded) is type(actual)

    def exact(self, exchange: Exchange, where: Where) -> bool:
        """The value must be equal, not only its type."""
        return False

    def headers(self, exchange: Exchange) -> Iterable[str]:
        """Names of headers that must be there exactly when the recording has them."""
        return ("content-type",)


class Adapter(Protocol):
    """A stand-in made ready for conversations of its vendor."""

    rules: Rules

    def unserved(self, exchange: Exchange) -> str | None:
        """Why this exchange cannot be replayed, as a rule would say it; None when it can."""
        ...

    def begin(self, conversation: Conversation) -> None:
        """Start afresh, with what must have existed before the conversation according to its own answers."""
        ...

    def replies(self, exchange: Exchange, recorded: Exchange) -> Sequence[Reply]:
        """The answers that would be right, the real one first; ids in `exchange` are the stand-in's own."""
        ...


@dataclass(slots=True)
class Report:
    """What a replay found. `skipped` holds (exchange, reason)."""

    compared: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [f"{m.exchange}: {m.where}: {m.what}" for m in self.mismatches]
        return "\n".join(["Shape mismatch", *lines]) if lines else f"{self.compared} exchanges agree"


# -- reading recordings


def conversations(folder: Path) -> list[Conversation]:
    """Every recording below a folder: JSON files with a list of `interactions`."""
    found = []
    for path in sorted(folder.rglob("*.json")):
        body = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(body, dict) and isinstance(body.get("interactions"), list):
            found.append(Conversation.of(path.relative_to(folder).as_posix(), body["interactions"]))
    return found


SECRET_PARAMS = frozenset({"hapikey", "access_token", "api_key", "key"})


def exchange_of(row: Mapping[str, Any]) -> Exchange:
    """A recorded interaction, its URL taken apart and stripped of host and credentials."""
    request, response = row["request"], row["response"]
    url = urlsplit(request["url"])
    params = {
        name: values if len(values) > 1 else values[0]
        for name, values in parse_qs(url.query, keep_blank_values=True).items()
        if name not in SECRET_PARAMS
    }
    headers = _lower(response.get("headers"))
    return Exchange(
        request["method"].upper(),
        unquote(url.path),
        params,
        {k: v for k, v in _lower(request.get("headers")).items() if k != "authorization"},
        _body(request.get("body")),
        int(response["status"]),
        headers,
        _body(response.get("body")),
        _moment(headers.get("date") or row.get("recorded_at")),
    )


def _lower(headers: Mapping[str, Any] | None) -> dict[str, str]:
    return {k.lower(): v[0] if isinstance(v, list) else str(v) for k, v in (headers or {}).items()}


def _body(raw: Any) -> Any:
    if raw is None or raw == "":
        return None
    if isinstance(raw, str) and raw[:1] in "[{":
        try:
            return json.loads(raw)
        except ValueError:
            return raw
    return raw


def _moment(text: Any) -> int | None:
    if not text:
        return None
    try:
        return round(parsedate_to_datetime(str(text)).timestamp() * 1000)
    except ValueError:
        return None


# -- replaying


class Binder:
    """Recorded ids and the stand-in's own, one to one."""

    def __init__(self) -> None:
        self._mine: dict[str, str] = {}
        self._theirs: dict[str, str] = {}

    def copy(self) -> Binder:
        """A binder that can be thrown away."""
        other = Binder()
        other._mine, other._theirs = dict(self._mine), dict(self._theirs)
        return other

    def bind(self, recorded: str, actual: str) -> bool:
        """Bind on first sight; False when either is bound to something else."""
        mine = self._mine.setdefault(recorded, actual)
        return mine == actual and self._theirs.setdefault(actual, recorded) == recorded

    def recorded(self, actual: str) -> str | None:
        """The recorded id behind one of the stand-in's."""
        return self._theirs.get(actual)

    def translate(self, value: Any) -> Any:
        """A request's body or parameters with the stand-in's ids in place of the recorded ones."""
        if isinstance(value, Mapping):
            return {k: self.translate(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self.translate(v) for v in value]
        if isinstance(value, str):
            return self._mine.get(value, value)
        if isinstance(value, int) and not isinstance(value, bool) and str(value) in self._mine:
            mine = self._mine[str(value)]
            return int(mine) if mine.isdigit() else mine
        return value

    def exchange(self, recorded: Exchange) -> Exchange:
        """The request to send and the answer to expect, with the stand-in's ids."""
        path = "/".join(self._mine.get(part, part) for part in recorded.path.split("/"))
        params, body, answer = (self.translate(part) for part in (recorded.params, recorded.body, recorded.answer))
        return replace(recorded, path=path, params=params, body=body, answer=answer)


def replay(conversation: Conversation, adapter: Adapter) -> Report:
    """Send a conversation's requests in order and compare each answer with the recorded one."""
    report, binder = Report(), Binder()
    sent: set[str] = set()
    adapter.begin(conversation)
    for number, recorded in enumerate(conversation.exchanges):
        name = f"{conversation.name}#{number} {recorded}"
        reason = adapter.unserved(recorded)
        if reason is not None:
            report.skipped.append((name, reason))
            continue
        sent.update(leaf for leaf in leaves(recorded.body) if isinstance(leaf, str) and leaf)
        tried = []
        for reply in adapter.replies(binder.exchange(recorded), recorded):
            trial = Comparison(name, recorded, adapter.rules, binder.copy(), frozenset(sent))
            trial.answer(reply)
            tried.append(trial)
            if not trial.mismatches:
                break
        best = min(tried, key=lambda trial: len(trial.mismatches))
        binder = best.binder
        report.compared += 1
        report.mismatches += best.mismatches
    return report


def leaves(value: Any) -> Iterator[Any]:
    """Every value in it that is no container."""
    if isinstance(value, Mapping):
        for part in value.values():
            yield from leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part)
    else:
        yield value


@dataclass(slots=True)
class Comparison:
    """One recorded answer held against one reply."""

    name: str
    exchange: Exchange
    rules: Rules
    binder: Binder
    sent: frozenset[str]
    mismatches: list[Mismatch] = field(default_factory=list)

    def answer(self, reply: Reply) -> None:
        """Compare everything."""
        if reply.status != self.exchange.status:
            self._note(
                ("status",), f"{self.exchange.status} was recorded, {reply.status} came: {str(reply.body)[:300]}"
            )
            return
        for header in self.rules.headers(self.exchange):
            self._header(header, self.exchange.answer_headers.get(header), reply.headers.get(header))
        self.value(("$",), self.exchange.answer, reply.body)

    def _note(self, where: Where, what: str) -> None:
        self.mismatches.append(Mismatch(self.name, ".".join(where), what))

    def _header(self, name: str, recorded: str | None, actual: str | None) -> None:
        agree = (recorded is None) is (actual is None)
        if agree and name == "content-type" and recorded and actual:
            agree = _media(recorded) == _media(actual)
        if not agree:
            self._note(("headers", name), f"{recorded!r} was recorded, {actual!r} came")

    def value(self, where: Where, recorded: Any, actual: Any) -> None:
        """Compare two values: containers by their parts, the rest by type, id or echo."""
        if isinstance(recorded, Mapping) and isinstance(actual, Mapping):
            self._mapping(where, recorded, actual)
        elif isinstance(recorded, list) and isinstance(actual, list):
            self._list(where, recorded, actual)
        elif not self.rules.same_type(self.exchange, where, recorded, actual):
            self._note(where, f"{_kind(recorded)} was recorded, {_kind(actual)} came")
        elif recorded is not None and actual is not None:
            self._leaf(where, recorded, actual)

    def _leaf(self, where: Where, recorded: Any, actual: Any) -> None:
        if self.rules.identifier(self.exchange, where):
            if not self.binder.bind(str(recorded), str(actual)):
                self._note(where, f"id {actual!r} is not the one that stands for {recorded!r}")
        elif recorded != actual and (self.rules.exact(self.exchange, where) or recorded in self.sent):
            self._note(where, f"{recorded!r} was recorded, {actual!r} came")

    def _mapping(self, where: Where, recorded: Mapping[str, Any], actual: Mapping[str, Any]) -> None:
        for key in sorted(set(recorded) | set(actual)):
            at = (*where, key)
            if key not in actual:
                if not self.rules.optional(self.exchange, at):
                    self._note(at, "was recorded and is missing")
            elif key not in recorded:
                if not self.rules.extra(self.exchange, at):
                    self._note(at, "came and was not recorded")
            else:
                self.value(at, recorded[key], actual[key])

    def _list(self, where: Where, recorded: list[Any], actual: list[Any]) -> None:
        at = (*where, "*")
        extract = self.rules.extract(self.exchange, where)
        if not extract and len(recorded) != len(actual):
            self._note(where, f"{len(recorded)} items were recorded, {len(actual)} came")
        left = list(actual)
        for item in recorded:
            mate = self._mate(at, item, left, extract)
            if mate is None:
                continue
            left.remove(mate)
            self.value(at, item, mate)

    def _mate(self, where: Where, item: Any, left: list[Any], extract: bool) -> Any:
        """The item of the answer that this recorded one is compared with: same key, same id, else most alike."""
        wanted = self.rules.key(where, item)
        if wanted is not None:
            return next((other for other in left if self.rules.key(where, other) == wanted), None)
        if extract or not isinstance(item, Mapping):
            return left[0] if left else None
        bound = {str(other.get("id")): other for other in left if isinstance(other, Mapping) and "id" in other}
        for mine, other in bound.items():
            if self.binder.recorded(mine) == str(item.get("id")):
                return other
        mine = set(_flat(item))
        free = [o for o in left if not isinstance(o, Mapping) or self.binder.recorded(str(o.get("id"))) is None]
        return max(free or left, key=lambda other: len(mine & set(_flat(other))), default=None)


def _flat(value: Any, at: Where = ()) -> Iterator[tuple[Where, str]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _flat(part, (*at, key))
    elif isinstance(value, list):
        for part in value:
            yield from _flat(part, (*at, "*"))
    else:
        yield at, repr(value)


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def _media(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
