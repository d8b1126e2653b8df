"""Who may be mailed: opt-outs of everything, and statuses per subscription type, by e-mail address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SUBSCRIBED, UNSUBSCRIBED, UNSAID = "SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED"


class Consents:
    """Keyed by address in lower case; a person need not be a contact."""

    def __init__(self, definitions: Sequence[Mapping[str, Any]]) -> None:
        self.definitions = list(definitions)
        self._wide: dict[str, int] = {}
        self._single: dict[str, dict[str, dict[str, Any]]] = {}

    def opted_out(self, email: str) -> int | None:
        """When this address opted out of everything, in ms; None when it did not."""
        return self._wide.get(email.strip().lower())

    def opt_out(self, email: str, now: int) -> bool:
        """Opt out of everything; False when that was so already."""
        return self._wide.setdefault(email.strip().lower(), now) == now

    def status(self, email: str, subscription: str) -> dict[str, Any] | None:
        """What was last said of one subscription type: status, stamp, legal basis."""
        return self._single.get(email.strip().lower(), {}).get(subscription)

    def set(self, email: str, subscription: str, row: Mapping[str, Any]) -> None:
        """Say something of one subscription type. Does not undo an opt-out of everything [doc]."""
        self._single.setdefault(email.strip().lower(), {})[subscription] = dict(row)

    def flags(self, email: str | None) -> dict[str, str]:
        """The read-only contact properties that follow from this, for a contact's current address."""
        wide = bool(email) and self.opted_out(email or "") is not None
        flags = {"hs_email_optout": "true"} if wide else {}
        for definition in self.definitions:
            said = self.status(email or "", definition["id"])
            if wide or (said is not None and said["status"] == UNSUBSCRIBED):
                flags[f"hs_email_optout_{definition['id']}"] = "true"
        return flags

    def dump(self) -> dict[str, Any]:
        """Everything that was said, as plain JSON."""
        return {"wide": dict(sorted(self._wide.items())), "single": {k: dict(v) for k, v in self._single.items()}}

    def restore(self, body: Mapping[str, Any]) -> None:
        """Take in what `dump` gave, in place of what is here."""
        self._wide = dict(body["wide"])
        self._single = {k: {s: dict(row) for s, row in v.items()} for k, v in body["single"].items()}
