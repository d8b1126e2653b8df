"""Reads: exports, listings, records by id and by hub id. Decides on calls and pages; what a row means is `rows`'.

Users come by the cursor export, organizations by the time-based one, which repeats records where two pages meet and
names no deleted ones. Both leave out the newest minute. A page token is JSON and holds all that the next page needs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from tieline import Cell, Clock, ContractViolation, Page, Remote, Window
from tieline_zendesk.mapping import CUSTOM, END_USER, ITEM, MAILBOX
from tieline_zendesk.rows import Rows, is_gone, is_staff, stamp_ms
from tieline_zendesk.settings import NEWEST_LEFT_OUT, ZendeskSettings
from tieline_zendesk.wire import Answer, NothingThere, Refused, Wire, listed, query_of

MANY = 100
"""Ids in one `show_many`, and records in a page of a plain list [spec]."""
MARGIN = 5
"""Seconds: clocks differ by as much."""
NEWEST_MS = 2 * NEWEST_LEFT_OUT * 1000
MOST_PAGES = 100_000
MOST_MISSING = 20
"""Organizations that are asked for one by one when they are not there: they may have been merged."""
MOST_TRACED = 50
"""Deleted users of whom it is asked, one by one, who has their address now."""
EXPORTS = {"users": "/incremental/users/cursor", "organizations": "/incremental/organizations"}


class Step(NamedTuple):
    """One page of an export: its records and what asks for the next one (None: the stream ends here)."""

    items: list[Any]
    token: dict[str, Any] | None
    now: int


class Reader:
    """Reads one stream."""

    def __init__(self, wire: Wire, rows: Rows, settings: ZendeskSettings, clock: Clock) -> None:
        self._wire = wire
        self._rows = rows
        self._settings = settings
        self._clock = clock
        self.stream = rows.stream

    # -- everything

    def everything(self, token: str | None) -> Page:
        """One page of everything alive: from the plain list, and once more is there than a page of it, the export.

        The plain list is strong and has small pages; the export has large ones and lacks the newest minute. So an
        account that is small, or that was filled a moment ago, is read from the list alone.
        """
        at: dict[str, Any] = {"whole": None} if token is None else json.loads(token)
        step = self._whole(at) if "whole" in at else self._export(at)
        onward = step.token
        if onward is not None and token is None:
            began = step.now - NEWEST_MS
            old = any(_created(i) < began for i in step.items if isinstance(i, Mapping))
            onward = {"start": 0} if old else onward
        remotes, bad = self._rows.remotes([i for i in step.items if not _deleted(i)])
        return Page(remotes, None if onward is None else json.dumps(onward), now=step.now, bad=bad)

    def _plain(self, after: str | None) -> Answer:
        params: dict[str, Any] = {"page[size]": MANY}
        if self.stream == "users":
            params["role"] = END_USER
        params |= {"page[after]": after} if after else {}
        return self._wire.get(f"/{self.stream}", params)

    # -- changes

    def changes(self, window: Window, token: str | None) -> Page:
        """One page of what changed, deleted users among it; with `at_id`, of one stamp, by id."""
        if window.at_id is not None:
            return self._one_stamp(window.since, window.at_id)
        at: dict[str, Any] = {"start": self._start(window.since)} if token is None else json.loads(token)
        step = self._whole(at) if "whole" in at else self._export(at)
        remotes, bad = self._rows.remotes(step.items)
        remotes = sorted((r for r in remotes if r.modified >= window.since), key=lambda r: r.modified)
        return Page(remotes, None if step.token is None else json.dumps(step.token), now=step.now, bad=bad)

    def _start(self, since: int) -> int:
        """Where an export may begin: at least a minute ago [doc]."""
        return max(0, min(since // 1000, self._clock.now() // 1000 - NEWEST_LEFT_OUT - MARGIN))

    def _one_stamp(self, since: int, at_id: str) -> Page:
        at: dict[str, Any] = {"start": self._start(since)}
        found: dict[str, Remote] = {}
        now = 0
        for _ in range(MOST_PAGES):
            step = self._whole(at) if "whole" in at else self._export(at)
            now = now or step.now
            remotes, _ = self._rows.remotes(step.items)
            found.update((r.id, r) for r in remotes if r.modified == since)
            beyond = "whole" not in at and any(r.modified > since for r in remotes)
            if step.token is None or beyond:
                break
            at = step.token
        last = int(at_id or 0)
        return Page(sorted((r for r in found.values() if int(r.id) > last), key=lambda r: int(r.id)), now=now)

    # -- the exports

    def _export(self, at: Mapping[str, Any]) -> Step:
        return self._by_cursor(at) if self.stream == "users" else self._by_time(at)

    def _by_cursor(self, at: Mapping[str, Any]) -> Step:
        """A page of the cursor export. With no news it answers a null cursor: that ends it and is never used [rec]."""
        params: dict[str, Any] = {"per_page": self._settings.page}
        params |= {"cursor": at["cursor"]} if "cursor" in at else {"start_time": at["start"]}
        answer = self._wire.get(EXPORTS[self.stream], params)
        cursor = answer.data.get("after_cursor") or query_of(answer.data.get("after_url"), "cursor")
        more = not answer.data.get("end_of_stream", True) and cursor
        if more and cursor == at.get("cursor"):
            raise ContractViolation("Zendesk answers the same page of users again and again")
        return Step(listed(answer, self.stream), {"cursor": cursor} if more else None, answer.now)

    def _by_time(self, at: Mapping[str, Any]) -> Step:
        """A page of the time-based export, without what the page before held already.

        Where a page is full, its last second is asked for again and comes again [rec]. Where one second holds more
        than a page, the export cannot get past it: the plain list, which is whole, stands in for the rest.
        """
        params = {"start_time": at["start"], "per_page": self._settings.page}
        answer = self._wire.get(EXPORTS[self.stream], params)
        items = listed(answer, self.stream)
        seen = {tuple(s) for s in at.get("seen", ())}
        fresh = [i for i in items if _state(i) not in seen]
        if answer.data.get("end_of_stream", True) or not items:
            return Step(fresh, None, answer.now)
        onward = answer.data.get("end_time") or query_of(answer.data.get("next_page"), "start_time")
        start = int(onward) if onward is not None and str(onward).isdigit() else int(at["start"])
        if start <= at["start"]:
            return Step(fresh, {"whole": None}, answer.now)
        seam = [s for i in items if (s := _state(i)) is not None and _second(i) >= start]
        return Step(fresh, {"start": start, "seen": seam}, answer.now)

    def _whole(self, at: Mapping[str, Any]) -> Step:
        answer = self._plain(at["whole"])
        after = _after(answer)
        return Step(listed(answer, self.stream), None if after is None else {"whole": after}, answer.now)

    # -- chosen records

    def read(self, ids: Sequence[str], fields: frozenset[str] | None = None) -> list[Remote]:
        """These records as they are now. A contact that became an agent is still told: it was not deleted."""
        found = [self._rows.remote(item, fields) for item in self.items(ids)]
        known = {r.id for r in found}
        missing = [i for i in dict.fromkeys(ids) if i not in known]
        if self.stream == "organizations" and missing and len(missing) <= MOST_MISSING:
            found += [r for i in missing if (r := self._merged(i)) is not None]
        return found

    def _merged(self, id: str) -> Remote | None:
        """What an organization that is not there any more was merged into, where Zendesk tells it [spec]."""
        if not (id.isascii() and id.isdigit()):
            return None
        try:
            merges = listed(self._wire.get(f"/organizations/{id}/merges"), "organization_merges")
        except (NothingThere, Refused, ContractViolation):
            return None
        for merge in merges:
            if isinstance(merge, Mapping) and str(merge.get("loser_id")) == id and merge.get("status") == "complete":
                return Remote(id, {}, gone=True, merged_into=str(merge["winner_id"]))
        return None

    def items(self, ids: Sequence[str]) -> list[Any]:
        """These records as Zendesk words them; a text that can be no id is left out."""
        known = [i for i in dict.fromkeys(ids) if i.isascii() and i.isdigit()]
        return [item for part in _parts(known) for item in self._many({"ids": ",".join(part)})]

    def find(self, hub_ids: Sequence[str]) -> list[Remote]:
        """Records that carry one of these hub ids: strongly by `external_id`, by the search for a field of its own."""
        wanted = {h.lower() for h in hub_ids}
        if self._rows.hub_field is None:
            parts = _parts(sorted(wanted))
            items = [item for part in parts for item in self._many({"external_ids": ",".join(part)})]
        else:
            items = [item for hub_id in sorted(wanted) for item in self._searched(hub_id)]
        found = [self._rows.remote(item) for item in items if not is_staff(item)]
        return [r for r in {r.id: r for r in found}.values() if r.hub_id in wanted]

    def _many(self, params: Mapping[str, str]) -> list[Any]:
        try:
            return listed(self._wire.get(f"/{self.stream}/show_many", params), self.stream)
        except Refused as error:
            raise ContractViolation(f"Zendesk refused to read {self.stream} ({error})") from error

    def _searched(self, hub_id: str) -> Iterator[Any]:
        """The search names candidates; what it names is read strongly."""
        query = f"type:{ITEM[self.stream]} {self._rows.hub_field}:{hub_id}"
        answer = self._wire.get("/search", {"query": query, "per_page": MANY})
        ids = [str(r["id"]) for r in listed(answer, "results") if isinstance(r, Mapping) and "id" in r]
        return iter(self.items(ids) if ids else ())

    # -- who holds a name that must be unique

    def holder(self, column: str, value: str) -> str | None:
        """The id of the only living record that has this e-mail address, or organization's name, if it can be told."""
        if self.stream == "users":
            items = self._having(value)
        else:
            items = _alive(listed(self._wire.get("/organizations/search", {"name": value}), self.stream))
        same = [i for i in items if str(i.get(column) or "").lower() == value.lower()] or items
        return str(same[0]["id"]) if len(same) == 1 and not is_staff(same[0]) else None

    def _having(self, address: str) -> list[Mapping[str, Any]]:
        """The living users with this e-mail address, as the primary one or another [doc]."""
        query = f'email:"{address.replace(chr(34), "")}"'
        return _alive(listed(self._wire.get("/users/search", {"query": query}), self.stream))

    def heirs(self, gone: Mapping[str, Mapping[str, Cell]]) -> dict[str, str]:
        """Id → the user that has its e-mail address now, beside a primary one of its own: a merge leaves that.

        Who has it as the primary address is somebody new. Of very many at once nothing is told: people merge singly.
        """
        field = self._rows.mapper.field_of(MAILBOX) or ""
        held = {id: str(fields[field]) for id, fields in gone.items() if fields.get(field)}
        found: dict[str, str] = {}
        for id, address in held.items() if len(held) <= MOST_TRACED else ():
            users = self._having(address)
            if len(users) == 1 and not is_staff(users[0]) and str(users[0]["id"]) != id:
                primary = str(users[0].get(MAILBOX) or "")
                if primary and primary.lower() != address.lower():
                    found[id] = str(users[0]["id"])
        return found

    # -- the account's own fields

    def definitions(self) -> dict[str, Mapping[str, Any]]:
        """Key → definition of the account's fields for this stream."""
        path, after = CUSTOM[self.stream], None
        found: dict[str, Mapping[str, Any]] = {}
        for _ in range(MANY):
            answer = self._wire.get(f"/{path}", {"page[size]": MANY, **({"page[after]": after} if after else {})})
            found.update((str(f["key"]), f) for f in listed(answer, path) if isinstance(f, Mapping) and "key" in f)
            after = _after(answer)
            if after is None:
                return found
        raise ContractViolation(f"Zendesk lists {path} without an end")


def _alive(items: Sequence[Any]) -> list[Mapping[str, Any]]:
    return [i for i in items if isinstance(i, Mapping) and not is_gone(i)]


def _after(answer: Answer) -> str | None:
    """What asks for the next page of a plain list: `has_more` decides; `links.next` may stand at the end too [rec]."""
    meta = answer.data.get("meta") or {}
    return str(meta["after_cursor"]) if meta.get("has_more") and meta.get("after_cursor") else None


def _deleted(item: Any) -> bool:
    return isinstance(item, Mapping) and is_gone(item)


def _created(item: Mapping[str, Any]) -> int:
    try:
        return stamp_ms(str(item.get("created_at")))
    except ValueError:
        return 0


def _second(item: Any) -> int:
    return stamp_ms(item["updated_at"]) // 1000


def _state(item: Any) -> tuple[Any, ...] | None:
    if not isinstance(item, Mapping) or not isinstance(item.get("updated_at"), str):
        return None
    return (item.get("id"), item["updated_at"])


def _parts(ids: Sequence[str], size: int = MANY) -> list[Sequence[str]]:
    return [ids[n : n + size] for n in range(0, len(ids), size)]
