"""One op on many objects: sends batches, tells each item what became of it, and narrows a refused batch.

HubSpot may refuse a whole batch for one bad value and has then applied nothing, so sending the rest again is safe. A
refusal names properties, seldom items: who sends a suspect value goes apart, and the rest is halved, within a budget of
calls. An item that is refused is rejected as a whole, naming the field; what to send instead is not decided here.
Nothing whose outcome is unknown is ever sent again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tieline import Mapper, NotAuthorised, Outcome, Problem, Transient, Unavailable, Write
from tieline_hubspot.mapping import HUB_FIELD, MERGED
from tieline_hubspot.refusals import Refusal, refusals
from tieline_hubspot.wire import Answer, Wire

_REFUSED = (400, 404, 409)
_MAX_CALLS = 64
"""Calls for one batch, narrowing included; what is left then is `throttled`: not applied, asked again."""
Status = Literal["exists", "gone"]
_MIN_SUSPECT = 3
"""Characters a value needs to be recognised inside an error message."""


@dataclass(slots=True, eq=False)
class Item:
    """One write on its way. `row` is what is sent; `state` the object as answered once it was applied."""

    index: int
    write: Write
    row: dict[str, Any]
    links: dict[str, Any] = field(default_factory=dict)
    consent: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    outcome: Outcome | None = None
    """Set where the item ended without being applied."""
    state: dict[str, Any] | None = None

    @property
    def open(self) -> bool:
        """Nothing is known of it yet."""
        return self.outcome is None and self.state is None

    def reject(self, told: Sequence[Problem]) -> None:
        """Nothing of it was applied, for these reasons and those before."""
        self.outcome = Outcome("rejected", remote_id=self.write.remote_id, problems=(*self.problems, *told))


class Batches:
    """Sends the items of one `write` of one stream."""

    def __init__(self, wire: Wire, stream: str, mapper: Mapper, op: str) -> None:
        self._wire = wire
        self._stream = stream
        self._mapper = mapper
        self._op = op
        self._calls = 0
        self.stampless = False
        """The account turned out to have no property for the hub id."""

    def send(self, items: Sequence[Item]) -> None:
        """Send all; afterwards every item has an outcome or a state.

        Raises RateLimited, Unavailable or NotAuthorised only where no item's fate is known and, but for an
        Unavailable that was sent, nothing was applied.
        """
        waiting = [list(items)] if items else []
        while waiting:
            if self._calls >= _MAX_CALLS:
                self._give_up(i for g in waiting for i in g)
                return
            group = waiting.pop()
            try:
                self._calls += 1
                answer = self._call(group)
            except (Transient, NotAuthorised) as error:
                left = [i for g in waiting for i in g]
                if len(group) == len(items):
                    raise
                self._interrupted(error, group, left)
                return
            waiting += self._settle(answer, group) if answer.ok else self._narrow(refusals(answer.data), group)

    def _call(self, group: Sequence[Item]) -> Answer:
        verb = {"create": "create", "archive": "archive"}.get(self._op, "update")
        path = self._wire.objects(self._stream, f"batch/{verb}")
        return self._wire.write(path, {"inputs": [self._input(i) for i in group]}, also=_REFUSED)

    def _input(self, item: Item) -> dict[str, Any]:
        if self._op == "archive":
            return {"id": item.write.remote_id}
        body: dict[str, Any] = {"properties": item.row}
        if self._op != "create":
            body["id"] = item.write.remote_id
        if self._stream != "campaigns":  # traced inputs fail one by one, in a 207, instead of all together [doc]
            body["objectWriteTraceId"] = str(item.index)
            if self._op == "create":
                body["associations"] = []
        return body

    @staticmethod
    def _interrupted(error: Transient | NotAuthorised, group: Iterable[Item], left: Iterable[Item]) -> None:
        """A narrowed call found no answer: its items are unknown if it was sent, what was not sent waits."""
        lost = isinstance(error, Unavailable) and error.sent
        for item in group:
            if isinstance(error, NotAuthorised):
                item.reject([Problem(None, str(error), "MISSING_SCOPES")])
            else:
                item.outcome = Outcome("unknown" if lost else "throttled", remote_id=item.write.remote_id)
        for item in left:
            item.outcome = Outcome("throttled", remote_id=item.write.remote_id)

    @staticmethod
    def _give_up(items: Iterable[Item]) -> None:
        for item in items:
            item.outcome = Outcome("throttled", remote_id=item.write.remote_id)

    # -- a batch that was taken

    def _settle(self, answer: Answer, group: Sequence[Item]) -> list[list[Item]]:
        """Give every item of a taken batch its state; those its 207 refused are mended, and returned to send again."""
        if self._op == "archive":
            for item in group:
                item.state = {"id": item.write.remote_id}
            return []
        results = [r for r in answer.items if isinstance(r, dict) and "id" in r]
        match = _match_created if self._op == "create" else _match_updated
        strays = match(group, results)
        if not strays and all(i.state is not None for i in group):  # the usual case: all were taken
            return []
        told = refusals(answer.data)
        silent: list[Item] = []
        for item in group:
            mine = [r for r in told if _names(r, item)]
            if item.open and mine and not _stampless(mine):
                self._refuse(item, mine)
            elif item.open:
                silent.append(item)
        if silent and (strays or not told):
            for item in silent:
                item.outcome = Outcome("unknown", remote_id=item.write.remote_id)
            return []
        return self._apart(silent, [r for r in told if not r.ids and not r.traces] or told)

    def _apart(self, silent: list[Item], told: list[Refusal]) -> list[list[Item]]:
        """Items that a 207 refused without naming them: its results are all accounted for, so none was applied."""
        if not silent or self._unstamp(told, silent):
            return _groups(silent)
        if len(silent) > 1:
            return [[i] for i in silent]
        self._refuse(silent[0], told)
        return []

    def _refuse(self, item: Item, told: Sequence[Refusal]) -> None:
        """The final word on an item that was not applied."""
        first = told[0]
        if first.busy:
            item.outcome = Outcome("throttled", remote_id=item.write.remote_id)
        elif self._final(first):
            status: Status = "exists" if self._op == "create" else "gone"
            known = first.existing if self._op == "create" else item.write.remote_id
            item.outcome = Outcome(status, remote_id=known, problems=self._problems(told))
        elif first.exists and first.prop is None and "email" in item.row:
            item.reject(self._problems([first._replace(prop="email")]))
        else:
            item.reject(self._problems(told))

    def _problems(self, told: Iterable[Refusal]) -> tuple[Problem, ...]:
        found: dict[Problem, None] = {}
        for refusal in told:
            name = self._mapper.field_of(refusal.prop) if refusal.prop else None
            found[Problem(name, f"HubSpot: {refusal.message}", refusal.code)] = None
        return tuple(found)

    # -- a batch that was refused

    def _narrow(self, told: list[Refusal], group: list[Item]) -> list[list[Item]]:
        """What to send instead of a group refused as a whole. Who cannot be helped gets an outcome."""
        if self._unstamp(told, group):
            return [group]
        if len(group) == 1:
            self._refuse(group[0], told)
            return []
        guilty = [(i, mine) for i in group if (mine := [r for r in told if r.everywhere and r.prop in i.row])]
        for item, mine in guilty:
            self._refuse(item, mine)
        if guilty:
            return _groups([i for i in group if i.open])
        named = [i for i in group if any(_names(r, i) for r in told)]
        suspects = named or [i for i in group if any(_suspect(r, i) for r in told)]
        if suspects and len(suspects) < len(group):
            return [[i for i in group if i not in suspects], suspects]
        half = len(group) // 2
        return [group[half:], group[:half]]

    def _unstamp(self, told: Iterable[Refusal], group: Iterable[Item]) -> bool:
        """Leave out the hub id where the account has no property for it: no field is to blame, and no item."""
        if not _stampless(told) or self._op == "link":
            return False
        self.stampless = True
        return bool([i.row.pop(HUB_FIELD) for i in group if HUB_FIELD in i.row])

    def _final(self, refusal: Refusal) -> bool:
        """Whether no smaller request would be taken: the record is there already, or is there no more."""
        if self._op == "create":
            return refusal.exists and not refusal.everywhere and refusal.prop in (None, "email", HUB_FIELD)
        return refusal.missing


def _stampless(told: Iterable[Refusal]) -> bool:
    return any(r.prop == HUB_FIELD and r.everywhere for r in told)


def _groups(left: list[Item]) -> list[list[Item]]:
    return [left] if left else []


def _names(refusal: Refusal, item: Item) -> bool:
    return str(item.index) in refusal.traces or item.write.remote_id in refusal.ids


def _suspect(refusal: Refusal, item: Item) -> bool:
    """Whether the refused property has, in this item, a value that the message quotes."""
    if refusal.prop is None or refusal.prop not in item.row:
        return False
    value = str(item.row[refusal.prop])
    return len(value) >= _MIN_SUSPECT and value in refusal.message


def _match_updated(group: Sequence[Item], results: Iterable[dict[str, Any]]) -> int:
    """Give items the objects answered, which come in any order [recorded]; how many could not be placed.

    An old id of a merged record is answered under the winner's.
    """
    by_id = {i.write.remote_id: i for i in group}
    strays = []
    for result in results:
        item = by_id.get(str(result["id"]))
        if item is None:
            strays.append(result)
        else:
            item.state = result
    lost = 0
    for result in strays:
        merged = str((result.get("properties") or {}).get(MERGED) or "").split(";")
        left = [i for i in group if i.open]
        found = [i for i in left if i.write.remote_id in merged] or left
        if len(found) == 1:
            found[0].state = result
        else:
            lost += 1
    return lost


def _match_created(group: Sequence[Item], results: Iterable[dict[str, Any]]) -> int:
    """Give items the objects created: by the trace id where it is echoed, by the hub id, by what was sent.

    The last is sure only where exactly one open item could have become the object; items sent alike are alike.
    Answers how many could not be placed.
    """
    by_trace = {str(i.index): i for i in group}
    by_hub = {i.row[HUB_FIELD]: i for i in group if i.row.get(HUB_FIELD)}
    strays = []
    for result in results:
        properties = result.get("properties") or {}
        item = by_trace.get(str(result.get("objectWriteTraceId"))) or by_hub.get(properties.get(HUB_FIELD))
        if item is not None and item.open:
            item.state = result
        else:
            strays.append(result)
    lost = 0
    for result in strays:
        properties = result.get("properties") or {}
        fits = [i for i in group if i.open and _fits(i.row, properties)]
        if fits and all(i.row == fits[0].row for i in fits):
            fits[0].state = result
        else:
            lost += 1
    return lost


def _fits(row: Mapping[str, Any], properties: Mapping[str, Any]) -> bool:
    shared = [c for c in row if c in properties]
    return bool(shared) and all((properties[c] or "") == row[c] for c in shared)
