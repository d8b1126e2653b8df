"""What every command shares: where it works, how it talks, and how it gets at plugins and the hub."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from tieline.cli.console import Console, clean_lines
from tieline.home import Home, Places, places

if TYPE_CHECKING:
    from tieline.config import Config
    from tieline.hub import Hub
    from tieline.plugins import Registry
    from tieline.ports import Ports
    from tieline.secrets import Redactor
    from tieline.store import Store
    from tieline.trust import Gate


class Session:
    """One invocation. Options given before or after the command's name end up here."""

    def __init__(
        self,
        *,
        registry: Registry | None = None,
        environ: Mapping[str, str] | None = None,
        as_json: bool = False,
    ) -> None:
        self.config_option: Path | None = None
        self.home_option: Path | None = None
        self.verbose = 0
        self.console = Console(as_json=as_json)
        self.environ = os.environ if environ is None else environ
        self._registry = registry
        self._redactor: Redactor | None = None
        self._gate: Gate | None = None
        self._closing = ExitStack()

    @property
    def places(self) -> Places:
        """The configuration and home this command means."""
        return places(self.config_option, self.home_option, self.environ, Path.cwd())

    @property
    def home(self) -> Home:
        """The home this command means; it need not exist."""
        return Home(self.places.home)

    @property
    def registry(self) -> Registry:
        """The plugins; found at first use."""
        if self._registry is None:
            from tieline.plugins import Registry

            trace = self.console.note if self.environ.get("TIELINE_TRACE_PLUGINS") else None
            self._registry = Registry.discover(trace=trace, gate=self.gate)
        return self._registry

    @property
    def gate(self) -> Gate:
        """What is asked before a plugin's code runs."""
        if self._gate is None:
            from tieline.trust import Gate

            self._gate = Gate(
                home=lambda: self.home,
                tell=lambda text: self.console.note(clean_lines(text)),
                ask=lambda question: self.console.confirm(clean_lines(question)),
            )
        return self._gate

    @property
    def redactor(self) -> Redactor:
        """Knows the secrets that were looked up, and strikes them out of the log."""
        if self._redactor is None:
            from tieline.secrets import Redactor

            self._redactor = Redactor()
        return self._redactor

    def start(self) -> None:
        """Begin logging; called when all options are known. A home that others can read is refused here."""
        from tieline.cli.logs import logging_to

        self._closing.enter_context(logging_to(self.home, self.verbose, self.redactor, self.console.note))

    def close(self) -> None:
        """End logging."""
        self._closing.close()

    def load_config(self) -> Config:
        """The configuration; raises ConfigError."""
        from tieline.config import load

        return load(self.places.config, self.registry)

    def open_store(self) -> AbstractContextManager[Store]:
        """The memory of a home that has one, for commands that only look; raises UserError when nothing is there."""
        from tieline.errors import UserError
        from tieline.store import opened

        home = self.home.check()
        if not home.store.exists():
            raise UserError(f"nothing was read into {home.path} yet", hint="tieline plan")
        return opened(home.store, looking=True)

    def open_hub(
        self, config: Config, *, ports: Ports | None = None, keep_going: bool = False
    ) -> AbstractContextManager[Hub]:
        """Open every system of the configuration; the home is made if it is not there."""
        from tieline.hub import open_hub

        new = not self.home.path.is_dir()
        home = self.home.create()
        if self._gate is not None:
            self._gate.keep()
        if new:  # only now is there a place for the log
            self.close()
            self.start()
        return open_hub(config, home, self.registry, ports=ports, redactor=self.redactor, keep_going=keep_going)
