"""Decides which hosts may see a credential. Pure: it looks at addresses as text and resolves nothing."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from tieline.errors import ConfigError

_PORTS: Final = {"http": 80, "https": 443}
# control characters, blanks and backslashes are where two URL parsers disagree
_ODD: Final = re.compile(r"[\x00-\x20\x7f\\]|[^\x00-\x7f]")


def split(url: str) -> tuple[str, str, int, str]:
    """(scheme, host, port, rest) of an absolute http or https URL; `rest` starts at the path and keeps the query.

    Raises ConfigError for anything else, and for user names in it.
    """
    try:
        if _ODD.search(url):
            raise ValueError("holds characters that do not belong there")
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), (parts.hostname or "").rstrip("."), parts.port
        if scheme not in _PORTS or not host:
            raise ValueError("is not an http(s) address")
        if "@" in parts.netloc:
            raise ValueError("must not hold a user name")
        rest = url[len(parts.scheme) + 3 + len(parts.netloc) :].split("#", 1)[0]
    except ValueError as error:
        trouble = str(error)
    else:
        return scheme, host, port or _PORTS[scheme], rest
    raise ConfigError(f"the address {_shown(url)} {trouble}")


def _shown(url: str) -> str:
    """What may be shown of an address that is wrong: no user name, no query."""
    return repr(re.sub(r"//[^/?#]*@", "//", re.split(r"[?#]", url, maxsplit=1)[0]))


def is_loopback(host: str) -> bool:
    """True for this machine: localhost, 127.0.0.0/8, ::1."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def allowed(host: str, hosts: Iterable[str]) -> bool:
    """True when `host` is one of `hosts`, or ends in one that starts with a dot."""
    return any(host.endswith(h) if h.startswith(".") else host == h for h in map(str.lower, hosts))


def trusted_origin(url: str, hosts: Iterable[str], what: str, *, loopback: bool = True) -> str:
    """The origin (`scheme://host[:port]`) of an address that credentials may go to.

    That is an https address on its standard port of a host in `hosts`, or, with `loopback`, any of this machine: that
    is for an address which a person wrote, and for what such a system says of itself. Raises ConfigError, naming
    `what`, for every other.
    """
    scheme, host, port, _ = split(url)
    if not (loopback and is_loopback(host)):
        names = tuple(hosts)
        if not allowed(host, names):
            places = ", ".join(f"*{h}" if h.startswith(".") else h for h in names) or "this machine only"
            raise ConfigError(f"{what}: credentials must not go to the host {host} (allowed: {places})")
        if scheme != "https" or port != _PORTS["https"]:
            raise ConfigError(f"{what}: credentials go to {host} over https on its standard port only")
    return origin(scheme, host, port)


def origin(scheme: str, host: str, port: int) -> str:
    """`scheme://host`, with the port where it is not the standard one."""
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" if port == _PORTS[scheme] else f"{scheme}://{name}:{port}"
