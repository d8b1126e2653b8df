"""From a query's row to a remote: which columns to select, and how to read them. Knows no HTTP and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zlib import crc32

from pydantic import TypeAdapter

from tieline import Mapper, Remote
from tieline_salesforce import soql_text
from tieline_salesforce.mapping import (
    BECOMES,
    CONVERTED,
    CURRENCY,
    HUB_FIELD,
    LEAD_PERSON,
    MEMBER,
    MERGEABLE,
    OWNER,
    PERSON,
    ROLES,
    SOBJECTS,
)
from tieline_salesforce.schema import ObjectInfo

ROLE_COLUMNS = ("Id", "ContactId", "Role", "IsPrimary", "IsDeleted")
ROLES_QUERY = f"(SELECT {','.join(ROLE_COLUMNS)} FROM {ROLES})"  # noqa: S608 - constants
OWNER_PATH = "Owner.Email"
LEAD = SOBJECTS["leads"]
_encoded = TypeAdapter(Any).dump_json


def stamp_ms(stamp: str) -> int:
    """`2021-12-21T19:52:14.000+0000` as milliseconds since 1970 UTC. Raises ValueError when it is no moment."""
    return round(datetime.fromisoformat(stamp).timestamp() * 1000)


def owner_by_mail(mapper: Mapper) -> bool:
    """Whether the owner is spoken of by e-mail address: the default, unless a value map names the users' ids."""
    return any(r.remote == OWNER and r.field == "owner" and r.values is None for r in mapper.rules)


class Reader:
    """Reads the rows of one object. `fields` narrows what is selected, None: all that is mapped.

    `info` None: every mapped column is expected to be there; `stamps`: the hub-id field is. `currency` is what a
    single-currency org keeps; records of the others say it themselves when `currencies` is True. `leads`: a campaign
    member's lead counts as its contact, until there is one.
    """

    def __init__(
        self,
        sobject: str,
        mapper: Mapper,
        info: ObjectInfo | None,
        *,
        currencies: bool,
        currency: str | None,
        fields: frozenset[str] | None = None,
        stamps: bool = True,
        leads: bool = False,
    ) -> None:
        self.sobject = sobject
        self._mapper = mapper
        self._fields = fields
        rules = [r for r in mapper.rules if r.read and (fields is None or r.field.partition(".")[0] in fields)]
        wanted = dict.fromkeys(c for rule in rules for c in rule.columns)
        self.roles = ROLES in wanted
        self._fixed: tuple[str, str] | None = None
        paths: list[tuple[str, tuple[str, ...]]] = []
        select = ["Id", "SystemModstamp", "IsDeleted"]
        if sobject in MERGEABLE:
            select.append("MasterRecordId")
        if sobject == LEAD:
            select += (c for c in ("IsConverted", CONVERTED) if info is None or info.reads(c))
        self._lead = leads and sobject == MEMBER and PERSON in wanted
        if self._lead:
            select.append(LEAD_PERSON)
        if stamps:
            select.append(HUB_FIELD)
        for column in wanted:
            if info is not None and column != CURRENCY and not info.reads(column):
                continue
            if column == CURRENCY and not currencies:
                self._fixed = (CURRENCY, currency) if currency else None
                continue
            if column == OWNER and owner_by_mail(mapper):
                paths.append((OWNER, tuple(OWNER_PATH.split("."))))
                select.append(OWNER_PATH)
                continue
            if "." in column:
                paths.append((column, tuple(column.split("."))))
            select.append(ROLES_QUERY if column == ROLES else column)
        self.columns: Sequence[str] = tuple({c.lower(): c for c in reversed(select)}.values())[::-1]
        self._paths = tuple(paths)

    def select(self, where: str = "", order: str = "", limit: int | None = None) -> str:
        """The statement that selects rows for `remote`."""
        return soql_text.select(self.columns, self.sobject, where, order, limit)

    def statements(self, column: str, values: Sequence[str]) -> Iterator[str]:
        """Statements for all rows where `column` is one of `values`, none of them too long for a URL."""
        room = soql_text.room_after(self.select(f"{column} IN ()"))
        return (self.select(where) for where in soql_text.within(column, values, room))

    def remote(self, row: dict[str, Any]) -> Remote:
        """The record in a row. The row is used up."""
        stamp = row["SystemModstamp"]
        if row.get("IsConverted"):  # deleted afterwards, it is a contact all the same
            return Remote(
                row["Id"],
                {},
                stamp + ".converted",
                stamp_ms(stamp),
                row.get(HUB_FIELD),
                gone=True,
                merged_into=row.get(CONVERTED),
                moved_to=BECOMES["leads"] if row.get(CONVERTED) else "",
            )
        if row.get("IsDeleted"):
            return Remote(
                row["Id"],
                {},
                stamp + ".gone",
                stamp_ms(stamp),
                row.get(HUB_FIELD),
                gone=True,
                merged_into=row.get("MasterRecordId"),
            )
        for name, path in self._paths:
            parent = row.get(path[0])
            row[name] = parent and (parent.get(path[1]) if len(path) == 2 else _along(parent, path[1:]))
        if self._lead and not row.get(PERSON):  # a converted lead's member has both
            row[PERSON] = row.get(LEAD_PERSON)
        if self._fixed is not None:
            row[self._fixed[0]] = self._fixed[1]
        fields, problems = self._mapper.read(row)
        if self._fields is not None:
            fields = {k: v for k, v in fields.items() if k in self._fields}
            problems = tuple(p for p in problems if p.field in self._fields)
        # the stamp counts seconds: two states can share one, so what is in the state is part of its version
        version = f"{stamp}.{crc32(_encoded(fields)):08x}"
        return Remote(row["Id"], fields, version, stamp_ms(stamp), row.get(HUB_FIELD), False, None, (), problems)


def _along(row: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = row
    for step in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value
