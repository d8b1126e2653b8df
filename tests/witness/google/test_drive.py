"""Google's own client drives the stand-in's Drive over a socket; every call is held against the discovery document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

FOLDER = "application/vnd.google-apps.folder"


@pytest.fixture
def office(witness_module: Callable[[str], Any], discovery: Any) -> Iterator[Any]:
    yield from witness_module("google/office").offices(discovery)


def _folder(drive: Any, name: str = "N", **more: Any) -> Any:
    body = {"name": name, "mimeType": FOLDER, **more}
    return drive.files().create(body=body, fields="id,name,parents,appProperties,webViewLink,trashed").execute()


def test_folders_are_made_found_changed_and_deleted(office: Any) -> None:
    drive = office().client("drive")
    made = _folder(drive, appProperties={"tieline_key": "it's"})
    inner = _folder(drive, "inner", parents=[made["id"]])
    assert inner["parents"] == [made["id"]]
    q = "appProperties has { key='tieline_key' and value='it\\'s' } and trashed = false"
    found = drive.files().list(q=q, fields="files(id,webViewLink,permissions(emailAddress))").execute()
    assert [f["id"] for f in found["files"]] == [made["id"]]
    assert set(found) == {"files"}
    changed = {"name": "Other", "appProperties": {"tieline_open": "1"}}
    drive.files().update(fileId=made["id"], body=changed).execute()
    shown = drive.files().get(fileId=made["id"], fields="*").execute()
    assert (shown["name"], shown["appProperties"]) == ("Other", {"tieline_key": "it's", "tieline_open": "1"})
    assert drive.files().get(fileId=made["id"]).execute().keys() == {"kind", "id", "name", "mimeType"}
    drive.files().update(fileId=made["id"], body={"trashed": True}).execute()
    assert drive.files().list(q=q).execute()["files"] == []
    drive.files().delete(fileId=made["id"]).execute()
    assert drive.files().list().execute()["files"] == []


def test_lists_come_in_pages(office: Any) -> None:
    drive = office().client("drive")
    made = {_folder(drive, str(n))["id"] for n in range(5)}
    request, seen = drive.files().list(pageSize=2), []
    while request is not None:
        answer = request.execute()
        seen += [f["id"] for f in answer["files"]]
        request = drive.files().list_next(request, answer)
    assert (set(seen), len(seen)) == (made, 5)


def test_an_id_may_be_asked_for_and_is_taken_once(office: Any) -> None:
    from googleapiclient.errors import HttpError

    drive = office().client("drive")
    (id,) = drive.files().generateIds(count=1).execute()["ids"]
    assert _folder(drive, id=id)["id"] == id
    with pytest.raises(HttpError) as twice:
        _folder(drive, id=id)
    assert twice.value.status_code == 409


def test_sharing_is_a_permission_and_sends_a_mail_unless_told_not_to(office: Any) -> None:
    here = office()
    drive = here.client("drive")
    id = _folder(drive)["id"]
    for address, mail in (("ada@one.example", False), ("bo@two.example", True)):
        body = {"type": "user", "role": "writer", "emailAddress": address}
        drive.permissions().create(fileId=id, body=body, sendNotificationEmail=mail).execute()
    listed = drive.permissions().list(fileId=id, fields="permissions(emailAddress,role)").execute()
    assert {"emailAddress": "ada@one.example", "role": "writer"} in listed["permissions"]
    assert here.sandbox.state.notified == ["bo@two.example"]


def test_changes_go_on_from_a_token(office: Any) -> None:
    drive = office().client("drive")
    start = drive.changes().getStartPageToken().execute()["startPageToken"]
    kept, gone = _folder(drive)["id"], _folder(drive)["id"]
    drive.files().delete(fileId=gone).execute()
    answer = drive.changes().list(pageToken=start).execute()
    assert {(c["fileId"], c["removed"]) for c in answer["changes"]} == {(kept, False), (gone, True)}
    again = drive.changes().list(pageToken=answer["newStartPageToken"]).execute()
    assert again["changes"] == []


@pytest.mark.parametrize(
    ("ask", "status", "reason"),
    [
        (lambda d: d.files().get(fileId="1nowhere"), 404, "notFound"),
        (lambda d: d.files().list(q="name like 'x'"), 400, "invalid"),
        (lambda d: d.files().list(fields="files(id"), 400, "invalidParameter"),
        (lambda d: d.files().list(pageToken="no"), 400, "invalid"),
        (lambda d: d.files().create(body={"name": "N", "parents": ["1nowhere"]}), 404, "notFound"),
        (lambda d: d.files().create(body={"appProperties": {"k": "v" * 124}}), 400, "propertyTooLarge"),
    ],
)
def test_refusals_are_what_the_client_understands(office: Any, ask: Any, status: int, reason: str) -> None:
    from googleapiclient.errors import HttpError

    with pytest.raises(HttpError) as refused:
        ask(office().client("drive")).execute()
    assert (refused.value.status_code, refused.value.error_details[0]["reason"]) == (status, reason)


def test_with_the_least_scope_only_own_files_are_there(office: Any) -> None:
    """[spec] `drive.file` shows what the application made."""
    here = office()
    here.sandbox.state.files.make("A person's", FOLDER, 1)
    drive = here.client("drive")
    assert len(drive.files().list().execute()["files"]) == 1
    scope = "https://www.googleapis.com/auth/drive.file"
    here.sandbox.state.tokens[here.sandbox.token] = {"used": 0, "scope": scope, "who": "ops@northbay.example"}
    own = _folder(drive)
    assert [f["id"] for f in drive.files().list().execute()["files"]] == [own["id"]]


def test_the_older_403_is_told_from_others(office: Any) -> None:
    from googleapiclient.errors import HttpError

    drive = office("old-403").client("drive")
    seen = []
    for _ in range(8):
        try:
            drive.files().list().execute()
        except HttpError as error:
            seen.append((error.status_code, error.error_details[0]["reason"]))
    assert seen == [(403, "rateLimitExceeded")]
