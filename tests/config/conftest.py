"""Made-up connectors: `acme` speaks HTTP and has a default table, `folder` has neither, `elder` takes passwords."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import Field

from tieline import ConnectorSpec, HttpProfile, Rule, Settings, Subdomain, hookimpl
from tieline.config import Config, load
from tieline.plugins import Registry


class AcmeSettings(Settings):
    region: str = "eu"
    workers: int = Field(default=4, ge=1)


class FolderSettings(Settings):
    path: str


def shout(value: Any) -> Any:
    return str(value).upper()


def nobody(context: Any) -> Any:
    raise AssertionError("a configuration is read without opening anything")


ACME = ConnectorSpec(
    name="acme",
    title="Acme CRM",
    streams=("Company", "Person", "Lead", "Prospect"),
    kinds={"Company": "account", "Person": "contact", "Lead": "contact", "Prospect": "contact"},
    optional=frozenset({"Prospect"}),
    connect=nobody,
    mapping={
        "Company": (
            Rule("Name", "name"),
            Rule("City", "address.city"),
            Rule("Street", "address.street"),
            Rule("Industry", "industry", load=shout),
            Rule("Staff", "employees"),
        ),
        "Person": (Rule("Email", "email"), Rule("Title", "title"), Rule("NoMail", "consent_email")),
        "Lead": (Rule("Email", "email"), Rule("JobTitle", "title")),
        "Prospect": (Rule("Email", "email"),),
    },
    settings=AcmeSettings,
    http=HttpProfile(hosts=(".acme.test",)),
    base_url="https://api.acme.test",
)
FOLDER = ConnectorSpec(
    name="folder",
    title="A folder",
    streams=("contacts", "deals"),
    kinds={"contacts": "contact", "deals": "opportunity"},
    connect=nobody,
    mapping={"contacts": (), "deals": ()},
    settings=FolderSettings,
)
ELDER = dataclasses.replace(
    ACME, name="elder", http=HttpProfile(hosts=(".acme.test",), basic="passwords end on 2030-01-01; take a token")
)
"""As acme was before."""


class DeskSettings(Settings):
    site: Subdomain | None = None


DESK = ConnectorSpec(
    name="desk",
    title="Desk",
    streams=("contacts",),
    kinds={"contacts": "contact"},
    connect=nobody,
    mapping={"contacts": (Rule("mail", "email"),)},
    settings=DeskSettings,
    http=HttpProfile(hosts=(".desk.test",)),
    address="https://{site}.desk.test",
)


class Plugin:
    __name__ = "made-up"

    @hookimpl
    def tieline_connectors(self) -> list[ConnectorSpec]:
        return [ACME, FOLDER, ELDER, DESK]


@pytest.fixture
def registry() -> Registry:
    return Registry(extra=[Plugin()])


@pytest.fixture
def kit() -> SimpleNamespace:
    return SimpleNamespace(ACME=ACME, FOLDER=FOLDER, shout=shout)


SYSTEMS = """\
[systems.crm]
connector = "acme"
auth = { type = "token", token = { env = "ACME_TOKEN" } }

[systems.desk]
connector = "acme"
auth = { type = "none" }
"""


@pytest.fixture
def read(tmp_path: Path, registry: Registry) -> Callable[..., Config]:
    """Loads a configuration of two Acme systems with some text after it."""

    def read(text: str = "", systems: str = SYSTEMS) -> Config:
        path = tmp_path / "tieline.toml"
        path.write_text(systems + text, encoding="utf-8")
        return load(path, registry)

    return read
