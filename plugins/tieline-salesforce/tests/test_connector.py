"""What the connector asks and answers, on scripted answers. Oddities of the vendor are in `test_quirks`."""

import pytest

from tieline import ConfigError, ContractViolation, Rule, Unavailable, Window, Write
from tieline_salesforce.spec import SPEC

CONTACT, OTHER = "003A00000000001AAA", "003A00000000002AAA"
DEAL, ACCOUNT = "006A00000000001AAA", "001A00000000001AAA"
STREAMS = SPEC.streams


def lost(request):
    raise Unavailable("no answer", sent=True)


# -- reading


def test_finding_nothing_to_do_costs_one_request_a_stream(connect, sf):
    for currency in ("USD", "multi", None):
        connector, script = connect(lambda request: sf.page(), currency=currency, leads=True)
        for stream in STREAMS:
            page = connector.changes(stream, Window(sf.start), None)
            assert (page.remotes, page.token) == ([], None)
        assert len(script.asked) == len(STREAMS)


def test_a_listing_costs_one_request_a_page_and_none_for_its_end(connect, sf):
    people = [sf.row("Contact", f"003A{n:011d}AAA") for n in range(400)]

    def answer(request):
        statement = request.params["q"]
        behind = statement.partition("Id > '")[2].partition("'")[0]
        rest = [r for r in people if r["Id"] > behind]
        return sf.page(*rest[:200], more="01gX" if len(rest) > 200 else None)

    connector, script = connect(answer, page=200)
    first = connector.list("contacts", None)
    second = connector.list("contacts", first.token)
    assert second.token is None
    assert [r.id for r in [*first.remotes, *second.remotes]] == [p["Id"] for p in people]
    assert len(script.asked) == 2
    assert {r.headers["sforce-query-options"] for r in script.asked} == {"batchSize=200"}


def test_the_servers_clock_is_the_one_of_its_answer(connect, sf):
    connector, _ = connect([sf.page()])
    assert connector.list("contacts", None).now == 1_700_000_000_000


def test_a_narrow_read_selects_only_what_was_asked_for(connect, sf):
    connector, script = connect([sf.page(sf.row("Contact", CONTACT, Title="CTO"))])
    (remote,) = connector.read("contacts", [CONTACT], frozenset({"title"}))
    assert remote.fields == {"title": "CTO"}
    assert script.queries == [
        f"SELECT Id,SystemModstamp,IsDeleted,MasterRecordId,Tieline_Id__c,Title FROM Contact WHERE Id IN ('{CONTACT}')"
    ]


def test_contact_roles_are_asked_for_only_where_contacts_are(connect, sf):
    connector, script = connect(lambda request: sf.page())
    connector.read("opportunities", [DEAL], None)
    connector.read("opportunities", [DEAL], frozenset({"name"}))
    assert ["FROM OpportunityContactRoles" in q for q in script.queries] == [True, False]


def test_more_ids_than_a_url_holds_are_asked_for_in_several_requests(connect, sf):
    connector, script = connect(lambda request: sf.page())
    connector.read("contacts", [f"003A{n:011d}AAA" for n in range(2000)], None)
    assert len(script.asked) > 2
    assert max(map(len, script.queries)) < 16_000
    assert sum(q.count("'003A") for q in script.queries) == 2000


def test_a_hub_id_is_looked_for_among_the_deleted_as_well(connect, sf):
    row = sf.row("Contact", CONTACT, IsDeleted=True, Tieline_Id__c="h1")
    connector, script = connect([sf.page(row)])
    (remote,) = connector.find("contacts", ["h1", "it's"])
    assert (remote.id, remote.gone, remote.hub_id) == (CONTACT, True, "h1")
    assert script.asked[0].path.endswith("/queryAll")
    assert script.queries[0].endswith(r"WHERE Tieline_Id__c IN ('h1','it\'s')")


def test_without_a_hub_field_nothing_is_found_and_nothing_is_an_error(connect, sf):
    refusal = sf.refusal("INVALID_FIELD", "No such column 'Tieline_Id__c' on entity 'Contact'.")
    connector, script = connect([refusal, sf.described("Contact", sf.column("LastName"))])
    assert list(connector.find("contacts", ["h1"])) == []
    assert list(connector.find("contacts", ["h1"])) == []
    assert len(script.asked) == 2


def test_a_stamp_that_is_none_is_not_passed_over_in_silence(connect, sf):
    connector, _ = connect([sf.page(sf.row("Contact", CONTACT, stamp="yesterday"))])
    with pytest.raises(ValueError, match="yesterday"):
        connector.list("contacts", None)


# -- writing


def test_a_create_is_one_request_that_carries_the_hub_id_and_reads_back_by_it(connect, sf):
    made = sf.row("Contact", CONTACT, LastName="Lee", Tieline_Id__c="h1")
    connector, script = connect([sf.described("Contact"), sf.composite([sf.done(CONTACT)], sf.result(made))])
    (outcome,) = connector.write("contacts", [Write("create", "h1", {"last_name": "Lee", "title": None})])
    assert (outcome.status, outcome.remote_id, outcome.remote.hub_id) == ("ok", CONTACT, "h1")
    write, read_back = script.body()["compositeRequest"]
    assert (write["method"], write["url"]) == ("POST", "/services/data/v62.0/composite/sobjects")
    assert write["body"] == {
        "allOrNone": False,
        "records": [{"attributes": {"type": "Contact"}, "LastName": "Lee", "Tieline_Id__c": "h1"}],
    }
    assert read_back["url"].startswith("/services/data/v62.0/queryAll?q=SELECT%20")
    assert "Tieline_Id__c%20IN%20%28%27h1%27%29" in read_back["url"]
    assert script.asked[-1].write
    assert len(script.asked) == 2


def test_an_update_sends_only_what_changed_and_null_clears(connect, sf):
    connector, script = connect([sf.composite([sf.done(CONTACT)], sf.result(sf.row("Contact", CONTACT)))])
    connector.write("contacts", [Write("update", "h1", {"title": None, "address": {"city": "Bern"}}, CONTACT)])
    (record,) = script.body()["compositeRequest"][0]["body"]["records"]
    assert record == {
        "attributes": {"type": "Contact"},
        "id": CONTACT,
        "Title": None,
        "MailingStreet": None,
        "MailingCity": "Bern",
        "MailingState": None,
        "MailingPostalCode": None,
        "MailingCountry": None,
    }


def test_a_link_stamps_the_record_and_nothing_else(connect, sf):
    row = sf.row("Contact", CONTACT, Tieline_Id__c="h1")
    connector, script = connect([sf.composite([sf.done(CONTACT)], sf.result(row))])
    (outcome,) = connector.write("contacts", [Write("link", "h1", {}, CONTACT)])
    (record,) = script.body()["compositeRequest"][0]["body"]["records"]
    assert record == {"attributes": {"type": "Contact"}, "id": CONTACT, "Tieline_Id__c": "h1"}
    assert (outcome.status, outcome.remote.hub_id) == ("ok", "h1")


def test_an_archive_goes_to_the_recycle_bin_in_one_request(connect, sf):
    results = [sf.done(CONTACT), sf.failed("ENTITY_IS_DELETED", "entity is deleted")]
    connector, script = connect([sf.answer(results)])
    one, two = connector.write("contacts", [Write("archive", "h", {}, id) for id in (CONTACT, OTHER)])
    assert (one.status, one.remote.gone, two.status) == ("ok", True, "gone")
    assert (script.asked[0].method, script.asked[0].write) == ("DELETE", True)
    assert dict(script.asked[0].params) == {"ids": f"{CONTACT},{OTHER}", "allOrNone": "false"}


def test_a_field_that_cannot_be_written_never_holds_up_the_others(connect, sf):
    row = sf.row("Account", ACCOUNT, Name="Acme")
    connector, script = connect([sf.composite([sf.done(ACCOUNT)], sf.result(row))])
    fields = {"name": "Acme", "domain": "acme.example", "annual_revenue": "0.12345678901234567890"}
    (outcome,) = connector.write("accounts", [Write("update", "h", fields, ACCOUNT)])
    (record,) = script.body()["compositeRequest"][0]["body"]["records"]
    assert record == {"attributes": {"type": "Account"}, "id": ACCOUNT, "Name": "Acme"}
    assert (outcome.status, sorted(p.field for p in outcome.problems)) == ("ok", ["annual_revenue", "domain"])


def test_an_update_of_which_nothing_can_be_written_is_refused_without_asking(connect, sf):
    connector, script = connect([])
    (outcome,) = connector.write("opportunities", [Write("update", "h", {"is_won": True}, DEAL)])
    assert (outcome.status, outcome.problems[0].field) == ("rejected", "is_won")
    assert script.asked == []


def test_a_write_whose_answer_is_lost_is_not_repeated(connect, sf):
    connector, script = connect([lost])
    with pytest.raises(Unavailable) as caught:
        connector.write("contacts", [Write("update", "h", {"title": "CTO"}, CONTACT)])
    assert caught.value.sent
    assert len(script.asked) == 1


@pytest.mark.parametrize("body", [[], {"odd": True}, "text"])
def test_results_that_do_not_fit_the_records_leave_the_outcome_unknown(connect, sf, body):
    connector, _ = connect([sf.composite(body, sf.result(sf.row("Contact", CONTACT)))])
    (outcome,) = connector.write("contacts", [Write("update", "h", {"title": "CTO"}, CONTACT)])
    assert outcome.status == "unknown"


def test_a_write_that_failed_inside_a_composite_with_500_is_unknown(connect, sf):
    error = [{"message": "x", "errorCode": "UNKNOWN_EXCEPTION"}]
    connector, _ = connect([sf.composite(error, sf.result(), statuses=[500, 200])])
    (outcome,) = connector.write("contacts", [Write("update", "h", {"title": "CTO"}, CONTACT)])
    assert outcome.status == "unknown"


def test_a_refused_call_refuses_each_of_its_records(connect, sf):
    connector, _ = connect([sf.refusal("JSON_PARSER_ERROR", "Unexpected character")])
    outcomes = connector.write("contacts", [Write("update", "h", {"title": "CTO"}, i) for i in (CONTACT, OTHER)])
    assert [(o.status, o.problems[0].code) for o in outcomes] == [("rejected", "JSON_PARSER_ERROR")] * 2


def test_a_lost_read_back_does_not_unmake_the_write(connect, sf):
    error = [{"message": "x", "errorCode": "QUERY_TIMEOUT"}]
    connector, script = connect([sf.composite([sf.done(CONTACT)], error, statuses=[200, 400]), lost])
    (outcome,) = connector.write("contacts", [Write("update", "h", {"title": "CTO"}, CONTACT)])
    assert (outcome.status, outcome.remote, outcome.remote_id) == ("ok", None, CONTACT)
    assert len(script.asked) == 2


def test_one_kind_of_write_at_a_time(connect):
    connector, _ = connect([])
    with pytest.raises(ContractViolation):
        connector.write("contacts", [Write("create", "a", {}), Write("archive", "b", {}, CONTACT)])
    assert list(connector.write("contacts", [])) == []


# -- contact roles


def cell(id, role=None, primary=False):
    return {"id": id, "role": role, "primary": primary}


def roles(*contacts):
    """What the roles' rows are in an opportunity."""
    return [{"Id": f"00K{i}", "ContactId": i, "Role": None, "IsPrimary": False, "IsDeleted": False} for i in contacts]


def test_contacts_of_a_deal_cost_a_second_request_and_are_read_back_with_it(connect, sf):
    there = [{**r, "OpportunityId": DEAL} for r in roles(OTHER)]
    after = sf.row("Opportunity", DEAL, OpportunityContactRoles=sf.result(*roles(CONTACT)))
    connector, script = connect(
        [
            sf.composite([sf.done(DEAL)], sf.result(*there)),
            sf.composite([sf.done(f"00K{OTHER}")], [sf.done("00Knew")], sf.result(after)),
        ]
    )
    fields = {"name": "Deal", "contacts": [cell(CONTACT, primary=True)]}
    (outcome,) = connector.write("opportunities", [Write("update", "h", fields, DEAL)])
    assert [p["method"] for p in script.body(0)["compositeRequest"]] == ["PATCH", "GET"]
    delete, create, _ = script.body(1)["compositeRequest"]
    assert (delete["method"], f"00K{OTHER}" in delete["url"]) == ("DELETE", True)
    assert create["body"]["records"] == [
        {
            "attributes": {"type": "OpportunityContactRole"},
            "OpportunityId": DEAL,
            "ContactId": CONTACT,
            "Role": None,
            "IsPrimary": True,
        }
    ]
    assert (outcome.status, outcome.problems) == ("ok", ())
    assert [c["id"] for c in outcome.remote.fields["contacts"]] == [CONTACT]


def test_contacts_of_a_new_deal_are_given_to_its_new_id(connect, sf):
    after = sf.row("Opportunity", DEAL, OpportunityContactRoles=sf.result(*roles(CONTACT)))
    connector, script = connect(
        [
            sf.described("Opportunity"),
            sf.answer([sf.done(DEAL)]),
            sf.composite([sf.done("00Knew")], sf.result(after)),
        ]
    )
    (outcome,) = connector.write("opportunities", [Write("create", "h", {"name": "D", "contacts": [cell(CONTACT)]})])
    assert script.body()["compositeRequest"][0]["body"]["records"][0]["OpportunityId"] == DEAL
    assert outcome.status == "ok"


def test_a_refused_contact_is_a_problem_of_contacts_and_the_deal_is_written(connect, sf):
    refused = sf.failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    connector, _ = connect(
        [
            sf.composite([sf.done(DEAL)], sf.result()),
            sf.composite([refused], sf.result(sf.row("Opportunity", DEAL, OpportunityContactRoles=None))),
        ]
    )
    fields = {"name": "Deal", "contacts": [cell(CONTACT)]}
    (outcome,) = connector.write("opportunities", [Write("update", "h", fields, DEAL)])
    assert (outcome.status, [p.field for p in outcome.problems]) == ("ok", ["contacts"])


@pytest.mark.parametrize("locked", [True, False])
def test_contacts_that_were_perhaps_not_written_leave_the_deal_unknown_instead_of_done(connect, sf, locked):
    second = sf.composite([sf.failed("UNABLE_TO_LOCK_ROW")], sf.result(sf.row("Opportunity", DEAL))) if locked else lost
    answers = [sf.composite([sf.done(DEAL)], sf.result()), second, sf.page(sf.row("Opportunity", DEAL))]
    connector, _ = connect(answers)
    fields = {"name": "Deal", "contacts": [cell(CONTACT)]}
    (outcome,) = connector.write("opportunities", [Write("update", "h", fields, DEAL)])
    assert outcome.status == "unknown"


def test_contacts_of_a_deal_that_was_refused_are_left_alone(connect, sf):
    refused = sf.failed("FIELD_CUSTOM_VALIDATION_EXCEPTION", "no", "StageName")
    answers = [sf.composite([refused], sf.result()), sf.page()]
    connector, script = connect(answers)
    fields = {"stage": "x", "contacts": [cell(CONTACT)]}
    (outcome,) = connector.write("opportunities", [Write("update", "h", fields, DEAL)])
    assert (outcome.status, outcome.problems[0].field) == ("rejected", "stage")
    assert not any(r.method in ("POST", "DELETE") and r is not script.asked[0] for r in script.asked)


def test_roles_that_could_not_be_read_are_not_changed(connect, sf):
    failed = [{"message": "x", "errorCode": "QUERY_TIMEOUT"}]
    answers = [sf.composite([sf.done(DEAL)], failed, statuses=[200, 400]), sf.page(sf.row("Opportunity", DEAL))]
    connector, script = connect(answers)
    fields = {"name": "Deal", "contacts": [cell(CONTACT)]}
    (outcome,) = connector.write("opportunities", [Write("update", "h", fields, DEAL)])
    assert outcome.status == "unknown"
    assert [r.method for r in script.asked] == ["POST", "GET"]


# -- mapping of one's own


def test_custom_fields_paths_and_value_maps_work_both_ways(connect, sf):
    rules = {
        "contacts": [
            *SPEC.mapping["contacts"][:7],
            Rule("OwnerId", "owner", values={"005A": "ann@example.com"}),
            Rule("Score__c", "x_score", type="decimal"),
            Rule("Account.Name", "x_company"),
        ]
    }
    row = sf.row("Contact", CONTACT, OwnerId="005A", Score__c=2.5, Account={"attributes": {}, "Name": "Acme"})
    connector, script = connect(
        [sf.page(row), sf.composite([sf.done(CONTACT)], sf.result())], rules={"contacts": rules["contacts"]}
    )
    (remote,) = connector.read("contacts", [CONTACT], None)
    assert {k: remote.fields[k] for k in ("owner", "x_score", "x_company")} == {
        "owner": "ann@example.com",
        "x_score": "2.5",
        "x_company": "Acme",
    }
    assert "OwnerId,Score__c,Account.Name" in script.queries[0]
    fields = {"owner": "ann@example.com", "x_score": "3", "x_company": "Other"}
    (outcome,) = connector.write("contacts", [Write("update", "h", fields, CONTACT)])
    (record,) = script.body()["compositeRequest"][0]["body"]["records"]
    assert (record["OwnerId"], record["Score__c"], "Account.Name" in record) == ("005A", 3, False)
    assert [p.field for p in outcome.problems] == ["x_company"]


def test_rules_of_ones_own_write_numbers_as_numbers_and_consent_as_a_checkbox(connect, sf):
    rules = {
        "contacts": [Rule("HasOptedOutOfEmail", "consent_email"), Rule("LastName", "last_name")],
        "opportunities": [Rule("Total__c", "amount.amount"), Rule("Odds__c", "probability", scale="0.01")],
    }
    state = sf.row("Contact", CONTACT)
    connector, script = connect(lambda request: sf.composite([sf.done(CONTACT)], sf.result(state)), rules=rules)
    connector.write("contacts", [Write("update", "h", {"consent_email": "opted_out"}, CONTACT)])
    connector.write("contacts", [Write("update", "h", {"consent_email": "allowed"}, CONTACT)])
    fields = {"amount": {"amount": "12.5", "currency": "USD"}, "probability": "50"}
    connector.write("opportunities", [Write("update", "h", fields, DEAL)])
    records = [script.body(n)["compositeRequest"][0]["body"]["records"][0] for n in range(3)]
    assert [r["HasOptedOutOfEmail"] for r in records[:2]] == [True, False]
    assert (records[2]["Total__c"], records[2]["Odds__c"]) == (12.5, 5000)


def test_a_column_that_could_smuggle_something_into_a_query_is_refused_at_once(connect):
    rules = {"contacts": [Rule("Email FROM User--", "email")]}
    with pytest.raises(ConfigError, match="not the name of a Salesforce field"):
        connect([], rules=rules)


# -- schema and facts


def test_the_schema_says_what_the_org_allows(connect, sf):
    picks = [{"value": v, "active": v != "Old"} for v in ("Prospect", "Customer", "Old")]
    columns = [
        sf.column("Name", nillable=False, length=255),
        sf.column("Type", "picklist", restrictedPicklist=True, picklistValues=picks, length=40),
        sf.column("Industry", "picklist", picklistValues=picks, length=40),
        sf.column("OwnerId", "reference", nillable=False, defaultedOnCreate=True),
        sf.column("Website", "url", length=255, updateable=False),
        sf.column("BillingCity", length=40),
        sf.hub,
    ]
    connector, _ = connect([sf.described("Account", *columns)] * 2)
    schema = connector.schema("accounts")
    facts = schema.fields
    assert (facts["name"].required, facts["name"].clear, facts["name"].max_length) == (True, False, 255)
    assert facts["type"].choices == ("Prospect", "Customer")
    assert facts["industry"].choices is None
    assert (facts["owner"].required, facts["owner"].clear, facts["owner"].write) == (False, False, True)
    assert (facts["website"].read, facts["website"].write, facts["domain"].write) == (True, False, False)
    assert (facts["phone"].read, facts["phone"].write) == (False, False)
    assert facts["address"].read
    assert schema.stamps
    assert schema.fingerprint == connector.schema("accounts").fingerprint


def test_the_fingerprint_moves_with_a_picklist(connect, sf):
    def described(*values):
        picks = [{"value": v, "active": True} for v in values]
        return sf.described("Account", sf.column("Type", "picklist", picklistValues=picks), sf.hub)

    connector, _ = connect([described("A"), described("A", "B")])
    assert connector.schema("accounts").fingerprint != connector.schema("accounts").fingerprint


def test_a_hub_field_that_is_not_unique_is_no_protection_against_twins(connect, sf):
    hub = sf.column("Tieline_Id__c", length=36, externalId=True)
    connector, _ = connect([sf.described("Account", sf.column("Name"), hub)])
    assert connector.facts.stream("accounts").unique_hub_id
    assert connector.schema("accounts").stamps
    facts = connector.facts.stream("accounts")
    assert (facts.unique_hub_id, facts.quiet_ms) == (False, 600_000)
    assert connector.facts.stream("contacts").unique_hub_id


# -- check


def check_of(connect, sf, describe, **settings):
    def answer(request):
        if request.path.endswith("/describe"):
            return describe(request.path.split("/")[-2])
        if request.path == "/services/data":
            return sf.answer([{"version": "61.0"}, {"version": "62.0"}])
        if request.path.endswith("/limits"):
            return sf.answer({"DailyApiRequests": {"Max": 15000, "Remaining": 100}})
        return sf.page({"Id": "005A", "Email": "a@example.com"}, {"Id": "005B", "Email": "A@example.com"})

    connector, _ = connect(answer, **settings)
    return {(f.level, f.subject): f for f in connector.check()}


def test_check_says_what_is_missing_and_how_to_make_it(connect, sf):
    def describe(sobject):
        columns = [sf.column(n) for n in ("Name", "LastName", "WebSite", "Email")]
        return sf.described(sobject, *columns) if sobject in ("Account", "Contact") else sf.described(sobject)

    found = check_of(connect, sf, describe, api_version="60.0", currency=None)
    assert 'api_version = "v62.0"' in found["error", "api_version"].remedy
    hub = found["warning", "Account.Tieline_Id__c"]
    assert "Object Manager → Account" in hub.remedy
    assert "<externalId>true</externalId>" in hub.remedy
    assert "WebSite" in found["warning", "Account.Website"].remedy
    assert ("ok", "Opportunity.Tieline_Id__c") in found
    assert "a@example.com" in found["warning", "users"].message
    assert ("warning", "API calls") in found
    assert ("warning", "currency") in found


def test_check_goes_on_after_an_object_that_may_not_be_seen(connect, sf):
    def describe(sobject):
        return sf.refusal("NOT_FOUND", status=404) if sobject == "Campaign" else sf.described(sobject)

    found = check_of(connect, sf, describe)
    assert "Permission Sets" in found["error", "Campaign"].remedy
    assert ("ok", "Opportunity") in found


def test_check_of_a_hub_field_that_is_half_made(connect, sf):
    hub = sf.column("Tieline_Id__c", length=18)
    found = check_of(connect, sf, lambda sobject: sf.described(sobject, sf.column("Name"), hub))
    said = found["error", "Account.Tieline_Id__c"].message
    assert all(word in said for word in ("External ID", "Unique", "18 characters"))


def test_the_plugin_offers_its_connector_and_the_stand_ins_bad_days():
    import tieline_salesforce
    from tieline_salesforce.sandbox import VICES

    (spec,) = tieline_salesforce.tieline_connectors()
    assert spec is SPEC
    assert spec.vices is VICES
