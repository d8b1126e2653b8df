"""A system that tells of a merge as of a deletion, and a connector that finds out who took the record over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tieline.connector import Connector
from tieline.errors import RateLimited
from tieline.model import Fields, Page, Remote, Window
from tieline.testing import MemoryConnector


class Tracing(MemoryConnector):
    """Knows who took over whom, and says it only when it is asked."""

    def __init__(self, system: Any, knows: bool = True) -> None:
        super().__init__(system)
        self._knows = knows
        self._into: dict[str, str] = {}
        self.asked: list[Mapping[str, Fields]] = []

    def changes(self, stream: str, window: Window, token: str | None) -> Page:
        page = super().changes(stream, window, token)
        return page._replace(remotes=[self._silent(r) for r in page.remotes])

    def read(self, stream: str, ids: Sequence[str], fields: frozenset[str] | None) -> Sequence[Remote]:
        return [self._silent(r) for r in super().read(stream, ids, fields)]

    def _silent(self, remote: Remote) -> Remote:
        for old in remote.aliases:
            self._into[old] = remote.id
        if remote.merged_into is not None:
            self._into[remote.id] = remote.merged_into
        return remote._replace(merged_into=None, aliases=())

    def heirs(self, stream: str, gone: Mapping[str, Fields]) -> Mapping[str, str]:
        self.asked.append(gone)
        return {i: self._into[i] for i in gone if self._knows and i in self._into}


class Silent(Tracing):
    """Cannot be asked at the moment."""

    def heirs(self, stream: str, gone: Mapping[str, Fields]) -> Mapping[str, str]:
        raise RateLimited("slow")


def joined(office: Any, connector: type[Tracing] = Tracing, **more: Any) -> tuple[Tracing, str, str]:
    """`crm`, whose merges look like deletions, and `mail`, which archives what is deleted there; two contacts."""
    office.add("crm")
    office.add("mail")
    office.rule("crm", "contact", delete="archive")
    made = connector(office.systems["crm"], **more)
    office.connectors["crm"] = made
    office.inner["crm"] = made
    one = office.create("crm", "contact", email="ada@x.example", first_name="Ada")
    two = office.create("crm", "contact", email="ada@y.example", first_name="Ada")
    office.sync()
    return made, one, two


def test_who_was_merged_is_not_deleted_elsewhere(office: Any) -> None:
    crm, winner, loser = joined(office)
    office.systems["crm"].person_merge("contact", winner, loser)
    office.sync()
    office.sync()
    assert len(office.systems["mail"].alive("contact")) == 2
    assert [{i: f["email"] for i, f in gone.items()} for gone in crm.asked] == [{loser: "ada@y.example"}]


@pytest.mark.parametrize("how", ["it was deleted", "nothing tells of the merge"])
def test_who_has_no_heir_is_deleted(office: Any, how: str) -> None:
    crm, winner, loser = joined(office, knows=how == "it was deleted")
    if how == "it was deleted":
        office.systems["crm"].person_delete("contact", loser)
    else:
        office.systems["crm"].person_merge("contact", winner, loser)
    office.sync()
    assert office.values("mail", "contact", "email") == ["ada@x.example"]
    assert len(crm.asked) == 1


def test_nobody_is_asked_for_twice_or_without_need(office: Any) -> None:
    crm, _, loser = joined(office)
    office.sync()
    assert crm.asked == []
    office.systems["crm"].person_delete("contact", loser)
    for _ in range(3):
        office.sync()
    assert len(crm.asked) == 1


def test_as_long_as_nobody_can_be_asked_nothing_is_deleted(office: Any) -> None:
    _, winner, loser = joined(office, Silent)
    office.systems["crm"].person_merge("contact", winner, loser)
    assert not office.sync().converged
    assert len(office.systems["mail"].alive("contact")) == 2


def test_what_is_offered_is_a_connector(office: Any) -> None:
    office.add("crm")
    connector: Connector = Tracing(office.systems["crm"])
    assert connector.facts.streams
