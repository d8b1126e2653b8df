"""What becomes of remotes without an id of their own as they are met again: one gets it, another is lost sight of.

Nothing of them was merged, and nothing was made of them elsewhere; so one that is not found is forgotten, not deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tieline.engine.match import keys_of
from tieline.model import Link, Remote, StreamFacts
from tieline.records import Kind
from tieline.runner.context import Run
from tieline.store import Entry, Row
from tieline.store.forms import decode, dumps


class Naming:
    """Knows the remotes of one stream by their ids. The caller holds the transaction."""

    def __init__(self, run: Run, system: str, facts: StreamFacts) -> None:
        self.run = run
        self.system = system
        self.kind: Kind = facts.kind
        self.stream = facts.name
        self.trees = run.store.trees
        self.keys = run.rules.match.get(self.kind, ())
        self.provisional = facts.provisional

    def rows(self, ids: Sequence[str]) -> dict[str, Row]:
        """The stored rows of remotes."""
        return self.trees.links(self.system, self.kind, ids)

    def _unreadable(self, remote: Remote) -> str | None:
        """The fields of a remote that cannot be read, as they are stored; a person is told how many there are."""
        if not remote.problems:
            return None
        self.run.unread[self.system, self.kind] += len(remote.problems)
        return dumps(remote.problems)

    def given(self, old_id: str, remote_id: str) -> Row | None:
        """A provisional remote has an id of its own now, and what it holds may be merged. Returns its row; None if it
        was forgotten meanwhile: then it is met under the new id, as somebody new."""
        rows = self.rows([old_id, remote_id])
        mine, known = rows.get(old_id), rows.get(remote_id)
        if mine is None or not mine.provisional:
            return None
        if known is not None and known.remote_id != mine.remote_id:
            self.forget(mine, settled=True)
            return None
        keys = keys_of(self.kind, decode(mine).seen, self.keys)
        self.trees.rename(self.system, self.kind, mine.remote_id, remote_id, keys)
        self.trees.set_columns(self.system, self.kind, remote_id, version="", hub_id=None)
        if mine.record is not None:
            self.trees.wake([mine.record])
            self.trees.mark([mine.record])
        self.run.touched = True
        return mine._replace(remote_id=remote_id, provisional=0, version="", hub_id=None)

    def forget(self, row: Row | Link, *, settled: bool = False) -> bool:
        """A provisional remote is not found any more: edited, moved or deleted, nobody can tell, and nobody need be
        asked. Whatever it is now begins anew; the record that only it had vouched for was nowhere else, and ends.
        Nothing is made there, beside what it may have become, before all was read again.

        While the outcome of its `link` is not known (`settled` False) it is left alone. Returns whether it is no more.
        """
        if not settled and row.record is not None and (row.record, self.system) in self.run.store.work.blocked():
            return False
        work, record = self.run.store.work, row.record
        self._unkey(row.remote_id, row if isinstance(row, Link) else decode(row))
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
        return True

    def _settled(self, remotes: Iterable[Remote]) -> None:
        """Who carries the hub id that came with a `link` is the one that was to get an id, whatever the answer was."""
        named = {r.hub_id: r.id for r in remotes if r.hub_id is not None and not r.provisional and not r.gone}
        if not named:
            return
        for record, old_id in self.trees.placeholders(self.system, self.kind, list(named)).items():
            self.given(old_id, named[record])

    def _unkey(self, remote_id: str, link: Link) -> None:
        self.trees.unkey(self.system, self.kind, [(k, remote_id) for k in keys_of(self.kind, link.seen, self.keys)])

    @staticmethod
    def _another(row: Row, remote: Remote) -> bool:
        """Whether something else stands under a provisional id now: nothing but what it holds tells who it is."""
        if not row.provisional or not remote.provisional or (remote.version and remote.version == row.version):
            return False
        return dict(remote.fields) != decode(row).seen
