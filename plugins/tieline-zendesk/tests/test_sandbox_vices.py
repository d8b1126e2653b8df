"""Each vice of the stand-in, seen from a client's side; and that without it nothing of the kind happens."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.sandbox import Request, Response, SandboxOptions
from tieline.testing import FakeClock
from tieline_zendesk.sandbox import ZendeskSandbox
from tieline_zendesk.sandbox.state import HUB_FIELD


class Stand:
    """A stand-in with vices, on a clock of the test's own."""

    def __init__(self, *vices: str, seed: str = "empty") -> None:
        self.clock = FakeClock()
        self.sandbox = ZendeskSandbox(SandboxOptions(seed=seed, vices=frozenset(vices), clock=self.clock))

    def raw(self, method: str, path: str, body: Any = None, **params: Any) -> Response:
        headers = {"authorization": f"Bearer {self.sandbox.token}"}
        return self.sandbox.handle(Request(method, f"/api/v2/{path}", params, headers, json=body))

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        return self.raw(method, path, body, **params).json()

    def user(self, **values: Any) -> Any:
        return self.ask("POST", "users", {"user": {"name": "N", **values}})["user"]

    def queue(self, many: int = 4) -> str:
        users = [{"name": f"N{n}", "external_id": f"x{n}"} for n in range(many)]
        return str(self.ask("POST", "users/create_many", {"users": users})["job_status"]["id"])

    def job(self, key: str) -> Any:
        return self.ask("GET", f"job_statuses/{key}")["job_status"]

    def made(self) -> int:
        return sum(row["role"] == "end-user" for row in self.sandbox.state.users)


def test_a_job_without_a_vice_is_done_by_the_next_request() -> None:
    stand = Stand()
    assert stand.job(stand.queue())["status"] == "completed"


def test_a_delayed_job_is_queued_then_half_done_then_completed() -> None:
    """[rec] queued, working with a progress, completed: the order of the recordings."""
    stand = Stand("job-delay")
    key = stand.queue()
    assert (stand.job(key)["status"], stand.job(key)["progress"], stand.made()) == ("queued", None, 0)
    stand.clock.advance(2_000)
    assert (stand.job(key)["status"], stand.job(key)["progress"], stand.job(key)["results"]) == ("working", 2, None)
    assert stand.made() == 2
    stand.clock.advance(2_000)
    done = stand.job(key)
    assert (done["status"], done["progress"], len(done["results"]), stand.made()) == ("completed", 4, 4, 4)


def test_every_third_job_gets_stuck_with_half_of_it_done() -> None:
    stand = Stand("job-stuck")
    jobs = [stand.ask("POST", "users/create_many", {"users": [{"name": "A"}, {"name": "B"}]}) for _ in range(3)]
    stand.clock.advance(3_600_000)
    states = [stand.job(job["job_status"]["id"]) for job in jobs]
    assert [job["status"] for job in states] == ["completed", "completed", "working"]
    assert (states[2]["results"], stand.made()) == (None, 5)


def test_thirty_jobs_at_once_are_the_most() -> None:
    """[rec, doc] 429 TooManyJobs; without the delay none is waiting."""
    stand = Stand("job-delay")
    answers = [stand.raw("POST", "users/create_many", {"users": [{"name": "A"}]}) for _ in range(31)]
    assert [a.status for a in answers] == [200] * 30 + [429]
    assert (answers[-1].json()["error"], answers[-1].headers["retry-after"]) == ("TooManyJobs", "5")
    stand.clock.advance(4_000)
    assert stand.raw("POST", "users/create_many", {"users": [{"name": "A"}]}).status == 200


def test_every_seventh_item_of_a_job_fails_for_a_while() -> None:
    stand = Stand("partial-batch")
    results = stand.job(stand.queue(10))["results"]
    assert [row["status"] for row in results].index("Failed") == 6
    assert (results[6]["index"], results[6]["error"], stand.made()) == (6, "DatabaseConflict", 9)


def test_the_last_page_with_news_has_no_cursor_either() -> None:
    stand = Stand("null-cursor")
    ids = [stand.user()["id"] for _ in range(3)]
    stand.clock.advance(61_000)
    first = stand.ask("GET", "incremental/users/cursor", start_time="0", per_page="6")
    assert (first["end_of_stream"], first["after_cursor"] is None) == (False, False)
    last = stand.ask("GET", "incremental/users/cursor", cursor=first["after_cursor"], per_page="6")
    assert [row["id"] for row in last["users"]] == ids
    assert (last["end_of_stream"], last["after_cursor"], last["after_url"]) == (True, None, None)


def test_links_under_an_alias_lead_to_another_host() -> None:
    stand = Stand("alias-host")
    stand.user()
    stand.clock.advance(61_000)
    page = stand.ask("GET", "incremental/users/cursor", start_time="0", per_page="2")
    assert page["after_url"].startswith("https://northbay1618.zendesk.com/api/v2/incremental/users/cursor?cursor=")
    headers = {"authorization": f"Bearer {stand.sandbox.token}", "host": "acme.zendesk.com"}
    row = stand.sandbox.handle(Request("GET", "/api/v2/users/me", {}, headers)).json()["user"]
    assert row["url"].startswith("https://northbay1618.zendesk.com/")


def test_a_sixth_update_of_one_user_in_a_minute_is_refused_in_plain_text() -> None:
    """[rec] the sentence, its type and `Retry-After`; the limit [doc]."""
    stand = Stand("user-update-limit")
    one, other = stand.user(external_id="e")["id"], stand.user()["id"]
    change = {"user": {"notes": "n"}}
    answers = [stand.raw("PUT", f"users/{one}", change) for _ in range(6)]
    assert [a.status for a in answers] == [200] * 5 + [429]
    assert answers[-1].headers["content-type"].startswith("text/plain")
    assert answers[-1].headers["retry-after"] == "60"
    assert answers[-1].body.startswith(b"You have exceeded the rate limit for updating a single unique user")
    assert stand.raw("PUT", f"users/{other}", change).status == 200
    assert stand.raw("PUT", f"organizations/{one}", change).status == 404
    stand.clock.advance(60_000)
    assert stand.raw("PUT", f"users/{one}", change).status == 200
    upsert = {"user": {"name": "N", "external_id": "E"}}
    assert [stand.raw("POST", "users/create_or_update", upsert).status for _ in range(6)][-1] == 429


@pytest.mark.parametrize(
    ("vice", "media", "waits"),
    [
        ("rate-limit", "application/json", True),
        ("rate-limit-no-retry-after", "application/json", False),
        ("text-429", "text/plain", True),
    ],
)
def test_more_than_two_hundred_calls_a_minute_are_refused(vice: str, media: str, waits: bool) -> None:
    """[doc] the smallest plan; [iss] the shapes of the answer."""
    stand = Stand(vice)
    answers = [stand.raw("GET", "users/me") for _ in range(201)]
    assert [a.status for a in answers] == [200] * 200 + [429]
    last = answers[-1]
    assert last.headers["content-type"].startswith(media)
    assert ("retry-after" in last.headers) is waits
    assert b"Number of allowed API requests per minute exceeded" in last.body
    assert answers[0].headers["x-rate-limit-remaining"] != answers[1].headers["x-rate-limit-remaining"]
    stand.clock.advance(60_000)
    assert stand.raw("GET", "users/me").status == 200


@pytest.mark.parametrize(("path", "most"), [("incremental/users", 10), ("incremental/users/cursor", 20)])
def test_exports_have_limits_of_their_own(path: str, most: int) -> None:
    """[rec, doc] ten a minute by time, twenty by cursor; both are in a header."""
    stand = Stand("rate-limit")
    answers = [stand.raw("GET", path, start_time="0") for _ in range(most + 1)]
    assert [a.status for a in answers] == [200] * most + [429]
    assert "incremental export" in answers[-1].json()["description"]
    header = next(name for name in answers[0].headers if name.startswith("zendesk-ratelimit-incremental-exports"))
    assert answers[0].headers[header].startswith(f"total={most}; remaining={most - 1}; resets=")
    calm = Stand()
    assert {calm.raw("GET", path, start_time="0").status for _ in range(most + 1)} == {200}


def test_every_fifth_answer_to_a_write_is_lost_and_the_write_is_done() -> None:
    stand = Stand("lost-answer")
    statuses = [stand.raw("POST", "users", {"user": {"name": "N"}}).status for _ in range(5)]
    assert (statuses, stand.made()) == ([201] * 4 + [0], 5)
    assert {stand.raw("GET", "users/me").status for _ in range(20)} == {200}


def test_every_tenth_answer_is_a_page_for_people() -> None:
    stand = Stand("garbage")
    answers = [stand.raw("GET", "users/me") for _ in range(10)]
    assert answers[-1].body.startswith(b"<html>")
    assert answers[-1].status == 200


def test_a_lagging_index_finds_a_change_after_two_minutes() -> None:
    stand = Stand("search-lag")
    one = stand.user(name="Ada", external_id="e")
    assert stand.ask("GET", "search", query="ada")["results"] == []
    assert stand.ask("GET", "users/search", external_id="e")["users"] == []
    assert stand.ask("GET", "users/show_many", external_ids="e")["users"][0]["id"] == one["id"]
    stand.clock.advance(120_000)
    assert [row["id"] for row in stand.ask("GET", "search", query="ada")["results"]] == [one["id"]]


def test_a_seeded_user_is_merged_once_it_was_read() -> None:
    stand = Stand("merged", seed="demo")
    loser, winner = stand.sandbox.state.seeded_users
    shown = stand.ask("GET", "users/show_many", ids=str(loser))["users"][0]
    assert shown["active"] is True
    rows = {row["id"]: row for row in stand.ask("GET", "users/show_many", ids=f"{loser},{winner}")["users"]}
    assert (rows[loser]["active"], rows[loser]["email"], rows[winner]["active"]) == (False, None, True)
    addresses = [row["value"] for row in stand.ask("GET", f"users/{winner}/identities")["identities"]]
    assert shown["email"] in addresses


def test_a_token_is_used_up_after_twenty_calls() -> None:
    stand = Stand("token-expiry")
    assert [stand.raw("GET", "users/me").status for _ in range(21)] == [200] * 20 + [401]


def test_a_field_for_the_hubs_id_is_there_unless_the_vice_takes_it() -> None:
    for path in ("user_fields", "organization_fields"):
        assert [row["key"] for row in Stand().ask("GET", path)[path]] == [HUB_FIELD]
        assert Stand("no-hub-field").ask("GET", path)[path] == []


def test_a_restricted_picklist_has_no_gold() -> None:
    gold = {"organization": {"name": "N", "organization_fields": {"tier": "Gold"}}}
    assert Stand(seed="demo").raw("POST", "organizations", gold).status == 201
    refused = Stand("restricted-picklist", seed="demo").raw("POST", "organizations", gold)
    assert (refused.status, list(refused.json()["details"])) == (422, ["tier"])


def test_a_new_user_joins_the_organization_of_its_domain_where_that_is_switched_on() -> None:
    for vices, joins in ((("domain-mapping",), True), ((), False)):
        stand = Stand(*vices)
        body = {"organization": {"name": "One", "domain_names": ["one.example"]}}
        key = stand.ask("POST", "organizations", body)["organization"]["id"]
        assert stand.user(email="a@one.example")["organization_id"] == (key if joins else None)
