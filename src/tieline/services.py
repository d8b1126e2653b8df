"""Decides which host an account's request goes to: all of them below one address, or each API to the host that has it.

Pure. Credentials follow: an origin that the connector's `hosts` do not allow is refused before anything is sent.
"""

from __future__ import annotations

from dataclasses import replace

from tieline.connector import ConnectorSpec, HttpProfile
from tieline.errors import ConfigError
from tieline.hosts import is_loopback, origin, split, trusted_origin


class Services:
    """The addresses of one account, made of its base_url and its connector's table.

    Where base_url is on this machine, for a stand-in, everything is below it. Raises ConfigError when base_url, or an
    entry of the table, is nothing that credentials may go to.
    """

    def __init__(self, base_url: str, profile: HttpProfile, system: str) -> None:
        self.origin = trusted_origin(base_url, profile.hosts, f"base_url of {system}")
        self._system = system
        self._base = self.origin + split(base_url)[3].partition("?")[0].rstrip("/")
        table = [_entry(prefix, told, profile, system) for prefix, told in profile.services.items()]
        local = is_loopback(split(base_url)[1])
        self._table = [] if local else sorted(table, key=lambda entry: len(entry[0]), reverse=True)
        self.origins = tuple(dict.fromkeys([self.origin, *(place for _, place in self._table)]))
        """Every origin that requests may go to, that of base_url first."""

    def host_of(self, path: str) -> str | None:
        """The origin that has this path by the table; None: it is below base_url. The longest prefix wins, and ends
        where a segment does."""
        bare = path.partition("?")[0]
        return next((place for prefix, place in self._table if bare == prefix or bare.startswith(f"{prefix}/")), None)

    def url(self, path: str) -> str:
        """The whole address of a path. A whole address is taken as it is if it leads to one of `origins`.

        Raises ConfigError for one that leads anywhere else.
        """
        if path[:7].lower() != "http://" and path[:8].lower() != "https://":
            below = path if path[:1] == "/" else f"/{path}"
            return ((self.host_of(below) if self._table else None) or self._base) + below
        scheme, host, port, rest = split(path)
        found = origin(scheme, host, port)
        if found not in self.origins:
            raise ConfigError(
                f"{self._system}: an address leads to {host} instead of {', '.join(self.origins)}; "
                "nothing is sent there",
                hint="set base_url to the host the system names itself, if that is right",
            )
        return found + rest


def _entry(prefix: str, told: str, profile: HttpProfile, system: str) -> tuple[str, str]:
    what = f"services of {system}: {prefix}"
    if not prefix.startswith("/") or split(told)[3] not in ("", "/"):
        raise ConfigError(f"{what}: a path from / on leads to the address of a host, not to {told}")
    return prefix.rstrip("/"), trusted_origin(told, profile.hosts, what, loopback=False)


def profile_of(spec: ConnectorSpec, base_url: str) -> HttpProfile:
    """How the connector speaks HTTP at this address: where somebody chose another one than the connector's own,
    everything is below it."""
    profile = spec.http or HttpProfile()
    if not profile.services or is_loopback(split(base_url)[1]) or _same(base_url, spec.base_url):
        return profile
    return replace(profile, services={})


def _same(one: str, other: str) -> bool:
    if not other:
        return False
    found = [split(url) for url in (one, other)]
    return len({(origin(*parts[:3]), parts[3].rstrip("/")) for parts in found}) == 1
