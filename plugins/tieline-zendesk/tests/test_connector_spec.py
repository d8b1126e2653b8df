"""What the plugin says of itself: settings, addresses, the fields of a stream, what is told of tickets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from tieline import Action, ConfigError, Context, Need, Problem, Rule
from tieline_zendesk.oauth import API_TOKENS_END, scopes
from tieline_zendesk.settings import ZendeskSettings
from tieline_zendesk.spec import SPEC

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.parametrize("wrong", ["evil.example/", "a@b", "acme.zendesk.com", "", "-a", "a_b", "ACME", "a\n", 7])
def test_a_subdomain_that_could_lead_elsewhere_is_refused_in_plain_words(wrong):
    with pytest.raises(ValidationError, match=r"no subdomain: give what stands before \.zendesk\.com"):
        ZendeskSettings(subdomain=wrong)


def test_a_subdomain_is_the_address():
    assert SPEC.address.format(subdomain=ZendeskSettings(subdomain="acme").subdomain) == "https://acme.zendesk.com"


@pytest.mark.parametrize("wrong", ["a.b", "user_fields.x", "", "7", "a b"])
def test_a_hub_field_is_a_plain_key(wrong):
    with pytest.raises(ValidationError):
        ZendeskSettings(hub_field=wrong)


@pytest.mark.parametrize("wrong", [{"page": 1001}, {"overlap": 60}, {"job_wait": 0}])
def test_limits_are_kept(wrong):
    with pytest.raises(ValidationError):
        ZendeskSettings(**wrong)


def test_it_needs_an_http_client(tmp_path):
    with pytest.raises(ConfigError, match="support"):
        SPEC.connect(Context("support", ZendeskSettings(), {}, None, None, tmp_path))


def test_without_fields_of_the_accounts_own_a_schema_costs_nothing(connect):
    zendesk, script = connect([])
    schema = zendesk.schema("users")
    assert schema.stamps
    assert {n: (f.write, f.clear) for n, f in schema.fields.items()} == {
        "email": (True, False),
        "first_name": (True, True),
        "last_name": (True, True),
        "phone": (True, True),
        "account": (True, True),
    }
    assert [n for n, f in zendesk.schema("organizations").fields.items() if f.required] == ["name"]
    assert script.asked == []


def test_definitions_of_several_pages_are_read_to_the_end(connect, zd):
    zendesk, script = connect(
        [zd.listing("user_fields", zd.field("a"), after="p2"), zd.listing("user_fields", zd.field("b"))],
        rules={"users": [Rule("user_fields.a", "x_a"), Rule("user_fields.b", "x_b")]},
    )
    fields = zendesk.schema("users").fields
    assert (fields["x_a"].write, fields["x_b"].write) == (True, True)
    assert script.asked[1].params["page[after]"] == "p2"


def test_a_fingerprint_changes_with_a_mapped_field_alone(connect, zd):
    def fingerprint(*fields):
        zendesk, _ = connect([zd.listing("user_fields", *fields)], rules={"users": [Rule("user_fields.a", "x_a")]})
        return zendesk.schema("users").fingerprint

    plain = fingerprint(zd.field("a", "tagger", "one"))
    assert plain == fingerprint(zd.field("a", "tagger", "one"), zd.field("other"))
    assert plain != fingerprint(zd.field("a", "tagger", "one", "two"))
    assert plain != fingerprint(zd.field("a", "tagger", "one", active=False))


def test_a_value_map_turns_choices_into_canonical_ones(connect, zd):
    rule = Rule("user_fields.a", "x_a", values={"gold": "Gold", "old": "Old"})
    zendesk, _ = connect([zd.listing("user_fields", zd.field("a", "tagger", "gold", "new"))], rules={"users": [rule]})
    assert zendesk.schema("users").fields["x_a"].choices == ("Gold",)


@pytest.mark.parametrize("kind", ["multiselect", "lookup"])
def test_what_is_no_single_text_is_read_only(connect, zd, kind):
    rules = {"users": [Rule("user_fields.a", "x_a")]}
    zendesk, _ = connect([zd.listing("user_fields", zd.field("a", kind, "gold"))], rules=rules)
    facts = zendesk.schema("users").fields["x_a"]
    assert (facts.read, facts.write) == (True, False)


def test_without_its_field_nothing_is_stamped_and_nothing_found(connect, zd):
    zendesk, script = connect([zd.listing("user_fields")], hub_field="tie")
    assert not zendesk.schema("users").stamps
    assert zendesk.find("users", [zd.hub + "1"]) == ()
    assert len(script.asked) == 1


def test_a_remembered_schema_says_what_the_account_lacks(connect, zd):
    first, _ = connect([zd.listing("user_fields")], hub_field="tie")
    told = first.schema("users")
    zendesk, script = connect([], hub_field="tie")
    zendesk.recall("users", told)
    assert zendesk.find("users", [zd.hub + "1"]) == ()
    assert script.asked == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"subject": "S"}, "comment"),
        ({"comment": "C", "requester": "../1"}, "requester"),
        ({"comment": "C", "color": "red"}, "color"),
        ({"comment": "C", "custom.x": "1"}, "custom.x"),
    ],
)
def test_a_ticket_that_cannot_be_said_is_refused_before_anything_is_sent(connect, fields, field):
    zendesk, script = connect([])
    receipt = zendesk.act(Action("ticket", "k", fields))
    assert (receipt.status, [p.field for p in receipt.problems]) == ("rejected", [field])
    assert script.asked == []


def test_another_action_is_refused(connect):
    zendesk, _ = connect([])
    assert zendesk.act(Action("folder", "k", {})).problems[0].code == "unknown"


def test_a_refused_ticket_names_the_actions_field(connect, zd):
    zendesk, _ = connect([zd.refused("requester_id", "Requester: is invalid")])
    receipt = zendesk.act(Action("ticket", "k", {"comment": "C", "requester": "5"}))
    assert receipt.problems == (Problem("requester", "Requester: is invalid", "InvalidValue"),)


def test_a_ticket_that_is_answered_with_something_else_is_of_unknown_outcome(connect, zd):
    zendesk, _ = connect([zd.answer({}, 201)])
    assert zendesk.act(Action("ticket", "k", {"comment": "C"})).status == "unknown"


def test_the_readme_names_what_is_asked_for_and_nothing_else():
    needs = [Need(s, k, frozenset(), write=True) for s, k in SPEC.kinds.items()]
    rows = [r for r in README.read_text("utf-8").splitlines() if r.startswith("|") and ":" in r]
    assert {w for r in rows for w in re.findall(r"`([a-z]+:(?:read|write))`", r)} == set(scopes(needs))


def test_the_readme_names_the_day_api_tokens_end():
    assert API_TOKENS_END in README.read_text("utf-8")
    assert API_TOKENS_END in SPEC.http.basic  # what `tieline check` warns of where one is used
