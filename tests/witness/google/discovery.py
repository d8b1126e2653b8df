"""Holds requests and answers against Google's own discovery documents, which ship inside google-api-python-client.

Knows no endpoint of its own. A path that no document has is a difference; what an error answers is held to its shape
alone, since the documents do not describe errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from tieline.sandbox import Request, Response

_WHOLE = re.compile(r"-?\d+")
_RANGES = {"int32": (-(2**31), 2**31 - 1), "uint32": (0, 2**32 - 1)}
_UPLOAD = "/upload/"


class Wrong(NamedTuple):
    """One difference: which method, which half of the call, where in it, and what."""

    call: str
    half: str
    where: str
    what: str


class Method(NamedTuple):
    """One method of an API, as far as a call can be held against it."""

    pattern: re.Pattern[str]
    literal: int
    """How many characters of its path are fixed: the more, the closer a fit."""
    body: Mapping[str, Any]
    schemas: Mapping[str, Any]
    common: Mapping[str, Any]
    """Parameters that every method of the API takes."""


class Discovery:
    """The methods and schemas of several documents, each named as its file is: `people.v1`."""

    def __init__(self, names: Sequence[str]) -> None:
        self.methods: list[Method] = []
        for name in names:
            document = json.loads((_folder() / f"{name}.json").read_bytes())
            base = "/" + document["servicePath"]
            for body in _methods(document):
                pattern, literal = _pattern(base + body.get("flatPath", body["path"]))
                self.methods.append(Method(pattern, literal, body, document["schemas"], document["parameters"]))
        self.methods.sort(key=lambda m: -m.literal)

    def method(self, verb: str, path: str) -> Method | None:
        """The method that a call is; None when no document has it."""
        fits = (m for m in self.methods if m.body["httpMethod"] == verb and m.pattern.fullmatch(path))
        return next(fits, None)

    def check(self, request: Request, response: Response) -> list[Wrong]:
        """Where a call differs from its document."""
        path = "/" + request.path.removeprefix(_UPLOAD).lstrip("/")
        found = self.method(request.method, path)
        if found is None:
            known = response.status == 404
            return [] if known else [Wrong(f"{request.method} {request.path}", "request", "path", "no method has it")]
        call, sent, answer = found.body["id"], _decoded(request.payload()), _decoded(response.body)
        wrong = [Wrong(call, "request", *w) for w in _parameters(found, path, request.params)]
        if "request" in found.body and not request.path.startswith(_UPLOAD):
            wrong += [Wrong(call, "request", *w) for w in self._value(found, found.body["request"], sent, sent=True)]
        elif sent is not None and not request.path.startswith(_UPLOAD):
            wrong.append(Wrong(call, "request", "", "the method takes no body"))
        if response.status >= 400:
            return wrong + [Wrong(call, "answer", *w) for w in _error(answer, response.status)]
        if "response" in found.body and request.params.get("alt") != "media":
            wrong += [Wrong(call, "answer", *w) for w in self._value(found, found.body["response"], answer)]
        return wrong

    def _value(self, method: Method, schema: Mapping[str, Any], value: Any, *, sent: bool = False) -> Iterator[Any]:
        return _differences(method.schemas, schema, value, "", sent=sent)


class Watched:
    """A stand-in whose every call is held against the documents; `wrong` has what differs, `called` the methods met."""

    def __init__(self, sandbox: Any, discovery: Discovery) -> None:
        self.inner = sandbox
        self.discovery = discovery
        self.wrong: list[Wrong] = []
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def handle(self, request: Request) -> Response:
        """Answer, and note."""
        response: Response = self.inner.handle(request)
        request = _meant(request)
        ours = request.path.startswith(("/token", "/o/oauth2", "/revoke", "/_sandbox"))
        if response.status and not ours:
            found = self.discovery.method(request.method, "/" + request.path.removeprefix(_UPLOAD).lstrip("/"))
            self.called.add(found.body["id"] if found else f"unknown {request.method} {request.path}")
            self.wrong += self.discovery.check(request, response)
        return response


def _meant(request: Request) -> Request:
    """The GET behind a form that is too long for an address, as Google's own clients send it."""
    if {k.lower(): v for k, v in request.headers.items()}.get("x-http-method-override") != "GET":
        return request
    return Request("GET", request.path, parse_qs(request.payload().decode()))


@lru_cache(maxsize=4)
def described(*names: str) -> Discovery:
    """The documents of these APIs, read once."""
    return Discovery(names)


def _folder() -> Path:
    return Path(next(iter(import_module("googleapiclient.discovery_cache").__path__))) / "documents"


def _methods(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from node.get("methods", {}).values()
    for resource in node.get("resources", {}).values():
        yield from _methods(resource)


def _pattern(template: str) -> tuple[re.Pattern[str], int]:
    parts = re.split(r"\{(\+?\w+)\}", template)
    texts = [re.escape(p) if n % 2 == 0 else (".+" if p[0] == "+" else "[^/]+") for n, p in enumerate(parts)]
    return re.compile("".join(texts)), sum(len(p) for p in parts[::2])


def _decoded(body: bytes | None) -> Any:
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


# -- parameters


def _parameters(method: Method, path: str, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    known: Mapping[str, Any] = {**method.common, **method.body.get("parameters", {})}
    for name, value in given.items():
        rule = known.get(name)
        if rule is None or rule.get("location") == "path":
            yield name, "no such parameter"
            continue
        values = value if isinstance(value, (list, tuple)) else [value]
        if len(values) > 1 and not rule.get("repeated"):
            yield name, "given more than once"
        for one in values:
            if not _parameter_fits(rule, one):
                yield name, f"{one!r} is no {rule['type']} {rule.get('enum', rule.get('pattern', ''))}"
    for name, rule in known.items():
        if rule.get("required") and rule.get("location") == "query" and name not in given:
            yield name, "is required"
    whole = known.get("resourceName", {})
    if whole.get("location") == "path" and "pattern" in whole and "flatPath" in method.body:
        name = unquote(path.split("/", 2)[2])
        stem = whole["pattern"].rstrip("$")
        if not re.match(stem, name):
            yield "resourceName", f"{name} does not fit {whole['pattern']}"


def _parameter_fits(rule: Mapping[str, Any], value: Any) -> bool:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if rule["type"] == "boolean":
        return text in ("true", "false")
    if rule["type"] == "integer":
        return _WHOLE.fullmatch(text) is not None and _in_range(int(text), rule)
    if "enum" in rule:
        return text in rule["enum"]
    return "pattern" not in rule or re.match(rule["pattern"], text) is not None


def _in_range(value: int, rule: Mapping[str, Any]) -> bool:
    low, high = _RANGES.get(rule.get("format", ""), (-(2**63), 2**63))
    return max(low, int(rule.get("minimum", low))) <= value <= min(high, int(rule.get("maximum", high)))


# -- bodies


def _differences(
    schemas: Mapping[str, Any], schema: Mapping[str, Any], value: Any, where: str, *, sent: bool
) -> Iterator[tuple[str, str]]:
    while "$ref" in schema:
        schema = schemas[schema["$ref"]]
    kind = schema.get("type", "any")
    if kind == "any":
        return
    if kind == "array" and isinstance(value, list):
        for n, part in enumerate(value):
            yield from _differences(schemas, schema["items"], part, f"{where}[{n}]", sent=sent)
    elif kind == "object" and isinstance(value, dict):
        yield from _members(schemas, schema, value, where, sent=sent)
    elif not _scalar_fits(kind, schema, value):
        yield where, f"{value!r} is no {kind} {schema.get('format', '')} {schema.get('enum', '')}".rstrip()


def _members(
    schemas: Mapping[str, Any], schema: Mapping[str, Any], value: Mapping[str, Any], where: str, *, sent: bool
) -> Iterator[tuple[str, str]]:
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, part in value.items():
        at = f"{where}.{name}".lstrip(".")
        rule = known.get(name, others)
        if rule is None:
            yield at, "is not in the description"
        elif sent and _only_answered(rule) and name != "metadata":
            yield at, "is output only, and was sent"
        else:
            yield from _differences(schemas, rule, part, at, sent=sent)


def _only_answered(rule: Mapping[str, Any]) -> bool:
    return bool(rule.get("readOnly")) or str(rule.get("description", "")).startswith("Output only.")


def _scalar_fits(kind: str, schema: Mapping[str, Any], value: Any) -> bool:
    if kind == "string":
        return isinstance(value, str) and _text_fits(schema, value)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool) and _in_range(value, schema)
    return kind == "number" and isinstance(value, (int, float)) and not isinstance(value, bool)


def _text_fits(schema: Mapping[str, Any], value: str) -> bool:
    form = schema.get("format", "")
    if "enum" in schema and value not in schema["enum"]:
        return False
    if form in ("int64", "uint64"):
        return _WHOLE.fullmatch(value) is not None
    if form in ("google-datetime", "date-time"):
        try:
            return datetime.fromisoformat(value).tzinfo is not None
        except ValueError:
            return False
    return True


def _error(answer: Any, status: int) -> Iterator[tuple[str, str]]:
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        if status != 404:
            yield "error", "is no object"
        return
    if error.get("code") != status:
        yield "error.code", f"{error.get('code')!r} is not the answer's {status}"
    if not isinstance(error.get("message"), str):
        yield "error.message", "is no text"
    if not isinstance(error.get("status", ""), str) or not ({"status", "errors"} & error.keys()):
        yield "error.status", "there is neither a status nor a list of errors"
