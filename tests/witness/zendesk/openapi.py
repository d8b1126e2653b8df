"""Holds requests and answers against the vendor's own API description. Knows no endpoint of its own.

The description says `string` where real answers have null, and three shapes of a job's results where there are more:
what real answers do is excused by rule, never by endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from openapi_schema_validator import OAS30Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

ROOT = "urn:description"
NULL_IN_REAL_ANSWERS = frozenset(
    {
        *("alias", "custom_role_id", "default_group_id", "details", "due_at", "external_id", "forum_topic_id"),
        *("group_id", "last_login_at", "notes", "organization_id", "phone", "photo", "problem_id", "recipient"),
        *("role_type", "shared_phone_number", "signature", "ticket_restriction", "two_factor_auth_enabled", "type"),
    }
)
"""Keys that captured answers hold null in, although the description knows no null there."""
NULL_BY_NATURE = frozenset({"email", "assignee_id", "brand_id", "priority", "ticket_form_id"})
"""Keys that are null where there is nothing to say: a deleted user has no address [rec], a new ticket nobody at it."""
_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_FAST):  # type: ignore[misc]
    """JSON's types alone: no dates, no `=`."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag.rpartition(":")[2] in ("bool", "int", "float", "null")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Wrong(NamedTuple):
    """One difference: which call, which half of it, where in it, and what."""

    call: str
    half: str
    where: str
    what: str


class Description:
    """The paths and schemas of one description."""

    def __init__(self, path: Path) -> None:
        self.body: dict[str, Any] = _Loader(path.read_bytes()).get_single_data()
        # who asks here is an admin: what an end user would be shown excuses nothing
        self.body["components"]["schemas"]["UserObject"] = {"$ref": "#/components/schemas/UserForAdmin"}
        self.registry: Any = Registry().with_resource(ROOT, Resource(self.body, DRAFT4))
        self.checked = 0
        rows = ((template, ops) for template, ops in self.body["paths"].items())
        self._paths = [(_pattern(template), template, ops) for template, ops in rows]
        self._paths.sort(key=lambda row: row[1].count("{"))
        self._validators: dict[str, Any] = {}

    def operation(self, method: str, path: str) -> tuple[str, Mapping[str, Any]] | None:
        """The template and operation of a call; None when the description has none."""
        plain = path.removesuffix(".json")
        for pattern, template, operations in self._paths:
            if pattern.fullmatch(plain) and method.lower() in operations:
                return template, operations[method.lower()]
        return None

    def check(self, method: str, path: str, sent: Any, status: int, answer: Any) -> Iterator[Wrong]:
        """Where a call differs from the description; a call that it does not know differs not."""
        found = self.operation(method, path)
        if found is None or status >= 400:
            return
        template, operation = found
        call = f"{method} {template}"
        self.checked += 1
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        if body is not None:
            yield from self._against(call, "request", body, sent)
        known = operation["responses"]
        if str(status) not in known:
            yield Wrong(call, "answer", "status", f"{status} is none of {sorted(known)}")
            return
        said = self._resolved(known[str(status)])
        shape = said.get("content", {}).get("application/json", {}).get("schema")
        if shape is not None:
            yield from self._against(call, "answer", shape, answer)

    def _resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in node:
            target: Any = self.body
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/")]
            node = target
        return node

    def _against(self, call: str, half: str, schema: Mapping[str, Any], value: Any) -> Iterator[Wrong]:
        for error in self._validator(schema).iter_errors(value):
            for deep in _deepest(error):
                if not _excused(deep):
                    yield Wrong(call, half, ".".join(str(p) for p in deep.absolute_path), deep.message[:200])

    def _validator(self, schema: Mapping[str, Any]) -> Any:
        key = repr(schema)
        if key not in self._validators:
            rooted = _rooted(schema)
            self._validators[key] = OAS30Validator(rooted, registry=self.registry)
        return self._validators[key]


@lru_cache(maxsize=1)
def described(path: Path) -> Description:
    """The description in a file, read once."""
    return Description(path)


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{\w+\}", template)
    return re.compile(r"[^/]+".join(re.escape(part) for part in parts))


def _rooted(value: Any) -> Any:
    """A schema whose references start at the whole description."""
    if isinstance(value, Mapping):
        return {k: ROOT + v if k == "$ref" and isinstance(v, str) else _rooted(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rooted(part) for part in value]
    return value


def _deepest(error: Any) -> Iterator[Any]:
    """The errors that count of one that has several branches: those of the branch with the fewest."""
    if not error.context:
        yield error
        return
    branches: dict[Any, list[Any]] = {}
    for part in error.context:
        branches.setdefault(part.schema_path[0], []).extend(_deepest(part))
    kept = [[one for one in rows if not _excused(one)] for rows in branches.values()]
    yield from min(kept, key=len)


def _excused(error: Any) -> bool:
    """Whether real answers do the same."""
    last = error.absolute_path[-1] if error.absolute_path else None
    if error.instance is None and last in NULL_IN_REAL_ANSWERS | NULL_BY_NATURE:
        return True
    if "results" in error.absolute_path:  # real results have more shapes than the three of the description
        return True
    return isinstance(last, str) and any(str(p).endswith("_fields") for p in error.absolute_path)
