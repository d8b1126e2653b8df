"""Whatever the trees hold: merging twice is merging once, the order of systems is no matter, converged is quiet."""

from __future__ import annotations

from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tieline.engine.merge import Court, Merged, Side, digest, merge
from tieline.engine.plan import Asker, owed
from tieline.engine.trees import as_sent, confirm, observe, unmerged
from tieline.model import FieldFacts, Link, Record, Remote
from tieline.records import Cell
from tieline.rules import Policy, SystemRules
from tieline.store import Row
from tieline.store.forms import decode, dumps, encode, encode_base, encoded

NAMES = ("email", "title", "phone", "consent_email", "account")
SYSTEMS = ("crm", "mail", "files")
ORDER = {name: rank for rank, name in enumerate(SYSTEMS)}
FACTS = {name: FieldFacts() for name in NAMES}
RULES = SystemRules()
values = {
    "email": st.sampled_from([None, "a@b.example", "A@b.example", "c@d.example"]),
    "title": st.sampled_from([None, "x", "X", "y"]),
    "phone": st.sampled_from([None, "+1 55", "155", "2"]),
    "consent_email": st.sampled_from([None, "allowed", "opted_out"]),
    "account": st.sampled_from([None, "acme", "globex"]),
}
cells = st.fixed_dictionaries({}, optional=values)
times = st.sampled_from([0, 1000, 5000, 5001, 90_000])
policies = st.sampled_from(
    [
        Policy("two-way"),
        Policy("prefer", "crm"),
        Policy("prefer-unless-blank", "mail"),
        Policy("only", "crm"),
        Policy("fill"),
    ]
)


@st.composite
def sides(draw: Any) -> list[Side]:
    found = []
    for system in SYSTEMS:
        seen = draw(cells)
        base = {n: v for n, v in draw(cells).items() if n in seen}
        link = Link(system, "contact", "contacts", system, "r1", seen, base, modified=draw(times), stamped=True)
        found.append(Side(link, RULES, FACTS))
    return found


@st.composite
def worlds(draw: Any) -> tuple[Record, list[Side], Court]:
    record = Record("r1", "contact", draw(cells), {"*": (draw(st.sampled_from(SYSTEMS)), draw(times))})
    table = {name: draw(policies) for name in NAMES}
    return record, draw(sides()), Court(table, {}, 2000, ORDER)


def advanced(side: Side, merged: Merged) -> Side:
    """The side after its base moved, as the runner writes it."""
    agreed = merged.agreed.get(side.link.system, set())
    base = {**side.link.base, **{n: side.link.seen[n] for n in agreed}}
    sent = {n: v for n, v in side.link.sent.items() if n not in agreed}
    sent.update(merged.same.get(side.link.system, {}))
    return side._replace(link=side.link._replace(base=base, sent=sent))


REFS = Asker(lambda system, kind, hub: "there")
many = settings(max_examples=150)


@many
@given(worlds())
def test_merging_again_changes_nothing(world: tuple[Record, list[Side], Court]) -> None:
    record, before, court = world
    once = merge(record, before, court)
    after = [advanced(s, once) for s in before]
    twice = merge(Record("r1", "contact", once.fields, once.stamps), after, court)
    assert twice.fields == once.fields
    assert twice.changes == {}
    assert twice.conflicts == []


@many
@given(worlds(), st.permutations(range(3)))
def test_the_order_of_the_systems_is_no_matter(world: tuple[Record, list[Side], Court], order: list[int]) -> None:
    record, before, court = world
    one = merge(record, before, court)
    other = merge(record, [before[n] for n in order], court)
    assert one.fields == other.fields
    assert one.held == other.held
    assert one.agreed == other.agreed


@many
@given(worlds())
def test_a_value_is_never_made_up_and_never_vanishes_in_silence(world: tuple[Record, list[Side], Court]) -> None:
    record, before, court = world
    out = merge(record, before, court)
    for name, value in out.fields.items():
        known = [record.fields.get(name), *(s.link.seen.get(name) for s in before)]
        assert value in known
    lost = {(c.field, *c.lost) for c in out.conflicts}
    for side in before:
        for name in out.agreed.get(side.link.system, ()):
            value = side.link.seen[name]
            edited = name in side.link.base and side.link.base[name] != value and value is not None
            same = name in out.same.get(side.link.system, {})
            if edited and value not in (out.fields[name], record.fields.get(name)) and not same:
                assert (name, side.link.system, value) in lost


@many
@given(worlds())
def test_consent_never_widens_by_itself(world: tuple[Record, list[Side], Court]) -> None:
    record, before, court = world
    out = merge(record, before, court)
    if record.fields.get("consent_email") == "opted_out":
        assert out.fields["consent_email"] == "opted_out"


@many
@given(worlds())
def test_when_the_writes_have_arrived_nothing_is_owed(world: tuple[Record, list[Side], Court]) -> None:
    record, before, court = world
    merged = merge(record, before, court)
    now = Record("r1", "contact", merged.fields, merged.stamps)
    plan = owed(record, merged, before, [], court, REFS)
    after = []
    for side in (advanced(s, merged) for s in before):
        written: dict[str, Cell] = {}
        for order in plan.orders:
            if order.system == side.link.system:
                written.update(order.fields)
        link = side.link
        sent = {n: v for n, v in link.sent.items() if n not in written}
        after.append(
            side._replace(link=link._replace(seen={**link.seen, **written}, base={**link.base, **written}, sent=sent))
        )
    again = merge(now, after, court)
    assert again.changes == {}
    assert owed(now, again, after, [], court, REFS).orders == []


json_cells = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
trees = st.dictionaries(st.sampled_from("abcde"), json_cells, max_size=5)


@given(trees, trees)
def test_a_base_survives_being_stored(seen: dict[str, Cell], base: dict[str, Cell]) -> None:
    text = encode_base(seen, base)
    columns = dict.fromkeys(Row._fields)
    stored = Row(**{**columns, "seen": dumps(seen), "base": text})  # type: ignore[arg-type]
    assert (decode(stored).seen, decode(stored).base) == (seen, base)
    assert encode_base(seen, seen) in ("{}", None)
    assert text is None or len(text) <= len(dumps({"was": base, "none": list(seen)}))


shared = st.frozensets(st.sampled_from(NAMES))


@given(cells, cells, cells, shared, shared)
def test_what_a_base_is_known_to_lack_is_what_comparing_finds(
    seen: dict[str, Cell], written: dict[str, Cell], held: dict[str, Cell], none: frozenset[str], own: frozenset[str]
) -> None:
    columns = {**dict.fromkeys(Row._fields), "kind": "contact", "remote_id": "1", "seen": dumps(seen)}
    link = decode(Row(**{**columns, "base": dumps({"was": {}, "none": sorted(none)})}))  # type: ignore[arg-type]
    pairs = [(link, link._replace(base=dict(link.base)))]
    for answer in (held, written, {**seen, **written}):
        remote = Remote("1", answer, "2", 5)
        pairs += [(confirm(n, written, remote), confirm(m, written, remote)) for n, m in pairs[:1]]
        pairs += [(observe(n, remote), observe(m, remote)) for n, m in pairs]
    for known, compared in pairs:
        assert known == compared
        assert unmerged(known, unshared=own) == unmerged(compared, unshared=own)
        text = encode_base(known.seen, known.base)
        assert decode(Row(**{**columns, "seen": dumps(known.seen), "base": text})).base == known.base  # type: ignore[arg-type]


@given(cells, cells.filter(bool), cells, shared, shared, st.sampled_from([None, '{"phone":1}']))
def test_the_usual_end_of_an_update_is_what_the_long_way_comes_to(
    seen: dict[str, Cell],
    written: dict[str, Cell],
    held: dict[str, Cell],
    none: frozenset[str],
    own: frozenset[str],
    stamps: str | None,
) -> None:
    assume(written)  # an update of nothing is never sent
    none &= seen.keys()
    base = dumps({"was": {}, "none": sorted(none)}) if none else "{}"
    columns = {**dict.fromkeys(Row._fields), "kind": "contact", "remote_id": "1", "seen": dumps(seen), "base": base}
    link = decode(Row(**{**columns, "times": stamps}))  # type: ignore[arg-type]
    usual = 0
    for answer in (held, written, {**seen, **written}):
        after = confirm(link, written, Remote("1", answer, "2", 5))
        found = as_sent(link, written, answer, own)
        if found is not None:
            usual += 1
            assert encode(after) == (*encoded(found, link.base), None, None)
            assert (after.version == "2") == (len(answer) == len(found))
            assert not unmerged(after, unshared=own)
    assert usual >= 2 or stamps or not none <= own or not none.isdisjoint(written)


@given(json_cells, json_cells)
def test_digests_are_equal_exactly_when_cells_are(a: Cell, b: Cell) -> None:
    assert (digest(a) == digest(b)) == (dumps(_ordered(a)) == dumps(_ordered(b)))


def _ordered(cell: Cell) -> Cell:
    if isinstance(cell, dict):
        return {k: _ordered(cell[k]) for k in sorted(cell)}
    return [_ordered(c) for c in cell] if isinstance(cell, list) else cell
