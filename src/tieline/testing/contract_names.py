"""The part of the conformance suite for records that have no id of their own until a `link` gives them one. Ids: N.

Every check fails for at least one connector of `broken`.
"""

from __future__ import annotations

from tieline.model import Outcome, Write
from tieline.testing.contract_bench import Bench, Subject

ALL_NAMED = "every record has an id from the start"


class NameChecks:
    """What a provisional id must keep to."""

    def test_n1_a_link_gives_an_id(self, subject: Subject) -> None:
        """N1: the `link` of a provisional remote gives it an id, which the outcome tells, with the old one as alias."""
        bench = Bench(subject, "N1")
        for stream in bench.streams(ALL_NAMED, lambda f: f.provisional):
            shown = subject.typed(stream, bench.fields(stream))
            before = bench.now(stream, shown)
            listed = {r.id: r.provisional for r in bench.listed(stream)}
            marked = before.provisional and listed.get(shown, False)
            bench.expect(stream, marked, f"{shown} has no id of its own, and does not say so")
            outcome = bench.write(stream, "link", {}, shown, before.version)
            bench.expect(stream, outcome.status == "ok", f"the link was answered {outcome}")
            id = bench.id_of(stream, outcome)
            told = outcome.remote is None or shown in outcome.remote.aliases or id == shown
            bench.expect(stream, told, f"the outcome does not name {shown} among the aliases: {outcome.remote}")
            after = bench.now(stream, id)
            bench.expect(stream, not after.provisional, f"{id} is still called provisional")
            bench.expect(stream, after.fields == before.fields, "the link changed what the record holds")
            bench.expect(stream, id == shown or not bench.read(stream, [shown]), f"{shown} can still be read")

    def test_n2_who_was_touched_is_not_found(self, subject: Subject) -> None:
        """N2: a provisional id that somebody's edit has ended leads nowhere, or to the record as it is now."""
        bench = Bench(subject, "N2")
        for stream in bench.streams(ALL_NAMED, lambda f: f.provisional):
            field = bench.editable(stream)[0]
            shown = subject.typed(stream, bench.fields(stream))
            before = bench.now(stream, shown)
            made = next(r for r in bench.listed(stream) if r.id == shown)
            bench.outside.edit(stream, shown, {field: bench.fields(stream)[field]})
            found = bench.read(stream, [shown]).get(shown)
            stale = found is not None and found.fields == before.fields
            bench.expect(stream, not stale, f"{shown} shows what is there no more: {made.fields}")
            if found is None:
                write = Write("link", bench.hub_id(), {}, shown, before.version)
                (outcome,) = bench.write_all(stream, [write])
                fit = outcome.status in ("gone", "conflict", "rejected") and not _named(outcome)
                bench.expect(stream, fit, f"the link of {shown}, which is not there, was answered {outcome}")


def _named(outcome: Outcome) -> bool:
    return outcome.remote is not None and not outcome.remote.gone
