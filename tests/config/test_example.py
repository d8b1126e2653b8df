"""config.example.toml is true and complete: it loads, and names every setting there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from tieline import auth_settings
from tieline.config import load
from tieline.config.load import LIMIT_KEYS, SCHEDULE_KEYS, TOP_KEYS
from tieline.config.maps import MapLine
from tieline.config.policies import SYNC_KEYS, PolicyLine
from tieline.config.systems import COMMON_KEYS, NETWORK_KEYS, KindTable
from tieline.plugins import Registry
from tieline.secrets import SecretSource

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
CONNECTORS = ("files", "google", "hubspot", "salesforce", "zendesk")
SHAPES: tuple[type[BaseModel], ...] = (
    KindTable,
    MapLine,
    PolicyLine,
    SecretSource,
    auth_settings.TokenAuth,
    auth_settings.ClientCredentialsAuth,
    auth_settings.RefreshTokenAuth,
    *(Registry.discover().get(name).settings for name in CONNECTORS),
)
KEYS = {*TOP_KEYS, *SYNC_KEYS, *LIMIT_KEYS, *SCHEDULE_KEYS, *COMMON_KEYS, *NETWORK_KEYS, "share", "at_least"}
KEYS |= {name for shape in SHAPES for name in shape.model_fields}


def test_the_example_is_a_good_configuration() -> None:
    config = load(EXAMPLE, Registry.discover())
    assert list(config.systems) == ["crm", "marketing", "support", "workspace", "exports"]
    assert config.notes == ()


@pytest.mark.parametrize("key", sorted(KEYS))
def test_the_example_mentions_every_setting(key: str) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert re.search(rf"(?<![\w-]){key}(?![\w-])", text), f"{key} is not in {EXAMPLE.name}"
