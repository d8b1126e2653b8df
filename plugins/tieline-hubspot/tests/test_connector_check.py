"""Schema and `tieline check`: what the account allows, what is missing, and exactly what to do about it."""

from __future__ import annotations

import pytest

from tieline import Rule
from tieline_hubspot.mapping import TABLES


def definition(name: str, type: str = "string", **more: object) -> dict[str, object]:
    meta = {"readOnlyValue": more.pop("read_only", False)}
    return {"name": name, "type": type, "fieldType": "text", "modificationMetadata": meta, **more}


CONTACTS = [
    definition(c) for r in TABLES["contacts"] for c in r.columns if not c.startswith(("association", "hs_lead_status"))
] + [
    definition("hs_lead_status", "enumeration", options=[{"value": "NEW", "label": "New"}], fieldType="select")
    | {"fieldType": "select"},
    definition("tieline_id", hasUniqueValue=True),
]


def without(*names: str) -> dict[str, object]:
    return {"results": [d for d in CONTACTS if d["name"] not in names]}


@pytest.fixture
def account(script, wire):
    """An account where all is well; a test changes one thing. Routes told first win."""

    def make(**answers):
        script.on("GET objects/2026-09/contacts", answers.get("list", wire.done()))
        script.on("GET /crm/properties/2026-09/contacts", answers.get("properties", (200, without())))
        script.on("GET /account-info/2026-09/details", answers.get("details", (200, {"timeZone": "UTC"})))
        script.on("GET /crm/owners/2026-09", answers.get("owners", (200, {"results": []})))
        script.on("GET /definitions", answers.get("definitions", (200, {"results": [{"id": "5"}]})))
        return script

    return make


def found(hub, level: str) -> list[tuple[str, str, str]]:
    return [(f.subject, f.message, f.remedy) for f in hub.check() if f.level == level]


def test_an_account_where_all_is_well_has_no_error_and_no_warning(hubspot, account):
    account()
    hub = hubspot(streams=("contacts",))
    assert found(hub, "error") == []
    assert found(hub, "warning") == []


def test_the_schema_costs_one_call(hubspot, account, script):
    account()
    schema = hubspot(streams=("contacts",)).schema("contacts")
    assert script.lines == ["GET /crm/properties/2026-09/contacts"]
    assert schema.stamps
    assert schema.fields["lead_status"].choices == ("NEW",)
    assert not schema.fields["other_emails"].write
    assert schema.fields["consent_email"].write
    assert schema.fields["account"].write


def test_a_property_that_may_not_be_written_makes_the_field_read_only(hubspot, account):
    account(properties=(200, {"results": [definition("email"), definition("jobtitle", read_only=True)]}))
    fields = hubspot(streams=("contacts",)).schema("contacts").fields
    assert fields["email"].write
    assert fields["title"].read
    assert not fields["title"].write
    assert not fields["phone"].read  # the account does not have it


def test_the_fingerprint_moves_with_an_option_and_not_with_what_is_not_mapped(hubspot, account, script):
    account()
    hub = hubspot(streams=("contacts",))
    before = hub.schema("contacts").fingerprint
    script._told["GET /crm/properties/2026-09/contacts"] = [(200, {"results": [*CONTACTS, definition("unmapped")]})]
    assert hub.schema("contacts").fingerprint == before
    more = definition("hs_lead_status", "enumeration", options=[{"value": "NEW"}, {"value": "OLD"}])
    script._told["GET /crm/properties/2026-09/contacts"] = [
        (200, {"results": [more, *without("hs_lead_status")["results"]]})
    ]
    assert hub.schema("contacts").fingerprint != before


def test_a_missing_hub_id_property_comes_with_the_call_that_makes_it(hubspot, account):
    account(properties=(200, without("tieline_id")))
    ((subject, _, remedy),) = found(hubspot(streams=("contacts",)), "warning")
    assert subject == "contacts.tieline_id"
    assert remedy.startswith("tieline check --fix, or: POST /crm/properties/2026-09/contacts {")
    assert '"hasUniqueValue":true' in remedy
    assert "Settings > Properties" in remedy


def test_the_missing_property_is_made_as_told(hubspot, account, script):
    account(properties=(200, without("tieline_id")))
    script.on("POST /crm/properties/2026-09/contacts", (201, definition("tieline_id", hasUniqueValue=True)))
    hub = hubspot(streams=("contacts",))
    [finding] = [f for f in hub.check() if f.mend]
    assert hub.mend(finding.mend)[:3] == ("ok", "contacts.tieline_id", "made")
    assert script.lines[-1] == "POST /crm/properties/2026-09/contacts"


@pytest.mark.parametrize(
    ("answer", "level", "message"),
    [
        ((409, {"message": "exists", "category": "OBJECT_ALREADY_EXISTS"}), "ok", "exists"),
        ((400, {"message": "10 unique properties are the limit"}), "error", "10 unique properties are the limit"),
    ],
)
def test_a_property_that_is_there_is_no_failure_and_one_refused_says_why(hubspot, script, answer, level, message):
    script.on("POST /crm/properties/2026-09/contacts", answer)
    made = hubspot(streams=("contacts",)).mend("contacts")
    assert made.level == level
    assert message in made.message


def test_a_hub_id_property_that_is_not_unique_is_an_error(hubspot, account):
    body = {"results": [*without("tieline_id")["results"], definition("tieline_id")]}
    account(properties=(200, body))
    ((_, message, _),) = found(hubspot(streams=("contacts",)), "error")
    assert "not unique" in message


def test_a_mapped_property_that_does_not_exist_is_named_with_the_nearest_one(hubspot, account):
    rules = [*TABLES["contacts"], Rule("jobtitel", "x_job")]
    account()
    ((subject, _, remedy),) = found(hubspot(streams=("contacts",), rules={"contacts": rules}), "warning")
    assert subject == "contacts.jobtitel"
    assert "'jobtitle'" in remedy


def test_a_value_map_is_held_against_the_options(hubspot, account):
    rules = [r for r in TABLES["contacts"] if r.remote != "hs_lead_status"]
    rules.append(Rule("hs_lead_status", "lead_status", values={"NEU": "new"}))
    account()
    ((subject, message, _),) = found(hubspot(streams=("contacts",), rules={"contacts": rules}), "warning")
    assert subject == "contacts.hs_lead_status"
    assert "'NEU'" in message


def test_a_missing_scope_is_an_error_that_names_it(hubspot, account):
    body = {
        "category": "MISSING_SCOPES",
        "message": "No.",
        "context": {"requiredScopes": ["crm.objects.contacts.read"]},
    }
    account(list=(403, body))
    ((subject, message, remedy),) = found(hubspot(streams=("contacts",)), "error")
    assert subject == "contacts"
    assert "crm.objects.contacts.read" in message
    assert "scope" in remedy


def test_owners_and_consent_without_their_scopes_are_warnings(hubspot, account):
    refused = (403, {"category": "MISSING_SCOPES", "message": "No.", "context": {"requiredScopes": ["x.read"]}})
    account(owners=refused, definitions=refused)
    subjects = [s for s, _, _ in found(hubspot(streams=("contacts",)), "warning")]
    assert subjects == ["owners", "hs_email_optout"]


def test_another_time_zone_than_the_accounts_is_a_warning_for_deals(hubspot, account, script, wire):
    script.on("GET /crm/pipelines/2026-09/deals", (200, {"results": []}))
    script.on("GET objects/2026-09/deals", wire.done())
    script.on("GET /crm/properties/2026-09/deals", (200, {"results": []}))
    account(details=(200, {"timeZone": "Europe/Berlin"}))
    warnings = [(s, r) for s, _, r in found(hubspot(streams=("deals",)), "warning")]
    assert ("timezone", 'Set timezone = "Europe/Berlin".') in warnings


def test_an_unknown_subscription_is_an_error(hubspot, account):
    account()
    ((subject, message, _),) = found(hubspot(streams=("contacts",), subscriptions=[6]), "error")
    assert (subject, "6" in message) == ("subscriptions", True)


def test_checking_writes_nothing(hubspot, account, script):
    account()
    list(hubspot(streams=("contacts",)).check())
    assert not [r for r in script.asked if r.write]
