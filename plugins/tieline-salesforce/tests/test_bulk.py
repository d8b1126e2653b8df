"""Large listings by a query job: how many calls they take, what the values become, and what happens when there is no
job to be had."""

import json
from pathlib import Path

import pytest

from tieline import Context, Request, Response, Rule, Unavailable, compile_rules
from tieline.sandbox import InProcess, SandboxOptions
from tieline.testing import FakeClock, standin_client
from tieline_salesforce import bulk
from tieline_salesforce.spec import SPEC

BASE = "http://127.0.0.1:8"
"""Where the client on a stand-in believes it to be."""
PLAIN = 200
AWKWARD = {
    "LastName": 'O"Neil, "Q"',
    "FirstName": "Zoë",
    "Title": "one,two;three",
    "Email": "zoe@line.example",
    "MailingStreet": 'Line 1\nLine "2"\r\nLine 3,',
    "MailingCity": "#N/A",
    "HasOptedOutOfEmail": True,
}


class Wire(InProcess):
    """Hands requests to the stand-in; keeps their paths, and lets a test answer in its place."""

    def __init__(self, sandbox):
        super().__init__(sandbox)
        self.paths, self.instead = [], {}

    def send(self, request):
        path = request.path.removeprefix(BASE).partition("?")[0].removeprefix("/services/data/v62.0")
        self.paths.append(f"{request.method} {path}")
        for part, answer in self.instead.items():
            if part in self.paths[-1]:
                return answer(request) if callable(answer) else answer
        return super().send(request)


class World:
    """An org with people in it, and a connector that reads them."""

    def __init__(self, people, *vices, rules=(), **settings):
        self.clock = FakeClock()
        self.sandbox = SPEC.sandbox(SandboxOptions(vices=frozenset(vices), clock=self.clock))
        rows = people if isinstance(people, list) else [{"LastName": f"Person {n}"} for n in range(people)]
        self.ids = self.sandbox.load({"Contact": rows})["Contact"]
        self.wire = Wire(self.sandbox)
        client = standin_client(SPEC, self.sandbox, self.clock, self.wire)
        tables = {**SPEC.mapping, "contacts": [*SPEC.mapping["contacts"], *rules]}
        mappers = {s: compile_rules(SPEC.kinds[s], tables[s]) for s in SPEC.streams}
        parsed = SPEC.settings(**{"currency": "USD", **settings})
        self.connector = SPEC.connect(Context("crm", parsed, mappers, client, self.clock, Path()))

    def pages(self, stream="contacts", token=None):
        pages = [self.connector.list(stream, token)]
        while pages[-1].token is not None:
            pages.append(self.connector.list(stream, pages[-1].token))
        return pages

    def remotes(self, stream="contacts"):
        return [r for p in self.pages(stream) for r in p.remotes]

    @property
    def jobs(self):
        return [p for p in self.wire.paths if "/jobs/" in p]


def test_twenty_thousand_rows_take_six_calls_instead_of_ten():
    world = World(20_000)
    remotes = world.remotes()
    assert sorted(r.id for r in remotes) == sorted(world.ids)
    assert [p.split("/")[1].split("?")[0] for p in world.wire.paths[:2]] == ["query", "sobjects"]
    assert len(world.jobs) == len(world.wire.paths) - 2
    least = 1 + 1 + 1 + 1 + 2  # a page, a describe, the job, one look at it, two answers of 8 MiB
    assert len(world.wire.paths) <= least * 1.05


def test_at_the_threshold_or_without_one_there_is_no_job():
    for people, threshold in ((2000, 2000), (450, 450), (450, 0)):
        world = World(people, page=PLAIN, bulk_from=threshold)
        assert len(world.remotes()) == people
        assert world.jobs == []


def test_a_threshold_above_a_page_is_told_by_the_first_query_itself():
    for people, jobs in ((700, 0), (701, 3)):
        world = World(people, page=PLAIN, bulk_from=700)
        assert len(world.remotes()) == people
        assert len(world.jobs) == jobs


@pytest.mark.parametrize("stream", ["contacts", "leads"])
def test_a_job_gives_the_very_remotes_that_pages_give(stream):
    rows = [{"LastName": f"P{n}", "Company": "x"} if stream == "leads" else {"LastName": f"P{n}"} for n in range(300)]
    odd = {k.removeprefix("Mailing") if stream == "leads" else k: v for k, v in AWKWARD.items()}
    rows += [{**odd, **({"Company": "x"} if stream == "leads" else {})}, rows[0]]
    worlds = []
    for bulk_from in (0, 1):
        world = World([], page=PLAIN, bulk_from=bulk_from)
        world.sandbox.load({"Lead" if stream == "leads" else "Contact": rows})
        worlds.append(sorted(world.remotes(stream)))
    assert worlds[0] == worlds[1]
    assert worlds[1][300].fields["last_name"] == AWKWARD["LastName"]
    assert worlds[1][300].fields["address"]["street"] == AWKWARD["MailingStreet"]
    assert worlds[1][300].fields["consent_email"] == "opted_out"
    assert worlds[1][299].fields["consent_email"] == "allowed"
    assert world.jobs


def test_columns_of_any_type_are_read_alike_whichever_way_they_came():
    rules = [
        Rule("IsEmailBounced", "x_bounced", values={"True": "yes", "False": "no"}),
        Rule("Birthdate", "x_birthday"),
        Rule("CreatedDate", "x_since"),
        Rule("Account.NumberOfEmployees", "x_size"),
        Rule("Account.Name", "x_firm"),
    ]
    found = []
    for bulk_from in (0, 1):
        world = World(250, page=PLAIN, bulk_from=bulk_from, rules=rules)
        account = world.sandbox.load({"Account": [{"Name": "Alder", "NumberOfEmployees": 12}]})["Account"][0]
        world.sandbox.load({"Contact": [{"LastName": "z", "AccountId": account, "Birthdate": "1990-02-03"}]})
        found.append(sorted(world.remotes()))
        assert found[-1][-1].fields["x_size"] == "12"
        assert found[-1][-1].fields["x_bounced"] == "no"
        assert found[-1][0].problems == ()
    assert found[0] == found[1]


def test_pages_of_a_job_hold_no_more_than_pages_of_a_query():
    world = World(1000, page=PLAIN, bulk_from=500)
    assert [len(p.remotes) for p in world.pages()] == [200, 200, 200, 200, 200, 0]
    assert sum("results" in p for p in world.jobs) == 1  # the answer is kept until its rows were given


def test_a_token_that_is_used_again_gives_the_same_page_also_to_another_connector():
    world = World(1000, page=PLAIN, bulk_from=500)
    second = world.connector.list("contacts", world.connector.list("contacts", None).token)
    third = world.connector.list("contacts", second.token)
    assert world.connector.list("contacts", second.token)[:2] == third[:2]  # in the midst of an answer
    world.pages(token=third.token)
    assert world.connector.list("contacts", second.token)[:2] == third[:2]  # and with none that is open


def test_fat_records_are_asked_for_in_smaller_answers():
    asked = []
    for text in ("x", "x" * 30_000):
        world = World(0, page=PLAIN, bulk_from=1)
        world.sandbox.load({"Account": [{"Name": f"A{n}", "Description": text} for n in range(250)]})
        asked.append(bulk.token_of(world.connector.list("accounts", None).token).rows)
    assert asked[0] > 5000
    assert bulk.FEWEST <= asked[1] < bulk.ANSWER_BYTES / 30_000


def test_answers_of_a_job_are_followed_by_their_locators():
    world = World(5000, page=1000, bulk_from=500)
    first = world.connector.list("contacts", None)
    token = json.dumps({"bulk": bulk.token_of(first.token)._replace(rows=1500)})
    rest = world.pages(token=token)
    assert [len(p.remotes) for p in rest] == [1000, 500, 1000, 500, 1000, 0]
    assert sorted(r.id for p in [first, *rest] for r in p.remotes) == sorted(world.ids)


def test_a_job_that_takes_its_time_is_waited_for_by_the_clock():
    world = World(300, "bulk-delay", page=PLAIN, bulk_from=1)
    assert len(world.remotes()) == 300
    assert world.clock.slept == 2 + 4 + 8
    assert [p.split("/")[0] for p in world.jobs] == ["POST ", *["GET "] * 5]


def never(request):
    return Response(200, {"content-type": "application/json"}, b'{"id":"750000000000001AAA","state":"InProgress"}')


def test_a_job_that_never_ends_is_given_up_in_bounded_time_and_aborted():
    world = World(300, page=PLAIN, bulk_from=1)
    world.wire.instead["GET /jobs/"] = never
    pages = world.pages()
    assert sorted(r.id for p in pages for r in p.remotes) == sorted(world.ids)
    assert bulk.PATIENCE_MS / 1000 < world.clock.slept <= bulk.PATIENCE_MS / 1000 + bulk.ONE_CALL
    assert len({p.token for p in pages}) == len(pages)
    assert world.jobs[-1].startswith("PATCH")
    assert "took too long" in pages[-1].note


def test_one_page_is_not_waited_for_longer_than_a_minute():
    world = World(300, page=PLAIN, bulk_from=1)
    world.wire.instead["GET /jobs/"] = never
    token = world.connector.list("contacts", None).token
    before = world.clock.now()
    page = world.connector.list("contacts", token)
    assert (page.remotes, page.note) == ((), "")
    assert page.token not in (None, token)
    assert world.clock.now() - before <= bulk.ONE_CALL * 1000


def refused(code, status=400):
    return Response(
        status, {"content-type": "application/json"}, json.dumps([{"errorCode": code, "message": code}]).encode()
    )


@pytest.mark.parametrize(
    ("where", "answer"),
    [
        ("POST /jobs/query", refused("FEATURENOTENABLED")),
        ("POST /jobs/query", refused("API_DISABLED_FOR_ORG", 403)),
        ("POST /jobs/query", refused("NOT_FOUND", 404)),
        ("GET /jobs/", refused("NOT_FOUND", 404)),
        ("/results", refused("INVALIDJOBSTATE")),
        ("/results", Response(200, {"content-type": "text/csv"}, b'"Id","SystemModstamp"\n"x","y"\n')),
        ("/results", Response(200, {"content-type": "text/csv", "sforce-numberofrecords": "7"}, b"")),
        ("/results", Response(200, {"content-type": "text/csv"}, b"")),
        ("/results", Response(200, {"content-type": "text/csv", "sforce-numberofrecords": "0"}, b"")),
        ("/results", Response(200, {"content-type": "text/csv", "sforce-locator": "null"}, b"")),
        ("GET /jobs/", Response(200, {"content-type": "application/json"}, b"null")),
        ("GET /jobs/", Response(200, {"content-type": "application/json"}, b'["InProgress"]')),
    ],
)
def test_without_a_job_the_rest_is_read_page_by_page_and_that_is_told(where, answer):
    world = World(700, page=PLAIN, bulk_from=1)
    world.wire.instead[where] = answer
    pages = world.pages()
    assert sorted(r.id for p in pages for r in p.remotes) == sorted(world.ids)
    (note,) = [p.note for p in pages if p.note]
    assert "page by page" in note
    assert "contacts" in note


def test_a_failed_job_is_told_with_its_reason():
    world = World(700, "bulk-failed", page=PLAIN, bulk_from=1)
    pages = world.pages()
    assert sorted(r.id for p in pages for r in p.remotes) == sorted(world.ids)
    assert [p.note for p in pages if p.note] == [
        "the Bulk API could not read contacts (InternalServerError : the job came to nothing); it was read page by "
        "page, which takes more calls"
    ]


def test_a_results_row_that_is_cut_off_is_not_taken_for_the_end():
    world = World(450, page=PLAIN, bulk_from=1)

    def cut(request):
        whole = world.sandbox.handle(
            Request("GET", request.path.removeprefix(BASE).partition("?")[0], {}, request.headers)
        )
        return Response(200, whole.headers, whole.body[: len(whole.body) // 2])

    world.wire.instead["/results"] = cut
    pages = world.pages()
    assert sorted({r.id for p in pages for r in p.remotes}) == sorted(world.ids)
    assert [bool(p.note) for p in pages].count(True) == 1


def test_old_results_are_not_read_since_the_org_has_gone_on():
    world = World(700, page=PLAIN, bulk_from=1)
    second = world.connector.list("contacts", world.connector.list("contacts", None).token)
    world.clock.advance(bulk.LIFE_MS + 1)
    page = world.connector.list("contacts", second.token)
    assert "took too long" in page.note
    assert "PATCH" not in " ".join(world.jobs)


def test_a_page_in_place_of_results_is_a_failure_of_the_call_and_no_end():
    world = World(300, page=PLAIN, bulk_from=1)
    world.wire.instead["/results"] = Response(200, {"content-type": "text/html"}, b"<html>")
    first = world.connector.list("contacts", None)
    with pytest.raises(Unavailable):
        world.connector.list("contacts", first.token)


def test_deals_with_their_contact_roles_are_read_page_by_page():
    """Documented: a query job takes no subquery."""
    world = World(0, page=PLAIN, bulk_from=1)
    deals = [{"Name": f"D{n}", "StageName": "Prospecting", "CloseDate": "2026-01-01"} for n in range(450)]
    world.sandbox.load({"Opportunity": deals})
    assert len(world.remotes("opportunities")) == 450
    assert world.jobs == []


def test_nul_bytes_in_results_are_left_out():
    """Issue airbyte #8300: NUL bytes turn up in the results of Bulk queries."""
    (row,) = bulk._table(b'"Id","Name"\n"1","a\0b"\n', ["Id", "Name"], {})
    assert row == {"Id": "1", "Name": "ab"}


@pytest.mark.parametrize(("left", "level"), [(9_990, "ok"), (0, "note"), (None, "note")])
def test_check_says_whether_there_are_query_jobs_to_be_had(left, level):
    world = World(0, bulk_from=5000)
    jobs = {} if left is None else {"DailyBulkV2QueryJobs": {"Max": 10_000, "Remaining": left}}
    told = {"DailyApiRequests": {"Max": 10, "Remaining": 9}, **jobs}
    world.wire.instead["GET /limits"] = Response(200, {"content-type": "application/json"}, json.dumps(told).encode())
    (found,) = [f for f in world.connector.check() if f.subject == "Bulk API"]
    assert found.level == level
    assert ("5,000" in found.message) is (level == "ok")
    world = World(0, bulk_from=0)
    assert [f for f in world.connector.check() if f.subject == "Bulk API"] == []
