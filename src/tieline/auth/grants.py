"""What is kept of a sign-in between commands, and what keeps it. It asks nobody and decides nothing."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from tieline.secrets import Secret


@dataclass(frozen=True, slots=True)
class Grant:
    """What one system granted. `origin` is a fingerprint of the settings it came from: whoever changes them, or puts a
    new refresh token into the configuration, starts afresh."""

    refresh_token: Secret | None
    origin: str
    reauth_required: bool = False
    """The system refused the refresh token: a person has to sign in again."""
    access_token: Secret | None = None
    until: float | None = None
    """When the access token is renewed, in ms; None: not before it is refused."""
    lost: int = 0
    """Renewals that were asked for since the last answer. More than none when the grant is not being renewed right now:
    an answer never came, and the refresh token may be spent."""
    again: float = 0
    """No renewal is asked for before this time in ms, once an answer was lost."""
    obtained: int = 0
    """When a person signed in, in ms."""
    scope: str = ""
    """What was granted, as far as the system says."""


class TokenStore(Protocol):
    """Keeps a grant by system. `save` returns when it is safe against a crash."""

    def load(self, system: str) -> Grant | None:
        """The grant saved last, or None."""
        ...

    def save(self, system: str, grant: Grant) -> None:
        """Keep this one in place of any other."""
        ...

    def wipe(self, system: str) -> None:
        """Forget the system."""
        ...

    def lock(self, system: str) -> AbstractContextManager[object]:
        """Held by one process and thread at a time, and let go of by death. Raises Locked when it takes too long."""
        ...


class MemoryTokens:
    """Grants that last as long as the process."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}
        self._lock = threading.Lock()

    def load(self, system: str) -> Grant | None:
        """The grant, if there is one."""
        return self._grants.get(system)

    def save(self, system: str, grant: Grant) -> None:
        """Keep it."""
        self._grants[system] = grant

    def wipe(self, system: str) -> None:
        """Forget it."""
        self._grants.pop(system, None)

    def lock(self, system: str) -> AbstractContextManager[object]:
        """One lock for all systems."""
        return self._lock
