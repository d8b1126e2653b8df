"""Tieline itself signs in to the stand-in over a socket with a service account's key, and acts in a user's name."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tieline import Action, Context, NotAuthorised, Request
from tieline.auth import Authoriser, ServiceAccountAuth
from tieline.http import Client, HttpTransport
from tieline.ports import SystemClock
from tieline_google.oauth import ACTION_SCOPES, PROFILE, ROOT
from tieline_google.spec import SPEC

OPS = "ops@northbay.example"
SCOPES = [ROOT + name for name in ACTION_SCOPES.values()]


@pytest.fixture
def office(witness_module: Callable[[str], Any], discovery: Any) -> Iterator[Any]:
    yield from witness_module("google/office").offices(discovery)


@pytest.fixture
def connect(office: Any, tmp_path: Path) -> Iterator[Callable[..., tuple[Any, Any]]]:
    """`connect(subject=…)`: a connector that signs in with a key of its own, and the stand-in."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    clients: list[Client] = []

    def connected(subject: str = OPS, scopes: Any = SCOPES) -> tuple[Any, Any]:
        here = office()
        public = key.public_key().public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
        here.sandbox.handle(Request("PUT", "/_sandbox/certificate", body=public))
        private = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()
        document = {"type": "service_account", "client_email": here.sandbox.service_account, "private_key": private}
        document |= {"private_key_id": "1", "token_uri": "https://oauth2.googleapis.com/token"}
        path = tmp_path / "key.json"
        path.write_text(json.dumps(document), "utf-8")
        path.chmod(0o600)
        auth = ServiceAccountAuth.model_validate(
            {"type": "service_account", "key": {"file": "key.json"}, "subject": subject}
        )
        clock, url, transport = SystemClock(), here.server.base_url, HttpTransport()
        who = Authoriser(
            auth,
            system="workspace",
            base_url=url,
            profile=PROFILE,
            send=transport.send,
            clock=clock,
            root=tmp_path,
            scopes=scopes,
        )
        client = Client(url, PROFILE, who, transport, clock, system="workspace")
        clients.append(client)
        return SPEC.connect(Context("workspace", SPEC.settings(), {}, client, clock, tmp_path)), here

    yield connected
    for client in clients:
        client.close()


def test_it_acts_in_the_users_name(connect: Any) -> None:
    connector, here = connect()
    made = connector.act(Action("event", "k", {"title": "T", "date": "2026-12-01"}))
    assert made.status == "ok"
    assert list(here.sandbox.state.calendars.rows) == [OPS]
    assert {f.subject: f.level for f in connector.check()}["sign-in"] == "ok"
    assert connector.acted("event", ["k"])["k"].id == made.id


def test_a_user_who_left_is_told_in_plain_words_and_nothing_is_done(connect: Any) -> None:
    connector, here = connect(subject="left@northbay.example")
    with pytest.raises(NotAuthorised, match="Invalid email or User ID"):
        connector.act(Action("folder", "k", {"name": "N"}))
    assert here.sandbox.state.files.rows == {}
    (finding,) = connector.check()
    assert (finding.level, finding.subject) == ("error", "sign-in")
    assert "set auth.subject to somebody else" in finding.message


def test_a_scope_that_nobody_delegated_is_told_with_where_to_do_it(connect: Any) -> None:
    connector, here = connect()
    here.sandbox.state.delegated = ["drive.file"]
    (finding,) = connector.check()
    assert (finding.level, finding.subject) == ("error", "sign-in")
    assert "Domain-wide delegation" in finding.remedy
