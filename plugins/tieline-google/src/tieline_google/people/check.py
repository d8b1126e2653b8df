"""`tieline check` for Google Contacts: who signs in, the label, mapped columns. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from tieline import ConfigError, Finding, NotAuthorised, Rejected, Transient
from tieline_google.oauth import ROOT
from tieline_google.people.label import Label
from tieline_google.people.mapping import EMAILS, NAMES, PARTS
from tieline_google.people.reading import Reader
from tieline_google.people.rows import Rows

SUBJECT = "contacts"
_SIGN_IN = f"tieline auth login, with the scope {ROOT}contacts ({ROOT}contacts.readonly where nothing is written)"


def findings(reader: Reader, label: Label, rows: Rows) -> Iterator[Finding]:
    """All findings, in the order a person would mend them."""
    try:
        me = reader.me()
        found = None if label.everybody else label.found()
    except NotAuthorised as error:
        yield Finding("error", SUBJECT, str(error), _SIGN_IN)
        return
    except (ConfigError, Rejected) as error:
        yield Finding("error", SUBJECT, str(error), "Switch on the People API for the project of the OAuth client.")
        return
    except Transient as error:
        yield Finding("warning", SUBJECT, str(error), "Try again later.")
        return
    yield Finding("ok", SUBJECT, f"Google Contacts of {_who(me)}")
    if label.everybody:
        yield Finding("note", f"{SUBJECT}.contact_group", "no label is set: all contacts of the account take part")
    elif found is None:
        said = f"there is no label {label.name!r} yet: it is made with the first contact that is written"
        yield Finding("note", f"{SUBJECT}.contact_group", said, _NO_LABEL)
    else:
        said = f"the label {label.name!r} holds {found.get('memberCount', 0)} contacts"
        yield Finding("ok", f"{SUBJECT}.contact_group", said)
    for column in rows.unknown:
        yield _unknown(column)


_NO_LABEL = (
    "To have contacts of your own in it, make it yourself. Where one was lost, put all its contacts in before you sync."
)


def _who(me: object) -> str:
    """As much as the scopes let Google say."""
    held = me if isinstance(me, dict) else {}
    emails = [e.get("value") for e in held.get(EMAILS) or () if e.get("value")]
    names = [n.get("displayName") for n in held.get(NAMES) or () if n.get("displayName")]
    return str((emails or names or [held.get("resourceName") or "the account that signed in"])[0])


def _unknown(column: str) -> Finding:
    columns = [f"{area}.{part}" for area, parts in PARTS.items() for part in parts]
    near = get_close_matches(
        column, [*columns, "emailAddresses.primary", "emailAddresses.others", "phoneNumbers.work"], 1
    )
    hint = (
        f"Did you mean {near[0]!r}?" if near else "A field of your own is userDefined.KEY, a number phoneNumbers.TYPE."
    )
    return Finding("warning", f"{SUBJECT}.{column}", "Google Contacts has no such field", hint)
