"""One test for each oddity of Salesforce that the connector relies on or works around; each says where it is from."""

import pytest

from tieline import ConfigError, ContractViolation, NotAuthorised, RateLimited, Response, Unavailable, Window, Write
from tieline_salesforce.settings import SalesforceSettings
from tieline_salesforce.spec import quota, throttled
from tieline_salesforce.writes import long_id

ACCOUNT, CONTACT, DEAL = "001A00000000001AAA", "003A00000000001AAA", "006A00000000001AAA"


def test_too_fast_is_403_with_a_code_and_not_429(sf):
    """Recorded/documented: REQUEST_LIMIT_EXCEEDED comes as 403, `TotalRequests Limit exceeded.`; 429 is never used."""
    assert throttled(sf.refusal("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", 403))
    assert not throttled(sf.refusal("INSUFFICIENT_ACCESS", status=403))


def test_a_503_of_the_api_itself_applied_nothing_but_one_of_a_proxy_may_have(sf):
    """Believed, not checked: SERVER_UNAVAILABLE is the API's own word; a 503 without it says nothing of a write."""
    assert throttled(sf.refusal("SERVER_UNAVAILABLE", status=503))
    assert not throttled(Response(503, {}, b"<html>Service Unavailable</html>"))


@pytest.mark.parametrize(
    ("header", "left"),
    [("api-usage=8382/15000", 6618), ("api-usage=8380/15000; per-app-api-usage=1/250(appName=x)", 6620)],
)
def test_the_budget_is_taken_as_each_answer_says_it(header, left):
    """Recorded: `Sforce-Limit-Info` went 8370, 8382, 8380, 8376: servers count apart."""
    assert quota({"sforce-limit-info": header}).daily_remaining == left
    assert quota({}) is None


def test_composites_are_never_collated(connect, sf):
    """Documented (Composite Request Body): since v49.0 parts may be reordered unless collateSubrequests is false; a
    read-back that runs before its write would answer the old state."""
    connector, script = connect([sf.composite([sf.done(CONTACT)], sf.result(sf.row("Contact", CONTACT)))])
    connector.write("contacts", [Write("update", "h", {"title": "CTO"}, CONTACT)])
    assert script.body()["collateSubrequests"] is False
    assert script.body()["allOrNone"] is False


def test_a_text_that_looks_like_a_reference_is_not_sent_in_a_composite(connect, sf):
    """Documented (Composite): `@{ref.field}` anywhere in a part stands for another part's answer. Somebody's note may
    contain it; believed, not checked, that there is no way to escape it."""
    connector, script = connect(
        [sf.answer([sf.done(CONTACT)]), sf.page(sf.row("Contact", CONTACT, Title="@{part0.x}"))]
    )
    (outcome,) = connector.write("contacts", [Write("update", "h", {"title": "@{part0.x}"}, CONTACT)])
    assert [r.path.rpartition("/")[2] for r in script.asked] == ["sobjects", "queryAll"]
    assert outcome.remote.fields["title"] == "@{part0.x}"


def test_an_org_without_composites_is_written_to_call_by_call(connect, sf):
    """Believed, not checked: editions and proxies without `/composite` answer 404 and do nothing."""
    read_back = sf.page(sf.row("Contact", CONTACT))
    answers = [sf.refusal("NOT_FOUND", status=404)] + [sf.answer([sf.done(CONTACT)]), read_back] * 2
    connector, script = connect(answers)
    for _ in range(2):
        (outcome,) = connector.write("contacts", [Write("update", "h", {"title": "CTO"}, CONTACT)])
        assert outcome.status == "ok"
        assert outcome.remote is not None
    asked = [r.path.rpartition("/")[2] for r in script.asked]
    assert asked == ["composite", "sobjects", "queryAll", "sobjects", "queryAll"]


def test_a_subquery_without_children_is_null(connect, sf):
    """Recorded: `"OpportunityContactRoles": null`, not an empty result."""
    connector, _ = connect([sf.page(sf.row("Opportunity", DEAL, OpportunityContactRoles=None))])
    assert connector.list("opportunities", None).remotes[0].fields["contacts"] is None


def test_children_that_do_not_fit_into_their_row_are_fetched(connect, sf):
    """Documented (relationship queries): a subquery has a `nextRecordsUrl` of its own."""
    roles = [{"Id": f"00K{n}", "ContactId": f"003{n}", "Role": None, "IsPrimary": False} for n in range(3)]
    first = sf.row("Opportunity", DEAL, OpportunityContactRoles=sf.result(*roles[:2], more="01gX-2"))
    connector, script = connect([sf.page(first), sf.page(roles[2])])
    contacts = connector.list("opportunities", None).remotes[0].fields["contacts"]
    assert [c["id"] for c in contacts] == ["0030", "0031", "0032"]
    assert script.asked[1].path == "/services/data/v62.0/query/01gX-2"


def test_collections_answer_200_and_in_order_even_if_all_fail(connect, sf):
    """Recorded: results come in the order of the records; their code is called statusCode, not errorCode."""
    results = [
        sf.failed("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", "LastName"),
        sf.done(CONTACT),
        sf.failed("INVALID_EMAIL_ADDRESS", "Email: invalid email address: x@y", "Email"),
    ]
    connector, _ = connect([sf.described("Contact"), sf.composite(results, sf.result(sf.row("Contact", CONTACT)))])
    writes = [Write("create", f"h{n}", {"first_name": str(n)}) for n in range(3)]
    first, second, third = connector.write("contacts", writes)
    assert [(first.status, first.problems[0].field), second.status] == [("rejected", "last_name"), "ok"]
    assert (third.status, third.problems[0].field, third.problems[0].code) == (
        "rejected",
        "email",
        "INVALID_EMAIL_ADDRESS",
    )


def test_an_unknown_column_in_a_collection_names_itself_in_the_message_only(connect, sf):
    """Captured: INVALID_FIELD `No such column 'x' on sobject of type Contact`, with an empty list of fields."""
    result = sf.failed("INVALID_FIELD", "No such column 'Title' on sobject of type Contact")
    connector, _ = connect([sf.composite([result], sf.result(sf.row("Contact", CONTACT)))])
    (outcome,) = connector.write("contacts", [Write("update", "h", {"title": "CTO"}, CONTACT)])
    assert (outcome.status, outcome.problems[0].field) == ("rejected", "title")


def test_pages_are_asked_for_by_key_and_not_by_the_servers_cursor(connect, sf):
    """Believed, not checked: a locator lives for two days, then INVALID_QUERY_LOCATOR; and it is another one each
    time, so that a saved token would not give the same page again."""
    first, second = sf.row("Contact", CONTACT), sf.row("Contact", "003A00000000002AAA")
    connector, script = connect([sf.page(first, more="01gX-1"), sf.page(second)])
    page = connector.list("contacts", None)
    page = connector.list("contacts", page.token)
    assert ([r.id for r in page.remotes], page.token) == ([second["Id"]], None)
    assert script.queries[0].endswith("FROM Contact ORDER BY Id LIMIT 2001")
    assert script.queries[1].endswith(f"FROM Contact WHERE Id > '{CONTACT}' ORDER BY Id LIMIT 2001")


def test_stamps_are_not_unique_so_a_delta_goes_on_behind_stamp_and_id(connect, sf):
    """Issue threads (airbyte #27146, supaglue #532)."""
    first = sf.row("Contact", CONTACT, "2024-01-01T00:00:01.000+0000")
    connector, script = connect([sf.page(first, more="01gX-1"), sf.page()])
    page = connector.changes("contacts", Window(0), None)
    connector.changes("contacts", Window(0), page.token)
    stamp = "2024-01-01T00:00:01Z"
    behind = f"(SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > '{CONTACT}'))"
    assert script.queries[-1].endswith(f"WHERE {behind} ORDER BY SystemModstamp, Id LIMIT 2001")


def test_a_page_may_hold_fewer_rows_than_asked_for(connect, sf):
    """Documented (Query Options header): the server may give fewer; only `done` says that it was the last page."""
    connector, _ = connect([sf.page(sf.row("Contact", CONTACT), more="01gX-1")])
    assert connector.list("contacts", None).token is not None


def test_two_states_of_one_second_have_different_versions(connect, sf):
    """Observed (Salesforce Stack Exchange 234824): milliseconds of SystemModstamp are ignored, it counts seconds."""
    rows = [sf.row("Contact", CONTACT, Title=title) for title in ("CTO", "CEO", "CEO")]
    connector, _ = connect([sf.page(row) for row in rows])
    one, two, again = (connector.read("contacts", [CONTACT], None)[0] for _ in rows)
    assert one.modified == two.modified
    assert one.version != two.version
    assert two.version == again.version


def test_a_window_between_two_seconds_leaves_out_the_earlier_one(connect, sf):
    """A literal is cut to the second, as stamps are; what the query then has too much is left out here."""
    rows = [sf.row("Contact", CONTACT, f"2024-01-01T00:00:0{n}.000+0000") for n in (1, 2)]
    connector, script = connect([sf.page(*rows)])
    page = connector.changes("contacts", Window(1_704_067_201_500), None)
    assert [r.modified for r in page.remotes] == [1_704_067_202_000]
    assert "SystemModstamp >= 2024-01-01T00:00:01Z" in script.queries[0]


def test_deltas_ask_for_the_deleted_and_the_merged_as_well(connect, sf):
    """Recorded describes: IsDeleted, MasterRecordId; documented: only queryAll shows them. A merge leaves its loser
    deleted, with MasterRecordId naming the winner."""
    lost = sf.row("Contact", CONTACT, IsDeleted=True, MasterRecordId="003A00000000009AAA")
    gone = sf.row("Contact", "003A00000000002AAA", IsDeleted=True, MasterRecordId=None)
    connector, script = connect([sf.page(lost, gone)])
    loser, deleted = connector.changes("contacts", Window(0), None).remotes
    assert script.asked[0].path.endswith("/queryAll")
    assert (loser.gone, loser.merged_into) == (True, "003A00000000009AAA")
    assert (deleted.gone, deleted.merged_into) == (True, None)


def test_only_mergeable_objects_have_a_master_record(connect, sf):
    """Recorded describes: Account, Contact and Lead have MasterRecordId, Opportunity and Campaign do not."""
    connector, script = connect(lambda request: sf.page())
    for stream in ("accounts", "contacts", "opportunities", "campaigns"):
        connector.changes(stream, Window(0), None)
    assert ["MasterRecordId" in q for q in script.queries] == [True, True, False, False]


def test_a_field_hidden_by_field_level_security_is_left_out_of_queries(connect, sf):
    """Recorded: a query for it is refused with INVALID_FIELD, `No such column`; the describe does not show it."""
    columns = [sf.column("Email"), sf.column("LastName"), sf.hub]
    connector, script = connect(
        [
            sf.refusal("INVALID_FIELD", "\nSELECT Id\n ^\nERROR at Row:1:Column:8\nNo such column 'DoNotCall'"),
            sf.described("Contact", *columns),
            sf.page(sf.row("Contact", CONTACT, Email="a@example.com", LastName="Lee")),
        ]
    )
    (remote,) = connector.list("contacts", None).remotes
    assert remote.fields == {"email": "a@example.com", "last_name": "Lee"}
    assert script.queries[-1].startswith(
        "SELECT Id,SystemModstamp,IsDeleted,MasterRecordId,Tieline_Id__c,Email,LastName FROM"
    )


def test_a_hub_id_that_exists_names_the_record_that_has_it(connect, sf):
    """Issue thread (k-capehart/go-salesforce #133): DUPLICATE_VALUE, `duplicate value found: X duplicates value on
    record with id: 001…`, with an empty list of fields; the id has 15 or 18 characters."""
    said = f"duplicate value found: Tieline_Id__c duplicates value on record with id: {CONTACT[:15]}"
    connector, _ = connect([sf.described("Contact"), sf.composite([sf.failed("DUPLICATE_VALUE", said)], sf.result())])
    (outcome,) = connector.write("contacts", [Write("create", "h", {"last_name": "Lee"})])
    assert (outcome.status, outcome.remote_id) == ("exists", long_id(CONTACT[:15]))


def test_a_duplicate_of_another_unique_field_is_no_twin_of_ours(connect, sf):
    """As above, for a unique field of the org's own."""
    said = f"duplicate value found: Badge__c duplicates value on record with id: {CONTACT}"
    connector, _ = connect([sf.described("Contact"), sf.composite([sf.failed("DUPLICATE_VALUE", said)], sf.result())])
    (outcome,) = connector.write("contacts", [Write("create", "h", {"last_name": "Lee"})])
    assert outcome.status == "rejected"


def test_a_short_id_is_made_long():
    """Documented (sObject examples): 001D000000IqhSL and 001D000000IqhSLIAZ are one record; only the long form is
    safe where case is lost."""
    assert long_id("001D000000IqhSL") == "001D000000IqhSLIAZ"
    assert long_id("001D000000IqhSLIAZ") == "001D000000IqhSLIAZ"


def test_a_duplicate_rule_is_a_refusal_a_person_can_read(connect, sf):
    """Issue thread (omniphx/forrest #176): DUPLICATES_DETECTED, `You're creating a duplicate record…`; no id in it."""
    result = sf.failed("DUPLICATES_DETECTED", "You're creating a duplicate record.")
    connector, _ = connect([sf.described("Contact"), sf.composite([result], sf.result())])
    (outcome,) = connector.write("contacts", [Write("create", "h", {"last_name": "Lee"})])
    assert outcome.status == "rejected"
    assert "duplicate rule" in outcome.problems[0].message


def test_a_locked_row_is_asked_again_later(connect, sf):
    """Documented/believed: UNABLE_TO_LOCK_ROW, another transaction holds the record or its parent; nothing was done."""
    connector, _ = connect([sf.composite([sf.failed("UNABLE_TO_LOCK_ROW")], sf.result(sf.row("Contact", CONTACT)))])
    (outcome,) = connector.write("contacts", [Write("update", "h", {"title": "CTO"}, CONTACT)])
    assert outcome.status == "throttled"


@pytest.mark.parametrize("code", ["ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"])
def test_whether_the_record_or_one_it_refers_to_is_gone_the_record_itself_says(connect, sf, code):
    """Captured: `entity is deleted` with an empty list of fields; recorded: INVALID_CROSS_REFERENCE_KEY for both."""
    write = Write("update", "h", {"account": ACCOUNT}, CONTACT)
    alive, dead = sf.row("Contact", CONTACT), sf.row("Contact", CONTACT, IsDeleted=True)
    connector, _ = connect([sf.composite([sf.failed(code)], sf.result(row)) for row in (alive, dead)])
    (refused,), (gone,) = connector.write("contacts", [write]), connector.write("contacts", [write])
    assert (refused.status, refused.problems[0].field) == ("rejected", "account")
    assert (gone.status, gone.remote_id) == ("gone", CONTACT)


def test_a_checkbox_is_never_blank_and_no_consent_is_made_up(connect, sf):
    """Recorded describes: booleans are not nillable. A blank consent written as false would opt somebody in."""
    connector, script = connect([])
    (outcome,) = connector.write("contacts", [Write("update", "h", {"consent_email": None}, CONTACT)])
    assert (outcome.status, outcome.problems[0].field) == ("rejected", "consent_email")
    assert script.asked == []


def test_money_of_another_currency_is_refused_where_an_org_keeps_one(connect, sf):
    """Documented: CurrencyIsoCode exists in multi-currency orgs only; elsewhere a number is in the org's currency."""
    row = sf.row("Opportunity", DEAL, Amount=5.0, OpportunityContactRoles=None)
    connector, script = connect([sf.composite([sf.done(DEAL)], sf.result(row))], currency="USD")
    dollars = Write("update", "h", {"amount": {"amount": "5", "currency": "USD"}}, DEAL)
    euros = Write("update", "h", {"amount": {"amount": "5", "currency": "EUR"}}, DEAL)
    done, refused = connector.write("opportunities", [dollars, euros])
    assert script.body()["compositeRequest"][0]["body"]["records"] == [
        {"attributes": {"type": "Opportunity"}, "id": DEAL, "Amount": 5}
    ]
    assert done.remote.fields["amount"] == {"amount": "5", "currency": "USD"}
    assert (refused.status, refused.problems[0].code) == ("rejected", "currency")


def test_an_org_that_keeps_several_currencies_is_asked_for_them(connect, sf):
    """As above: the describe has CurrencyIsoCode. It costs one request more, and only when there are rows to read."""
    columns = [sf.column(n) for n in ("Name", "Amount", "CurrencyIsoCode")] + [sf.hub]
    row = sf.row("Opportunity", DEAL, Name="Deal", Amount=5.0)
    connector, script = connect(
        [
            sf.page(),
            sf.page(row),
            sf.described("Opportunity", *columns),
            sf.page({**row, "CurrencyIsoCode": "EUR"}),
        ],
        currency=None,
    )
    assert connector.changes("opportunities", Window(0), None).remotes == []
    (remote,) = connector.changes("opportunities", Window(0), None).remotes
    assert remote.fields["amount"] == {"amount": "5", "currency": "EUR"}
    assert ["CurrencyIsoCode" in q for q in script.queries] == [False, False, True]


def test_a_read_back_never_shows_an_amount_without_the_currency_it_has(connect, sf):
    """As above: it would look as if somebody had taken the currency away."""
    columns = [sf.column(n) for n in ("Name", "Amount", "CurrencyIsoCode")] + [sf.hub]
    row = sf.row("Opportunity", DEAL, Name="Deal", Amount=5.0, CurrencyIsoCode="EUR")
    answers = [sf.described("Opportunity", *columns), sf.composite([sf.done(DEAL)], sf.result(row))]
    connector, _ = connect(answers, currency=None)
    (outcome,) = connector.write("opportunities", [Write("update", "h", {"name": "Deal"}, DEAL)])
    assert outcome.remote.fields["amount"] == {"amount": "5", "currency": "EUR"}


def test_one_currency_in_the_settings_and_several_in_the_org_is_an_error_before_any_amount_is_read(connect, sf):
    """As above: amounts of the other currencies would be read as this one."""
    connector, _ = connect([sf.described("Opportunity", sf.column("CurrencyIsoCode"))], currency="USD")
    with pytest.raises(ConfigError, match="multi"):
        connector.schema("opportunities")


def test_an_owner_is_found_by_the_address_of_exactly_one_active_user(connect, sf):
    """Documented (User): Username is unique, Email is not; an inactive user cannot own records."""
    users = [
        {"Id": "005A", "Email": "Ann@example.com", "IsActive": True},
        {"Id": "005B", "Email": "two@example.com", "IsActive": True},
        {"Id": "005C", "Email": "two@example.com", "IsActive": True},
        {"Id": "005D", "Email": "old@example.com", "IsActive": False},
    ]
    read_back = sf.row("Contact", CONTACT, Owner={"attributes": {}, "Email": "Ann@example.com"})
    connector, script = connect([sf.page(*users), sf.composite([sf.done(CONTACT)], sf.result(read_back))])
    addresses = ["ann@EXAMPLE.com", "two@example.com", "old@example.com", "who@example.com"]
    outcomes = connector.write("contacts", [Write("update", "h", {"owner": a}, CONTACT) for a in addresses])
    assert [o.status for o in outcomes] == ["ok", "rejected", "rejected", "rejected"]
    assert script.body()["compositeRequest"][0]["body"]["records"][0]["OwnerId"] == "005A"
    said = [o.problems[0].message for o in outcomes[1:]]
    assert ["2 active" in said[0], "inactive" in said[1], "no Salesforce user" in said[2]] == [True] * 3
    assert outcomes[0].remote.fields["owner"] == "Ann@example.com"


def test_a_version_the_org_does_not_offer_is_said_so(connect, sf):
    """Recorded: 404 NOT_FOUND `The requested resource does not exist` for any address below an unknown version."""
    connector, _ = connect([sf.refusal("NOT_FOUND", "The requested resource does not exist", 404)], api_version="99.0")
    with pytest.raises(ConfigError, match=r"v99\.0"):
        connector.list("contacts", None)


def test_an_object_the_user_may_not_see_is_a_matter_of_permissions(connect, sf):
    """Captured: 400 INVALID_TYPE, `sObject type 'X' is not supported`, as if it did not exist."""
    message = "\nFROM Campaign\n ^\nERROR at Row:1:Column:43\nsObject type 'Campaign' is not supported."
    connector, _ = connect([sf.refusal("INVALID_TYPE", message)])
    with pytest.raises(NotAuthorised, match="Campaign"):
        connector.list("campaigns", None)


def test_a_refused_batch_of_a_user_without_rights_is_a_matter_of_permissions_too(connect, sf):
    """Documented (status codes): 403 with FORBIDDEN or INSUFFICIENT_ACCESS; nothing was done."""
    connector, _ = connect([sf.refusal("API_DISABLED_FOR_ORG", status=403)])
    with pytest.raises(NotAuthorised):
        connector.write("contacts", [Write("update", "h", {"title": "CTO"}, CONTACT)])


def test_busy_is_busy_also_where_the_status_is_400(connect, sf):
    """Documented (status codes): UNABLE_TO_LOCK_ROW and limits come with 400 as well."""
    connector, _ = connect([sf.refusal("REQUEST_LIMIT_EXCEEDED")])
    with pytest.raises(RateLimited):
        connector.list("contacts", None)


def test_a_login_page_with_status_200_is_no_answer(connect):
    """Seen in the field: a wrong host answers 200 and a page of HTML."""
    page = Response(200, {"content-type": "text/html"}, b"<html>Login</html>")
    connector, _ = connect([page])
    with pytest.raises(Unavailable, match=r"Salesforce: expected JSON, got text/html \(200\): '<html>Login</html>'"):
        connector.list("contacts", None)
    connector, _ = connect([page])
    with pytest.raises(Unavailable) as caught:
        connector.write("contacts", [Write("update", "h", {"title": "CTO"}, CONTACT)])
    assert caught.value.sent


def test_a_page_that_repeats_itself_ends_the_listing(connect, sf):
    """A broken server or proxy; a listing must end."""
    connector, _ = connect(lambda request: sf.page(sf.row("Contact", CONTACT), more="01gX-1"))
    token = connector.list("contacts", None).token
    with pytest.raises(ContractViolation, match="same page"):
        connector.list("contacts", token)


@pytest.mark.parametrize("url", ["https://evil.example/query/x", "//evil.example/x", "/services/data/../../x"])
def test_the_rest_of_an_answer_is_only_fetched_from_the_api_itself(connect, sf, url):
    """nextRecordsUrl is a path [rec]; anything else could lead a credential elsewhere."""
    body = {**sf.result(sf.row("Contact", CONTACT), more="x"), "nextRecordsUrl": url}
    connector, script = connect([sf.answer(body)])
    with pytest.raises(ContractViolation):
        connector.read("contacts", [CONTACT], None)
    assert len(script.asked) == 1


@pytest.mark.parametrize(("given", "kept"), [("62.0", "v62.0"), ("v63.0", "v63.0"), (62, "v62.0"), (62.0, "v62.0")])
def test_a_version_is_taken_as_people_write_it(given, kept):
    """The API calls it `62.0` in its list of versions and `v62.0` in addresses [rec]."""
    assert SalesforceSettings(api_version=given).api_version == kept


@pytest.mark.parametrize("given", ["48.0", "sixty", "", "v62.1/../x"])
def test_a_version_that_cannot_work_is_refused(given):
    """Documented: before v48.0 there is no collateSubrequests, and the meaning of its absence changed in v49.0."""
    with pytest.raises(ValueError, match=r"version|too old"):
        SalesforceSettings(api_version=given)
