"""Small builders for the engine's nouns, so that a test names only what it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from tieline.engine.merge import Court, Side
from tieline.engine.plan import Asker, Target
from tieline.model import Decision, FieldFacts, Link, Record, Remote
from tieline.records import FIELDS, Kind
from tieline.rules import Policy, SystemRules

SKEW = 2000
ALL: Mapping[str, FieldFacts] = {n: FieldFacts() for kind in FIELDS for n in FIELDS[kind]}


def record(kind: Kind = "contact", *, by: tuple[str, int] = ("crm", 0), **fields: Any) -> Record:
    """A record whose fields all came from one system at one time."""
    return Record("r1", kind, fields, {"*": by})


def link(system: str, kind: Kind = "contact", **trees: Any) -> Link:
    """A link; `seen` and `base` as given, `base` the same as `seen` where it is not."""
    seen = trees.pop("seen", {})
    base = trees.pop("base", seen)
    return Link(system, kind, f"{kind}s", f"{system}-1", "r1", seen, base, stamped=True, **trees)


def side(system: str, kind: Kind = "contact", **given: Any) -> Side:
    """One system's part in a record; anything a `Side` or a `Link` has can be given by name."""
    rules = given.pop("rules", SystemRules())
    facts = {**ALL, **given.pop("facts", {})}
    extra = {n: given.pop(n) for n in ("unresolved", "blocked", "rejected") if n in given}
    return Side(link(system, kind, **given), rules, facts, **extra)


def court(decisions: Mapping[str, Decision] | None = None, **policies: Policy) -> Court:
    """Policies by field; the systems rank crm, mail, files."""
    return Court(policies, decisions or {}, SKEW, {"crm": 0, "mail": 1, "files": 2})


def target(system: str = "mail", **given: Any) -> Target:
    """A system that should hold the record."""
    return Target(
        system, "contacts", {**ALL, **given.get("facts", {})}, given.get("defaults", {}), given.get("rejected", {}),
        given.get("held", ""),
    )  # fmt: skip


def refs(state: str = "there", **by_id: str) -> Asker:
    """References are in this state, but for those named."""
    return Asker(lambda system, kind, hub: by_id.get(hub, state))  # type: ignore[arg-type, return-value]


def remote(**given: Any) -> Remote:
    """What a system answers."""
    return Remote(given.pop("id", "mail-1"), given.pop("fields", {}), **given)


@pytest.fixture
def make() -> Any:
    """The builders, by name."""
    builders: dict[str, Callable[..., Any]] = {
        "record": record,
        "link": link,
        "side": side,
        "court": court,
        "target": target,
        "refs": refs,
        "remote": remote,
    }
    return SimpleNamespace(**builders)
