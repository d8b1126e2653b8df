"""The default table, both ways, and the text of several references."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tieline import Rule, compile_rules
from tieline_files.mapping import MAPPING, STREAM_KINDS, dump_refs, fingerprint, load_refs, written_columns

MAPPERS = {stream: compile_rules(STREAM_KINDS[stream], table) for stream, table in MAPPING.items()}

FULL = {
    "accounts": {
        "name": "Acme", "domain": "acme.example", "website": "https://acme.example", "phone": "+41 44 000 00 00",
        "industry": "Retail", "employees": 12, "annual_revenue": "1200000.5", "description": "two\nlines",
        "address": {"street": "Main 1", "city": "Bern", "state": "BE", "postal_code": "3000", "country": "CH"},
        "parent": "a2", "owner": "rep@example.com", "type": "Customer", "lifecycle_stage": "customer",
    },
    "contacts": {
        "email": "ann@acme.example", "other_emails": ["a@acme.example", "b@acme.example"], "first_name": "Ann",
        "last_name": "Lee", "title": "CTO", "phone": "1", "mobile": "2", "account": "a1", "owner": "rep@example.com",
        "lifecycle_stage": "lead", "lead_status": "new", "lead_source": "web", "consent_email": "opted_out",
        "consent_phone": "allowed", "consent_fax": "allowed", "address": {"city": "Bern"},
    },
    "opportunities": {
        "name": "Deal", "account": "a1", "contacts": [{"id": "c1", "role": "Buyer", "primary": True}],
        "stage": "Won", "pipeline": "default", "amount": {"amount": "10.5", "currency": "CHF"},
        "close_date": "2026-01-31", "probability": "100", "is_closed": True, "is_won": True, "lost_reason": "none",
        "campaign": "m1", "owner": "rep@example.com",
    },
    "campaigns": {
        "name": "Spring", "type": "email", "status": "active", "start": "2026-03-01", "end": "2026-05-31",
        "budget": "1000", "actual_cost": "999.99", "currency": "EUR", "parent": "m0",
    },
}  # fmt: skip


@pytest.mark.parametrize("stream", FULL)
def test_every_canonical_field_has_a_column_and_comes_back_from_it(stream):
    mapper = MAPPERS[stream]
    row, problems = mapper.write(FULL[stream])

    assert not problems
    assert mapper.read(row) == (FULL[stream], ())
    assert set(mapper.specs) == set(FULL[stream])


@pytest.mark.parametrize("stream", FULL)
def test_null_clears_every_column_of_a_field(stream):
    row, problems = MAPPERS[stream].write(dict.fromkeys(FULL[stream]))

    assert not problems
    assert set(row) == set(written_columns(MAPPERS[stream]))
    assert set(row.values()) == {None}


def test_numbers_are_written_as_exact_numbers_not_floats():
    row, _ = MAPPERS["opportunities"].write({"amount": {"amount": "0.10000000000000000001", "currency": "EUR"}})

    assert row == {"amount": Decimal("0.10000000000000000001"), "currency": "EUR"}


def test_consent_and_booleans_are_read_in_the_words_people_use():
    fields, problems = MAPPERS["contacts"].read({"consent_email": "yes", "consent_phone": "no", "consent_fax": ""})

    assert fields == {"consent_email": "opted_out", "consent_phone": "allowed", "consent_fax": None}
    assert not problems


def test_several_references_are_one_readable_cell():
    refs = [{"id": "c1", "role": "Decision Maker", "primary": True}, {"id": "c2", "role": None, "primary": False}]

    assert dump_refs(refs) == "c1:Decision Maker:primary;c2"
    assert load_refs(" c1 : Decision Maker : primary ; c2 ;") == refs


@pytest.mark.parametrize("text", [":Buyer", "c1:Buyer:first", "c1:Buyer:primary:more"])
def test_a_malformed_reference_is_a_problem_of_the_field_alone(text):
    fields, problems = MAPPERS["opportunities"].read({"name": "Deal", "contacts": text})

    assert fields == {"name": "Deal"}
    assert [p.field for p in problems] == ["contacts"]


@given(
    st.lists(
        st.fixed_dictionaries(
            {"id": st.text(min_size=1), "role": st.none() | st.text(min_size=1), "primary": st.booleans()}
        )
    )
)
@example([{"id": " a;b:c%3B ", "role": "100% sure; really:", "primary": False}])
def test_any_references_survive_the_cell(refs):
    assert load_refs(dump_refs(refs)) == refs


def test_a_list_in_json_lines_is_taken_as_it_is():
    fields, _ = MAPPERS["opportunities"].read({"contacts": [{"id": "c1"}]})

    assert fields == {"contacts": [{"id": "c1", "role": None, "primary": False}]}


def test_the_fingerprint_moves_with_anything_that_reads_a_row_differently():
    def of(**change):
        return fingerprint(compile_rules("account", [Rule("revenue", **{"field": "annual_revenue", **change})]))

    prints = [of(), of(scale="1000"), of(field="name"), of(values={"a": "b"}), of(const="5"), of(read=False)]

    assert len({*prints}) == len(prints)
    assert of() == of()
