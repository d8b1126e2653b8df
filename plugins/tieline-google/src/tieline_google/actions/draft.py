"""Drafts in Gmail as actions: written once for each key, never sent. Decides nothing about when.

The key gives the message its Message-ID, by which a search finds the draft [doc: rfc822msgid]. The message is made by
the standard library's own writer, and nothing that an action says can become a header of its own.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from tieline import Action, ContractViolation, Problem, Receipt
from tieline_google.actions.common import addresses, asked, digest, line, problem_of, rejected, said, taken
from tieline_google.wire import GMAIL, Refused, Wire

DRAFT = "draft"
_ME = f"{GMAIL}/users/me"
_READERS = {"to": addresses, "cc": addresses, "bcc": addresses, "subject": line, "body": said}
FIELDS = tuple(_READERS)
"""What an action may say of its draft."""
_HEADERS = ("to", "cc", "bcc")


def message_id(key: str) -> str:
    """The Message-ID of a key's draft, without its angle brackets."""
    return f"{digest(key)}@tieline.invalid"


class Drafts:
    """Writes drafts into one mailbox."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def act(self, action: Action) -> Receipt:
        """Write the draft. Gmail itself keeps no second one away: `acted` has looked before."""
        wanted, problems = taken(action, _READERS, "subject")
        if problems:
            return rejected(problems)
        try:
            raw = urlsafe_b64encode(mail(action.key, wanted)).decode()
        except (ValueError, TypeError) as error:
            return rejected([Problem("body", f"this cannot be a mail: {error}")])
        try:
            made = asked(lambda: self._wire.write("POST", f"{_ME}/drafts", {"message": {"raw": raw}}))
        except Refused as error:
            return rejected([problem_of(error)])
        receipt = _receipt(made.data)
        return Receipt("unknown") if receipt is None else receipt

    def acted(self, keys: Sequence[str]) -> dict[str, Receipt]:
        """Key → its draft, as long as it is one: a mail that was sent is none any more."""
        found = {}
        for key in keys:
            params = {"q": f"rfc822msgid:{message_id(key)}", "includeSpamTrash": "true"}
            data = self._wire.get(f"{_ME}/drafts", params).data
            drafts = data.get("drafts", [])  # not there when there is none
            if not isinstance(drafts, list):
                raise ContractViolation("Gmail answered without a list of drafts")
            receipts = [r for d in drafts if isinstance(d, Mapping) and (r := _receipt(d)) is not None]
            if receipts:
                found[key] = receipts[0]
        return found


def mail(key: str, wanted: Mapping[str, Any]) -> bytes:
    """The message as it is written. Raises ValueError for what cannot stand in one."""
    from email.message import EmailMessage  # for who writes drafts alone
    from email.policy import SMTP

    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = f"<{message_id(key)}>"
    for name in _HEADERS:
        if name in wanted:
            message[name.capitalize()] = ", ".join(wanted[name])
    message["Subject"] = wanted["subject"]
    message.set_content(wanted.get("body", ""))
    return message.as_bytes()


def _receipt(draft: Mapping[str, Any]) -> Receipt | None:
    """None where an answer does not say under which id the draft is."""
    if not draft.get("id"):
        return None
    inner = draft.get("message")
    id = inner.get("id") if isinstance(inner, Mapping) else None
    url = f"https://mail.google.com/mail/#drafts/{id}" if id else ""
    return Receipt("ok", str(draft["id"]), url, state="draft")
