"""`tieline auth`: its commands, and `status`, which says where each credential comes from and never what it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tieline.cli import auth_keys, auth_login
from tieline.cli.auth_group import auth, credential_of, kept
from tieline.cli.boundary import DONE, USAGE
from tieline.cli.console import clean, table
from tieline.cli.options import command as declare
from tieline.cli.session import Session
from tieline.errors import ConfigError, UserError

if TYPE_CHECKING:
    from tieline.config import Config, SystemConfig
    from tieline.vault import Vault

command = auth


@declare("status", example="tieline auth status --json", group=command)
def status_command(session: Session) -> int:
    """How each system is signed in to, and whether its secrets are found. Asks no system; shows no secret.

    Ends with 2 when a secret is missing, or somebody has to sign in.
    """
    from tieline.auth_settings import describe

    config = session.load_config()
    tokens = kept(session)
    found: list[dict[str, Any]] = []
    try:
        for system in config.systems.values():
            troubles, account = _looked_up(session, system.auth, config.root)
            entry = {
                "system": system.name,
                "connector": system.spec.name,
                "base_url": system.base_url or None,
                "type": None if system.auth is None else system.auth.type,
                "auth": "none needed" if system.auth is None else describe(system.auth),
                **({"account": account} if account else {}),
                "found": not troubles,
                "problems": troubles,
                **(_grant(session, config, system, tokens) if not troubles else {"state": "secret missing"}),
            }
            if entry["state"] not in ("ready", "signed in", "renewing"):
                entry["found"] = False
            found.append(entry)
    finally:
        tokens.close()
    session.console.result(found, lambda: _text(session, found))
    return DONE if all(entry["found"] for entry in found) else USAGE


def _looked_up(session: Session, auth: Any, root: Any) -> tuple[list[str], str]:
    """What is wrong with the secrets, and whose account it is where a secret says so."""
    from tieline.auth import ServiceAccountAuth, read_key
    from tieline.secrets import resolve

    troubles, account = [], ""
    for name in sorted(auth.secrets if auth is not None else ()):
        source = getattr(auth, name)
        if source is None:
            continue
        try:
            secret = session.redactor.add(resolve(source, root))
            if isinstance(auth, ServiceAccountAuth):
                account = read_key(secret, f"what the {source} holds", session.redactor).account
        except ConfigError as error:
            troubles.append(f"{name}: {error}")
    return troubles, account


def _grant(session: Session, config: Config, system: SystemConfig, tokens: Vault) -> dict[str, Any]:
    """What is kept of a sign-in, all of it plain: nothing is decrypted for this."""
    from tieline.signin import keeps_tokens

    if not keeps_tokens(system.auth):
        return {"state": "ready"}
    about = tokens.about().get(system.name) if session.home.credentials.exists() else None
    if about is not None:
        made = credential_of(session, config, system, tokens)
        made.wire.close()
        if about["origin"] != made.authoriser.origin()[0]:
            about = None
    if about is None and system.auth.type == "authorization_code":
        return {"state": "not signed in"}
    if about is None:
        return {"state": "ready", **_key(session, tokens)}
    state = "reauth_required" if about["reauth_required"] else "renewing" if about["lost"] else "signed in"
    return {
        "state": state,
        "expires_at": None if about["until"] is None else int(about["until"]),
        "signed_in_at": about["obtained"] or None,
        "scopes": about["scope"].split(),
        "sealed_with": about["key"],
        **_key(session, tokens, about["key"]),
    }


def _key(session: Session, tokens: Vault, wanted: str = "") -> dict[str, Any]:
    """Whether the key is there that a grant was sealed with, or will be."""
    from tieline.signin import keys_of

    try:
        place, keys = keys_of(session.home, tokens, session.environ).find()
    except UserError as error:
        return {"key": None, "state": "key missing", "problems": [str(error)]}
    if wanted and wanted not in {key.id for key in keys}:
        text = f"the key here is {keys[0].id}; what is kept needs {wanted}"
        return {"key": place.where, "state": "key missing", "problems": [text]}
    return {"key": place.where}


def _with(entry: dict[str, Any]) -> str:
    return f"{entry['auth']}, account {entry['account']}" if "account" in entry else str(entry["auth"])


def _text(session: Session, found: list[dict[str, Any]]) -> str:
    rows = [[e["system"], _with(e), "; ".join(e["problems"]) or e["state"]] for e in found]
    shown = table(["SYSTEM", "SIGNS IN WITH", "STATE"], rows, width=session.console.width)
    if all(entry["found"] for entry in found):
        return f"{shown}\n\nNext: tieline check asks the systems whether they accept it."
    first = next(entry for entry in found if not entry["found"])
    hints = {
        "secret missing": "put the secret where it is looked for, then tieline auth status",
        "key missing": "tieline auth new-key, or bring the key back",
    }
    return f"{shown}\n\nNext: {hints.get(first['state'], 'tieline auth login ' + clean(first['system']))}"


__all__ = ["auth_keys", "auth_login", "command", "status_command"]
