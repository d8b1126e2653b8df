"""All actions of an account: what they are called, how long until they can be looked for, and who does each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tieline import Action, ActionFacts, Problem, Receipt
from tieline_google.actions.draft import DRAFT, Drafts
from tieline_google.actions.event import EVENT, Events
from tieline_google.actions.folder import FOLDER, Folders
from tieline_google.oauth import ANSWER_SECONDS
from tieline_google.settings import GoogleSettings
from tieline_google.wire import Wire

INDEX_LAG_MS = 300_000
"""How long a search of Drive or Gmail may take to show what is new [memory]; an event is read by its id."""
_DEADLINE_MS = int(ANSWER_SECONDS) * 1000
FACTS = (
    ActionFacts(FOLDER, quiet_ms=_DEADLINE_MS + INDEX_LAG_MS),
    ActionFacts(EVENT, quiet_ms=_DEADLINE_MS),
    ActionFacts(DRAFT, quiet_ms=_DEADLINE_MS + INDEX_LAG_MS),
)


class Actions:
    """What one account can be asked to do besides records."""

    def __init__(self, wire: Wire, settings: GoogleSettings) -> None:
        self._doers: dict[str, Folders | Events | Drafts] = {
            FOLDER: Folders(wire),
            EVENT: Events(wire, settings.calendars),
            DRAFT: Drafts(wire),
        }

    def act(self, action: Action) -> Receipt:
        """Do it once; see `tieline.Acting`."""
        doer = self._doers.get(action.name)
        if doer is None:
            return Receipt("rejected", problems=(Problem(None, f"Google has no action {action.name!r}", "unknown"),))
        return doer.act(action)

    def acted(self, name: str, keys: Sequence[str]) -> Mapping[str, Receipt]:
        """What was done under these keys; see `tieline.Acting`."""
        return self._doers[name].acted(keys)
