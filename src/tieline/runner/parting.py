"""Two records that were taken for one are two after all: sees to it that whoever names one of them is planned anew.

It judges nothing. Where a system shows both apart, what its people say there of the two goes to the policies as if it
were said for the first time; everywhere else the record's own word is owed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tieline.model import Fields
from tieline.records import KINDS, REFERENCES, Kind
from tieline.runner.space import ids_of
from tieline.store import Row, Store
from tieline.store.forms import decode


def part(store: Store, kind: Kind, record: str, winner: str, stood: Sequence[Row]) -> None:
    """`record` had been merged into `winner`; `stood` are the remotes that it kept. Reads every record of the kinds
    that may name it: for what a person seldom says."""
    referring = {k: names for k in KINDS if (names := [n for n, t in REFERENCES[k].items() if t == kind])}
    store.trees.mark_naming(list(referring), record)
    theirs = {row.system: row.remote_id for row in store.trees.of_records([winner]).get(winner, ()) if not row.gone}
    for row in stood:
        two = {row.remote_id: record}
        if row.system in theirs:
            two[theirs[row.system]] = winner
        for other, names in referring.items():
            _heard_anew(store, row.system, other, names, two)


def _heard_anew(store: Store, system: str, kind: Kind, names: Iterable[str], two: dict[str, str]) -> None:
    """Forget that a reference to one of two remotes was agreed where the record names the other one."""
    rows = [row for remote_id in two for row in store.trees.naming(system, kind, remote_id)]
    records = store.trees.records([row.record for row in rows if row.record])
    for row in dict.fromkeys(rows):
        link = decode(row)
        known: Fields = records[row.record or ""][0].fields
        odd = set()
        for name in names:
            told = {two[i] for i in ids_of(link.seen.get(name)) if i in two}
            held = set(ids_of(known.get(name))) & set(two.values())
            if told and held and told != held and link.base.get(name) == link.seen[name]:
                odd.add(name)
        if odd:
            store.trees.save(link._replace(base={n: v for n, v in link.base.items() if n not in odd}))
            store.trees.mark([link.record or ""])
