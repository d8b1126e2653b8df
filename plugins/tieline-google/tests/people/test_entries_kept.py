"""Whatever is written to a list: it is read back as written, and no other entry is lost."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tieline_google.people.entries import Clash, changed, is_address, plan_of, row_of

TYPES = st.sampled_from([None, "home", "work", "mobile", "Fax 2"])
ADDRESSES = st.sampled_from(["a@x.example", "A@x.example", "b@x.example", "c@y.example", "mei at line", "?"])
GOOD = st.sampled_from(["a@x.example", "b@x.example", "d@z.example", "B@x.example"])


@st.composite
def lists(draw: Any, values: Any) -> list[dict[str, Any]]:
    """A list as Google words it: exactly one entry is marked."""
    entries = draw(st.lists(st.tuples(TYPES, values), max_size=5))
    main = draw(st.integers(0, max(0, len(entries) - 1)))
    return [
        {**({"type": t} if t else {}), "value": v, "metadata": {"primary": True} if n == main else {}}
        for n, (t, v) in enumerate(entries)
    ]


def marked(entries: Any) -> list[Any]:
    """What Google makes of what was sent: the marked entry, or else the first, is the main one."""
    at = next((n for n, e in enumerate(entries) if e.get("metadata", {}).get("sourcePrimary")), 0)
    return [{**e, "metadata": {"primary": True} if n == at else {}} for n, e in enumerate(entries)]


@given(
    lists(st.sampled_from(["1", "2", "3"])),
    st.dictionaries(st.sampled_from(["work", "mobile", "home"]), st.sampled_from(["7", "8", None]), min_size=1),
)
def test_numbers_are_read_as_written_and_all_others_are_kept(entries: Any, wanted: Any) -> None:
    person, plan = {"phoneNumbers": entries}, plan_of([f"phoneNumbers.{t}" for t in ("work", "mobile", "home")])
    before = row_of(person, plan)
    try:
        after = {"phoneNumbers": marked(changed(person, "phoneNumbers", wanted))}
    except Clash:
        assert None in wanted.values()
        return
    assert row_of(after, plan) == {**before, **{f"phoneNumbers.{t}": v for t, v in wanted.items()}}
    kept = Counter((e.get("type"), e["value"]) for e in entries) - Counter(
        (e.get("type"), e["value"]) for e in after["phoneNumbers"]
    )
    assert kept.total() <= len(wanted)


@given(
    lists(ADDRESSES),
    st.fixed_dictionaries(
        {},
        optional={"primary": st.one_of(st.none(), GOOD), "others": st.lists(GOOD, max_size=3, unique_by=str.casefold)},
    ),
)
def test_addresses_are_read_as_written_and_what_is_none_is_kept(entries: Any, wanted: Any) -> None:
    plan = plan_of(["emailAddresses.primary", "emailAddresses.others"])
    try:
        sent = changed({"emailAddresses": entries}, "emailAddresses", wanted)
    except Clash:
        return
    after = row_of({"emailAddresses": marked(sent)}, plan)
    if "primary" in wanted:
        assert after["emailAddresses.primary"] == wanted["primary"]
    first = str(after["emailAddresses.primary"] or "").casefold()
    if "others" in wanted:
        others = [v for v in after["emailAddresses.others"] or () if is_address(v)]
        assert Counter(others) == Counter(v for v in wanted["others"] if v.casefold() != first)
    odd = Counter(e["value"] for e in entries if not is_address(e["value"]))
    assert not odd - Counter(e["value"] for e in sent)
