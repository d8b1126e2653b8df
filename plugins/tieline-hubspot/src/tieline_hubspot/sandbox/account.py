"""The rest of a new account: pipelines with their stages, owners, subscription types, association types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tieline.sandbox import STAFF
from tieline_hubspot.sandbox.schema import BORN, LIFECYCLE
from tieline_hubspot.sandbox.wire import PORTAL, iso

DEFINED = "HUBSPOT_DEFINED"
CUSTOM = "USER_DEFINED"
_EPOCH = iso(0)


@dataclass(frozen=True, slots=True)
class Relation:
    """An association type: its id one way, the id of the same thing seen from the other end, and its label."""

    source: str
    target: str
    type_id: int
    inverse: int
    label: str | None = None
    primary: bool = False
    name: str = ""
    """As in the `associations` of a record that is read with them."""


RELATIONS: tuple[Relation, ...] = (
    Relation("contacts", "companies", 279, 280, name="contact_to_company_unlabeled"),  # [cap]
    Relation("contacts", "companies", 1, 2, "Primary", True, "contact_to_company"),  # [cap]
    Relation("companies", "contacts", 280, 279, name="company_to_contact_unlabeled"),  # [memory] this one and below
    Relation("companies", "contacts", 2, 1, "Primary", True, "company_to_contact"),
    Relation("deals", "companies", 341, 342, name="deal_to_company_unlabeled"),
    Relation("deals", "companies", 5, 6, "Primary", True, "deal_to_company"),
    Relation("companies", "deals", 342, 341, name="company_to_deal_unlabeled"),
    Relation("companies", "deals", 6, 5, "Primary", True, "company_to_deal"),
    Relation("deals", "contacts", 3, 4, name="deal_to_contact"),
    Relation("contacts", "deals", 4, 3, name="contact_to_deal"),
    Relation("companies", "companies", 450, 450, name="company_to_company_unlabeled"),
    Relation("companies", "companies", 13, 14, "Child Company", name="parent_to_child_company"),
    Relation("companies", "companies", 14, 13, "Parent Company", name="child_to_parent_company"),
    Relation("contacts", "contacts", 449, 449, name="contact_to_contact"),
    Relation("deals", "deals", 451, 451, name="deal_to_deal"),
)
_DEFAULTS: Mapping[tuple[str, str], int] = {(r.source, r.target): r.type_id for r in reversed(RELATIONS) if not r.label}


def default_relation(source: str, target: str) -> int | None:
    """The id of the unlabelled association type between two object types; None when they cannot be associated."""
    return _DEFAULTS.get((source, target))


def _stage(order: int, stage_id: str, label: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    return {
        "label": label,
        "displayOrder": order,
        "metadata": dict(metadata),
        "id": stage_id,
        "createdAt": _EPOCH,
        "updatedAt": _EPOCH,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
        "archived": False,
    }


def _pipeline(order: int, pipeline_id: str, label: str, stages: list[dict[str, Any]]) -> dict[str, Any]:
    head = {"label": label, "displayOrder": order, "id": pipeline_id, "stages": stages}
    return {**head, "createdAt": _EPOCH, "updatedAt": _EPOCH, "archived": False}


_DEAL_STAGES = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)


def _deal_stages(prefix: str = "") -> list[dict[str, Any]]:
    return [
        _stage(i, prefix + name, label, {"isClosed": str(name.startswith("closed")).lower(), "probability": share})
        for i, (name, label, share) in enumerate(_DEAL_STAGES)
    ]


def _lifecycle(name: str) -> dict[str, Any]:
    stages = [
        _stage(i, value, label, {"isClosed": str(value == "other").lower(), "state": "OPEN"})
        for i, (value, label) in enumerate(LIFECYCLE)
    ]
    return _pipeline(0, f"{name}-lifecycle-pipeline", "Lifecycle Stage Pipeline", stages)


def pipelines() -> dict[str, list[dict[str, Any]]]:
    """Object type → its pipelines: two of deals, the lifecycle ones of contacts and companies [cap]."""
    return {
        "deals": [
            _pipeline(0, "default", "Sales Pipeline", _deal_stages()),
            _pipeline(1, "renewals", "Renewals", _deal_stages("renewal_")),
        ],
        "contacts": [_lifecycle("contacts")],
        "companies": [_lifecycle("companies")],
    }


_GONE = ("Dana", "Whitfield", "dana@northbay.example")
"""Somebody who has left."""


def owners() -> list[dict[str, Any]]:
    """The account's users: the demo company's people, and one who has left (archived)."""
    rows = []
    for i, (first, last, email) in enumerate((*STAFF, _GONE)):
        rows.append(
            {
                "id": str(61_520_001 + i),
                "email": email,
                "type": "PERSON",
                "firstName": first,
                "lastName": last,
                "userId": 44_100_001 + i,
                "userIdIncludingInactive": 44_100_001 + i,
                "createdAt": iso(BORN),
                "updatedAt": iso(BORN),
                "archived": i == len(STAFF),
            }
        )
    return rows


def subscriptions() -> list[dict[str, Any]]:
    """The two e-mail subscription types of a new account, by the ids that the recorded properties name."""
    rows = (
        ("448994475", "Marketing Information", "Offers and news.", "Marketing"),
        ("448994479", "One to One", "Mail of one person to another.", "Sales"),
    )
    return [
        {
            "id": key,
            "name": name,
            "description": text,
            "purpose": purpose,
            "communicationMethod": "Email",
            "isActive": True,
            "isDefault": True,
            "isInternal": name == "One to One",
            "createdAt": iso(BORN),
            "updatedAt": iso(BORN),
        }
        for key, name, text, purpose in rows
    ]


def details() -> dict[str, Any]:
    """The answer of account-info [doc]."""
    return {
        "portalId": PORTAL,
        "accountType": "STANDARD",
        "timeZone": "Europe/Berlin",
        "companyCurrency": "EUR",
        "additionalCurrencies": ["USD", "GBP"],
        "utcOffset": "+02:00",
        "utcOffsetMilliseconds": 7_200_000,
        "uiDomain": "app.hubspot.com",
        "dataHostingLocation": "na1",
    }
