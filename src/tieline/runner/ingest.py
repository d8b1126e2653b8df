"""Takes what was read into the trees: `seen` only, in the transaction that moves the cursor.

Ingesting is idempotent: the same page again, in any order, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tieline.engine.match import DEFAULT_KEYS, keys_of
from tieline.engine.plan import delete_key
from tieline.engine.trees import observe
from tieline.model import Link, Remote, StreamFacts
from tieline.records import Kind
from tieline.runner.context import Run
from tieline.store import Entry, Row
from tieline.store.trees import decode, dumps


class Ingest:
    """Takes remotes of one stream into the store. The caller holds the transaction."""

    def __init__(self, run: Run, system: str, facts: StreamFacts) -> None:
        self.run = run
        self.system = system
        self.kind: Kind = facts.kind
        self.stream = facts.name
        self.trees = run.store.trees
        self.keys = run.rules.match.get(self.kind, ())
        self.provisional = facts.provisional
        self.counting = True
        """Off where the same remotes are met a second time in one run."""

    def take(self, remotes: Iterable[Remote], listing: str | None = None) -> None:
        """Every remote ends known: inserted, observed, gone, merged or unchanged."""
        latest: dict[str, Remote] = {}
        for remote in remotes:
            if remote.id not in latest or remote.modified >= latest[remote.id].modified:
                latest[remote.id] = remote
        for remote in latest.values():  # merges first: a winner may be given a row, or its record
            for old in remote.aliases:
                self._merge(old, remote.id)
            if remote.merged_into is not None:
                self._merge(remote.id, remote.merged_into)
        if self.provisional:
            self._settled(latest.values())
        rows = self.trees.links(self.system, self.kind, list(latest))
        fresh: list[tuple[Any, ...]] = []
        fresh_keys: list[tuple[str, str]] = []
        met: list[str] = []
        for remote in latest.values():
            row = rows.get(remote.id)
            if remote.merged_into is not None:
                continue
            if row is not None and row.provisional and remote.provisional and _another(row, remote):
                row = self.forget(row)
                if row is not None:
                    self.run.unchanged[self.system, self.kind] += self.counting
                    continue
            if remote.gone:
                self._gone(row, remote)
            elif row is None:
                fresh.append(self._fresh(remote, listing))
                fresh_keys += [(key, remote.id) for key in keys_of(self.kind, remote.fields, self.keys)]
            else:
                met.append(remote.id)
                self._seen_again(row, remote)
        if fresh:
            self.run.touched = True
            self.trees.add(fresh)
            self.trees.set_keys(self.system, self.kind, fresh_keys)
        if listing is not None:
            self.trees.touch(self.system, self.kind, met, listing)

    def _fresh(self, remote: Remote, listing: str | None) -> tuple[Any, ...]:
        """What is known of a remote at first sight, as `store.trees.FRESH` has it."""
        return (
            self.system,
            self.kind,
            remote.id,
            self.stream,
            dumps(remote.fields),
            dumps(remote.field_times) if remote.field_times else None,
            dumps(remote.problems) if remote.problems else None,
            remote.version,
            remote.modified,
            remote.hub_id,
            self.run.id,
            "waiting",
            listing,
            int(remote.provisional),
        )

    def _seen_again(self, row: Row, remote: Remote) -> None:
        if row.provisional and not remote.provisional:  # it has kept its id
            row = self.given(row, row.remote_id) or row
        if row.risen:
            self.trees.set_columns(self.system, self.kind, row.remote_id, risen=0)
            row = row._replace(risen=0)
        if row.gone is None and remote.version and row.version == remote.version:
            self.run.unchanged[self.system, self.kind] += self.counting and row.pulled != self.run.id
            return
        link = decode(row)
        stamp = remote.modified
        if row.own and remote.modified <= row.own:  # the stamp is our own write's: the edit is older than it
            remote = remote._replace(modified=max(row.modified, min(remote.modified, row.own - 1)))
        after = observe(link, remote)
        problems = dumps(remote.problems) if remote.problems else None
        changed = after.seen != link.seen or problems != row.problems or row.gone is not None
        if self.run.rekey:
            keys = keys_of(self.kind, after.seen, self.keys)
            self.trees.set_keys(self.system, self.kind, [(key, after.remote_id) for key in keys])
        if not changed:
            self.run.unchanged[self.system, self.kind] += self.counting and row.pulled != self.run.id
            stamped = {} if remote.hub_id is None or row.hub_id else {"hub_id": remote.hub_id}
            self.trees.set_columns(
                self.system,
                self.kind,
                row.remote_id,
                version=remote.version,
                modified=after.modified,
                **stamped,
            )
            return
        self.run.touched = True
        self.trees.save(
            after,
            hub_id=remote.hub_id or row.hub_id,
            problems=problems,
            pulled=self.run.id,
            state="unchanged",
            dirty=int(row.record is None),
        )
        self.rekey(link, after)
        if row.gone is not None:
            self._revived(row, stamp)
        if row.record is not None:
            self.trees.mark([row.record])

    def unheard(self, remote: Remote) -> bool:
        """Whether it answers to an old id of which nobody here knows: somebody was merged into it."""
        if not remote.aliases:
            return False
        known = self.trees.aliases(self.system, self.kind, remote.aliases)
        return any(old not in known for old in remote.aliases)

    def rekey(self, before: Link, after: Link) -> None:
        """Bring the match keys from what was seen to what is seen."""
        names = self.keys or DEFAULT_KEYS[self.kind]
        if before.remote_id == after.remote_id and all(before.seen.get(n) == after.seen.get(n) for n in names):
            return
        old = set(keys_of(self.kind, before.seen, self.keys))
        new = set(keys_of(self.kind, after.seen, self.keys))
        if old != new:
            self.trees.unkey(self.system, self.kind, [(k, before.remote_id) for k in old - new])
            self.trees.set_keys(self.system, self.kind, [(k, after.remote_id) for k in new - old])

    def _gone(self, row: Row | None, remote: Remote) -> None:
        if row is None:
            if not self._came_and_went(remote):
                self.run.lost[self.system, self.kind] += 1
        elif row.gone is None:
            self.mark_gone(row, when=remote.modified)
        elif row.pulled != self.run.id:
            self.run.unchanged[self.system, self.kind] += 1

    def _came_and_went(self, remote: Remote) -> bool:
        """Link what a create of ours made too late to be found, and somebody deleted: it is not made once more."""
        record, work = remote.hub_id, self.run.store.work
        found = self.trees.records([record]).get(record) if record is not None else None
        if record is None or found is None or found[0].kind != self.kind or found[1] != "alive":
            return False
        if any(r.system == self.system for r in self.trees.of_records([record]).get(record, [])):
            return False  # a copy of what is linked here
        if not work.given_up(record, self.system):
            return False
        gone = ("{}", None, None, None, None, "", remote.modified, 0, "user", record, 0, self.run.id, "gone", None)
        self.trees.insert([Row(self.system, self.kind, remote.id, self.stream, record, *gone)])
        self.trees.mark([record])
        note = "made by a create that had been given up, and deleted since"
        now = self.run.ports.clock.now()
        work.journal([Entry(self.run.id, now, record, self.system, self.kind, remote.id, "link", "ok", None, note)])
        self.run.touched = True
        return True

    # -- remotes without an id of their own

    def given(self, row: Row, remote_id: str) -> Row | None:
        """A provisional remote has an id of its own now, and what it holds may be merged. Returns its row; None if it
        was forgotten meanwhile: then it is met under the new id, as somebody new."""
        rows = self.rows([row.remote_id, remote_id])
        mine, known = rows.get(row.remote_id), rows.get(remote_id)
        if mine is None or not mine.provisional:
            return None
        if known is not None and known.remote_id != mine.remote_id:
            self.forget(mine, settled=True)
            return None
        self.trees.rename(self.system, self.kind, mine.remote_id, remote_id)
        self.trees.set_columns(self.system, self.kind, remote_id, version="", hub_id=None)
        if mine.record is not None:
            self.trees.wake([mine.record])
            self.trees.mark([mine.record])
        self.run.touched = True
        return mine._replace(remote_id=remote_id, provisional=0, version="", hub_id=None)

    def forget(self, row: Row, *, settled: bool = False) -> Row | None:
        """A provisional remote is not found any more: edited, moved or deleted, nobody can tell, and nobody need be
        asked. Whatever it is now begins anew; the record that only it had vouched for was nowhere else, and ends.
        Nothing is made there, beside what it may have become, before all was read again.

        While the outcome of its `link` is not known (`settled` False) it is left alone, and its row returned.
        """
        if not settled and row.record is not None and (row.record, self.system) in self.run.store.work.blocked():
            return row
        work, record = self.run.store.work, row.record
        self.trees.unkey(
            self.system, self.kind, [(k, row.remote_id) for k in keys_of(self.kind, decode(row).seen, self.keys)]
        )
        others = self.trees.of_records([record]).get(record, []) if record is not None else []
        now = self.run.ports.clock.now()
        self.trees.drop_link(self.system, self.kind, row.remote_id)
        self.trees.stray(self.system, self.stream, now)
        self.run.store.book.close_match(self.system, row.remote_id)
        self.run.lost[self.system, self.kind] += 1
        self.run.touched = True
        note = "it was edited, moved or deleted before it had an id of its own: whatever it is now begins anew"
        place = (self.system, self.kind, row.remote_id)
        work.journal([Entry(self.run.id, now, record, *place, "read", "gone", None, note)])
        if len(others) > 1:
            self.trees.mark([r.record for r in others if r.record is not None])
        elif record is not None:
            self.trees.set_state(record, "dead")
            work.forgive(record)
        return None

    def _settled(self, remotes: Iterable[Remote]) -> None:
        """Who carries the hub id that came with a `link` is the one that was to get an id, whatever the answer was."""
        named = {r.hub_id: r.id for r in remotes if r.hub_id is not None and not r.provisional and not r.gone}
        if not named:
            return
        for record, old_id in self.trees.placeholders(self.system, self.kind, list(named)).items():
            for row in self.rows([old_id]).values():
                self.given(row, named[record])

    # -- who is gone, and who came back

    def mark_gone(self, row: Row, by: str = "user", when: int = 0) -> None:
        """A remote is deleted: its values stay as they were last seen. `when`: the system's stamp of it (ms), 0 where
        nothing tells; it may be older than what took the record out of the bin elsewhere, unless it is surely newer."""
        if row.provisional:
            self.forget(row)
            return
        self.run.touched = True
        risen = 0 if when > row.risen + self.run.rules.skew_ms else row.risen
        self.trees.set_columns(
            self.system, self.kind, row.remote_id, gone=by, pulled=self.run.id, state="gone", dirty=0, risen=risen
        )
        if row.record is not None:
            self.trees.mark([row.record])
        else:
            self.run.store.book.close_match(self.system, row.remote_id)

    def _revived(self, row: Row, stamp: int) -> None:
        """Somebody took a remote out of the bin: the record lives. Where it is still gone it may be made again, or
        come back by itself; where it is alive for all the hub knows, a deletion may still be on its way from before.
        `stamp` is what the system says of it now (ms)."""
        record = row.record or self._taken_back(row)
        if record is None:
            return
        self.trees.set_state(record, "alive")
        self.trees.wake([record])
        for other in self.trees.of_records([record]).get(record, []):
            if (other.system, other.remote_id) == (self.system, row.remote_id):
                continue
            if other.gone is None:
                risen = stamp or self.run.ports.clock.now()
                self.trees.set_columns(other.system, other.kind, other.remote_id, risen=risen)
            elif other.gone != "user" or not self._stays_deleted(record, other):
                self.trees.set_columns(other.system, other.kind, other.remote_id, gone="retired")

    def _taken_back(self, row: Row) -> str | None:
        """The record whose place here another took while this remote was gone: its own again, if that is gone too."""
        found = self.trees.records([row.hub_id]).get(row.hub_id) if row.hub_id is not None else None
        if found is None or found[0].kind != self.kind:
            return None
        record = found[2] or found[0].id
        linked = self.trees.of_records([record]).get(record, [])
        if any(other.system == self.system and other.gone is None for other in linked):
            return None  # a second one of it, which is asked about
        self.trees.make_way(record, self.system, row.remote_id)
        self.trees.set_columns(self.system, self.kind, row.remote_id, record=record, dirty=0)
        self.trees.mark([record])
        return record

    def _stays_deleted(self, record: str, row: Row) -> bool:
        """Whether its deletion is a matter of its own, which nothing that happens elsewhere takes back: it is told to
        be ignored, a person said to keep the others without it, or was asked and has not answered yet."""
        if self.run.rules_of(row.system, row.kind).delete == "ignore":
            return True
        return self.run.store.book.state_of(delete_key(record, decode(row))) in ("open", "rejected")

    def _merge(self, loser: str, winner: str) -> None:
        """Two remotes were merged: the loser's id answers to the winner from now on; links move, nothing is made."""
        winner = self.trees.aliases(self.system, self.kind, [winner]).get(winner, winner)
        if winner == loser:
            return
        rows = self.trees.links(self.system, self.kind, [loser, winner])
        self.trees.alias(self.system, self.kind, loser, winner)
        lost = rows.get(loser)
        if lost is None:
            return
        if lost.provisional:
            self.given(lost, winner)
            return
        kept = rows.get(winner)
        if kept is None or kept.record is None:
            self._inherit(lost, kept, winner)
        elif lost.record is not None and lost.record != kept.record:
            self.fold(lost.record, kept.record)
        self.trees.unkey(self.system, self.kind, [(k, loser) for k in keys_of(self.kind, decode(lost).seen, self.keys)])
        self.trees.drop_link(self.system, self.kind, loser)
        self.run.store.book.close_match(self.system, loser)
        self.run.store.book.close_match(self.system, winner)
        self.run.lost[self.system, self.kind] += 1

    def _inherit(self, lost: Row, kept: Row | None, winner: str) -> None:
        """The winner is not linked: it takes over the loser's record, and what was agreed with it."""
        self.trees.drop_link(self.system, self.kind, lost.remote_id)
        if kept is None:
            self.trees.insert([lost._replace(remote_id=winner, version="", gone=None, dirty=int(lost.record is None))])
            self.trees.set_keys(
                self.system, self.kind, [(k, winner) for k in keys_of(self.kind, decode(lost).seen, self.keys)]
            )
        elif lost.record is not None:
            self.trees.set_columns(self.system, self.kind, winner, record=lost.record, dirty=0)
        if lost.record is not None:
            self.trees.mark([lost.record])

    def fold(self, loser: str, winner: str) -> None:
        """Two records turn out to be one: the loser's links elsewhere move where the winner has none.

        Who was deleted stays the loser's: the winner was deleted by nobody.
        """
        self.run.folds += 1
        self.trees.fold(loser, winner)
        self.run.store.effects.carry(loser, winner)
        rows = self.trees.of_records([loser, winner])
        taken = {r.system for r in rows.get(winner, [])}
        for row in rows.get(loser, []):
            if row.gone is None and row.system != self.system and row.system not in taken:
                self.trees.set_columns(row.system, row.kind, row.remote_id, record=winner, base=None)
        self.trees.mark([winner, loser])

    def rows(self, ids: Sequence[str]) -> dict[str, Row]:
        """The stored rows of remotes."""
        return self.trees.links(self.system, self.kind, ids)


def _another(row: Row, remote: Remote) -> bool:
    """Whether something else stands under a provisional id now: nothing but what it holds tells who it is."""
    return not (remote.version and remote.version == row.version) and dict(remote.fields) != decode(row).seen
