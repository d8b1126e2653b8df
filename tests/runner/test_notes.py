"""What a run tells besides its numbers: each reason why something waits or is left stands in its summary, once."""

from __future__ import annotations

from typing import Any

from tieline.model import Outcome


class Throttled:
    """A connector whose writes are all put off."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.facts = inner, inner.facts

    def write(self, stream: str, writes: Any) -> Any:
        return [Outcome("throttled") for _ in writes]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def test_what_is_left_without_any_other_reason_is_told(pair: Any) -> None:
    pair.create("crm", "contact", last_name="Lovelace")
    pair.connectors["mail"] = Throttled(pair.connectors["mail"])
    summary = pair.sync()
    assert not summary.converged
    assert summary.notes == ["not everything is written yet; the next run goes on from here"]
