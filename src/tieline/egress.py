"""Resolves a host, checks every address it leads to, and connects to an address that was checked.

The check and the connection use one answer of the resolver, so that a name cannot change its mind in between. It sends
nothing, and decides nothing about host names: that is `hosts`.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from tieline.errors import ConfigError
from tieline.hosts import is_loopback, split, why_not

Resolve = Callable[[str, int], Iterable[str]]


def addresses(host: str, port: int) -> list[str]:
    """What the system's resolver says, each address once. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def checked(host: str, port: int, resolve: Resolve = addresses) -> list[str]:
    """The addresses of a host, all of which may be connected to. Raises ConfigError when one may not, OSError when
    there is none.

    A host of this machine leads to this machine alone; any other leads to public addresses alone, however they are
    wrapped: nothing inside a network, no cloud's metadata service.
    """
    found = list(resolve(host, port))
    local = is_loopback(host)
    for address in found:
        trouble = why_not(address, loopback=local)
        if trouble:
            raise ConfigError(
                f"the host {host} leads to {address}, which is {trouble}; nothing is sent there",
                hint="look at the setting that names this host, and at the name server",
            )
    if not found:
        raise OSError("no address")
    return found


class Checked:
    """A network backend of the HTTP library that connects to checked addresses through the backend it wraps.

    `failure` is the library's own error for a connection that could not be made.
    """

    def __init__(self, inner: Any, failure: type[Exception], resolve: Resolve = addresses) -> None:
        self._inner, self._failure, self._resolve = inner, failure, resolve

    def connect_tcp(self, host: str, port: int, **options: Any) -> Any:
        """Connect to the first address that answers. Raises ConfigError, or the library's errors."""
        try:
            found = checked(host, port, self._resolve)
        except OSError as error:
            trouble = str(error)
            found = []
        if not found:
            raise self._failure(trouble)
        for address in found[:-1]:
            try:
                return self._inner.connect_tcp(address, port, **options)
            except Exception:  # noqa: S112 the library's own kinds of «no»: the next address may answer
                continue
        return self._inner.connect_tcp(found[-1], port, **options)

    def connect_unix_socket(self, path: str, **options: Any) -> Any:
        """Never: systems are reached over the network."""
        raise self._failure("no sockets of this machine's own kind")

    def sleep(self, seconds: float) -> None:
        """Between the library's own attempts."""
        self._inner.sleep(seconds)


def proxy_of(scheme: str, host: str) -> str | None:
    """The proxy of the environment (`HTTPS_PROXY`, `NO_PROXY`), never for this machine.

    It resolves names itself; a host that is an address is checked here. Raises ConfigError for one that is refused.
    """
    from urllib.request import getproxies, proxy_bypass

    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    found = proxies.get(scheme) or proxies.get("all")
    if found and _is_address(host):
        checked(host, 0, lambda name, _: [name])
    return found


def shown_proxy(url: str) -> str:
    """The proxy that calls to this address go through, as host and port; empty for none."""
    scheme, host, _, _ = split(url)
    found = proxy_of(scheme, host)
    return (urlsplit(found).netloc or found).rpartition("@")[2] if found else ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
