"""`tieline check` for a Zendesk account: each finding says what is wrong and what to do."""

from __future__ import annotations

import pytest

from tieline import NotAuthorised, RateLimited, Rule, Unavailable


@pytest.fixture
def admin(zd):
    return zd.answer({"user": {"id": 1, "name": "Ada", "role": "admin"}})


def found(zendesk):
    return [(f.level, f.subject) for f in zendesk.check()]


def test_all_is_well(connect, zd, admin):
    zendesk, script = connect([admin, zd.listing("organizations"), zd.listing("users", zd.user(1))])
    assert found(zendesk) == [("ok", "sign-in"), ("ok", "organizations.external_id"), ("ok", "users.external_id")]
    assert all(r.method == "GET" for r in script.asked)


def test_only_an_admin_may_export(connect, zd):
    agent = zd.answer({"user": {"id": 1, "name": "Ada", "role": "agent"}})
    zendesk, _ = connect([agent, zd.listing("organizations"), zd.listing("users")])
    assert found(zendesk)[0] == ("error", "sign-in")


def test_another_tools_ids_are_counted(connect, zd, admin):
    rows = [zd.user(1, external_id="shop-1"), zd.user(2, external_id=zd.hub + "1"), zd.user(3)]
    zendesk, _ = connect([admin, zd.listing("organizations"), zd.listing("users", *rows)])
    finding = [*zendesk.check()][-1]
    assert (finding.level, finding.message[:6], "hub_field" in finding.remedy) == ("warning", "1 of 3", True)


def test_a_hub_field_that_is_missing_or_of_another_type_is_an_error(connect, zd, admin):
    answers = [
        admin,
        zd.listing("organization_fields"),
        zd.listing("organizations"),
        zd.listing("user_fields", zd.field("tie", "checkbox")),
        zd.listing("users"),
    ]
    zendesk, _ = connect(answers, hub_field="tie")
    missing, wrong = [*zendesk.check()][1:]
    assert (missing.level, wrong.level) == ("error", "error")
    assert "POST /api/v2/organization_fields" in missing.remedy
    assert "a checkbox" in wrong.message


def test_the_missing_hub_field_is_made_as_told(connect, zd, admin):
    zendesk, script = connect([zd.answer({"user_field": {"id": 5, "key": "tie"}}, 201)], hub_field="tie")
    assert zendesk.mend("users")[:3] == ("ok", "users.user_fields.tie", "made")
    assert (script.asked[0].method, script.asked[0].path) == ("POST", "/api/v2/user_fields")
    assert script.asked[0].json == {"user_field": {"key": "tie", "type": "text", "title": "Tieline ID"}}


@pytest.mark.parametrize(("there", "level"), [(["tie"], "ok"), ([], "error")])
def test_a_hub_field_that_is_refused_is_told_unless_it_is_there(connect, zd, there, level):
    fields = zd.listing("user_fields", *(zd.field(key) for key in there))
    zendesk, _ = connect([zd.refused("key", "Key: is already taken"), fields], hub_field="tie")
    assert zendesk.mend("users").level == level


def test_a_hub_field_that_is_there_is_fine_and_told_to_be_weaker(connect, zd, admin):
    fields = [zd.listing(f"{s}_fields", zd.field("tie")) for s in ("organization", "user")]
    zendesk, _ = connect(
        [admin, fields[0], zd.listing("organizations"), fields[1], zd.listing("users")], hub_field="tie"
    )
    assert [f.level for f in zendesk.check()] == ["ok", "ok", "ok"]


def test_a_key_that_is_no_field_is_named_with_its_neighbour(connect, zd, admin):
    fields = zd.listing("user_fields", zd.field("plan_name"))
    zendesk, _ = connect(
        [admin, zd.listing("organizations"), fields, zd.listing("users")],
        rules={"users": [Rule("user_fields.plan_nam", "x_plan")]},
    )
    warning = next(f for f in zendesk.check() if f.level == "warning")
    assert (warning.subject, warning.remedy) == ("users.user_fields.plan_nam", "Did you mean 'plan_name'?")


def test_a_value_that_is_no_option_is_named(connect, zd, admin):
    fields = zd.listing("user_fields", zd.field("plan", "tagger", "gold"))
    rule = Rule("user_fields.plan", "x_plan", values={"gold": "Gold", "golden": "Golden"})
    zendesk, _ = connect([admin, zd.listing("organizations"), fields, zd.listing("users")], rules={"users": [rule]})
    assert [f.message for f in zendesk.check() if f.level == "warning"] == ["'golden' is no option of the field"]


def test_an_address_without_an_account_is_told_as_such(connect, zd):
    zendesk, _ = connect([zd.text("no help desk", 404)])
    assert found(zendesk) == [("error", "base_url")]
    zendesk, _ = connect([zd.text("no help desk", 404)], subdomain="acne")
    (finding,) = zendesk.check()
    assert (finding.subject, "acne" in finding.remedy) == ("subdomain", True)


@pytest.mark.parametrize(
    ("error", "told"),
    [(NotAuthorised("no"), ("error", "sign-in")), (Unavailable("away", sent=True), ("warning", "base_url"))],
)
def test_what_cannot_be_asked_is_told(connect, error, told):
    zendesk, _ = connect([error])
    assert found(zendesk) == [told]


def test_a_stream_that_may_not_be_read_does_not_hide_the_others(connect, zd, admin):
    zendesk, _ = connect([admin, zd.answer({"error": "Forbidden"}, 403), RateLimited("slow")])
    assert found(zendesk) == [("ok", "sign-in"), ("error", "organizations"), ("warning", "users")]
