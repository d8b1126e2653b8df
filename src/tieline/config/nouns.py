"""What a configuration is once it is understood. Frozen; no secret is in it, only where secrets are found."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from tieline.connector import ConnectorSpec
from tieline.engine.limits import Limits
from tieline.mapping import Mapper, Rule
from tieline.records import Kind
from tieline.rules import Rules


@dataclass(frozen=True, slots=True)
class Schedule:
    """When `tieline run` runs: every so often, or by a cron expression in local time; `jitter_ms` delays at random."""

    every_ms: int | None = None
    cron: str | None = None
    jitter_ms: int = 0

    def __bool__(self) -> bool:
        return self.every_ms is not None or self.cron is not None


@dataclass(frozen=True, slots=True)
class SystemConfig:
    """One `[systems.NAME]`."""

    name: str
    spec: ConnectorSpec
    base_url: str
    """Empty for connectors without `http`."""
    auth: Any
    """An `auth.AuthSettings`; None for connectors without `http`."""
    settings: Any
    """An instance of the spec's `settings`."""
    mappers: Mapping[str, Mapper]
    """Per stream that is synced."""
    ca: str | None = None
    """A file of certificates to trust instead of the usual ones, relative to the configuration's folder."""
    placed: tuple[str, ...] = ()
    """The keys of its table that say where it is; empty: the connector knows."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds this system takes part in."""
        return tuple(dict.fromkeys(m.kind for m in self.mappers.values()))


@dataclass(frozen=True)
class Config:
    """A whole configuration."""

    path: Path
    systems: Mapping[str, SystemConfig]
    """In the order of the file, which breaks ties."""
    rules: Rules
    limits: Limits = field(default_factory=Limits)
    schedule: Schedule = field(default_factory=Schedule)
    full_ms: int | None = None
    """How long after a full read the next one is due; None: only when asked."""
    plugins: tuple[str, ...] = ()
    """Plugins whose hooks are called, in this order."""
    trust: Mapping[str, str] = field(default_factory=dict)
    """Plugin → the distribution that it must come from, which then is not asked about."""
    notes: tuple[str, ...] = ()
    """What is allowed but may not be meant."""

    @property
    def root(self) -> Path:
        """The folder of the file: relative paths in it start here."""
        return self.path.parent

    @cached_property
    def fingerprint(self) -> str:
        """Changes when anything does that a plan depends on: policies, mappings, filters, modes, matching, settings.

        A connector's settings say how values are read (a time zone, a currency): what was read before them is stale.
        """
        return hashlib.sha256(to_json(_planning(self), fallback=_told)).hexdigest()[:16]


def _told(value: Any) -> str:
    """What only Python can write down, alike in every process: not where it lies in memory."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


def _planning(config: Config) -> dict[str, Any]:
    rules = config.rules
    return {
        "policies": {
            kind: {name: (str(p), p.on_foreign) for name, p in sorted(table.items())}
            for kind, table in sorted(rules.policies.items())
        },
        "systems": [
            [name, sorted((kind, r.mode, r.create, r.delete, r.filter or "") for kind, r in kinds.items())]
            for name, kinds in rules.systems.items()
        ],
        "match": sorted((kind, list(keys)) for kind, keys in rules.match.items()),
        "skew": rules.skew_ms,
        "settings": {name: system.settings for name, system in config.systems.items()},
        "maps": {
            name: {stream: [_rule(r) for r in mapper.rules] for stream, mapper in sorted(system.mappers.items())}
            for name, system in config.systems.items()
        },
    }


def _rule(rule: Rule) -> list[Any]:
    return [
        rule.remote,
        rule.field,
        rule.type,
        sorted(rule.values.items()) if rule.values is not None else None,
        rule.scale,
        rule.default,
        rule.const,
        getattr(rule.load, "__qualname__", None),
        getattr(rule.dump, "__qualname__", None),
        [rule.write, rule.read, rule.create, rule.clear],
    ]
