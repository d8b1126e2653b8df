"""The configuration: one TOML file becomes one frozen `Config`, or one error that names every problem in it.

It decides what the file means: defaults, overlays, units. It reads that file and nothing else; no secret is looked up
and no system is asked.
"""

from __future__ import annotations

from tieline.config.load import load
from tieline.config.nouns import Config, Schedule, SystemConfig
from tieline.config.single import Glance, glance, load_single

__all__ = ["Config", "Glance", "Schedule", "SystemConfig", "glance", "load", "load_single"]
