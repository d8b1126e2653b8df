"""Everything that is read from HubSpot: the full list, changes, archived records, chosen ids, hub ids.

Lists and batch reads are strong; the search is an index that lags [recorded], so it only names candidates. Campaigns
have no search: their changes are the newest end of their list.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote

from tieline import Bad, Cell, Page, Remote, Unavailable, Window
from tieline_hubspot.associations import inline, read_links
from tieline_hubspot.feed import changes
from tieline_hubspot.mapping import HUB_FIELD, MERGED, Relation
from tieline_hubspot.properties import Properties
from tieline_hubspot.rows import Rows
from tieline_hubspot.wire import CAMPAIGN_BATCH, Answer, Wire, moving

PAGE = 100
_MAX_SINGLE = 20
"""Ids that neither batch read knows and that are asked for one by one: a merged record's old id may resolve."""
_MAX_PAGES = 200


class Reader:
    """Reads one stream of CRM objects."""

    def __init__(self, wire: Wire, rows: Rows, properties: Properties, lag_ms: int) -> None:
        self._wire = wire
        self._rows = rows
        self._properties = properties
        self._lag_ms = lag_ms
        self._stream = rows.stream

    def everything(self, token: str | None) -> Page:
        """One page of everything alive, associations inline."""
        relations = self._rows.relations
        params: dict[str, Any] = {"limit": PAGE, "properties": ",".join((*self._rows.columns, HUB_FIELD, MERGED))}
        if relations:
            params["associations"] = ",".join(dict.fromkeys(r.to for r in relations))
        answer = self._page(params, token)
        links = self._inline(answer.items, relations) if relations else None
        remotes, bad = self._rows.remotes(answer.items, links)
        return Page(remotes, answer.after, now=answer.now, bad=bad)

    def sweep(self, token: str | None) -> Page:
        """One page of what was archived."""
        answer = self._page({"limit": PAGE, "archived": "true", "properties": HUB_FIELD}, token)
        remotes, bad = self._rows.gone(answer.items)
        return Page(remotes, answer.after, now=answer.now, bad=bad)

    def _page(self, params: dict[str, Any], token: str | None) -> Answer:
        if token is not None:
            params["after"] = token
        return moving(self._wire.get(self._wire.objects(self._stream), params), token)

    def _inline(self, items: Sequence[Any], relations: Sequence[Relation]) -> dict[str, dict[str, Cell]]:
        links: dict[str, dict[str, Cell]] = {}
        short: dict[Relation, list[str]] = {}
        for item in items:
            if not isinstance(item, dict) or "id" not in item:
                continue
            links[item["id"]], cut = inline(item, relations)
            for relation in cut:
                short.setdefault(relation, []).append(item["id"])
        for relation, ids in short.items():
            for key, cell in read_links(self._wire, self._stream, relation, ids).items():
                links[key][relation.column] = cell
        return links

    def changes(self, window: Window, token: str | None) -> Page:
        """One page of hits; see `feed`."""
        return changes(self._wire, self._rows, window, token, self._lag_ms)

    def read(self, ids: Sequence[str], fields: frozenset[str] | None) -> list[Remote]:
        """These records now; see `Connector.read`."""
        columns, relations = self._rows.narrowed(fields)
        items = self._batch(ids, columns)
        links: dict[str, dict[str, Cell]] | None = None
        if relations:
            keys = [str(i["id"]) for i in items]
            links = {key: {} for key in keys}
            for relation in relations if keys else ():
                for key, cell in read_links(self._wire, self._stream, relation, keys).items():
                    if key in links:
                        links[key][relation.column] = cell
        found, _ = self._rows.remotes(items, links)
        known = {r.id for r in found} | {a for r in found for a in r.aliases}
        missing = [i for i in dict.fromkeys(ids) if i not in known]
        return [*found, *self._absent(missing, columns, fields)] if missing else found

    def _batch(
        self, ids: Sequence[str], columns: Sequence[str], *, by_hub: bool = False, gone: bool = False
    ) -> list[Any]:
        """Objects by id, or by hub id; those that are not there are errors of a 207 and left out.

        No record carries a hub id in an account without the property: that is the one 400 that means none.
        """
        body: dict[str, Any] = {
            "inputs": [{"id": i} for i in dict.fromkeys(ids)],
            "properties": [*columns, HUB_FIELD, MERGED],
        }
        if not ids:
            return []
        if by_hub:
            body["idProperty"] = HUB_FIELD
        params = {"archived": "true"} if gone else {}
        path = self._wire.objects(self._stream, "batch/read")
        answer = self._wire.ask(path, body, params, also=(400, 404) if by_hub else ())
        if answer.ok:
            return [i for i in answer.items if isinstance(i, dict) and "id" in i]
        if HUB_FIELD not in str(answer.data.get("message")) and HUB_FIELD not in str(answer.data.get("errors")):
            raise Unavailable(f"HubSpot answered {answer.status} to {path}: {answer.data.get('message')}", sent=False)
        self._properties.stampless(self._stream)
        return []

    def _absent(self, ids: Sequence[str], columns: Sequence[str], fields: frozenset[str] | None) -> list[Remote]:
        """What became of ids that are not among the living: archived, or merged into another. Else left out."""
        found, _ = self._rows.gone(self._batch(ids, (), gone=True))
        left = [i for i in ids if i not in {r.id for r in found}]
        for key in left[:_MAX_SINGLE]:
            params = {"properties": ",".join((*columns, HUB_FIELD, MERGED))}
            answer = self._wire.get(self._wire.objects(self._stream, quote(key, safe="")), params, also=(400, 404))
            winner = str(answer.data.get("id") or key) if answer.ok else key
            if winner != key:
                for remote in self.read([winner], fields):
                    names = dict.fromkeys((*remote.aliases, key))
                    found.append(remote._replace(aliases=tuple(names)))
        return found

    def find(self, hub_ids: Sequence[str]) -> list[Remote]:
        """Records that carry one of these hub ids, by the unique property: strong, unlike a search."""
        columns = self._rows.columns
        found, _ = self._rows.remotes(self._batch(hub_ids, columns, by_hub=True))
        seen = {r.hub_id for r in found}
        left = [h for h in hub_ids if h not in seen]
        if left:
            gone, _ = self._rows.gone(self._batch(left, (), by_hub=True, gone=True))
            found += gone
        return found


class CampaignReader:
    """Reads campaigns: an API of its own, with GUIDs, without search, archive or associations."""

    def __init__(self, wire: Wire, rows: Rows, properties: Properties) -> None:
        self._wire = wire
        self._rows = rows
        self._properties = properties

    def _params(self, **more: Any) -> dict[str, Any]:
        stamps = self._properties.stamps("campaigns")
        return {"properties": ",".join((*self._rows.columns, HUB_FIELD) if stamps else self._rows.columns), **more}

    def _asked(self, call: Any) -> Answer:
        """Ask; once more without the hub id where the account has no property for it."""
        answer: Answer = call(self._params())
        if not answer.ok and self._properties.stamps("campaigns"):
            self._properties.stampless("campaigns")
            answer = call(self._params())
        if not answer.ok:
            raise Unavailable(f"HubSpot does not list campaigns: {answer.data.get('message') or answer.status}")
        return answer

    def _listed(self, token: str | None, sort: str) -> tuple[Answer, str | None]:
        """One page, and the token of the next one.

        Pages are offsets [captured: base64 of a number], so a campaign deleted between two pages would hide another
        one. The token carries how many there were; where there are fewer now, the page is read again further back.
        """
        after, _, before = (token or "|").partition("|")
        answer = self._page(after, sort)
        total = _whole_number(answer.data.get("total"))
        offset = _offset(after)
        if offset and total is not None and before.isdigit() and total < int(before):
            answer = self._page(_mark(max(0, offset - int(before) + total)), sort)
        following = answer.after
        if following is None:
            return answer, None
        return answer, f"{unquote(following)}|{'' if total is None else total}"

    def _page(self, after: str, sort: str) -> Answer:
        more: dict[str, Any] = {"limit": PAGE, "sort": sort, **({"after": after} if after else {})}
        path = self._wire.objects("campaigns")
        answer = self._asked(lambda p: self._wire.get(path, {**p, **more}, also=(400,)))
        return moving(answer, after and quote(after, safe=""))

    def everything(self, token: str | None) -> Page:
        """One page of everything."""
        answer, following = self._listed(token, "createdAt")
        remotes, bad = self._rows.remotes(self._whole(answer.items))
        return Page(remotes, following, now=answer.now, bad=bad)

    def _whole(self, items: Sequence[Any]) -> Sequence[Any]:
        """The objects with their blank properties, which campaigns leave out of the answer [captured]."""
        for item in items:
            if isinstance(item, dict) and isinstance(item.get("properties"), dict):
                for column in self._rows.columns:
                    item["properties"].setdefault(column, None)
        return items

    def changes(self, window: Window, token: str | None) -> Page:
        """All of the window in one page: the list is read newest first until it is older than the window."""
        found: list[Remote] = []
        bad: list[Bad] = []
        now = 0
        for _ in range(_MAX_PAGES):
            answer, token = self._listed(token, "-updatedAt")
            now = now or answer.now
            remotes, worse = self._rows.remotes(self._whole(answer.items))
            found += remotes
            bad += worse
            if token is None or (remotes and remotes[-1].modified < window.since):
                break
        if window.at_id is None:
            found = sorted((r for r in found if r.modified >= window.since), key=lambda r: (r.modified, r.id))
        else:
            at_id = window.at_id
            found = sorted((r for r in found if r.modified == window.since and r.id > at_id), key=lambda r: r.id)
        return Page(found, now=now, bad=bad)

    def read(self, ids: Sequence[str], fields: frozenset[str] | None) -> list[Remote]:
        """These campaigns now; one that is not there is left out: HubSpot keeps no archive of them."""
        found: list[Remote] = []
        path = self._wire.objects("campaigns", "batch/read")
        for start in range(0, len(ids), CAMPAIGN_BATCH):
            body = {"inputs": [{"id": i} for i in ids[start : start + CAMPAIGN_BATCH]]}
            answer = self._asked(lambda p, b=body: self._wire.ask(path, b, p, also=(400,)))
            found += self._rows.remotes(self._whole(answer.items))[0]
        if fields is None:
            return found
        return [r._replace(fields={k: v for k, v in r.fields.items() if k in fields}) for r in found]

    def find(self, hub_ids: Sequence[str]) -> list[Remote]:
        """Campaigns that carry one of these hub ids; they are few, and there is nothing to look them up by."""
        wanted = set(hub_ids)
        found: list[Remote] = []
        token: str | None = None
        for _ in range(_MAX_PAGES):
            page = self.everything(token)
            found += [r for r in page.remotes if r.hub_id in wanted]
            token = page.token
            if token is None:
                break
        return found


def _offset(after: str) -> int:
    try:
        return int(b64decode(after, validate=True))
    except ValueError:
        return 0


def _mark(offset: int) -> str:
    return b64encode(str(offset).encode()).decode() if offset else ""


def _whole_number(value: Any) -> int | None:
    return value if isinstance(value, int) else None
