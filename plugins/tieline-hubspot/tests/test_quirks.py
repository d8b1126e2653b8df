"""One test for each oddity of HubSpot that the connector relies on. The docstring names where it is from."""

from __future__ import annotations

import pytest

from tieline import NotAuthorised, RateLimited, Request, Response, Schema, Unavailable, Window, Write
from tieline_hubspot.mapping import HUB_FIELD
from tieline_hubspot.wire import PROFILE, quota, throttled


def update(key: str, **fields: object) -> Write:
    return Write("update", f"hub-{key}", fields, key)


def create(key: str, **fields: object) -> Write:
    return Write("create", key, fields)


# -- batches


def test_results_of_a_batch_come_in_any_order(hubspot, script, wire):
    """Recorded: batch answers do not keep the order of the inputs."""
    script.on("POST contacts/batch/update", wire.echo())
    outcomes = hubspot().write("contacts", [update("1", title="A"), update("2", title="B"), update("3", title="C")])
    assert [(o.remote.id, o.remote.fields["title"]) for o in outcomes] == [("1", "A"), ("2", "B"), ("3", "C")]


def test_created_records_are_told_apart_by_trace_id_then_by_hub_id_then_by_what_was_sent(hubspot, script, wire):
    """Specification: a result may carry objectWriteTraceId; captured 2025-11: it does not always."""

    def without(*keys):
        def answer(request):
            status, body = wire.echo(201)(request)
            for result in body["results"]:
                for key in keys:
                    result.pop(key, None)
                    result["properties"].pop(key, None)
            return status, body

        return answer

    for missing in ((), ("objectWriteTraceId",), ("objectWriteTraceId", "tieline_id")):
        script.on("POST contacts/batch/create", without(*missing))
        script._told["POST contacts/batch/create"] = [without(*missing)]
        outcomes = hubspot().write("contacts", [create("h1", email="a@x.example"), create("h2", email="b@x.example")])
        assert [o.remote.fields["email"] for o in outcomes] == ["a@x.example", "b@x.example"], missing


def test_a_create_that_cannot_be_told_apart_is_unknown_and_not_sent_again(hubspot, script, wire):
    """Captured: a batch may answer objects that no input can be given for certain; sending again would double them."""
    strange = wire.done(
        wire.stored("1", email="x@x.example"), errors=[{"category": "VALIDATION_ERROR", "message": "?"}]
    )
    script.on("POST contacts/batch/create", strange)
    outcomes = hubspot().write("contacts", [create("h1", email="a@x.example"), create("h2", email="b@x.example")])
    assert [o.status for o in outcomes] == ["unknown", "unknown"]
    assert len(script.asked) == 1


def test_a_207_tells_each_item_its_own_fate(hubspot, script, wire):
    """Captured: a partial success has results and, in errors, the trace id and the existing record's id."""
    error = {
        "status": "error",
        "category": "CONFLICT",
        "message": "Contact already exists. Existing ID: 171591000198",
        "context": {"objectWriteTraceId": ["0"], "existingId": ["171591000198"]},
    }
    good = {**wire.stored("5", email="b@x.example"), "objectWriteTraceId": "1"}
    script.on("POST contacts/batch/create", wire.done(good, errors=[error], numErrors=1))
    first, second = hubspot().write("contacts", [create("h1", email="a@x.example"), create("h2", email="b@x.example")])
    assert (first.status, first.remote_id) == ("exists", "171591000198")
    assert (second.status, second.remote.id) == ("ok", "5")


def test_an_update_of_a_record_that_is_no_more_is_gone(hubspot, script, wire):
    """Captured: errors[] of a 207 names the ids that are not found, in one error for all."""
    error = {
        "category": "OBJECT_NOT_FOUND",
        "message": "Could not get some CONTACT objects, they may be deleted or not exist. Check that ids are valid.",
        "context": {"ids": ["2"]},
    }
    script.on("POST contacts/batch/update", wire.done(wire.stored("1", jobtitle="A"), errors=[error]))
    outcomes = hubspot().write("contacts", [update("1", title="A"), update("2", title="B")])
    assert [o.status for o in outcomes] == ["ok", "gone"]


def test_one_bad_value_refuses_the_whole_batch_and_then_only_its_own_item(hubspot, script, wire):
    """Captured: a value that is not valid answers 400 for the batch, naming property and value but no item."""
    bad = "Nobel"
    message = (
        f'Property values were not valid: [{{"isValid":false,"message":"{bad} was not one of the allowed options",'
    )
    message += '"error":"INVALID_OPTION","name":"hs_lead_status"}]'

    def strict(request):
        if any(i["properties"].get("hs_lead_status") == bad for i in request.json["inputs"]):
            return 400, {"status": "error", "category": "VALIDATION_ERROR", "message": message}
        return wire.echo()(request)

    script.on("POST contacts/batch/update", strict)
    writes = [update(str(n), title=f"T{n}", lead_status=bad if n == 7 else "NEW") for n in range(1, 21)]
    outcomes = hubspot().write("contacts", writes)
    assert [o.status for o in outcomes] == ["ok"] * 6 + ["rejected"] + ["ok"] * 13
    assert [(p.field, p.code) for p in outcomes[6].problems] == [("lead_status", "INVALID_OPTION")]
    assert len(script.asked) == 3  # the whole, the suspect alone, the rest


def test_a_bad_item_that_nothing_names_is_found_by_halving(hubspot, script, wire):
    """Issue hubspot-api-python 51: a conflict answers 409 for the batch and tells of one record, or of none."""

    def taken(request):
        if any(i["properties"]["email"] == "e9@x.example" for i in request.json["inputs"]):
            one = len(request.json["inputs"]) == 1
            told = "Contact already exists" + (". Existing ID: 77" if one else "")
            return 409, {"status": "error", "category": "CONFLICT", "message": told}
        return wire.echo(201)(request)

    script.on("POST contacts/batch/create", taken)
    outcomes = hubspot().write("contacts", [create(f"h{n}", email=f"e{n}@x.example") for n in range(16)])
    assert [n for n, o in enumerate(outcomes) if o.status != "ok"] == [9]
    assert (outcomes[9].status, outcomes[9].remote_id) == ("exists", "77")
    sent = [i["properties"]["email"] for r in script.asked for i in r.json["inputs"]]
    assert len(script.asked) < 12 < len(sent)


def test_narrowing_ends_within_a_budget_of_calls(hubspot, script, wire):
    """Documented limits are 100 to 190 calls in 10 s: a batch of nothing but bad items must not use them all up."""
    script.on("POST contacts/batch/create", (400, {"status": "error", "category": "VALIDATION_ERROR", "message": "no"}))
    outcomes = hubspot().write("contacts", [create(f"h{n}", email=f"e{n}@x.example") for n in range(100)])
    assert len(script.asked) <= 64
    assert {o.status for o in outcomes} == {"rejected", "throttled"}


def test_the_same_hub_id_twice_is_exists(hubspot, script, wire):
    """Observed: a unique property that is taken answers 400, and the message names the record that has it."""
    held = "PropertyValueCoordinates{portalId=1, propertyName=tieline_id, value=h1}"
    told = f"Cannot set {held} on 9. 8 already has that value."
    script.on(
        "POST companies/batch/create", (400, {"status": "error", "category": "VALIDATION_ERROR", "message": told})
    )
    (outcome,) = hubspot().write("companies", [create("h1", name="Acme")])
    assert (outcome.status, outcome.remote_id) == ("exists", "8")


def test_an_update_to_an_address_that_is_taken_is_refused_because_of_the_address(hubspot, script, wire):
    """Captured: the 409 of a conflict; on an update it is about the e-mail address, and nothing exists anew."""
    taken = {"category": "CONFLICT", "status": "error", "message": "Contact already exists. Existing ID: 4"}
    script.on("POST contacts/batch/update", (409, taken))
    (outcome,) = hubspot().write("contacts", [update("1", email="b@x.example", title="T")])
    assert outcome.status == "rejected"
    assert [p.field for p in outcome.problems] == ["email"]


def test_a_property_that_does_not_exist_refuses_who_sends_it_in_one_more_call(hubspot, script, wire):
    """Captured: PROPERTY_DOESNT_EXIST in errors[].context.propertyName, once for many items."""
    told = 'Property "jobtitle" does not exist'
    body = {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "message": "Property values were not valid",
        "errors": [{"message": told, "code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": ["jobtitle"]}}],
    }
    script.on("POST contacts/batch/update", (400, body), wire.echo())
    writes = [update(str(n), phone=f"{n}", **({"title": "T"} if n % 2 else {})) for n in range(1, 9)]
    outcomes = hubspot().write("contacts", writes)
    assert [o.status for o in outcomes] == ["rejected", "ok"] * 4
    assert {p.field for o in outcomes for p in o.problems} == {"title"}
    assert len(script.asked) == 2


def test_an_account_without_the_hub_id_property_is_still_written_to(hubspot, script, wire):
    """Captured: PROPERTY_DOESNT_EXIST; the account may not have made the property yet, and no field is to blame."""
    body = {
        "status": "error",
        "category": "VALIDATION_ERROR",
        "message": 'Property values were not valid: [{"isValid":false,"message":"Property \\"tieline_id\\" does not '
        'exist","error":"PROPERTY_DOESNT_EXIST","name":"tieline_id"}]',
    }
    script.on("POST contacts/batch/create", (400, body), wire.echo(201))
    hub = hubspot()
    outcomes = hub.write("contacts", [create(f"h{n}", email=f"e{n}@x.example") for n in range(3)])
    assert [(o.status, o.problems) for o in outcomes] == [("ok", ())] * 3
    hub.write("contacts", [create("h9", email="e9@x.example")])
    assert len(script.asked) == 3
    assert "tieline_id" not in script.asked[2].json["inputs"][0]["properties"]


def test_an_answer_to_an_update_is_not_the_whole_record(hubspot, script, wire):
    """Recorded: PATCH answers what changed and a few of the system's own properties, nothing else."""
    answered = wire.stored("1", name="Acme 2", lifecyclestage="lead", hs_object_source="INTEGRATION")
    script.on("POST companies/batch/update", wire.done(answered))
    (outcome,) = hubspot().write("companies", [update("1", name="Acme 2")])
    assert outcome.remote.fields == {"name": "Acme 2", "lifecycle_stage": "lead"}
    assert "domain" not in outcome.remote.fields


def test_the_server_fills_a_companys_website_from_its_domain(hubspot, script, wire):
    """Recorded: a create with a domain answers with a website that nobody sent."""
    answered = {**wire.stored("1", name="A", domain="a.example", website="a.example"), "objectWriteTraceId": "0"}
    script.on("POST companies/batch/create", (201, wire.done(answered)[1]))
    (outcome,) = hubspot().write("companies", [create("h1", name="A", domain="a.example")])
    assert outcome.remote.fields["website"] == "a.example"


def test_blank_is_the_empty_string_on_the_wire(hubspot, script, wire):
    """Recorded: all property values are strings or null, and "" clears one."""
    script.on("POST contacts/batch/update", wire.done(wire.stored("1")))
    (outcome,) = hubspot().write("contacts", [update("1", phone=None)])
    assert script.asked[0].json["inputs"][0]["properties"] == {"phone": ""}
    assert outcome.remote.fields == {"phone": None}


def test_what_the_answer_leaves_out_is_read_back(hubspot, script, wire):
    """Recorded: an answer holds the changed properties; what HubSpot did not count as changed is not in it."""
    script.on("POST contacts/batch/update", wire.done(wire.stored("1", jobtitle="T")))
    script.on("POST contacts/batch/read", wire.done(wire.stored("1", jobtitle="T", phone="+1 555", city="Bonn")))
    (outcome,) = hubspot().write("contacts", [update("1", title="T", phone="+1 555")])
    assert outcome.remote.fields["phone"] == "+1 555"
    assert len(script.asked) == 2


# -- reading


def test_the_list_pages_by_the_next_object_id(hubspot, script, wire):
    """Recorded: paging.next.after is the next object's id; the last page has no paging."""
    page = {"results": [wire.stored("1")], "paging": {"next": {"after": "51854903510", "link": "…"}}}
    script.on("GET contacts", (200, page), wire.done(wire.stored("2")))
    hub = hubspot()
    first = hub.list("contacts", None)
    assert first.token == "51854903510"
    assert hub.list("contacts", first.token).token is None
    assert script.asked[1].params["after"] == "51854903510"


def test_a_page_that_names_itself_as_the_next_ends_the_stream(hubspot, script, wire):
    """Not HubSpot's own, but a broken proxy's: such a list would never end."""
    script.on("GET contacts", (200, {"results": [], "paging": {"next": {"after": "7"}}}))
    with pytest.raises(Unavailable, match="next page"):
        hubspot().list("contacts", "7")


def test_changes_go_on_from_the_last_stamp_and_not_by_offset(hubspot, script, wire):
    """Documented: a search pages by offset; a record edited between two pages moves to the end and hides another."""
    rows = [wire.stored(str(n), stamp=f"2026-09-02T09:00:0{n}Z") for n in range(1, 4)]
    script.on("POST contacts/search", (200, {"results": rows, "paging": {"next": {"after": "200"}}}), wire.done())
    hub = hubspot()
    page = hub.changes("contacts", Window(0), None)
    hub.changes("contacts", Window(0), page.token)
    (filters,) = script.asked[1].json["filterGroups"]
    assert filters["filters"][0] == {"propertyName": "lastmodifieddate", "operator": "GTE", "value": "1788339603000"}
    assert "after" not in script.asked[1].json


def test_a_hit_that_is_newer_than_its_place_in_the_index_does_not_make_changes_jump(hubspot, script, wire):
    """Recorded 2022-02-17: a hit shows its newest state, while the index matched and sorted it by an older one."""
    rows = [wire.stored("1", stamp="2026-09-02T09:00:01Z"), wire.stored("2", stamp="2026-09-02T09:59:59Z")]
    script.on("POST contacts/search", (200, {"results": rows, "paging": {"next": {"after": "200"}}}))
    page = hubspot().changes("contacts", Window(0), None)
    assert page.now == 1_788_343_200_000  # 10:00
    assert page.token.startswith("1788339601000:0:")


def test_a_page_of_one_stamp_is_gone_through_by_object_id(hubspot, script, wire):
    """Issues airbyte 43317, estuary 2100, supaglue 585: a bulk edit gives thousands of records one stamp."""
    stamp, ms = "2026-09-02T09:00:01Z", "1788339601000"
    rows = [wire.stored("30", stamp=stamp), wire.stored("4", stamp=stamp)]
    more = {"results": rows, "paging": {"next": {"after": "200"}}}
    script.on("POST deals/search", (200, more), (200, more), (200, more), wire.done())
    hub, token = hubspot(), None
    for _ in range(4):
        token = hub.changes("deals", Window(int(ms) - 1), token).token
    at = [r.json["filterGroups"][0]["filters"] for r in script.asked]
    assert [f[0]["operator"] for f in at] == ["GTE", "GTE", "EQ", "EQ"]
    assert [f[1]["value"] for f in at[2:]] == ["0", "30"]
    assert token.startswith(f"{int(ms) + 1}:")  # that stamp is through


def test_the_search_is_capped_at_ten_thousand(hubspot, script, wire):
    """Documented 2026-03: results beyond 10,000 answer 400, so the last page that can be asked for ends there."""
    fresh = [wire.stored("1", stamp="2026-09-02T09:59:59Z")]

    def answer(request):
        after = int(request.json.get("after", 0)) + 200
        return 200, {"results": fresh, "paging": {"next": {"after": str(after)}}}

    script.on("POST contacts/search", answer)
    hub, token, offsets = hubspot(), None, []
    while True:
        page = hub.changes("contacts", Window(1_788_343_190_000), token)
        offsets.append(int(script.asked[-1].json.get("after", 0)))
        token = page.token
        if token is None:
            break
    assert page.capped
    assert offsets == list(range(0, 10_000, 200))


def test_a_search_that_ends_earlier_is_capped_there_and_its_short_pages_are_followed(hubspot, script, wire):
    """The stand-in's vice `result-cap`: a page ends before the 200 that were asked for, and the offset behind it is a
    400 [doc: results beyond the cap answer 400]."""
    fresh = [wire.stored("1", stamp="2026-09-02T09:59:59Z")]
    script.on(
        "POST contacts/search",
        (200, {"results": fresh, "paging": {"next": {"after": "20"}}}),
        (400, {"status": "error", "message": "only the first 20 results can be paged through"}),
    )
    hub = hubspot()
    first = hub.changes("contacts", Window(1_788_343_190_000), None)
    second = hub.changes("contacts", Window(1_788_343_190_000), first.token)
    assert script.asked[-1].json["after"] == "20"
    assert (first.capped, second.capped, second.token, list(second.remotes)) == (False, True, None, [])


def test_within_one_stamp_the_runner_may_ask_by_object_id(hubspot, script, wire):
    """Issue airbyte 43317: the second key of a window is hs_object_id, and such a window ends where its ids end."""
    script.on("POST deals/search", (200, {"total": 0, "results": []}))
    page = hubspot().changes("deals", Window(1000, "42"), None)
    body = script.asked[0].json
    assert body["filterGroups"][0]["filters"] == [
        {"propertyName": "hs_lastmodifieddate", "operator": "EQ", "value": "1000"},
        {"propertyName": "hs_object_id", "operator": "GT", "value": "42"},
    ]
    assert body["sorts"] == [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
    assert page.token is None


def test_contacts_have_a_stamp_of_another_name(hubspot, script, wire):
    """Documented: lastmodifieddate for contacts, hs_lastmodifieddate for companies and deals."""
    script.on("POST search", (200, {"total": 0, "results": []}))
    hub = hubspot()
    names = []
    for stream in ("contacts", "companies", "deals"):
        hub.changes(stream, Window(0), None)
        names.append(script.asked[-1].json["sorts"][0]["propertyName"])
    assert names == ["lastmodifieddate", "hs_lastmodifieddate", "hs_lastmodifieddate"]


def test_search_hits_are_only_hints(hubspot, script, wire):
    """Recorded 2022-02-17: the index lags by up to 30 s and matches old values, so hits must be read again."""
    script.on("POST contacts/search", (200, {"total": 1, "results": [wire.stored("1", email="old@x.example")]}))
    hub = hubspot()
    page = hub.changes("contacts", Window(0), None)
    facts = hub.facts.stream("contacts")
    assert page.remotes[0].fields == {}
    assert facts.hints
    assert facts.overlap_ms >= 30_000


def test_a_merged_record_answers_under_the_winners_id(hubspot, script, wire):
    """Memory, and issue fivetran/dbt_hubspot 168: hs_merged_object_ids on the winner lists the old ids."""
    script.on("POST contacts/batch/read", wire.done(wire.stored("1", firstname="A", hs_merged_object_ids="2;3")))
    (remote,) = hubspot(streams=("contacts",)).read("contacts", ["2"], frozenset({"first_name"}))
    assert (remote.id, remote.aliases) == ("1", ("2", "3"))
    assert len(script.asked) == 1


def test_an_old_id_that_no_batch_knows_is_asked_for_alone(hubspot, script, wire):
    """Memory: GET of a merged record's id resolves to the winner; a batch read may answer not found instead."""
    none = wire.done(errors=[{"category": "OBJECT_NOT_FOUND", "message": "no", "context": {"ids": ["2"]}}])
    script.on("POST contacts/batch/read", none, none, wire.done(wire.stored("1", firstname="A")))
    script.on("GET contacts/2", (200, wire.stored("1")))
    (remote,) = hubspot().read("contacts", ["2"], frozenset({"first_name"}))
    assert (remote.id, remote.aliases, remote.fields) == ("1", ("2",), {"first_name": "A"})


def test_archived_records_are_read_as_gone(hubspot, script, wire):
    """Specification: batch/read takes archived=true; alive and archived are never in one answer."""
    gone = {**wire.stored("2", tieline_id="h2"), "archived": True, "archivedAt": "2026-09-02T09:30:00Z"}

    def by_life(request):
        return wire.done(gone) if request.params.get("archived") == "true" else wire.done(wire.stored("1"))

    script.on("POST contacts/batch/read", by_life)
    found = {r.id: r for r in hubspot().read("contacts", ["1", "2"], frozenset({"title"}))}
    assert not found["1"].gone
    assert found["2"].gone
    assert found["2"].hub_id == "h2"


def test_missing_pages_may_be_html(hubspot, script, wire):
    """Recorded: without Accept: application/json a 404 is text/html."""
    html = Response(404, {"content-type": "text/html", "x-hubspot-notfound": "true"}, b"<html>no</html>")
    script.on("GET contacts", html)
    with pytest.raises(Unavailable, match="404"):
        hubspot().list("contacts", None)
    assert PROFILE.headers["accept"] == "application/json"


def test_a_success_that_is_no_json_is_no_answer(hubspot, script, wire):
    """Not HubSpot's own, but a proxy's login page: what a write did is then not known."""
    script.on("POST contacts/batch/update", Response(200, {"content-type": "text/html"}, b"<html>sign in</html>"))
    with pytest.raises(Unavailable) as caught:
        hubspot().write("contacts", [update("1", title="A")])
    assert caught.value.sent


def test_a_success_without_results_is_no_answer(hubspot, script, wire):
    """Not HubSpot's own: an empty page must not be taken for an empty account."""
    script.on("GET contacts", (200, {"status": "ok"}))
    with pytest.raises(Unavailable, match="results"):
        hubspot().list("contacts", None)


# -- limits and scopes


def test_a_locked_record_and_a_moving_account_mean_later(hubspot, script, wire):
    """Documented: 423 wants at least 2 s, 477 names the wait in Retry-After."""
    script.on("POST contacts/batch/update", Response(423), Response(477, {"retry-after": "40"}))
    waits = []
    for _ in range(2):
        with pytest.raises(RateLimited) as caught:
            hubspot().write("contacts", [update("1", title="A")])
        waits.append(caught.value.retry_after)
    assert waits == [2.0, 40.0]
    assert throttled(Response(423))
    assert not throttled(Response(429))


def test_a_secondly_limit_has_no_retry_after(hubspot, script, wire):
    """Recorded: a search refused as too fast is a 429 without Retry-After."""
    script.on(
        "POST contacts/search", (429, {"status": "error", "message": "secondly limit", "category": "RATE_LIMITS"})
    )
    with pytest.raises(RateLimited, match="secondly") as caught:
        hubspot().changes("contacts", Window(0), None)
    assert caught.value.retry_after is None


def test_the_budget_is_read_from_the_headers():
    """Recorded: the pair of the interval, the daily pair; searches carry only the daily pair, OAuth apps none of it."""
    headers = {
        "x-hubspot-ratelimit-daily": "250000",
        "x-hubspot-ratelimit-daily-remaining": "249706",
        "x-hubspot-ratelimit-interval-milliseconds": "10000",
        "x-hubspot-ratelimit-max": "100",
        "x-hubspot-ratelimit-remaining": "83",
        "x-hubspot-ratelimit-secondly": "10",
    }
    found = quota(headers)
    assert (found.remaining, found.limit, found.resets_in) == (83, 100, 10.0)
    assert (found.daily_remaining, found.daily_limit) == (249706, 250000)
    only_daily = quota({k: v for k, v in headers.items() if "daily" in k})
    assert (only_daily.remaining, only_daily.daily_remaining) == (None, 249706)
    assert quota({"date": "x"}) is None


def test_of_thirty_scopes_named_the_one_that_matters_is_told(hubspot, script, wire):
    """Recorded: MISSING_SCOPES lists every scope that any object would need, in errors[].context."""
    scopes = ["e-commerce", "tickets", "crm.objects.deals.read", "crm.objects.contacts.read", "crm.objects.users.read"]
    body = {
        "category": "MISSING_SCOPES",
        "message": "Not granted.",
        "errors": [{"context": {"requiredGranularScopes": scopes}}],
    }
    script.on("GET contacts", (403, body))
    with pytest.raises(NotAuthorised, match=r"crm\.objects\.contacts\.read") as caught:
        hubspot().list("contacts", None)
    assert "tickets" not in str(caught.value)


# -- associations


def test_a_contact_without_a_company_is_an_error_of_the_answer_and_blank_here(hubspot, script, wire):
    """Captured: an associations read answers 207 with NO_ASSOCIATIONS_FOUND for each record that has none."""
    error = {
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": "No company is associated with contact 2.",
        "context": {"fromObjectId": ["2"]},
    }
    kinds = [{"category": "HUBSPOT_DEFINED", "typeId": t, "label": None} for t in (1, 279)]
    link = {"from": {"id": "1"}, "to": [{"toObjectId": 29022297485, "associationTypes": kinds}]}
    other = {"from": {"id": "3"}, "to": [{"toObjectId": 5, "associationTypes": kinds[1:]}]}
    script.on("POST contacts/batch/read", wire.done(*(wire.stored(k) for k in "123")))
    script.on("POST contacts/companies/batch/read", wire.done(link, other, errors=[error]))
    found = {r.id: r.fields["account"] for r in hubspot().read("contacts", [*"123"], frozenset({"account"}))}
    assert found == {"1": "29022297485", "2": None, "3": None}  # 3 has a company, which is not its primary one


def test_only_the_primary_company_is_a_contacts_account(hubspot, script, wire):
    """Captured and changelog of 2024-02: type 1 is the primary company whatever its label; 279 is any company."""
    rows = [{"id": "5", "type": "contact_to_company_unlabeled"}, {"id": "6", "type": "contact_to_company"}]
    rows.append({"id": "6", "type": "contact_to_company_unlabeled"})
    contact = {**wire.stored("1"), "associations": {"companies": {"results": rows}}}
    script.on("GET contacts", wire.done(contact, wire.stored("2")))
    remotes = hubspot().list("contacts", None).remotes
    assert [r.fields["account"] for r in remotes] == ["6", None]
    assert script.asked[0].params["associations"] == "companies"


def test_a_list_that_cuts_associations_short_is_completed(hubspot, script, wire):
    """Specification: the associations inside a listed record have a paging of their own."""
    block = {"results": [{"id": "5", "type": "deal_to_contact"}], "paging": {"next": {"after": "x"}}}
    kinds = [{"category": "HUBSPOT_DEFINED", "typeId": 3, "label": None}]
    first = {
        "from": {"id": "1"},
        "to": [{"toObjectId": 5, "associationTypes": kinds}],
        "paging": {"next": {"after": "n"}},
    }
    second = {"from": {"id": "1"}, "to": [{"toObjectId": 6, "associationTypes": kinds}]}
    script.on("GET deals", wire.done({**wire.stored("1"), "associations": {"contacts": block}}))
    script.on("POST deals/contacts/batch/read", wire.done(first), wire.done(second))
    (deal,) = hubspot().list("deals", None).remotes
    assert [c["id"] for c in deal.fields["contacts"]] == ["5", "6"]
    assert script.bodies("deals/contacts/batch/read")[1] == {"inputs": [{"id": "1", "after": "n"}]}


# -- consent


def test_an_opt_out_is_written_through_communication_preferences_and_never_as_a_property(hubspot, script, wire):
    """Recorded: hs_email_optout has readOnlyValue; specification 2026-09: statuses/batch/unsubscribe-all."""
    script.on("POST contacts/batch/update", wire.echo())
    script.on("POST contacts/batch/read", wire.done(wire.stored("1", email="a@x.example")))
    script.on("POST statuses/batch/unsubscribe-all", wire.done({"subscriberIdString": "a@x.example"}))
    (outcome,) = hubspot().write("contacts", [update("1", title="T", consent_email="opted_out")])
    assert script.bodies("contacts/batch/update")[0]["inputs"][0]["properties"] == {"jobtitle": "T"}
    assert script.bodies("statuses/batch/unsubscribe-all") == [{"inputs": ["a@x.example"]}]
    assert script.asked[-1].params == {"channel": "EMAIL"}
    assert (outcome.status, outcome.problems) == ("ok", ())
    assert outcome.remote.fields["consent_email"] == "opted_out"


def test_a_portal_wide_opt_out_cannot_be_undone_by_the_api(hubspot, script, wire):
    """Documented: a plain subscribe does not undo a portal-wide opt-out."""
    wide = {
        "subscriberIdString": "a@x.example",
        "wideStatuses": [{"wideStatusType": "PORTAL_WIDE", "status": "UNSUBSCRIBED"}],
    }
    script.on("POST contacts/batch/update", wire.echo())
    script.on("POST contacts/batch/read", wire.done(wire.stored("1", email="a@x.example")))
    script.on("POST unsubscribe-all/read", wire.done(wide))
    (outcome,) = hubspot(subscriptions=[5]).write("contacts", [update("1", consent_email="allowed")])
    assert [p.field for p in outcome.problems] == ["consent_email"]
    assert "resubscribe" in outcome.problems[0].message
    assert not script.bodies("statuses/batch/write")


def test_a_contact_without_an_address_is_allowed_by_itself_and_cannot_be_opted_out(hubspot, script, wire):
    """Specification: communication preferences are kept by e-mail address."""
    script.on("POST contacts/batch/create", wire.echo(201))
    script.on("POST contacts/batch/read", wire.done(wire.stored("9000"), wire.stored("9001")))
    new = [
        Write("create", f"h{n}", {"last_name": "L", "consent_email": c}) for n, c in enumerate(("allowed", "opted_out"))
    ]
    outcomes = hubspot().write("contacts", new)
    assert [[p.field for p in o.problems] for o in outcomes] == [[], ["consent_email"]]
    assert outcomes[0].remote.fields["consent_email"] == "allowed"
    assert not script.bodies("unsubscribe-all")


def test_a_plan_without_batches_for_consent_is_written_to_one_by_one(hubspot, script, wire):
    """Scope lists of public code: communication_preferences.statuses.batch.* belong to the largest plan alone."""
    refused = (403, {"category": "MISSING_SCOPES", "message": "No."})
    script.on("POST contacts/batch/update", wire.echo())
    script.on("POST statuses/batch/unsubscribe-all", refused)
    script.on("POST statuses/a%40x.example/unsubscribe-all", wire.done())
    script.on(
        "POST statuses/b%40x.example/unsubscribe-all", (400, {"status": "error", "message": "no such subscriber"})
    )
    hub = hubspot()
    outcomes = hub.write("contacts", [update(k, email=f"{k}@x.example", consent_email="opted_out") for k in "ab"])
    assert [[p.field for p in o.problems] for o in outcomes] == [[], ["consent_email"]]
    hub.write("contacts", [update("a", email="a@x.example", consent_email="opted_out")])
    assert script.lines.count("POST /communication-preferences/2026-09/statuses/batch/unsubscribe-all") == 1


def test_who_never_opted_out_is_allowed(hubspot, script, wire):
    """Memory: HubSpot leaves hs_email_optout blank until somebody opts out."""
    rows = [wire.stored(str(n), hs_email_optout=v) for n, v in enumerate((None, "", "false", "true"))]
    script.on("GET contacts", wire.done(*rows))
    remotes = hubspot().list("contacts", None).remotes
    assert [r.fields["consent_email"] for r in remotes] == ["allowed", "allowed", "allowed", "opted_out"]


# -- campaigns


def test_a_campaigns_page_token_is_encoded_already(hubspot, script, wire):
    """Captured: after is "Mg%3D%3D"; sent as it is, it would be encoded a second time."""
    page = {"total": 3, "results": [], "paging": {"next": {"after": "Mg%3D%3D"}}}
    script.on("GET /marketing/campaigns/2026-09", (200, page), (200, {"results": []}))
    hub = hubspot()
    hub.list("campaigns", hub.list("campaigns", None).token)
    assert script.asked[1].params["after"] == "Mg=="


def test_a_campaign_leaves_blank_properties_out(hubspot, script, wire):
    """Captured: of three properties asked for, a campaign answers the one that has a value."""
    campaign = {"id": "g", "properties": {"hs_name": "C"}, "createdAt": wire.stamp, "updatedAt": wire.stamp}
    script.on("GET /marketing/campaigns/2026-09", wire.done(campaign))
    (remote,) = hubspot().list("campaigns", None).remotes
    assert (remote.fields["name"], remote.fields["start"]) == ("C", None)


def test_a_campaign_deleted_between_two_pages_hides_no_other(hubspot, script, wire):
    """Captured: a campaign's page token is the base64 of an offset, and every page tells the total."""
    first = {"total": 101, "results": [], "paging": {"next": {"after": "MTAw"}}}
    script.on("GET /marketing/campaigns/2026-09", (200, first), (200, {"total": 99, "results": []}))
    hub = hubspot()
    hub.list("campaigns", hub.list("campaigns", None).token)
    assert [r.params.get("after") for r in script.asked] == [None, "MTAw", "OTg="]


def test_campaigns_have_no_search_so_changes_are_the_newest_of_the_list(hubspot, script, wire):
    """Captured: the list is asked for with sort=-updatedAt; there is no search endpoint in the specification."""
    rows = [wire.stored(f"g{n}", stamp=f"2026-09-02T09:00:0{n}.000Z", hs_name=f"C{n}") for n in (5, 4, 3, 2)]
    page = {"results": rows, "paging": {"next": {"after": "NA%3D%3D"}}}
    script.on("GET /marketing/campaigns/2026-09", (200, page))
    hub = hubspot()
    found = hub.changes("campaigns", Window(1_788_339_603_000), None)
    assert [r.id for r in found.remotes] == ["g3", "g4", "g5"]
    assert len(script.asked) == 1
    assert script.asked[0].params["sort"] == "-updatedAt"


def test_at_most_fifty_campaigns_go_in_one_batch(hubspot):
    """Specification: the campaigns' batch calls take 50 inputs where objects take 100."""
    facts = hubspot().facts
    assert (facts.stream("campaigns").batch, facts.stream("contacts").batch) == (50, 100)


# -- versions


@pytest.mark.parametrize(
    ("version", "objects", "links", "owners"),
    [
        (
            "2026-09",
            "/crm/objects/2026-09/contacts",
            "/crm/associations/2026-09/contacts/companies/batch/read",
            "/crm/owners/2026-09",
        ),
        (
            "2026-03",
            "/crm/objects/2026-03/contacts",
            "/crm/associations/2026-03/contacts/companies/batch/read",
            "/crm/owners/2026-03",
        ),
        ("v3", "/crm/v3/objects/contacts", "/crm/v4/associations/contacts/companies/batch/read", "/crm/v3/owners"),
    ],
)
def test_paths_follow_the_version_in_the_settings(hubspot, version, objects, links, owners):
    """Specification: dated versions hold the date behind the API's name; numbered ones differ by API."""
    wire = hubspot(api_version=version).wire
    assert wire.objects("contacts") == objects
    assert wire.links("contacts", "companies", "read") == links
    assert wire.crm("owners") == owners


def test_campaigns_without_the_hub_property_are_asked_once_when_the_schema_is_remembered(hubspot, script, wire):
    """[captured] A property that the account does not have is a 400 for the whole call."""

    def listed(request):
        if HUB_FIELD in request.params["properties"]:
            return 400, {"status": "error", "message": f"Property {HUB_FIELD} does not exist"}
        return wire.done()

    script.on("GET /marketing/campaigns/2026-09", listed)
    hub = hubspot(streams=("campaigns",))
    hub.recall("campaigns", Schema({}, stamps=False))
    assert hub.changes("campaigns", Window(0), None).remotes == []
    assert len(script.asked) == 1, script.lines


@pytest.mark.parametrize(
    ("path", "name"), [("contacts/search", "search"), ("contacts/batch/update", ""), ("x?a=/search", "")]
)
def test_searches_go_in_a_lane_of_their_own(path, name):
    """[doc] Five searches a second for each account, whatever else it is allowed."""
    assert PROFILE.lane(Request("POST", f"https://api.hubapi.com/crm/objects/2026-09/{path}")) == name
