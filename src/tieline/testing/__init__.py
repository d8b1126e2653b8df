"""For authors of connectors: an in-memory system, faults, a clock that stands still, answers by script, and the
conformance suite.

The public names are imported at first use: only the conformance suite needs pytest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tieline.testing.cassette import Cassette, Exchange
    from tieline.testing.character import STREAMS, Character
    from tieline.testing.clock import FakeClock, SeqIds
    from tieline.testing.contract import ConnectorTests, Outside, Subject
    from tieline.testing.contract_http import FaultyTransport, HttpSubject, standin_client
    from tieline.testing.contract_memory import MemorySubject
    from tieline.testing.conversation import ConversationTests
    from tieline.testing.faults import FAULTS, Faults, FaultyConnector
    from tieline.testing.memory import Edit, MemorySystem, Record
    from tieline.testing.memory_connector import MemoryConnector
    from tieline.testing.script import ScriptedClient, json_answer

_HOMES = {
    "cassette": "Cassette Exchange",
    "character": "STREAMS Character",
    "clock": "FakeClock SeqIds",
    "contract": "ConnectorTests Outside Subject",
    "contract_http": "FaultyTransport HttpSubject standin_client",
    "contract_memory": "MemorySubject",
    "conversation": "ConversationTests",
    "faults": "FAULTS Faults FaultyConnector",
    "memory": "Edit MemorySystem Record",
    "memory_connector": "MemoryConnector",
    "script": "ScriptedClient json_answer",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    """Import each public name from its room at first use."""
    if name not in _HOME:
        raise AttributeError(f"module 'tieline.testing' has no attribute {name!r}")
    value = getattr(import_module(f"tieline.testing.{_HOME[name]}"), name)
    globals()[name] = value
    return value


__all__ = [
    "FAULTS",
    "STREAMS",
    "Cassette",
    "Character",
    "ConnectorTests",
    "ConversationTests",
    "Edit",
    "Exchange",
    "FakeClock",
    "Faults",
    "FaultyConnector",
    "FaultyTransport",
    "HttpSubject",
    "MemoryConnector",
    "MemorySubject",
    "MemorySystem",
    "Outside",
    "Record",
    "ScriptedClient",
    "SeqIds",
    "Subject",
    "json_answer",
    "standin_client",
]
