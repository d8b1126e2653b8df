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
_NAME: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
"""A host's name: labels of letters, digits and hyphens (RFC 1123)."""
_NAT64: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48")))
_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
_METADATA: Final = tuple(map(ipaddress.IPv4Network, ("168.63.129.16/32", "192.0.0.0/24")))
"""Clouds' own services behind addresses that count as public, to some releases of Python at least."""


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
        if ":" not in host and not _NAME.fullmatch(host):
            raise ValueError("has a host that is no name and no address")
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


def why_not(address: str, *, loopback: bool) -> str:
    """Why an address may not be connected to, in a few words; empty when it may.

    With `loopback` it must be this machine, else it must be public. An IPv4 address inside an IPv6 one (mapped,
    compatible, 6to4, Teredo, NAT64) is judged by itself.
    """
    try:
        found: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "no address"
    inner = _inside(found)
    if loopback:
        mapped = isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None
        return "" if (inner if mapped and inner else found).is_loopback else "not this machine"
    return _kind(inner or found)


def _kind(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if address.is_loopback:
        return "this machine"
    if address.is_link_local:
        return "an address of the local link, where metadata services are"
    if any(address in network for network in _METADATA):
        return "a cloud's metadata service"
    if address.is_multicast or address.is_unspecified or address.is_reserved:
        return "no address of a host"
    return "" if address.is_global else "inside a private network"


def _inside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _NAT64) or (address in _COMPATIBLE and int(address) > 0xFFFF):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


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
        names = tuple(dict.fromkeys(hosts))
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
