"""Stand-ins that can be signed in to, a configuration on them, and a browser that agrees to everything.

What is asked of the stand-ins can be looked at, held up or lost on its way, since they run in the test's own process.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.process.harness import Done, command, environ, finished
from tieline.sandbox import Request, Response, SandboxOptions, Server, serve

KEY = base64.urlsafe_b64encode(b"k" * 32).decode().rstrip("=")
BROWSER = """\
import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=30).read()
"""
PREFIXES = ("na1-person-", "sandbox!person-")
"""How all codes and tokens begin that the stand-ins give to a person."""


READY = '{ type = "token", token = { env = "MARKETING_TOKEN" } }'
"""How marketing is signed in to where a test is about the other system."""


class Vendor:
    """A stand-in behind a socket. `wrap` may stand between the two."""

    def __init__(self, sandbox: Any) -> None:
        self.sandbox = sandbox
        self.asked: list[Request] = []
        self.wrap: Callable[[Request, Callable[[Request], Response]], Response] = lambda request, go: go(request)
        self.server: Server = serve(self)  # type: ignore[arg-type]  # what a server uses of a stand-in is here
        self.url = self.server.base_url

    def handle(self, request: Request) -> Response:
        self.asked.append(request)
        return self.wrap(request, self.sandbox.handle)

    @property
    def token_requests(self) -> int:
        """How often the token endpoint was asked."""
        return sum(r.path.endswith("/token") for r in self.asked)


def vendors(*vices: str, seed: str = "empty") -> dict[str, Vendor]:
    """Both vendors by their system's name."""
    from tieline_hubspot.sandbox import HubSpotSandbox
    from tieline_salesforce.sandbox import SalesforceSandbox

    options = SandboxOptions(seed=seed, vices=frozenset(vices))
    return {"crm": Vendor(SalesforceSandbox(options)), "marketing": Vendor(HubSpotSandbox(options))}


class Bench:
    """A folder with a configuration on both vendors, and commands run in it."""

    def __init__(self, folder: Path, found: dict[str, Vendor], **auth: str) -> None:
        self.folder, self.vendors = folder, found
        folder.mkdir(parents=True, exist_ok=True)
        self.home = folder / ".tieline"
        (folder / "browser.py").write_text(BROWSER)
        hubspot = found["marketing"].sandbox
        self.env = {
            "TIELINE_KEY": KEY,
            "XDG_CONFIG_HOME": str(folder / "config"),
            "BROWSER": f"{sys.executable} {folder / 'browser.py'} %s",
            "MARKETING_SECRET": hubspot.client_secret,
            "MARKETING_TOKEN": hubspot.token,
        }
        crm = auth.get("crm", f'{{ type = "authorization_code", client_id = "{found["crm"].sandbox.client_id}" }}')
        secret = 'client_secret = { env = "MARKETING_SECRET" }'
        plain = f'{{ type = "authorization_code", client_id = "{hubspot.client_id}", {secret} }}'
        self.config = folder / "tieline.toml"
        self.config.write_text(
            f'[systems.crm]\nconnector = "salesforce"\nbase_url = "{found["crm"].url}"\ncurrency = "USD"\n'
            f'auth = {crm}\n\n[systems.marketing]\nconnector = "hubspot"\nbase_url = "{found["marketing"].url}"\n'
            f"auth = {auth.get('marketing', plain)}\n{auth.get('more', '')}"
        )

    def start(self, *arguments: str, stdin: int | None = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """A command under way."""
        return subprocess.Popen(
            command(*arguments), cwd=self.folder, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=environ(**self.env), umask=0,
        )  # fmt: skip

    def run(self, *arguments: str) -> Done:
        """A command, to its end."""
        return finished(self.start(*arguments), 90.0)

    def login(self, *systems: str) -> None:
        """Sign in to these, through the browser."""
        for system in systems:
            done = self.run("auth", "login", system, "--json")
            assert done.code == 0, (done.out, done.err)


def files(folder: Path) -> list[tuple[str, bytes]]:
    """Every file below a folder."""
    return [(str(p), p.read_bytes()) for p in sorted(folder.rglob("*")) if p.is_file()]


def holding(texts: list[tuple[str, bytes]], *words: str) -> list[str]:
    """Which of the texts hold one of the words, as it is or as base64."""
    wanted = [w.encode() for w in words]
    for word in words:
        wanted += [base64.b64encode(pad + word.encode())[4:-4] for pad in (b"", b"x", b"xx")]
    return [name for name, content in texts if any(w in content for w in wanted)]


def mode(path: Path) -> int:
    """The rights of a file."""
    return os.stat(path).st_mode & 0o777
