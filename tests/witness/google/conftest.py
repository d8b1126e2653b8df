"""What the Google witnesses share: the discovery documents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def discovery(witness_module: Callable[[str], Any]) -> Any:
    """The module that holds calls against the discovery documents."""
    pytest.importorskip("googleapiclient", reason="google-api-python-client is not installed")
    return witness_module("google/discovery")
