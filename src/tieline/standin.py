"""What a vendor's stand-in must offer: answers in the wire format, its state as JSON, and people who work at it.

It decides nothing; `sandbox` serves what keeps to this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from tieline.ports import Clock, Request, Response, SystemClock
from tieline.records import Cell, Kind


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How a stand-in is started. `seed` is empty or demo; `vices` are names from the spec's `vices`."""

    seed: str = "empty"
    vices: frozenset[str] = frozenset()
    clock: Clock | None = None
    state: Mapping[str, Any] | None = None
    """What `dump` gave earlier: the stand-in goes on from there."""

    def now(self) -> int:
        """What the clock shows (ms); the machine's own where none is given."""
        return (self.clock or SystemClock()).now()

    def check(self, vices: Iterable[str]) -> None:
        """Raises ValueError for a seed, or a vice that is not among these."""
        unknown = sorted(self.vices - set(vices))
        if unknown or self.seed not in ("empty", "demo"):
            raise ValueError(f"unknown vice or seed: {', '.join(unknown) or self.seed}")


class Sandbox(Protocol):
    """A stateful stand-in of a vendor's API. Threads may call `handle` at once."""

    token: str
    """A bearer token it accepts."""
    client_id: str
    client_secret: str
    token_path: str
    """Path of its OAuth token endpoint."""

    def handle(self, request: Request) -> Response:
        """Answer one request; `path` is the path alone, `params` the decoded query (values are str or list of str)."""
        ...

    def dump(self) -> Mapping[str, Any]:
        """The whole state as plain JSON."""
        ...


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody does at a screen of a stand-in, past its API. `fields` are canonical.

    `key` is how people name the record there: a contact's e-mail address, the name of anything else; case is ignored.
    edit: `fields` are set (None clears). opt_out: the contact takes no e-mail any more. delete: it goes to the bin.
    merge: all records that answer to `key` become one, of which the oldest stays. convert: the lead of this address
    becomes a contact, where a system tells the two apart.
    """

    verb: Literal["edit", "opt_out", "delete", "merge", "convert"]
    kind: Kind
    key: str
    fields: Mapping[str, Cell] = field(default_factory=dict)


class Peopled(Sandbox, Protocol):
    """What a stand-in may offer besides, so that `tieline demo` can be played on it: a company at work.

    Its seed `demo` is its side of `tieline.sandbox.demo_company`.
    """

    def person(self, act: Act) -> None:
        """Do this as a person would. Raises ValueError when there is no such record, or it cannot be done."""
        ...

    def counts(self) -> Mapping[Kind, int]:
        """How many records are alive, per kind; seen from inside, so that no request is counted."""
        ...

    def demo_config(self, system: str) -> str:
        """The lines of a configuration that join the demo's company: settings first, which belong below
        `[systems.SYSTEM]`, then tables of its own, such as value maps for picklists."""
        ...


__all__ = ["Act", "Peopled", "Sandbox", "SandboxOptions"]
