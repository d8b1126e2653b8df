"""The connector on the stand-in: a whole conversation where one answer depends on what was written before."""

from collections import Counter
from pathlib import Path

import pytest

from tieline import Context, ContractViolation, Unavailable, Window, Write, compile_rules
from tieline.sandbox import InProcess, SandboxOptions
from tieline.testing import FakeClock, standin_client
from tieline_salesforce.spec import SPEC


class World:
    """A stand-in, and a connector on it by way of the real HTTP client."""

    def __init__(self, *vices, seed="empty", rules=None, **settings):
        self.clock = FakeClock()
        self.sandbox = SPEC.sandbox(SandboxOptions(seed=seed, vices=frozenset(vices), clock=self.clock))
        self.wire = InProcess(self.sandbox)
        client = standin_client(SPEC, self.sandbox, self.clock, self.wire)
        tables = {**SPEC.mapping, **(rules or {})}
        mappers = {s: compile_rules(SPEC.kinds[s], tables[s]) for s in SPEC.streams}
        parsed = SPEC.settings(**{"currency": "USD", **settings})
        self.connector = SPEC.connect(Context("crm", parsed, mappers, client, self.clock, Path()))

    def create(self, stream, *records):
        outcomes = self.connector.write(stream, [Write("create", f"hub-{n}", r) for n, r in enumerate(records)])
        assert [o.status for o in outcomes] == ["ok"] * len(records)
        return [o.remote_id for o in outcomes]

    def read(self, stream, id):
        (remote,) = self.connector.read(stream, [id], None)
        return remote

    def all(self, stream):
        remotes, token = [], None
        while True:
            page = self.connector.list(stream, token)
            remotes += page.remotes
            token = page.token
            if token is None:
                return remotes


DEAL = {"name": "Deal", "stage": "Prospecting", "close_date": "2026-03-31"}


@pytest.mark.parametrize("currency", ["USD", None])
def test_every_record_of_a_believable_company_is_read_without_a_problem(currency):
    world = World(seed="demo", currency=currency)
    for stream in SPEC.streams:
        remotes = world.all(stream)
        problems = Counter(p.message for r in remotes for p in r.problems)
        assert problems == {}
        assert len(remotes) > 5
        assert all(r.fields.get("owner") for r in remotes if "owner" in r.fields)
    deals = world.all("opportunities")
    assert any(r.fields["contacts"] for r in deals)
    assert {(r.fields["amount"] or {}).get("currency") for r in deals} == {currency} | {None}


def test_a_deal_with_owner_account_and_contacts_comes_back_as_written():
    world = World()
    (account,) = world.create("accounts", {"name": "Acme"})
    one, two = world.create(
        "contacts", {"last_name": "Lee", "account": account}, {"last_name": "Roy", "account": account}
    )
    (campaign,) = world.create("campaigns", {"name": "Spring", "budget": "1000.5"})
    contacts = [{"id": one, "role": "Decision Maker", "primary": True}, {"id": two, "role": None, "primary": False}]
    fields = {
        **DEAL,
        "account": account,
        "campaign": campaign,
        "owner": "mei@northbay.example",
        "contacts": contacts,
        "amount": {"amount": "1234.5", "currency": "USD"},
        "probability": "35",
    }
    (deal,) = world.create("opportunities", fields)
    remote = world.read("opportunities", deal)
    assert {k: remote.fields[k] for k in fields} == {**fields, "contacts": sorted(contacts, key=lambda c: c["id"])}
    swapped = [{"id": one, "role": None, "primary": False}, {"id": two, "role": "Influencer", "primary": True}]
    (outcome,) = world.connector.write("opportunities", [Write("update", "h", {"contacts": swapped}, deal)])
    assert (outcome.status, outcome.problems) == ("ok", ())
    assert outcome.remote.fields["contacts"] == sorted(swapped, key=lambda c: c["id"])
    assert outcome.remote == world.read("opportunities", deal)


def test_a_batch_with_contacts_takes_two_requests_and_one_without_takes_one():
    world = World()
    world.connector.schema("opportunities")
    people = world.create("contacts", *({"last_name": f"P{n}"} for n in range(3)))
    before = world.wire.stats.requests
    deals = world.create("opportunities", *({**DEAL, "name": f"D{n}"} for n in range(200)))
    assert world.wire.stats.requests - before == 1
    cells = [{"id": p, "role": None, "primary": False} for p in people]
    before = world.wire.stats.requests
    writes = [Write("update", "h", {"contacts": cells, "name": f"E{n}"}, d) for n, d in enumerate(deals)]
    outcomes = world.connector.write("opportunities", writes)
    assert {o.status for o in outcomes} == {"ok"}
    assert world.wire.stats.requests - before == 2
    assert [len(o.remote.fields["contacts"]) for o in outcomes] == [3] * 200


def test_a_note_that_looks_like_a_reference_is_only_a_note():
    world = World()
    text = "Dear @{part0.id}, @{contact.FirstName}!"
    (account,) = world.create("accounts", {"name": "Acme", "description": text})
    assert world.read("accounts", account).fields["description"] == text


def test_a_person_merges_two_contacts_and_the_delta_says_which_is_which():
    world = World("merged")
    one, two = world.create("contacts", {"last_name": "Lee"}, {"last_name": "Lee"})
    world.all("contacts")
    remotes = {r.id: r for r in world.connector.changes("contacts", Window(0), None).remotes}
    assert (remotes[two].gone, remotes[two].merged_into) == (True, one)
    assert not remotes[one].gone


def test_a_hidden_field_is_left_out_said_and_never_written_blindly():
    world = World("field-hidden")
    (contact,) = world.create("contacts", {"last_name": "Lee", "consent_email": "opted_out"})
    schema = world.connector.schema("contacts").fields
    hidden = [name for name, facts in schema.items() if not facts.read]
    assert hidden
    remote = world.read("contacts", contact)
    assert not set(hidden) & set(remote.fields)
    assert any(f.level == "warning" and "left out" in f.message for f in world.connector.check())


def test_without_the_hub_field_records_are_made_and_read_all_the_same():
    world = World("no-hub-field")
    (contact,) = world.create("contacts", {"last_name": "Lee"})
    assert not world.connector.schema("contacts").stamps
    assert not world.connector.facts.stream("contacts").unique_hub_id
    assert list(world.connector.find("contacts", ["hub-0"])) == []
    assert world.read("contacts", contact).hub_id is None
    (outcome,) = world.connector.write("contacts", [Write("link", "h", {}, contact)])
    assert outcome.status == "rejected"


def test_locked_rows_of_a_batch_are_throttled_and_the_rest_is_written():
    world = World("partial-batch")
    writes = [Write("create", f"h{n}", {"last_name": f"P{n}"}) for n in range(14)]
    statuses = [o.status for o in world.connector.write("contacts", writes)]
    assert Counter(statuses) == {"ok": 12, "throttled": 2}
    assert len(world.all("contacts")) == 12


def test_a_page_for_people_is_no_answer():
    world = World("garbage")
    with pytest.raises(Unavailable):
        world.connector.list("contacts", None)
    with pytest.raises(Unavailable):
        world.connector.write("contacts", [Write("create", "h", {"last_name": "Lee"})])


def test_a_value_that_a_restricted_picklist_refuses_names_its_field():
    world = World("restricted-picklist")
    refused = {}
    for stream, fields in (("accounts", {"name": "Acme"}), ("contacts", {"last_name": "L"}), ("opportunities", DEAL)):
        for name, facts in world.connector.schema(stream).fields.items():
            if facts.choices is not None:
                write = Write("create", f"{stream}{name}", {**fields, name: "No Such Thing"})
                (outcome,) = world.connector.write(stream, [write])
                refused[stream, name] = (outcome.status, [p.field for p in outcome.problems])
    assert refused
    assert refused == {key: ("rejected", [key[1]]) for key in refused}


def test_a_server_that_repeats_its_pages_does_not_hold_a_listing_up():
    world = World("repeat-page", page=200)
    ids = world.create("contacts", *({"last_name": f"P{n}"} for n in range(150)))
    assert [r.id for r in world.all("contacts")] == sorted(ids)
    with pytest.raises(ContractViolation, match="again and again"):
        world.connector.read("contacts", ids, None)


def test_a_lost_answer_leaves_a_record_that_its_hub_id_finds():
    world = World("lost-answer")
    made, lost = [], []
    for n in range(12):
        write = Write("create", f"h{n}", {"last_name": f"P{n}"})
        try:
            made += [o.remote_id for o in world.connector.write("contacts", [write])]
        except Unavailable as error:
            lost.append((write, error.sent))
    assert lost
    assert all(sent for _, sent in lost)
    lost = [write for write, _ in lost]
    assert [r.hub_id for r in world.connector.find("contacts", [w.hub_id for w in lost])] == [w.hub_id for w in lost]
    assert len(world.all("contacts")) == 12
    for write in lost:
        (outcome,) = world.connector.write("contacts", [write])
        assert outcome.status == "exists"
        assert outcome.remote_id == world.connector.find("contacts", [write.hub_id])[0].id


def test_a_record_taken_out_of_the_bin_is_alive_again_under_its_own_id():
    world = World()
    (account,) = world.create("accounts", {"name": "Acme"})
    world.connector.write("accounts", [Write("archive", "h", {}, account)])
    assert world.read("accounts", account).gone
    world.sandbox.undelete("Account", account)
    assert not world.read("accounts", account).gone


def test_check_finds_nothing_wrong_with_a_sound_org():
    world = World(seed="demo")
    findings = list(world.connector.check())
    assert [f for f in findings if f.level in ("warning", "error")] == []
    assert {"api_version", "Account", "Contact.Tieline_Id__c", "users", "API calls"} <= {f.subject for f in findings}


def test_an_org_without_the_hub_field_costs_one_request_a_stream_once_its_schema_is_remembered():
    known = {stream: World("no-hub-field", seed="demo").connector.schema(stream) for stream in SPEC.streams}
    assert not any(schema.stamps for schema in known.values())
    world = World("no-hub-field", seed="demo")
    for stream, schema in known.items():
        world.connector.recall(stream, schema)
    for stream in SPEC.streams:
        world.connector.changes(stream, Window(0), None)
    assert world.wire.stats.requests == len(SPEC.streams), world.wire.stats.as_json()
    (outcome,) = world.connector.write("contacts", [Write("link", "hub", {}, "003000000000001AAA")])
    assert outcome.status == "rejected"
    assert world.connector.find("contacts", ["hub"]) == ()
    assert world.wire.stats.requests == len(SPEC.streams), "it asked for what cannot be there"


def test_a_field_made_since_is_found_by_the_next_describe():
    lacking = World("no-hub-field").connector.schema("contacts")
    world = World()
    world.connector.recall("contacts", lacking)
    assert world.connector.schema("contacts").stamps
    (key,) = world.create("contacts", {"last_name": "Ada"})
    assert world.read("contacts", key).hub_id == "hub-0"


def crowd(world, count, deals=1):
    """Deals with so many contacts each."""
    people = world.sandbox.load({"Contact": [{"LastName": f"Person {n}"} for n in range(count)]})["Contact"]
    rows = [{"Name": f"Deal {n}", "StageName": "Prospecting", "CloseDate": "2026-03-31"} for n in range(deals)]
    made = world.sandbox.load({"Opportunity": rows})["Opportunity"]
    roles = [{"OpportunityId": d, "ContactId": p, "Role": "Other", "IsPrimary": False} for d in made for p in people]
    world.sandbox.load({"OpportunityContactRole": roles})
    return made, people


def test_a_deal_with_more_contacts_than_fit_into_its_row_loses_none_in_any_read():
    world = World()
    (deal,), people = crowd(world, 450)
    asked = world.wire.stats.requests
    for remote in (world.all("opportunities")[0], world.read("opportunities", deal)):
        assert [c["id"] for c in remote.fields["contacts"]] == people
    assert world.wire.stats.requests - asked == 2 * (1 + 2), "450 are three pages"
    world.clock.advance(60_000)
    (outcome,) = world.connector.write("opportunities", [Write("update", "h", {"stage": "Qualification"}, deal)])
    assert [c["id"] for c in outcome.remote.fields["contacts"]] == people


def test_a_write_to_a_deal_with_many_contacts_takes_out_only_whom_it_leaves_out():
    world = World()
    (deal,), people = crowd(world, 450)
    before = world.read("opportunities", deal).fields["contacts"]
    (outcome,) = world.connector.write("opportunities", [Write("update", "h", {"contacts": before[1:]}, deal)])
    assert [c["id"] for c in outcome.remote.fields["contacts"]] == people[1:]
    table = world.sandbox.dump()["org"]["rows"]["tables"]["OpportunityContactRole"]
    assert [bool(row.get("IsDeleted")) for row in table].count(False) == 449


def test_more_crowded_deals_on_a_page_than_the_org_keeps_pages_open_for_lose_no_contact():
    world = World()
    deals, people = crowd(world, 201, deals=25)
    found = {r.id: [c["id"] for c in r.fields["contacts"]] for r in world.all("opportunities")}
    assert found == dict.fromkeys(deals, people)
