"""The reading half of the conformance suite: pages, windows, versions, cells. Ids begin with R.

Every check fails for at least one connector of `broken`.
"""

from __future__ import annotations

from tieline.model import Page, Remote
from tieline.records import CUSTOM_PREFIX, spec_of
from tieline.testing.contract_bench import Bench, Subject

NO_TIMES = "every stream's changes go on from a token, not from a time"


def _ids(remotes: list[Remote]) -> list[str]:
    return [remote.id for remote in remotes]


class ReadChecks:
    """What `list`, `changes` and `read` must keep to."""

    def test_r1_listing_shows_every_record_once(self, subject: Subject) -> None:
        """R1: `list` gives each living record exactly once, over more than one page."""
        bench = Bench(subject, "R1")
        for stream in bench.streams():
            people = bench.people(stream)
            pages = bench.list_pages(stream)
            bench.expect(stream, len(pages) > 1, f"{len(people)} records fit on one page: raise `many`")
            found = [r.id for page in pages for r in page.remotes]
            bench.expect(stream, len(found) == len(set(found)), "a record is listed twice")
            bench.expect(stream, set(people) <= set(found), f"not listed: {sorted(set(people) - set(found))}")

    def test_r2_listing_ends(self, subject: Subject) -> None:
        """R2: following the tokens of `list` and `changes` ends, and no token comes twice."""
        bench = Bench(subject, "R2")
        for stream in bench.streams():
            bench.people(stream)
            subject.settle()
            bench.listed(stream)
            bench.feed(stream)

    def test_r3_equal_stamps_cross_a_page(self, subject: Subject) -> None:
        """R3: records of one stamp are all in `changes`, although a page ends between them."""
        bench = Bench(subject, "R3")
        for stream in bench.streams(NO_TIMES, lambda f: not f.feed):
            people = bench.people(stream)
            subject.settle()
            missing = set(people) - set(_ids(bench.feed(stream)))
            bench.expect(stream, not missing, f"not in `changes`: {sorted(missing)}")

    def test_r4_changes_come_in_order(self, subject: Subject) -> None:
        """R4: `changes` is ordered by stamp, over all pages of a query."""
        bench = Bench(subject, "R4")
        for stream in bench.streams(NO_TIMES, lambda f: not f.feed):
            people = bench.people(stream)
            subject.settle()
            field = bench.editable(stream)[0]
            for id in reversed(people):
                bench.outside.edit(stream, id, {field: bench.fields(stream)[field]})
                subject.settle()
            stamps = [r.modified for r in bench.feed(stream)]
            bench.expect(stream, stamps == sorted(stamps), f"stamps go back: {stamps}")

    def test_r5_window_is_inclusive(self, subject: Subject) -> None:
        """R5: a window that starts at a record's stamp contains the record."""
        bench = Bench(subject, "R5")
        for stream in bench.streams(NO_TIMES, lambda f: not f.feed):
            id = bench.person(stream)
            subject.settle()
            found = _ids(bench.feed(stream, bench.now(stream, id).modified))
            bench.expect(stream, id in found, "the record at the very start of the window is left out")

    def test_r6_window_leaves_out_what_is_older(self, subject: Subject) -> None:
        """R6: nothing with a stamp before the window is in it."""
        bench = Bench(subject, "R6")
        for stream in bench.streams(NO_TIMES, lambda f: not f.feed):
            old = bench.person(stream)
            subject.settle()
            since = bench.now(stream, old).modified + 1
            found = bench.feed(stream, since)
            bench.expect(stream, all(r.modified >= since for r in found), f"{old} is older than the window")

    def test_r7_tokens_can_be_used_again(self, subject: Subject) -> None:
        """R7: a token asked a second time gives the same page: no paging state is kept in the connector."""
        bench = Bench(subject, "R7")
        for stream in bench.streams():
            bench.people(stream)
            subject.settle()

            def listing(token: str | None, stream: str = stream) -> Page:
                return subject.connector.list(stream, token)

            def changes(token: str | None, stream: str = stream) -> Page:
                return subject.connector.changes(stream, bench.whole(stream), token)

            for name, ask in (("list", listing), ("changes", changes)):
                for token, page in reversed(bench.pages(stream, ask)):
                    again = ask(token)
                    same = _ids([*again.remotes]) == _ids([*page.remotes]) and (again.token is None) == (
                        page.token is None
                    )
                    bench.expect(stream, same, f"`{name}` answers token {token!r} differently the second time")

    def test_r8_every_checkpoint_can_be_read_again(self, subject: Subject) -> None:
        """R8: from each stamp, in any order of asking, `changes` gives all that is that young."""
        bench = Bench(subject, "R8")
        for stream in bench.streams(NO_TIMES, lambda f: not f.feed):
            for _ in range(3):
                bench.person(stream)
                subject.settle()
            everything = bench.feed(stream)
            for stamp in sorted({r.modified for r in everything}, reverse=True):
                wanted = {r.id for r in everything if r.modified >= stamp}
                missing = wanted - set(_ids(bench.feed(stream, stamp)))
                bench.expect(stream, not missing, f"a window from {stamp} leaves out {sorted(missing)}")

    def test_r9_one_stamp_can_be_read_by_id(self, subject: Subject) -> None:
        """R9: with `at_id`, `changes` gives exactly the records of that stamp behind that id; "" is before all."""
        bench = Bench(subject, "R9")
        for stream in bench.streams(NO_TIMES, lambda f: not f.feed):
            people = bench.people(stream)
            subject.settle()
            stamps = {r.id: r.modified for r in bench.feed(stream)}
            stamp = stamps[people[0]]
            order = _ids(bench.feed(stream, stamp, ""))
            bench.expect(
                stream, set(order) == {i for i in stamps if stamps[i] == stamp}, f"stamp {stamp} holds others: {order}"
            )
            for at in {*range(0, len(order), 1 + len(order) // 8), len(order) - 1}:
                id, rest = order[at], _ids(bench.feed(stream, stamp, order[at]))
                bench.expect(stream, rest == order[at + 1 :], f"behind {id} come {rest}, not {order[at + 1 :]}")

    def test_r10_a_cap_is_admitted(self, subject: Subject) -> None:
        """R10: `changes` gets past a result cap, or says `capped`, and narrower windows give the rest."""
        bench = Bench(subject, "R10")
        cap = subject.cap
        if cap is None:
            bench.streams("the subject names no result cap", lambda facts: False)
            return
        for stream in bench.streams(NO_TIMES, lambda f: not f.feed):
            people = bench.people(stream, cap + 2)
            subject.settle()
            pages = [page for _, page in bench.window(stream, bench.whole(stream))]
            hidden = set(people) - {r.id for page in pages for r in page.remotes}
            bench.expect(
                stream, pages[-1].capped or not hidden, f"it does not say `capped`, and hides {sorted(hidden)}"
            )
            missing = set(people) - set(_ids(bench.feed(stream)))
            bench.expect(stream, not missing, f"narrower windows leave out {sorted(missing)}")

    def test_r11_equal_versions_mean_equal_states(self, subject: Subject) -> None:
        """R11: a version stays while nothing changes and moves with every edit, however soon after the last."""
        bench = Bench(subject, "R11")
        for stream in bench.streams():
            id = bench.person(stream)
            before = bench.now(stream, id)
            bench.expect(stream, bool(before.version), "there is no version")
            again = bench.now(stream, id)
            bench.expect(stream, again.version == before.version, "the version moved although nothing changed")
            for field in bench.editable(stream)[:2]:
                bench.outside.edit(stream, id, {field: bench.fields(stream)[field]})
                if not bench.facts(stream).strong_read:
                    subject.settle()
                after = bench.now(stream, id)
                bench.expect(stream, after.version != before.version, f"{field} was edited, the version stayed")
                before = after

    def test_r12_blank_is_null_and_unread_is_absent(self, subject: Subject) -> None:
        """R12: a full read speaks of every readable field, null where blank; a narrow one only of those asked for."""
        bench = Bench(subject, "R12")
        for stream in bench.streams():
            schema = bench.schema(stream)
            fields = bench.fields(stream)
            needed = {f: v for f, v in fields.items() if schema[f].required} or dict([*fields.items()][:1])
            id = bench.outside.create(stream, needed)
            remote = bench.now(stream, id)
            silent = {f for f, facts in schema.items() if facts.read} - set(remote.fields)
            silent -= {problem.field for problem in remote.problems}
            bench.expect(stream, not silent, f"blank fields are left out instead of null: {sorted(map(str, silent))}")
            empty = [f for f, v in remote.fields.items() if v in ("", [], {})]
            bench.expect(stream, not empty, f"blank fields are not null: {empty}")
            name = next(iter(needed))
            narrow = bench.read(stream, [id], frozenset({name}))[id].fields
            bench.expect(stream, narrow.get(name) == needed[name], f"a read of {name} alone answers {dict(narrow)}")
            more = sorted(narrow.keys() - {name})
            bench.expect(stream, not more, f"a read of {name} alone speaks of {more} as well")

    def test_r13_all_ways_of_reading_agree(self, subject: Subject) -> None:
        """R13: `list`, `read` and, where it is no hint, `changes` say the same of a record, version included."""
        bench = Bench(subject, "R13")
        for stream in bench.streams():
            id = bench.person(stream)
            subject.settle()
            remote = bench.now(stream, id)
            views = {"list": bench.listed(stream)}
            if not bench.facts(stream).hints:
                views["changes"] = bench.feed(stream)
            for name, remotes in views.items():
                other = next((r for r in remotes if r.id == id), None)
                if other is None:
                    raise AssertionError(f"R13 {stream}: `{name}` leaves out {id}")
                differing = [f for f in remote.fields if other.fields.get(f, "absent") != remote.fields[f]]
                bench.expect(stream, not differing, f"`{name}` and `read` differ in {differing}")
                same = (other.version, other.modified, other.hub_id) == (remote.version, remote.modified, remote.hub_id)
                bench.expect(stream, same, f"`{name}` and `read` differ in version, stamp or hub id")

    def test_r14_unknown_ids_are_left_out(self, subject: Subject) -> None:
        """R14: `read` leaves out an id that no record has, and answers the others."""
        bench = Bench(subject, "R14")
        for stream in bench.streams():
            id = bench.person(stream)
            subject.settle()
            found = [*bench.read(stream, [subject.unknown_id, id])]
            bench.expect(stream, found == [id], f"of one known and one unknown id it answers {found}")

    def test_r15_an_edit_between_pages_hides_nobody(self, subject: Subject) -> None:
        """R15: a record edited while `changes` is paged through moves away, without hiding another."""
        bench = Bench(subject, "R15")
        for stream in bench.streams():
            people = bench.people(stream)
            subject.settle()
            first = subject.connector.changes(stream, bench.whole(stream), None)
            if not first.remotes and bench.signals(stream, bench.whole(stream).feed or "", first):
                continue  # it tells that something changed, and not what: the listing does
            bench.expect(stream, first.token is not None, f"{len(people)} changes fit on one page: raise `many`")
            field = bench.editable(stream)[0]
            for seen in [r.id for r in first.remotes if r.id in people][:2]:
                bench.outside.edit(stream, seen, {field: bench.fields(stream)[field]})
            subject.settle()
            found, token = {r.id for r in first.remotes}, first.token
            while token is not None:
                page = subject.connector.changes(stream, bench.whole(stream), token)
                found |= {r.id for r in page.remotes}
                token = page.token
            bench.expect(stream, set(people) <= found, f"hidden by the edit: {sorted(set(people) - found)}")

    def test_r16_a_delete_between_pages_hides_nobody(self, subject: Subject) -> None:
        """R16: a record deleted while `list` is paged through does not hide another."""
        bench = Bench(subject, "R16")
        for stream in bench.streams():
            people = bench.people(stream)
            first = subject.connector.list(stream, None)
            bench.expect(stream, first.token is not None, f"{len(people)} records fit on one page: raise `many`")
            gone = next(r.id for r in first.remotes if r.id in people)
            bench.outside.delete(stream, gone)
            found, token = {r.id for r in first.remotes}, first.token
            while token is not None:
                page = subject.connector.list(stream, token)
                found |= {r.id for r in page.remotes}
                token = page.token
            bench.expect(stream, set(people) <= found, f"hidden by the delete: {sorted(set(people) - found)}")

    def test_r17_cells_are_in_normal_form(self, subject: Subject) -> None:
        """R17: every cell read is in the normal form of its type."""
        bench = Bench(subject, "R17")
        for stream in bench.streams():
            kind = bench.facts(stream).kind
            fields = bench.now(stream, bench.person(stream)).fields
            for name, cell in fields.items():
                if cell is None or name.startswith(CUSTOM_PREFIX):
                    continue
                normal = spec_of(kind, name).normal(cell)
                same = normal == cell and type(normal) is type(cell)
                bench.expect(stream, same, f"{name} is {cell!r}, its normal form is {normal!r}")

    def test_r18_pages_tell_the_servers_time(self, subject: Subject) -> None:
        """R18: a page of `changes` says what the server's clock showed, which no stamp in it is ahead of."""
        bench = Bench(subject, "R18")
        for stream in bench.streams():
            bench.person(stream)
            subject.settle()
            for _, page in bench.window(stream, bench.whole(stream)):
                newest = max((r.modified for r in page.remotes), default=0)
                bench.expect(stream, page.now > 0, "the page does not say what time it is")
                late = bench.facts(stream).granularity_ms
                bench.expect(stream, page.now + late > newest, f"stamp {newest} is ahead of the server's {page.now}")
