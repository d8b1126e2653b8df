"""What a write does beyond one batch: associations, stages, consents, lost answers, what is answered."""

from __future__ import annotations

import pytest

from tieline import NotAuthorised, RateLimited, Unavailable, Write

PIPELINES = {
    "results": [
        {"id": "default", "label": "Sales", "displayOrder": 0, "stages": [{"id": "s1", "label": "New"}]},
        {
            "id": "p2",
            "label": "Renewals",
            "displayOrder": 1,
            "stages": [{"id": "r1", "label": "New"}, {"id": "r2", "label": "Renewed"}],
        },
    ]
}
OWNERS = {"results": [{"id": "7", "email": "ann@firm.example"}]}


def update(key: str, **fields: object) -> Write:
    return Write("update", f"hub-{key}", fields, key)


def create(key: str, **fields: object) -> Write:
    return Write("create", key, fields)


def linked(key: str, *targets: str, kind: int = 1) -> dict[str, object]:
    kinds = [{"category": "HUBSPOT_DEFINED", "typeId": kind, "label": None}]
    return {"from": {"id": key}, "to": [{"toObjectId": int(t), "associationTypes": kinds} for t in targets]}


# -- associations


def test_a_new_contact_is_given_its_company_after_it_was_created(hubspot, script, wire):
    script.on("POST contacts/batch/create", wire.echo(201))
    script.on("POST contacts/companies/batch/create", (201, {"status": "COMPLETE", "results": []}))
    (outcome,) = hubspot().write("contacts", [create("h1", email="a@x.example", account="77")])
    kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}
    assert script.bodies("companies/batch/create")[0]["inputs"] == [
        {"from": {"id": "9000"}, "to": {"id": "77"}, "types": [kind]}
    ]
    assert outcome.remote.fields["account"] == "77"
    assert len(script.asked) == 2  # a new record has no association yet: nothing to read


def test_a_contact_that_moves_gets_the_new_company_before_it_loses_the_old_one(hubspot, script, wire):
    script.on("POST contacts/batch/update", wire.echo())
    script.on("POST contacts/companies/batch/read", wire.done(linked("1", "5")))
    script.on("POST contacts/companies/batch/create", (201, {"results": []}))
    script.on("POST contacts/companies/batch/archive", (204, None))
    (outcome,) = hubspot().write("contacts", [update("1", title="T", account="6")])
    assert [line.rpartition("/")[2] for line in script.lines] == ["update", "read", "create", "archive"]
    assert script.asked[-1].json["inputs"] == [{"from": {"id": "1"}, "to": [{"id": "5"}]}]
    assert outcome.remote.fields == {"title": "T", "account": "6"}


def test_a_company_loses_its_parent_before_it_gets_another(hubspot, script, wire):
    script.on("POST objects/2026-09/companies/batch/read", wire.done(wire.stored("1")))
    script.on("POST companies/companies/batch/read", wire.done(linked("1", "5", kind=14)))
    script.on("POST companies/companies/batch/create", (201, {"results": []}))
    script.on("POST companies/companies/batch/archive", (204, None))
    (outcome,) = hubspot().write("companies", [update("1", parent="6")])
    assert [line.rpartition("/")[2] for line in script.lines] == ["read", "archive", "create", "read"]
    assert outcome.remote.fields["parent"] == "6"
    assert outcome.remote.version == wire.stamp


def test_of_a_deals_contacts_only_the_difference_is_written(hubspot, script, wire):
    script.on("POST objects/2026-09/deals/batch/read", wire.done(wire.stored("1")))
    script.on("POST deals/contacts/batch/read", wire.done(linked("1", "5", "6", kind=3)))
    script.on("POST deals/contacts/batch/create", (201, {"results": []}))
    script.on("POST deals/contacts/batch/archive", (204, None))
    people = [{"id": i, "role": "Buyer", "primary": True} for i in ("6", "7")]
    (outcome,) = hubspot().write("deals", [update("1", contacts=people)])
    assert [i["to"]["id"] for i in script.bodies("contacts/batch/create")[0]["inputs"]] == ["7"]
    assert [i["to"] for i in script.bodies("contacts/batch/archive")[0]["inputs"]] == [[{"id": "5"}]]
    assert outcome.remote.fields["contacts"] == [  # HubSpot keeps no role
        {"id": "6", "role": None, "primary": False},
        {"id": "7", "role": None, "primary": False},
    ]


def test_associations_that_are_as_asked_are_not_written(hubspot, script, wire):
    script.on("POST objects/2026-09/contacts/batch/read", wire.done(wire.stored("1")))
    script.on("POST contacts/companies/batch/read", wire.done(linked("1", "5")))
    (outcome,) = hubspot().write("contacts", [update("1", account="5")])
    assert outcome.remote.fields["account"] == "5"
    assert not any(r.write for r in script.asked)


def test_a_refused_association_is_a_problem_of_the_reference_and_of_that_record_only(hubspot, script, wire):
    told = {"category": "OBJECT_NOT_FOUND", "message": "No company 6", "context": {"fromObjectId": ["9001"]}}
    made = {"fromObjectId": "9000", "toObjectId": "5", "labels": []}
    script.on("POST contacts/batch/create", wire.echo(201))
    script.on("POST contacts/companies/batch/create", wire.done(made, errors=[told]))
    writes = [create("h0", email="a@x.example", account="5"), create("h1", email="b@x.example", account="6")]
    first, second = hubspot().write("contacts", writes)
    assert (first.problems, first.remote.fields["account"]) == ((), "5")
    assert (second.status, [p.field for p in second.problems]) == ("ok", ["account"])
    assert "account" not in second.remote.fields


def test_a_refused_call_for_associations_is_narrowed_to_the_guilty_pair(hubspot, script, wire):
    def strict(request):
        bad = any(i["to"]["id"] == "13" for i in request.json["inputs"])
        return (400, {"status": "error", "message": "13 is gone"}) if bad else (201, {"results": []})

    script.on("POST contacts/batch/create", wire.echo(201))
    script.on("POST contacts/companies/batch/create", strict)
    outcomes = hubspot().write(
        "contacts", [create(f"h{n}", email=f"e{n}@x.example", account=str(n)) for n in range(10, 20)]
    )
    assert [n for n, o in enumerate(outcomes, 10) if o.problems] == [13]
    assert {o.status for o in outcomes} == {"ok"}


@pytest.mark.parametrize("error", [Unavailable("lost", sent=True), RateLimited("slow")])
def test_a_follow_up_that_may_not_have_happened_leaves_the_write_unknown(hubspot, script, wire, error):
    script.on("POST contacts/batch/create", wire.echo(201))
    script.on("POST contacts/companies/batch/create", error)
    first, second = hubspot().write(
        "contacts", [create("h0", email="a@x.example", account="5"), create("h1", email="b@x.example")]
    )
    assert (first.status, first.remote_id) == ("unknown", "9000")
    assert second.status == "ok"


# -- stages and owners


def test_a_stage_is_written_as_the_id_of_its_label(hubspot, script, wire):
    script.on("GET /crm/pipelines/2026-09/deals", (200, PIPELINES))
    script.on("POST deals/batch/update", wire.echo())
    (outcome,) = hubspot().write("deals", [update("1", stage="Renewed", pipeline="Renewals")])
    assert script.bodies("deals/batch/update")[0]["inputs"][0]["properties"] == {"dealstage": "r2", "pipeline": "p2"}
    assert (outcome.remote.fields["stage"], outcome.remote.fields["pipeline"]) == ("Renewed", "Renewals")


def test_a_label_that_two_pipelines_have_is_taken_from_the_deals_own(hubspot, script, wire):
    script.on("GET /crm/pipelines/2026-09/deals", (200, PIPELINES))
    script.on("POST deals/batch/read", wire.done(wire.stored("1", pipeline="p2"), wire.stored("2", pipeline="default")))
    script.on("POST deals/batch/update", wire.echo())
    hubspot().write("deals", [update("1", stage="New"), update("2", stage="New")])
    sent = {i["id"]: i["properties"]["dealstage"] for i in script.bodies("deals/batch/update")[0]["inputs"]}
    assert sent == {"1": "r1", "2": "s1"}


def test_a_new_deal_in_a_stage_of_another_pipeline_names_that_pipeline(hubspot, script, wire):
    script.on("GET /crm/pipelines/2026-09/deals", (200, PIPELINES))
    script.on("POST deals/batch/create", wire.echo(201))
    hubspot().write("deals", [create("h1", name="D", stage="Renewed")])
    assert script.bodies("deals/batch/create")[0]["inputs"][0]["properties"]["pipeline"] == "p2"


def test_an_unknown_stage_is_not_written_and_the_rest_of_the_deal_is(hubspot, script, wire):
    script.on("GET /crm/pipelines/2026-09/deals", (200, PIPELINES))
    script.on("POST deals/batch/update", wire.echo())
    (outcome,) = hubspot().write("deals", [update("1", stage="Dreaming", name="D")])
    assert script.bodies("deals/batch/update")[0]["inputs"][0]["properties"] == {"dealname": "D"}
    assert [p.field for p in outcome.problems] == ["stage"]
    assert "'Renewed'" in outcome.problems[0].message


def test_an_owner_is_written_by_id_and_an_unknown_one_is_never_replaced(hubspot, script, wire):
    script.on("GET /crm/owners/2026-09", (200, OWNERS))
    script.on("POST contacts/batch/update", wire.echo())
    good, bad = hubspot().write(
        "contacts", [update("1", owner="Ann@firm.example", title="T"), update("2", owner="who@firm.example", title="T")]
    )
    sent = [i["properties"] for i in script.bodies("contacts/batch/update")[0]["inputs"]]
    assert sent == [{"hubspot_owner_id": "7", "jobtitle": "T"}, {"jobtitle": "T"}]
    assert good.remote.fields["owner"] == "ann@firm.example"
    assert [p.field for p in bad.problems] == ["owner"]


def test_a_close_date_is_sent_as_midnight_of_the_accounts_zone(hubspot, script, wire):
    script.on("POST deals/batch/update", wire.echo())
    (outcome,) = hubspot(timezone="America/Phoenix").write("deals", [update("1", close_date="2024-03-31")])
    sent = script.bodies("deals/batch/update")[0]["inputs"][0]["properties"]
    assert sent == {"closedate": "2024-03-31T07:00:00.000Z"}
    assert outcome.remote.fields["close_date"] == "2024-03-31"


def test_an_amount_without_a_currency_leaves_the_deals_currency_alone(hubspot, script, wire):
    script.on("POST deals/batch/update", wire.done(wire.stored("1", amount="5", deal_currency_code="EUR")))
    (outcome,) = hubspot().write("deals", [update("1", amount={"amount": "5", "currency": None})])
    assert script.bodies("deals/batch/update")[0]["inputs"][0]["properties"] == {"amount": "5"}
    assert outcome.remote.fields["amount"] == {"amount": "5", "currency": "EUR"}


# -- what is not written


def test_a_field_that_hubspot_computes_is_refused_by_name(hubspot, script, wire):
    (outcome,) = hubspot().write("deals", [update("1", is_won=True)])
    assert (outcome.status, [p.field for p in outcome.problems]) == ("rejected", ["is_won"])
    assert script.asked == []


def test_a_stage_is_not_cleared(hubspot, script, wire):
    script.on("POST deals/batch/update", wire.echo())
    (outcome,) = hubspot().write("deals", [update("1", stage=None, name="D")])
    assert script.bodies("deals/batch/update")[0]["inputs"][0]["properties"] == {"dealname": "D"}
    assert [p.field for p in outcome.problems] == ["stage"]


def test_an_action_is_refused(hubspot, script):
    (outcome,) = hubspot().write("deals", [Write("act", "h", {}, "1")])
    assert outcome.status == "rejected"
    assert script.asked == []


def test_a_record_archived_already_is_gone_and_the_others_are_archived(hubspot, script, wire):
    script.on("POST contacts/batch/read", wire.done(wire.stored("1")))
    script.on("POST contacts/batch/archive", (204, None))
    outcomes = hubspot().write("contacts", [Write("archive", "h1", {}, "1"), Write("archive", "h2", {}, "2")])
    assert [o.status for o in outcomes] == ["ok", "gone"]
    assert outcomes[0].remote.gone
    assert script.bodies("contacts/batch/archive") == [{"inputs": [{"id": "1"}]}]


def test_a_link_stamps_the_hub_id_and_nothing_else(hubspot, script, wire):
    script.on("POST contacts/batch/update", wire.echo())
    (outcome,) = hubspot().write("contacts", [Write("link", "h1", {}, "1")])
    assert script.bodies("contacts/batch/update")[0]["inputs"][0]["properties"] == {"tieline_id": "h1"}
    assert (outcome.status, outcome.remote.hub_id) == ("ok", "h1")


def test_a_link_in_an_account_without_the_property_is_refused_and_says_so(hubspot, script, wire):
    script.on("GET /crm/properties/2026-09/contacts", (200, {"results": [{"name": "email", "type": "string"}]}))
    hub = hubspot()
    assert not hub.schema("contacts").stamps
    (outcome,) = hub.write("contacts", [Write("link", "h1", {}, "1")])
    assert outcome.status == "rejected"
    assert "tieline_id" in outcome.problems[0].message


# -- lost answers


@pytest.mark.parametrize("error", [Unavailable("x", sent=True), RateLimited("slow"), NotAuthorised("no")])
def test_an_error_of_the_only_call_is_passed_on(hubspot, script, error):
    script.on("POST contacts/batch/update", error)
    with pytest.raises(type(error)):
        hubspot().write("contacts", [update("1", title="A"), update("2", title="B")])


def test_an_answer_lost_while_narrowing_leaves_only_its_own_items_unknown(hubspot, script, wire):
    bad = {"status": "error", "category": "VALIDATION_ERROR", "message": "somebody is bad"}
    script.on("POST contacts/batch/update", (400, bad), wire.echo(), Unavailable("lost", sent=True))
    outcomes = hubspot().write("contacts", [update(str(n), title="T") for n in range(4)])
    assert sorted(o.status for o in outcomes) == ["ok", "ok", "unknown", "unknown"]


def test_what_was_not_sent_is_throttled_and_asked_for_again(hubspot, script, wire):
    bad = {"status": "error", "category": "VALIDATION_ERROR", "message": "somebody is bad"}
    script.on("POST contacts/batch/update", (400, bad), RateLimited("slow"))
    outcomes = hubspot().write("contacts", [update(str(n), title="T") for n in range(4)])
    assert {o.status for o in outcomes} == {"throttled"}


def test_a_table_that_cannot_be_fetched_after_the_write_does_not_hide_that_it_was_done(hubspot, script, wire):
    script.on("POST contacts/batch/update", wire.done(wire.stored("1", jobtitle="T", hubspot_owner_id="7")))
    script.on("GET /crm/owners/2026-09", RateLimited("slow"))
    (outcome,) = hubspot().write("contacts", [update("1", title="T")])
    assert (outcome.status, outcome.remote_id) == ("unknown", "1")


# -- finding


def test_find_looks_up_the_unique_property_and_not_the_search(hubspot, script, wire):
    script.on("POST contacts/batch/read", wire.done(wire.stored("1", tieline_id="h1")), wire.done())
    found = hubspot().find("contacts", ["h1", "h2"])
    assert [(r.id, r.hub_id) for r in found] == [("1", "h1")]
    assert {b["idProperty"] for b in script.bodies("contacts/batch/read")} == {"tieline_id"}
    assert script.asked[1].params == {"archived": "true"}


def test_find_in_an_account_without_the_property_finds_nobody(hubspot, script):
    script.on("POST contacts/batch/read", (400, {"status": "error", "message": "tieline_id is not a unique property"}))
    assert hubspot().find("contacts", ["h1"]) == []


def test_find_never_takes_another_refusal_for_nobody(hubspot, script):
    script.on("POST contacts/batch/read", (400, {"status": "error", "message": "bad request"}))
    with pytest.raises(Unavailable):
        hubspot().find("contacts", ["h1"])
