"""One test for each fact of Zendesk's API that the connector relies on; its docstring names the source.

`spec`: the vendor's own API description. `recorded`: real traffic. `captured`: a real answer's body. `documentation`:
the vendor's pages. `issue`: a public thread. `observed`: told by somebody else. `believed`: not checked anywhere.
"""

from __future__ import annotations

import json

import pytest

from tieline import ContractViolation, Need, NotAuthorised, Request, Response, Rule, Unavailable, Window, Write
from tieline_zendesk.mapping import split_name
from tieline_zendesk.oauth import PROFILE, lane, quota, scopes
from tieline_zendesk.results import created
from tieline_zendesk.wire import Job, faults_in, faults_of

SECOND = 1000
DAY = 86_400 * SECOND


def since(zd, back: int = DAY) -> Window:
    return Window(zd.start - back)


# -- exports


def test_a_null_cursor_ends_the_export_and_is_never_asked_with(connect, zd):
    """Recorded: asked again without news, the cursor export answers `after_cursor: null` and `end_of_stream: true`."""
    zendesk, script = connect([zd.exported(zd.user(1), cursor="c1", end=False), zd.exported(cursor=None, end=True)])
    first = zendesk.changes("users", since(zd), None)
    last = zendesk.changes("users", since(zd), first.token)
    assert (len(first.remotes), last.token) == (1, None)
    assert script.asked[1].params["cursor"] == "c1"


def test_a_null_cursor_ends_the_export_even_where_the_end_is_denied(connect, zd):
    """Recorded: the same; a page that names no way on is the last one, whatever else it says."""
    zendesk, _ = connect([zd.exported(zd.user(1), cursor=None, end=False)])
    assert zendesk.changes("users", since(zd), None).token is None


def test_a_cursor_that_comes_back_is_no_way_on(connect, zd):
    """Believed: a cursor always moves; one that does not would be followed for ever."""
    zendesk, _ = connect([zd.exported(zd.user(1), cursor="c1", end=False)] * 2)
    token = zendesk.changes("users", since(zd), None).token
    with pytest.raises(ContractViolation, match="again and again"):
        zendesk.changes("users", since(zd), token)


def test_the_newest_minute_is_never_asked_for(connect, zd):
    """Documentation: `start_time` must be at least a minute ago, and the newest minute is left out."""
    zendesk, script = connect([zd.exported()])
    zendesk.changes("users", Window(zd.start + DAY), None)
    assert script.asked[0].params["start_time"] <= zd.start // 1000 - 60
    assert all(s.overlap_ms >= 120_000 for s in zendesk.facts.streams)


def test_a_page_of_an_export_holds_a_thousand(connect, zd):
    """Documentation: `per_page` of the exports is 1,000 at most."""
    zendesk, script = connect([zd.exported(), zd.by_time()])
    zendesk.changes("users", since(zd), None)
    zendesk.changes("organizations", since(zd), None)
    assert [r.params["per_page"] for r in script.asked] == [1000, 1000]


def test_what_two_pages_of_the_time_based_export_share_comes_once(connect, zd):
    """Recorded: on a full page `end_time` is the last second itself, so that the next page repeats its records."""
    one, two, three = (zd.organization(n, "2023-11-14T20:00:00Z") for n in (1, 2, 3))
    second = 1_699_992_000
    zendesk, script = connect([zd.by_time(one, two, onward=second, end=False), zd.by_time(two, three, onward=second)])
    first = zendesk.changes("organizations", since(zd), None)
    last = zendesk.changes("organizations", since(zd), first.token)
    assert [r.id for r in (*first.remotes, *last.remotes)] == ["1", "2", "3"]
    assert (script.asked[1].params["start_time"], last.token) == (second, None)


def test_a_record_that_changed_between_two_pages_comes_again(connect, zd):
    """Recorded: the same; a repeated record is known by its id and its stamp."""
    old, new = zd.organization(1, "2023-11-14T20:00:00Z"), zd.organization(1, "2023-11-14T20:00:09Z", name="New")
    zendesk, _ = connect([zd.by_time(old, onward=1_699_992_000, end=False), zd.by_time(old, new)])
    first = zendesk.changes("organizations", since(zd), None)
    assert [r.fields["name"] for r in zendesk.changes("organizations", since(zd), first.token).remotes] == ["New"]


def test_a_second_that_holds_more_than_a_page_does_not_go_on_for_ever(connect, zd):
    """Recorded: `end_time` of a full page may be the `start_time` it was asked with; the plain list stands in then."""
    start = (zd.start - DAY) // 1000
    zendesk, script = connect(
        [
            zd.by_time(zd.organization(1), onward=start, end=False),
            zd.listing("organizations", zd.organization(1), zd.organization(2), after="p2"),
            zd.listing("organizations", zd.organization(3, "2001-01-01T00:00:00Z")),
        ]
    )
    token, found = None, []
    for _ in range(3):
        page = zendesk.changes("organizations", since(zd), token)
        token, found = page.token, [*found, *(r.id for r in page.remotes)]
    assert (token, found) == (None, ["1", "1", "2"])
    assert script.calls[1:] == ["GET /organizations"] * 2
    assert script.asked[2].params["page[after]"] == "p2"


def test_of_an_address_that_zendesk_names_only_the_query_is_used(connect, zd):
    """Recorded: bodies name the account's first subdomain, which may be another host than the one asked."""
    answer = zd.exported(zd.user(1), cursor="c1", end=False)
    body = answer.json() | {"after_cursor": None, "after_url": "https://evil.example/x?cursor=c7"}
    zendesk, script = connect([zd.answer(body), zd.exported()])
    page = zendesk.changes("users", since(zd), None)
    zendesk.changes("users", since(zd), page.token)
    assert script.asked[1].params["cursor"] == "c7"
    assert all(r.path.startswith("/api/v2/") for r in script.asked)


def test_a_deleted_user_comes_with_active_false(connect, zd):
    """Recorded: DELETE answers the user with `active: false`; documentation: so does the export."""
    zendesk, _ = connect([zd.exported(zd.user(1, active=False, email=None))])
    (gone,) = zendesk.changes("users", since(zd), None).remotes
    assert (gone.id, gone.gone, gone.fields) == ("1", True, {})
    assert zendesk.facts.stream("users").tombstones


def test_deleted_organizations_show_by_absence_alone(connect, zd):
    """Documentation and belief: the export of organizations names no deleted ones."""
    zendesk, _ = connect([])
    facts = zendesk.facts.stream("organizations")
    assert (facts.full_listing, facts.tombstones, facts.blind) == (True, False, True)


def test_an_organization_that_says_when_it_was_deleted_is_gone(connect, zd):
    """Captured: rows of the export have a `deleted_at`, null on those seen."""
    zendesk, _ = connect([zd.by_time(zd.organization(1, deleted_at="2023-11-14T20:00:00Z"), zd.organization(2))])
    assert [r.gone for r in zendesk.changes("organizations", since(zd), None).remotes] == [True, False]


def test_agents_and_admins_are_no_contacts(connect, zd):
    """Spec: `role` is end-user, agent or admin; the export has them all."""
    rows = [zd.user(1), zd.user(2, role="agent"), zd.user(3, role="admin")]
    zendesk, _ = connect([zd.exported(*rows)])
    assert [r.id for r in zendesk.changes("users", since(zd), None).remotes] == ["1"]


def test_a_contact_that_became_an_agent_was_not_deleted(connect, zd):
    """Spec: the same user, with another role; left out of a read it would be taken for deleted."""
    zendesk, _ = connect([zd.answer({"users": [zd.user(1, role="agent")]})])
    assert [r.gone for r in zendesk.read("users", ["1"], None)] == [False]


def test_two_states_of_one_second_are_two_versions(connect, zd):
    """Recorded: stamps have whole seconds."""
    states = [zd.user(1, name="Mei Chen"), zd.user(1, name="Mei Wang")]
    zendesk, _ = connect([zd.answer({"users": [s]}) for s in states])
    one, two = (zendesk.read("users", ["1"], None)[0] for _ in states)
    assert (one.modified, one.version != two.version) == (two.modified, True)


# -- lists and reads


def test_has_more_decides_whether_a_list_goes_on(connect, zd):
    """Recorded: `links.next` and `after_cursor` can be there although `has_more` is false."""
    zendesk, script = connect([zd.listing("users", zd.user(1))])
    assert zendesk.list("users", None).token is None
    assert script.asked[0].params == {"page[size]": 100, "role": "end-user"}


def test_an_account_of_more_than_a_page_is_read_by_its_export(connect, zd):
    """Documentation: a page of a plain list holds 100, one of an export 1,000."""
    zendesk, script = connect([zd.listing("users", zd.user(1), after="p2"), zd.exported(zd.user(1), zd.user(2))])
    first = zendesk.list("users", None)
    assert zendesk.list("users", first.token).token is None
    assert script.calls == ["GET /users", "GET /incremental/users/cursor"]
    assert script.asked[1].params["start_time"] == 0


def test_what_was_filled_a_moment_ago_is_read_by_the_plain_list(connect, zd):
    """Documentation: the export leaves out the newest minute; the list does not."""
    new = zd.user(1, created_at="2023-11-14T22:13:00Z")
    zendesk, script = connect([zd.listing("users", new, after="p2"), zd.listing("users", zd.user(2))])
    zendesk.list("users", zendesk.list("users", None).token)
    assert script.calls == ["GET /users", "GET /users"]


def test_chosen_records_are_read_a_hundred_at_a_time(connect, zd):
    """Spec: `show_many` takes up to 100 ids or external ids."""
    zendesk, script = connect([zd.answer({"users": []})] * 2)
    zendesk.read("users", ["1", "2"], None)
    zendesk.find("users", [zd.hub + "1"])
    assert [r.params for r in script.asked] == [{"ids": "1,2"}, {"external_ids": zd.hub + "1"}]
    assert all(s.read_batch == s.batch == 100 for s in zendesk.facts.streams)


def test_a_text_that_is_no_id_is_never_sent(connect):
    """Spec: ids are integers."""
    zendesk, script = connect([])
    assert zendesk.read("users", ["a", "1/../2", "１"], None) == []
    assert script.asked == []


def test_external_ids_are_the_same_in_capitals(connect, zd):
    """Spec: the API treats external ids as case insensitive."""
    zendesk, _ = connect([zd.answer({"users": [zd.user(1, external_id=(zd.hub + "1").upper())]})])
    assert [r.hub_id for r in zendesk.find("users", [zd.hub + "1"])] == [zd.hub + "1"]


def test_an_organization_that_was_merged_says_into_which(connect, zd):
    """Spec: `/organizations/{id}/merges` lists winner, loser and status of an organization's merges."""
    merge = {"id": "01", "loser_id": 5, "winner_id": 6, "status": "complete"}
    zendesk, _ = connect([zd.answer({"organizations": []}), zd.answer({"organization_merges": [merge]})])
    (loser,) = zendesk.read("organizations", ["5"], None)
    assert (loser.id, loser.gone, loser.merged_into) == ("5", True, "6")


def test_where_merges_are_not_told_a_missing_organization_is_left_out(connect, zd):
    """Believed: a deleted organization may be unknown there too."""
    gone = zd.answer({"error": "RecordNotFound", "description": "Not found"}, 404)
    zendesk, _ = connect([zd.answer({"organizations": []}), gone])
    assert zendesk.read("organizations", ["5"], None) == []


GONE = {"9": {"email": "old@line.example"}}


def test_a_merge_leaves_the_address_with_the_winner(connect, zd):
    """Documentation: a merged user's addresses become the winner's; believed: the search knows secondary ones."""
    zendesk, script = connect([zd.answer({"users": [zd.user(1)]})])
    assert zendesk.heirs("users", GONE) == {"9": "1"}
    assert script.asked[0].params == {"query": 'email:"old@line.example"'}


@pytest.mark.parametrize(
    "found",
    [
        [],
        [{"id": 1, "email": "OLD@line.example"}],
        [{"id": 1, "role": "agent"}],
        [{"id": 1, "active": False}],
        [{"id": 9}],
        [{"id": 1}, {"id": 2}],
    ],
    ids=["nobody", "somebody new", "an agent", "a deleted one", "itself", "several"],
)
def test_a_deleted_user_has_no_heir(connect, zd, found):
    """Recorded: a deletion frees the address; whoever takes it later has it as the primary one."""
    zendesk, _ = connect([zd.answer({"users": [zd.user(**row) for row in found]})])
    assert zendesk.heirs("users", GONE) == {}


def test_of_very_many_deletions_nothing_is_asked(connect):
    """Believed: people merge one by one, and delete by the hundred."""
    zendesk, script = connect([])
    assert zendesk.heirs("users", {str(n): {"email": f"p{n}@line.example"} for n in range(51)}) == {}
    assert zendesk.heirs("organizations", {"1": {"name": "X"}}) == {}
    assert zendesk.heirs("users", {"1": {"email": None}}) == {}
    assert script.asked == []


# -- the hub's id


def test_somebody_elses_external_id_is_no_hub_id_and_is_never_overwritten(connect, zd):
    """Spec: `external_id` is one unique text; other tools keep their ids in it."""
    zendesk, script = connect([zd.answer({"users": [zd.user(1, external_id="shop-17")]})])
    (remote,) = zendesk.read("users", ["1"], frozenset())
    (outcome,) = zendesk.write("users", [Write("link", zd.hub + "1", {}, "1", remote.version)])
    assert remote.hub_id is None
    assert (outcome.status, outcome.problems[0].code) == ("rejected", "foreign_external_id")
    assert len(script.asked) == 1


def test_without_a_version_a_link_looks_first(connect, zd):
    """Spec: the same; nothing is stamped that was not looked at."""
    zendesk, script = connect([zd.answer({"users": [zd.user(1, external_id="shop-17")]})])
    (outcome,) = zendesk.write("users", [Write("link", zd.hub + "1", {}, "1")])
    assert (outcome.status, script.calls) == ("rejected", ["GET /users/show_many"])


def test_a_field_of_its_own_holds_the_hub_id_where_external_id_is_taken(connect, zd):
    """Spec: users and organizations have custom text fields; those are not unique."""
    made = zd.answer({"user": zd.user(1, external_id="shop-17", user_fields={"tie": zd.hub + "1"})}, 201)
    zendesk, script = connect([made], hub_field="tie")
    (outcome,) = zendesk.write("users", [Write("create", zd.hub + "1", {"last_name": "Chen"})])
    assert script.body()["user"]["user_fields"] == {"tie": zd.hub + "1"}
    assert "external_id" not in script.body()["user"]
    assert (outcome.status, outcome.remote.hub_id) == ("ok", zd.hub + "1")
    facts = zendesk.facts.stream("users")
    assert not facts.unique_hub_id
    assert facts.quiet_ms > 300_000


def test_a_field_of_its_own_is_found_by_the_search_and_read_strongly(connect, zd):
    """Documentation: a custom field is searched by its key, and the index lags by minutes."""
    hits = zd.answer({"results": [{"id": 1}, {"id": 2}]})
    users = [zd.user(1, user_fields={"tie": zd.hub + "1"}), zd.user(2, user_fields={"tie": "old"})]
    zendesk, script = connect([hits, zd.answer({"users": users}), zd.answer({"results": []})], hub_field="tie")
    assert [r.id for r in zendesk.find("users", [zd.hub + "1", zd.hub + "2"])] == ["1"]
    assert [script.asked[n].params["query"] for n in (0, 2)] == [f"type:user tie:{zd.hub}{n}" for n in (1, 2)]


# -- jobs


def test_results_of_creates_have_no_index(zd):
    """Recorded: `{"status": "Created", "id": n}` for users and organizations, `{"index", "id"}` for tickets."""
    fates = created(Job("completed", "", [{"status": "Created", "id": 7}, {"status": "Created", "id": 8}]), 2)
    assert (fates.ids, fates.done) == (["7", "8"], {0, 1})
    fates = created(Job("completed", "", [{"index": 1, "id": 8, "account_id": 1}]), 2)
    assert (fates.ids, fates.done) == ([None, "8"], {1})


def test_results_of_changes_are_told_by_id(zd):
    """Recorded: `{"action": "update", "id": n, "status": "Updated", "success": true}`, in any order."""
    rows = [{"action": "update", "id": n, "status": "Updated", "success": n == 5} for n in (6, 5)]
    fates = created(Job("completed", "", rows), 2, ["5", "6"])
    assert (fates.done, [*fates.refused]) == ({0}, [1])


def test_failures_name_their_place(zd):
    """Spec and belief: `{"index", "error", "details"}`."""
    row = {"index": 2, "error": "UserCreateError", "details": "Email: x is not properly formatted"}
    fates = created(Job("completed", "", [row]), 3)
    assert [(f.code, f.column) for f in fates.refused[2]] == [("UserCreateError", "email")]


def test_a_job_may_end_as_killed_or_failed(connect, zd):
    """Documentation: queued, working, completed, failed, killed. What it did before is not believed to be nothing."""
    zendesk, script = connect([zd.job("queued"), zd.job("killed"), zd.answer({"users": []})])
    writes = [Write("create", zd.hub + str(n), {"last_name": "X"}) for n in (1, 2)]
    assert [o.status for o in zendesk.write("users", writes)] == ["unknown", "unknown"]
    assert script.calls[1] == "GET /job_statuses/V3-1"


def test_a_job_is_looked_at_where_its_id_says_and_not_where_its_url_does(connect, zd):
    """Recorded: `url` names another host than the one asked."""
    zendesk, script = connect([zd.job("queued"), zd.job("working"), zd.job("killed"), zd.answer({"users": []})])
    zendesk.write("users", [Write("create", zd.hub + str(n), {"last_name": "X"}) for n in (1, 2)])
    assert {r.path for r in script.asked[1:3]} == {"/api/v2/job_statuses/V3-1"}
    assert script.clock.sleeps == [1.0, 1.5]


def test_users_are_made_one_by_one_where_bulk_imports_are_off(connect, zd):
    """Spec: `create_many` of users answers 403 unless Zendesk's support has enabled imports."""
    off = zd.answer({"error": "Forbidden", "description": "imports are not enabled"}, 403)
    made = [zd.answer({"user": zd.user(n, external_id=zd.hub + str(n))}, 201) for n in (1, 2, 3, 4)]
    zendesk, script = connect([off, *made])
    for pair in ((1, 2), (3, 4)):
        writes = [Write("create", zd.hub + str(n), {"last_name": "X"}) for n in pair]
        assert [o.status for o in zendesk.write("users", writes)] == ["ok", "ok"]
    assert script.calls == ["POST /users/create_many", *["POST /users"] * 4]


# -- writing


def test_a_put_of_an_address_would_only_add_one(connect, zd):
    """Recorded: PUT of `email` adds a secondary identity; the primary one stays until `make_primary`."""
    identity = {"id": 9, "type": "email", "value": "n@line.example", "primary": False}
    zendesk, script = connect(
        [
            zd.answer({"identity": identity}, 201),
            zd.answer({"identities": []}),
            zd.answer({"users": [zd.user(1, email="n@line.example")]}),
        ]
    )
    (outcome,) = zendesk.write("users", [Write("update", zd.hub + "1", {"email": "n@line.example"}, "1")])
    assert script.calls == [
        "POST /users/1/identities",
        "PUT /users/1/identities/9/make_primary",
        "GET /users/show_many",
    ]
    assert (outcome.status, outcome.remote.fields["email"]) == ("ok", "n@line.example")


def test_an_address_that_the_user_has_already_becomes_the_primary_one(connect, zd):
    """Believed: adding an address twice is refused as one that is in use."""
    held = {"id": 8, "type": "email", "value": "N@line.example", "primary": False}
    taken = zd.refused("value", "Value: n@line.example is already being used by another user", "DuplicateValue")
    answers = [
        taken,
        zd.answer({"identities": [held]}),
        zd.answer({"identities": []}),
        zd.answer({"users": [zd.user(1)]}),
    ]
    zendesk, script = connect(answers)
    (outcome,) = zendesk.write("users", [Write("update", zd.hub + "1", {"email": "n@line.example"}, "1")])
    assert (outcome.status, script.calls[2]) == ("ok", "PUT /users/1/identities/8/make_primary")


def test_an_address_of_somebody_else_is_a_problem_of_the_address_alone(connect, zd):
    """Captured: 422 with the field's name; the other fields of the write are done."""
    taken = zd.refused("value", "Value: n@line.example is already being used by another user", "DuplicateValue")
    zendesk, _ = connect(
        [
            zd.answer({"user": zd.user(1, phone="+1")}),
            taken,
            zd.answer({"identities": []}),
            zd.answer({"users": [zd.user(1, phone="+1")]}),
        ]
    )
    fields = {"email": "n@line.example", "phone": "+1"}
    (outcome,) = zendesk.write("users", [Write("update", zd.hub + "1", fields, "1")])
    assert (outcome.status, [p.field for p in outcome.problems]) == ("ok", ["email"])
    assert outcome.remote.fields["phone"] == "+1"


def test_domain_names_are_written_whole(connect, zd):
    """Spec: an update of `domain_names` overwrites all of them."""
    held = zd.organization(1, domain_names=["old.example", "other.example"])
    zendesk, script = connect([zd.answer({"organizations": [held]}), zd.answer({"organization": held})])
    zendesk.write("organizations", [Write("update", zd.hub + "1", {"domain": "new.example"}, "1")])
    assert script.body() == {"organization": {"domain_names": ["new.example", "other.example"]}}


def test_half_a_name_is_completed_with_the_half_that_is_there(connect, zd):
    """Spec: a user has one `name`."""
    zendesk, script = connect([zd.answer({"users": [zd.user(1)]}), zd.answer({"user": zd.user(1)})])
    zendesk.write("users", [Write("update", zd.hub + "1", {"last_name": "de Wit"}, "1")])
    first, last = split_name(script.body()["user"]["name"], None)
    assert (first, last) == ("Mei", "de Wit")


def test_a_new_user_is_an_end_user_and_gets_no_mail(connect, zd):
    """Documentation: `skip_verify_email` keeps Zendesk from writing to new users; spec: `role`."""
    zendesk, script = connect([zd.answer({"user": zd.user(1)}, 201)])
    zendesk.write("users", [Write("create", zd.hub + "1", {"email": "a@line.example"})])
    sent = script.body()["user"]
    assert (sent["role"], sent["skip_verify_email"], sent["external_id"]) == ("end-user", True, zd.hub + "1")
    assert sent["name"] == "a@line.example"


def test_a_taken_external_id_is_a_second_create(connect, zd):
    """Documentation: `external_id` on a create conflicts with 422."""
    zendesk, _ = connect([zd.refused("external_id", "External: x has already been taken", "DuplicateValue")])
    (outcome,) = zendesk.write("users", [Write("create", zd.hub + "1", {"last_name": "X"})])
    assert outcome.status == "exists"


def test_a_taken_address_leads_to_who_has_it(connect, zd):
    """Captured: 422 names the field and not the record; spec: `users/search` finds it."""
    taken = zd.refused("email", "Email: u7@line.example is already being used by another user", "DuplicateValue")
    zendesk, script = connect([taken, zd.answer({"users": [zd.user(7)]})])
    (outcome,) = zendesk.write("users", [Write("create", zd.hub + "1", {"email": "u7@line.example"})])
    assert (outcome.status, outcome.remote_id) == ("exists", "7")
    assert script.asked[1].params == {"query": 'email:"u7@line.example"'}


def test_an_address_that_an_agent_has_makes_no_contact_of_the_agent(connect, zd):
    """Spec: agents have addresses in the same space."""
    taken = zd.refused("email", "Email: u7@line.example is already being used by another user", "DuplicateValue")
    zendesk, _ = connect([taken, zd.answer({"users": [zd.user(7, role="agent")]})])
    (outcome,) = zendesk.write("users", [Write("create", zd.hub + "1", {"email": "u7@line.example"})])
    assert (outcome.status, [p.field for p in outcome.problems]) == ("rejected", ["email"])


def test_the_name_of_an_organization_is_unique(connect, zd):
    """Captured: 422 `Name: X has already been taken`; spec: `organizations/search?name=` matches exactly."""
    taken = zd.refused("name", "Name: Org 7 has already been taken", "DuplicateValue")
    zendesk, script = connect([taken, zd.answer({"organizations": [zd.organization(7)]})])
    (outcome,) = zendesk.write("organizations", [Write("create", zd.hub + "1", {"name": "Org 7"})])
    assert (outcome.status, outcome.remote_id) == ("exists", "7")
    assert script.asked[1].params == {"name": "Org 7"}


def test_a_change_of_what_is_not_there_is_gone(connect, zd):
    """Recorded: 404 `RecordNotFound`; a deleted user is still shown by its id, with `active: false`."""
    missing = zd.answer({"error": "RecordNotFound", "description": "Not found"}, 404)
    zendesk, _ = connect([missing, zd.answer({"users": [zd.user(1, active=False)]})])
    (outcome,) = zendesk.write("users", [Write("update", zd.hub + "1", {"phone": "1"}, "1")])
    assert (outcome.status, outcome.remote.gone) == ("gone", True)


# -- errors


@pytest.mark.parametrize(
    ("body", "code", "message", "column"),
    [
        (
            {"error": "RecordInvalid", "details": {"email": [{"description": "Email: bad", "error": "InvalidFormat"}]}},
            "InvalidFormat",
            "Email: bad",
            "email",
        ),
        ({"error": "RecordNotFound", "description": "Not found"}, "RecordNotFound", "Not found", ""),
        ({"error": {"title": "Forbidden", "message": "No access"}}, "Forbidden", "No access", ""),
        ({"errors": [{"code": "X", "title": "t", "detail": "Too deep"}]}, "X", "Too deep", ""),
        ({"error": "Couldn't authenticate you"}, "Couldn't authenticate you", "Couldn't authenticate you", ""),
        ({"index": 1, "error": "E", "details": "Name: cannot be blank"}, "E", "Name: cannot be blank", "name"),
    ],
)
def test_errors_come_in_several_shapes(body, code, message, column):
    """Recorded, captured, documentation: each shape was seen or is documented."""
    assert faults_of(body) == [(code, message, column)]


def test_an_error_may_be_plain_text(zd):
    """Recorded: the refusal of too many updates of one user is text/plain."""
    said = "You have exceeded the rate limit for updating a single unique user. user email:  id:  external_id: "
    assert [f.message for f in faults_in(zd.text(said, 429))] == [said.strip()]
    assert faults_in(Response(502, {"content-type": "text/html"}, b"<html>x</html>")) == []


def test_an_answer_that_is_no_json_is_no_answer(connect, zd):
    """Believed: a proxy may answer 200 with a page."""
    zendesk, _ = connect([zd.text("<html>", 200)])
    with pytest.raises(Unavailable, match="Zendesk: expected JSON, got "):
        zendesk.list("users", None)


def test_a_403_is_told_as_a_missing_right(connect, zd):
    """Captured: 403 `{"error": {"title": "Forbidden"}}`; spec: exports are for admins."""
    zendesk, _ = connect([zd.answer({"error": {"title": "Forbidden", "message": "No access"}}, 403)])
    with pytest.raises(NotAuthorised, match="No access"):
        zendesk.changes("users", since(zd), None)


# -- budgets and signing in


def test_exports_have_budgets_of_their_own():
    """Recorded and documentation: 10 a minute time based, 20 by cursor; documentation: 5 updates a minute of a user."""
    base = "https://acme.zendesk.com/api/v2"

    def named(method: str, path: str) -> str:
        return lane(Request(method, base + path))

    assert named("GET", "/incremental/users/cursor?start_time=0") == "export-cursor"
    assert named("GET", "/incremental/organizations?start_time=0") == "export"
    assert named("PUT", "/users/5") == "user-update"
    assert (named("PUT", "/users/update_many"), named("GET", "/users/5")) == ("", "")


def test_budgets_are_in_headers():
    """Recorded: `zendesk-ratelimit-…: total=…; remaining=…; resets=…`, `x-rate-limit`, `ratelimit-reset`."""
    own = quota(
        {"zendesk-ratelimit-incremental-exports-cursor": "total=20; remaining=17; resets=48", "x-rate-limit": "7"}
    )
    assert own is not None
    assert (own.limit, own.remaining, own.resets_in) == (20, 17, 48.0)
    all_ = quota({"x-rate-limit": "700", "x-rate-limit-remaining": "692", "ratelimit-reset": "30"})
    assert all_ is not None
    assert (all_.limit, all_.remaining, all_.resets_in) == (700, 692, 30.0)
    assert quota({"x-rate-limit": "many"}) is None


def test_only_zendesks_hosts_are_trusted():
    """Spec: every address is below `{subdomain}.zendesk.com`."""
    assert PROFILE.hosts == (".zendesk.com",)
    assert PROFILE.token_path == "/oauth/tokens"


def test_scopes_are_the_least_for_what_is_wanted():
    """Documentation: a scope is `resource:read` or `resource:write`."""
    needs = [
        Need("users", "contact", frozenset({"email"}), write=True),
        Need("organizations", "account", frozenset({"name"}), write=False),
    ]
    assert scopes(needs) == ["organizations:read", "users:read", "users:write"]


def test_a_credential_that_is_wrong_is_an_anonymous_user(connect, zd):
    """Observed: `GET /users/me` without credentials answers 200 for nobody."""
    zendesk, _ = connect(
        [zd.answer({"user": {"id": None, "name": "Anonymous user"}})]
        + [zd.listing("users")] * 0
        + [zd.listing("organizations"), zd.listing("users")]
    )
    findings = list(zendesk.check())
    assert (findings[0].level, findings[0].subject) == ("error", "sign-in")


# -- the account's own fields


def test_dropdowns_hold_the_values_of_their_options(connect, zd):
    """Recorded: `type` tagger with `custom_field_options[].value`; spec calls it dropdown."""
    for type_name in ("tagger", "dropdown"):
        found = zd.answer({"user_fields": [zd.field("plan", type_name, "gold", "free")], "meta": {"has_more": False}})
        zendesk, _ = connect([found], rules={"users": [Rule("user_fields.plan", "x_plan")]})
        assert zendesk.schema("users").fields["x_plan"].choices == ("gold", "free")


def test_a_key_that_is_no_field_is_read_only_and_not_sent(connect, zd):
    """Believed: Zendesk drops keys it does not know without a word."""
    found = zd.answer({"user_fields": [zd.field("other")], "meta": {"has_more": False}})
    zendesk, _ = connect([found], rules={"users": [Rule("user_fields.plan", "x_plan")]})
    facts = zendesk.schema("users").fields["x_plan"]
    assert (facts.read, facts.write, facts.create) == (False, False, False)


def test_a_checkbox_cannot_be_blank(connect, zd):
    """Recorded: a checkbox is true or false."""
    found = zd.answer({"user_fields": [zd.field("no_mail", "checkbox")], "meta": {"has_more": False}})
    zendesk, _ = connect([found], rules={"users": [Rule("user_fields.no_mail", "consent_email")]})
    facts = zendesk.schema("users").fields["consent_email"]
    assert (facts.write, facts.clear) == (True, False)


def test_tokens_of_pages_are_plain_json(connect, zd):
    """Documentation: a cursor is opaque; it is kept as it came."""
    zendesk, _ = connect([zd.exported(zd.user(1), cursor="MTY5.0fHw2fA==", end=False)])
    token = zendesk.changes("users", since(zd), None).token
    assert json.loads(token) == {"cursor": "MTY5.0fHw2fA=="}


# -- tickets


def test_a_ticket_carries_its_key_twice(connect, zd):
    """Documentation: `Idempotency-Key` makes a second create answer the first one's ticket for two hours."""
    from tieline import Action

    ticket = {"id": 5, "url": "https://acme.zendesk.com/api/v2/tickets/5.json", "status": "new", "external_id": "k"}
    zendesk, script = connect([zd.answer({"ticket": ticket}, 201, x_idempotency_lookup="hit")])
    receipt = zendesk.act(Action("ticket", "k", {"subject": "S", "comment": "C"}))
    assert (receipt.status, receipt.id, receipt.state) == ("exists", "5", "new")
    assert receipt.url == "https://acme.zendesk.com/agent/tickets/5"
    assert script.asked[0].headers == {"idempotency-key": "k"}
    assert script.body() == {"ticket": {"external_id": "k", "subject": "S", "comment": {"body": "C", "public": False}}}


def test_a_ticket_is_found_by_its_external_id(connect, zd):
    """Spec: `GET /tickets?external_id=`; the ids need not be unique."""
    found = [{"id": n, "url": "", "status": "open", "external_id": "k"} for n in (7, 5)]
    zendesk, _ = connect([zd.answer({"tickets": found}), zd.answer({"tickets": []})])
    receipts = zendesk.acted("ticket", ["k", "other"])
    assert {k: (r.status, r.id, r.state) for k, r in receipts.items()} == {"k": ("ok", "5", "open")}


def test_a_key_that_was_used_for_another_ticket_leads_to_that_one(connect, zd):
    """Documentation: a second create with the same key and another body is refused."""
    from tieline import Action

    refusal = zd.answer({"error": "IdempotentRequestError", "description": "differs"}, 400)
    found = zd.answer({"tickets": [{"id": 5, "url": "", "status": "open", "external_id": "k"}]})
    zendesk, _ = connect([refusal, found])
    receipt = zendesk.act(Action("ticket", "k", {"comment": "C"}))
    assert (receipt.status, receipt.id) == ("exists", "5")


def test_a_due_date_makes_a_task_of_a_ticket(connect, zd):
    """Documentation: only tickets of the type task have a due date."""
    from tieline import Action

    zendesk, script = connect([zd.answer({"ticket": {"id": 5, "status": "new"}}, 201)])
    fields = {"comment": "C", "due": "2030-01-02", "tags": "a, b", "requester": "12", "custom.77": "x"}
    zendesk.act(Action("ticket", "k", fields))
    sent = script.body()["ticket"]
    assert (sent["type"], sent["due_at"], sent["tags"], sent["requester_id"]) == ("task", "2030-01-02", ["a", "b"], 12)
    assert sent["custom_fields"] == [{"id": 77, "value": "x"}]
