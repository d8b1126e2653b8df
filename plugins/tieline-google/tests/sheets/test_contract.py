"""The conformance suite, on the stand-in: people type into the spreadsheet, the connector uses its API."""

from __future__ import annotations

import pytest

from tieline.testing import ConnectorTests


class TestLargeTabs(ConnectorTests):
    """Tabs that take more than one call."""

    @pytest.fixture
    def subject(self, sheets):
        return sheets(rows=50)


class TestSmallTabs(ConnectorTests):
    """Tabs that one call reads whole."""

    @pytest.fixture
    def subject(self, sheets):
        subject = sheets()
        subject.reasons |= dict.fromkeys(("R1", "R16", "T1"), "a tab of a few thousand rows is one page")
        return subject
