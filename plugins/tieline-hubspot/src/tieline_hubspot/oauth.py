"""HubSpot's OAuth: its addresses, and the least scopes for what a configuration wants. Signs nobody in."""

from __future__ import annotations

from collections.abc import Sequence

from tieline import Need, OAuth, Response

AUTHORIZE = "https://app.hubspot.com/oauth/authorize"  # [doc]
# signing in is versioned apart: whatever release the objects speak, any endpoint gives the same tokens
TOKEN_PATH = "/oauth/2026-09/token"  # noqa: S105 a path, no secret [doc]
BASE = "oauth"
"""Every app has it, and every sign-in must name it [memory]."""
_CONSENT = (
    "communication_preferences.read_write",
    "communication_preferences.statuses.batch.read",
    "communication_preferences.statuses.batch.write",
)
_REFERS = {"companies": {"parent": "companies"}, "contacts": {"account": "companies"}}
_REFERS["deals"] = {"account": "companies", "contacts": "contacts"}
"""Per object type: the field that is an association, and the type at its other end, which must be readable too."""


def scopes(needs: Sequence[Need]) -> list[str]:
    """The least scopes, sorted but for `oauth`; the plugin's README has them as a table."""
    found: set[str] = set()
    for need in needs:
        found |= _of_campaigns(need) if need.stream == "campaigns" else _of_objects(need)
    return [BASE, *sorted(found)]


def _of_campaigns(need: Need) -> set[str]:
    return {"marketing.campaigns.read"} | ({"marketing.campaigns.write"} if need.write else set())


def _of_objects(need: Need) -> set[str]:
    found = {f"crm.objects.{need.stream}.read", f"crm.schemas.{need.stream}.read"}
    if need.write:
        found.add(f"crm.objects.{need.stream}.write")
    if "owner" in need.fields:
        found.add("crm.objects.owners.read")
    if need.write and any(name.startswith("consent_") for name in need.fields):
        found |= set(_CONSENT)
    others = _REFERS.get(need.stream, {})
    return found | {f"crm.objects.{other}.read" for field, other in others.items() if field in need.fields}


def spent(response: Response) -> bool:
    """A refresh token that is void is told by a code of HubSpot's own, not by OAuth's `invalid_grant` [memory]."""
    try:
        said = response.json()
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("status") == "BAD_REFRESH_TOKEN"


OAUTH = OAuth(authorize=AUTHORIZE, revoke=f"{TOKEN_PATH}/revoke", scopes=scopes, spent=spent)
