"""`/communication-preferences`: opt-outs of everything, subscriptions one by one, and what is defined [spec]."""

from __future__ import annotations

from typing import Any

from tieline.sandbox import Answer, Refusal
from tieline_hubspot.sandbox.call import Call
from tieline_hubspot.sandbox.consent import SUBSCRIBED, UNSAID, UNSUBSCRIBED
from tieline_hubspot.sandbox.wire import batch, iso, item_error, not_found, validation

MAX_INPUTS = 100
_BASES = frozenset(
    {
        "LEGITIMATE_INTEREST_PQL",
        "LEGITIMATE_INTEREST_CLIENT",
        "PERFORMANCE_OF_CONTRACT",
        "CONSENT_WITH_NOTICE",
        "NON_GDPR",
        "PROCESS_AND_STORE",
        "LEGITIMATE_INTEREST_OTHER",
    }
)


def preferences(call: Call) -> Answer:
    """Everything below `/communication-preferences/{version}`."""
    match call.method, call.rest:
        case "GET", ["definitions"]:
            rows = call.state.consents.definitions
            return Answer(200, {"status": "COMPLETE", "results": rows, **_times(call)})
        case "POST", ["statuses", "batch", "unsubscribe-all"]:
            return _batch(call, _opt_out)
        case "POST", ["statuses", "batch", "unsubscribe-all", "read"]:
            return _batch(call, _wide)
        case "POST", ["statuses", "batch", "read"]:
            return _batch(call, _all_of)
        case "POST", ["statuses", "batch", "write"]:
            return _batch(call, _write, emails=False)
        case "POST", ["statuses", email, "unsubscribe-all"]:
            _channel(call)
            return Answer(200, {"status": "COMPLETE", "results": _opt_out(call, email)["wideStatuses"], **_times(call)})
        case "GET", ["statuses", email, "unsubscribe-all"]:
            _channel(call)
            return Answer(200, {"status": "COMPLETE", "results": _wide(call, email)["wideStatuses"], **_times(call)})
        case "GET", ["statuses", email]:
            _channel(call)
            return Answer(200, {"status": "COMPLETE", "results": _statuses(call, _address(email)), **_times(call)})
        case "POST", ["statuses", email]:
            return Answer(200, {"status": "COMPLETE", "results": [_write(call, _one(call, email))], **_times(call)})
    raise not_found()


def _one(call: Call, email: str) -> dict[str, Any]:
    return {**call.json(), "subscriberIdString": email}


def _times(call: Call) -> dict[str, str]:
    return {"startedAt": iso(call.now), "completedAt": iso(call.now)}


def _channel(call: Call) -> None:
    if call.param("channel") != "EMAIL":
        raise validation("The query parameter channel is required and must be EMAIL")


def _address(raw: Any) -> str:
    text = str(raw or "").strip()
    if "@" not in text:
        raise validation(f"{text} is not a valid subscriber id", {"subscriberIdString": [text]})
    return text


def _batch(call: Call, act: Any, emails: bool = True) -> Answer:
    if emails:
        _channel(call)
    results: list[Any] = []
    errors: list[Any] = []
    for row in call.inputs(MAX_INPUTS):
        try:
            results.append(act(call, row))
        except Refusal as refusal:
            errors.append(item_error(refusal, {}))
    return batch(call.now, results, errors, 200)


def _opt_out(call: Call, raw: Any) -> dict[str, Any]:
    """Opt out of everything; the contact's read-only property and its stamp follow [memory]."""
    email = _address(raw)
    call.state.consents.opt_out(email, call.now)
    _follow(call, email)
    return _wide(call, email)


def _follow(call: Call, email: str) -> None:
    """Let the contact that has this address show what was said; its stamp moves when that changes it."""
    table = call.state.tables["contacts"]
    contact = table.find(email, "email")
    if contact is None or (contact.props.get("email") or "").lower() != email.lower():
        return
    flags = call.state.consents.flags(email)
    held = {n: "" for n, v in contact.props.items() if n.startswith("hs_email_optout") and v and n not in flags}
    news = {n: v for n, v in {**held, **flags}.items() if contact.props.get(n, "") != v}
    if news:
        table.write(contact, news, call.now)


def _wide(call: Call, raw: Any) -> dict[str, Any]:
    email = _address(raw)
    since = call.state.consents.opted_out(email)
    status = {
        "wideStatusType": "PORTAL_WIDE",
        "subscriberIdString": email,
        "status": UNSAID if since is None else UNSUBSCRIBED,
        "channel": "EMAIL",
        "timestamp": iso(call.now if since is None else since),
    }
    return {"subscriberIdString": email, "wideStatuses": [status]}


def _all_of(call: Call, raw: Any) -> dict[str, Any]:
    email = _address(raw)
    return {"subscriberIdString": email, "statuses": _statuses(call, email)}


def _statuses(call: Call, email: str) -> list[dict[str, Any]]:
    """One row per subscription type; an opt-out of everything wins over what was said of one."""
    wide = call.state.consents.opted_out(email)
    rows = []
    for definition in call.state.consents.definitions:
        said = call.state.consents.status(email, definition["id"]) or {}
        row = {
            "subscriberIdString": email,
            "subscriptionId": int(definition["id"]),
            "subscriptionName": definition["name"],
            "status": UNSUBSCRIBED if wide is not None else said.get("status", UNSAID),
            "source": "PORTAL_WIDE_STATUS" if wide is not None else "SUBSCRIPTION_STATUS",
            "channel": "EMAIL",
            "timestamp": iso(wide if wide is not None else said.get("timestamp", call.now)),
        }
        rows.append({**row, **{k: said[k] for k in ("legalBasis", "legalBasisExplanation") if said.get(k)}})
    return rows


def _write(call: Call, row: Any) -> dict[str, Any]:
    """Say something of one subscription. A plain subscribe leaves an opt-out of everything as it is [doc]."""
    email = _address(row.get("subscriberIdString"))
    key, state = str(row.get("subscriptionId", "")), str(row.get("statusState", ""))
    if row.get("channel") != "EMAIL" or state not in (SUBSCRIBED, UNSUBSCRIBED, UNSAID):
        raise validation("channel must be EMAIL, statusState SUBSCRIBED, UNSUBSCRIBED or NOT_SPECIFIED")
    if key not in {d["id"] for d in call.state.consents.definitions}:
        raise validation(f"Subscription type {key} does not exist", {"subscriptionId": [key]})
    if row.get("legalBasis") and row["legalBasis"] not in _BASES:
        raise validation(f"{row['legalBasis']} is not a legal basis")
    said = {"status": state, "timestamp": call.now}
    said.update({k: str(row[k]) for k in ("legalBasis", "legalBasisExplanation") if row.get(k)})
    call.state.consents.set(email, key, said)
    _follow(call, email)
    return next(r for r in _statuses(call, email) if str(r["subscriptionId"]) == key)
