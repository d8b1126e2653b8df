"""Pages, tokens, scope: who is in, who is gone, what expires."""

from __future__ import annotations

from typing import Any

import pytest

from tieline import ConfigError, FeedExpired, NotAuthorised, Unavailable, Window, Write
from tieline_google.people.contacts import LAG_MS


def test_a_listing_asks_for_no_more_than_is_mapped(contacts: Any, people: Any) -> None:
    part, script = contacts([people.listing(sync="t1"), people.groups("Tieline")])
    page = part.list(None)
    params = script.asked[0].params
    wanted = "addresses,clientData,emailAddresses,memberships,metadata,names,organizations,phoneNumbers"
    assert params["personFields"] == wanted
    assert (params["pageSize"], params["sources"]) == (1000, "READ_SOURCE_TYPE_CONTACT")
    assert page.feed is not None
    assert page.feed.endswith(" t1")


def test_who_has_no_label_is_left_out_of_a_listing(contacts: Any, people: Any) -> None:
    rows = [people.person(1), people.person(2, label=None)]
    part, _ = contacts([people.listing(*rows, sync="t"), people.groups("Tieline")])
    assert [r.id for r in part.list(None).remotes] == ["people/c1"]
    part, script = contacts([people.listing(*rows, sync="t")], contact_group="")
    assert [r.id for r in part.list(None).remotes] == ["people/c1", "people/c2"]
    assert script.left == 0


def test_only_the_last_page_has_the_token(contacts: Any, people: Any) -> None:
    """[spec] nextSyncToken is on the last page alone."""
    part, script = contacts(
        [people.listing(people.person(1), more="p2"), people.groups("Tieline"), people.listing(sync="t")]
    )
    first = part.list(None)
    assert (first.token, first.feed) == ("p2", None)
    assert part.list(first.token).feed is not None
    one, _, two = script.asked
    assert {k: v for k, v in two.params.items() if k != "pageToken"} == dict(one.params)


def feed(part: Any, people: Any) -> Window:
    return Window(0, feed=part.list(None).feed)


def test_an_idle_look_is_one_request_and_asks_for_no_label(contacts: Any, people: Any) -> None:
    part, script = contacts([people.listing(sync="t"), people.groups("Tieline"), people.listing(sync="t2")])
    window = feed(part, people)
    fresh, script = contacts([people.listing(sync="t2")])
    page = fresh.changes(window, None)
    assert (page.remotes, page.feed.split()[-1], script.left) == ([], "t2", 0)
    assert script.asked[0].params["syncToken"] == "t"


def test_who_was_deleted_or_left_the_label_is_gone(contacts: Any, people: Any) -> None:
    deleted = {"resourceName": "people/c1", "metadata": {"deleted": True, "sources": []}}
    news = people.listing(deleted, people.person(2, label=None), people.person(3), sync="t2")
    part, _ = contacts([people.listing(sync="t"), people.groups("Tieline"), news])
    found = {r.id: r.gone for r in part.changes(feed(part, people), None).remotes}
    assert found == {"people/c1": True, "people/c2": True, "people/c3": False}


def test_former_names_are_told_as_merged(contacts: Any, people: Any) -> None:
    """[spec] previousResourceNames, in an answer to a sync token."""
    row = people.person(1)
    row["metadata"]["previousResourceNames"] = ["people/c7", "people/c1"]
    part, _ = contacts([people.listing(sync="t"), people.groups("Tieline"), people.listing(row, sync="t2")])
    one, old = part.changes(feed(part, people), None).remotes
    assert (one.id, one.aliases) == ("people/c1", ("people/c7",))
    assert (old.id, old.gone, old.merged_into) == ("people/c7", True, "people/c1")


def test_former_names_are_told_of_who_was_deleted_after_a_merge(contacts: Any, people: Any) -> None:
    row = {"resourceName": "people/c1", "metadata": {"deleted": True, "previousResourceNames": ["people/c7"]}}
    part, _ = contacts([people.listing(sync="t"), people.groups("Tieline"), people.listing(row, sync="t2")])
    one, old = part.changes(feed(part, people), None).remotes
    assert (one.id, one.gone, one.aliases) == ("people/c1", True, ("people/c7",))
    assert (old.id, old.gone, old.merged_into) == ("people/c7", True, "people/c1")


@pytest.mark.parametrize("status", ["INVALID_ARGUMENT", "FAILED_PRECONDITION"])
def test_an_expired_token_is_known_by_its_reason_alone(contacts: Any, people: Any, status: str) -> None:
    """[spec] the reason; [obs] sources differ on the status."""
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "EXPIRED_SYNC_TOKEN"}
    expired = people.refused(400, "Sync token is expired.", status, info)
    part, _ = contacts([people.listing(sync="t"), people.groups("Tieline"), expired])
    with pytest.raises(FeedExpired):
        part.changes(feed(part, people), None)


def test_a_token_of_other_parameters_counts_as_expired_and_is_not_sent(contacts: Any, people: Any) -> None:
    """[spec] all other parameters must match the first call."""
    part, _ = contacts([people.listing(sync="t"), people.groups("Tieline")])
    window = feed(part, people)
    for settings in ({"page": 500}, {"contact_group": ""}):
        other, script = contacts([people.groups("Tieline")], **settings)
        for asked in (window, Window(0, feed="x"), Window(0)):
            with pytest.raises(FeedExpired):
                other.changes(asked, None)
        assert "/v1/people/me/connections" not in [r.path for r in script.asked]


FAIR = "contactGroups/fa"


def two_labels(people: Any, *names: str) -> Any:
    """The label that took part, and another one."""
    rows = [(people.label, names[0]), (FAIR, names[1])]
    shown = [{"resourceName": r, "groupType": "USER_CONTACT_GROUP", "name": n} for r, n in rows if n]
    return people.answer({"contactGroups": shown})


def member(people: Any, n: int, *labels: str, hub: bool = True) -> Any:
    row = people.person(n, label=None, hub=people.hub + str(n) if hub else None)
    row["memberships"] += [{"contactGroupMembership": {"contactGroupResourceName": x}} for x in labels]
    return row


@pytest.mark.parametrize("expired", [False, True])
def test_another_label_ends_the_reading_with_the_token_kept_until_all_of_the_one_before_are_in_it(
    contacts: Any, people: Any, expired: bool
) -> None:
    """The token alone tells who took part: one that Google gave up is not given up before the label is looked at."""
    part, _ = contacts([people.listing(sync="t"), people.groups("Tieline")])
    window = feed(part, people)
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "EXPIRED_SYNC_TOKEN"}
    first = [people.refused(400, "Sync token is expired.", "INVALID_ARGUMENT", info)] if expired else []
    settings = {"contact_group": "Tieline" if expired else "Fair"}
    names = ("Tieline old", "Tieline") if expired else ("Tieline", "Fair")
    only, both = member(people, 1, people.label), member(people, 1, people.label, FAIR)
    long_gone = member(people, 2)
    new = member(people, 3, people.label, hub=False)
    part, _ = contacts([*first, two_labels(people, *names), people.listing(only, long_gone, new)], **settings)
    with pytest.raises(ConfigError) as told:
        part.changes(window, None)
    for said in (*(repr(n) for n in names), "2 contacts that took part are not in it (people/c1, people/c3)"):
        assert said in str(told.value)
    assert told.value.hint == "tieline plan"
    new = member(people, 3, people.label, FAIR, hub=False)
    part, script = contacts([*first, two_labels(people, *names), people.listing(both, long_gone, new)], **settings)
    with pytest.raises(FeedExpired):
        part.changes(window, None)
    assert script.left == 0


def test_where_the_label_before_is_gone_or_was_emptied_who_carries_a_hub_id_took_part(
    contacts: Any, people: Any
) -> None:
    part, _ = contacts([people.listing(sync="t"), people.groups("Tieline")])
    window = feed(part, people)
    rows = [member(people, 1), member(people, 2, FAIR), member(people, 3, hub=False)]
    for old in ("", "Tieline"):
        part, _ = contacts([two_labels(people, old, "Fair"), people.listing(*rows)], contact_group="Fair")
        with pytest.raises(ConfigError, match=r"1 contact that took part is not in it \(people/c1\)"):
            part.changes(window, None)
    behind = [member(people, 1), member(people, 2, people.label, FAIR)]
    part, _ = contacts([two_labels(people, "", "Fair"), people.listing(*behind)], contact_group="Fair")
    with pytest.raises(ConfigError, match=r"1 contact .*\(people/c1\)"):  # a listing is minutes behind
        part.changes(window, None)


def test_a_label_where_all_contacts_took_part_is_no_deletion_of_all_others(contacts: Any, people: Any) -> None:
    part, _ = contacts([people.listing(people.person(1), sync="t")], contact_group="")
    window = feed(part, people)
    rows = [people.person(1), people.person(2, label=None)]
    part, _ = contacts([people.groups("Tieline"), people.listing(*rows)])
    with pytest.raises(ConfigError, match=r"all contacts took part before.* 1 contact .*set it to \"\" again"):
        part.changes(window, None)


def test_a_label_that_was_renamed_along_with_the_setting_goes_on(contacts: Any, people: Any) -> None:
    part, _ = contacts([people.listing(sync="t"), people.groups("Tieline")])
    window = feed(part, people)
    part, script = contacts([people.groups("Partners")], contact_group="Partners")
    with pytest.raises(FeedExpired):
        part.changes(window, None)
    assert script.left == 0, "it is the same label: nobody is counted"


def test_another_label_takes_no_part_in_a_read_or_a_write_either(contacts: Any, people: Any) -> None:
    part, _ = contacts([people.listing(sync="t"), people.groups("Tieline")])
    window = feed(part, people)
    row = member(people, 1, people.label)

    def handle(request: Any) -> Any:
        if "Groups" in request.path:
            return two_labels(people, "Tieline", "Fair")
        return people.read(row) if "batchGet" in request.path else people.listing(row)

    part, script = contacts(handle, contact_group="Fair")
    with pytest.raises(ConfigError):
        part.changes(window, None)
    with pytest.raises(ConfigError, match="not in it"):
        part.read(["people/c1"], None)
    with pytest.raises(ConfigError, match="not in it"):
        part.write([Write("archive", people.hub + "1", {}, "people/c1")])
    assert not [r for r in script.asked if r.write]


def test_a_label_that_is_gone_ends_the_reading_and_deletes_nobody(contacts: Any, people: Any) -> None:
    part, _ = contacts([people.listing(sync="t"), people.groups("Tieline")])
    window = feed(part, people)
    part, _ = contacts([people.listing(people.person(1, label=None), sync="t2"), people.groups(), people.groups()])
    with pytest.raises(ConfigError, match="no label 'Tieline' any more"):
        part.changes(window, None)
    part, _ = contacts([people.read(people.person(1, label=None)), people.groups(), people.groups()])
    with pytest.raises(ConfigError, match="contact_group"):
        part.read(["people/c1"], None)


def test_who_is_without_a_label_that_went_in_this_very_run_has_not_left_it(contacts: Any, people: Any) -> None:
    part, _ = contacts(
        [
            people.read(people.person(1)),
            people.groups("Tieline"),
            people.read(people.person(1, label=None)),
            people.groups(),
            people.read(people.person(1, label=None)),
            people.groups(),
        ]
    )
    assert not part.read(["people/c1"], None)[0].gone
    for _ in range(2):
        with pytest.raises(ConfigError, match="no label 'Tieline' any more"):
            part.read(["people/c1"], None)


def test_where_nobody_carries_a_hub_id_another_label_of_the_name_is_no_deletion_either(
    contacts: Any, people: Any
) -> None:
    part, _ = contacts([people.listing(sync="t"), people.groups("Tieline")])
    window = feed(part, people)
    window = window._replace(feed=window.feed.replace(people.label, "contactGroups/old"))
    left = people.listing(people.person(1, label=None), sync="t2")
    part, _ = contacts([left, people.groups("Tieline"), left])
    with pytest.raises(ConfigError, match=r"nobody can tell who took part.*give the system another name"):
        part.changes(window, None)


def test_where_there_never_was_a_label_nobody_is_told_of(contacts: Any, people: Any) -> None:
    part, _ = contacts([people.listing(people.person(1, label=None), sync="t"), people.groups()])
    page = part.list(None)
    assert page.remotes == []
    part, _ = contacts([people.listing(people.person(1, label=None), sync="t2"), people.groups()])
    page = part.changes(Window(0, feed=page.feed), None)
    assert (page.remotes, page.feed.split(" ")[1]) == ([], "")


def test_a_label_that_is_missing_is_looked_for_once_in_a_listing(contacts: Any, people: Any) -> None:
    pages = [people.listing(people.person(1), more="2"), people.groups(), people.listing(people.person(2), sync="t")]
    part, script = contacts(pages)
    assert part.list(part.list(None).token).feed
    assert script.left == 0


def test_a_read_of_many_is_sent_as_a_form_that_says_it_is_a_get(contacts: Any, people: Any) -> None:
    """As Google's own client does with an address of more than 2,048 characters."""
    ids = [f"people/c{n}" for n in range(450)]

    def handle(request: Any) -> Any:
        names = people.asked_for(request)
        return people.groups("Tieline") if "Groups" in request.path else people.read(missing=names)

    part, script = contacts(handle)
    assert part.read(ids, None) == []
    assert [len(people.asked_for(r)) for r in script.asked] == [200, 200, 50]
    assert {(r.method, r.headers.get("x-http-method-override"), r.write) for r in script.asked[:2]} == {
        ("POST", "GET", False)
    }


def test_an_old_id_leads_to_the_new_one(contacts: Any, people: Any) -> None:
    """[spec] requestedResourceName may be different than the resource name on the returned person."""
    rows = [{"requestedResourceName": n, "person": people.person(1)} for n in ("people/c7", "people/c1")]
    part, _ = contacts([people.answer({"responses": rows}), people.groups("Tieline")])
    (one,) = part.read(["people/c7", "people/c1"], None)
    assert (one.id, one.aliases) == ("people/c1", ("people/c7",))


def test_a_person_that_is_not_answered_is_no_person_that_is_gone(contacts: Any, people: Any) -> None:
    part, _ = contacts([people.answer({"responses": []})])
    with pytest.raises(Unavailable):
        part.read(["people/c1"], None)
    failed = {"requestedResourceName": "people/c1", "status": {"code": 13, "message": "internal"}}
    part, _ = contacts([people.answer({"responses": [failed]})])
    with pytest.raises(Unavailable):
        part.read(["people/c1"], None)


def test_texts_that_are_no_ids_are_not_asked_for(contacts: Any, people: Any) -> None:
    part, script = contacts([])
    assert part.read(["999", "people/", "people/a,b", "contactGroups/1"], None) == []
    assert script.asked == []


def test_the_hub_id_is_searched_in_everybody(contacts: Any, people: Any) -> None:
    rows = [people.person(1, hub=people.hub + "1"), people.person(2, hub=people.hub + "2"), people.person(3)]
    away = people.person(4, hub=people.hub + "4", label=None)
    part, script = contacts([people.listing(*rows, more="p"), people.groups("Tieline"), people.listing(away)])
    found = part.find([people.hub + "2", people.hub + "4", people.hub + "9"])
    assert [(r.id, r.gone) for r in found] == [("people/c2", False), ("people/c4", True)]
    assert "requestSyncToken" not in script.asked[0].params  # no full sync, which has a quota of its own


def test_a_hub_id_that_is_none_is_nobodys(contacts: Any, people: Any) -> None:
    part, _ = contacts([people.read(people.person(1, hub="mine")), people.groups("Tieline")])
    assert part.read(["people/c1"], None)[0].hub_id is None


def test_the_version_is_the_etag_of_the_contact_and_not_of_the_answer(contacts: Any, people: Any) -> None:
    """[cap] the etag of an answer differs with its fields."""
    part, _ = contacts([people.read(people.person(1, "#9")), people.groups("Tieline")])
    (one,) = part.read(["people/c1"], None)
    assert (one.version, one.modified) == ("#9", 1_699_999_980_123)


def test_values_that_cannot_be_read_are_problems_and_no_blanks(contacts: Any, people: Any) -> None:
    row = people.person(
        1,
        emailAddresses=[{"value": "mei at line"}, {"value": "x"}],
        addresses=[{"formattedValue": "behind the church"}],
        names=[{"givenName": "Mei"}],
    )
    part, _ = contacts([people.read(row), people.groups("Tieline")])
    (one,) = part.read(["people/c1"], None)
    assert {p.field for p in one.problems} == {"email", "other_emails", "address"}
    assert not {"email", "other_emails", "address"} & one.fields.keys()
    assert one.fields["first_name"] == "Mei"


def test_a_contact_that_cannot_be_read_at_all_is_named(contacts: Any, people: Any) -> None:
    broken = {"resourceName": "people/c5", "metadata": {"sources": [{"type": "CONTACT", "updateTime": "soon"}]}}
    part, _ = contacts([people.listing(people.person(1), broken, "?", sync="t")], contact_group="")
    page = part.list(None)
    assert [r.id for r in page.remotes] == ["people/c1"]
    assert [b.id for b in page.bad] == ["people/c5", None]


def test_a_page_is_never_younger_than_what_is_in_it(contacts: Any, people: Any) -> None:
    row = people.person(1)
    row["metadata"]["sources"][0]["updateTime"] = "2023-11-14T22:13:20.900000Z"
    part, _ = contacts([people.listing(row, sync="t"), people.groups("Tieline")])
    assert part.list(None).now == people.start + 900


def test_the_facts_are_what_google_promises(contacts: Any) -> None:
    part, _ = contacts([])
    facts = part.facts
    assert (facts.batch, facts.read_batch) == (200, 200)  # [spec]
    assert all((facts.feed, facts.tombstones, facts.conditional, facts.strong_read, facts.hints))
    assert facts.quiet_ms > LAG_MS == facts.overlap_ms


def test_check_says_who_signed_in_and_how_the_label_stands(contacts: Any, people: Any) -> None:
    me = people.answer({"resourceName": "people/1", "emailAddresses": [{"value": "ops@line.example"}]})
    part, _ = contacts([me, people.groups("Tieline")])
    assert [(f.level, f.message) for f in part.findings()] == [
        ("ok", "Google Contacts of ops@line.example"),
        ("ok", "the label 'Tieline' holds 3 contacts"),
    ]
    part, _ = contacts([me, people.groups()])
    assert [f.level for f in part.findings()] == ["ok", "note"]
    part, _ = contacts([me], contact_group="")
    assert "all contacts" in list(part.findings())[1].message


def test_check_names_the_scope_that_is_missing(contacts: Any, people: Any) -> None:
    info = {"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}
    no = people.refused(403, "Request had insufficient authentication scopes.", "PERMISSION_DENIED", info)
    part, _ = contacts([no])
    (found,) = part.findings()
    assert (found.level, "auth/contacts" in found.remedy) == ("error", True)
    part, _ = contacts([no])
    with pytest.raises(NotAuthorised):
        part.list(None)


def test_check_names_a_column_that_there_is_not(contacts: Any, people: Any) -> None:
    from tieline import Rule

    part, _ = contacts([people.answer({}), people.groups("Tieline")], Rule("organizations.titel", "x_title"))
    last = list(part.findings())[-1]
    assert (last.level, last.remedy) == ("warning", "Did you mean 'organizations.title'?")


def test_one_contact_that_is_not_as_contacts_are_ends_no_reading(contacts: Any, people: Any) -> None:
    odd = [
        {**people.person(1), "memberships": [None]},
        {**people.person(2), "memberships": 7},
        {**people.person(3), "resourceName": ["people/c3"]},
        {**people.person(4), "metadata": {"sources": 4, "deleted": True}, "resourceName": ""},
        None,
    ]
    part, _ = contacts([people.listing(*odd, people.person(9), sync="t"), people.groups("Tieline")])
    page = part.list(None)
    assert ([r.id for r in page.remotes], len(page.bad)) == (["people/c9"], 4)
    part, _ = contacts([people.listing(*odd, people.person(9), sync="t2"), people.groups("Tieline")])
    changed = part.changes(Window(0, feed=page.feed), None)
    assert ([r.id for r in changed.remotes], len(changed.bad)) == (["people/c9"], 5)


@pytest.mark.parametrize(
    "found",
    [
        {"responses": True},
        {"responses": [None]},
        {"responses": [{"requestedResourceName": "people/c1", "status": "gone"}]},
        {"responses": [{"requestedResourceName": "people/c1", "person": ["people/c1"]}]},
        {"responses": [{"requestedResourceName": "people/c1", "person": {"resourceName": "people/c1", "names": [7]}}]},
    ],
)
def test_an_answer_about_a_contact_that_cannot_be_read_is_no_deletion(contacts: Any, people: Any, found: Any) -> None:
    part, _ = contacts(lambda request: people.groups("Tieline") if "Groups" in request.path else people.answer(found))
    with pytest.raises(Unavailable):
        part.read(["people/c1"], None)


def test_who_takes_no_part_need_not_be_readable(contacts: Any, people: Any) -> None:
    odd = people.person(5, label=None)
    odd["metadata"]["sources"][0]["updateTime"] = "soon"
    part, _ = contacts([people.listing(sync="t"), people.groups("Tieline"), people.listing(odd, sync="t2")])
    page = part.changes(feed(part, people), None)
    assert ([(r.id, r.gone) for r in page.remotes], page.bad) == ([("people/c5", True)], [])
    part, _ = contacts([people.read(odd), people.groups("Tieline"), people.groups("Tieline")])
    assert [(r.id, r.gone) for r in part.read(["people/c5"], None)] == [("people/c5", True)]
