"""Decides whether a plugin's code may run in a home: who provides it is asked about once, remembered, and compared.

It knows distributions by what is written about them and imports none. It keeps nobody from misusing what was trusted.
"""

from __future__ import annotations

import csv
import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import Distribution
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from tieline.errors import UserError
from tieline.home import PINS, Home

SHOWN: Final = 16
"""Digits of a digest that are printed."""
_STABLE: Final = ("METADATA", "entry_points.txt")
"""Of the files that describe a distribution: those that do not depend on who installed it."""
log = logging.getLogger("tieline.plugins")

State = Literal["known", "first", "version", "files", "other"]


class Untrusted(UserError):
    """A plugin's code was not run: nobody has said that it may."""


class Provider(NamedTuple):
    """Who provides a plugin, as the environment tells it."""

    plugin: str
    """The entry point's name."""
    distribution: str
    version: str
    digest: str = ""
    """SHA-256 over the names and hashes of its files; empty where none are listed, and for an editable install."""
    origin: str = ""
    """Where it lies, or the address it was installed from."""
    editable: bool = False

    def __str__(self) -> str:
        digest = f", sha256 {self.digest[:SHOWN]}" if self.digest else ", editable" if self.editable else ""
        return f"{self.distribution} {self.version} from {self.origin or 'an unknown place'}{digest}"


def provider(plugin: str, found: Distribution) -> Provider:
    """Who provides `plugin`, read from the distribution's own description."""
    url, editable = _installed_from(found)
    origin = url or str(found.locate_file(""))
    said = found.metadata  # read and parsed anew each time it is asked for, by `name` and `version` as well
    return Provider(plugin, said["Name"], said["Version"], "" if editable else _digest(found), origin, editable)


def _digest(found: Distribution) -> str:
    record = found.read_text("RECORD")
    rows = sorted((row[0], row[1]) for row in csv.reader((record or "").splitlines()) if len(row) > 1 and _own(row[0]))
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest() if rows else ""


def _own(name: str) -> bool:
    """Whether a file is what was published, not what an installer made of it."""
    folder, _, last = name.rpartition("/")
    if name.startswith(("..", "/")) or name.endswith(".pyc"):
        return False
    return not folder.endswith(".dist-info") or last in _STABLE


def _installed_from(found: Distribution) -> tuple[str, bool]:
    """The address it was installed from, if it was told (PEP 610), and whether it is an editable install."""
    try:
        said = json.loads(found.read_text("direct_url.json") or "{}")
        parts = urlsplit(str(said.get("url", "")))
        editable = bool((said.get("dir_info") or {}).get("editable"))
    except (ValueError, AttributeError):
        return "", False
    if parts.scheme == "file":
        return unquote(parts.path), editable
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl(), editable


def compare(now: Provider, pin: Provider | None) -> State:
    """How a provider stands to the one that is remembered."""
    if pin is None:
        return "first"
    if _canonical(pin.distribution) != _canonical(now.distribution):
        return "other"
    if pin.version != now.version:
        return "version"
    same = pin.digest == now.digest and (not now.editable or pin.origin == now.origin)
    return "known" if same else "files"


def namesake(found: Provider) -> bool:
    """Whether the distribution is the one that a plugin's name makes one install: `tieline-NAME`."""
    return _canonical(found.distribution) == _canonical(f"tieline-{found.plugin}")


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(slots=True)
class Gate:
    """Asked before a plugin is imported. What is accepted is remembered in the home, once there is one."""

    home: Callable[[], Home]
    tell: Callable[[str], None]
    ask: Callable[[str], bool | None]
    """None: nobody is there to answer."""
    accept: bool = False
    """A person said beforehand that what is new or has changed may be used; another distribution never is by this."""
    named: bool = False
    """A person named the connectors in this very command: nothing of the name they typed is asked about."""
    _pins: dict[str, Provider] | None = None
    _fresh: dict[str, Provider] = field(default_factory=dict)

    def admit(self, found: Provider, wanted: str = "") -> None:
        """Return when the plugin may be imported; `wanted` is the distribution that the configuration names for it.

        Raises Untrusted, with the command that accepts it.
        """
        pin = self.pins().get(found.plugin)
        state = compare(found, pin)
        if wanted and _canonical(wanted) != _canonical(found.distribution):
            raise Untrusted(
                f"plugin {found.plugin!r} must come from {wanted}, says the configuration, and comes from {found}",
                hint=f"install {wanted} alone, or mend [trust] in the configuration",
            )
        if state == "known":
            return
        text = _told(found, pin, state)
        answer = True if wanted else self._said(found, state)
        if answer is None:
            answer = self.ask(f"{text}.\nA plugin runs with your rights. Use it?")
            if answer is None:  # nobody is there: what a person's own words or `pip install -U` made of it may go on
                answer = state == "version" or (state == "first" and namesake(found))
                self._note(text, answer)
        else:
            self._note(text, answer)
        if not answer:
            raise Untrusted(f"{text}; it was not loaded", hint=f"tieline plugins trust {found.plugin}")
        self.remember(found)

    def _said(self, found: Provider, state: State) -> bool | None:
        """What was said beforehand; None where a person is to be asked."""
        if state == "other":
            return False
        return True if self.accept or (self.named and namesake(found) and state != "files") else None

    def _note(self, text: str, answer: bool) -> None:
        if answer:
            self.tell(f"{text}.")
            log.info("%s", text)

    def admits(self, found: Provider) -> bool:
        """Whether a plugin may be looked into without a question."""
        state = compare(found, self.pins().get(found.plugin))
        return state in ("known", "version") or (state == "first" and namesake(found))

    def remember(self, found: Provider) -> None:
        """From now on this provider is known; written down as soon as there is a home."""
        self.pins()[found.plugin] = found
        self._fresh[found.plugin] = found
        self.keep()

    def keep(self) -> None:
        """Write down what was accepted, if the home is there and can be written; another time otherwise."""
        home = self.home()
        if not self._fresh or not home.path.is_dir():
            return
        pins = {**read_pins(home), **self._fresh}
        value = {name: pin._asdict() for name, pin in sorted(pins.items())}
        try:
            home.write(PINS, json.dumps(value, indent=2).encode())
        except OSError as error:
            log.warning("who provides the plugins could not be written down: %s", error)
            return
        self._fresh.clear()

    def pins(self) -> dict[str, Provider]:
        """Plugin → who provided it when it was accepted."""
        if self._pins is None:
            self._pins = read_pins(self.home())
        return self._pins


def read_pins(home: Home) -> dict[str, Provider]:
    """What a home remembers. Raises UserError when it cannot be read."""
    path = home.path / PINS
    try:
        said: Mapping[str, Any] = json.loads(path.read_bytes())
        return {str(name): Provider(**pin) for name, pin in said.items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise UserError(
            f"{path} cannot be read: {error}", hint=f"remove {path}: plugins are then asked about again"
        ) from None


def _told(found: Provider, pin: Provider | None, state: State) -> str:
    if pin is None:
        return f"plugin {found.plugin!r} is used here for the first time: {found}"
    if state == "version":
        return f"plugin {found.plugin!r} was {pin.distribution} {pin.version} and now is {found}"
    if state == "files":
        return f"plugin {found.plugin!r} has other files than before under the same version: {found}; it was {pin}"
    return f"plugin {found.plugin!r} now comes from another distribution: {found}; it was {pin}"
