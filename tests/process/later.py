"""`tieline`, as it is, on a clock that a file sets forward: commands and stand-ins that share the file share the time.

`python later.py FILE ARGUMENTS…`; the file holds milliseconds, none as long as it is not there. Whatever a vendor needs
minutes for has then happened when a test says so, and not when it has waited.
"""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tieline.cli.app import app
from tieline.cli.session import Session
from tieline.plugins import Registry
from tieline.ports import Ports

if TYPE_CHECKING:
    from tieline.config import Config
    from tieline.connector import ConnectorSpec
    from tieline.hub import Hub
    from tieline.sandbox import SandboxOptions


class Later:
    """The machine's clock, ahead by what the file says at each look."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        ahead = self._file.read_text() if self._file.exists() else ""
        return time.time_ns() // 1_000_000 + int(ahead or 0)

    def monotonic(self) -> float:
        """Seconds; never goes back, and knows nothing of the file."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block this thread."""
        time.sleep(seconds)


class LaterRegistry(Registry):
    """The installed plugins, whose stand-ins look at this clock."""

    clock: Later

    def get(self, *named: Any, **more: Any) -> ConnectorSpec:
        """As the registry's."""
        spec, clock = super().get(*named, **more), self.clock
        make = spec.sandbox
        if make is None:
            return spec

        def sandbox(options: SandboxOptions) -> Any:
            return make(replace(options, clock=clock))

        return replace(spec, sandbox=sandbox)


class LaterSession(Session):
    """One invocation at a later time."""

    def __init__(self, clock: Later) -> None:
        super().__init__()
        self._clock = clock

    @property
    def registry(self) -> Registry:
        """The plugins; found at first use."""
        if self._registry is None:
            found = LaterRegistry.discover(gate=self.gate)
            assert isinstance(found, LaterRegistry)
            found.clock = self._clock
            self._registry = found
        return self._registry

    def open_hub(
        self, config: Config, *, ports: Ports | None = None, keep_going: bool = False
    ) -> AbstractContextManager[Hub]:
        """As the session's, on this clock."""
        later = replace(ports or Ports(), clock=self._clock)
        return super().open_hub(config, ports=later, keep_going=keep_going)


if __name__ == "__main__":
    app.main(sys.argv[2:], obj=LaterSession(Later(Path(sys.argv[1]))))
