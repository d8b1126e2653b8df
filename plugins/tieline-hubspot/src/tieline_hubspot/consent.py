"""Consent, written through the communication-preferences API: the opt-out properties are read-only [recorded].

An opt-out is portal-wide (`hs_email_optout`) or of one subscription (`hs_email_optout_{id}`). It narrows at once. To
widen again is not in the API's power where the opt-out is portal-wide: a plain subscribe does not undo it [doc], so
that is answered as trouble, with what a person can do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tieline import NotAuthorised, RateLimited, Unavailable
from tieline_hubspot.associations import Trouble
from tieline_hubspot.mapping import OPT_OUT
from tieline_hubspot.refusals import refusals
from tieline_hubspot.settings import HubSpotSettings
from tieline_hubspot.wire import BATCH, Answer, Wire

_CHANNEL = {"channel": "EMAIL"}
_REFUSED = (400, 404, 409)
_OPTED_OUT = "opted_out"
STAYS = (
    "HubSpot keeps the portal-wide opt-out: a subscription written through the API does not undo it. "
    "Only the person can, by a resubscribe e-mail sent from the contact's page in HubSpot"
)
_NO_EMAIL = Trouble("consent is kept by e-mail address in HubSpot, and the contact has none", "no_email")


class Consents:
    """Writes consent for the addresses of one account."""

    def __init__(self, wire: Wire, settings: HubSpotSettings) -> None:
        self._wire = wire
        self._settings = settings
        self._batches = True
        """The batch endpoints ask for scopes of their own, which only the largest plan has [code: scope lists]."""

    def write(self, column: str, values: Mapping[str, tuple[str, str]]) -> dict[str, Trouble]:
        """Set consent. `values` is record id → (e-mail address or "", `opted_out` or `allowed`).

        Answers the records whose consent is not as asked. A contact without an address is allowed by itself.
        """
        troubles = {key: _NO_EMAIL for key, (email, state) in values.items() if not email and state == _OPTED_OUT}
        owner = {email.lower(): key for key, (email, _) in values.items() if email}
        out = [email for email, state in values.values() if email and state == _OPTED_OUT]
        back = [email for email, state in values.values() if email and state != _OPTED_OUT]
        try:
            failed = self._narrow(column, out) if out else {}
            failed.update(self._widen(column, back) if back else {})
        except (RateLimited, Unavailable) as error:
            failed = {email: Trouble(str(error), "not_tried", unsure=True) for email in owner}
        except NotAuthorised as error:
            failed = {email: Trouble(str(error), "MISSING_SCOPES") for email in owner}
        troubles.update({owner[email.lower()]: why for email, why in failed.items() if email.lower() in owner})
        return troubles

    def _narrow(self, column: str, emails: Sequence[str]) -> dict[str, Trouble]:
        if column == OPT_OUT:
            return self._post("statuses/batch/unsubscribe-all", "/unsubscribe-all", emails, list(emails), _CHANNEL)
        return self._subscribe(int(column.rpartition("_")[2]), "UNSUBSCRIBED", emails)

    def _widen(self, column: str, emails: Sequence[str]) -> dict[str, Trouble]:
        opted_out = self._opted_out(emails)
        failed = {e: Trouble(STAYS, "portal_wide_opt_out") for e in emails if e.lower() in opted_out}
        free = [e for e in emails if e not in failed]
        chosen = self._settings.subscriptions if column == OPT_OUT else (int(column.rpartition("_")[2]),)
        for subscription in chosen if free else ():
            failed.update(self._subscribe(subscription, "SUBSCRIBED", free))
        return failed

    def _opted_out(self, emails: Sequence[str]) -> set[str]:
        """Those of the addresses that opted out of everything."""
        found: set[str] = set()
        for email, wide in self._wide(emails):
            if any(w.get("status") == "UNSUBSCRIBED" for w in wide):
                found.add(email.lower())
        return found

    def _wide(self, emails: Sequence[str]) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
        """(address, its portal-wide statuses)."""
        if self._batches:
            try:
                path = self._wire.preferences("statuses/batch/unsubscribe-all/read")
                for start in range(0, len(emails), BATCH):
                    answer = self._wire.ask(path, {"inputs": list(emails[start : start + BATCH])}, _CHANNEL)
                    for row in answer.items:
                        yield str(row.get("subscriberIdString")), row.get("wideStatuses") or ()
                return
            except NotAuthorised:
                self._batches = False
        for email in emails:
            yield email, self._wire.get(self._path(email, "/unsubscribe-all"), _CHANNEL).items

    def _subscribe(self, subscription: int, state: str, emails: Sequence[str]) -> dict[str, Trouble]:
        inputs = [
            {
                "subscriberIdString": email,
                "subscriptionId": subscription,
                "channel": "EMAIL",
                "statusState": state,
                "legalBasis": self._settings.legal_basis,
                "legalBasisExplanation": self._settings.legal_basis_explanation,
            }
            for email in emails
        ]
        return self._post("statuses/batch/write", "", emails, inputs, None)

    def _path(self, email: str, tail: str) -> str:
        return self._wire.preferences(f"statuses/{quote(email, safe='')}{tail}")

    def _post(
        self, batch: str, single: str, emails: Sequence[str], inputs: Sequence[Any], params: Mapping[str, str] | None
    ) -> dict[str, Trouble]:
        """Send inputs, one for each address: in batches, or one by one where the account's plan has no batches."""
        failed: dict[str, Trouble] = {}
        waiting = [range(s, min(s + BATCH, len(inputs))) for s in range(0, len(inputs), BATCH)]
        while waiting and self._batches:
            group = waiting.pop()
            try:
                answer = self._send(self._wire.preferences(batch), {"inputs": [inputs[i] for i in group]}, params)
            except NotAuthorised:
                self._batches = False
                waiting.append(group)
                break
            if answer.ok or len(group) == 1:
                failed.update(_failed(answer, [emails[i] for i in group]))
            else:  # refused as a whole: the guilty one is found by halves
                half = len(group) // 2
                waiting += [group[half:], group[:half]]
        for i in (i for group in waiting for i in group):
            body = inputs[i] if isinstance(inputs[i], dict) else None
            answer = self._send(self._path(emails[i], single), body, params)
            failed.update({} if answer.ok else _failed(answer, [emails[i]]))
        return failed

    def _send(self, path: str, body: Any, params: Mapping[str, str] | None) -> Answer:
        return self._wire.write(path, body, params, also=_REFUSED)


def _failed(answer: Answer, emails: Sequence[str]) -> dict[str, Trouble]:
    """The addresses that an answer did not take."""
    told = refusals(answer.data)
    if answer.ok and not told:
        return {}
    why = Trouble(told[0].message, told[0].code) if told else Trouble("HubSpot refused the consent", "refused")
    if not answer.ok:
        return dict.fromkeys(emails, why)
    done = {str(r.get("subscriberIdString")).lower() for r in answer.data.get("results") or ()}
    return {e: why for e in emails if e.lower() not in done}
