"""Real HubSpot traffic, replayed as conversations: the stand-in must answer in the shapes that HubSpot did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def adapter(replay_module: Any, witness_module: Callable[[str], Any]) -> Any:
    return witness_module("hubspot/adapter")


def test_a_recorded_conversation_goes_the_same_way(conversation: Any, replay_module: Any, adapter: Any) -> None:
    report = replay_module.replay(conversation, adapter.HubSpotAdapter())
    assert not report.mismatches, str(report)
    if not report.compared:
        reasons = sorted({reason for _, reason in report.skipped})
        pytest.skip("; ".join(reasons) or "an empty recording")
    assert report.compared + len(report.skipped) == len(conversation.exchanges)
