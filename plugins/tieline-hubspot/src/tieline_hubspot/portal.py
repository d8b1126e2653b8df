"""What an account calls things: owners and deal stages, fetched once when the first value needs them.

Canonical owners are e-mail addresses and canonical stages are labels, because ids differ from account to account.
An id or label that the account does not know is an error of that value, never a default.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from tieline import NotAuthorised
from tieline_hubspot.wire import Wire

T = TypeVar("T")
_OWNERS_PAGE = 100
_MAX_PAGES = 200


class Ambiguous(ValueError):
    """A stage label stands in several pipelines and nothing says which is meant."""


class _Owners(NamedTuple):
    emails: Mapping[str, str]
    ids: Mapping[str, str]
    """Lower-case e-mail → id, active owners only: a record cannot be given to one who left."""


class Stages(NamedTuple):
    """The deal pipelines. `stages` is stage id → (pipeline id, label); ids are unique in the account."""

    pipelines: Mapping[str, str]
    stages: Mapping[str, tuple[str, str]]
    default: str


class Portal:
    """One account's tables. Threads may ask at once; each table is fetched once, also when it is refused."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._lock = threading.Lock()
        self._kept: dict[str, Any] = {}

    def _once(self, name: str, fetch: Callable[[], T]) -> T:
        kept: T | ValueError | None = self._kept.get(name)
        if kept is None:
            with self._lock:
                kept = self._kept.get(name)
                if kept is None:
                    try:
                        kept = fetch()
                    except NotAuthorised as error:  # a missing scope is a problem of these fields, not of the stream
                        kept = ValueError(str(error))
                    self._kept[name] = kept
        if isinstance(kept, ValueError):
            raise kept
        return kept

    # -- owners

    def _fetch_owners(self, archived: bool) -> _Owners:
        emails: dict[str, str] = {}
        ids: dict[str, str] = {}
        after: str | None = None
        for _ in range(_MAX_PAGES):
            params = {"limit": _OWNERS_PAGE, "archived": str(archived).lower()}
            answer = self._wire.get(self._wire.crm("owners"), {**params, "after": after} if after else params)
            for owner in answer.items:
                email = str(owner.get("email") or "").strip().lower()
                if email:
                    emails[str(owner["id"])] = email
                    ids.setdefault(email, str(owner["id"]))
            after = answer.after
            if after is None:
                break
        return _Owners(emails, ids)

    def owners(self) -> _Owners:
        """The active owners. Raises ValueError where they may not be read."""
        return self._once("owners", lambda: self._fetch_owners(archived=False))

    def owner_email(self, value: str) -> str:
        """The e-mail address of an owner id, also of one who left. Raises ValueError for an unknown id."""
        email = self.owners().emails.get(value)
        if email is None:
            email = self._once("left", lambda: self._fetch_owners(archived=True)).emails.get(value)
        if email is None:
            raise ValueError(f"HubSpot's owner {value!r} has no e-mail address in the account's owners")
        return email

    def owner_id(self, value: str) -> str:
        """The id of an active owner by e-mail; an id is taken as it is. Raises ValueError when there is none."""
        owners = self.owners()
        if value in owners.emails:
            return value
        found = owners.ids.get(value.strip().lower())
        if found is None:
            raise ValueError(f"no active owner in HubSpot has the e-mail address {value!r}")
        return found

    # -- deal stages

    def _fetch_stages(self) -> Stages:
        answer = self._wire.get(self._wire.crm("pipelines", "deals"))
        alive = [p for p in answer.items if not p.get("archived")]
        alive.sort(key=lambda p: p.get("displayOrder") or 0)
        stages = {str(s["id"]): (str(p["id"]), str(s["label"])) for p in alive for s in p.get("stages") or ()}
        return Stages({str(p["id"]): str(p["label"]) for p in alive}, stages, str(alive[0]["id"]) if alive else "")

    def stages(self) -> Stages:
        """The deal pipelines and their stages. Raises ValueError where they may not be read."""
        return self._once("stages", self._fetch_stages)

    def stage_label(self, value: str) -> str:
        """The label of a stage id. Raises ValueError for an unknown id."""
        found = self.stages().stages.get(value)
        if found is None:
            raise ValueError(f"{value!r} is no stage of the account's deal pipelines")
        return found[1]

    def pipeline_label(self, value: str) -> str:
        """The label of a pipeline id. Raises ValueError for an unknown id."""
        found = self.stages().pipelines.get(value)
        if found is None:
            raise ValueError(f"{value!r} is no deal pipeline of the account")
        return found

    def pipeline_id(self, value: str) -> str:
        """The id of a pipeline by label; an id is taken as it is. Raises ValueError when there is none."""
        pipelines = self.stages().pipelines
        if value in pipelines:
            return value
        for key, label in pipelines.items():
            if label == value:
                return key
        raise ValueError(f"the account has no deal pipeline {value!r}; it has {_listed(pipelines.values())}")

    def stage_id(self, value: str, pipeline: str | None) -> str:
        """The id of a stage by label, in this pipeline if given; an id is taken as it is.

        Raises ValueError when there is none and Ambiguous when several pipelines have it and none is given.
        """
        stages = self.stages().stages
        if value in stages:
            return value
        found = [key for key, (home, label) in stages.items() if label == value and pipeline in (None, home)]
        if not found:
            labels = dict.fromkeys(label for home, label in stages.values() if pipeline in (None, home))
            raise ValueError(f"the account has no deal stage {value!r}; it has {_listed(labels)}")
        if len(found) > 1:
            raise Ambiguous(f"the deal stage {value!r} stands in several pipelines; map the pipeline as well")
        return found[0]


def _listed(names: Any) -> str:
    return ", ".join(repr(n) for n in names) or "none"
