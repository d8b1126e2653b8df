from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline import compile_rules
from tieline_salesforce import roles, soql_text
from tieline_salesforce.mapping import contacts_of, host_in, number, opted_out
from tieline_salesforce.spec import SPEC

MAPPERS = {stream: compile_rules(SPEC.kinds[stream], SPEC.mapping[stream]) for stream in SPEC.streams}

SAMPLES = {
    "accounts": (
        {
            "Name": "Acme",
            "Website": "https://www.acme.example/about",
            "Phone": "+1 555",
            "Industry": "Retail",
            "NumberOfEmployees": 12,
            "AnnualRevenue": 1250000.5,
            "BillingStreet": "1 Main St",
            "BillingCity": "Bern",
            "BillingState": None,
            "BillingPostalCode": "3000",
            "BillingCountry": "CH",
            "Description": "d",
            "ParentId": "001A00000000001AAA",
            "OwnerId": "rep@example.com",
            "Type": "Prospect",
        },
        {
            "name": "Acme",
            "website": "https://www.acme.example/about",
            "domain": "acme.example",
            "phone": "+1 555",
            "industry": "Retail",
            "employees": 12,
            "annual_revenue": "1250000.5",
            "address": {"street": "1 Main St", "city": "Bern", "postal_code": "3000", "country": "CH"},
            "description": "d",
            "parent": "001A00000000001AAA",
            "owner": "rep@example.com",
            "type": "Prospect",
        },
    ),
    "contacts": (
        {
            "Email": "Ann@Example.com",
            "FirstName": "Ann",
            "LastName": "Lee",
            "Title": None,
            "Phone": None,
            "MobilePhone": "0791",
            "AccountId": "001A00000000001AAA",
            "OwnerId": "rep@example.com",
            "LeadSource": "Web",
            "HasOptedOutOfEmail": True,
            "DoNotCall": False,
            "HasOptedOutOfFax": False,
            "MailingStreet": None,
            "MailingCity": None,
            "MailingState": None,
            "MailingPostalCode": None,
            "MailingCountry": None,
        },
        {
            "email": "Ann@Example.com",
            "first_name": "Ann",
            "last_name": "Lee",
            "title": None,
            "phone": None,
            "mobile": "0791",
            "account": "001A00000000001AAA",
            "owner": "rep@example.com",
            "lead_source": "Web",
            "consent_email": "opted_out",
            "consent_phone": "allowed",
            "consent_fax": "allowed",
            "address": None,
        },
    ),
    "leads": (
        {
            "Email": "jo@acme.example",
            "FirstName": "Jo",
            "LastName": "Ash",
            "Title": None,
            "Phone": "+1 555 0100",
            "MobilePhone": None,
            "OwnerId": "rep@example.com",
            "LeadSource": "Web",
            "Status": "Working - Contacted",
            "HasOptedOutOfEmail": True,
            "DoNotCall": False,
            "HasOptedOutOfFax": False,
            "Street": "1 Road",
            "City": "Leeds",
            "State": None,
            "PostalCode": "LS1",
            "Country": "GB",
        },
        {
            "email": "jo@acme.example",
            "first_name": "Jo",
            "last_name": "Ash",
            "title": None,
            "phone": "+1 555 0100",
            "mobile": None,
            "owner": "rep@example.com",
            "lead_source": "Web",
            "lead_status": "Working - Contacted",
            "consent_email": "opted_out",
            "consent_phone": "allowed",
            "consent_fax": "allowed",
            "address": {
                "street": "1 Road",
                "city": "Leeds",
                "postal_code": "LS1",
                "country": "GB",
            },
        },
    ),
    "opportunities": (
        {
            "Name": "Deal",
            "AccountId": None,
            "OpportunityContactRoles": None,
            "StageName": "Prospecting",
            "Amount": 50000.0,
            "CurrencyIsoCode": "EUR",
            "CloseDate": "2024-03-31",
            "Probability": 10.0,
            "IsClosed": False,
            "IsWon": False,
            "CampaignId": None,
            "OwnerId": "rep@example.com",
        },
        {
            "name": "Deal",
            "account": None,
            "contacts": None,
            "stage": "Prospecting",
            "amount": {"amount": "50000", "currency": "EUR"},
            "close_date": "2024-03-31",
            "probability": "10",
            "is_closed": False,
            "is_won": False,
            "campaign": None,
            "owner": "rep@example.com",
        },
    ),
    "campaigns": (
        {
            "Name": "Spring",
            "Type": "Webinar",
            "Status": "Planned",
            "StartDate": "2024-03-01",
            "EndDate": None,
            "BudgetedCost": 1000.25,
            "ActualCost": None,
            "CurrencyIsoCode": "EUR",
            "ParentId": None,
        },
        {
            "name": "Spring",
            "type": "Webinar",
            "status": "Planned",
            "start": "2024-03-01",
            "end": None,
            "budget": "1000.25",
            "actual_cost": None,
            "currency": "EUR",
            "parent": None,
        },
    ),
    "members": (
        {
            "ContactId": "003A00000000001AAA",
            "CampaignId": "701A00000000001AAA",
            "Status": "Responded",
            "HasResponded": True,
            "FirstRespondedDate": "2024-03-02",
        },
        {
            "contact": "003A00000000001AAA",
            "campaign": "701A00000000001AAA",
            "status": "Responded",
            "responded": True,
            "first_responded": "2024-03-02",
        },
    ),
}
NOT_WRITTEN = {"domain", "is_closed", "is_won", "contacts", "responded", "first_responded"}


@pytest.mark.parametrize("stream", SPEC.streams)
def test_a_row_is_read_as_canonical_fields_and_written_back_as_the_same_columns(stream):
    columns, fields = SAMPLES[stream]
    mapper = MAPPERS[stream]
    assert mapper.read(columns) == (fields, ())
    writable = {k: v for k, v in fields.items() if k not in NOT_WRITTEN}
    row, problems = mapper.write(writable)
    assert problems == ()
    assert row == {c: v for c, v in columns.items() if mapper.field_of(c) in writable}


@pytest.mark.parametrize("stream", SPEC.streams)
def test_the_sample_speaks_of_every_mapped_column(stream):
    assert set(SAMPLES[stream][0]) == set(MAPPERS[stream].columns)


@pytest.mark.parametrize(
    ("website", "domain"),
    [
        ("https://www.Acme.example:8443/x?y#z", "acme.example"),
        ("acme.example.", "acme.example"),
        ("n/a", None),
        ("see notes", None),
        ("localhost", None),
        ("mailto:x@acme.example", None),
        ("", None),
        (None, None),
    ],
)
def test_a_domain_is_the_host_of_a_website_and_never_a_problem(website, domain):
    fields, problems = MAPPERS["accounts"].read({"Website": website})
    assert (fields["domain"], problems) == (domain, ())


def test_a_host_needs_a_dot():
    assert host_in("intranet/start") is None


def test_a_domain_is_never_written():
    assert MAPPERS["accounts"].write({"domain": "acme.example"}) == ({}, ())
    assert not MAPPERS["accounts"].writable("domain")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**12), max_value=10**12))
def test_an_amount_keeps_every_digit_as_a_json_number(value: Decimal):
    text = format(value, "f")
    assert Decimal(repr(number(text))) == Decimal(text)


def test_an_amount_with_more_digits_than_a_json_number_holds_is_a_problem_not_a_rounding():
    with pytest.raises(ValueError, match="more digits"):
        number("12345678901234567.89")
    row, problems = MAPPERS["accounts"].write({"annual_revenue": "0.12345678901234567890"})
    assert row == {}
    assert [p.field for p in problems] == ["annual_revenue"]


def test_an_opt_out_is_written_as_true_and_allowed_as_false():
    assert (opted_out("opted_out"), opted_out("allowed")) == (True, False)


def test_deleted_roles_and_roles_without_a_contact_are_no_contacts():
    rows = [
        {"ContactId": "003a", "Role": "Influencer", "IsPrimary": True, "IsDeleted": False},
        {"ContactId": "003b", "Role": None, "IsPrimary": False, "IsDeleted": True},
        {"ContactId": None, "Role": None, "IsPrimary": False},
    ]
    assert contacts_of({"records": rows}) == [{"id": "003a", "role": "Influencer", "primary": True}]


# -- the text of queries


@given(st.text())
def test_any_text_survives_being_a_literal(text: str):
    literal = soql_text.string(text)
    assert _unescaped(literal) == text


@given(st.lists(st.text(max_size=40), min_size=1, max_size=60), st.integers(200, 2000))
def test_no_value_ends_its_literal_and_every_value_is_in_one_condition(values, room):
    wheres = list(soql_text.within("Email", values, room))
    found = [value for where in wheres for value in _listed(where)]
    assert found == values


def test_conditions_stay_within_the_room_of_a_url():
    from urllib.parse import quote

    values = [f"0030000000{n:05d}AAA" for n in range(2000)]
    wheres = list(soql_text.within("Id", values, 3000))
    assert len(wheres) > 10
    assert all(len(quote(w, safe="")) < 3000 + len(quote("Id IN ()", safe="")) for w in wheres)


@pytest.mark.parametrize("name", ["Id", "Owner.Email", "Tieline_Id__c", "Account.Parent.Name"])
def test_names_of_fields_are_names(name):
    assert soql_text.is_name(name)


@pytest.mark.parametrize(
    "name", ["", "Id FROM User", "Na me", "Id,Name", "Id--", "1x", "x.", ".x", "Id'", "(SELECT Id)"]
)
def test_what_could_be_more_than_a_name_is_none(name):
    assert not soql_text.is_name(name)


def _unescaped(literal: str) -> str:
    """Read a literal as SOQL does: an unknown escape or an early quote is an error."""
    known = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
    assert literal[0] == literal[-1] == "'"
    inner, out, at = literal[1:-1], [], 0
    while at < len(inner):
        char = inner[at]
        assert char != "'"
        if char != "\\":
            assert char.isprintable() or ord(char) > 0x7F, f"raw {char!r}"
            out.append(char)
            at += 1
        elif inner[at + 1] == "u":
            out.append(chr(int(inner[at + 2 : at + 6], 16)))
            at += 6
        else:
            out.append(known[inner[at + 1]])
            at += 2
    return "".join(out)


def _listed(where: str) -> list[str]:
    assert where.startswith("Email IN (")
    assert where.endswith(")")
    inner, values, at = where[len("Email IN (") : -1], [], 0
    while at < len(inner):
        end = at + 1
        while inner[end] != "'":
            end += 2 if inner[end] == "\\" else 1
        values.append(_unescaped(inner[at : end + 1]))
        at = end + 2
    return values


# -- contact roles


CONTACTS = st.sampled_from(["003a", "003b", "003c"])
ROLES = st.sampled_from([None, "Influencer", "Decision Maker"])
CELLS = st.lists(
    st.fixed_dictionaries({"id": CONTACTS, "role": ROLES, "primary": st.booleans()}),
    unique_by=lambda c: (c["id"], c["role"]),
    max_size=6,
)


@given(CELLS, CELLS)
def test_role_changes_lead_from_what_is_there_to_what_is_wanted(there, wanted):
    rows = {
        f"00K{n}": {"Id": f"00K{n}", "ContactId": c["id"], "Role": c["role"], "IsPrimary": c["primary"]}
        for n, c in enumerate(there)
    }
    changes = roles.Changes()
    roles.plan("006x", wanted, list(rows.values()), changes)
    for _, id in changes.delete:
        del rows[id]
    for _, record in changes.update:
        rows[record["id"]] |= {k: record[k] for k in ("ContactId", "Role", "IsPrimary")}
    for n, (_, record) in enumerate(changes.create):
        assert record["OpportunityId"] == "006x"
        rows[f"new{n}"] = record
    key = lambda c: (c["id"], c["role"] or "")  # noqa: E731
    found = [{"id": r["ContactId"], "role": r["Role"], "primary": r["IsPrimary"]} for r in rows.values()]
    assert sorted(found, key=key) == sorted(wanted, key=key)
    if sorted(there, key=key) == sorted(wanted, key=key):
        assert changes == roles.Changes()


def test_who_stops_being_primary_is_written_before_who_becomes_it():
    changes = roles.Changes()
    rows = [
        {"Id": "00K1", "ContactId": "003a", "Role": None, "IsPrimary": False},
        {"Id": "00K2", "ContactId": "003b", "Role": None, "IsPrimary": True},
    ]
    wanted = [{"id": "003a", "role": None, "primary": True}, {"id": "003b", "role": None, "primary": False}]
    roles.plan("006x", wanted, rows, changes)
    ((call, _),) = list(roles.calls(changes))
    assert [r["IsPrimary"] for r in call.body["records"]] == [False, True]
