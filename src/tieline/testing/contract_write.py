"""The writing half of the conformance suite. Ids: W writing, E echo, B blanks, F references.

Every check fails for at least one connector of `broken`.
"""

from __future__ import annotations

from tieline.model import Fields, Write
from tieline.records import Cell
from tieline.testing.contract_bench import Bench, Subject

AWKWARD = (
    "Zoë O’Hara-Łukasz",
    "'quoted' \"twice\", and; a comma",
    "=1+1",
    "'=1+1",
    "-5",
    "two\nlines",
    "<b>&amp;</b> 100%",
    "漢字 🙂",
    "007",
)
"""Texts that some way of writing spoils."""
UNTIDY = "  Zoë \t O’Hara "
"""A text that many systems tidy: what was sent is not what is there then."""


def _same(wanted: Fields, found: Fields) -> list[str]:
    return [f for f, v in wanted.items() if found.get(f, "absent") != v]


def _changes(bench: Bench, stream: str, field: str) -> list[Fields]:
    """Updates to judge an answer by: a value that is kept as it is, and a text that may not be."""
    text = bench.plain_text(stream)
    return [{field: bench.fields(stream)[field]}, *([{text: UNTIDY}] if text is not None else [])]


class WriteChecks:
    """What `write` and `find` must keep to."""

    def test_w1_create_makes_one_record(self, subject: Subject) -> None:
        """W1: a create makes one record that holds what was sent, and says its id."""
        bench = Bench(subject, "W1")
        for stream in bench.streams():
            before = bench.outside.count(stream)
            fields = bench.fields(stream)
            id = bench.made(stream, fields)
            bench.expect(stream, bench.outside.count(stream) == before + 1, "outside there is not one record more")
            wrong = _same(fields, bench.now(stream, id).fields)
            bench.expect(stream, not wrong, f"the new record does not hold what was sent: {wrong}")

    def test_w2_update_writes_only_what_is_given(self, subject: Subject) -> None:
        """W2: an update leaves alone what it does not name, also what a person changed since the last read."""
        bench = Bench(subject, "W2")
        for stream in bench.streams():
            id, values = bench.person(stream), bench.fields(stream)
            mine, theirs = bench.editable(stream)[:2]
            expected = {**bench.now(stream, id).fields, mine: values[mine], theirs: values[theirs]}
            bench.outside.edit(stream, id, {theirs: values[theirs]})
            outcome = bench.write(stream, "update", {mine: values[mine]}, id)
            bench.expect(stream, outcome.status == "ok", f"the update was answered {outcome}")
            wrong = _same(expected, bench.now(stream, id).fields)
            bench.expect(stream, not wrong, f"an update of {mine} alone left others different: {wrong}")

    def test_w3_archive_removes_one_record(self, subject: Subject) -> None:
        """W3: an archive removes the record, a second one no other; without `archives` it is refused."""
        bench = Bench(subject, "W3")
        for stream in bench.streams():
            id, before = bench.person(stream), bench.outside.count(stream)
            outcome = bench.write(stream, "archive", {}, id)
            if not bench.facts(stream).archives:
                bench.expect(stream, outcome.status == "rejected", f"the facts deny archives, yet: {outcome}")
                bench.expect(stream, bench.outside.count(stream) == before, "a refused archive removed something")
                continue
            bench.expect(stream, outcome.status == "ok", f"the archive was answered {outcome}")
            bench.expect(stream, bench.outside.count(stream) == before - 1, "outside there is not one record less")
            bench.expect(stream, id not in {r.id for r in bench.listed(stream)}, "it is still listed")
            again = bench.write(stream, "archive", {}, id)  # some systems take it twice without a word
            bench.expect(stream, again.status in ("gone", "ok"), f"a second archive was answered {again}")
            bench.expect(stream, bench.outside.count(stream) == before - 1, "a second archive removed another record")

    def test_w4_outcomes_come_in_the_order_of_the_writes(self, subject: Subject) -> None:
        """W4: the n-th outcome speaks of the n-th write."""
        bench = Bench(subject, "W4")
        for stream in bench.streams():
            writes = [Write("create", bench.hub_id(), bench.fields(stream)) for _ in range(3)]
            ids = [bench.id_of(stream, o) for o in bench.write_all(stream, writes)]
            found = bench.read(stream, ids)
            for write, id in zip(writes, ids, strict=True):
                wrong = _same(write.fields, found[id].fields)
                bench.expect(stream, not wrong, f"{id} is named for a write whose {wrong} it does not hold")

    def test_w5_one_bad_item_leaves_the_others_alone(self, subject: Subject) -> None:
        """W5: in a batch with one bad item that item alone has a problem, of the bad field, and the rest is done."""
        bench = Bench(subject, "W5")
        poisons = {s: bench.poison(s) for s in subject.streams}
        for stream in bench.streams(
            "no schema names a value that is refused", lambda f: poisons.get(f.name) is not None
        ):
            name, bad = poisons[stream] or ("", {})
            before = bench.outside.count(stream)
            sent = [bench.fields(stream), bad, bench.fields(stream)]
            outcomes = bench.write_all(stream, [Write("create", bench.hub_id(), fields) for fields in sent])
            fine = [o.status == "ok" and not o.problems for o in (outcomes[0], outcomes[2])]
            bench.expect(stream, all(fine), f"beside a bad {name} good writes were answered {outcomes}")
            fields = [p.field for p in outcomes[1].problems]
            bench.expect(stream, name in fields, f"a bad {name} was answered {outcomes[1]}")
            bench.expect(stream, outcomes[1].status in ("ok", "rejected"), f"a bad {name} was answered {outcomes[1]}")
            made = bench.outside.count(stream) - before
            wanted = 2 + (outcomes[1].status == "ok")
            bench.expect(stream, made == wanted, f"the outcomes speak of {wanted} new records, outside are {made}")

    def test_w6_a_full_batch_is_taken(self, subject: Subject) -> None:
        """W6: as many writes as the facts allow are done in one call, none of them dropped."""
        bench = Bench(subject, "W6")
        for stream in bench.streams():
            size, before = bench.facts(stream).batch, bench.outside.count(stream)
            outcomes = bench.write_all(
                stream, [Write("create", bench.hub_id(), bench.fields(stream)) for _ in range(size)]
            )
            bad = [o for o in outcomes if o.status != "ok"]
            bench.expect(stream, not bad, f"of {size} writes {len(bad)} failed: {bad[:1]}")
            bench.expect(stream, bench.outside.count(stream) == before + size, f"outside there are not {size} more")

    def test_w7_a_create_carries_the_hub_id(self, subject: Subject) -> None:
        """W7: a created record carries the hub id, in the answer, in `read` and in `find`."""
        bench = Bench(subject, "W7")
        stamped = {s for s in subject.streams if subject.connector.schema(s).stamps}
        for stream in bench.streams("there is no field for the hub id", lambda f: f.name in stamped):
            hub_id = bench.hub_id()
            (outcome,) = bench.write_all(stream, [Write("create", hub_id, bench.fields(stream))])
            id = bench.id_of(stream, outcome)
            bench.expect(stream, bench.now(stream, id).hub_id == hub_id, "`read` does not show the hub id")
            subject.settle()
            found = [(r.id, r.hub_id) for r in subject.connector.find(stream, [hub_id])]
            bench.expect(stream, found == [(id, hub_id)], f"`find` gives {found}, not {id}")

    def test_w8_find_gives_exactly_who_is_asked_for(self, subject: Subject) -> None:
        """W8: `find` gives the carriers of the hub ids asked for, and nobody for one that nobody carries."""
        bench = Bench(subject, "W8")
        stamped = {s for s in subject.streams if subject.connector.schema(s).stamps}
        for stream in bench.streams("there is no field for the hub id", lambda f: f.name in stamped):
            writes = [Write("create", bench.hub_id(), bench.fields(stream)) for _ in range(3)]
            bench.write_all(stream, writes)
            subject.settle()
            asked = [writes[0].hub_id, bench.hub_id(), writes[2].hub_id]
            found = sorted(str(r.hub_id) for r in subject.connector.find(stream, asked))
            bench.expect(stream, found == sorted([asked[0], asked[2]]), f"asked for two carriers, it gives {found}")

    def test_w9_a_second_create_with_a_hub_id_exists(self, subject: Subject) -> None:
        """W9: where hub ids are unique, a second create with one is `exists`, and changes nothing."""
        bench = Bench(subject, "W9")
        for stream in bench.streams("no stream declares unique hub ids", lambda f: f.unique_hub_id):
            hub_id = bench.hub_id()
            (outcome,) = bench.write_all(stream, [Write("create", hub_id, bench.fields(stream))])
            id = bench.id_of(stream, outcome)
            before, state = bench.outside.count(stream), bench.now(stream, id)
            (again,) = bench.write_all(stream, [Write("create", hub_id, bench.fields(stream))])
            bench.expect(stream, again.status == "exists", f"the second create was answered {again}")
            bench.expect(stream, again.remote_id in (None, id), f"it names {again.remote_id}, not {id}")
            same = bench.outside.count(stream) == before and bench.now(stream, id) == state
            bench.expect(stream, same, "the second create changed something")

    def test_w10_link_stamps_an_existing_record(self, subject: Subject) -> None:
        """W10: a `link` puts the hub id on a record that was there, and changes no field of it."""
        bench = Bench(subject, "W10")
        stamped = {s for s in subject.streams if subject.connector.schema(s).stamps}
        for stream in bench.streams("there is no field for the hub id", lambda f: f.name in stamped):
            id, hub_id = bench.person(stream), bench.hub_id()
            before = bench.now(stream, id)
            (outcome,) = bench.write_all(stream, [Write("link", hub_id, {}, id)])
            bench.expect(stream, outcome.status == "ok", f"the link was answered {outcome}")
            after = bench.now(stream, id)
            bench.expect(stream, after.hub_id == hub_id, f"the record carries {after.hub_id}")
            bench.expect(stream, after.fields == before.fields, "the link changed fields")

    def test_w11_a_deleted_record_is_gone(self, subject: Subject) -> None:
        """W11: an update of a deleted record is `gone`, and brings nothing back."""
        bench = Bench(subject, "W11")
        for stream in bench.streams():
            id = bench.person(stream)
            bench.outside.delete(stream, id)
            before, field = bench.outside.count(stream), bench.editable(stream)[0]
            outcome = bench.write(stream, "update", {field: bench.fields(stream)[field]}, id)
            bench.expect(stream, outcome.status == "gone", f"the update was answered {outcome}")
            bench.expect(stream, bench.outside.count(stream) == before, "the update brought a record back")

    def test_w12_mixed_batches_are_done(self, subject: Subject) -> None:
        """W12: where the facts say `mixed`, creates, updates and archives in one call are each done and answered."""
        bench = Bench(subject, "W12")
        for stream in bench.streams("no stream takes mixed batches", lambda f: f.mixed and f.archives):
            one, two = bench.people(stream, 2)
            field, before = bench.editable(stream)[0], bench.outside.count(stream)
            value = bench.fields(stream)[field]
            writes = [
                Write("archive", bench.hub_id(), {}, two),
                Write("create", bench.hub_id(), bench.fields(stream)),
                Write("update", bench.hub_id(), {field: value}, one),
            ]
            outcomes = bench.write_all(stream, writes)
            found = [o.status for o in outcomes]
            bench.expect(stream, found == ["ok", "ok", "ok"], f"a mixed batch gives {found}")
            ids = [bench.id_of(stream, o) for o in outcomes[1:]]
            bench.expect(stream, ids[1] == one and ids[0] not in (one, two), f"the outcomes name {ids}")
            bench.expect(stream, bench.outside.count(stream) == before, "one more and one less should be as many")
            bench.expect(stream, bench.now(stream, one).fields[field] == value, "the update was not done")


class EchoChecks:
    """What was written must be read back as nothing new."""

    def test_e1_the_answer_is_what_is_there(self, subject: Subject) -> None:
        """E1: what the remote in an `ok` outcome says is what `read` then says, version included."""
        bench = Bench(subject, "E1")
        for stream in bench.streams("no stream answers the state", lambda f: f.answers_state):
            created = bench.write(stream, "create", bench.fields(stream))
            id, field = bench.id_of(stream, created), bench.editable(stream)[0]
            there = bench.now(stream, id)
            answers = [("create", created, there)]
            for change in _changes(bench, stream, field):
                updated = bench.write(stream, "update", change, id)
                if updated.status == "ok" or UNTIDY not in change.values():  # which a system may well refuse
                    answers.append(("update", updated, bench.now(stream, id)))
            for op, answer, state in answers:
                if answer.remote is None:
                    raise AssertionError(f"E1 {stream}: the {op} is not answered with the state: {answer}")
                wrong = _same(answer.remote.fields, state.fields)
                bench.expect(stream, not wrong, f"the {op} answers other values than are there: {wrong}")
                same = answer.remote.version == state.version and answer.remote.hub_id in (None, state.hub_id)
                bench.expect(stream, same, f"the {op} answers another version or hub id than is there")

    def test_e2_writing_what_is_there_changes_nothing(self, subject: Subject) -> None:
        """E2: an update with the values just read leaves every field as it was."""
        bench = Bench(subject, "E2")
        for stream in bench.streams():
            id = bench.person(stream)
            before = bench.now(stream, id).fields
            fields = {f: before[f] for f in bench.editable(stream)}
            outcome = bench.write(stream, "update", fields, id)
            bench.expect(stream, outcome.status == "ok", f"writing what was read was answered {outcome}")
            wrong = _same(before, bench.now(stream, id).fields)
            bench.expect(stream, not wrong, f"writing what was read changed {wrong}")

    def test_e3_awkward_texts_settle_at_once(self, subject: Subject) -> None:
        """E3: any text comes back as written or in a form that, written, comes back the same."""
        bench = Bench(subject, "E3")
        texts = {s: bench.plain_text(s) for s in subject.streams}
        for stream in bench.streams("no sample has a free text", lambda f: texts.get(f.name) is not None):
            id, field = bench.person(stream), str(texts[stream])
            for text in AWKWARD:
                if bench.write(stream, "update", {field: text}, id).status != "ok":
                    continue
                first: Cell = bench.now(stream, id).fields[field]
                bench.write(stream, "update", {field: first}, id)
                second = bench.now(stream, id).fields[field]
                bench.expect(stream, first == second, f"{text!r} is read as {first!r}, which, written, is {second!r}")
                bench.expect(stream, first is not None, f"{text!r} was answered ok and is read as blank")


class BlankChecks:
    """Absent, null and a value are three things."""

    def test_b1_null_clears(self, subject: Subject) -> None:
        """B1: null clears each field that the schema lets be cleared, and that field alone."""
        bench = Bench(subject, "B1")
        for stream in bench.streams():
            schema = bench.schema(stream)
            for field in [f for f in bench.editable(stream) if schema[f].clear and not schema[f].required]:
                id = bench.person(stream)
                expected = {**bench.now(stream, id).fields, field: None}
                outcome = bench.write(stream, "update", {field: None}, id)
                bench.expect(stream, outcome.status == "ok", f"clearing {field} was answered {outcome}")
                wrong = _same(expected, bench.now(stream, id).fields)
                bench.expect(stream, not wrong, f"after clearing {field}, these are not as expected: {wrong}")

    def test_b2_a_blank_is_never_made_up(self, subject: Subject) -> None:
        """B2: null for a field that cannot be cleared is refused by name, and the value stays."""
        bench = Bench(subject, "B2")
        stuck = {s: [f for f in bench.editable(s) if not bench.schema(s)[f].clear] for s in subject.streams}
        for stream in bench.streams("every field can be cleared", lambda f: bool(stuck.get(f.name))):
            for field in stuck[stream]:
                id = bench.person(stream)
                before = bench.now(stream, id).fields[field]
                outcome = bench.write(stream, "update", {field: None}, id)
                named = [p.field for p in outcome.problems]
                bench.expect(stream, field in named, f"clearing {field} was answered {outcome}")
                after = bench.now(stream, id).fields[field]
                bench.expect(stream, after == before, f"clearing {field}, which cannot be, made it {after!r}")


class ReferenceChecks:
    """References are remote ids of the same system."""

    def test_f1_a_reference_round_trips(self, subject: Subject) -> None:
        """F1: a reference written in a create or update is read as the same remote id."""
        bench = Bench(subject, "F1")
        fields = {s: bench.references(s, many=False) for s in subject.streams}
        for stream in bench.streams("no stream has references", lambda f: bool(fields.get(f.name))):
            for field, home in fields[stream]:
                one, two = bench.people(home, 2)
                id = bench.made(stream, {**bench.fields(stream), field: one})
                found = bench.now(stream, id).fields.get(field)
                bench.expect(stream, found == one, f"{field} was created as {one} and is read as {found}")
                bench.write(stream, "update", {field: two}, id)
                found = bench.now(stream, id).fields.get(field)
                bench.expect(stream, found == two, f"{field} was changed to {two} and is read as {found}")
                if bench.schema(stream)[field].clear:
                    bench.write(stream, "update", {field: None}, id)
                    found = bench.now(stream, id).fields.get(field)
                    bench.expect(stream, found is None, f"{field} was cleared and is read as {found}")

    def test_f2_a_list_of_references_is_the_whole_list(self, subject: Subject) -> None:
        """F2: a written list of references replaces the one that was there."""
        bench = Bench(subject, "F2")
        fields = {s: bench.references(s, many=True) for s in subject.streams}
        for stream in bench.streams("no stream has lists of references", lambda f: bool(fields.get(f.name))):
            for field, home in fields[stream]:
                people = bench.people(home, 3)
                id = bench.person(stream)
                for wanted in (people[:2], people[1:], people[:1]):
                    rows = [{"id": i, "role": None, "primary": False} for i in sorted(wanted)]
                    outcome = bench.write(stream, "update", {field: rows}, id)
                    bench.expect(stream, outcome.status == "ok", f"{field} of {wanted} was answered {outcome}")
                    found = sorted(row["id"] for row in bench.now(stream, id).fields.get(field) or [])
                    bench.expect(stream, found == sorted(wanted), f"{field} was set to {wanted} and holds {found}")

    def test_f3_a_reference_to_nobody_is_refused(self, subject: Subject) -> None:
        """F3: a reference to an id that no record has is a problem of its field, never silently dropped."""
        bench = Bench(subject, "F3")
        fields = {s: bench.references(s, many=False) for s in subject.streams}
        for stream in bench.streams("no stream has references", lambda f: bool(fields.get(f.name))):
            field = fields[stream][0][0]
            outcome = bench.write(stream, "update", {field: subject.unknown_id}, bench.person(stream))
            named = [p.field for p in outcome.problems]
            bench.expect(stream, field in named, f"{field} of an unknown id was answered {outcome}")
