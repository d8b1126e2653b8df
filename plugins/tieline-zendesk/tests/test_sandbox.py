"""The stand-in as a client sees it: what Zendesk does always, with no vice."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tieline.sandbox import Act, InProcess, Request, Response, SandboxOptions, serve
from tieline.testing import FakeClock
from tieline_zendesk.sandbox import VICES, ZendeskSandbox


class Stand:
    """A stand-in on a clock of the test's own, and short ways to ask it."""

    def __init__(self, *vices: str, seed: str = "empty", state: Any = None) -> None:
        self.clock = FakeClock()
        options = SandboxOptions(seed=seed, vices=frozenset(vices), clock=self.clock, state=state)
        self.sandbox = ZendeskSandbox(options)
        self.token = self.sandbox.token

    def raw(self, method: str, path: str, body: Any = None, **params: Any) -> Response:
        headers = {"authorization": f"Bearer {self.token}"}
        return self.sandbox.handle(Request(method, f"/api/v2/{path}", params, headers, json=body))

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> tuple[int, Any]:
        response = self.raw(method, path, body, **params)
        return response.status, response.json() if response.body else None

    def user(self, **values: Any) -> Any:
        status, body = self.ask("POST", "users", {"user": {"name": "N", **values}})
        assert status == 201, body
        return body["user"]

    def organization(self, name: str, **values: Any) -> Any:
        status, body = self.ask("POST", "organizations", {"organization": {"name": name, **values}})
        assert status == 201, body
        return body["organization"]

    def job(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        key = self.ask(method, path, body, **params)[1]["job_status"]["id"]
        return self.ask("GET", f"job_statuses/{key}")[1]["job_status"]


@pytest.fixture
def stand() -> Stand:
    return Stand()


# -- records


def test_a_name_an_address_and_an_external_id_are_told_at_once_when_they_are_wrong(stand: Stand) -> None:
    stand.user(email="a@one.example", external_id="E1")
    status, body = stand.ask("POST", "users", {"user": {"name": "", "external_id": "e1"}})
    assert (status, body["error"], set(body["details"])) == (422, "RecordInvalid", {"name", "external_id"})
    for address, word in (("nobody", "not properly formatted"), ("A@one.example", "already being used")):
        status, body = stand.ask("POST", "users", {"user": {"name": "N", "email": address}})
        assert (status, list(body["details"])) == (422, ["email"])
        assert word in body["details"]["email"][0]["description"]


def test_a_refused_change_changes_nothing(stand: Stand) -> None:
    one = stand.user(email="a@one.example")
    stand.user(external_id="E1")
    change = {"name": "Other", "email": "b@one.example", "external_id": "E1"}
    assert stand.ask("PUT", f"users/{one['id']}", {"user": change})[0] == 422
    assert stand.ask("GET", f"users/{one['id']}")[1]["user"] == one
    assert len(stand.ask("GET", f"users/{one['id']}/identities")[1]["identities"]) == 1


def test_what_may_not_be_set_is_left_aside_with_a_warning(stand: Stand) -> None:
    answer = stand.raw("POST", "users", {"user": {"name": "N", "active": False, "shared": True}})
    assert answer.json()["user"]["active"] is True
    assert "active" in answer.headers["x-zendesk-api-warn"]


def test_a_deleted_user_is_shown_inactive_until_deleted_for_good(stand: Stand) -> None:
    one = stand.user(email="a@one.example", external_id="E1")
    path = f"users/{one['id']}"
    assert stand.ask("DELETE", path)[1]["user"]["active"] is False
    assert stand.ask("DELETE", path)[0] == 404
    assert stand.ask("PUT", path, {"user": {"name": "M"}})[0] == 404
    assert stand.ask("GET", "users/show_many", ids=str(one["id"]))[1]["users"][0]["active"] is False
    assert stand.ask("GET", "users/show_many", external_ids="E1")[1]["users"] == []
    gone = stand.ask("GET", f"deleted_users/{one['id']}")[1]["deleted_user"]
    assert (gone["active"], gone["email"]) == (False, "a@one.example")
    stand.user(email="a@one.example", external_id="E1")
    assert stand.ask("DELETE", f"deleted_users/{one['id']}")[0] == 200
    assert stand.ask("GET", path)[0] == 404


def test_the_organization_named_in_a_change_takes_the_place_of_the_one_before(stand: Stand) -> None:
    one, two = stand.organization("One"), stand.organization("Two")
    user = stand.user(organization_id=one["id"])
    path = f"users/{user['id']}"
    assert stand.ask("PUT", path, {"user": {"organization_id": two["id"]}})[1]["user"]["organization_id"] == two["id"]
    rows = stand.ask("GET", f"{path}/organization_memberships")[1]["organization_memberships"]
    assert [(row["organization_id"], row["default"]) for row in rows] == [(two["id"], True)]
    assert stand.ask("PUT", path, {"user": {"organization_id": None}})[1]["user"]["organization_id"] is None
    assert stand.ask("PUT", path, {"user": {"organization_id": 5}})[0] == 422


def test_a_second_membership_stays_beside_and_makes_no_default(stand: Stand) -> None:
    one, two = stand.organization("One"), stand.organization("Two")
    user = stand.user(organization_id=one["id"])
    given = {"organization_membership": {"user_id": user["id"], "organization_id": two["id"]}}
    assert stand.ask("POST", "organization_memberships", given)[1]["organization_membership"]["default"] is None
    assert stand.ask("POST", "organization_memberships", given)[0] == 422
    assert stand.ask("GET", f"users/{user['id']}")[1]["user"]["organization_id"] == one["id"]
    stand.ask("PUT", f"users/{user['id']}", {"user": {"organization_id": two["id"]}})
    assert len(stand.ask("GET", f"users/{user['id']}/organizations")[1]["organizations"]) == 2


def test_lists_of_an_organization_are_replaced_whole(stand: Stand) -> None:
    one = stand.organization("One", domain_names=["b.example", "a.example"], tags=["x"])
    body = {"organization": {"domain_names": ["c.example"], "tags": []}}
    changed = stand.ask("PUT", f"organizations/{one['id']}", body)[1]["organization"]
    assert (one["domain_names"], changed["domain_names"]) == (["b.example", "a.example"], ["c.example"])
    assert (one["tags"], changed["tags"]) == (["x"], [])


def test_a_merged_organization_leaves_its_users_to_the_winner(stand: Stand) -> None:
    loser, winner = stand.organization("One"), stand.organization("Two")
    user = stand.user(organization_id=loser["id"])
    body = {"organization_merge": {"winner_id": winner["id"]}}
    merge = stand.ask("POST", f"organizations/{loser['id']}/merge", body)[1]["organization_merge"]
    assert merge["status"] == "new"
    assert stand.ask("GET", f"organization_merges/{merge['id']}")[1]["organization_merge"]["status"] == "complete"
    assert stand.ask("GET", f"organizations/{loser['id']}")[0] == 404
    assert stand.ask("GET", f"users/{user['id']}")[1]["user"]["organization_id"] == winner["id"]


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("text", "a", "a"),
        ("integer", "7", 7),
        ("decimal", 1.5, 1.5),
        ("checkbox", True, True),
        ("checkbox", None, False),
        ("date", "2026-05-04", "2026-05-04T00:00:00Z"),
        ("dropdown", "yes", "yes"),
        ("multiselect", ["yes"], ["yes"]),
        ("text", "", None),
        ("integer", "x", 422),
        ("date", "soon", 422),
        ("dropdown", "Yes", 422),
        ("multiselect", ["no"], 422),
        ("regexp", "x", 422),
    ],
)
def test_a_custom_field_takes_what_its_type_takes(stand: Stand, kind: str, given: Any, kept: Any) -> None:
    field = {"type": kind, "key": "own", "title": "Own", "regexp_for_validation": r"^\d+$"}
    field["custom_field_options"] = [{"name": "Yes!", "value": "yes"}]  # type: ignore[assignment]
    assert stand.ask("POST", "user_fields", {"user_field": field})[0] == 201
    assert stand.ask("POST", "user_fields", {"user_field": field})[0] == 422
    status, body = stand.ask("POST", "users", {"user": {"name": "N", "user_fields": {"own": given, "other": 1}}})
    if kept == 422:
        assert (status, list(body["details"])) == (422, ["own"])
    else:
        assert (body["user"]["user_fields"]["own"], "other" in body["user"]["user_fields"]) == (kept, False)


def test_stamps_are_whole_seconds_and_a_change_within_one_shows_none(stand: Stand) -> None:
    one = stand.user()
    stand.clock.advance(1)
    changed = stand.ask("PUT", f"users/{one['id']}", {"user": {"name": "M"}})[1]["user"]
    assert changed["updated_at"] == one["updated_at"]
    assert changed["updated_at"].endswith("Z")
    assert "." not in changed["updated_at"]


# -- pages and limits


def test_cursor_pages_have_a_next_link_even_when_nothing_follows(stand: Stand) -> None:
    names = [f"O{n}" for n in range(5)]
    for name in names:
        stand.organization(name)
    seen, params = [], {"page[size]": "2"}
    while True:
        body = stand.ask("GET", "organizations", None, **params)[1]
        seen += [row["name"] for row in body["organizations"]]
        assert body["links"]["next"]
        if not body["meta"]["has_more"]:
            break
        params["page[after]"] = body["meta"]["after_cursor"]
    assert seen == names
    params["page[after]"] = body["meta"]["after_cursor"]
    empty = stand.ask("GET", "organizations", None, **params)[1]
    assert (empty["organizations"], empty["meta"]["after_cursor"], empty["links"]["next"]) == ([], None, None)
    del params["page[after]"]
    back = stand.ask("GET", "organizations", None, **{**params, "page[before]": body["meta"]["before_cursor"]})[1]
    assert [row["name"] for row in back["organizations"]] == names[2:4]


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"page[size]": "101"}, 400),
        ({"page[after]": "nonsense"}, 400),
        ({"page": "101"}, 400),
        ({"page": "1000", "per_page": "10"}, 200),
        ({"page": "x"}, 400),
    ],
)
def test_pages_have_limits(stand: Stand, params: dict[str, str], status: int) -> None:
    assert stand.ask("GET", "users", None, **params)[0] == status


def test_more_than_a_hundred_are_refused_in_words_of_the_kind(stand: Stand) -> None:
    many = [{"name": f"N{n}"} for n in range(101)]
    status, body = stand.ask("POST", "users/create_many", {"users": many})
    assert (status, body["description"]) == (400, "Maximum 100 users may be created per call")
    status, body = stand.ask("POST", "organizations/create_many", {"organizations": many})
    assert (status, body["max_count"]) == (400, 100)
    assert body["description"] == "Parameter  cannot specify more than 100 values"
    assert stand.ask("GET", "users/show_many", ids=",".join(map(str, range(1, 102))))[0] == 400
    assert stand.ask("GET", "users/show_many")[0] == 400


def test_who_is_named_twice_is_shown_once_and_who_is_unknown_not_at_all(stand: Stand) -> None:
    user, organization = stand.user(external_id="E1"), stand.organization("One")
    for kind, one in (("users", user), ("organizations", organization)):
        answer = stand.ask("GET", f"{kind}/show_many", ids=f"{one['id']},7,x,{one['id']}")[1]
        assert ([row["id"] for row in answer[kind]], answer["count"], answer["next_page"]) == ([one["id"]], 1, None)
    assert stand.ask("GET", "users/show_many", external_ids="E1,E2,e1")[1]["count"] == 1


def test_a_path_or_method_that_is_none_is_404(stand: Stand) -> None:
    for method, path in (("GET", "butterflies"), ("PATCH", "users/5"), ("GET", "users/abc")):
        assert stand.ask(method, path) == (404, {"error": "InvalidEndpoint", "description": "Not found"})
    assert stand.sandbox.handle(Request("GET", "/other")).status == 401
    assert stand.ask("GET", "users/5") == (404, {"error": "RecordNotFound", "description": "Not found"})
    assert stand.ask("GET", "users/me.json")[0] == 200


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"user": 1}', b'{"users": [1]}'])
def test_a_body_that_is_no_record_is_400(stand: Stand, body: bytes) -> None:
    headers = {"authorization": f"Bearer {stand.token}", "content-type": "application/json"}
    for path in ("users", "users/create_many", "users/create_or_update"):
        assert stand.sandbox.handle(Request("POST", f"/api/v2/{path}", {}, headers, body=body)).status == 400


# -- exports


def _walk(stand: Stand, path: str, name: str, **params: str) -> tuple[list[int], int]:
    ids: list[int] = []
    pages = 0
    params = {"start_time": "0", **params}
    while True:
        body = stand.ask("GET", f"incremental/{path}", None, **params)[1]
        ids += [row["id"] for row in body[name]]
        pages += 1
        if body["end_of_stream"]:
            return ids, pages
        if "after_cursor" in body:
            params = {"cursor": body["after_cursor"], "per_page": params.get("per_page", "1000")}
        else:
            params["start_time"] = str(body["end_time"])


def test_the_cursor_export_tells_each_change_once_in_order(stand: Stand) -> None:
    ids = [stand.user()["id"] for _ in range(7)]
    stand.clock.advance(2000)
    stand.ask("PUT", f"users/{ids[0]}", {"user": {"name": "M"}})
    stand.clock.advance(61_000)
    seen, pages = _walk(stand, "users/cursor", "users", per_page="3")
    assert [key for key in seen if key in ids] == [*ids[1:], ids[0]]
    assert (len(seen), pages) == (len(set(seen)), 5)


def test_the_newest_minute_is_left_out_and_may_not_be_asked_for(stand: Stand) -> None:
    fresh = stand.user()["id"]
    stand.clock.advance(59_000)
    assert fresh not in _walk(stand, "users/cursor", "users")[0]
    stand.clock.advance(1_000)
    assert fresh in _walk(stand, "users/cursor", "users")[0]
    now = stand.clock.now() // 1000
    status, body = stand.ask("GET", "incremental/users/cursor", start_time=str(now - 59))
    assert (status, body["error"]) == (400, "StartTimeTooRecent")
    assert stand.ask("GET", "incremental/users/cursor", start_time=str(now - 60))[0] == 200
    assert stand.ask("GET", "incremental/users/cursor")[0] == 400


def test_without_news_the_cursor_export_has_no_cursor(stand: Stand) -> None:
    stand.clock.advance(61_000)
    body = stand.ask("GET", "incremental/users/cursor", start_time="0")[1]
    assert body["after_cursor"]
    again = stand.ask("GET", "incremental/users/cursor", cursor=body["after_cursor"])[1]
    assert (again["users"], again["after_cursor"], again["after_url"], again["end_of_stream"]) == ([], None, None, True)


def test_a_short_page_by_time_finishes_its_second_and_goes_on_after_it(stand: Stand) -> None:
    ids = [stand.organization(f"O{n}")["id"] for n in range(5)]
    stand.clock.advance(2000)
    later = stand.organization("P")["id"]
    stand.clock.advance(61_000)
    body = stand.ask("GET", "incremental/organizations", start_time="0", per_page="3")[1]
    assert [row["id"] for row in body["organizations"]] == ids
    assert body["count"] == 5
    start = stand.sandbox.state.organizations.rows[ids[0]]["updated_at"] // 1000
    assert (body["end_time"], body["end_of_stream"]) == (start + 1, False)
    assert _walk(stand, "organizations", "organizations", per_page="3")[0] == [*ids, later]


def test_a_full_page_by_time_is_repeated_at_its_seam(stand: Stand) -> None:
    stamps = ("2024-01-01T00:00:00Z", "2024-01-01T00:00:01Z", "2024-01-01T00:00:02Z")
    rows = [{"name": f"O{n}", "created_at": stamps[(n >= 999) + (n >= 1002)]} for n in range(1010)]
    stand.sandbox.load({"organizations": rows})
    ids, pages = _walk(stand, "organizations", "organizations")
    assert (len(ids), len(set(ids)), pages) == (1011, 1010, 2), "the last record of a full page comes again"


def test_more_than_a_page_of_one_second_does_not_go_round_in_circles(stand: Stand) -> None:
    rows = [{"name": f"O{n}", "created_at": "2024-01-01T00:00:00Z"} for n in range(1500)]
    stand.sandbox.load({"organizations": [*rows, {"name": "P", "created_at": "2024-01-02T00:00:00Z"}]})
    ids, _ = _walk(stand, "organizations", "organizations")
    assert len(set(ids)) == 1501


def test_deleted_organizations_are_not_exported_but_deleted_tickets_are(stand: Stand) -> None:
    stand.ask("DELETE", f"organizations/{stand.organization('One')['id']}")
    ticket = stand.ask("POST", "tickets", {"ticket": {"comment": {"body": "b"}}})[1]["ticket"]["id"]
    stand.ask("DELETE", f"tickets/{ticket}")
    stand.clock.advance(61_000)
    assert stand.ask("GET", "incremental/organizations", start_time="0")[1]["organizations"] == []
    for path in ("incremental/tickets/cursor", "incremental/tickets"):
        assert [row["status"] for row in stand.ask("GET", path, start_time="0")[1]["tickets"]] == ["deleted"]


# -- jobs


def test_results_of_a_job_have_the_shape_of_its_kind(stand: Stand) -> None:
    made = stand.job("POST", "users/create_many", {"users": [{"name": "A"}, {"name": ""}]})["results"]
    assert (set(made[0]), set(made[1])) == ({"status", "id"}, {"index", "error", "details", "status"})
    rows = [{"id": made[0]["id"], "notes": "n"}, {"id": 5, "notes": "n"}]
    changed = stand.job("PUT", "users/update_many", {"users": rows})["results"]
    assert changed[0] == {"action": "update", "id": made[0]["id"], "status": "Updated", "success": True}
    assert (changed[1]["id"], changed[1]["success"]) == (5, False)
    upserts = [{"name": "A", "external_id": "x"}, {"name": "", "external_id": "y"}]
    both = stand.job("POST", "users/create_or_update_many", {"users": upserts})["results"]
    assert (both[0]["status"], both[0]["external_id"], both[1]["id"]) == ("Created", "x", 1)
    gone = stand.job("DELETE", "users/destroy_many", ids=f"{made[0]['id']},{both[0]['id']}")["results"]
    assert [row["action"] for row in gone] == ["delete", "delete"]
    tickets = stand.job("POST", "tickets/create_many", {"tickets": [{"comment": {"body": "b"}}]})["results"]
    assert set(tickets[0]) == {"index", "id", "account_id"}


def test_one_change_goes_to_all_that_ids_or_external_ids_name(stand: Stand) -> None:
    keys = [str(stand.organization(f"O{n}", external_id=f"x{n}")["id"]) for n in range(2)]
    stand.job("PUT", "organizations/update_many", {"organization": {"notes": "n"}}, ids=",".join(keys))
    stand.job("PUT", "organizations/update_many", {"organization": {"details": "d"}}, external_ids="X1")
    rows = stand.ask("GET", "organizations/show_many", ids=",".join(keys))[1]["organizations"]
    assert [(row["notes"], row["details"]) for row in rows] == [("n", None), ("n", "d")]


def test_a_job_is_forgotten_after_a_day(stand: Stand) -> None:
    key = stand.ask("POST", "users/create_many", {"users": [{"name": "A"}]})[1]["job_status"]["id"]
    stand.clock.advance(25 * 3_600_000)
    assert stand.ask("GET", f"job_statuses/{key}")[0] == 404


# -- tickets


def test_a_key_opens_one_ticket_in_two_hours(stand: Stand) -> None:
    def create(key: str, subject: str = "s") -> Response:
        headers = {"authorization": f"Bearer {stand.token}", "idempotency-key": key}
        body = {"ticket": {"subject": subject, "comment": {"body": "b"}, "external_id": "deal-1"}}
        return stand.sandbox.handle(Request("POST", "/api/v2/tickets", {}, headers, json=body))

    first, again = create("k"), create("k")
    assert (first.headers["x-idempotency-lookup"], again.headers["x-idempotency-lookup"]) == ("miss", "hit")
    assert first.json()["ticket"]["id"] == again.json()["ticket"]["id"]
    assert create("k", "other").status == 400
    stand.clock.advance(2 * 3_600_000)
    assert create("k").headers["x-idempotency-lookup"] == "miss"
    assert len(stand.ask("GET", "tickets", external_id="deal-1")[1]["tickets"]) == 2, "external ids may repeat"


def test_a_due_date_is_only_kept_on_a_task(stand: Stand) -> None:
    base = {"comment": {"body": "b"}, "due_at": "2030-01-01T10:00:00Z"}
    plain = stand.ask("POST", "tickets", {"ticket": base})[1]["ticket"]
    task = stand.ask("POST", "tickets", {"ticket": {**base, "type": "task"}})[1]["ticket"]
    assert (plain["due_at"], task["due_at"]) == (None, "2030-01-01T10:00:00Z")
    assert stand.ask("POST", "tickets", {"ticket": {"subject": "no text"}})[0] == 422
    assert stand.ask("POST", "tickets", {"ticket": {**base, "status": "asleep"}})[0] == 422


def test_tags_of_a_ticket_are_replaced_added_and_taken_away(stand: Stand) -> None:
    key = stand.ask("POST", "tickets", {"ticket": {"comment": {"body": "b"}, "tags": ["a"]}})[1]["ticket"]["id"]
    path = f"tickets/{key}/tags"
    assert stand.ask("PUT", path, {"tags": ["b"]})[1] == {"tags": ["a", "b"]}
    assert stand.ask("DELETE", path, {"tags": ["a"]})[1] == {"tags": ["b"]}
    assert stand.ask("POST", path, {"tags": ["c"]}) == (201, {"tags": ["c"]})


def test_a_closed_ticket_takes_no_change(stand: Stand) -> None:
    key = stand.ask("POST", "tickets", {"ticket": {"comment": {"body": "b"}}})[1]["ticket"]["id"]
    stand.ask("PUT", f"tickets/{key}", {"ticket": {"status": "closed"}})
    assert stand.ask("PUT", f"tickets/{key}", {"ticket": {"comment": {"body": "c"}}})[0] == 422


# -- searches


def test_a_search_ends_at_a_thousand(stand: Stand) -> None:
    stand.sandbox.load({"organizations": [{"name": f"O{n}"} for n in range(1200)]})
    assert stand.ask("GET", "search", query="type:organization")[1]["count"] == 1200
    assert stand.ask("GET", "search", query="type:organization", page="10")[0] == 200
    status, body = stand.ask("GET", "search", query="type:organization", page="11")
    assert (status, body["error"]) == (422, "invalid")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ada", ["Ada"]),
        ("type:user role:end-user", ["Ada", "Bo"]),
        ('name:"Ada"', ["Ada"]),
        ("type:user role:end-user -ada", ["Bo"]),
        ("external_id:e*", ["Ada", "Bo"]),
        ("tags:vip", ["Bo"]),
        ("job:buyer", []),
        ("type:user role:end-user created>2001-01-01", ["Ada", "Bo"]),
        ("type:user role:end-user created<2001-01-01", []),
    ],
)
def test_a_query_finds_by_its_terms(stand: Stand, query: str, found: list[str]) -> None:
    stand.user(name="Ada", external_id="e1")
    stand.user(name="Bo", external_id="e2", tags=["VIP"])
    assert [row["name"] for row in stand.ask("GET", "search", query=query)[1]["results"]] == found


# -- the whole


def test_the_demo_is_the_same_company_every_time() -> None:
    one, two = Stand(seed="demo"), Stand(seed="demo")
    assert one.sandbox.dump() == two.sandbox.dump()
    counts = one.sandbox.counts()
    assert counts["account"] > 100 < counts["contact"]
    assert "organization_fields.tier" in one.sandbox.demo_config("support")


def test_a_dump_goes_on_where_it_was_taken() -> None:
    one = Stand(seed="demo")
    user = one.user(email="a@one.example", external_id="E1")
    one.ask("POST", "users/create_many", {"users": [{"name": "Job"}]})
    state = json.loads(json.dumps(one.sandbox.dump()))
    two = Stand(state=state)
    assert two.sandbox.dump() == state
    assert two.ask("GET", "users/show_many", external_ids="e1")[1]["users"][0]["id"] == user["id"]
    assert two.ask("POST", "users", {"user": {"name": "N", "email": "a@one.example"}})[0] == 422
    two.user(name="Later")
    assert state == json.loads(json.dumps(one.sandbox.dump())), "what goes on does not write into what was taken"


def test_people_at_their_screens_edit_opt_out_delete_and_merge() -> None:
    stand = Stand(seed="demo")
    rows = stand.ask("GET", "users", None, role="end-user")[1]["users"]
    one, other = (row for row in rows[:2])
    stand.sandbox.person(Act("edit", "contact", one["email"].upper(), {"title": "Boss", "email": "new@one.example"}))
    stand.sandbox.person(Act("opt_out", "contact", "new@one.example"))
    stand.sandbox.person(Act("edit", "contact", "new@one.example", {"last_name": "Vogel"}))
    now = stand.ask("GET", f"users/{one['id']}")[1]["user"]
    assert (now["email"], now["user_fields"]["job_title"]) == ("new@one.example", "Boss")
    assert now["user_fields"]["email_opt_out"] is True
    assert now["name"].endswith(" Vogel")
    stand.sandbox.person(Act("delete", "contact", other["email"]))
    assert stand.ask("GET", f"users/{other['id']}")[1]["user"]["active"] is False
    with pytest.raises(ValueError, match="there is no contact"):
        stand.sandbox.person(Act("delete", "contact", other["email"]))
    with pytest.raises(ValueError, match="holds no opportunity"):
        stand.sandbox.person(Act("delete", "opportunity", "x"))
    name = stand.ask("GET", "organizations")[1]["organizations"][0]["name"]
    stand.sandbox.person(Act("edit", "account", name, {"x_tier": "Gold"}))
    stand.sandbox.person(Act("delete", "account", name))
    tin = Act("edit", "account", stand.ask("GET", "organizations")[1]["organizations"][0]["name"], {"x_tier": "Tin"})
    with pytest.raises(ValueError, match="not a valid value"):
        stand.sandbox.person(tin)


def test_an_unknown_seed_or_vice_is_refused() -> None:
    for options in (SandboxOptions(seed="full"), SandboxOptions(vices=frozenset({"sloth"}))):
        with pytest.raises(ValueError, match="unknown vice or seed"):
            ZendeskSandbox(options)
    assert ZendeskSandbox(SandboxOptions(vices=frozenset(VICES))).vices == frozenset(VICES)


def test_links_lead_back_to_whoever_asked() -> None:
    sandbox = ZendeskSandbox(SandboxOptions())
    with serve(sandbox) as server:
        headers = {"authorization": f"Bearer {sandbox.token}"}
        import http.client

        line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        line.request("GET", "/api/v2/users.json?page[size]=2", headers=headers)
        body = json.loads(line.getresponse().read())
        line.close()
    assert body["links"]["next"].startswith(f"{server.base_url}/api/v2/users.json?page%5Bafter%5D=")
    away = InProcess(sandbox).send(Request("GET", "https://x.example/api/v2/users/me", {}, headers))
    assert away.json()["user"]["url"].startswith("https://northbay.zendesk.com/")


def test_threads_get_ids_of_their_own(stand: Stand) -> None:
    made: list[int] = []

    def work() -> None:
        made.extend(stand.user()["id"] for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 200
