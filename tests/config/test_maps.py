"""How `[systems.NAME.map.KIND]` changes a default table."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tieline.config import Config
from tieline.errors import ConfigError
from tieline.mapping import Mapper

Read = Callable[..., Config]


def mapper(read: Read, lines: str, kind: str = "account", stream: str = "Company") -> Mapper:
    return read(f"[systems.crm.map.{kind}]\n{lines}\n").systems["crm"].mappers[stream]


def table(found: Mapper) -> dict[str, str]:
    return {rule.remote: rule.field for rule in found.rules}


def test_a_line_adds_a_field_and_keeps_the_others(read: Read) -> None:
    found = mapper(read, 'Phone = "phone"')
    assert table(found) == {
        "Name": "name",
        "City": "address.city",
        "Street": "address.street",
        "Industry": "industry",
        "Staff": "employees",
        "Phone": "phone",
    }


def test_a_line_replaces_the_column_a_field_came_from(read: Read) -> None:
    found = table(mapper(read, 'LegalName = "name"'))
    assert found["LegalName"] == "name"
    assert "Name" not in found


def test_a_line_replaces_what_a_column_was_mapped_to(read: Read) -> None:
    assert table(mapper(read, 'Name = "x_legal_name"'))["Name"] == "x_legal_name"


def test_a_part_replaces_that_part_alone_and_a_whole_all_parts(read: Read) -> None:
    assert table(mapper(read, 'Town = "address.city"'))["Street"] == "address.street"
    whole = table(mapper(read, 'Address = "address"'))
    assert whole["Address"] == "address"
    assert "City" not in whole
    assert "Street" not in whole


def test_false_takes_a_default_away(read: Read) -> None:
    assert "Staff" not in table(mapper(read, "Staff = false"))


def test_the_form_of_a_default_is_kept_when_its_own_line_is_refined(read: Read, kit: SimpleNamespace) -> None:
    found = mapper(read, 'Industry = { field = "industry", write = false }')
    rule = next(r for r in found.rules if r.remote == "Industry")
    assert rule.load is kit.shout
    assert not rule.write


def test_values_go_both_ways(read: Read) -> None:
    found = mapper(read, 'Kind = { field = "type", values = { "1" = "customer", "2" = "partner" } }')
    assert found.read({"Kind": "2"})[0]["type"] == "partner"
    assert found.write({"type": "customer"})[0] == {"Kind": "1"}


def test_values_that_cannot_be_told_apart_on_the_way_back_are_noted(read: Read) -> None:
    config = read('[systems.crm.map.account]\nKind = { field = "type", values = { a = "x", b = "x" } }\n')
    assert "'a' and 'b' both mean 'x'; 'a' is written" in config.notes[0]


def test_a_template_a_constant_a_default_and_a_type_are_understood(read: Read) -> None:
    found = mapper(
        read,
        '"{City} ({Street})" = "description"\n'
        'always = { field = "type", const = "customer" }\n'
        'Staff = { field = "employees", default = 1 }\n'
        'Score = { field = "x_score", type = "integer" }\n',
    )
    fields, problems = found.read({"City": "Oslo", "Street": "1st", "Score": "7"})
    assert problems == ()
    assert fields["description"] == "Oslo (1st)"
    assert fields["type"] == "customer"
    assert fields["x_score"] == 7
    assert found.defaults == {"employees": 1}
    assert "type" not in found.write({"type": "customer"})[0]


def test_a_line_of_a_kind_reaches_all_its_streams_and_one_of_a_stream_only_that(read: Read) -> None:
    config = read('[systems.crm.map.contact]\nTel = "phone"\n[systems.crm.map.Lead]\nCell = "mobile"\n')
    mappers = config.systems["crm"].mappers
    assert "phone" in mappers["Person"].specs
    assert "phone" in mappers["Lead"].specs
    assert "mobile" in mappers["Lead"].specs
    assert "mobile" not in mappers["Person"].specs


@pytest.mark.parametrize(("said", "there"), [("", False), ("Prospect = false\n", False), ("Prospect = true\n", True)])
def test_an_optional_stream_takes_part_only_where_the_configuration_says_so(read: Read, said: str, there: bool) -> None:
    head = '[systems.crm]\nconnector = "acme"\nauth = {type = "none"}\n'
    config = read("", systems=head + said)
    assert ("Prospect" in config.systems["crm"].mappers) is there
    assert config.systems["crm"].kinds == ("account", "contact")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('Prospect = "yes"\n', 'crm.Prospect: must be true or false, not "yes"'),
        ('[systems.crm.map.Prospect]\nTel = "phone"\n', "take part only where [systems.crm] says Prospect = true"),
    ],
)
def test_an_optional_stream_is_not_switched_on_by_the_way(read: Read, lines: str, message: str) -> None:
    head = '[systems.crm]\nconnector = "acme"\nauth = {type = "none"}\n'
    with pytest.raises(ConfigError) as caught:
        read("", systems=head + lines)
    assert any(message in p for p in caught.value.problems), caught.value.problems


def test_a_default_that_only_one_stream_of_a_kind_has_can_be_switched_off_for_the_kind(read: Read) -> None:
    mappers = read("[systems.crm.map.contact]\nJobTitle = false\n").systems["crm"].mappers
    assert "title" in mappers["Person"].specs
    assert "title" not in mappers["Lead"].specs


def test_a_kind_without_any_column_is_off_until_it_is_mapped(read: Read) -> None:
    head = '[systems.in]\nconnector = "folder"\npath = "x"\n'
    config = read("[systems.in.map.contact]\nMail = 'email'\n", systems=head)
    assert config.systems["in"].kinds == ("contact",)
    with pytest.raises(ConfigError) as caught:
        read("[systems.in.opportunity]\nmode = 'read'\n", systems=head)
    assert "nothing is mapped; name columns in [systems.in.map.opportunity]" in str(caught.value)


def test_a_custom_field_can_have_a_policy_once_it_is_mapped(read: Read) -> None:
    config = read('[systems.crm.map.contact]\nS = "x_score"\n[sync.contact]\nx_score = "only:crm"\n')
    assert str(config.rules.policies["contact"]["x_score"]) == "only:crm"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('T = "titel"', "account has no field 'titel'"),
        ('T = "nmae"', "account has no field 'nmae'; did you mean 'name'; a field of your own starts with x_"),
        ('T = "address.town"', "address has no part 'town'; known: city"),
        ('T = "name.first"', "name has no part 'first'; it has no parts"),
        ('T = { field = "x_t", type = "txt" }', "there is no type 'txt'; did you mean 'text'?"),
        ('T = { field = "name", type = "text" }', "`type` is for fields of your own"),
        ('T = { feld = "name" }', "T.feld: unknown key; did you mean 'field'?"),
        ('T = { values = { a = "b" } }', "T.field: is required"),
        ("T = 3", "must be a table, not 3"),
        ("T = false", "there is no default line to switch off"),
        ('T = { field = "employees", default = "many" }', 'default: "many" does not fit employees (integer)'),
        ('T = { field = "employees", values = { a = "many" } }', 'values: "many" does not fit employees'),
        ('"{A" = "name"', "is not a template of columns"),
        ('"{}" = "name"', "a template names columns in braces"),
        ('A = "name"\nB = "name"', "'name' is already read from 'A'"),
        ('A = "address"\nB = "address.city"', "'address.city' is already read from 'A'"),
    ],
)
def test_a_line_that_cannot_work_is_refused(read: Read, lines: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        mapper(read, lines)
    assert any(message in p for p in caught.value.problems), caught.value.problems


def test_a_field_may_be_read_from_one_column_and_written_to_another(read: Read) -> None:
    found = mapper(read, 'A = { field = "name", write = false }\nB = { field = "name", read = false }')
    assert found.read({"A": "x"})[0] == {"name": "x"}
    row: dict[str, Any] = found.write({"name": "y"})[0]
    assert row == {"B": "y"}
