"""What a recording's answers say of the account around its records: owners, pipelines, campaigns, associations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tieline_hubspot.sandbox.call import route_of
from tieline_hubspot.sandbox.schema import type_named
from tieline_hubspot.sandbox.state import State


class Account:
    """Reads the exchanges of one conversation; changes only what has no place in `load`."""

    def __init__(self, state: State, exchanges: Sequence[Any]) -> None:
        self.state = state
        self.exchanges = [e for e in exchanges if e.status < 300]

    def _of(self, family: str) -> Iterator[tuple[Any, list[str], list[Mapping[str, Any]]]]:
        """(exchange, path after the family, rows of the answer) of one family."""
        for exchange in self.exchanges:
            route = route_of(exchange.path)
            if route is None or route.family != family or not isinstance(exchange.answer, Mapping):
                continue
            rows = exchange.answer.get("results", [exchange.answer])
            yield exchange, route.rest, [row for row in rows if isinstance(row, Mapping)]

    def owners(self) -> None:
        """Where the conversation reads owners, those are the account's."""
        seen = {str(row["id"]): dict(row) for _, _, rows in self._of("crm/owners") for row in rows if "id" in row}
        if seen:
            self.state.owners[:] = seen.values()

    def pipelines(self) -> None:
        """Where the conversation reads pipelines, those are the account's."""
        for _, rest, rows in self._of("crm/pipelines"):
            known = type_named(rest[0]) if rest else None
            if known is not None and len(rest) <= 2 and all("stages" in row for row in rows):
                self.state.pipelines[known.name] = [dict(row) for row in rows]

    def campaigns(self) -> list[Any]:
        """Campaigns that the conversation reads and does not make."""
        born: set[str] = set()
        seen: dict[str, Any] = {}
        for exchange, rest, rows in self._of("marketing/campaigns"):
            for row in rows:
                if "properties" not in row or "id" not in row:
                    continue
                if exchange.method == "POST" and rest[:2] in ([], ["batch", "create"]):
                    born.add(row["id"])
                elif row["id"] not in born:
                    values = {n: v for n, v in row["properties"].items() if not n.endswith("_sum_amount")}
                    seen.setdefault(row["id"], {**row, "properties": {"hs_name": "unnamed", **values}})
        return list(seen.values())

    def associations(self, objects: dict[str, list[Any]]) -> list[list[Any]]:
        """Associations that are read before any is written; records they need are added to `objects`."""
        edges: list[list[Any]] = []
        for exchange, source, key, target, row in self._pairs():
            if exchange is None:
                break
            for kind, i in ((source, key), (target, str(row["toObjectId"]))):
                known = objects.setdefault(kind, [])
                if not any(str(r["id"]) == i for r in known):
                    known.append({"id": i, "properties": {}})
            edges += [[source, key, target, row["toObjectId"], spec["typeId"]] for spec in row["associationTypes"]]
        return edges

    def _pairs(self) -> Iterator[tuple[Any, str, str, str, Mapping[str, Any]]]:
        for exchange, rest, rows in self._of("crm/associations"):
            source, target = (type_named(part) for part in rest[:2])
            if rest[2:] != ["batch", "read"] or source is None or target is None:
                yield None, "", "", "", {}
                return
            for row in rows:
                for other in row["to"]:
                    yield exchange, source.name, str(row["from"]["id"]), target.name, other
        for exchange, rest, rows in self._of("crm/objects"):
            if exchange.method != "GET" or rest[2:3] != ["associations"] or len(rest) != 4:
                continue
            source, target = type_named(rest[0]), type_named(rest[3])
            for row in rows:
                if source is not None and target is not None and "toObjectId" in row:
                    yield exchange, source.name, rest[1], target.name, row
