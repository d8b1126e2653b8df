"""The conformance suite that a connector's author inherits. It asks only what `connector` promises.

    class TestContract(ConnectorTests):
        @pytest.fixture
        def subject(self):
            return MySubject(...)

A check has an id, the first word of its docstring. It is skipped where a declared fact rules it out, or for a written
reason in `Subject.reasons`; never for anything else.
"""

from __future__ import annotations

from tieline.testing.contract_bench import Outside, Subject
from tieline.testing.contract_feed import FeedChecks
from tieline.testing.contract_names import NameChecks
from tieline.testing.contract_read import ReadChecks
from tieline.testing.contract_world import (
    FactChecks,
    FailureChecks,
    MergeChecks,
    PurityChecks,
    SchemaChecks,
    SecretChecks,
)
from tieline.testing.contract_write import BlankChecks, EchoChecks, ReferenceChecks, WriteChecks


class ConnectorTests(
    ReadChecks,
    FeedChecks,
    WriteChecks,
    NameChecks,
    EchoChecks,
    BlankChecks,
    ReferenceChecks,
    MergeChecks,
    FailureChecks,
    SchemaChecks,
    PurityChecks,
    FactChecks,
    SecretChecks,
):
    """Every check. A subclass gives one fixture, `subject`, which makes a fresh `Subject` each time."""


def checks() -> dict[str, str]:
    """Id of each check → the name of its method."""
    names = [name for name in dir(ConnectorTests) if name.startswith("test_")]
    return {name.split("_")[1].upper(): name for name in names}


__all__ = ["ConnectorTests", "Outside", "Subject", "checks"]
