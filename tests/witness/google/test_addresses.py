"""Where each API is, held against the roots of Google's own discovery documents."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tieline_google import wire
from tieline_google.oauth import PROFILE
from tieline_google.spec import SPEC

PATHS = {
    "people.v1": wire.PEOPLE,
    "sheets.v4": wire.SHEETS,
    "drive.v3": wire.DRIVE,
    "calendar.v3": wire.CALENDAR,
    "gmail.v1": wire.GMAIL,
}


@pytest.mark.parametrize("name", PATHS)
def test_a_path_leads_to_the_host_of_its_document(name: str) -> None:
    found = pytest.importorskip("googleapiclient.discovery_cache", reason="google-api-python-client is not installed")
    document = json.loads(
        (Path(next(iter(import_module(found.__name__).__path__))) / "documents" / f"{name}.json").read_bytes()
    )
    host = PROFILE.services.get(PATHS[name], SPEC.base_url)
    assert urlsplit(host).hostname == urlsplit(document["rootUrl"]).hostname
    assert PATHS[name].lstrip("/").startswith(document["servicePath"].rstrip("/"))
