"""What `auth` may be in the configuration, and that a mistake in it never repeats a secret."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from tieline.auth import ClientCredentialsAuth, NoAuth, RefreshTokenAuth, TokenAuth, describe

ENV = {"env": "T"}


@pytest.mark.parametrize(
    ("written", "kind", "described"),
    [
        ({"type": "token", "token": ENV}, TokenAuth, "bearer token from environment variable T"),
        (
            {"type": "client_credentials", "client_id": "me", "client_secret": ENV, "scope": "a b"},
            ClientCredentialsAuth,
            "client credentials of me, secret from environment variable T",
        ),
        (
            {"type": "refresh_token", "client_id": "me", "refresh_token": {"file": "r"}, "client_secret": ENV},
            RefreshTokenAuth,
            "refresh token from file r for client me, secret from environment variable T",
        ),
        (
            {"type": "refresh_token", "client_id": "me", "refresh_token": {"command": ["pass", "x"]}},
            RefreshTokenAuth,
            "refresh token from command pass for client me",
        ),
        ({"type": "none"}, NoAuth, "no credential"),
    ],
)
def test_each_way_to_sign_in_is_read_and_described(parse, written, kind, described):
    settings = parse(written)
    assert type(settings) is kind
    assert describe(settings) == described
    assert parse(settings) is settings


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("hunter2", "auth is a table"),
        (None, "auth is a table"),
        ({"token": "hunter2"}, "auth needs a type: one of token, client_credentials, authorization_code, "),
        ({"type": "hunter2"}, "auth needs a type"),
        ({"type": ["hunter2"]}, "auth needs a type"),
        ({"type": "token", "token": "hunter2"}, "never written into the configuration"),
        ({"type": "token", "tokn": "hunter2"}, "unknown key 'tokn'; auth of this type takes type, token"),
        ({"type": "token", "token": ENV, "secret": "hunter2"}, "unknown key 'secret'"),
        ({"type": "token"}, "Field required"),
        ({"type": "client_credentials", "client_secret": "hunter2"}, "Field required"),
        ({"type": "client_credentials", "client_id": "", "client_secret": ENV}, "at least 1 character"),
        ({"type": "refresh_token", "client_id": "a", "refresh_token": {"value": "hunter2"}}, "exactly one of"),
        ({"type": "none", "token": "hunter2"}, "unknown key 'token'"),
    ],
)
def test_a_mistake_is_named_without_repeating_what_was_written(parse, written, said):
    with pytest.raises(ValidationError) as caught:
        parse(written)
    assert said in str(caught.value)
    errors = caught.value.errors()
    assert "hunter2" not in str(caught.value) + repr(errors)
