"""Reads one system alone, for commands of its connector's own: the rest of the file may be wrong or not written yet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tieline.config.load import SYSTEM_NAME, parse
from tieline.config.nouns import Config
from tieline.config.problems import Problems
from tieline.config.systems import read_system, read_system_rules
from tieline.connector import ConnectorSpec
from tieline.errors import ConfigError
from tieline.rules import Rules


class Glance(NamedTuple):
    """What a file says on the face of it; nothing is checked, what is not as it should be is left out."""

    plugins: tuple[str, ...] = ()
    trust: Mapping[str, str] = {}
    connectors: Mapping[str, str] = {}
    """System → its connector."""


def glance(path: Path) -> Glance:
    """Which plugins and systems a file names. Raises ConfigError when it cannot be read or is no TOML."""
    table, _ = parse(path)
    trust, systems, plugins = (_mapping(table.get("trust")), _mapping(table.get("systems")), table.get("plugins"))
    connectors = {name: _mapping(raw).get("connector") for name, raw in systems.items()}
    return Glance(
        tuple(p for p in plugins if isinstance(p, str)) if isinstance(plugins, list) else (),
        {name: who for name, who in trust.items() if isinstance(who, str) and who},
        {name: connector for name, connector in connectors.items() if isinstance(connector, str)},
    )


def load_single(path: Path, spec: ConnectorSpec, name: str) -> Config:
    """A configuration of this system alone, of which no more needs to be there than what it takes to open it.

    Required settings of the connector that are not there are None; mappings that are wrong are left out. Raises
    ConfigError for everything else that is wrong with the system's table.
    """
    table, text = parse(path)
    raw = _mapping(_mapping(table.get("systems")).get(name))
    problems, where = Problems(path.name, text), ("systems", name)
    if not SYSTEM_NAME.fullmatch(name):
        problems.add(where, "a system's name is made of a-z, 0-9, - and _, and starts with a letter")
    system = read_system(where, name, spec, raw, problems, begun=True)
    rules = Rules(systems={name: read_system_rules(where, system, raw, Problems(""))})
    if problems:
        raise ConfigError(problems.sentences)
    return Config(path, {name: system}, rules, trust=glance(path).trust, notes=tuple(problems.notes))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
