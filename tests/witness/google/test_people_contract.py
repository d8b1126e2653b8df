"""The whole conformance suite on Google Contacts once more, with every call held against the description."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tieline.testing import ConnectorTests
from tieline_google.spec import SPEC

pytest.importorskip("googleapiclient", reason="google-api-python-client is not installed")

OWN_SUITE = Path(__file__).parents[3] / "plugins" / "tieline-google" / "tests" / "people" / "test_contract.py"


@pytest.fixture(scope="module")
def suite() -> Any:
    """The plugin's own test module, for how people use Google Contacts."""
    spec = importlib.util.spec_from_file_location("tieline_witness_google_contacts", OWN_SUITE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestDescribed(ConnectorTests):
    @pytest.fixture
    def subject(self, suite: Any, discovery: Any) -> Iterator[Any]:
        documents, sandbox = discovery.described("people.v1", "drive.v3", "calendar.v3", "gmail.v1"), SPEC.sandbox
        assert sandbox is not None
        spec = replace(SPEC, sandbox=lambda options: discovery.Watched(sandbox(options), documents))
        subject = suite.ContactSubject(more=suite.OWN, spec=spec)
        yield subject
        assert subject.sandbox.wrong == []
