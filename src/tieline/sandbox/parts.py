"""What stand-ins of any vendor share: answers, refusals, a request taken apart, limits of calls, answers gone astray.

It speaks no vendor's dialect: what a refusal says is the stand-in's own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs

from pydantic_core import to_json

from tieline.ports import Request, Response

LOST: Final = 0
"""The status of an answer that never arrives: the connection closes instead."""
LOST_EVERY: Final = 5
GARBAGE_EVERY: Final = 10
_PAGE: Final = "<html><body>Just a moment…</body></html>".encode()


@dataclass(slots=True)
class Answer:
    """A status, a body (JSON; text: as it is; None: none) and headers beyond the common ones."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def response(self, headers: Mapping[str, str], *, json: str, text: str = "text/plain; charset=utf-8") -> Response:
        """As it leaves the stand-in, with the common headers; `json` and `text` are the types of such bodies."""
        if self.body is None:
            return Response(self.status, {**headers, **self.headers}, b"")
        plain = isinstance(self.body, str)
        content = self.body.encode() if plain else to_json(self.body)
        return Response(self.status, {"content-type": text if plain else json, **headers, **self.headers}, content)


class Refusal(Exception):
    """An error answer, raised by whatever finds that the request will not do."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(body))
        self.status, self.body, self.headers = status, body, dict(headers or {})

    def answer(self) -> Answer:
        """What is sent."""
        return Answer(self.status, self.body, self.headers)


class Asked:
    """A request, taken apart: a stand-in's own class of calls inherits this and says what `request` is."""

    __slots__ = ()
    request: Request

    @property
    def method(self) -> str:
        """GET, POST and so on."""
        return self.request.method

    def header(self, name: str) -> str:
        """A request header by its name in lower case; empty when it is not there."""
        return next((v for k, v in self.request.headers.items() if k.lower() == name), "")

    def param(self, name: str, default: str = "") -> str:
        """A query parameter, the first where it is given several times."""
        value = self.request.params.get(name, default)
        return str(value[0] if isinstance(value, list) else value)

    def object(self) -> dict[str, Any] | None:
        """The body, if it is a JSON object."""
        try:
            body = self.request.data()
        except ValueError:
            return None
        return body if isinstance(body, dict) else None

    def form(self) -> dict[str, str]:
        """The body as a form; of what is given several times, the first."""
        if self.request.form is not None:
            return dict(self.request.form)
        return {k: v[0] for k, v in parse_qs(self.request.payload().decode()).items()}


class Rate:
    """At most `most` calls in any `length` ms. `taken`: when there were calls already, as `dump` gave them."""

    def __init__(self, most: int, length: int, taken: Iterable[int] = ()) -> None:
        self.most, self.length = most, length
        self._taken = deque(taken)

    def take(self, now: int) -> int:
        """Count a call at `now`: 0. When there were too many: not counted, and in how many ms there is room for it."""
        while self._taken and self._taken[0] <= now - self.length:
            self._taken.popleft()
        if len(self._taken) >= self.most:
            return self._taken[0] + self.length - now
        self._taken.append(now)
        return 0

    def left(self) -> int:
        """How many more there was room for when a call was last taken."""
        return self.most - len(self._taken)

    def dump(self) -> list[int]:
        """When there were calls, as plain JSON."""
        return list(self._taken)


def astray(
    vices: Collection[str], count: Callable[[str], int], wrote: bool, headers: Mapping[str, str]
) -> Response | None:
    """What arrives in place of an answer under the vices `lost-answer` (nothing, at every fifth that `wrote`) and
    `garbage` (at every tenth of all, a page with status 200); what was asked is done all the same. None: the answer.

    `count` counts one more of what it is given the name of, and says how many that makes.
    """
    if wrote and "lost-answer" in vices and count("writes") % LOST_EVERY == 0:
        return Response(LOST)
    if "garbage" in vices and count("answers") % GARBAGE_EVERY == 0:
        return Response(200, {**headers, "content-type": "text/html; charset=utf-8"}, _PAGE)
    return None
