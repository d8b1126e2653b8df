"""What a vendor must speak: the connector protocol, in the nouns of `model`. A connector is a small translator.

It maps wire to canonical and back and reports honestly; it never merges, matches, retries writes, remembers or
decides. All calls are plain and blocking, and may come from several threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, StringConstraints

from tieline.model import Action, Facts, Fields, Finding, Outcome, Page, Receipt, Remote, Schema, Window, Write
from tieline.ports import Clock, Request, Response
from tieline.records import Kind
from tieline.standin import Sandbox, SandboxOptions

if TYPE_CHECKING:
    from pathlib import Path

    from tieline.mapping import Mapper, Rule


class Connector(Protocol):
    """One configured account of a vendor.

    Every method may raise errors.RateLimited, errors.Unavailable or errors.NotAuthorised. From `write`, Unavailable
    with `sent` False and RateLimited promise that nothing of the call was applied.
    """

    facts: Facts

    def schema(self, stream: str) -> Schema:
        """The stream's fields as mapped and as the account allows; asked at most once a day."""
        ...

    def list(self, stream: str, token: str | None) -> Page:
        """One page of everything alive, from a strong endpoint, without a result cap.

        Where the facts say `feed`, the last page gives the token from which `changes` goes on: taken before the first
        page was read, or with it.
        """
        ...

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        """One page of what was modified in the window, ordered by stamp (by id where the window has `at_id`).

        With `hints`, a remote needs only `id`, `version` and `modified`. With `tombstones`, deleted ones are in it.
        Where the facts say `feed`, it goes on from `window.feed`, in any order; its last page gives the token for the
        next time (`Page.feed`). Where nothing but a listing shows what was deleted, a new token leads to a listing, so
        that the page may be empty. Raises errors.FeedExpired when the system does not know the token any more; the same
        one is asked with again until everything was read anew, so that what it says of who took part is not lost.
        """
        ...

    def sweep(self, stream: str, token: str | None) -> Page:
        """One page of deleted remotes (`gone`), for streams whose facts say `sweep`."""
        ...

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        """These remotes as they are now, at most `read_batch`; in any order.

        `fields` narrows what is read (None: all mapped). Deleted ones come back `gone` (with `merged_into` where
        known); an id the system does not know is left out. Any of `ids` may be an old id: the remote then has the new
        one as `id` and the old one in `aliases`.
        """
        ...

    def find(self, stream: str, hub_ids: Sequence[str]) -> Sequence[Remote]:
        """Remotes that carry one of these hub ids, also deleted ones where the system can still say so."""
        ...

    def write(self, stream: str, writes: Sequence[Write]) -> Sequence[Outcome]:
        """Do these writes, at most `batch`, one op unless `mixed`; one outcome for each, in their order.

        A create and a `link` carry the hub id in the same call. Nothing is retried here.
        """
        ...

    def check(self) -> Iterable[Finding]:
        """What `tieline check` shows: reachable, scopes, the hub-id field and how to make it, schema problems.

        Where the credential is refused, the core says so itself; the remedy of a finding called `sign-in` is shown
        beside that: what only this vendor's users need to know.
        """
        ...

    def close(self) -> None:
        """Let go of sockets and files."""
        ...


class Recalling(Connector, Protocol):
    """What a connector may offer besides, where it would else have to be refused to learn what its account lacks."""

    def recall(self, stream: str, schema: Schema) -> None:
        """What `schema` answered, at most a day ago; told instead of asking. Called before anything is read."""
        ...


class Tracing(Connector, Protocol):
    """What a connector may offer besides, where the system does not say by itself into whom somebody was merged."""

    def heirs(self, stream: str, gone: Mapping[str, Fields]) -> Mapping[str, str]:
        """Remote id → the id of who took it over, for those that were merged and not deleted, as far as that shows.

        `gone`: those that `changes` told as gone and that were alive before, at most `read_batch`, each with what was
        last seen of it. Left out: it was deleted.
        """
        ...


class Acting(Connector, Protocol):
    """What a connector offers besides if its facts name actions."""

    def act(self, action: Action) -> Receipt:
        """Do this once; `exists` where the system itself refuses a second one with the same key. Not retried here.

        Raises as `write` does: what may have been done although no answer came must never promise the contrary.
        """
        ...

    def acted(self, name: str, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """Key → what was done under it, as far as the system shows it; keys it knows nothing of are left out."""
        ...


class Mending(Connector, Protocol):
    """What a connector offers besides if the system's API can make what `check` finds missing: the hub-id field."""

    def mend(self, what: str) -> Finding:
        """Make what a finding of `check` names as its `mend`, and tell what came of it: `ok`, also where it is there
        already, or `error` with what a person can do instead. Called only after a person agreed."""
        ...


class HttpClient(Protocol):
    """What the core hands a connector: authenticated, limited, retried, redacted. See `http`."""

    def send(self, request: Request) -> Response:
        """The answer, whatever its status below 500 except 401, 429 and what the profile calls throttled.

        Raises RateLimited, Unavailable or NotAuthorised for the rest, after the retries that are safe.
        """
        ...


@dataclass(frozen=True, slots=True)
class Quota:
    """What an answer's headers say of the budget; None: not said. `remaining` calls until `resets_in` seconds pass."""

    remaining: int | None = None
    limit: int | None = None
    resets_in: float | None = None
    daily_remaining: int | None = None
    daily_limit: int | None = None


def _one_lane(request: Request) -> str:
    return ""


def _never_throttled(response: Response) -> bool:
    return False


def _no_quota(headers: Mapping[str, str]) -> Quota | None:
    return None


def _no_scopes(needs: Sequence[Need]) -> Sequence[str]:
    return ()


def _never_spent(response: Response) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Need:
    """What a configuration wants to do with one stream: the least rights follow from it."""

    stream: str
    kind: Kind
    fields: frozenset[str]
    """The canonical fields that are mapped."""
    write: bool
    """False where the configuration says `mode = "read"`."""
    archive: bool = False
    """Whether records may be archived here."""


@dataclass(frozen=True, slots=True)
class OAuth:
    """A vendor's OAuth, as far as it is the vendor's own. Tieline always sends PKCE S256 and a `state`."""

    authorize: str = ""
    """Where a person's browser is sent: a path below base_url, or an address of its own (of which, when base_url is on
    this machine, the path is used below base_url). Empty: there is no sign-in by browser."""
    revoke: str = ""
    """Path of the revocation endpoint (RFC 7009), by `services` or at the token endpoint's host; empty: none."""
    scopes: Callable[[Sequence[Need]], Sequence[str]] = _no_scopes
    """The least scopes for what a configuration wants, in an order that does not change."""
    audience: str = ""
    """`aud` of a JWT bearer assertion, unless the configuration says otherwise. Empty: there is no such sign-in."""
    spent: Callable[[Response], bool] = _never_spent
    """True for a refusal of the token endpoint that means «this grant is void» without saying `invalid_grant`."""


@dataclass(frozen=True, slots=True)
class HttpProfile:
    """How a vendor speaks HTTP, beyond the standard."""

    hosts: tuple[str, ...] = ()
    """Host names (or `.suffixes`) that credentials may go to; loopback is allowed over plain HTTP for sandboxes."""
    services: Mapping[str, str] = field(default_factory=dict)
    """Path prefix → origin of the host that has it, where one sign-in leads to several hosts, as in
    `{"/mail/v2": "https://mail.vendor.example"}`. The longest prefix wins and ends where a segment does; the rest is
    below base_url, and so is everything where base_url is not the connector's own. Each origin must be in `hosts`."""
    throttled: Callable[[Response], bool] = _never_throttled
    """True for an answer that means «too fast» although its status is not 429."""
    quota: Callable[[Mapping[str, str]], Quota | None] = _no_quota
    """Reads the budget from lower-case answer headers."""
    lane: Callable[[Request], str] = _one_lane
    """Names the lane of a request that has a rate limit of its own; empty: it shares the account's. Its path is a
    whole URL."""
    expired: Callable[[Response], bool] = lambda response: response.status == 401
    """True when the credential should be refreshed once and the call repeated, as after every 401."""
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = 30.0
    """Seconds for one answer."""
    token_path: str = ""
    """Path of the OAuth token endpoint, by `services` or below base_url; empty: there is none."""
    oauth: OAuth | None = None
    """What else there is to sign in with."""
    basic: str = ""
    """What to tell whoever signs in with a name and a password (`basic`), such as when that ends. Empty: the system
    takes no such sign-in."""


Subdomain = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""A setting that becomes part of a host's name: one DNS label, so that nobody can make it lead elsewhere."""


class Settings(BaseModel):
    """Base of a connector's settings: the keys of `[systems.NAME]` beyond the common ones; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Context:
    """What a connector is built from. It opens nothing else."""

    system: str
    settings: Any
    """An instance of the spec's `settings`."""
    mappers: Mapping[str, Mapper]
    """Per stream that is configured: the compiled mapping. Streams not in it are not synced."""
    http: HttpClient | None
    """None for connectors without `http`."""
    clock: Clock
    root: Path
    """The folder of the configuration file: relative paths in settings start here."""


@dataclass(frozen=True, slots=True)
class Task:
    """A command of a connector's own: `tieline CONNECTOR NAME [--OPTION VALUE]`."""

    name: str
    """As `new-sheet`: a-z, 0-9 and -."""
    help: str
    """Its first sentence stands in the list of commands."""
    run: Callable[[Any, Mapping[str, str]], Iterable[Finding]]
    """Given the opened connector and the options that were typed; works while its findings are asked for, and raises as
    other calls do. The configuration may be half done: required settings that it lacks are None then, and streams whose
    mapping is wrong are not in the context."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Option → its help. Each takes a value and may be left out."""


@dataclass(frozen=True, slots=True)
class ConnectorSpec:
    """What the hook `tieline_connectors` returns, one for each connector a plugin offers."""

    name: str
    title: str
    streams: tuple[str, ...]
    connect: Callable[[Context], Connector]
    mapping: Mapping[str, Sequence[Rule]]
    """Per stream: the default table, which the configuration's `map` overrides."""
    kinds: Mapping[str, str]
    """Stream → kind."""
    settings: type[Settings] = Settings
    http: HttpProfile | None = None
    base_url: str = ""
    """The default; empty: the configuration must give one."""
    address: str = ""
    """A `base_url` made of settings, such as `https://{subdomain}.vendor.example`, for who gives them instead of one;
    such settings must be of a type that cannot lead elsewhere, as `Subdomain`."""
    example_url: str = ""
    """What `tieline init` writes where there is no default, such as `https://YOURS.vendor.example`."""
    sandbox: Callable[[SandboxOptions], Sandbox] | None = None
    vices: tuple[str, ...] = ()
    hub_field: str = ""
    """The vendor's name for the unique custom field that holds the hub id."""
    optional: frozenset[str] = frozenset()
    """Streams that take part only where the configuration says so: `[systems.NAME] STREAM = true`."""
    tasks: tuple[Task, ...] = ()
    """Commands of its own, such as one that makes what `tieline check` finds missing."""


__all__ = [
    "Acting",
    "Connector",
    "ConnectorSpec",
    "Context",
    "HttpClient",
    "HttpProfile",
    "Mending",
    "Need",
    "OAuth",
    "Quota",
    "Recalling",
    "Settings",
    "Subdomain",
    "Task",
    "Tracing",
]
