"""A secret in every credential position, in real processes: it is sent to the vendor and found nowhere else.

The gates between Tieline and the stand-ins turn each canary into the real secret on its way there, and the tokens that
are granted into canaries on their way back. So everything works, and whatever Tieline writes can be searched for them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.process import company
from tests.process.harness import VENDORS, Call, Desk, Gate, Reply, Sandboxes, as_json, finished, html, kill

pytest.importorskip("trustme", reason="trustme is not installed")

MARK = "canary7f3a"
"""In every canary; short words, so that only knowing them strikes them out, not their looking like tokens."""
TOKEN, SECRET, REFRESH = f"{MARK}.token", f"{MARK}.secret", f"{MARK}.refresh"
KEY = f"{MARK}{'A' * 33}"
"""The key to kept tokens, a canary as well: 43 characters of base64."""
FORMS = ("env", "file", "command")
GRANTS = ("token", "client_credentials", "refresh_token")
KILLED_AT = 6
"""Calls to marketing after which the run dies: in the middle of reading, so that the database's log is left."""
ROOT = Path(__file__).parents[2]


def source(form: str, name: str) -> str:
    """Where the secret `name` is, as a configuration says it."""
    return {
        "env": f'{{ env = "CANARY_{name.upper()}" }}',
        "file": f'{{ file = "secrets/{name}" }}',
        "command": f'{{ command = ["cat", "secrets/{name}"] }}',
    }[form]


def auth(grant: str, form: str, client: str) -> str:
    """The `auth` of a system that signs in this way."""
    if grant == "token":
        return f'{{ type = "token", token = {source(form, "token")} }}'
    more = f", refresh_token = {source(form, 'refresh')}" if grant == "refresh_token" else ""
    return f'{{ type = "{grant}", client_id = "{client}", client_secret = {source(form, "secret")}{more} }}'


class Bench:
    """Stand-ins, gates that know the canaries, and desks that hold them."""

    def __init__(self, folder: Path) -> None:
        from tieline_hubspot.sandbox import HubSpotSandbox
        from tieline_salesforce.sandbox import SalesforceSandbox

        self.folder = folder
        self.sandboxes = Sandboxes(folder / "sandbox")
        self.gates = {name: Gate(self.sandboxes, name) for name in VENDORS}
        real = {"crm": SalesforceSandbox, "marketing": HubSpotSandbox}
        granted = {"crm": "00DKh0sandbox!access-", "marketing": "na1-access-"}
        self.sent = b""
        for name, gate in self.gates.items():
            stand_in: Any = real[name]
            gate.words = {
                SECRET: stand_in.client_secret,
                REFRESH: stand_in.refresh_token,
                TOKEN: stand_in.token,
                f"{MARK}.access": granted[name],
            }
            gate.before = self._note
        company.fill(self.sandboxes)

    def _note(self, call: Call) -> Reply | None:
        self.sent += call.body + call.authorization.encode()
        return None

    def desk(self, grant: str, form: str, name: str = "") -> Desk:
        """A desk whose two systems sign in this way."""
        client = {name: self.sandboxes.ready[vendor]["client_id"] for name, vendor in VENDORS.items()}
        parts = {f"{name}_auth": auth(grant, form, client[name]) for name in VENDORS}
        urls = {name: gate.url for name, gate in self.gates.items()}
        desk = Desk(self.folder / (name or f"{grant}-{form}"), urls, self.sandboxes.token, **parts)
        desk.env = {"TIELINE_KEY": KEY, "XDG_CONFIG_HOME": str(self.folder / "config")}
        secrets = desk.folder / "secrets"
        secrets.mkdir(mode=0o700)
        for name, value in (("token", TOKEN), ("secret", SECRET), ("refresh", REFRESH)):
            if form == "env":
                desk.env[f"CANARY_{name.upper()}"] = value
            else:
                (secrets / name).write_text(value)
                (secrets / name).chmod(0o600)
        return desk

    def close(self) -> None:
        """Stop what was started."""
        for gate in self.gates.values():
            gate.close()
        self.sandboxes.stop()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("canary"))
    yield made
    made.close()


def leaks(texts: Iterable[tuple[str, bytes]], word: str = MARK) -> list[str]:
    """Which of the texts hold the word, as it is or in a form that a wire gives it."""
    forms = {word, quote(word), word[::-1]}
    packed = {base64.b64encode(pad + word.encode())[4:-4] for pad in (b"", b"x", b"xx")}
    wanted = {f.encode() for f in forms} | packed
    return [name for name, content in texts if any(w in content for w in wanted)]


def files(folder: Path) -> list[tuple[str, bytes]]:
    """Every file below a folder, as bytes, but for the secrets' own."""
    return [(str(p), p.read_bytes()) for p in folder.rglob("*") if p.is_file() and p.parent.name != "secrets"]


def lines(desk: Desk, *arguments: str) -> list[tuple[str, bytes]]:
    """What a command printed."""
    done = desk.run(*arguments)
    name = " ".join(arguments)
    return [(f"stdout of {name}", done.out.encode()), (f"stderr of {name}", done.err.encode())]


def echo(status: int) -> Any:
    """A server that says back what it was told, credential and all."""

    def answer(call: Call) -> Reply | None:
        if call.path.endswith("/token"):
            return None
        said = f"you sent {call.authorization} and {call.body.decode(errors='replace')}"
        if status == 200:
            page = html()
            return Reply(200, page.headers, page.body + said.encode())
        return as_json({"status": "error", "message": said, "category": said}, status)

    return answer


@pytest.mark.parametrize("grant", GRANTS)
@pytest.mark.parametrize("form", FORMS)
def test_s15_a_secret_reaches_the_vendor_and_nothing_that_is_printed_or_kept(
    bench: Bench, grant: str, form: str
) -> None:
    desk, bench.sent = bench.desk(grant, form), b""
    out = [*lines(desk, "sync", "--yes", "-vv"), *lines(desk, "auth", "status", "--json"), *lines(desk, "check", "-v")]
    assert b"Done: " in out[0][1], out
    if form == FORMS[GRANTS.index(grant)]:  # how it fails does not depend on where the secret came from
        for status in (200, 400, 401):
            for gate in bench.gates.values():
                gate.before = echo(status)
            out += lines(desk, "sync", "-vv")
            out += lines(desk, "check", "--json")
            for gate in bench.gates.values():
                gate.before = bench._note
    held = files(desk.folder)
    assert leaks([*out, *held]) == []
    # the same search finds what is there
    expected = {"token": TOKEN, "client_credentials": SECRET, "refresh_token": REFRESH}[grant]
    assert expected.encode() in bench.sent, "the canary was never sent: this shows nothing"
    assert any(name.endswith("tieline.db") for name, _ in held)
    assert any(name.endswith("tieline.log") for name, _ in held)
    assert any(name.endswith("tieline.db") for name in leaks(held, "Person001")), "the search sees no content of a home"
    if form != "env":
        assert len(leaks((p.name, p.read_bytes()) for p in (desk.folder / "secrets").iterdir())) == 3


def test_s15_what_a_killed_run_leaves_holds_no_secret_either(bench: Bench) -> None:
    desk = bench.desk("refresh_token", "env", "killed")
    running: list[Any] = []

    def die(call: Call) -> Reply | None:
        if running and call.number > start + KILLED_AT:
            kill(running[0])
        return None

    start = bench.gates["marketing"].counter.calls
    bench.gates["marketing"].before = die
    running.append(desk.start("sync", "--yes", "--full", "-vv"))
    done = finished(running[0])
    for gate in bench.gates.values():
        gate.before = bench._note
    assert done.code == -9, "it was not killed: this shows nothing"
    held = files(desk.folder)
    assert any(name.endswith("tieline.db-wal") for name, _ in held)
    assert leaks([*held, ("stdout", done.out.encode()), ("stderr", done.err.encode())]) == []


def test_s18_no_cassette_holds_a_credential_it_was_recorded_with() -> None:
    from tieline_hubspot.sandbox import HubSpotSandbox
    from tieline_salesforce.sandbox import SalesforceSandbox

    cassettes = [(str(p), p.read_bytes()) for p in ROOT.glob("plugins/*/tests/cassettes/*.yaml")]
    assert len(cassettes) >= 2
    for sandbox in (HubSpotSandbox, SalesforceSandbox):
        for word in (sandbox.token, sandbox.client_secret, sandbox.refresh_token):
            assert leaks(cassettes, word) == []
    assert len(leaks(cassettes, "interactions")) == len(cassettes), "the search sees no content of a cassette"


def test_the_search_finds_a_canary_in_any_form() -> None:
    packed = base64.b64encode(b"client:" + MARK.encode() + b".secret")
    texts = [("plain", MARK.encode()), ("packed", packed), ("json", json.dumps({"a": TOKEN}).encode()), ("none", b"x")]
    assert leaks(texts) == ["plain", "packed", "json"]
