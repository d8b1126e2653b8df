"""The Gmail API, as far as drafts go: written, listed, read, sent away by a person; the mailbox's profile."""

from __future__ import annotations

import base64
import binascii
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from tieline.sandbox import Answer, Refusal
from tieline_google.sandbox.call import Call
from tieline_google.sandbox.mask import masked
from tieline_google.sandbox.oauth import need
from tieline_google.sandbox.vices import lags
from tieline_google.sandbox.wire import Row, nowhere, number, refuse_mail

COMPOSE = ("gmail.compose", "gmail.modify")
DRAFTS = (*COMPOSE, "gmail.readonly")
MESSAGES = ("gmail.modify", "gmail.readonly")
"""`gmail.compose` shows drafts and no other mail [spec]."""
_BY_ID = re.compile(r"(?:^|\s)rfc822msgid:(\S+)")


def answer(call: Call) -> Answer:
    """Whatever is asked below /gmail/v1."""
    parts = call.rest.strip("/").split("/")
    if len(parts) < 3 or parts[0] != "users":
        raise nowhere()
    if parts[1] not in ("me", call.who):
        raise refuse_mail(403, f"Delegation denied for {call.who}", "forbidden", "PERMISSION_DENIED")
    match (call.method, *parts[2:]):
        case ("GET", "profile"):
            need(call, *DRAFTS, "gmail.metadata")
            return Answer(200, _profile(call))
        case ("POST", "drafts"):
            need(call, *COMPOSE)
            return _create(call)
        case ("GET", "drafts"):
            need(call, *DRAFTS)
            return _list(call, "drafts", [(d, call.state.mailbox.messages[d["message"]]) for d in _drafts(call)])
        case ("GET", "drafts", id):
            need(call, *DRAFTS)
            draft = call.state.mailbox.drafts.get(id)
            if draft is None:
                raise _missing()
            message = _message(call.state.mailbox.messages[draft["message"]], call.param("format", "full"))
            return Answer(200, masked({"id": id, "message": message}, call.param("fields")))
        case ("GET", "messages"):
            need(call, *MESSAGES)
            return _list(call, "messages", [(m, m) for m in call.state.mailbox.messages.values()])
        case ("GET", "messages", id):
            need(call, *MESSAGES)
            if id not in call.state.mailbox.messages:
                raise _missing()
            return Answer(200, _message(call.state.mailbox.messages[id], call.param("format", "full")))
    raise nowhere()


def _missing() -> Refusal:
    return refuse_mail(404, "Requested entity was not found.", "notFound", "NOT_FOUND")


def _profile(call: Call) -> Row:
    messages = len(call.state.mailbox.messages)
    return {
        "emailAddress": call.who,
        "messagesTotal": messages,
        "threadsTotal": messages,
        "historyId": str(messages + 1),
    }


def _drafts(call: Call) -> list[Row]:
    return list(call.state.mailbox.drafts.values())


def _create(call: Call) -> Answer:
    """A new draft; Gmail keeps no second one of the same Message-ID away."""
    given = call.json().get("message")
    raw = given.get("raw") if isinstance(given, dict) else None
    try:
        mail = _parsed(str(raw or ""))
    except (ValueError, binascii.Error):
        mail = None
    if not raw or mail is None:
        raise refuse_mail(400, "Missing draft message", "invalidArgument", "INVALID_ARGUMENT")
    box = call.state.mailbox
    id = box.id()
    box.messages[id] = {"id": id, "threadId": id, "labelIds": ["DRAFT"], "raw": raw, "created": call.now}
    draft = f"r-{int(id, 16)}"
    box.drafts[draft] = {"id": draft, "message": id, "created": call.now}
    return Answer(200, {"id": draft, "message": _message(box.messages[id], "minimal")})


def _parsed(raw: str) -> EmailMessage:
    data = base64.urlsafe_b64decode(raw + "=" * (-len(raw) % 4))
    mail = message_from_bytes(data, policy=policy.default)
    if not isinstance(mail, EmailMessage) or not mail.keys():
        raise ValueError("no headers")
    return mail


def _message(row: Row, form: str) -> Row:
    body: Row = {"id": row["id"], "threadId": row["threadId"], "labelIds": list(row["labelIds"])}
    if form == "minimal":
        return body
    mail = _parsed(row["raw"])
    body |= {"snippet": "", "sizeEstimate": len(row["raw"]), "historyId": "1", "internalDate": str(row["created"])}
    if form == "raw":
        return {**body, "raw": row["raw"]}
    headers = [{"name": name, "value": str(value)} for name, value in mail.items()]
    payload: dict[str, Any] = {"partId": "", "mimeType": mail.get_content_type(), "filename": "", "headers": headers}
    if form == "full":
        text = mail.get_content() if mail.get_content_maintype() == "text" else ""
        data = base64.urlsafe_b64encode(text.encode()).decode()
        payload["body"] = {"size": len(text.encode()), "data": data}
    return {**body, "payload": payload}


def _list(call: Call, name: str, rows: list[tuple[Row, Row]]) -> Answer:
    """Rows with their messages. Without any there is no list in the answer [memory]."""
    found = [(row, mail) for row, mail in rows if _fits(call, mail)]
    start, size = number(call.param("pageToken", "0")), min(number(call.param("maxResults", "100")), 500)
    body: Row = {}
    part = found[start : start + size]
    if part:
        body[name] = [_brief(row, mail) for row, mail in part]
    if start + size < len(found):
        body["nextPageToken"] = str(start + size)
    return Answer(200, masked({**body, "resultSizeEstimate": len(part)}, call.param("fields")))


def _brief(row: Row, mail: Row) -> Row:
    named = {"id": mail["id"], "threadId": mail["threadId"]}
    return named if row is mail else {"id": row["id"], "message": named}


def _fits(call: Call, mail: Row) -> bool:
    """Whether a search finds it: by Message-ID, or all. Under the vice `search-lag` nothing younger than a minute."""
    wanted = _BY_ID.search(call.param("q"))
    if wanted is None:
        return True
    held = str(_parsed(mail["raw"]).get("message-id", "")).strip().strip("<>")
    return held == wanted[1].strip("<>") and not lags(call, mail["created"])
