"""Rows: values as HubSpot has them ↔ canonical cells, in the account's zone and with the account's own names."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tieline import Rule, compile_rules
from tieline_hubspot.mapping import KINDS, TABLES
from tieline_hubspot.portal import Portal
from tieline_hubspot.rows import Rows, as_text
from tieline_hubspot.settings import HubSpotSettings
from tieline_hubspot.spec import SPEC
from tieline_hubspot.wire import millis

ZONES = sorted(z for z in available_timezones() if "/" in z and not z.startswith(("Etc/", "SystemV/")))
OWNERS = {"results": [{"id": "7", "email": "Ann@Firm.example"}, {"id": "8", "email": None}]}
LEFT = {"results": [{"id": "9", "email": "gone@firm.example", "archived": True}]}
PIPELINES = {
    "results": [
        {
            "id": "default",
            "label": "Sales",
            "displayOrder": 0,
            "stages": [{"id": "s1", "label": "New"}, {"id": "s2", "label": "Won"}],
        },
        {
            "id": "p2",
            "label": "Renewals",
            "displayOrder": 1,
            "stages": [{"id": "r1", "label": "New"}, {"id": "r2", "label": "Renewed"}],
        },
    ]
}


def offline(stream: str, zone: str = "UTC") -> Rows:
    return Rows(stream, compile_rules(KINDS[stream], TABLES[stream]), zone, Portal(None))  # type: ignore[arg-type]


def test_every_default_table_compiles_and_names_each_property_once():
    for stream, table in SPEC.mapping.items():
        mapper = compile_rules(SPEC.kinds[stream], table)
        assert len(mapper.columns) == len(table)


def test_an_unknown_zone_is_refused_with_an_example():
    with pytest.raises(ValidationError, match="Europe/Berlin"):
        HubSpotSettings(timezone="Mars/Olympus")


def test_stamps_are_read_to_the_millisecond_with_or_without_a_fraction():
    assert millis("1970-01-01T00:00:01.007Z") == 1007
    assert millis("1970-01-01T00:00:01Z") == 1000


@given(st.sampled_from(ZONES), st.dates(date(1990, 1, 1), date(2040, 1, 1)))
def test_a_close_date_is_the_same_day_after_a_round_trip_in_every_zone(zone: str, day: date):
    rows = offline("deals", zone)
    moment = rows.midnight(day.isoformat())
    assert rows.day(moment) == day.isoformat()


def test_a_close_date_is_midnight_of_the_accounts_zone_and_not_of_utc():
    rows = offline("deals", "America/Phoenix")
    assert rows.midnight("2024-03-31") == "2024-03-31T07:00:00.000Z"
    assert rows.day("2024-03-31T07:00:00Z") == "2024-03-31"
    assert rows.day("2024-03-31T06:59:59.999Z") == "2024-03-30"


def test_a_campaigns_start_stays_the_day_it_is_in_every_zone():
    assert offline("campaigns", "Pacific/Kiritimati").day("2024-05-01") == "2024-05-01"


def test_a_year_of_days_survives_the_zone_with_a_switch_at_midnight():
    rows = offline("deals", "America/Sao_Paulo")
    days = [(date(2018, 1, 1) + timedelta(n)).isoformat() for n in range(366)]
    assert [rows.day(rows.midnight(d)) for d in days] == days


def test_a_probability_is_read_as_percent(hubspot, script, wire):
    script.on("GET objects/2026-09/deals", wire.done(wire.stored("1", hs_deal_stage_probability="0.2")))
    (deal,) = hubspot().list("deals", None).remotes
    assert deal.fields["probability"] == "20"


def test_an_amount_and_its_currency_are_one_value(hubspot, script, wire):
    script.on("GET objects/2026-09/deals", wire.done(wire.stored("1", amount="1250.50", deal_currency_code="EUR")))
    (deal,) = hubspot().list("deals", None).remotes
    assert deal.fields["amount"] == {"amount": "1250.5", "currency": "EUR"}


def test_booleans_lists_and_numbers_are_text_on_the_wire():
    assert [as_text(v) for v in (True, False, ["a", "b"], 3, "1.5")] == ["true", "false", "a;b", "3", "1.5"]


# -- owners


def test_an_owner_is_an_email_address_in_lower_case_and_owners_are_fetched_once(hubspot, script, wire):
    script.on("GET contacts", wire.done(wire.stored("1", hubspot_owner_id="7"), wire.stored("2", hubspot_owner_id="7")))
    script.on("GET /crm/owners/2026-09", (200, OWNERS))
    remotes = hubspot().list("contacts", None).remotes
    assert [r.fields["owner"] for r in remotes] == ["ann@firm.example"] * 2
    assert script.lines.count("GET /crm/owners/2026-09") == 1


def test_records_without_an_owner_cost_no_call_for_owners(hubspot, script, wire):
    script.on("GET contacts", wire.done(wire.stored("1", hubspot_owner_id=None), wire.stored("2", hubspot_owner_id="")))
    assert [r.fields["owner"] for r in hubspot().list("contacts", None).remotes] == [None, None]
    assert len(script.asked) == 1


def test_an_owner_who_left_is_still_read_by_his_address(hubspot, script, wire):
    script.on("GET contacts", wire.done(wire.stored("1", hubspot_owner_id="9")))
    script.on("GET /crm/owners/2026-09", (200, OWNERS), (200, LEFT))
    (contact,) = hubspot().list("contacts", None).remotes
    assert contact.fields["owner"] == "gone@firm.example"


def test_an_unknown_owner_is_a_problem_of_that_field_alone(hubspot, script, wire):
    script.on("GET contacts", wire.done(wire.stored("1", hubspot_owner_id="404", firstname="Ada")))
    script.on("GET /crm/owners/2026-09", (200, OWNERS))
    (contact,) = hubspot().list("contacts", None).remotes
    assert [p.field for p in contact.problems] == ["owner"]
    assert "owner" not in contact.fields
    assert contact.fields["first_name"] == "Ada"


def test_without_the_scope_for_owners_only_the_owner_is_a_problem(hubspot, script, wire):
    refused = {
        "category": "MISSING_SCOPES",
        "message": "no",
        "context": {"requiredScopes": ["crm.objects.owners.read"]},
    }
    script.on("GET contacts", wire.done(wire.stored("1", hubspot_owner_id="7"), wire.stored("2", hubspot_owner_id="7")))
    script.on("GET /crm/owners/2026-09", (403, refused))
    remotes = hubspot().list("contacts", None).remotes
    assert ["crm.objects.owners.read" in r.problems[0].message for r in remotes] == [True, True]
    assert script.lines.count("GET /crm/owners/2026-09") == 1


# -- stages


def test_a_stage_is_read_as_its_label(hubspot, script, wire):
    script.on("GET objects/2026-09/deals", wire.done(wire.stored("1", dealstage="r2", pipeline="p2")))
    script.on("GET /crm/pipelines/2026-09/deals", (200, PIPELINES))
    (deal,) = hubspot().list("deals", None).remotes
    assert (deal.fields["stage"], deal.fields["pipeline"]) == ("Renewed", "Renewals")


def test_an_unknown_stage_is_a_problem_and_never_a_guess(hubspot, script, wire):
    script.on("GET objects/2026-09/deals", wire.done(wire.stored("1", dealstage="zz", dealname="D")))
    script.on("GET /crm/pipelines/2026-09/deals", (200, PIPELINES))
    (deal,) = hubspot().list("deals", None).remotes
    assert deal.problems[0].field == "stage"
    assert deal.fields["name"] == "D"
    assert "stage" not in deal.fields


@pytest.mark.parametrize("key", ["s2", "Won"])
def test_a_value_map_of_the_users_may_speak_of_ids_or_of_labels(hubspot, script, wire, key):
    rules = [Rule("dealstage", "stage", values={key: "Closed Won"})]
    script.on("GET objects/2026-09/deals", wire.done(wire.stored("1", dealstage="s2")))
    script.on("GET /crm/pipelines/2026-09/deals", (200, PIPELINES))
    script.on("POST deals/batch/update", wire.echo())
    hub = hubspot(streams=("deals",), rules={"deals": rules})
    assert hub.list("deals", None).remotes[0].fields["stage"] == "Closed Won"
    from tieline import Write

    (outcome,) = hub.write("deals", [Write("update", "h", {"stage": "Closed Won"}, "1")])
    assert script.bodies("deals/batch/update")[0]["inputs"][0]["properties"] == {"dealstage": "s2"}
    assert outcome.status == "ok"


def test_what_is_no_record_is_told_with_its_id_where_it_shows_one() -> None:
    found, bad = offline("contacts").remotes([{"id": "7", "properties": None}, {"properties": {}}, "nonsense"])
    assert found == []
    assert [(b.where, b.id) for b in bad] == [("contacts 7", "7"), ("contacts ?", None), ("contacts", None)]
