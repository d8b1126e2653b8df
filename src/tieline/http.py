"""Carries requests: the only importer of the HTTP library, and the client that connectors are given.

`HttpTransport` sends one request; `Client` decides whether it may be sent, with which credential, and whether it is
safe to send it again. It knows no vendor (an `HttpProfile` speaks for it) and reads no body.
"""

from __future__ import annotations

import logging
import random as _random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from tieline.budget import MAX_WAIT, Budget
from tieline.connector import HttpProfile
from tieline.egress import Checked, Resolve, addresses, proxy_of
from tieline.errors import ConfigError, NotAuthorised, RateLimited, TielineError, Unavailable, Unreachable
from tieline.hosts import split
from tieline.ports import Clock, Request, Response, SystemClock, Transport
from tieline.reach import Reach
from tieline.secrets import Redactor
from tieline.services import Services
from tieline.wire import FORM, cause, content, decode, excerpt, retry_after, shown, wire_headers, with_query

if TYPE_CHECKING:
    import ssl

    import httpx2

log = logging.getLogger("tieline.http")

CONNECT_TIMEOUT: Final = 10.0
POOL_TIMEOUT: Final = 60.0
WHOLE_ANSWER: Final = 4
"""A whole answer may take this many times the timeout: a server that drips cannot hold a thread for ever."""
CONNECTIONS: Final = 16
KEEP_ALIVE: Final = 20.0
"""Seconds an idle connection is kept; servers and balancers drop theirs after a minute or so."""
MAX_BODY: Final = 64 << 20
"""Bytes of one answer, unpacked."""
TRIES: Final = 5
"""Times one call is sent, where sending again is safe."""
REFUSALS: Final = 10
"""Times one call may be refused as too fast."""
PATIENCE: Final = 300.0
"""Seconds after which a call is not tried again."""
BACKOFF, BACKOFF_MOST = 0.5, 20.0
"""Seconds: the first pause and the longest, both before jitter."""
ADDRESSES: Final = 64
"""Addresses kept as the library has read them, which takes a seventh of a call: writes go to few of them."""
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class HttpTransport:
    """Sends requests over sockets: pooled, bounded in time and size, no redirect followed, no cookie kept."""

    def __init__(
        self,
        *,
        timeout: float = 30.0,
        connect_timeout: float = CONNECT_TIMEOUT,
        ca: Path | None = None,
        max_body: int = MAX_BODY,
        clock: Clock | None = None,
        resolve: Resolve = addresses,
    ) -> None:
        self._timeouts = {"connect": connect_timeout, "read": timeout, "write": timeout, "pool": POOL_TIMEOUT}
        self._whole = timeout * WHOLE_ANSWER
        self._ca, self._max_body, self._clock, self._resolve = ca, max_body, clock or SystemClock(), resolve
        self._lock = threading.Lock()
        self._pools: dict[str, httpx2.HTTPTransport] = {}

    def send(self, request: Request) -> Response:
        """The answer, whatever its status. Raises Unavailable, `sent` False when nothing can have arrived."""
        import httpx2

        failure: TielineError
        try:
            return self._send(httpx2, request)
        except (httpx2.InvalidURL, UnicodeError):
            failure = Unavailable(f"{shown(request)} is not a valid address, or has a header that is none", sent=False)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError) as error:
            failure = Unreachable(f"{shown(request)}: no connection ({cause(error)})")
        except (httpx2.LocalProtocolError, httpx2.UnsupportedProtocol) as error:
            failure = Unavailable(f"{shown(request)} cannot be sent ({type(error).__name__})", sent=False)
        except httpx2.TimeoutException:
            said = f"{shown(request)}: no answer within {self._timeouts['read']:g} s"
            failure = Unavailable(said, sent=True, silent=True)
        except httpx2.HTTPError as error:
            failure = Unavailable(f"{shown(request)}: the answer was cut off ({cause(error)})", sent=True)
        except ConfigError as error:  # an address that may not be connected to
            failure = ConfigError(error.problems, hint=error.hint)
        raise failure  # out here, so that the library's own frames with their headers do not hang on it

    def _send(self, httpx2: Any, request: Request) -> Response:
        url = with_query(request.path, request.params)
        headers, body = wire_headers(request), content(request) or None
        timeouts = {"timeout": self._timeouts}
        wire = httpx2.Request(request.method, _parsed(url), headers=headers, content=body, extensions=timeouts)
        deadline = self._clock.monotonic() + self._whole
        answer = self._pool(url).handle_request(wire)
        try:
            told = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in answer.headers.raw}
            held = self._body(answer, "content-encoding" in told, deadline, request)
        finally:
            answer.stream.close()
        return Response(answer.status_code, told, held)

    def _body(self, answer: Any, packed: bool, deadline: float, request: Request) -> bytes:
        parts: list[bytes] = []
        size = 0
        # the library unpacks in pieces of a megabyte at most, so that the limit holds for what is packed, too
        for part in answer.iter_bytes() if packed else answer.stream:
            parts.append(part)
            size += len(part)
            if size > self._max_body:
                raise Unavailable(f"{shown(request)}: the answer is larger than {self._max_body >> 20} MiB", sent=True)
            if self._clock.monotonic() > deadline:
                raise Unavailable(f"{shown(request)}: the answer took longer than {self._whole:g} s", sent=True)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _pool(self, url: str) -> Any:
        scheme, _, rest = url.partition("://")
        key = f"{scheme}://{rest.partition('/')[0]}"
        pool = self._pools.get(key)
        if pool is None:
            with self._lock:
                pool = self._pools.get(key) or self._pools.setdefault(key, self._open(key))
        return pool

    def _open(self, url: str) -> httpx2.HTTPTransport:
        import httpx2

        scheme, host, _, _ = split(url)
        proxy = proxy_of(scheme, host)
        made = httpx2.HTTPTransport(
            verify=self._tls() if scheme == "https" else _trusts_nobody(),
            trust_env=False,
            proxy=proxy,
            limits=httpx2.Limits(
                max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEEP_ALIVE
            ),
        )
        if proxy is None:  # a proxy resolves names itself
            import httpcore2

            pool: Any = made._pool  # the library offers no other way to choose the address
            pool._network_backend = Checked(pool._network_backend, httpcore2.ConnectError, self._resolve)
        return made

    def _tls(self) -> ssl.SSLContext:
        import httpx2

        if self._ca is None:
            return httpx2.create_ssl_context()
        import ssl

        try:
            return ssl.create_default_context(cafile=str(self._ca))
        except (OSError, ssl.SSLError):
            trouble = f"ca: {self._ca} does not hold certificates"
        raise ConfigError(trouble)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.close()


@lru_cache(ADDRESSES)
def _parsed(url: str) -> httpx2.URL:
    import httpx2

    return httpx2.URL(url)


def _trusts_nobody() -> ssl.SSLContext:
    """For plain HTTP the library wants a context, too; reading the real certificates would cost for nothing."""
    import ssl

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


# -- the client


class Credential(Protocol):
    """Signs requests; see `auth.Authoriser`. Both methods are called from several threads at once."""

    def authorise(self, request: Request) -> None:
        """Put the credential into `request.headers`. Raises NotAuthorised, RateLimited or Unavailable (not sent)."""
        ...

    def refresh(self, request: Request) -> bool:
        """`request` was refused: get a newer credential than the one it carries. False when there is none to get."""
        ...


@dataclass(slots=True)
class _Call:
    """One call of a connector: what is sent each time, and how it went so far."""

    request: Request
    began: float
    tries: int = 0
    refusals: int = 0
    refreshed: bool = False
    pause: float | None = None
    """Seconds the server asked for, after a failure that is not about speed."""


class Client:
    """A connector's `HttpClient`: authorised, limited, retried where that is safe, redacted. Threads may share it.

    A read is sent up to TRIES times. A write that may have arrived is never sent again; one that was refused as too
    fast, or never left, is. Raises ConfigError at once when the profile does not let credentials go to `base_url`, or
    to one of its own `services`.
    """

    def __init__(
        self,
        base_url: str,
        profile: HttpProfile,
        credential: Credential,
        transport: Transport,
        clock: Clock,
        *,
        system: str = "the system",
        budget: Budget | None = None,
        redactor: Redactor | None = None,
        random: Callable[[], float] = _random.random,
    ) -> None:
        self._services = Services(base_url, profile, system)
        self._profile, self._credential, self._transport, self._clock = profile, credential, transport, clock
        self._system, self._redactor, self._random = system, redactor or Redactor(), random
        self.budget, self.reach = budget or Budget(clock, system=system, random=random), Reach(clock)
        from tieline import __version__

        self._headers = {
            "accept": "application/json",
            "user-agent": f"tieline/{__version__}",
            **{name.lower(): value for name, value in profile.headers.items()},
        }

    @property
    def calls(self) -> int:
        """Requests sent so far."""
        return self.budget.sent

    @property
    def origins(self) -> tuple[str, ...]:
        """Where requests may go."""
        return self._services.origins

    def send(self, request: Request) -> Response:
        """The answer, whatever its status below 500 except redirects, 401, 429 and what the profile calls throttled.

        Raises RateLimited, Unavailable or NotAuthorised for the rest, after the retries that are safe.
        """
        call = _Call(self._prepare(request), self._clock.monotonic())
        return self.reach.through(lambda: self._sent(call))

    def _sent(self, call: _Call) -> Response:
        while True:
            answer = self._once(call)
            if isinstance(answer, Response):
                return answer
            if (pause := self._pause(call, answer)) > 0:
                self._clock.sleep(pause)

    def close(self) -> None:
        """Close the transport."""
        self._transport.close()

    def _prepare(self, request: Request) -> Request:
        headers = dict(self._headers)
        if request.headers:
            headers.update({name.lower(): value for name, value in request.headers.items()})
        if request.form is not None:
            headers.setdefault("content-type", FORM)
        elif request.json is not None and request.body is None:
            headers.setdefault("content-type", "application/json")
        url = with_query(self._services.url(request.path), request.params)
        return Request(request.method.upper(), url, {}, headers, body=content(request), write=request.write)

    def _once(self, call: _Call) -> Response | TielineError:
        """Send it once (twice, around a refresh): the answer, or the error to end with when it cannot be repeated."""
        out = call.request
        outgoing = Request(out.method, out.path, {}, out.headers, body=out.body, write=out.write)
        try:
            self._credential.authorise(outgoing)
            budget = self.budget.lane(self._profile.lane(outgoing))
            ticket = budget.enter()
        except Unavailable as failure:
            return failure
        began = self._clock.monotonic()
        try:
            response = self._quotable(self._transport.send(outgoing))
        except Unavailable as failure:
            budget.leave(ticket)
            self._note(outgoing, str(failure), began)
            return failure
        except BaseException:
            budget.leave(ticket)
            raise
        self._note(outgoing, response.status, began)
        if self._settle(budget, ticket, response):
            call.refusals += 1
            pause = retry_after(response.headers, self._clock)
            return RateLimited(f"{self._system} refuses calls as too fast ({response.status})", retry_after=pause)
        if 200 <= response.status < 300:
            return response
        if self._profile.expired(response) or response.status == 401:
            return self._renewed(call, outgoing, response)
        return self._verdict(call, response)

    def _renewed(self, call: _Call, outgoing: Request, response: Response) -> Response | TielineError:
        """The credential was refused: once per call, try a newer one."""
        try:
            if not call.refreshed and self._credential.refresh(outgoing):
                call.refreshed = True
                return self._once(call)
        except Unavailable as failure:
            return failure
        return NotAuthorised(f"{self._system} refuses the credential ({response.status}){self._said(response)}")

    def _settle(self, budget: Budget, ticket: int, response: Response) -> bool:
        """Tell the budget how the call went; True when it was refused as too fast."""
        quota = self._profile.quota(response.headers)
        if response.status == 429 or self._profile.throttled(response):
            budget.refused(ticket, retry_after(response.headers, self._clock), quota)
            return True
        budget.leave(ticket, quota)
        return False

    def _verdict(self, call: _Call, response: Response) -> Response | Unavailable:
        what = f"{self._system}: {shown(call.request)}"
        if response.status < 100:  # a stand-in in process lost the answer
            return Unavailable(f"{what}: the connection was closed before an answer came", sent=True)
        if response.status in _REDIRECTS:
            target = response.headers.get("location", "").partition("?")[0]
            call.tries = TRIES  # it would only be redirected again
            return Unavailable(
                f"{what} is redirected to {self._redactor.redact(target)!r}, which is not followed", sent=True
            )
        if response.status < 500:
            return response
        call.pause = retry_after(response.headers, self._clock)
        return Unavailable(f"{what} failed with {response.status}{self._said(response)}", sent=True)

    def _pause(self, call: _Call, failure: TielineError) -> float:
        """Seconds until the next try. Raises `failure` when there is none."""
        wait = 0.0
        if isinstance(failure, RateLimited):
            last = call.refusals >= REFUSALS  # the gate holds everybody, this call included
        elif isinstance(failure, Unavailable):
            call.tries += 1
            last = call.tries >= self.reach.tries(failure, TRIES, call.began) or (failure.sent and call.request.write)
            if not last:
                wait = self._random() * min(BACKOFF_MOST, BACKOFF * 2.0**call.tries)
                wait = wait if call.pause is None else max(call.pause, wait)
        else:
            last = True
        call.pause = None
        if last or wait > MAX_WAIT or self._clock.monotonic() + wait - call.began > PATIENCE:
            raise failure
        return wait

    def _quotable(self, response: Response) -> Response:
        """What a connector may quote in a message, an error or no JSON, comes without secrets that it may say back."""
        if response.status < 400 and "json" in response.headers.get("content-type", "json"):
            return response
        text = response.body.decode("utf-8", "surrogateescape")
        struck = self._redactor.redact(text)
        if struck == text:
            return response
        return Response(response.status, response.headers, struck.encode("utf-8", "surrogateescape"))

    def _said(self, response: Response) -> str:
        text = excerpt(response)
        return f": {self._redactor.redact(text)}" if text else ""

    def _note(self, request: Request, outcome: object, began: float) -> None:
        if log.isEnabledFor(logging.DEBUG):
            ms = (self._clock.monotonic() - began) * 1000
            path = request.path.partition("?")[0].removeprefix(self._services.origin)
            log.debug("%s %s %s %s %.0f ms", self._system, request.method, path, outcome, ms)


__all__ = ["Budget", "Client", "Credential", "HttpTransport", "decode", "log", "retry_after"]
