"""Decides how long a system that cannot be reached at all is tried, and remembers why no call gets through.

A system that has answered before is waited for; one that never did keeps nobody waiting, whether it lets nobody connect
or says nothing. It sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tieline.errors import TielineError, Unavailable, Unreachable, UserError
from tieline.ports import Clock, Response

UNMET_TRIES: Final = 2
"""Times a call is sent to a system that has never answered, and lets nobody connect or says nothing."""
UNMET_PATIENCE: Final = 3.0
"""Seconds after which it is not sent the second time: connecting itself took long."""
GIVEN_UP: Final = 30.0
"""Seconds for which such a system's other calls fail at once."""


class Reach:
    """What is known of one system's being there. Threads may share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.met = False
        """It has answered a call of this process."""
        self.barred: TielineError | None = None
        """Why the last call did not get through, where no other would: no credential, a refused one, no connection."""
        self._until = float("-inf")

    def through(self, call: Callable[[], Response]) -> Response:
        """What `call` answers, and note it. Fails at once while there is no hope."""
        if not self.met and isinstance(self.barred, Unavailable) and self._clock.monotonic() < self._until:
            raise Unreachable(str(self.barred))
        try:
            answer = call()
        except (UserError, Unavailable) as error:
            if isinstance(error, (UserError, Unreachable)) or (self._mute(error) and not self.met):
                self.barred = error
                self._until = self._clock.monotonic() + GIVEN_UP
            raise
        self.met, self.barred = True, None
        return answer

    def tries(self, failure: TielineError, usual: int, began: float) -> int:
        """How often a call may be sent that began then and has failed so."""
        if self.met or not (isinstance(failure, Unreachable) or self._mute(failure)):
            return usual
        if self._mute(failure):  # once may be an accident
            return UNMET_TRIES
        return 1 if self._clock.monotonic() - began > UNMET_PATIENCE else UNMET_TRIES

    @staticmethod
    def _mute(failure: TielineError) -> bool:
        return isinstance(failure, Unavailable) and failure.silent
