"""The part of the conformance suite for streams whose `changes` go on from a token. Ids: T.

Every check fails for at least one connector of `broken`.
"""

from __future__ import annotations

from collections.abc import Callable

from tieline.errors import FeedExpired
from tieline.model import Window
from tieline.testing.contract_bench import Bench, Subject

NO_FEED = "no stream's changes go on from a token"


class FeedChecks:
    """What a token must keep to."""

    def test_t1_a_listings_token_leaves_no_gap(self, subject: Subject) -> None:
        """T1: what happens while `list` is paged through is in `changes` from the token that its last page gives."""
        bench = Bench(subject, "T1")
        for stream in bench.streams(NO_FEED, lambda f: f.feed):
            people = bench.people(stream)
            subject.settle()
            first = page = subject.connector.list(stream, None)
            bench.expect(stream, first.token is not None, f"{len(people)} records fit on one page: raise `many`")
            edited, field = next(r.id for r in first.remotes if r.id in people), bench.editable(stream)[0]
            bench.outside.edit(stream, edited, {field: bench.fields(stream)[field]})
            made = bench.person(stream)
            subject.settle()
            while page.token is not None:
                page = subject.connector.list(stream, page.token)
            bench.expect(stream, bool(page.feed), "the last page of `list` gives no token to go on from")
            found = {r.id for r in bench.told(stream, str(page.feed))}
            bench.expect(stream, edited in found, f"{edited} was edited behind the reader, and `changes` leaves it out")
            bench.expect(stream, made in found, f"{made} was made behind the reader, and `changes` leaves it out")

    def test_t2_a_token_can_be_used_again(self, subject: Subject) -> None:
        """T2: each token gives all that happened since, however often and in whatever order it is used."""
        bench = Bench(subject, "T2")
        for stream in bench.streams(NO_FEED, lambda f: f.feed):
            steps: list[tuple[str, set[str]]] = []
            token = bench.token(stream)
            for _ in range(3):
                made = set(bench.people(stream))
                subject.settle()
                steps.append((token, made))
                token = bench.window(stream, Window(0, feed=token))[-1][1].feed or token
            for at in (2, 0, 1, 0):
                wanted = {id for _, made in steps[at:] for id in made}
                missing = wanted - {r.id for r in bench.told(stream, steps[at][0])}
                bench.expect(stream, not missing, f"a token that is used again leaves out {sorted(missing)}")
                pages = bench.window(stream, Window(0, feed=steps[at][0]))
                early = [page.feed for _, page in pages[:-1] if page.feed is not None]
                bench.expect(stream, not early, "a page that is not the last gives a token to go on from")

    def test_t3_what_is_old_is_not_told_again(self, subject: Subject) -> None:
        """T3: from the newest token `changes` tells of nothing that was told before, and says so without an error."""
        bench = Bench(subject, "T3")
        for stream in bench.streams(NO_FEED, lambda f: f.feed):
            bench.people(stream)
            subject.settle()
            token = bench.token(stream)
            for _ in range(3):
                pages = bench.window(stream, Window(0, feed=token))
                told = [r.id for _, page in pages for r in page.remotes]
                bench.expect(stream, not told, f"nothing has happened since, and `changes` tells of {told}")
                idle = not bench.signals(stream, token, pages[-1][1])
                bench.expect(stream, idle, "nothing has happened since, and a new token leads to a listing")
                token = pages[-1][1].feed or token

    def test_t4_expiry_is_told(self, subject: Subject) -> None:
        """T4: a token that is not known any more raises FeedExpired; it is not an empty page."""
        bench = Bench(subject, "T4")
        for stream in bench.streams(NO_FEED, lambda f: f.feed):
            token = bench.token(stream)
            bench.person(stream)
            subject.settle()
            subject.expire()
            error: Exception | None = None
            try:
                subject.connector.changes(stream, Window(0, feed=token), None)
            except Exception as raised:  # what a connector raises is what is examined
                error = raised
            bench.expect(stream, isinstance(error, FeedExpired), f"a token that has expired gives {error!r}")
            fresh = bench.window(stream, Window(0, feed=bench.token(stream)))
            bench.expect(stream, bool(fresh), "a fresh token cannot be used")

    def test_t5_what_only_a_listing_shows_is_signalled(self, subject: Subject) -> None:
        """T5: where a listing alone shows who was deleted, an edit, a new record and a deletion bring new tokens."""
        bench = Bench(subject, "T5")
        for stream in bench.streams("deletions show without a listing", lambda f: f.feed and f.blind):
            field, people = bench.editable(stream)[0], bench.people(stream, 2)
            deeds: dict[str, Callable[[], object]] = {
                "an edit": lambda s=stream, f=field, i=people[0]: bench.outside.edit(s, i, {f: bench.fields(s)[f]}),  # type: ignore[misc]
                "a new record": lambda s=stream: bench.person(s),  # type: ignore[misc]
                "a deletion": lambda s=stream, i=people[1]: bench.outside.delete(s, i),  # type: ignore[misc]
            }
            for name, deed in deeds.items():
                subject.settle()
                token = bench.token(stream)
                deed()
                subject.settle()
                last = bench.window(stream, Window(0, feed=token))[-1][1]
                bench.expect(
                    stream, bench.signals(stream, token, last), f"{name} brings no new token: no listing follows"
                )
