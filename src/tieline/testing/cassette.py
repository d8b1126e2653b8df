"""A conversation over a real socket, kept in a file and played back without one. Decides what a recording may hold.

It knows no vendor and judges no answer. Recording and playing back are vcrpy's (`pip install vcrpy`), imported here
when the first cassette is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

HEADERS: Final = ("accept", "content-type", "date")
"""What a recording keeps of the headers of both sides; credentials are none of it."""
STRUCK: Final = "scrubbed"
"""What stands where a secret was."""
NAMES: Final = (
    *("access_token", "refresh_token", "id_token", "assertion", "client_assertion", "signature"),
    *("client_id", "client_secret", "password", "api_key"),
)
"""Whose values are struck out of every body and address, in JSON and in forms."""
FORM_NAMES: Final = ("code", "code_verifier", "token")
"""As NAMES, in forms and addresses only: in JSON these words mean other things."""
_SHORTEST: Final = 8
"""Characters that a secret must have to be struck out wherever else it stands: a shorter one is part of many words."""
_JSON: Final = re.compile(rf'("(?:{"|".join(NAMES)})"\s*:\s*")((?:[^"\\]|\\.)+)(")'.encode())
_FORM: Final = re.compile(rf'((?<![\w-])(?:{"|".join((*NAMES, *FORM_NAMES))})=)([^&#\s"\\<]+)()'.encode())
_ORIGIN: Final = re.compile(r"^https?://[^/?#]+")


class Exchange(NamedTuple):
    """A question and its answer, as a recording has them."""

    method: str
    url: str
    body: bytes
    status: int


class Cassette:
    """A recording at `path`. It says that all was asked of `origin`, and has the headers of HEADERS and `keep` alone.

    What NAMES name is struck out, and so is, wherever else it stands, what was once struck out or sent as a credential.
    """

    def __init__(self, path: Path, origin: str, *, keep: Iterable[str] = ()) -> None:
        self.path, self.origin = path, origin
        self._keep = frozenset(name.lower() for name in (*HEADERS, *keep))

    def at(self, path: Path) -> Cassette:
        """The same, kept somewhere else."""
        return Cassette(path, self.origin, keep=self._keep)

    @contextmanager
    def record(self, *, scrub: bool = True) -> Iterator[None]:
        """What is sent inside reaches its server and is written down, in place of what was here. Without `scrub` all
        of it, secrets too: to show that there is something to strike out."""
        self.path.unlink(missing_ok=True)
        with self._tape("all", scrub):
            yield

    @contextmanager
    def replay(self) -> Iterator[None]:
        """What is sent inside is answered from the recording and goes nowhere. Method, address and body must be as
        recorded, else vcrpy raises. Raises AssertionError when something recorded was never asked."""
        with self._tape("none", True) as tape:
            yield
            if not tape.all_played:
                raise AssertionError(f"{self.path.name}: {len(tape) - tape.play_count} exchanges were never asked for")

    def exchanges(self) -> list[Exchange]:
        """What was recorded, in order."""
        with self._tape("none", True) as tape:
            return [Exchange(q.method, q.uri, _bytes(q.body), a["status"]["code"]) for q, a in tape.data]

    @contextmanager
    def _tape(self, mode: str, scrub: bool) -> Iterator[Any]:
        try:
            import vcr  # type: ignore[import-untyped]
        except ImportError:
            raise ImportError("a cassette needs vcrpy. Next: pip install vcrpy") from None
        scrubber = _Scrubber(self.origin, self._keep)
        recorder = vcr.VCR(
            record_mode=mode,
            match_on=("method", "path", "query", "body"),
            decode_compressed_response=True,  # what cannot be read cannot be struck out
            before_record_request=scrubber.request if scrub else None,
            before_record_response=scrubber.response if scrub else None,
        )
        with recorder.use_cassette(str(self.path)) as tape:
            yield tape


class _Scrubber:
    """Takes secrets out of both sides; `known` are those met so far."""

    def __init__(self, origin: str, keep: frozenset[str]) -> None:
        self._origin, self._keep = origin, keep
        self._known: set[bytes] = set()
        self._asked: set[bytes] = set()
        """Where requests went: what the recording calls `origin`."""

    def request(self, request: Any) -> Any:
        for name, value in request.headers.items():
            if name.lower() in ("authorization", "proxy-authorization"):
                self._learn(_bytes(value).rpartition(b" ")[2])
        found = _ORIGIN.match(request.uri)
        if found is not None:
            self._asked.add(found[0].encode())
        request.headers = self._kept(request.headers)
        if request.body is not None:
            request.body = self._clean(_bytes(request.body))
        request.uri = self._text(request.uri)
        return request

    def response(self, response: Any) -> Any:
        body = {**response["body"], "string": self._clean(_bytes(response["body"]["string"]))}
        return {**response, "headers": self._kept(response["headers"]), "body": body}

    def _kept(self, headers: Mapping[str, Any]) -> dict[str, Any]:
        """One value, or a list of them, of each header that may stay."""
        return {
            name: [self._text(v) for v in value] if isinstance(value, list) else self._text(value)
            for name, value in dict(headers).items()
            if name.lower() in self._keep
        }

    def _text(self, value: bytes | str) -> str:
        return self._clean(_bytes(value)).decode()

    def _clean(self, text: bytes) -> bytes:
        for pattern in (_JSON, _FORM):
            text = pattern.sub(self._strike, text)
        for secret in sorted(self._known, key=len, reverse=True):
            text = text.replace(secret, STRUCK.encode())
        for origin in self._asked:
            text = text.replace(origin, self._origin.encode())
        return text

    def _strike(self, found: re.Match[bytes]) -> bytes:
        if b"client_id" not in found[1]:  # which is no secret, and may be a word like any other
            self._learn(found[2])
        return found[1] + STRUCK.encode() + found[3]

    def _learn(self, secret: bytes) -> None:
        if len(secret) >= _SHORTEST and secret != STRUCK.encode():
            self._known.add(secret)


def _bytes(text: bytes | str | None) -> bytes:
    return text.encode() if isinstance(text, str) else text or b""


__all__ = ["Cassette", "Exchange"]
