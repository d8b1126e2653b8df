"""Side effects that records ask for: which rule a record meets, under which key, and what is said there. Pure.

A rule asks once for each record. It knows records, not systems' ids, and must not know what was done already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tieline.engine.merge import digest
from tieline.model import Change, Fields, Order, Record
from tieline.records import Cell
from tieline.rules import ActionRule

_PLACE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
LANE_SIGN = ":"
"""Parts an action from its rule in a lane, and a record from its rule in a key."""


def action_key(record: str, rule: str) -> str:
    """What the side effect of a rule for a record is known by, for ever."""
    return f"{record}{LANE_SIGN}{rule}"


def lane_of(rule: ActionRule) -> str:
    """Where the spool and intents keep the orders of a rule."""
    return f"{rule.action}{LANE_SIGN}{rule.name}"


def of_lane(lane: str) -> tuple[str, str]:
    """The action and the rule of a lane."""
    action, _, rule = lane.partition(LANE_SIGN)
    return action, rule


def needs(rule: ActionRule) -> frozenset[str]:
    """The record's fields that a rule speaks of."""
    return frozenset(name for text in rule.fields.values() for name in _PLACE.findall(text))


def said(texts: Mapping[str, str], fields: Fields) -> dict[str, Cell]:
    """An action's fields, with what the record holds in the places of a text; a blank leaves its place empty."""
    return {name: _filled(text, fields) for name, text in texts.items()}


def _filled(text: str, fields: Fields) -> Cell:
    whole = _PLACE.fullmatch(text)
    if whole is not None:
        return fields.get(whole[1])
    return _PLACE.sub(lambda place: str(fields.get(place[1]) or ""), text)


def asked(rule: ActionRule, record: Record, fields: Fields) -> Order:
    """The order for a side effect; `fields` are the record's."""
    wanted = {n: fields[n] for n in sorted(needs(rule)) if fields.get(n) is not None}
    reason = {"*": Change(None, rule.action, "", f"action {rule.name}")}
    return Order("act", rule.system, record.kind, lane_of(rule), record.id, None, wanted, reason)


def refusal_of(rule: str, order_fields: Fields) -> tuple[str, str]:
    """The name under which a refused side effect stands, and what tells whether it would be refused again."""
    return f"!{rule}", digest(order_fields)
