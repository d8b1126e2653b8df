"""Every error Tieline raises, sorted by what the caller does next.

TielineError
├─ UserError          tell the user, with the command that helps; exit 2
│  ├─ ConfigError         the configuration is wrong; holds every problem found
│  ├─ NotAuthorised       the system refuses the credential or lacks a scope
│  └─ PluginMissing       a connector named in the configuration is not installed
├─ Locked             another run holds the lease; exit 1
├─ Transient          the stream ends here and the next run goes on; exit 1
│  ├─ RateLimited         the system asked for a pause; nothing of the call was applied
│  └─ Unavailable         no usable answer; `sent` says whether a write may have been applied
│     └─ Unreachable          no connection came about: nothing was sent
├─ Rejected           this record or field only: journal it and go on
│  ├─ NotFound · Stale · Invalid · Forbidden
│  └─ FeedExpired         the token of a change feed; the stream is read anew
└─ Broken             a bug, ours or a plugin's; traceback to the log; exit 1
   ├─ ContractViolation   a connector answered what its facts rule out
   └─ PluginFailed        a plugin raised something that is not in this tree
"""

from __future__ import annotations

from collections.abc import Sequence


class TielineError(Exception):
    """Anything Tieline raises on purpose. `hint` is the next command to type, if there is one."""

    hint: str = ""
    fatal: bool = False
    """Ends the whole run at once, not just one system's part of it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint or self.hint


class UserError(TielineError):
    """A person can mend this: the message says how."""


class ConfigError(UserError):
    """The configuration cannot be used. `problems` holds all of them, one sentence each."""

    hint = "tieline check --offline"

    def __init__(self, problems: Sequence[str] | str, *, hint: str = "") -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems), hint=hint)


class NotAuthorised(UserError):
    """The system refused the credential, or the credential lacks a scope that the call needs."""

    hint = "tieline auth status"


class PluginMissing(UserError):
    """The configuration names a connector that no installed plugin offers."""

    hint = "tieline plugins list"


class Locked(TielineError):
    """Another run holds the lease of this home."""


class Transient(TielineError):
    """Trying again later may work. The stream ends; what was committed stays."""


class RateLimited(Transient):
    """The system refused the call for now and applied nothing. `retry_after` is in seconds, None if not said."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(Transient):
    """No usable answer. `sent` is True when the request may have reached the system: a write's outcome is unknown.

    `silent`: a whole timeout went by and nothing came back.
    """

    def __init__(self, message: str, *, sent: bool = True, silent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.silent = silent


class Unreachable(Unavailable):
    """No connection came about, by name, address, certificate or proxy: nothing was sent."""

    hint = "tieline check"

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message, sent=sent)


class Rejected(TielineError):
    """The system will not take this record or field. `code` is the vendor's own word, `field` canonical or None."""

    def __init__(self, message: str, *, code: str = "", field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


class NotFound(Rejected):
    """There is no such record in the system."""


class Stale(Rejected):
    """A conditional write found a newer version."""


class Invalid(Rejected):
    """The value of `field` is refused."""


class Forbidden(Rejected):
    """The credential may not write this record or field."""


class FeedExpired(Rejected):
    """The system does not know any more the token from which changes were to go on: everything is read anew, once."""


class Broken(TielineError):
    """A bug. The traceback goes to the log."""


class ContractViolation(Broken):
    """A connector answered what its own facts rule out."""


class PluginFailed(Broken):
    """A plugin raised something outside this tree; the message names the plugin."""
