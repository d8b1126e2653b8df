"""`tieline sandbox`: stand-ins of vendors, each on its own loopback port, until a signal."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from tieline.cli.boundary import DONE
from tieline.cli.console import table
from tieline.cli.options import command as declare
from tieline.cli.session import Session
from tieline.cli.signals import stopping
from tieline.errors import UserError
from tieline.home import write_atomically

if TYPE_CHECKING:
    import ssl

    from tieline.connector import ConnectorSpec
    from tieline.sandbox import Server
    from tieline.standin import SandboxOptions


@declare("sandbox", example="tieline sandbox hubspot salesforce --seed demo --ready-file ready.json")
@click.argument("vendors", nargs=-1, metavar="VENDOR...")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default="free ones",
    help="The first vendor's port; the others follow.",
)
@click.option("--seed", type=click.Choice(["empty", "demo"]), default="empty", show_default=True, help="What is in it.")
@click.option("--vice", "vices", multiple=True, metavar="NAME", help="Switch on a bad habit of the vendor; repeatable.")
@click.option("--ready-file", type=click.Path(path_type=Path), metavar="FILE", help="Write addresses and tokens there.")
@click.option(
    "--tls", type=click.Path(path_type=Path), metavar="DIR", help="Serve https; its throw-away CA goes to DIR/ca.pem."
)
def command(
    session: Session,
    vendors: tuple[str, ...],
    port: int,
    seed: str,
    vices: tuple[str, ...],
    ready_file: Path | None,
    tls: Path | None,
) -> int:
    """Serve stand-ins of vendors on 127.0.0.1 until Ctrl-C or SIGTERM.

    With --home HOME, what a demo left there is served again on the ports its configuration names, and saved when it
    stops. GET /_sandbox/stats on each answers how often it was asked.
    """
    from tieline.standin import SandboxOptions

    saved = session.home_option is not None
    session.gate.named = True
    names = vendors or (_saved_vendors(session) if saved else ())
    if not names:
        raise click.UsageError("Name at least one VENDOR, or a demo's home with --home.")
    specs = [_spec(session, name) for name in names]
    chosen = _vices(specs, vices)
    ports = _saved_ports(session, names) if saved else {}
    wanted = [ports.get(name, port + number if port else 0) for number, name in enumerate(names)]
    context = None if tls is None else _tls(tls)
    servers: dict[str, Server] = {}
    with stopping() as stop:
        try:
            for spec, number in zip(specs, wanted, strict=True):
                state = _state(session, spec.name) if saved else None
                options = SandboxOptions(seed=seed, vices=chosen[spec.name], state=state)
                servers[spec.name] = _serve(spec, options, number, context)
            _announce(session, servers, ready_file, tls)
            _wait(stop)
        finally:
            for name, server in servers.items():
                server.close()
                if saved:
                    session.home.write(f"sandboxes/{name}.json", json.dumps(server.sandbox.dump()).encode())
            if ready_file is not None and servers:
                ready_file.unlink(missing_ok=True)
    return DONE


def _wait(stop: threading.Event) -> None:
    while not stop.wait(3600.0):
        pass


def _spec(session: Session, vendor: str) -> ConnectorSpec:
    spec = session.registry.get(vendor)
    if spec.sandbox is None:
        raise UserError(f"the connector {vendor!r} has no stand-in", hint="tieline plugins list")
    return spec


def _vices(specs: Sequence[ConnectorSpec], names: Sequence[str]) -> dict[str, frozenset[str]]:
    """Per vendor, those of the named vices it has; each must be had by somebody."""
    known = sorted({vice for spec in specs for vice in spec.vices})
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known) or 'none'}"
            raise click.UsageError(f"There is no vice {name!r}; {hint}")
    return {spec.name: frozenset(names) & frozenset(spec.vices) for spec in specs}


def _serve(spec: ConnectorSpec, options: SandboxOptions, port: int, tls: ssl.SSLContext | None) -> Server:
    from tieline.sandbox import serve

    if spec.sandbox is None:
        raise UserError(f"the connector {spec.name!r} has no stand-in")
    try:
        return serve(spec.sandbox(options), port, tls)
    except OSError as error:
        raise UserError(
            f"port {port} for {spec.name} cannot be used: {error.strerror or error}", hint="--port 0 picks free ones"
        ) from error


def _announce(session: Session, servers: dict[str, Server], ready_file: Path | None, tls: Path | None) -> None:
    ready = {name: _ready(server) for name, server in servers.items()}
    if ready_file is not None:
        write_atomically(ready_file, json.dumps(ready, indent=2).encode())
    rows = [[name, entry["base_url"], entry["auth"]["token"]] for name, entry in ready.items()]
    text = table(["VENDOR", "BASE_URL", "TOKEN"], rows)
    session.console.result(ready, text)
    if tls is not None:
        session.console.note(f"The CA is in {tls / 'ca.pem'}.")
    session.console.note("Serving; Ctrl-C stops.")


def _ready(server: Server) -> dict[str, Any]:
    sandbox = server.sandbox
    entry: dict[str, Any] = {"base_url": server.base_url, "auth": {"type": "token", "token": sandbox.token}}
    if sandbox.client_id:
        entry["client_id"] = sandbox.client_id
        entry["client_secret"] = sandbox.client_secret
        entry["token_url"] = server.base_url + sandbox.token_path
    return entry


def _tls(folder: Path) -> ssl.SSLContext:
    """A server context with a certificate of a new CA, whose own certificate is written to `folder`/ca.pem."""
    import ssl

    try:
        import trustme
    except ModuleNotFoundError:
        raise UserError("--tls needs the package trustme", hint="pip install 'tieline[sandbox]'") from None
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost", "::1").configure_cert(context)
    write_atomically(folder / "ca.pem", authority.cert_pem.bytes(), 0o644)
    return context


# -- a demo's home


def _saved_vendors(session: Session) -> tuple[str, ...]:
    folder = session.home.check().sandboxes
    found = tuple(sorted(p.stem for p in folder.glob("*.json"))) if folder.is_dir() else ()
    if not found:
        raise UserError(f"no stand-in is saved in {session.home.path}", hint="tieline demo makes such a home")
    return found


def _state(session: Session, vendor: str) -> Any:
    path = session.home.check().sandboxes / f"{vendor}.json"
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"no stand-in of {vendor} is saved in {session.home.path}") from None
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}") from None


def _saved_ports(session: Session, vendors: Sequence[str]) -> dict[str, int]:
    """The ports that the home's configuration expects, by vendor."""
    config = session.load_config()
    found: dict[str, int] = {}
    for system in config.systems.values():
        port = urlsplit(system.base_url).port
        if system.spec.name in vendors and port:
            found.setdefault(system.spec.name, port)
    return found
