"""Answers that a test writes down: the HTTP client of a connector whose every call and every answer the test decides.

For a vendor's oddities, one answer at a time. How a connector behaves over many calls is asked of its stand-in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tieline.ports import Request, Response
from tieline.testing.clock import FakeClock

Handler = Callable[[Request], Response]
Scripted = Response | Handler | Exception
"""One answer: as it is, by a function of the request, or none at all because this is raised."""


def json_answer(value: Any, status: int = 200, **headers: str) -> Response:
    """An answer whose body is `value` as JSON. In header names `_` stands for `-`: `retry_after="3"`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Response(status, named, json.dumps(value).encode())


class ScriptedClient:
    """What a connector is handed as `Context.http`: it answers from a list, in order, or by one function for all.

    Nothing stands between: no sign-in, no retry, no limit, so `asked` is what the connector itself wants. A request
    that nobody wrote an answer for raises AssertionError. What `left` counts nobody asked for.
    """

    def __init__(self, answers: Sequence[Scripted] | Handler, root: str = "", clock: FakeClock | None = None) -> None:
        self._handler = answers if callable(answers) else None
        self._answers = [] if callable(answers) else list(answers)
        self._root = root
        self.asked: list[Request] = []
        """Every request, oldest first."""
        self.clock = clock or FakeClock()
        """For the connector's context: it stands still until the connector sleeps."""

    def send(self, request: Request) -> Response:
        """The next answer."""
        self.asked.append(request)
        if self._handler is not None:
            return self._handler(request)
        if not self._answers:
            raise AssertionError(f"one request too many: {request.method} {request.path} {request.params}")
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    @property
    def calls(self) -> list[str]:
        """`METHOD path` of each request, without the `root` that all paths have in common."""
        return [f"{r.method} {r.path.removeprefix(self._root)}" for r in self.asked]

    @property
    def left(self) -> int:
        """How many answers of the list are still to be given."""
        return len(self._answers)

    def body(self, n: int = -1) -> Any:
        """What the n-th request carried, decoded; None where it carried nothing."""
        return self.asked[n].data()
