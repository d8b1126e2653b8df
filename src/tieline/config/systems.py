"""Reads one `[systems.NAME]`: the connector's settings, address, credential, kinds and mapping."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from tieline.config.maps import compiled, overlay
from tieline.config.nouns import SystemConfig
from tieline.config.problems import Path, Problems, dotted, shown
from tieline.connector import ConnectorSpec, HttpProfile, Settings
from tieline.engine.filter import FilterError, parse_filter
from tieline.errors import ConfigError
from tieline.hosts import is_loopback, split, trusted_origin
from tieline.mapping import Mapper
from tieline.records import FIELDS, KINDS, Kind
from tieline.rules import SystemRules

COMMON_KEYS = ("connector", "map")
NETWORK_KEYS = ("base_url", "auth", "ca")
"""For connectors that speak HTTP."""


class KindTable(BaseModel):
    """`[systems.NAME.KIND]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    mode: Literal["two-way", "read", "fill"] = "two-way"
    """`read`: never written to. `fill`: written only where it is blank."""
    create: bool = True
    """Whether records of other systems are created here."""
    delete: Literal["ignore", "review", "archive"] = "review"
    """What a deletion here means for the others."""
    filter: str | None = None
    """Which records take part; see `engine.filter`."""


def read_system(
    path: Path, name: str, spec: ConnectorSpec, table: Mapping[str, Any], problems: Problems, *, begun: bool = False
) -> SystemConfig:
    """One system. What is wrong is noted; the parts that are right are returned so that other tables can be checked.

    With `begun` the table may be half done: settings of the connector that it lacks are None, mappings that are wrong
    are left out, and neither is noted.
    """
    common = (*COMMON_KEYS, *(NETWORK_KEYS if spec.http is not None else ()), *sorted(spec.optional))
    settings = {k: v for k, v in table.items() if k not in common and k not in KINDS}
    shape = _without(spec.settings, settings) if begun else spec.settings
    try:
        chosen: Any = shape.model_validate(settings)
    except ValidationError as error:
        offered = dict.fromkeys(spec.kinds[s] for s in spec.streams)
        problems.invalid(path, error, (*spec.settings.model_fields, *common, *offered))
        chosen = None
    base_url, auth, ca = "", None, None
    placed: tuple[str, ...] = ()
    if spec.http is not None:
        ca = _ca((*path, "ca"), table.get("ca"), problems)
        placed = _placed(spec, table)
        value = table.get("base_url", spec.base_url or _address(spec.address, chosen))
        unsaid = not value and bool(spec.address) and chosen is None  # what is wrong there is noted already
        base_url = (
            ""
            if unsaid
            else _base_url((*path, "base_url"), value, spec.http, spec.example_url or "https://…", problems)
        )
        auth = _auth((*path, "auth"), table.get("auth"), problems)
        _basic((*path, "auth", "type"), auth, spec, problems)
        _token_url((*path, "auth", "token_url"), getattr(auth, "token_url", None), base_url, spec.http, problems)
    mappers = _mappers(path, spec, table, Problems("") if begun else problems)
    return SystemConfig(name, spec, base_url, auth, chosen, mappers, ca, placed)


def _without(shape: type[Settings], given: Mapping[str, Any]) -> type[Settings]:
    """The settings without what is required and not given, which is None; what is given is held to the same rules."""
    lacking: dict[str, Any] = {
        name: (Any, None) for name, field in shape.model_fields.items() if field.is_required() and name not in given
    }
    return create_model(shape.__name__, __base__=shape, **lacking) if lacking else shape


def read_system_rules(
    path: Path, system: SystemConfig, table: Mapping[str, Any], problems: Problems
) -> dict[Kind, SystemRules]:
    """The system's rules for every kind it takes part in."""
    found: dict[Kind, SystemRules] = {}
    for kind in KINDS:
        value = table.get(kind)
        where = (*path, kind)
        if value is True:
            value = {}
        line = KindTable() if value is None or value is False else problems.model(where, KindTable, value)
        text = value.get("filter") if isinstance(value, Mapping) else None
        if isinstance(text, str) and kind in system.kinds:
            _check_filter((*where, "filter"), kind, text, system, problems)
        if line is None or kind not in system.kinds:
            continue
        found[kind] = SystemRules(line.mode, line.create, line.delete, line.filter)
    return found


def _check_filter(path: Path, kind: Kind, text: str, system: SystemConfig, problems: Problems) -> None:
    mapped = {name for m in system.mappers.values() if m.kind == kind for name in m.specs}
    custom = {name for name in mapped if name not in FIELDS[kind]}
    try:
        fields = parse_filter(text, kind, custom).fields
    except FilterError as error:
        problems.add(path, str(error))
        return
    for name in sorted(fields - mapped):
        problems.add(path, f"{system.name} does not map {kind}.{name}, so the filter could never see it")


def _mappers(path: Path, spec: ConnectorSpec, table: Mapping[str, Any], problems: Problems) -> dict[str, Mapper]:
    maps = problems.table((*path, "map"), table.get("map", {}))
    offered = tuple(dict.fromkeys(spec.kinds[s] for s in spec.streams))
    for key in maps:
        if key not in spec.streams and key not in offered:
            problems.unknown((*path, "map", key), (*offered, *spec.streams))
    found: dict[str, Mapper] = {}
    bare = {kind for kind in offered if isinstance(table.get(kind), Mapping) or table.get(kind) is True}
    streams = [s for s in spec.streams if _takes_part(path, s, spec, table, maps, problems)]
    for stream in streams:
        kind: Any = spec.kinds[stream]
        rules = list(spec.mapping[stream])
        siblings = {r.remote for s in streams if spec.kinds[s] == kind for r in spec.mapping[s]}
        for key in dict.fromkeys((kind, stream)):
            lines = problems.table((*path, "map", key), maps.get(key, {}))
            if key == kind:  # a default that only another stream of the kind has is switched off there
                own = {r.remote for r in rules}
                lines = {c: v for c, v in lines.items() if v is not False or c in own or c not in siblings}
            rules = overlay((*path, "map", key), kind, rules, lines, problems)
        if not rules or table.get(kind) is False:
            continue
        bare.discard(kind)
        mapper = compiled((*path, "map", kind), kind, rules, problems)
        if mapper is not None:
            found[stream] = mapper
    for kind in sorted(bare):
        problems.add((*path, kind), f"nothing is mapped; name columns in [{dotted(path)}.map.{kind}]")
    for kind in KINDS:
        if kind in table and kind not in offered:
            problems.add((*path, kind), f"the connector {spec.name} has no {kind}; it has {', '.join(offered)}")
    return found


def _address(template: str, settings: Any) -> str:
    """The address that a connector's settings name; empty when one of them is missing or wrong."""
    named = _named(template)
    values = {name: getattr(settings, name, None) for name in named}
    return template.format_map(values) if named and all(values.values()) else ""


def _named(template: str) -> tuple[str, ...]:
    """The settings that an address is made of."""
    return tuple(name for _, name, _, _ in Formatter().parse(template) if name)


def _placed(spec: ConnectorSpec, table: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of the table that say where the system is."""
    if "base_url" in table:
        return ("base_url",)
    return () if spec.base_url else _named(spec.address) or ("base_url",)


def _takes_part(
    path: Path, stream: str, spec: ConnectorSpec, table: Mapping[str, Any], maps: Mapping[str, Any], problems: Problems
) -> bool:
    """Whether the configuration wants the stream; optional ones only when it says so."""
    if stream not in spec.optional:
        return True
    said = table.get(stream, False)
    if not isinstance(said, bool):
        problems.add((*path, stream), f"must be true or false, not {shown(said)}")
    if said is False and stream in maps:
        problems.add((*path, "map", stream), f"{stream} take part only where [{dotted(path)}] says {stream} = true")
    return said is True


def _base_url(path: Path, value: object, profile: HttpProfile, example: str, problems: Problems) -> str:
    if value is None or value == "":
        problems.add(path, f'is required, such as "{example}"')
        return ""
    if not isinstance(value, str):
        problems.add(path, f"must be text in quotes, not {shown(value)}")
        return ""
    try:
        trusted_origin(value, profile.hosts, "base_url")
    except ConfigError as error:
        problems.add(path, str(error).removeprefix("base_url: "))
    return value.rstrip("/")


def _token_url(path: Path, value: str | None, base_url: str, profile: HttpProfile, problems: Problems) -> None:
    """The token endpoint sees the client's secret: it is held to the same hosts, here and again when it is used."""
    if value is None or not base_url:
        return
    try:
        own = split(base_url)[1]
        trusted_origin(value, (*profile.hosts, own), "token_url", loopback=is_loopback(own))
    except ConfigError as error:
        problems.add(path, str(error).removeprefix("token_url: "))


def _basic(path: Path, auth: Any, spec: ConnectorSpec, problems: Problems) -> None:
    """A name and a password: refused where the system takes none, told about where it does."""
    if getattr(auth, "type", None) != "basic" or spec.http is None:
        return
    if not spec.http.basic:
        problems.add(path, f"the connector {spec.name} takes no name and password")
    else:
        problems.note(path, spec.http.basic)


def _ca(path: Path, value: object, problems: Problems) -> str | None:
    if value is not None and not isinstance(value, str):
        problems.add(path, f"must be the path of a file, not {shown(value)}")
        return None
    return value or None


def _auth(path: Path, value: object, problems: Problems) -> Any:
    from tieline.auth_settings import AuthSettings

    if value is None:
        problems.add(path, 'is required, such as {type = "token", token = {env = "NAME"}}')
        return None
    tag = str(value.get("type")) if isinstance(value, Mapping) else ""
    adapter: TypeAdapter[Any] = TypeAdapter(AuthSettings)
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        problems.invalid(path, error, (), secret=True, tag=tag)
        return None
