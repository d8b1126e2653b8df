"""`tieline auth login` and `logout`: a person signs in to a system, and out of it again."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from tieline.cli.auth_group import auth, chosen, credential_of, kept
from tieline.cli.boundary import DONE, FAILED
from tieline.cli.console import clean
from tieline.cli.options import command as declare
from tieline.cli.session import Session
from tieline.errors import UserError

if TYPE_CHECKING:
    from tieline.auth import Answer, Login
    from tieline.config import Config, SystemConfig
    from tieline.signin import Credential

PASTE_REDIRECT = "http://127.0.0.1:8717/callback"
"""Where a browser on another machine is sent back to when nothing else is configured: nobody listens there."""


@declare("login", example="tieline auth login crm", group=auth)
@click.argument("name", metavar="SYSTEM")
@click.option("--paste", is_flag=True, help="No browser here: paste the address that yours ends up at.")
@click.option("--no-browser", is_flag=True, help="Show the address instead of opening a browser.")
def login_command(session: Session, name: str, paste: bool, no_browser: bool) -> int:
    """Sign in to a system, and keep what it grants, encrypted.

    With `authorization_code` a browser asks you, and comes back to this machine within five minutes. The other ways
    to sign in need nobody: a token is asked for once, to see that the system accepts the credential.
    """
    from tieline.auth import AuthorizationCodeAuth, BasicAuth, NoAuth, TokenAuth
    from tieline.ports import Request
    from tieline.signin import keeps_tokens

    config = session.load_config()
    system = chosen(config, name)
    if isinstance(system.auth, (TokenAuth, BasicAuth, NoAuth)):
        raise UserError(f"{name} does not sign in: it uses a ready credential or none", hint="tieline check")
    tokens = kept(session)
    if keeps_tokens(system.auth):
        tokens.sealer()  # before anybody is asked: a token that cannot be kept must not be granted
    made = credential_of(session, config, system, tokens)
    value: dict[str, Any] = {"system": name, "type": system.auth.type, "signed_in": True}
    try:
        if isinstance(system.auth, AuthorizationCodeAuth):
            answer, wanted = _signed_in(session, config, system, made, paste, not no_browser)
            made.authoriser.keep(answer)
            value |= _told(answer, wanted)
        else:
            made.authoriser.authorise(Request("GET", system.base_url))
    finally:
        made.wire.close()
        tokens.close()
    session.console.result(value, lambda: _text(value))
    return DONE


def _signed_in(
    session: Session, config: Config, system: SystemConfig, made: Credential, paste: bool, browser: bool
) -> tuple[Answer, tuple[str, ...]]:
    from tieline.auth import Login
    from tieline.auth.loopback import Loopback
    from tieline.secrets import resolve
    from tieline.signin import scopes

    settings = system.auth
    secret = None
    if settings.client_secret is not None:
        secret = session.redactor.add(resolve(settings.client_secret, config.root))
    listener = None if paste or not settings.listens else Loopback(settings.redirect_url)
    assert made.authoriser.endpoint is not None  # noqa: S101 for the type checker: these settings have one
    try:
        login = Login(
            settings,
            made.authoriser.endpoint,
            system=system.name,
            base_url=system.base_url,
            profile=made.profile,
            scopes=scopes(config, system),
            redirect=listener.redirect if listener is not None else settings.redirect_url or PASTE_REDIRECT,
            redactor=session.redactor,
        )
        _show(session, system.name, login, browser and listener is not None)
        code = login.code(_pasted(session, login) if listener is None else _waited(listener))
    finally:
        if listener is not None:
            listener.close()
    return login.exchange(code, secret), login.scopes


def _show(session: Session, name: str, login: Login, browser: bool) -> None:
    session.console.note(f"To sign in to {name}, open this address and agree:\n\n  {clean(login.url)}\n")
    if browser:
        import threading
        import webbrowser

        # some browsers return only when they are closed, and this one is to come back here first
        threading.Thread(target=webbrowser.open, args=(login.url,), daemon=True).start()


def _waited(listener: Any) -> str:
    import time

    url: str = listener.wait(time.monotonic)
    return url


def _pasted(session: Session, login: Login) -> str:
    """The address that a person pastes; it holds a code, so it is not shown while it is typed."""
    session.console.note(
        f"Then your browser goes to {clean(login.redirect)}…; it does not matter whether a page is there.\n"
        "Copy that whole address from its address bar."
    )
    if sys.stdin.isatty():
        return str(click.prompt("Address (not shown)", hide_input=True, err=True))
    line = sys.stdin.readline()
    if not line.strip():
        raise UserError("no address was pasted", hint="tieline auth login --help")
    return line


def _told(answer: Answer, wanted: tuple[str, ...]) -> dict[str, Any]:
    granted = answer.scope.split() or list(wanted)
    return {
        "scopes": granted,
        "missing_scopes": [scope for scope in wanted if answer.scope and scope not in granted],
        "renewable": answer.refresh_token is not None,
        "expires_at": None if answer.until is None else int(answer.until),
    }


def _text(value: dict[str, Any]) -> str:
    name = value["system"]
    if value["type"] != "authorization_code":
        return f"{name} accepts the credential.\nNext: tieline check"
    lines = [f"Signed in to {name}. What it granted is kept, encrypted."]
    if value["missing_scopes"]:
        lines.append(f"Not granted: {clean(' '.join(value['missing_scopes']))}")
    if not value["renewable"]:
        end = value["expires_at"]
        until = "until it is refused" if end is None else f"until {datetime.fromtimestamp(end / 1000, UTC):%H:%M} UTC"
        lines.append(f"The system gave no refresh token: this holds {until}.")
    return "\n".join([*lines, "Next: tieline check"])


@declare("logout", example="tieline auth logout crm", group=auth)
@click.argument("name", metavar="SYSTEM")
def logout_command(session: Session, name: str) -> int:
    """Sign out: the system is told to revoke what it granted, and what is kept here is wiped.

    It is wiped even when the system cannot be told; then this ends with 1 and says so.
    """
    from tieline.signin import keeps_tokens

    config = session.load_config()
    system = chosen(config, name)
    if not keeps_tokens(system.auth):
        raise UserError(
            f"nothing is kept of {name}: its credential is in the configuration", hint="tieline auth status"
        )
    tokens = kept(session)
    made = credential_of(session, config, system, tokens)
    try:
        there, trouble = made.authoriser.forget()
    finally:
        made.wire.close()
        tokens.close()
    revoked = there and trouble is None
    value = {"system": name, "wiped": True, "revoked": revoked, "problem": None if trouble is None else str(trouble)}
    session.console.result(value, lambda: _out(name, there, trouble))
    return DONE if trouble is None else FAILED


def _out(name: str, there: bool, trouble: Exception | None) -> str:
    if not there:
        return f"Nobody was signed in to {name}."
    if trouble is None:
        return f"Signed out of {name}: revoked there, wiped here."
    return f"Wiped here. {name} was not told to revoke it: {clean(trouble)}\nRevoke it in the system's own settings."
