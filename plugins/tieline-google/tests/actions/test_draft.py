"""Drafts: written once, never sent; nothing that an action says becomes a header of its own."""

from __future__ import annotations

import base64
from email import message_from_bytes, policy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieline import NotAuthorised
from tieline_google.actions.common import addresses
from tieline_google.actions.draft import mail, message_id


def _mail(acts: Any) -> Any:
    (message,) = acts.state.mailbox.messages.values()
    return message_from_bytes(base64.urlsafe_b64decode(message["raw"]), policy=policy.default)


def test_a_draft_is_written_and_found_again(acts: Any) -> None:
    made = acts.do("draft", to="ada@one.example, bo@two.example", subject="Willkommen, Ädä!", body="Hallo,\n\nschön.\n")
    assert (made.status, made.state) == ("ok", "draft")
    assert made.id in acts.state.mailbox.drafts
    message = _mail(acts)
    assert (message["to"], message["subject"]) == ("ada@one.example, bo@two.example", "Willkommen, Ädä!")
    assert message.get_content() == "Hallo,\r\n\r\nschön.\r\n"
    assert acts.found("draft", acts.key, "unknown") == {acts.key: made}


def test_it_takes_one_call_to_write_and_one_to_look(acts: Any) -> None:
    acts.do("draft", subject="S")
    acts.found("draft")
    assert acts.calls == ["POST gmail/v1/users/me/drafts", "GET gmail/v1/users/me/drafts"]


def test_a_draft_may_be_to_nobody_yet_and_copies_go_where_they_should(acts: Any) -> None:
    assert acts.do("draft", to="", subject="S").status == "ok"
    assert _mail(acts)["to"] is None
    acts.state.mailbox.messages.clear()
    acts.do("draft", cc="ada@one.example", bcc="bo@two.example", subject="S")
    assert (_mail(acts)["cc"], _mail(acts)["bcc"]) == ("ada@one.example", "bo@two.example")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"to": "ada@one.example"}, "subject"),
        ({"subject": "S\r\nBcc: eve@evil.example"}, "subject"),
        ({"subject": "S\nX: y"}, "subject"),
        ({"subject": "S\u2028Bcc: eve@evil.example"}, "subject"),
        ({"subject": "S\x85X: y"}, "subject"),
        ({"subject": "S\x00"}, "subject"),
        ({"subject": "S", "to": "ada@one.example\r\nBcc: eve@evil.example"}, "to"),
        ({"subject": "S", "to": ["ada@one.example\r\nBcc: eve@evil.example"]}, "to"),
        ({"subject": "S", "to": "Ada <ada@one.example>"}, "to"),
        ({"subject": "S", "cc": "ada@one"}, "cc"),
        ({"subject": "S", "cc": "ada@one.example>x"}, "cc"),
        ({"subject": "S", "to": ["ada@one.example, eve@evil.example"]}, "to"),
        ({"subject": "S", "bcc": "ädä@one.example"}, "bcc"),
        ({"subject": "S", "from": "boss@one.example"}, "from"),
        ({"subject": "S", "body": "\ud800"}, "body"),
    ],
)
def test_what_cannot_stand_in_a_mail_is_refused_before_anything_is_sent(acts: Any, fields: Any, field: str) -> None:
    told = acts.do("draft", **fields)
    assert (told.status, [p.field for p in told.problems]) == ("rejected", [field])
    assert acts.calls == []


@given(st.text(), st.text())
def test_no_text_makes_a_header(subject: str, body: str) -> None:
    """Whatever is written: the message has the headers that Tieline gives it, or there is none."""
    try:
        written = mail("key", {"subject": subject, "to": ["ada@one.example"], "body": body})
    except ValueError:
        return
    names = message_from_bytes(written).keys()
    assert set(names) <= {"Message-ID", "To", "Subject", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"}
    assert names.count("Subject") == names.count("To") == 1


@given(st.text())
def test_addresses_are_plain_ascii_without_a_break(text: str) -> None:
    try:
        found = addresses([text])
    except ValueError:
        return
    assert all(a.isascii() and a.isprintable() and a.count("@") == 1 and " " not in a for a in found)


def test_the_message_id_is_the_keys_own() -> None:
    assert message_id("a") != message_id("b")
    assert b"Message-ID: <" + message_id("a").encode() + b">" in mail("a", {"subject": "S"})


def test_without_the_scope_nothing_is_written_and_the_message_names_it(acts: Any) -> None:
    acts.may("drive.file", "calendar.events")
    with pytest.raises(NotAuthorised, match="insufficient authentication scopes"):
        acts.do("draft", subject="S")
    assert acts.state.mailbox.messages == {}
