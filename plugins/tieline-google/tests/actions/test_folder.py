"""Folders: made once for each key, found again by it, shared with whom the action names."""

from __future__ import annotations

from typing import Any

import pytest

from tieline import Action, ContractViolation, RateLimited, Response, Unavailable
from tieline_google.actions.folder import property_of, query_of
from tieline_google.sandbox.query import test_of as finder


def test_a_folder_is_made_where_the_action_says_and_found_again(acts: Any) -> None:
    parent = acts.do("folder", "other", name="Customers")
    made = acts.do("folder", name="Ada & Söhne: Start", parent=parent.id)
    row = acts.state.files.rows[made.id]
    assert (made.status, made.url) == ("ok", f"https://drive.google.com/drive/folders/{made.id}")
    assert (row["name"], row["parents"], row["appProperties"]) == (
        "Ada & Söhne: Start",
        [parent.id],
        {"tieline_key": acts.key},
    )
    assert acts.found("folder", acts.key, "unknown") == {acts.key: made}


def test_one_without_sharing_takes_one_call(acts: Any) -> None:
    acts.do("folder", name="N")
    assert acts.calls == ["POST drive/v3/files"]
    acts.forget()
    acts.found("folder", *(f"key {n}" for n in range(10)))
    assert acts.calls == ["GET drive/v3/files"], "ten keys are looked for together"


def test_one_in_the_bin_counts_as_made(acts: Any) -> None:
    made = acts.do("folder", name="N")
    acts.state.files.rows[made.id]["trashed"] = True
    assert acts.found("folder")[acts.key].state == "trashed"


def test_of_two_of_one_key_the_older_counts(acts: Any) -> None:
    old = acts.do("folder", name="N")
    acts.clock.advance(1000)
    acts.do("folder", name="N")
    assert acts.found("folder")[acts.key].id == old.id


def test_of_two_of_one_key_the_one_that_is_finished_counts(acts: Any) -> None:
    half = acts.do("folder", name="N")
    acts.clock.advance(1000)
    whole = acts.do("folder", name="N")
    acts.state.files.rows[half.id]["appProperties"]["tieline_open"] = "1"
    assert acts.found("folder")[acts.key].id == whole.id


def test_it_is_shared_with_each_address_once_and_nobody_gets_a_mail(acts: Any) -> None:
    made = acts.do("folder", name="N", share="ada@one.example, bo@two.example;ADA@one.example", role="writer")
    grants = acts.state.files.rows[made.id]["permissions"]
    assert [(g["emailAddress"], g["role"]) for g in grants] == [
        ("ada@one.example", "writer"),
        ("bo@two.example", "writer"),
    ]
    assert acts.state.notified == []
    assert acts.state.files.rows[made.id]["appProperties"] == {"tieline_key": acts.key}
    assert acts.found("folder")[acts.key].id == made.id


def test_without_a_role_people_may_read_and_a_mail_is_sent_where_it_is_asked_for(acts: Any) -> None:
    made = acts.do("folder", name="N", share=["ada@one.example"], notify=True)
    assert [g["role"] for g in acts.state.files.rows[made.id]["permissions"]] == ["reader"]
    assert acts.state.notified == ["ada@one.example"]


def test_a_folder_whose_sharing_was_cut_off_is_gone_on_with(acts: Any) -> None:
    """The answer to the first sharing is lost: what is found later is not yet done, and a second folder never made."""
    with acts.losing("/permissions"), pytest.raises(Unavailable) as lost:
        acts.do("folder", name="N", share="ada@one.example bo@two.example")
    assert lost.value.sent
    assert acts.found("folder") == {}, "it is not all done"
    acts.forget()
    again = acts.do("folder", name="N", share="ada@one.example bo@two.example")
    assert (again.status, len(acts.folders)) == ("ok", 1)
    assert len([c for c in acts.calls if c.endswith("permissions")]) == 1, "ada has her share already"
    assert [g["emailAddress"] for g in acts.folders[0]["permissions"]] == ["ada@one.example", "bo@two.example"]
    assert set(acts.found("folder")) == {acts.key}


def test_too_fast_between_the_calls_never_means_nothing_was_done(scripted: Any) -> None:
    row = b'{"id": "f1", "appProperties": {"tieline_key": "k", "tieline_open": "1"}}'
    connector, _ = scripted(Response(200, {}, b'{"files": []}'), Response(200, {}, row), RateLimited("slow down"))
    with pytest.raises(Unavailable) as lost:
        connector.act(Action("folder", "k", {"name": "N", "share": "ada@one.example"}))
    assert lost.value.sent


def test_a_share_that_is_refused_is_told_and_the_rest_is_shared(acts: Any) -> None:
    acts.state.closed_domains.append("closed.example")
    told = acts.do("folder", name="N", share="eve@closed.example ada@one.example")
    assert (told.status, [p.field for p in told.problems]) == ("rejected", ["share"])
    assert "eve@closed.example" in told.problems[0].message
    assert [g["emailAddress"] for g in acts.folders[0]["permissions"]] == ["ada@one.example"]
    acts.state.closed_domains.clear()
    assert acts.do("folder", name="N", share="eve@closed.example ada@one.example").id == told.id
    assert len(acts.folders) == 1


def test_a_key_that_has_its_folder_is_answered_so(acts: Any) -> None:
    made = acts.do("folder", name="N", share="ada@one.example")
    assert acts.do("folder", name="N", share="ada@one.example")._replace(status="ok") == made
    assert acts.do("folder", name="N", share="ada@one.example").status == "exists"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "name"),
        ({"name": "two\nlines"}, "name"),
        ({"name": "N", "share": "nobody"}, "share"),
        ({"name": "N", "share": "a@b.example\r\nBcc: x@y.example"}, "share"),
        ({"name": "N", "role": "owner"}, "role"),
        ({"name": "N", "notify": "perhaps"}, "notify"),
        ({"name": "N", "colour": "red"}, "colour"),
        ({"name": {"amount": "1"}}, "name"),
    ],
)
def test_what_cannot_be_said_is_refused_before_anything_is_sent(acts: Any, fields: Any, field: str) -> None:
    told = acts.do("folder", **fields)
    assert told.status == "rejected"
    assert field in [p.field for p in told.problems]
    assert acts.calls == []


def test_a_parent_that_is_not_there_is_a_problem_of_this_folder_alone(acts: Any) -> None:
    told = acts.do("folder", name="N", parent="1nowhere")
    assert (told.status, told.problems[0].field, told.problems[0].code) == ("rejected", "parent", "notFound")


def test_keys_are_quoted_and_long_ones_digested() -> None:
    held = {"mimeType": "application/vnd.google-apps.folder", "appProperties": {"tieline_key": "it's \\ one"}}
    assert finder(query_of(["it's \\ one"]))(held)
    assert not finder(query_of(["it's \\ two"]))(held)
    long = "k" * 200
    assert property_of("short") == "short"
    assert len(f"tieline_key{property_of(long)}") <= 124
    assert property_of(long) != property_of(long + "x")


@pytest.mark.parametrize("held", [b'["tieline_key"]', b'"k"', b"7"])
def test_a_folder_whose_properties_are_none_is_an_odd_answer_and_nothing_is_made(scripted: Any, held: bytes) -> None:
    page = Response(200, {}, b'{"files": [{"id": "f1", "appProperties": %s}]}' % held)
    connector, script = scripted(page, page)
    with pytest.raises(ContractViolation):
        connector.acted("folder", ["k"])
    with pytest.raises(ContractViolation):
        connector.act(Action("folder", "k", {"name": "N", "share": "ada@one.example"}))
    assert script.left == 0


@pytest.mark.parametrize("held", [b"7", b'"ada@one.example"', b'{"emailAddress": "ada@one.example"}'])
def test_a_folder_whose_permissions_are_no_list_is_made_and_not_known_to_be_shared(scripted: Any, held: bytes) -> None:
    row = b'{"id": "f1", "appProperties": {"tieline_key": "k", "tieline_open": "1"}, "permissions": %s}' % held
    connector, _ = scripted(Response(200, {}, b'{"files": []}'), Response(200, {}, row))
    with pytest.raises(Unavailable) as lost:
        connector.act(Action("folder", "k", {"name": "N", "share": "ada@one.example"}))
    assert lost.value.sent


def test_a_search_whose_page_comes_again_and_again_ends(scripted: Any) -> None:
    page = Response(200, {}, b'{"files": [], "nextPageToken": "once more"}')
    connector, script = scripted(*[page] * 3)
    with pytest.raises(ContractViolation, match="again and again"):
        connector.acted("folder", ["k"])
    assert len(script.asked) == 2
