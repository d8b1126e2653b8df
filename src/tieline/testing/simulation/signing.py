"""The sign-in of one system of the world: the product's own code against an issuer that rotates refresh tokens.

Access tokens end after a few calls, answers to renewals are lost, processes die at every step of one, and another
process of the same home signs its own calls in between. What a person would be asked to sign in again for is judged
here, while it happens; what the hub does with its calls is not.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from tieline.auth import Authoriser, AuthorizationCodeAuth, Grant, Login, MemoryTokens
from tieline.connector import HttpProfile, OAuth
from tieline.errors import Locked, TielineError, Unavailable
from tieline.http import Client
from tieline.ports import Request, Response
from tieline.sandbox import Issuer
from tieline.secrets import Redactor
from tieline.testing.clock import FakeClock
from tieline.testing.simulation.evidence import Violation

SIGNED: Final = "crm"
"""The system whose calls are signed."""
BASE: Final = "https://crm.example.com"
REDIRECT: Final = "https://hub.example.com/back"
PROFILE: Final = HttpProfile(
    hosts=("crm.example.com",),
    token_path="/token",  # noqa: S106 an address
    oauth=OAuth(authorize="/authorize"),
)
SETTINGS: Final = AuthorizationCodeAuth(client_id="hub")
LIVES: Final = (None, 1, 120, 1800)
"""Seconds that an issuer may say of an access token; None: it does not say."""
PATIENCE_MS: Final = 60_000
"""Three renewals without an answer take at least as long."""
GUEST_DIES: Final = 0.05
"""The chance of the other process to die, per step of a renewal."""
GUEST_FINDS_ENDED: Final = 0.3
"""The chance that the access tokens have ended when it calls."""

At = Callable[[str], None]
"""A step of one process: it may die there."""


class Died(BaseException):
    """The other process dies here."""


class Ledger:
    """What went over the wire and what was kept, and what is wrong about it."""

    def __init__(self, issuer: Issuer, clock: FakeClock, breaches: list[Violation]) -> None:
        self._issuer, self._clock, self._breaches = issuer, clock, breaches
        self.successor: dict[str, str] = {}
        """Refresh token → the one it was replaced by."""
        self.grown: dict[str, str] = {}
        """Access token → the refresh token that came with it."""
        self.stored: set[str] = set()
        self.had: set[str] = set()
        """Refresh tokens that came, and did not die with the process they came to."""
        self.used: set[str] = set()
        self.told: set[str] = set()
        """Refresh tokens that were refused to the face of a process that lives on."""
        self.known: set[str] = set()
        """Those of which that was kept."""
        self.unanswered: list[int] = []

    def living(self) -> bool:
        """Whether the sign-in of today is good."""
        return bool(self._issuer.dump()["families"][-1]["alive"])

    def asked(self) -> None:
        """A renewal left the machine."""
        self.unanswered.append(self._clock.now())
        last = self.unanswered[-3:]
        if len(last) == 3 and last[2] - last[0] < PATIENCE_MS:
            self._breach(f"three renewals without an answer within {last[2] - last[0]} ms")

    def shown(self, token: str) -> None:
        """The issuer is about to look at a refresh token."""
        after = self.successor.get(token)
        if after in self.had | self.stored | self.used and self.living():
            self._breach(f"{token} was shown once more, though {after} had come in its place: the sign-in is over")
        if token in self.told:
            self._breach(f"{token} was refused, and is shown once more")

    def came(self, token: str, after: str | None) -> None:
        """The answer is there: another refresh token, or a refusal."""
        self.unanswered.clear()
        if after is None:
            self.told.add(token)
        else:
            self.had.add(after)

    def died(self) -> None:
        """A process is gone, and what it had not put away with it."""
        self.had &= self.stored
        self.told &= self.known

    def saved(self, grant: Grant) -> None:
        """A grant is safe."""
        token = grant.refresh_token.reveal() if grant.refresh_token is not None else ""
        if not grant.reauth_required:
            self.stored.add(token)
            return
        self.known.add(token)
        if self.living():
            self._breach("a person is asked to sign in again, and the sign-in is good")

    def signed(self, access: str) -> None:
        """A call came with an access token."""
        refresh = self.grown.get(access, "")
        self.used.add(refresh)
        if refresh not in self.stored:
            self._breach(f"{access} was used before {refresh}, which came with it, was kept")

    def _breach(self, what: str) -> None:
        self._breaches.append(Violation("refresh", what))


class Drawer:
    """The home's grants as one process gets at them: it may die before one is kept, and after."""

    def __init__(self, home: MemoryTokens, held: set[str], ledger: Ledger, at: At) -> None:
        self._home, self._held, self._ledger, self._at = home, held, ledger, at

    def load(self, system: str) -> Grant | None:
        """What the home has."""
        return self._home.load(system)

    def save(self, system: str, grant: Grant) -> None:
        """Keep it, if the process lives until then."""
        self._at("grant to be kept")
        self._home.save(system, grant)
        self._ledger.saved(grant)
        self._at("grant kept")

    def wipe(self, system: str) -> None:
        """Forget it."""
        self._home.wipe(system)

    @contextmanager
    def lock(self, system: str) -> Iterator[None]:
        """Whoever comes second has waited too long at once: nobody can let go while it waits."""
        if system in self._held:
            raise Locked(f"another process renews the sign-in of {system}")
        self._held.add(system)
        try:
            yield
        finally:
            self._held.discard(system)


class SignIn:
    """The issuer, the home's grant, and the processes that sign with it. `at` is a step of the hub's own process,
    `rates` holds the chances of a lost question and a lost answer, `ending` that of access tokens to end, per call."""

    def __init__(
        self, seed: int, clock: FakeClock, at: At, rates: Mapping[str, float], ending: float, breaches: list[Violation]
    ) -> None:
        self.rng = random.Random(f"sign-in {seed}")
        self.clock, self.rates, self.ending = clock, rates, ending
        self.issuer = Issuer("hub", "", rotates=True)
        self.ledger = Ledger(self.issuer, clock, breaches)
        self.life = self.rng.choice(LIVES)
        self.calm = False
        """Nothing goes wrong any more."""
        self.people = 0
        """How often a person signed in."""
        self._at = at
        self._home, self._held = MemoryTokens(), set[str]()
        self._mine, self._guest = self._process(self._step), self._process(self._guest_step)
        self.person()

    def fresh(self) -> None:
        """The hub's process is a new one."""
        self._mine = self._process(self._step)

    def call(self) -> None:
        """One call of the hub's process: raises what its client raises."""
        self._visit()
        self._end_tokens()
        self._mine.send(Request("GET", "/records"))

    def person(self) -> None:
        """A person signs in, undisturbed."""
        authoriser = self._authoriser(lambda name: None)
        assert authoriser.endpoint is not None  # noqa: S101 for the type checker
        login = Login(
            SETTINGS, authoriser.endpoint, system=SIGNED, base_url=BASE, profile=PROFILE, scopes=("all",),
            redirect=REDIRECT, redactor=Redactor(),
        )  # fmt: skip
        back = self.issuer.authorize(dict(parse_qsl(urlsplit(login.url).query)))
        authoriser.keep(login.exchange(login.code(back.headers["location"]), None))
        self.ledger.unanswered.clear()
        self.people += 1

    @property
    def asks(self) -> bool:
        """Whether the home says that a person has to sign in again."""
        grant = self._home.load(SIGNED)
        return grant is not None and grant.reauth_required

    # -- processes

    def _authoriser(self, at: At) -> Authoriser:
        return Authoriser(
            SETTINGS, system=SIGNED, base_url=BASE, profile=PROFILE, send=lambda request: self._token(request, at),
            clock=self.clock, root=Path(), store=Drawer(self._home, self._held, self.ledger, at), redactor=Redactor(),
        )  # fmt: skip

    def _process(self, at: At) -> Client:
        return Client(BASE, PROFILE, self._authoriser(at), Api(self), self.clock, random=self.rng.random)

    def _step(self, name: str) -> None:
        """A step of the hub's process; the other one may go on first."""
        self._visit()
        try:
            self._at(name)
        except BaseException:
            self.ledger.died()
            raise

    def _guest_step(self, name: str) -> None:
        if self.rng.random() < GUEST_DIES:
            self.ledger.died()
            raise Died(name)

    def _visit(self) -> None:
        """Perhaps the other process makes a call. It keeps what it knows until it dies or is refused."""
        if self.calm or self.rng.random() >= self.ending:
            return
        if self.rng.random() < GUEST_FINDS_ENDED:
            self.issuer.expire()
        try:
            self._guest.send(Request("GET", "/records"))
        except (TielineError, Died):
            self._guest = self._process(self._guest_step)

    def _end_tokens(self) -> None:
        if not self.calm and self.rng.random() < self.ending:
            self.issuer.expire()

    # -- the token endpoint

    def _token(self, request: Request, at: At) -> Response:
        """What a token request comes to; only renewals meet trouble."""
        form = dict(request.form or {})
        if form["grant_type"] != "refresh_token":
            issued = self.issuer.redeem(form)
            assert issued is not None  # noqa: S101 the world's own people do it right
            self.ledger.grown[issued.access_token] = issued.refresh_token
            return self._granted(issued.access_token, issued.refresh_token)
        at("renewal")
        self._lost("refused", sent=False)
        self.ledger.asked()
        self._lost("lost_before", sent=True)
        token = form["refresh_token"]
        self.ledger.shown(token)
        issued = self.issuer.refresh(token)
        if issued is not None:
            self.ledger.successor[token] = issued.refresh_token
            self.ledger.grown[issued.access_token] = issued.refresh_token
        at("renewed")
        self._lost("lost_after", sent=True)
        self.ledger.came(token, issued.refresh_token if issued is not None else None)
        if issued is None:
            return Response(400, {}, b'{"error": "invalid_grant"}')
        return self._granted(issued.access_token, issued.refresh_token)

    def _lost(self, fault: str, *, sent: bool) -> None:
        if not self.calm and self.rng.random() < self.rates.get(fault, 0.0):
            raise Unavailable(f"token request: {fault}", sent=sent)

    def _granted(self, access: str, refresh: str) -> Response:
        said = {"access_token": access, "refresh_token": refresh, "token_type": "bearer", "expires_in": self.life}
        return Response(200, {}, json.dumps(said).encode())


class Api:
    """The system's API, as far as it looks at the credential: a `Transport`."""

    def __init__(self, signin: SignIn) -> None:
        self._signin = signin

    def send(self, request: Request) -> Response:
        """200, or 401 for an access token that has ended."""
        access = request.headers["authorization"].removeprefix("Bearer ")
        self._signin.ledger.signed(access)
        return Response(401 if self._signin.issuer.scope(access) is None else 200, {}, b"{}")

    def close(self) -> None:
        """Nothing is open."""
