"""From the file's text to a `Config`. Reads one file, imports the connectors it names, asks nobody else."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tieline.config.nouns import Config, Schedule, SystemConfig
from tieline.config.policies import SYNC_KEYS, read_full, read_match, read_policies, read_skew
from tieline.config.problems import Problems, nearest, shown
from tieline.config.systems import read_system, read_system_rules
from tieline.config.units import duration_ms, limit
from tieline.connector import ConnectorSpec
from tieline.engine.limits import Limits
from tieline.errors import ConfigError, PluginFailed, PluginMissing
from tieline.records import KINDS, Kind
from tieline.rules import Rules

TOP_KEYS = ("systems", "sync", "limits", "schedule", "plugins", "trust")
LIMIT_KEYS = ("creates", "updates", "archives", "blanks")
CRON_FIELDS = 5
SCHEDULE_KEYS = ("every", "cron", "jitter")
SYSTEM_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_AT = re.compile(r"^(?P<what>.*?) \(at line (?P<line>\d+), column (?P<column>\d+)\)$", re.DOTALL)


class Connectors(Protocol):
    """What is asked of the plugins: a `plugins.Registry`."""

    def get(self, connector: str, plugins: Sequence[str], trust: Mapping[str, str]) -> ConnectorSpec:
        """The connector of this name, of its namesake or of these plugins; raises PluginMissing or PluginFailed."""
        ...

    def names(self) -> tuple[str, ...]:
        """The plugins there are."""
        ...


def load(path: Path, registry: Connectors) -> Config:
    """The configuration in a file.

    Raises ConfigError with all problems at once; PluginMissing or PluginFailed when that is the only one.
    """
    table, text = parse(path)
    return _Loader(path, text, registry).load(table)


def parse(path: Path) -> tuple[dict[str, Any], str]:
    """A file's tables, and its text. Raises ConfigError."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"there is no configuration at {path}", hint="tieline init") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint="tieline --config FILE") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path.name}: is not UTF-8 text (byte {error.start})") from None
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        match = _AT.match(str(error))
        place, what = (f":{match['line']}:{match['column']}", match["what"]) if match else ("", str(error))
        raise ConfigError(f"{path.name}{place}: is not valid TOML: {what[:1].lower()}{what[1:]}") from None


class _Loader:
    def __init__(self, path: Path, text: str, registry: Connectors) -> None:
        self._path = path
        self._registry = registry
        self._problems = Problems(path.name, text)
        self._plugin_errors: list[PluginMissing | PluginFailed] = []
        self._listed: tuple[str, ...] = ()
        self._trust: Mapping[str, str] = {}

    def load(self, table: Mapping[str, Any]) -> Config:
        problems = self._problems
        for key in table:
            if key not in TOP_KEYS:
                problems.unknown((key,), TOP_KEYS)
        self._listed = self._plugins(table.get("plugins", []))
        self._trust = self._trusted(self._table(table, "trust"))
        tables = self._table(table, "systems")
        if not tables and "systems" not in table:
            problems.add(("systems",), "no system is configured; each needs a table [systems.NAME]")
        systems = {name: found for name, raw in tables.items() if (found := self._system(name, raw)) is not None}
        per_system = {
            name: read_system_rules(("systems", name), system, tables[name], problems)
            for name, system in systems.items()
        }
        rules, full_ms = self._sync(self._table(table, "sync"), tuple(tables), systems, per_system)
        config = Config(
            path=self._path,
            systems=systems,
            rules=rules,
            limits=self._limits(self._table(table, "limits")),
            schedule=self._schedule(self._table(table, "schedule")),
            full_ms=full_ms,
            plugins=tuple(dict.fromkeys([*self._listed, *(s.spec.name for s in systems.values())])),
            trust=self._trust,
            notes=tuple(problems.notes),
        )
        self._raise()
        return config

    def _raise(self) -> None:
        found = self._problems.sentences
        if self._plugin_errors and len(found) == len(self._plugin_errors):
            first = self._plugin_errors[0]
            if len(found) == 1:
                raise type(first)(found[0], hint=first.hint) from first.__cause__
            raise ConfigError(found, hint=first.hint)
        if found:
            raise ConfigError(found)

    def _table(self, parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        return self._problems.table((key,), parent.get(key, {}))

    def _system(self, name: str, raw: object) -> SystemConfig | None:
        path = ("systems", name)
        if not SYSTEM_NAME.fullmatch(name) or name.endswith("-unless-blank"):
            self._problems.add(path, "a system's name is made of a-z, 0-9, - and _, and starts with a letter")
        table = self._problems.table(path, raw)
        connector = table.get("connector")
        if not isinstance(connector, str) or not connector:
            missing = "connector" not in table
            near = nearest("connector", [k for k in table if k not in KINDS]) if missing else ""
            near = near if near.startswith("; did") else ""
            self._problems.add(
                (*path, "connector"), f"is required{near}" if missing else f"must be text, not {shown(connector)}"
            )
            return None
        try:
            spec = self._registry.get(connector, self._listed, self._trust)
        except (PluginMissing, PluginFailed) as error:
            self._plugin_errors.append(error)
            self._problems.add((*path, "connector"), str(error))
            return None
        return read_system(path, name, spec, table, self._problems)

    def _sync(
        self,
        table: Mapping[str, Any],
        names: tuple[str, ...],
        systems: Mapping[str, SystemConfig],
        per_system: Mapping[str, Any],
    ) -> tuple[Rules, int | None]:
        problems = self._problems
        for key in table:
            if key not in KINDS and key not in SYNC_KEYS:
                problems.unknown(("sync", key), (*KINDS, *SYNC_KEYS))
        policies = {}
        for kind in KINDS:
            lines = problems.table(("sync", kind), table.get(kind, {}))
            policies[kind] = read_policies(("sync", kind), kind, lines, _mapped(kind, names, systems), problems)
        match = read_match(("sync", "match"), problems.table(("sync", "match"), table.get("match", {})), problems)
        skew = read_skew(("sync", "skew"), table.get("skew"), problems)
        full_ms = read_full(("sync", "full"), table.get("full"), problems)
        return Rules(policies=policies, systems=per_system, match=match, skew_ms=skew), full_ms

    def _limits(self, table: Mapping[str, Any]) -> Limits:
        found = {}
        for key, value in table.items():
            if key not in LIMIT_KEYS:
                self._problems.unknown(("limits", key), LIMIT_KEYS)
                continue
            try:
                found[key] = limit(value, getattr(Limits(), key))
            except ValueError as error:
                self._problems.add(("limits", key), str(error))
        return Limits(**found)

    def _schedule(self, table: Mapping[str, Any]) -> Schedule:
        every_ms: int | None = None
        jitter_ms = 0
        for key in table:
            if key not in SCHEDULE_KEYS:
                self._problems.unknown(("schedule", key), SCHEDULE_KEYS)
        try:
            every_ms = duration_ms(table["every"]) if "every" in table else None
            if every_ms == 0:
                self._problems.add(("schedule", "every"), "must be longer than nothing")
        except ValueError as error:
            self._problems.add(("schedule", "every"), str(error))
        try:
            jitter_ms = duration_ms(table.get("jitter", 0))
        except ValueError as error:
            self._problems.add(("schedule", "jitter"), str(error))
        cron = table.get("cron")
        if cron is not None and not _is_cron(cron):
            self._problems.add(
                ("schedule", "cron"), f'must be a cron expression such as "*/15 * * * *", not {shown(cron)}'
            )
        if "every" in table and "cron" in table:
            self._problems.add(("schedule",), "give `every` or `cron`, not both")
        return Schedule(every_ms, cron if isinstance(cron, str) else None, jitter_ms)

    def _plugins(self, value: object) -> tuple[str, ...]:
        """The plugins that the file lists."""
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            self._problems.add(("plugins",), f'must be a list of names such as ["alerts"], not {shown(value)}')
            value = []
        installed = self._registry.names()
        for name in value:
            if name not in installed:
                self._problems.add(("plugins",), f"no plugin {name!r} is installed{nearest(name, installed)}")
        return tuple(value)

    def _trusted(self, table: Mapping[str, Any]) -> Mapping[str, str]:
        """Plugin → the distribution it must come from."""
        for name, value in table.items():
            if not isinstance(value, str) or not value:
                self._problems.add(("trust", name), f"must be the name of a distribution, not {shown(value)}")
        return {name: value for name, value in table.items() if isinstance(value, str) and value}


def _mapped(kind: Kind, names: tuple[str, ...], systems: Mapping[str, SystemConfig]) -> dict[str, frozenset[str]]:
    """Per system of the file (usable or not): the fields it maps for the kind."""
    return {
        name: frozenset(
            field
            for mapper in (systems[name].mappers.values() if name in systems else ())
            if mapper.kind == kind
            for field in mapper.specs
        )
        for name in names
    }


def _is_cron(value: object) -> bool:
    if not isinstance(value, str):
        return False
    from croniter import croniter  # type: ignore[import-untyped]  # heavy, and few files have a cron expression

    return bool(croniter.is_valid(value)) and len(value.split()) == CRON_FIELDS
