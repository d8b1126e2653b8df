"""Tieline connector: a folder of CSV and JSON Lines files. The hook alone lives here, so that discovery stays cheap."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tieline import hookimpl

if TYPE_CHECKING:
    from tieline import ConnectorSpec


@hookimpl
def tieline_connectors() -> Iterable[ConnectorSpec]:
    """The one connector of this distribution."""
    from tieline_files.connector import SPEC

    return [SPEC]
