"""Writes: which calls are made, in which order, and what is said of each when something goes wrong."""

from __future__ import annotations

import pytest

from tieline import ContractViolation, NotAuthorised, RateLimited, Rule, Unavailable, Write


def creates(zd, *names):
    return [Write("create", zd.hub + str(n), {"last_name": name}) for n, name in enumerate(names, 1)]


def updates(*phones):
    return [Write("update", "h", {"phone": phone}, str(n)) for n, phone in enumerate(phones, 1)]


def done(*ids, action="update"):
    return [{"action": action, "id": n, "status": "Done", "success": True} for n in ids]


def statuses(outcomes):
    return [o.status for o in outcomes]


def test_a_batch_is_one_job_one_look_and_one_read(connect, zd):
    made = [{"status": "Created", "id": n} for n in (11, 12)]
    back = zd.answer({"users": [zd.user(12, external_id=zd.hub + "2"), zd.user(11, external_id=zd.hub + "1")]})
    zendesk, script = connect([zd.job("queued"), zd.job("completed", made), back])
    outcomes = zendesk.write("users", creates(zd, "Ann", "Bo"))
    assert [(o.status, o.remote.id) for o in outcomes] == [("ok", "11"), ("ok", "12")]
    assert script.calls == ["POST /users/create_many", "GET /job_statuses/V3-1", "GET /users/show_many"]


def test_one_bad_item_of_a_job_is_rejected_by_name_and_the_rest_is_done(connect, zd):
    bad = {"index": 1, "error": "UserCreateError", "details": "Phone: is invalid", "status": "Failed"}
    job = zd.job("completed", [{"status": "Created", "id": 11}, bad, {"status": "Created", "id": 13}])
    back = zd.answer({"users": [zd.user(n, external_id=zd.hub + str(n - 10)) for n in (11, 13)]})
    zendesk, _ = connect([job, back])
    outcomes = zendesk.write("users", creates(zd, "Ann", "Bo", "Cy"))
    assert statuses(outcomes) == ["ok", "rejected", "ok"]
    assert [p.field for p in outcomes[1].problems] == ["phone"]


def test_a_create_that_met_its_own_hub_id_exists(connect, zd):
    bad = {"index": 0, "error": "UserCreateError", "details": "External: x has already been taken", "status": "Failed"}
    job = zd.job("completed", [bad, {"status": "Created", "id": 12}])
    back = zd.answer({"users": [zd.user(5, external_id=zd.hub + "1"), zd.user(12, external_id=zd.hub + "2")]})
    zendesk, _ = connect([job, back])
    outcomes = zendesk.write("users", creates(zd, "Ann", "Bo"))
    assert [(o.status, o.remote_id) for o in outcomes] == [("exists", "5"), ("ok", "12")]


def test_a_job_that_does_not_end_leaves_everything_unknown_and_is_not_asked_for_ever(connect, zd):
    zendesk, script = connect(lambda request: zd.job("working"), job_wait=30)
    assert statuses(zendesk.write("users", creates(zd, "Ann", "Bo"))) == ["unknown", "unknown"]
    assert statuses(zendesk.write("users", updates("1", "2"))) == ["unknown", "unknown"]
    assert 30 <= sum(script.clock.sleeps[: len(script.clock.sleeps) // 2]) < 45
    assert [c for c in script.calls if not c.startswith("GET")] == ["POST /users/create_many", "PUT /users/update_many"]


@pytest.mark.parametrize("error", [RateLimited("slow"), Unavailable("away", sent=False), NotAuthorised("no")])
def test_a_job_that_cannot_be_looked_at_was_queued_all_the_same(connect, zd, error):
    zendesk, _ = connect([zd.job("queued"), error])
    assert statuses(zendesk.write("users", creates(zd, "Ann", "Bo"))) == ["unknown", "unknown"]


@pytest.mark.parametrize("error", [RateLimited("slow"), Unavailable("away", sent=False)])
def test_a_job_that_was_not_queued_did_nothing(connect, zd, error):
    zendesk, _ = connect([error])
    with pytest.raises(type(error)):
        zendesk.write("users", creates(zd, "Ann", "Bo"))


def test_what_cannot_be_read_back_is_looked_for_later(connect, zd):
    job = zd.job("completed", [{"status": "Created", "id": n} for n in (11, 12)])
    zendesk, _ = connect([job, Unavailable("away", sent=False)])
    assert statuses(zendesk.write("users", creates(zd, "Ann", "Bo"))) == ["unknown", "unknown"]


def test_changes_are_told_by_what_is_there(connect, zd):
    back = zd.answer({"users": [zd.user(1, phone="+1"), zd.user(2, active=False)]})
    zendesk, script = connect([zd.job("completed", done(2, 1)), back])
    outcomes = zendesk.write("users", updates("1", "2"))
    assert [(o.status, o.remote_id) for o in outcomes] == [("ok", "1"), ("gone", "2")]
    assert outcomes[0].remote.fields["phone"] == "+1"
    assert script.body(0) == {"users": [{"id": 1, "phone": "1"}, {"id": 2, "phone": "2"}]}


def test_an_item_that_a_result_does_not_name_is_of_unknown_outcome(connect, zd):
    zendesk, _ = connect([zd.job("completed", done(1)), zd.answer({"users": [zd.user(1)]})])
    assert statuses(zendesk.write("users", updates("1", "2"))) == ["ok", "unknown"]


def test_an_item_that_met_a_busy_record_asks_to_come_again(connect, zd):
    busy = {"id": 2, "action": "update", "error": "DatabaseConflict", "details": "Database collision", "success": False}
    back = zd.answer({"users": [zd.user(2)]})
    zendesk, _ = connect([zd.job("completed", [*done(1), busy]), back, zd.answer({"users": [zd.user(1)]})])
    assert statuses(zendesk.write("users", updates("1", "2"))) == ["ok", "throttled"]


def test_an_address_is_changed_after_the_job_and_both_are_read_back_at_once(connect, zd):
    writes = [*updates("1", "2"), Write("update", "h", {"email": "n@line.example"}, "3")]
    identity = zd.answer({"identity": {"id": 9, "primary": False}}, 201)
    back = zd.answer({"users": [zd.user(n) for n in (1, 2, 3)]})
    zendesk, script = connect([zd.job("completed", done(1, 2)), identity, zd.answer({}), back])
    assert statuses(zendesk.write("users", writes)) == ["ok", "ok", "ok"]
    assert script.calls[1:] == [
        "POST /users/3/identities",
        "PUT /users/3/identities/9/make_primary",
        "GET /users/show_many",
    ]


def test_an_address_that_could_not_be_tried_after_a_job_promises_nothing(connect, zd):
    writes = [Write("update", "h", {"email": f"n{n}@line.example", "phone": "1"}, str(n)) for n in (1, 2)]
    zendesk, _ = connect([zd.job("completed", done(1, 2)), RateLimited("slow")])
    assert statuses(zendesk.write("users", writes)) == ["unknown", "unknown"]


def test_an_address_that_was_added_and_not_made_primary_is_of_unknown_outcome(connect, zd):
    identity = zd.answer({"identity": {"id": 9, "primary": False}}, 201)
    zendesk, _ = connect([identity, RateLimited("slow")])
    with pytest.raises(Unavailable) as raised:
        zendesk.write("users", [Write("update", "h", {"email": "n@line.example"}, "1")])
    assert raised.value.sent


def test_of_single_creates_the_first_trouble_is_raised_and_later_ones_are_told(connect, zd):
    off = zd.answer({"error": "Forbidden"}, 403)
    zendesk, _ = connect([off, RateLimited("slow")])
    with pytest.raises(RateLimited):
        zendesk.write("users", creates(zd, "Ann", "Bo"))
    made = zd.answer({"user": zd.user(11, external_id=zd.hub + "1")}, 201)
    zendesk, _ = connect([off, made, Unavailable("lost", sent=True)])
    assert statuses(zendesk.write("users", creates(zd, "Ann", "Bo", "Cy"))) == ["ok", "unknown", "throttled"]


def test_half_a_name_of_many_is_completed_in_one_read(connect, zd):
    held = zd.answer({"users": [zd.user(n, name=f"Ann{n} Old") for n in (1, 2)]})
    back = zd.answer({"users": [zd.user(1), zd.user(2)]})
    zendesk, script = connect([held, zd.job("completed", done(1, 2)), back])
    zendesk.write("users", [Write("update", "h", {"last_name": "New"}, str(n)) for n in (1, 2)])
    assert [u["name"] for u in script.body(1)["users"]] == ["Ann1 New", "Ann2 New"]


def test_a_whole_name_needs_no_look(connect, zd):
    zendesk, script = connect([zd.answer({"user": zd.user(1)})])
    zendesk.write("users", [Write("update", "h", {"first_name": "Bo", "last_name": "New"}, "1")])
    assert script.body() == {"user": {"name": "Bo New"}}


def test_a_field_that_cannot_be_written_does_not_hold_up_the_others(connect, zd):
    zendesk, script = connect(
        [zd.answer({"user": zd.user(1)})], rules={"users": [Rule("created_at", "x_since", write=False)]}
    )
    (outcome,) = zendesk.write("users", [Write("update", "h", {"phone": "1", "x_since": "2020"}, "1")])
    assert (outcome.status, [p.field for p in outcome.problems]) == ("ok", ["x_since"])
    assert script.body() == {"user": {"phone": "1"}}


def test_nothing_to_send_is_rejected_or_done_without_a_call(connect):
    zendesk, script = connect([])
    outcomes = zendesk.write("users", [Write("update", "h", {"email": None}, "1"), Write("update", "h", {}, "2")])
    assert statuses(outcomes) == ["rejected", "ok"]
    assert script.asked == []


def test_archives_are_one_job_and_what_is_left_is_told(connect, zd):
    failed = {"action": "delete", "id": 2, "error": "Forbidden", "details": "User: cannot be deleted", "success": False}
    left = zd.answer({"users": [zd.user(1, active=False), zd.user(2)]})
    zendesk, script = connect([zd.job("completed", [*done(1, action="delete"), failed]), left])
    outcomes = zendesk.write("users", [Write("archive", "h", {}, str(n)) for n in (1, 2)])
    assert statuses(outcomes) == ["ok", "rejected"]
    assert (script.calls[0], script.asked[0].params) == ("DELETE /users/destroy_many", {"ids": "1,2"})


def test_one_archive_is_a_plain_call(connect, zd):
    zendesk, script = connect([zd.answer({"user": zd.user(1, active=False)})])
    assert statuses(zendesk.write("users", [Write("archive", "h", {}, "1")])) == ["ok"]
    assert script.calls == ["DELETE /users/1"]


def test_a_link_writes_the_stamp_alone_and_is_not_read_back(connect, zd):
    zendesk, script = connect([zd.job("completed", done(1, 2))])
    writes = [Write("link", zd.hub + str(n), {}, str(n), "2023.abc") for n in (1, 2)]
    assert statuses(zendesk.write("users", writes)) == ["ok", "ok"]
    assert script.body() == {"users": [{"id": n, "external_id": zd.hub + str(n)} for n in (1, 2)]}


def test_mixed_batches_are_a_mistake_of_the_caller(connect):
    zendesk, _ = connect([])
    with pytest.raises(ContractViolation):
        zendesk.write("users", [Write("create", "h", {}), Write("archive", "h", {}, "1")])
    assert zendesk.write("users", []) == []
