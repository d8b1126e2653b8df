"""`tieline check` for a Google account: who signs in, which actions are open, and what each stream finds. Decides
nothing.

Each finding says what was seen and exactly what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from tieline import ConfigError, Finding, NotAuthorised, Rejected, Transient
from tieline_google.oauth import ACTION_SCOPES, ROOT
from tieline_google.wire import CALENDAR, DRIVE, GMAIL, NotAllowed, NothingThere

if TYPE_CHECKING:
    from tieline_google.connector import GoogleConnector

_SIGN_IN = (
    (
        ("unauthorized_client", "invalid_scope", "access_denied"),
        "for a service account that is Admin console > Security > API controls > Domain-wide delegation",
    ),
    (("expired or revoked",), "a consent screen that is «in testing» ends every sign-in after 7 days"),
)
"""Words of a refused sign-in [iss], and what Google's users need to know besides what the core says of it."""


class _Look(NamedTuple):
    """A cheap question that shows whether an action's API is open."""

    path: str
    params: Mapping[str, str]
    who: str = ""
    """Where the answer says who is signed in."""


def findings(google: GoogleConnector) -> Iterator[Finding]:
    """All findings, in the order a person would mend them."""
    found: list[Finding] = []
    who = ""
    try:
        for name, look in _looks(google).items():
            finding, told = _action(google, name, look)
            found.append(finding)
            who = who or told
    except NotAuthorised as error:
        yield refused(error)
        return
    except Transient as error:
        yield Finding("warning", "base_url", str(error), "Try again later.")
        return
    yield Finding("ok", "sign-in", f"signed in as {who}" if who else "signed in")
    yield from found
    shown: list[Finding] = []
    for part in google.parts.values():
        for finding in part.findings():
            if finding not in shown:  # what is wrong with the spreadsheet itself is said once
                shown.append(finding)
                yield finding
    if google.settings.spreadsheet is None:
        said = "none is configured: accounts, opportunities and campaigns take no part"
        yield Finding("note", "spreadsheet", said, "to have them in one: tieline google new-sheet")


def refused(error: NotAuthorised) -> Finding:
    """What only Google's users need to know of a refused sign-in, as far as Google's words tell."""
    text = str(error)
    remedy = next((what for words, what in _SIGN_IN if any(w in text for w in words)), "")
    return Finding("error", "sign-in", text, remedy)


def _looks(google: GoogleConnector) -> dict[str, _Look]:
    calendar = google.settings.calendars[0]
    events = f"{CALENDAR}/calendars/{quote(calendar, safe='')}/events"
    return {
        "folder": _Look(f"{DRIVE}/files", {"pageSize": "1", "fields": "files(id)"}),
        "event": _Look(events, {"maxResults": "1"}, "summary" if calendar == "primary" else ""),
        "draft": _Look(f"{GMAIL}/users/me/profile", {}, "emailAddress"),
    }


def _action(google: GoogleConnector, name: str, look: _Look) -> tuple[Finding, str]:
    """Whether an action can be done, and who is signed in where that is said."""
    subject, scope = f"action {name}", ROOT + ACTION_SCOPES[name]
    try:
        data: Mapping[str, Any] = google.wire.get(look.path, look.params).data
    except NotAllowed as error:
        return Finding("note", subject, f"not open: {error}", _closed(error, scope)), ""
    except (NothingThere, ConfigError, Rejected) as error:
        what = "is `calendars` right?" if name == "event" else "is base_url right?"
        return Finding("warning", subject, str(error), what), ""
    return Finding("ok", subject, "open"), str(data.get(look.who) or "") if look.who else ""


def _closed(error: NotAllowed, scope: str) -> str:
    reasons = error.refused.reasons if error.refused is not None else ()
    if {"SERVICE_DISABLED", "accessNotConfigured"} & set(reasons):
        return "if a rule asks for it: switch the API on in the Google Cloud project (APIs & Services > Library)"
    return f"if a rule asks for it: sign in with the scope {scope}"
