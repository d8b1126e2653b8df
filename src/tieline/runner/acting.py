"""Side effects: spools those that records ask for, does each at most once, and finds out what became of lost answers.

Before anything is done its key is looked for, so that not even a home that lost its memory does it again; an intent is
on disk before the call leaves. What was asked for is decided by `engine.actions`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from tieline.engine.actions import action_key, asked, lane_of, needs, of_lane, refusal_of, said
from tieline.engine.plan import Asker
from tieline.errors import Broken, ContractViolation, RateLimited, Transient, Unavailable, UserError
from tieline.events import Applied
from tieline.model import Action, ActionRule, Fields, Order, Outcome, Receipt, Record
from tieline.records import KINDS, REFERENCES, Cell, Kind
from tieline.runner.context import Run, System
from tieline.runner.drive import Job, Lane, drive
from tieline.runner.space import ToRemote
from tieline.store import Effect, Entry, Intent, Refusal, Spooled

LOOKED = 50
"""Keys that are looked for in one call."""


class Asking:
    """The planning of one kind's side effects. `newly`: systems whose records were never planned before."""

    def __init__(self, run: Run, kind: Kind, newly: Collection[str]) -> None:
        self.run = run
        self.rules = [r for r in run.rules.actions if r.kind == kind]
        self.newly = frozenset(newly)
        self._blocked = _blocked(run) if self.rules else set()
        self._armed = {r.name for r in self.rules if run.store.effects.armed(r.name)}
        self._known: set[tuple[str, str]] = set()
        self._past: list[Effect] = []

    def prepare(self, records: Sequence[str]) -> None:
        """Look up what was done for these records."""
        if self.rules:
            self._known = self.run.store.effects.of(records)

    def orders(
        self,
        record: Record,
        fields: Fields,
        systems: Collection[str],
        refused: Mapping[tuple[str, str], Mapping[str, str]],
        refs: Asker,
    ) -> tuple[list[Order], bool]:
        """What a living record asks for, and whether something of it must be planned again later.

        `systems`: where the record is. `refused`: (record, system) → name → hash of what was refused.
        """
        found: list[Order] = []
        waits = False
        for rule in self.rules:
            if (record.id, rule.name) in self._known or not rule.when(fields):
                continue
            if rule.name not in self._armed or (systems and self.newly.issuperset(systems)):
                self._past.append(self._effect(rule, record.id))
                continue
            order = asked(rule, record, fields)
            name, said_before = refusal_of(rule.name, order.fields)
            if refused.get((record.id, rule.system), {}).get(name) == said_before:
                continue
            able = rule.system in self.run.systems and (record.id, rule.system) not in self._blocked
            if able and all(_nameable(record.kind, n, v, rule.system, refs) for n, v in order.fields.items()):
                found.append(order)
            else:
                waits = True
        return found, waits

    def _effect(self, rule: ActionRule, record: str) -> Effect:
        now = self.run.ports.clock.now()
        return Effect(action_key(record, rule.name), record, rule.name, rule.system, rule.action, "past", None, "", now)

    def flush(self) -> None:
        """Write down what is past."""
        if self._past:
            self.run.store.effects.save(self._past)
            self._past = []

    def arm(self) -> None:
        """All of the kind was looked at: from now on whoever comes to meet a rule asks for its side effect."""
        for rule in self.rules:
            if rule.name not in self._armed:
                self.run.store.effects.arm(rule.name, self.run.id)


def _blocked(run: Run) -> set[tuple[str, str]]:
    """The (record, system) pairs with something of unknown outcome under way, also for a record they became."""
    found = run.store.work.blocked()
    folded = {i: into for i, (_, _, into) in run.store.trees.records([r for r, _ in found]).items() if into}
    return found | {(folded[r], system) for r, system in found if r in folded}


def _nameable(kind: Kind, name: str, value: Cell, system: str, refs: Asker) -> bool:
    """Whether a field can be said in a system: what it refers to is there, or comes."""
    target = REFERENCES[kind].get(name)
    if target is None:
        return True
    ids = [row["id"] for row in value] if isinstance(value, list) else [value]
    return all(refs.state(system, target, i) in ("there", "coming") for i in ids)


def act(run: Run) -> None:
    """Do what the spool asks for, one at a time in each system."""
    drive(run, _lanes(run), width=lambda name: 1)


def _lanes(run: Run) -> Iterator[tuple[str, Lane]]:
    """The orders of each rule in small parts, made as they are needed: the spool is never held in memory."""
    rules = {lane_of(r): r for r in run.rules.actions}
    for kind in KINDS:
        for system, lane in run.store.work.lanes(kind, ("act",)):
            after = 0
            while orders := run.store.work.take(kind, ("act",), system, lane, after, LOOKED):
                after = orders[-1].seq
                yield system, Doing(run, run.systems[system], rules[lane], orders).steps()


class Doing:
    """Some side effects of one rule: looked for, then done one after the other."""

    def __init__(self, run: Run, system: System, rule: ActionRule, orders: Sequence[Spooled]) -> None:
        self.run = run
        self.system = system
        self.rule = rule
        self.orders = orders
        self.store = run.store
        self.connector: Any = system.connector

    def steps(self) -> Lane:
        """Look, intend, do, remember."""
        wanted = self._wanted()
        keys = [action.key for _, action in wanted]
        done: Mapping[str, Receipt] = {}
        if keys:
            done = yield Job(self.system, lambda: self.connector.acted(self.rule.action, keys))
        for order, action in wanted:
            if action.key in done:
                with self.store.atomic():
                    self._remember(order, action, done[action.key], "found again")
            else:
                yield from self._do(order, action)

    def _wanted(self) -> list[tuple[Spooled, Action]]:
        """What the orders come to in the system's own ids; what cannot be named there yet waits for a later plan."""
        space = ToRemote(self.store, self.rule.kind, self.system.name)
        space.prepare(o.fields for o in self.orders)
        found = []
        for order in self.orders:
            fields, missing = space.fields(order.fields)
            if not missing & needs(self.rule):
                key = action_key(order.record, self.rule.name)
                found.append((order, Action(self.rule.action, key, said(self.rule.fields, fields))))
        return found

    def _do(self, order: Spooled, action: Action) -> Lane:
        now = self.run.ports.clock.now()
        with self.store.atomic():
            (intent,) = self.store.work.intend(
                [(self.run.id, order.record, self.system.name, self.rule.kind, order.stream, "act", None,
                  action.fields, order.reasons, now)]
            )  # fmt: skip
        self.run.ports.boundary("intended")
        try:
            receipt: Receipt = yield Job(self.system, lambda: self.connector.act(action))
            if receipt.status in ("ok", "exists") and receipt.id is None:
                raise ContractViolation(f"{self.system.name} said that {action.name} is done and not under which id")
        except (Transient, UserError) as error:
            untouched = isinstance(error, RateLimited) or (isinstance(error, Unavailable) and not error.sent)
            self._undecided(intent, unknown=not untouched)
            raise
        except Broken:
            self._undecided(intent, unknown=True)
            raise
        with self.store.atomic(durable=False):  # lost with the power, the intent is still there to be settled
            self._settle(order, action, intent, receipt)
        self.run.ports.boundary("confirmed")
        if receipt.status == "ok" and self.run.hooks.listens("tieline_applied"):
            told = Order("act", self.system.name, order.kind, order.stream, order.record, None, action.fields, {})
            self.run.hooks.applied(Applied(self.run.id, told, Outcome("ok", remote_id=receipt.id)))
        self.run.progress("apply", self.system.name, 1, None)

    def _undecided(self, intent: int, *, unknown: bool) -> None:
        with self.store.atomic():
            if unknown:
                self.store.work.unknown([intent], self.run.ports.clock.now())
            else:
                self.store.work.forget([intent])

    def _settle(self, order: Spooled, action: Action, intent: int, receipt: Receipt) -> None:
        now = self.run.ports.clock.now()
        if receipt.status == "unknown":
            self.store.work.unknown([intent], now)
        else:
            self.store.work.forget([intent])
        self.run.moves += receipt.status not in ("throttled", "unknown")
        if receipt.status in ("ok", "exists"):
            if receipt.status == "ok":
                self.run.written[self.system.name, self.rule.kind, "act"] += 1
            self._remember(order, action, receipt, receipt.url or None)
            return
        self.store.trees.mark([order.record])
        note = "; ".join(p.message for p in receipt.problems) or None
        if receipt.status == "rejected":
            name, digest = refusal_of(self.rule.name, order.fields)
            code = receipt.problems[0].code if receipt.problems else "refused"
            self.store.work.refuse(
                [Refusal(order.record, self.system.name, self.rule.kind, name, digest, code,
                         note or "refused without a reason", "", self.run.id)]
            )  # fmt: skip
        self._note(order, None, receipt.status, note)

    def _remember(self, order: Spooled, action: Action, receipt: Receipt, note: str | None) -> None:
        now = self.run.ports.clock.now()
        self.run.moves += 1
        rule, made = self.rule.name, (receipt.id, receipt.url)
        _keep(self.run, Effect(action.key, order.record, rule, self.system.name, action.name, "done", *made, now))
        self.store.work.accept(order.record, self.system.name, [refusal_of(self.rule.name, {})[0]])
        self.store.trees.done([order.record])
        self._note(order, receipt.id, "ok" if receipt.status == "ok" else receipt.status, note)

    def _note(self, order: Spooled, remote_id: str | None, outcome: str, note: str | None) -> None:
        self.store.work.journal(
            [Entry(self.run.id, self.run.ports.clock.now(), order.record, self.system.name, order.kind, remote_id,
                   "act", outcome, order.reasons, note)]
        )  # fmt: skip


def _keep(run: Run, effect: Effect) -> None:
    """Remember what was done, also for the record that this one has become meanwhile."""
    run.store.effects.save([effect])
    _, _, heir = run.store.trees.records([effect.record])[effect.record]
    if heir is not None:
        run.store.effects.carry(effect.record, heir)


def settle_acts(run: Run, system: System, intents: Sequence[Intent]) -> None:
    """Close intents of one lane whose quiet time is over: what is found was done, what is not may be asked for anew."""
    action, rule = of_lane(intents[0].stream)
    connector: Any = system.connector
    for start in range(0, len(intents), LOOKED):
        part = intents[start : start + LOOKED]
        keys = [action_key(i.record, rule) for i in part]
        found: Mapping[str, Receipt] = run.call(system, lambda keys=keys: connector.acted(action, keys))  # type: ignore[misc]
        now = run.ports.clock.now()
        with run.store.atomic():
            for intent, key in zip(part, keys, strict=True):
                receipt = found.get(key)
                note = "not found: may be done again"
                if receipt is not None:
                    note = "found again"
                    effect = Effect(key, intent.record, rule, system.name, action, "done", receipt.id, receipt.url, now)
                    _keep(run, effect)
                run.store.work.journal(
                    [Entry(run.id, now, intent.record, system.name, intent.kind, receipt.id if receipt else None,
                           "act", "settled", intent.reasons, note)]
                )  # fmt: skip
            run.store.work.forget([i.id for i in part])
            run.store.trees.mark([i.record for i in part])
            run.moves += len(part)
        run.ports.boundary("settled")
