"""What the configuration says of syncing: who wins for a field, what may be done in a system, what is done besides.

Frozen nouns, as those of `model`; `config` reads them, `engine` judges by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tieline.model import Fields
from tieline.records import Kind


@dataclass(frozen=True, slots=True)
class Policy:
    """Who wins for a field.

    `two-way`: the newest edit; edits too close in time wait for a person. `prefer`: a conflict goes to `system`, edits
    elsewhere still travel. `prefer-unless-blank`: the same, but its blank never wins over a value. `only`: the field is
    `system`'s own; an edit elsewhere is reverted or asked about, as `on_foreign` says. `fill`: written only where the
    other side is blank. `none`: never synced.
    """

    name: Literal["two-way", "prefer", "prefer-unless-blank", "only", "fill", "none"]
    system: str | None = None
    on_foreign: Literal["revert", "review"] = "revert"

    def __str__(self) -> str:
        if self.name == "prefer-unless-blank":
            return f"prefer:{self.system}-unless-blank"
        return f"{self.name}:{self.system}" if self.system else self.name


@dataclass(frozen=True, slots=True)
class SystemRules:
    """What the configuration says of one system and kind."""

    mode: Literal["two-way", "read", "fill"] = "two-way"
    create: bool = True
    delete: Literal["ignore", "review", "archive"] = "review"
    filter: str | None = None


@dataclass(frozen=True, slots=True)
class ActionRule:
    """When a record of `kind` meets `when`, `system` does `action`: once for each record, however often it comes true.

    What already was so when the rule, or the system that the record comes from, was new is past and asks for nothing.
    """

    name: str
    kind: Kind
    system: str
    action: str
    when: Callable[[Fields], bool]
    fields: Mapping[str, str] = field(default_factory=dict)
    """The action's field → a text with `{field}` of the record in it; a text that is nothing else keeps its type."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says of syncing: policies per kind and field, rules per system and kind."""

    policies: Mapping[Kind, Mapping[str, Policy]] = field(default_factory=dict)
    systems: Mapping[str, Mapping[Kind, SystemRules]] = field(default_factory=dict)
    """In the order of the configuration, which breaks ties."""
    match: Mapping[Kind, tuple[str, ...]] = field(default_factory=dict)
    """Per kind: the keys that propose links, strongest first; empty: the defaults."""
    skew_ms: int = 2000
    actions: tuple[ActionRule, ...] = ()
