"""Which credential a request carries, how it is obtained, and what is kept of it between commands."""

from __future__ import annotations

from tieline.auth.authoriser import Authoriser
from tieline.auth.code import Login, Refused
from tieline.auth.endpoint import Answer, Endpoint
from tieline.auth.grants import Grant, MemoryTokens, TokenStore
from tieline.auth.service_account import Key, read_key
from tieline.auth_settings import (
    AnyAuth,
    AuthorizationCodeAuth,
    AuthSettings,
    BasicAuth,
    ClientCredentialsAuth,
    JwtBearerAuth,
    NoAuth,
    RefreshTokenAuth,
    ServiceAccountAuth,
    TokenAuth,
    describe,
)

__all__ = [
    "Answer",
    "AnyAuth",
    "AuthSettings",
    "Authoriser",
    "AuthorizationCodeAuth",
    "BasicAuth",
    "ClientCredentialsAuth",
    "Endpoint",
    "Grant",
    "JwtBearerAuth",
    "Key",
    "Login",
    "MemoryTokens",
    "NoAuth",
    "RefreshTokenAuth",
    "Refused",
    "ServiceAccountAuth",
    "TokenAuth",
    "TokenStore",
    "describe",
    "read_key",
]
