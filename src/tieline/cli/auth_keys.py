"""`tieline auth new-key` and `rotate-key`: the key that kept tokens are encrypted with."""

from __future__ import annotations

from typing import Any

import click

from tieline.cli.auth_group import auth, kept
from tieline.cli.boundary import DONE
from tieline.cli.console import clean, plural
from tieline.cli.options import command as declare
from tieline.cli.session import Session
from tieline.errors import UserError


@declare("new-key", example="tieline auth new-key", group=auth)
@click.option(
    "--in", "where", type=click.Choice(["keyring", "file"]), default=None, show_default="keyring, else file",
    help="Where to keep it.",
)  # fmt: skip
@click.option("--print", "show", is_flag=True, help="Keep it nowhere; print one, for TIELINE_KEY.")
def new_key_command(session: Session, where: Any, show: bool) -> int:
    """Make the key that tokens are encrypted with, and keep it outside the home.

    It goes into the system's keyring, or where there is none that encrypts, into a file that only you can read. A key
    that is there already is not replaced; see `tieline auth rotate-key`.
    """
    from tieline.vault import Key, KeyMissing, spelled

    if show:
        text = spelled(Key.new())
        session.console.result({"key": text}, text)
        return DONE
    tokens = kept(session)
    try:
        try:
            place, keys = tokens.keys.find()
        except KeyMissing:
            stranded = sorted(tokens.about())
        else:
            raise UserError(f"there is a key already: {keys[0].id} in {place.shown}", hint="tieline auth rotate-key")
        place, key = tokens.keys.make(where)
    finally:
        tokens.close()
    value = {"where": place.where, "place": place.shown, "id": key.id, "sign_in_again": stranded}
    lines = [f"Key {key.id} is in the {place.where}: {clean(place.shown)}"]
    if stranded:
        lines.append(f"What was kept under a key that is gone stays closed; sign in again to {', '.join(stranded)}.")
    session.console.result(value, "\n".join([*lines, "Next: tieline auth status"]))
    return DONE


@declare("rotate-key", example="tieline auth rotate-key", group=auth)
def rotate_key_command(session: Session) -> int:
    """Encrypt everything kept under a new key, and drop the old one.

    If it is interrupted, everything stays readable, and calling it again finishes. A key in TIELINE_KEY is yours: put
    the new one in front of the old, call this, then take the old one away.
    """
    from tieline.vault import rotate

    tokens = kept(session)
    try:
        place, key, count = rotate(tokens)
    finally:
        tokens.close()
    value = {"where": place.where, "place": place.shown, "id": key.id, "resealed": count}
    lines = [f"{plural(count, 'credential')} encrypted anew; key {key.id} is in {clean(place.shown)}."]
    if place.where == "env":
        lines.append("Now take the old key out of TIELINE_KEY.")
    session.console.result(value, "\n".join(lines))
    return DONE
