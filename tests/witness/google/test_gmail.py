"""Google's own client drives the stand-in's Gmail over a socket; every call is held against its document."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import pytest


@pytest.fixture
def office(witness_module: Callable[[str], Any], discovery: Any) -> Iterator[Any]:
    yield from witness_module("google/office").offices(discovery)


def _raw(message_id: str, subject: str = "S") -> str:
    mail = EmailMessage()
    mail["Message-ID"], mail["To"], mail["Subject"] = f"<{message_id}>", "ada@one.example", subject
    mail.set_content("Hallo")
    return base64.urlsafe_b64encode(mail.as_bytes()).decode()


def _write(drafts: Any, message_id: str) -> Any:
    return drafts.create(userId="me", body={"message": {"raw": _raw(message_id)}}).execute()


def test_drafts_are_written_found_by_message_id_and_read(office: Any) -> None:
    drafts = office().client("gmail").users().drafts()
    made = _write(drafts, "one@tieline.invalid")
    _write(drafts, "two@tieline.invalid")
    assert made["message"]["labelIds"] == ["DRAFT"]
    found = drafts.list(userId="me", q="rfc822msgid:one@tieline.invalid").execute()
    assert found["drafts"] == [{"id": made["id"], "message": {k: made["message"][k] for k in ("id", "threadId")}}]
    full = drafts.get(userId="me", id=made["id"]).execute()["message"]["payload"]
    assert {"name": "Subject", "value": "S"} in full["headers"]
    assert base64.urlsafe_b64decode(full["body"]["data"]).decode().strip() == "Hallo"
    raw = drafts.get(userId="me", id=made["id"], format="raw").execute()["message"]["raw"]
    assert raw == _raw("one@tieline.invalid")


def test_without_a_draft_there_is_no_list(office: Any) -> None:
    drafts = office().client("gmail").users().drafts()
    assert drafts.list(userId="me", q="rfc822msgid:none@tieline.invalid").execute() == {"resultSizeEstimate": 0}


def test_lists_come_in_pages(office: Any) -> None:
    drafts = office().client("gmail").users().drafts()
    made = {_write(drafts, f"{n}@tieline.invalid")["id"] for n in range(3)}
    request, seen = drafts.list(userId="me", maxResults=2), set()
    while request is not None:
        answer = request.execute()
        seen |= {d["id"] for d in answer["drafts"]}
        request = drafts.list_next(request, answer)
    assert seen == made


def test_who_it_is_and_who_it_is_not(office: Any) -> None:
    from googleapiclient.errors import HttpError

    users = office().client("gmail").users()
    assert users.getProfile(userId="me").execute()["emailAddress"] == "ops@northbay.example"
    with pytest.raises(HttpError) as other:
        users.getProfile(userId="eve@northbay.example").execute()
    assert other.value.status_code == 403
    with pytest.raises(HttpError) as gone:
        users.drafts().get(userId="me", id="r-1").execute()
    assert (gone.value.status_code, gone.value.error_details[0]["reason"]) == (404, "notFound")


def test_the_scope_for_drafts_shows_no_other_mail(office: Any) -> None:
    """[spec] `gmail.compose` is none of the scopes of `messages.list`."""
    from googleapiclient.errors import HttpError

    users = office().client("gmail").users()
    with pytest.raises(HttpError) as refused:
        users.messages().list(userId="me", q="rfc822msgid:x@y.example").execute()
    assert refused.value.status_code == 403


def test_what_is_no_mail_is_refused(office: Any) -> None:
    from googleapiclient.errors import HttpError

    drafts = office().client("gmail").users().drafts()
    for body in ({"message": {}}, {"message": {"raw": "Y"}}, {}):
        with pytest.raises(HttpError) as refused:
            drafts.create(userId="me", body=body).execute()
        assert refused.value.status_code == 400
