"""Takes what was read into the trees: `seen` only, in the transaction that moves the cursor.

Ingesting is idempotent: the same page again, in any order, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tieline.engine.match import DEFAULT_KEYS, keys_of, pair_of
from tieline.engine.plan import delete_key
from tieline.engine.trees import moved, observe
from tieline.model import Link, Remote, StreamFacts
from tieline.records import ENDS
from tieline.runner.context import Run
from tieline.runner.naming import Naming
from tieline.runner.space import ToHub
from tieline.store import Entry, Row
from tieline.store.forms import decode, dumps


class Ingest(Naming):
    """Takes remotes of one stream into the store. The caller holds the transaction."""

    def __init__(self, run: Run, system: str, facts: StreamFacts) -> None:
        super().__init__(run, system, facts)
        self.key_fields = self.keys or DEFAULT_KEYS[self.kind]
        self.counting = True
        """Off where the same remotes are met a second time in one run."""
        self.unread: set[str] = set()
        """Remotes that others were merged into before anything was read of them: known by those others' values."""
        self.unmet: dict[str, None] = {}
        """Into whom remotes were converted that nobody here had read yet."""

    def take(self, remotes: Iterable[Remote], listing: str | None = None) -> None:
        """Every remote ends known: inserted, observed, gone, merged or unchanged."""
        latest: dict[str, Remote] = {}
        for remote in remotes:
            if remote.id not in latest or remote.modified >= latest[remote.id].modified:
                latest[remote.id] = remote
        for remote in latest.values():  # merges first: a winner may be given a row, or its record
            for old in remote.aliases:
                self._merge(old, remote.id)
            if remote.merged_into is not None and remote.moved_to not in ("", self.stream):
                self._convert(remote, remote.merged_into)
            elif remote.merged_into is not None:
                self._merge(remote.id, remote.merged_into)
        self.run.store.torn.read(self.system, self.stream, latest)
        self.unread.difference_update(i for i, remote in latest.items() if remote.merged_into is None)
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
            if row is not None and self._another(row, remote):
                if not self.forget(row):
                    self.run.unchanged[self.system, self.kind] += self.counting
                    continue
                row = None
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
            self._unreadable(remote),
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
            row = self.given(row.remote_id, row.remote_id) or row
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
        problems = self._unreadable(remote)
        changed = after.seen != link.seen or problems != row.problems or row.gone is not None
        if self.run.rekey:
            keys = keys_of(self.kind, after.seen, self.keys)
            self.trees.set_keys(self.system, self.kind, [(key, after.remote_id) for key in keys])
        if not changed:
            self.run.unchanged[self.system, self.kind] += self.counting and row.pulled != self.run.id
            stamped = {} if remote.hub_id is None or row.hub_id else {"hub_id": remote.hub_id}
            self.trees.set_columns(
                self.system, self.kind, row.remote_id, version=remote.version, modified=after.modified, **stamped
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
        if self.kind in ENDS:
            self._joined(before, after)
            return
        seen = before.seen
        if before.remote_id == after.remote_id and all(seen.get(n) == after.seen.get(n) for n in self.key_fields):
            return
        known = set(keys_of(self.kind, seen, self.keys))
        new = set(keys_of(self.kind, after.seen, self.keys))
        # what was moved was not seen yet: it is known by what was agreed
        old = known if seen else set(keys_of(self.kind, before.base, self.keys))
        self.trees.unkey(self.system, self.kind, [(k, before.remote_id) for k in old - new])
        self.trees.set_keys(self.system, self.kind, [(k, after.remote_id) for k in new - known])

    def _joined(self, before: Link, after: Link) -> None:
        """The same for a relation, whose key names the records that it joins; the old one is known to be out of date by
        what is seen."""
        names = ENDS[self.kind]
        if before.remote_id == after.remote_id and all(before.seen.get(n) == after.seen.get(n) for n in names):
            return
        space = ToHub(self.run.store, self.kind)
        space.prepare([(self.system, after.seen)])
        pair = pair_of(self.kind, space.fields(self.system, after.seen)[0])
        self.trees.set_keys(self.system, self.kind, [(key, after.remote_id) for key in pair])

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

    def mark_gone(self, row: Row | Link, by: str = "user", when: int = 0) -> None:
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
        record = self._heir(row) if row.record is not None else self._taken_back(row)
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

    def _heir(self, row: Row) -> str | None:
        """The record that a revived remote stands for: its own, or the one that was merged into meanwhile, if that has
        none here. None: it is what is left of a merged one, which is asked about."""
        own = row.record or ""
        heir = self.trees.records([own])[own][2]
        if heir is None:
            return own
        if any(r.system == self.system and r.gone is None for r in self.trees.of_records([heir]).get(heir, [])):
            return None
        self.trees.make_way(heir, self.system, row.remote_id)
        self.trees.set_columns(self.system, self.kind, row.remote_id, record=heir, base=None)
        return heir

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
            self.given(loser, winner)
            return
        kept = rows.get(winner)
        self._unkey(loser, decode(lost))
        self.trees.drop_link(self.system, self.kind, loser)
        if kept is None or kept.record is None:
            self._inherit(lost, kept, winner)
        elif lost.record is not None and lost.record != kept.record:
            self._met(lost.record, kept.record, winner)
        self.run.store.book.close_match(self.system, loser)
        self.run.store.book.close_match(self.system, winner)
        self.run.lost[self.system, self.kind] += 1

    def _convert(self, remote: Remote, heir: str) -> None:
        """A remote lives on in another stream: its link moves there, with all that was agreed; nothing is made."""
        heir = self.trees.aliases(self.system, self.kind, [heir]).get(heir, heir)
        rows = self.trees.links(self.system, self.kind, [remote.id, heir])
        lost, kept = rows.get(remote.id), rows.get(heir)
        if lost is not None and lost.provisional:  # nobody elsewhere knows of it: it is met as who it is now
            self.forget(lost, settled=True)
            return
        if lost is None or (kept is not None and (lost.record is None or kept.record is not None)):
            self._merge(remote.id, heir)
            return
        self.trees.alias(self.system, self.kind, remote.id, heir)
        before = decode(lost)
        if kept is None:
            self.unmet[heir] = None
        if lost.record is None:  # it is matched as who it is now
            self._unkey(remote.id, before)
            self.trees.drop_link(self.system, self.kind, remote.id)
            self.run.store.book.close_match(self.system, remote.id)
            self.run.lost[self.system, self.kind] += 1
            return
        after = moved(before, heir, remote.moved_to)
        met = () if kept is None else (kept.version, kept.problems, kept.pulled, kept.state, kept.listed)
        version, problems, pulled, state, listed = met or ("", None, None, None, None)
        if kept is not None:
            held = decode(kept)
            after = observe(after, Remote(heir, held.seen, version, kept.modified, field_times=held.times or None))
            after = after._replace(gone=held.gone)
        self._unkey(remote.id, before)
        self.trees.drop_link(self.system, self.kind, remote.id)
        hub_id = None if kept is None else kept.hub_id
        row = lost._replace(remote_id=heir, stream=remote.moved_to, gone=None, hub_id=hub_id, own=0, dirty=0, risen=0)
        self.trees.insert([row._replace(problems=problems, pulled=pulled, state=state, listed=listed)])
        self.trees.save(after)
        if kept is None:
            keys = keys_of(self.kind, before.seen, self.keys)
            self.trees.set_keys(self.system, self.kind, [(key, heir) for key in keys])
        else:
            self.run.store.book.close_match(self.system, heir)
        self._told(before, after)
        self.run.lost[self.system, self.kind] += 1
        self.run.touched = True
        if lost.gone is not None and after.gone is None:
            self._revived(self.rows([heir])[heir], remote.modified)
        self.trees.wake([lost.record])
        self.trees.mark([lost.record])

    def _told(self, before: Link, after: Link) -> None:
        """The journal says that a link moved, and what was entered at the old place that nobody had merged yet."""
        edits = {
            n: [before.base.get(n), v, self.system, "entered before it was converted"]
            for n, v in before.seen.items()
            if n in before.base and before.base[n] != v
        }
        note = f"{before.stream} {before.remote_id} became {after.stream} {after.remote_id}"
        entry = Entry(
            self.run.id, self.run.ports.clock.now(), before.record, self.system, self.kind, after.remote_id,
            "convert", "ok", dumps(edits) if edits else None, note,
        )  # fmt: skip
        self.run.store.work.journal([entry])

    def _inherit(self, lost: Row, kept: Row | None, winner: str) -> None:
        """The winner is not linked: it takes over the loser's record, and what was agreed with it."""
        if kept is None:
            self.unread.add(winner)
            self.trees.insert([lost._replace(remote_id=winner, version="", gone=None, dirty=int(lost.record is None))])
            self.trees.set_keys(
                self.system, self.kind, [(k, winner) for k in keys_of(self.kind, decode(lost).seen, self.keys)]
            )
        elif lost.record is not None:
            self.trees.set_columns(self.system, self.kind, winner, record=lost.record, dirty=0)
        if lost.record is not None:
            self.trees.mark([lost.record])

    def _met(self, loser: str, kept: str, remote_id: str) -> None:
        """Of two records a remote each was merged here: they are one, unless people merged either of them elsewhere.

        Who was merged into somebody there already stays that one's; what is left of it here stands for its heir.
        """
        found = self.trees.records([loser, kept])
        mine, theirs = (found[r][2] or r for r in (loser, kept))
        if mine == loser != theirs:
            self.fold(loser, theirs)
        elif mine == theirs == loser:  # the other way round there: the living record is what remains here, too
            self.trees.make_way(loser, self.system, remote_id)
            self.trees.set_columns(self.system, self.kind, remote_id, record=loser, base=None)
        self.trees.mark([loser, kept])

    def fold(self, loser: str, winner: str) -> None:
        """Two records turn out to be one: the loser's links elsewhere move where the winner has none.

        Who was deleted stays the loser's: the winner was deleted by nobody. That may be seen only later.
        """
        self.run.folds += 1
        self.trees.fold(loser, winner)
        self.trees.rename_in_keys(list(ENDS), loser, winner)
        self.run.store.effects.carry(loser, winner)
        rows = self.trees.of_records([loser, winner])
        taken, now = {r.system for r in rows.get(winner, [])}, self.run.ports.clock.now()
        for row in rows.get(loser, []):
            if row.gone is None and row.system != self.system and row.system not in taken:
                self.trees.set_columns(row.system, row.kind, row.remote_id, record=winner, base=None, risen=now)
        self.trees.mark([winner, loser])
