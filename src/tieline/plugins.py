"""Finds plugins without importing them, loads one only when it is needed, and keeps a broken one from harming others.

It decides what a plugin offers and how its hooks are called; whether its code may run at all is `trust`'s business. It
must not know any connector by name.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from tieline.errors import PluginFailed, PluginMissing, TielineError, UserError
from tieline.trust import Gate, Provider, provider

if TYPE_CHECKING:
    from tieline.connector import ConnectorSpec
    from tieline.events import Applied, ConflictFound, PlannedOrder, RunFinished, Verdict

GROUP = "tieline"
TAKEN = frozenset({"config", "help", "home", "json", "system", "trust", "verbose"})
"""Options that every command of a connector has; its tasks and their options are called otherwise."""
_WORD = re.compile(r"[a-z][a-z0-9-]{0,31}")
log = logging.getLogger("tieline.plugins")


class PluginInfo(NamedTuple):
    """One line of `tieline plugins list`. `error` is empty for a plugin that loads, and says why one was not loaded."""

    name: str
    distribution: str
    version: str
    connectors: tuple[str, ...]
    hooks: tuple[str, ...]
    error: str
    origin: str = ""
    digest: str = ""


@dataclass(slots=True)
class _Plugin:
    """One plugin that was found; `load` gives its object, once."""

    name: str
    load: Callable[[], Any]
    who: Callable[[], Provider]
    """Reads who provides it out of what is written about a distribution; see `provider`."""
    installed: bool = False
    """Found in the environment, not handed in by the program."""
    rivals: list[str] = field(default_factory=list)
    """Other distributions that offer a plugin of this name."""
    loaded: bool = False
    module: Any = None
    specs: dict[str, ConnectorSpec] = field(default_factory=dict)
    hooks: tuple[str, ...] = ()
    error: str = ""
    cause: BaseException | None = None
    _provider: Provider | None = None

    @property
    def provider(self) -> Provider:
        """Who provides it; read at first use, as a command means few of the plugins that are installed."""
        if self._provider is None:
            self._provider = self.who()
        return self._provider

    @property
    def trouble(self) -> str:
        """Why it is nobody's to load; empty when it is somebody's."""
        if not self.rivals:
            return ""
        places = ", ".join([str(self.provider), *self.rivals])
        return f"more than one distribution offers the plugin {self.name!r}: {places}"

    def info(self, error: str = "") -> PluginInfo:
        found = self.provider
        return PluginInfo(
            self.name, found.distribution, found.version, tuple(self.specs), self.hooks, error or self.error,
            found.origin, found.digest,
        )  # fmt: skip


class Registry:
    """The plugins of this environment. `extra` are plugin objects given in memory; they win over installed ones.

    With a `gate`, installed ones are loaded only if it lets them; without, whatever is named.
    """

    def __init__(
        self,
        entries: Iterable[EntryPoint] = (),
        extra: Sequence[object] = (),
        trace: Callable[[str], None] | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._trace = trace
        self._gate = gate
        self._plugins: dict[str, _Plugin] = {}
        for number, item in enumerate(extra):
            name = str(getattr(item, "__name__", "") or f"{type(item).__name__}-{number}")
            given = Provider(name, "(in memory)", "")
            self._plugins[name] = _Plugin(name, lambda item=item: item, lambda given=given: given)  # type: ignore[misc]
        for entry in entries:
            found = _Plugin(entry.name, entry.load, partial(_provider, entry), installed=True)
            first = self._plugins.setdefault(entry.name, found)
            if first is not found and first.installed and first.provider != found.provider:
                first.rivals.append(str(found.provider))

    @classmethod
    def discover(
        cls,
        extra: Sequence[object] = (),
        trace: Callable[[str], None] | None = None,
        gate: Gate | None = None,
    ) -> Registry:
        """Everything installed under the entry-point group `tieline`. Imports none of it."""
        return cls(entry_points(group=GROUP), extra, trace, gate)

    def names(self) -> tuple[str, ...]:
        """The plugins that were found, by entry-point name. Imports none of them."""
        return tuple(self._plugins)

    def provider(self, name: str) -> Provider:
        """Who provides a plugin. Imports nothing. Raises PluginMissing, and UserError when several do."""
        plugin = self._plugins.get(name)
        if plugin is None:
            raise self._missing(name)
        self._undisputed(plugin)
        return plugin.provider

    def get(
        self, connector: str, plugins: Sequence[str] = (), trust: Mapping[str, str] = MappingProxyType({})
    ) -> ConnectorSpec:
        """The connector of this name: of the plugin of that name, or of one of `plugins`, which somebody listed.

        `trust` says which distribution a plugin must come from. Imports no other plugin. Raises PluginMissing when
        nobody offers it, PluginFailed when the plugin that should cannot be used, Untrusted when nobody accepted it.
        """
        same = self._plugins.get(connector)
        if same is not None and connector in self._load(same, trust).specs:
            return same.specs[connector]
        if same is not None and same.error:
            found = same.provider
            raise PluginFailed(
                f"plugin {connector!r} ({found.distribution} {found.version}) cannot be used: {same.error}",
                hint="tieline plugins list",
            ) from same.cause
        in_memory = [name for name, plugin in self._plugins.items() if not plugin.installed]
        for name in dict.fromkeys([*in_memory, *plugins]):
            plugin = self._plugins.get(name)
            if plugin is not None and connector in self._load(plugin, trust).specs:
                return plugin.specs[connector]
        raise self._missing(connector)

    def list(self) -> tuple[PluginInfo, ...]:
        """Every plugin that was found, by name; loaded if that needs no question."""
        return tuple(self._look(self._plugins[name]) for name in sorted(self._plugins))

    def _look(self, plugin: _Plugin) -> PluginInfo:
        if plugin.trouble:
            return plugin.info(plugin.trouble)
        if plugin.installed and self._gate is not None and not self._gate.admits(plugin.provider):
            return plugin.info(f"not loaded: nobody has accepted it as it is; tieline plugins trust {plugin.name}")
        return self._imported(plugin).info()

    def hooks(self, names: Iterable[str], trust: Mapping[str, str] = MappingProxyType({})) -> Hooks:
        """The hooks of these plugins (or of those that offer these connectors), in this order.

        Raises PluginFailed for a plugin whose hooks do not fit their specification, PluginMissing for an unknown one.
        """
        chosen: dict[str, Any] = {}
        for name in names:
            plugin = self._plugins.get(name) or self._offering(name)
            if self._load(plugin, trust).error:
                raise PluginFailed(f"plugin {plugin.name!r} cannot be used: {plugin.error}") from plugin.cause
            if not any(plugin.module is module for module in chosen.values()):  # one object under several names
                chosen[plugin.name] = plugin.module
        return Hooks(chosen, self._trace)

    def _offering(self, connector: str) -> _Plugin:
        """The plugin that was loaded for a connector of another name."""
        for plugin in self._plugins.values():
            if connector in plugin.specs or (not plugin.installed and connector in self._imported(plugin).specs):
                return plugin
        raise self._missing(connector)

    def _missing(self, connector: str) -> PluginMissing:
        known = {name for p in self._plugins.values() for name in (p.specs if p.loaded else (p.name,))}
        offered = sorted(known)
        near = get_close_matches(connector, offered, 1)
        broken = [f"{p.name} ({p.error})" for p in self._plugins.values() if p.error]
        text = f"no installed plugin offers the connector {connector!r}"
        text += f"; did you mean {near[0]!r}?" if near else f"; installed: {', '.join(offered) or 'none'}"
        if broken:
            text += f"; not usable: {', '.join(broken)}"
        return PluginMissing(text, hint="tieline plugins list" if near else f"pip install tieline-{connector}")

    def _load(self, plugin: _Plugin, trust: Mapping[str, str]) -> _Plugin:
        """Import a plugin that somebody named, if it may be."""
        if not plugin.loaded and plugin.installed:
            self._undisputed(plugin)
            if self._gate is not None:
                self._gate.admit(plugin.provider, trust.get(plugin.name, ""))
        return self._imported(plugin)

    def _undisputed(self, plugin: _Plugin) -> None:
        if plugin.trouble:
            raise UserError(plugin.trouble, hint="uninstall all but the one you mean, then the same command again")

    def _imported(self, plugin: _Plugin) -> _Plugin:
        """Import a plugin and ask what it offers, once; whatever goes wrong becomes its `error`."""
        if plugin.loaded:
            return plugin
        plugin.loaded = True
        try:
            plugin.module = plugin.load()
            manager = _manager({plugin.name: plugin.module})
            plugin.hooks = tuple(sorted(h.name for h in manager.get_hookcallers(plugin.module) or ()))
            for impl in manager.hook.tieline_connectors.get_hookimpls():
                for spec in _checked(impl.function()):
                    plugin.specs[spec.name] = spec
        except (Exception, SystemExit) as error:  # a plugin may raise anything; it must not end the program
            plugin.specs.clear()
            plugin.error = _reason(error)
            plugin.cause = error
            log.warning("plugin %s cannot be used: %s", plugin.name, plugin.error, exc_info=error)
        return plugin


def _provider(entry: EntryPoint) -> Provider:
    return Provider(entry.name, entry.value, "") if entry.dist is None else provider(entry.name, entry.dist)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split()) or "no reason given"
    return text if isinstance(error, TielineError) else f"{type(error).__name__}: {text}"


def _checked(offered: object) -> Iterator[ConnectorSpec]:
    from tieline.connector import ConnectorSpec

    if isinstance(offered, (str, Mapping)) or not isinstance(offered, Iterable):
        raise PluginFailed(f"tieline_connectors must return a list of ConnectorSpec, not {type(offered).__name__}")
    for spec in offered:
        if not isinstance(spec, ConnectorSpec):
            raise PluginFailed(f"tieline_connectors must return ConnectorSpec objects, not {type(spec).__name__}")
        for stream in spec.streams:
            if stream not in spec.kinds or stream not in spec.mapping:
                raise PluginFailed(f"connector {spec.name!r}: stream {stream!r} has no kind or no mapping table")
        for word in [word for task in spec.tasks for word in (task.name, *task.options)]:
            if not _WORD.fullmatch(word) or word in TAKEN:
                raise PluginFailed(f"connector {spec.name!r}: no command and no option may be called {word!r}")
        yield spec


def _manager(plugins: Mapping[str, Any]) -> Any:
    """A pluggy manager of these plugins, every implementation checked against its specification."""
    import pluggy

    from tieline import hookspecs

    manager = pluggy.PluginManager("tieline")
    manager.add_hookspecs(hookspecs)
    for name, plugin in reversed(list(plugins.items())):  # pluggy calls the last registered first
        manager.register(plugin, name)
    manager.check_pending()
    for caller in (getattr(manager.hook, n) for n in dir(hookspecs) if n.startswith("tieline_")):
        for impl in caller.get_hookimpls():
            if impl.hookwrapper or impl.wrapper:
                raise PluginFailed(f"{impl.plugin_name}: {caller.name} may not be a wrapper")
    return manager


class Hooks:
    """Calls the hooks of the loaded plugins, each implementation on its own. Safe for one thread at a time."""

    def __init__(self, plugins: Mapping[str, Any], trace: Callable[[str], None] | None = None) -> None:
        try:
            self._manager = _manager(plugins)
        except Exception as error:
            raise PluginFailed(f"the hooks of a plugin do not fit: {_reason(error)}") from error
        self._trace = trace

    def plan(self, event: PlannedOrder) -> Verdict | None:
        """The first plugin's veto, its name before the reason; None when all let the order pass. A plugin that raises,
        or answers anything else, raises PluginFailed: a veto that cannot be asked is a no."""
        from tieline.events import Verdict

        for name, function in self._impls("tieline_plan"):
            try:
                verdict = function(event)
            except Exception as error:
                raise PluginFailed(f"plugin {name!r} failed in tieline_plan: {_reason(error)}") from error
            self._traced(name, "tieline_plan", event, verdict)
            if verdict is None:
                continue
            if not isinstance(verdict, Verdict):
                raise PluginFailed(f"plugin {name!r} answered tieline_plan with {type(verdict).__name__}, not Verdict")
            return Verdict(verdict.action, f"{name}: {verdict.reason}")
        return None

    def conflict(self, event: ConflictFound) -> None:
        """Tell the observers of a conflict."""
        self._observe("tieline_conflict", event)

    def applied(self, event: Applied) -> None:
        """Tell the observers of a confirmed write."""
        self._observe("tieline_applied", event)

    def finished(self, event: RunFinished) -> None:
        """Tell the observers that a run has ended."""
        self._observe("tieline_run_finished", event)

    def listens(self, hook: str) -> bool:
        """Whether any plugin implements the hook: when not, nobody needs to build its event."""
        return bool(getattr(self._manager.hook, hook).get_hookimpls())

    def _impls(self, hook: str) -> list[tuple[str, Callable[..., Any]]]:
        impls = reversed(getattr(self._manager.hook, hook).get_hookimpls())
        return [(i.plugin_name, i.function if i.argnames else (lambda _e, f=i.function: f())) for i in impls]

    def _observe(self, hook: str, event: object) -> None:
        for name, function in self._impls(hook):
            try:
                self._traced(name, hook, event, function(event))
            except Exception as error:
                self._traced(name, hook, event, error)
                log.warning("plugin %s failed in %s and was skipped: %s", name, hook, _reason(error), exc_info=error)

    def _traced(self, plugin: str, hook: str, event: object, result: object) -> None:
        if self._trace is not None:
            self._trace(f"{hook} {plugin}: {event!r} -> {result!r}")
