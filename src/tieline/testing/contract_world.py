"""The rest of the conformance suite: what people do, what fails, what is declared.

Ids: M merges, L limits, U unknown outcomes, S schema, P purity, D declared facts, K secrets. Every check fails for at
least one connector of `broken`.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tieline.errors import NotAuthorised, RateLimited, Transient, Unavailable
from tieline.model import Fields, Write
from tieline.testing.contract_bench import Bench, Subject


def _caught(call: Callable[[], Any]) -> Exception | None:
    try:
        call()
    except Exception as error:  # what a connector raises is what is examined
        return error
    return None


class MergeChecks:
    """A person merged two records: nothing was deleted, an id moved."""

    def test_m1_a_merged_id_leads_to_the_winner(self, subject: Subject) -> None:
        """M1: `read` of the loser's id gives the winner, or says `gone` and into whom it was merged."""
        bench = Bench(subject, "M1")
        for stream in bench.streams():
            winner, loser = bench.people(stream, 2)
            bench.outside.merge(stream, winner, loser)
            remotes = subject.connector.read(stream, [loser], None)
            led = [
                r for r in remotes if (r.id == winner and loser in r.aliases) or (r.gone and r.merged_into == winner)
            ]
            bench.expect(stream, len(led) == 1, f"the merged id {loser} is answered with {[*remotes]}")

    def test_m2_a_merge_is_told(self, subject: Subject) -> None:
        """M2: after a merge `changes`, or `sweep` or `list`, says which id answers for which."""
        bench = Bench(subject, "M2")
        for stream in bench.streams():
            winner, loser = bench.people(stream, 2)
            bench.outside.merge(stream, winner, loser)
            subject.settle()
            remotes = [*bench.feed(stream), *bench.swept(stream), *bench.listed(stream)]
            told = any(
                (r.id == winner and loser in r.aliases) or (r.id == loser and r.merged_into == winner) for r in remotes
            )
            bench.expect(stream, told, f"nothing tells that {loser} was merged into {winner}")

    def test_m3_a_conversion_is_told(self, subject: Subject) -> None:
        """M3: `read`, and `changes` or `sweep`, say who a converted record became, and where; `list` leaves it out."""
        bench = Bench(subject, "M3")
        for stream in bench.streams("no stream's records become another's", lambda facts: bool(facts.becomes)):
            home, old, other = bench.facts(stream).becomes, *bench.people(stream, 2)
            new = subject.convert(stream, old)
            subject.settle()
            feeds = {r.id: r for r in [*bench.feed(stream), *bench.swept(stream)]}
            for found in (bench.read(stream, [old]), feeds):
                told = found.get(old)
                held = told is not None and (told.gone, told.merged_into, told.moved_to) == (True, new, home)
                bench.expect(stream, held, f"{old} became {new} of {home}, and is answered with {told}")
            alive = {r.id for r in bench.listed(stream) if not r.gone}
            bench.expect(
                stream, alive == {other}, f"`list` names {sorted(alive)} after a conversion, not {other} alone"
            )
            bench.expect(home, new in bench.read(home, [new]), f"{new}, which {old} became, is not there")


class FailureChecks:
    """Limits and lost answers: raise, repeat nothing, make nothing up."""

    def test_l1_a_throttled_write_applies_nothing(self, subject: Subject) -> None:
        """L1: a write that the system throttles raises RateLimited, or answers `throttled`, and nothing was applied."""
        bench = Bench(subject, "L1")
        for stream in bench.streams():
            before, fields = bench.outside.count(stream), bench.fields(stream)
            with subject.fault("throttle"):
                try:
                    statuses = {bench.write(stream, "create", fields).status}
                except RateLimited:
                    statuses = {"throttled"}
            bench.expect(stream, statuses == {"throttled"}, f"a throttled create was answered {statuses}")
            bench.expect(stream, bench.outside.count(stream) == before, "a throttled create was applied")

    def test_l2_a_throttled_read_is_no_answer(self, subject: Subject) -> None:
        """L2: a read that the system throttles raises RateLimited; it is not an empty page."""
        bench = Bench(subject, "L2")
        connector = subject.connector
        for stream in bench.streams():
            id = bench.person(stream)
            with subject.fault("throttle"):
                for name, call in _reads(bench, stream, id).items():
                    error = _caught(call)
                    bench.expect(stream, isinstance(error, RateLimited), f"a throttled `{name}` gives {error!r}")
            bench.expect(stream, connector.list(stream, None).remotes != [], "after the throttling nothing is listed")

    def test_u1_a_lost_answer_is_not_repeated(self, subject: Subject) -> None:
        """U1: when the answer to a write is lost, Unavailable says `sent`, and the write was made at most once."""
        bench = Bench(subject, "U1")
        for stream in bench.streams():
            for fault in ("lost_before", "lost_after"):
                before, fields = bench.outside.count(stream), bench.fields(stream)
                with subject.fault(fault):
                    error, status = None, ""
                    try:
                        status = bench.write(stream, "create", fields).status
                    except Unavailable as raised:
                        error = raised
                honest = status == "unknown" or (error is not None and error.sent)
                bench.expect(stream, honest, f"{fault}: a create without an answer gives {error!r} {status}")
                made = bench.outside.count(stream) - before
                bench.expect(stream, made <= 1, f"{fault}: one create made {made} records")

    def test_u2_a_lost_create_is_found_again(self, subject: Subject) -> None:
        """U2: a create whose answer was lost carries the hub id already: after `quiet_ms`, `find` gives it."""
        bench = Bench(subject, "U2")
        stamped = {s for s in subject.streams if subject.connector.schema(s).stamps}
        for stream in bench.streams("there is no field for the hub id", lambda f: f.name in stamped):
            write = Write("create", bench.hub_id(), bench.fields(stream))
            with subject.fault("lost_after"):
                _caught(partial(subject.connector.write, stream, [write]))
            subject.settle()
            found = [*subject.connector.find(stream, [write.hub_id])]
            bench.expect(stream, len(found) == 1, f"the create was applied; `find` gives {found}")

    def test_u3_a_failed_read_is_no_answer(self, subject: Subject) -> None:
        """U3: a read that fails raises Unavailable; it is neither an empty page nor a record that is not there."""
        bench = Bench(subject, "U3")
        for stream in bench.streams():
            id = bench.person(stream)
            for fault in ("refused", "lost_before"):
                with subject.fault(fault):
                    for name, call in _reads(bench, stream, id).items():
                        error = _caught(call)
                        bench.expect(stream, isinstance(error, Unavailable), f"{fault}: `{name}` gives {error!r}")


def _without(fields: Fields, field: str) -> dict[str, Any]:
    return {f: v for f, v in fields.items() if f != field}


def _reads(bench: Bench, stream: str, id: str) -> dict[str, Callable[[], Any]]:
    connector = bench.connector
    calls: dict[str, Callable[[], Any]] = {
        "list": lambda: connector.list(stream, None),
        "changes": lambda: connector.changes(stream, bench.whole(stream), None),
        "read": lambda: connector.read(stream, [id], None),
    }
    if connector.facts.stream(stream).sweep:
        calls["sweep"] = lambda: connector.sweep(stream, None)
    return calls


class SchemaChecks:
    """What the schema says of a field is what happens to it."""

    def test_s1_the_fingerprint_is_stable(self, subject: Subject) -> None:
        """S1: two schemas of one stream are equal while nobody changes the system, fingerprint included."""
        bench = Bench(subject, "S1")
        for stream in bench.streams():
            one, two = subject.connector.schema(stream), subject.connector.schema(stream)
            bench.expect(stream, bool(one.fingerprint), "there is no fingerprint")
            bench.expect(stream, one == two, "two schemas differ although nothing changed")

    def test_s2_writable_means_writable(self, subject: Subject) -> None:
        """S2: a field that may be written takes a new value; one that may not stays, and no answer says otherwise."""
        bench = Bench(subject, "S2")
        for stream in bench.streams():
            for field, facts in bench.schema(stream).items():
                value = bench.fields(stream).get(field) if facts.write else bench.guess(stream, field)
                if value is None:
                    continue
                id = bench.person(stream)
                before = bench.now(stream, id).fields.get(field)
                outcome = bench.write(stream, "update", {field: value}, id)
                after = bench.now(stream, id).fields.get(field)
                if facts.write:
                    done = outcome.status == "ok" and after == value
                    bench.expect(stream, done, f"writing {field} was answered {outcome}, and it is {after!r}")
                else:
                    claimed = outcome.remote is not None and outcome.remote.fields.get(field) == value != before
                    named = field in {p.field for p in outcome.problems}
                    bench.expect(stream, named or not claimed, f"{field} is read only, yet writing it gives {outcome}")
                    bench.expect(stream, after == before, f"{field} is read only and changed to {after!r}")

    def test_s3_required_means_required(self, subject: Subject) -> None:
        """S3: exactly the fields that the schema calls required are missed by a create; it names them."""
        bench = Bench(subject, "S3")
        for stream in bench.streams():
            schema, before = bench.schema(stream), bench.outside.count(stream)
            required = {f for f, facts in schema.items() if facts.required}
            for field in sorted(required):
                outcome = bench.write(stream, "create", _without(bench.fields(stream), field))
                named = [p.field for p in outcome.problems]
                refused = outcome.status == "rejected" and field in named
                bench.expect(stream, refused, f"a create without {field} was answered {outcome}")
            bench.expect(stream, bench.outside.count(stream) == before, "a refused create made a record")
            for field in sorted(set(bench.fields(stream)) - required):
                outcome = bench.write(stream, "create", _without(bench.fields(stream), field))
                text = f"{field} is not required, yet a create without it was answered {outcome}"
                bench.expect(stream, outcome.status == "ok", text)

    def test_s4_choices_are_the_choices(self, subject: Subject) -> None:
        """S4: each choice that the schema lists is taken, and another value is refused by name."""
        bench = Bench(subject, "S4")
        lists = {
            s: {f: facts.choices for f, facts in bench.schema(s).items() if facts.choices and facts.write}
            for s in subject.streams
        }
        for stream in bench.streams("no field has choices", lambda f: bool(lists.get(f.name))):
            id = bench.person(stream)
            for field, choices in lists[stream].items():
                for choice in choices or ():
                    outcome = bench.write(stream, "update", {field: choice}, id)
                    bench.expect(stream, outcome.status == "ok", f"{field} = {choice!r} was answered {outcome}")
                outcome = bench.write(stream, "update", {field: "no such option"}, id)
                named = [p.field for p in outcome.problems]
                bench.expect(stream, field in named, f"{field} = 'no such option' was answered {outcome}")


class PurityChecks:
    """Planning must be free: looking changes nothing."""

    def test_p1_looking_changes_nothing(self, subject: Subject) -> None:
        """P1: list, changes, sweep, read, find, schema and check leave the system exactly as it was."""
        bench = Bench(subject, "P1")
        streams = bench.streams()
        ids = {s: bench.person(s) for s in streams}
        subject.settle()
        before = bench.outside.state()
        for stream in streams:
            bench.listed(stream)
            bench.feed(stream)
            bench.swept(stream)
            bench.read(stream, [ids[stream]])
            subject.connector.find(stream, [bench.hub_id()])
            subject.connector.schema(stream)
        [*subject.connector.check()]
        bench.expect("all streams", bench.outside.state() == before, "looking at the system changed it")


class FactChecks:
    """What the facts declare is what happens."""

    def test_d1_tombstones_are_in_changes(self, subject: Subject) -> None:
        """D1: where the facts say `tombstones`, a record that a person deleted is `gone` in `changes`."""
        bench = Bench(subject, "D1")
        for stream in bench.streams("no stream declares tombstones", lambda f: f.tombstones):
            id = bench.person(stream)
            since = bench.now(stream, id).modified
            subject.settle()
            bench.outside.delete(stream, id)
            subject.settle()
            gone = {r.id for r in bench.feed(stream, since) if r.gone}
            bench.expect(stream, id in gone, f"{id} was deleted; gone in `changes`: {sorted(gone)}")

    def test_d2_a_sweep_lists_the_deleted(self, subject: Subject) -> None:
        """D2: where the facts say `sweep`, it lists every record that a person deleted, as `gone`, and no other."""
        bench = Bench(subject, "D2")
        for stream in bench.streams("no stream declares a sweep", lambda f: f.sweep):
            people = bench.people(stream)
            for id in people[1:]:
                bench.outside.delete(stream, id)
            subject.settle()
            swept = {r.id: r.gone for r in bench.swept(stream)}
            bench.expect(stream, all(swept.values()), "the sweep lists a record that is not `gone`")
            bench.expect(stream, set(people[1:]) <= set(swept), f"not swept: {sorted(set(people[1:]) - set(swept))}")
            bench.expect(stream, people[0] not in swept, "the sweep lists a living record")

    def test_d3_conditional_writes_refuse_an_old_version(self, subject: Subject) -> None:
        """D3: where the facts say `conditional`, an update with an old version is `conflict` and changes nothing."""
        bench = Bench(subject, "D3")
        for stream in bench.streams("no stream declares conditional writes", lambda f: f.conditional):
            id = bench.person(stream)
            old = bench.now(stream, id)
            mine, theirs = bench.editable(stream)[:2]
            bench.outside.edit(stream, id, {theirs: bench.fields(stream)[theirs]})
            state = bench.now(stream, id)
            value = bench.fields(stream)[mine]
            outcome = bench.write(stream, "update", {mine: value}, id, old.version)
            bench.expect(stream, outcome.status == "conflict", f"an update of an old version was answered {outcome}")
            bench.expect(stream, bench.now(stream, id) == state, "a refused update changed something")
            outcome = bench.write(stream, "update", {mine: value}, id, state.version)
            bench.expect(stream, outcome.status == "ok", f"an update of the newest version was answered {outcome}")

    def test_d4_a_deleted_record_is_not_listed(self, subject: Subject) -> None:
        """D4: `list` holds the living only, so that absence from it can be evidence."""
        bench = Bench(subject, "D4")
        for stream in bench.streams():
            one, two = bench.people(stream, 2)
            bench.outside.delete(stream, one)
            listed = {r.id for r in bench.listed(stream) if not r.gone}
            bench.expect(stream, one not in listed and two in listed, f"of {one} (deleted) and {two}: {sorted(listed)}")

    def test_d5_a_strong_read_is_strong(self, subject: Subject) -> None:
        """D5: where the facts say `strong_read`, `read` shows an edit and a new record at once."""
        bench = Bench(subject, "D5")
        for stream in bench.streams("no stream declares strong reads", lambda f: f.strong_read):
            id, field = bench.person(stream), bench.editable(stream)[0]
            subject.settle()
            bench.now(stream, id)
            value = bench.fields(stream)[field]
            bench.outside.edit(stream, id, {field: value})
            found = bench.now(stream, id).fields[field]
            bench.expect(stream, found == value, f"{field} was edited to {value!r} and is read as {found!r}")

    def test_d6_what_is_no_hint_is_true(self, subject: Subject) -> None:
        """D6: where the facts do not say `hints`, `changes` never shows a state that is no more."""
        bench = Bench(subject, "D6")
        for stream in bench.streams("every stream gives hints only", lambda f: not f.hints and f.strong_read):
            id, field = bench.person(stream), bench.editable(stream)[0]
            subject.settle()
            bench.outside.edit(stream, id, {field: bench.fields(stream)[field]})
            state = bench.now(stream, id)
            shown = [r for r in bench.feed(stream) if r.id == id]
            bench.expect(stream, all(r.fields == state.fields for r in shown), f"`changes` shows an old state of {id}")

    def test_d7_the_overlap_is_long_enough(self, subject: Subject) -> None:
        """D7: once `overlap_ms` has passed, an edit is in `changes`."""
        bench = Bench(subject, "D7")
        for stream in bench.streams():
            id, field = bench.person(stream), bench.editable(stream)[0]
            subject.settle()
            bench.outside.edit(stream, id, {field: bench.fields(stream)[field]})
            state = bench.now(stream, id)
            subject.settle()
            found = [r for r in bench.feed(stream, state.modified) if r.id == id]
            shown = any(r.version == state.version for r in found)
            bench.expect(stream, shown, f"the edit of {id} is not in `changes` yet: {found}")


class SecretChecks:
    """A credential shows nowhere."""

    def test_k1_the_credential_shows_nowhere(self, subject: Subject) -> None:
        """K1: the credential is in no finding, no repr and no error that a failing system causes."""
        bench = Bench(subject, "K1")
        secret = subject.secret
        if secret is None:
            pytest.fail("K1: give the subject its `secret`, or a reason in `reasons`")
        said = [repr(subject.connector), repr(subject.connector.facts), *map(repr, subject.connector.check())]
        for stream in bench.streams():
            fields = bench.fields(stream)
            for fault in ("throttle", "refused", "lost_before"):
                with subject.fault(fault):
                    for call in (
                        partial(subject.connector.list, stream, None),
                        partial(bench.write, stream, "create", fields),
                    ):
                        error = _caught(call)
                        if error is not None:
                            known = isinstance(error, (Transient, NotAuthorised))
                            bench.expect(stream, known, f"{fault}: an error outside the promised ones: {error!r}")
                            said += [repr(error), *traceback.format_exception(error)]
        leaks = [text for text in said if secret in text]
        bench.expect("all streams", not leaks, f"the credential shows in {len(leaks)} places")
