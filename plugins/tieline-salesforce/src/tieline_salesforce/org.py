"""What is known of the org: its objects' fields, its currency, and so how to read and write each stream.

Every mapped column is taken to be there until a query is refused or a describe was asked for another reason: a run
that finds nothing to do costs one request for each stream, and no describe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from tieline import ConfigError, Context, ContractViolation, Mapper, NotAuthorised, Schema
from tieline_salesforce import soql_text
from tieline_salesforce.mapping import CURRENCY, ROLES, SOBJECTS
from tieline_salesforce.owners import Owners
from tieline_salesforce.rows import Reader
from tieline_salesforce.schema import ObjectInfo, object_info, schema_of
from tieline_salesforce.settings import SEVERAL, SalesforceSettings
from tieline_salesforce.wire import NothingThere, Refused, Wire
from tieline_salesforce.writes import Drafter

if TYPE_CHECKING:
    from tieline_salesforce.bulk import Opened


class Org:
    """One org as the configured mappings and settings see it. `learned` is told of each describe."""

    def __init__(self, context: Context, learned: Callable[[str, ObjectInfo], None]) -> None:
        if context.http is None:
            raise ContractViolation("the Salesforce connector needs an HTTP client")
        self.settings: SalesforceSettings = context.settings
        self.mappers: Mapping[str, Mapper] = {s: context.mappers[s] for s in SOBJECTS if s in context.mappers}
        _refuse_odd_names(context.system, self.mappers)
        self.clock = context.clock
        self.answers: dict[str, Opened] = {}
        """By stream: what is being read of a query job's results."""
        self.wire = Wire(context.http, context.clock, self.settings.api_version, self.settings.page)
        self.owners = Owners(self.wire)
        self._learned = learned
        self._infos: dict[str, ObjectInfo] = {}
        self._stampless: set[str] = set()
        self._readers: dict[tuple[str, frozenset[str] | None], Reader] = {}
        self.currencies = None if self.settings.currency is None else self.settings.currency == SEVERAL
        """Whether records say which currency they are in; None: not known yet."""

    def schema(self, stream: str) -> Schema:
        """The mapped fields as the org allows them."""
        return schema_of(self.mappers[stream], self.describe(stream))

    def describe(self, stream: str) -> ObjectInfo:
        """Ask what the object is like, and remember it for this connector's life. Raises ConfigError when the
        settings say one currency and the org has several: its amounts would be misread."""
        name = SOBJECTS[stream]
        try:
            info = object_info(self.wire.get(f"/sobjects/{name}/describe").data)
        except NothingThere as error:
            raise NotAuthorised(f"Salesforce shows no object {name} to the signed-in user, or: {error}") from error
        except Refused as error:
            raise ContractViolation(f"Salesforce does not describe {name} ({error.code}: {error})") from error
        if self.settings.currency is None:
            self.currencies = info.currencies
        elif info.currencies and not self.currencies:
            raise ConfigError(
                f"currency is {self.settings.currency!r}, but this org keeps records in several currencies: "
                f'set currency = "{SEVERAL}"'
            )
        self._infos[stream] = info
        self._readers = {}
        self._learned(stream, info)
        return info

    def recall(self, stream: str, schema: Schema) -> None:
        """What a describe of an earlier run came to; only that the hub-id field is missing changes what is asked."""
        if not schema.stamps:
            self._stampless.add(stream)
            self._readers = {}

    def stamps(self, stream: str) -> bool:
        """Whether there is a field for the hub's id, as far as it is known."""
        info = self._infos.get(stream)
        return info.stamps if info is not None else stream not in self._stampless

    def info(self, stream: str) -> ObjectInfo | None:
        """What a describe said, None: none was asked yet."""
        return self._infos.get(stream)

    def knows_currency(self, stream: str, fields: Iterable[str] | None) -> bool:
        """Whether rows with these fields can be read for good: the column that only multi-currency orgs have is not
        among them, or it is known whether this org has it."""
        if self.currencies is not None:
            return True
        mapper = self.mappers[stream]
        names = mapper.parts if fields is None else [f for f in fields if f in mapper.parts]
        return not any(CURRENCY in p.rule.columns for name in names for p in mapper.parts[name])

    @property
    def leads(self) -> bool:
        """Whether leads are read, and so can be referred to."""
        return "leads" in self.mappers

    def reader(self, stream: str, fields: frozenset[str] | None = None) -> Reader:
        """Reads rows of the stream; `fields` narrows what is selected."""
        readers = self._readers
        reader = readers.get((stream, fields))
        if reader is None:
            reader = readers[stream, fields] = Reader(
                SOBJECTS[stream],
                self.mappers[stream],
                self._infos.get(stream),
                currencies=bool(self.currencies),
                currency=self._one_currency,
                fields=fields,
                stamps=self.stamps(stream),
                leads=self.leads,
            )
        return reader

    def drafter(self, stream: str) -> Drafter:
        """Makes the records of the stream's writes."""
        return Drafter(
            self.mappers[stream],
            self.owners,
            self._infos.get(stream),
            currencies=bool(self.currencies),
            currency=self._one_currency,
        )

    @property
    def _one_currency(self) -> str | None:
        return None if self.settings.currency == SEVERAL else self.settings.currency

    def narrow(self, stream: str, error: Refused) -> None:
        """Learn which fields there are, after a query was refused for one that is not. Raises ContractViolation when
        that cannot be the reason."""
        if error.code != "INVALID_FIELD" or stream in self._infos:
            raise ContractViolation(f"Salesforce refused a query ({error.code}: {error})") from error
        self.describe(stream)


def _refuse_odd_names(system: str, mappers: Mapping[str, Mapper]) -> None:
    """A column goes into the text of a query: it has to be a name."""
    problems = [
        f"[systems.{system}.map.{mapper.kind}] {column!r} is not the name of a Salesforce field"
        for mapper in mappers.values()
        for rule in mapper.rules
        for column in rule.columns
        if column != ROLES and not soql_text.is_name(column)
    ]
    if problems:
        raise ConfigError(problems)
