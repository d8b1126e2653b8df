"""A seeded world that drives the real engine, store and runner: systems, people, faults, crashes, and an oracle.

`simulate(seed)` plays one schedule and returns what the oracle found. The same seed plays the same schedule.
"""

from __future__ import annotations

from tieline.testing.simulation.hub import Crash
from tieline.testing.simulation.loop import Result, Schedule, simulate
from tieline.testing.simulation.oracle import Violation
from tieline.testing.simulation.setting import OPTIONS, Setting
from tieline.testing.simulation.shrink import shrink

__all__ = ["OPTIONS", "Crash", "Result", "Schedule", "Setting", "Violation", "shrink", "simulate"]
