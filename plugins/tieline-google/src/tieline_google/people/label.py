"""The label (contact group) whose members take part: found by its name once, made with the first write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline import ConfigError, ContractViolation
from tieline_google.people.mapping import MEMBERSHIPS
from tieline_google.wire import Refused, Wire

GROUPS = "/v1/contactGroups"
MINE = "contactGroups/myContacts"
"""The group of all contacts that people see in their list."""
_FIELDS = "groupType,memberCount,name"
_MANY = 1000
_MOST_PAGES = 100


class Label:
    """Who is in scope. Safe to share between threads: the same answer is found twice at worst."""

    def __init__(self, wire: Wire, name: str | None) -> None:
        self._wire = wire
        self.name = (name or "").strip()
        self._held: str | None = None
        self._missed = False

    @property
    def everybody(self) -> bool:
        """Whether all contacts take part."""
        return not self.name

    def held(self, *, again: bool = False) -> str | None:
        """The label's resource name; None where there is no such label, or everybody takes part. `again`: look anew
        for one that was not there."""
        if self._held is None and not self.everybody and (again or not self._missed):
            found = self.found()
            self._held = None if found is None else str(found["resourceName"])
            self._missed = found is None
        return self._held

    def found(self) -> Mapping[str, Any] | None:
        """The label as Google words it; one that people made goes before Google's own of the same name."""
        token, named = "", []
        for _ in range(_MOST_PAGES):
            params: dict[str, Any] = {"pageSize": _MANY, "groupFields": _FIELDS}
            answer = self._wire.get(GROUPS, params | ({"pageToken": token} if token else {}))
            groups = answer.data.get("contactGroups") or ()
            if not isinstance(groups, list | tuple):
                raise ContractViolation("Google answered without a list of labels")
            named += [g for g in groups if self._is(g)]
            token = str(answer.data.get("nextPageToken") or "")
            if not token:
                return min(named, key=lambda g: g.get("groupType") != "USER_CONTACT_GROUP", default=None)
        raise ContractViolation("Google's list of labels does not end")

    def _is(self, group: Any) -> bool:
        named = isinstance(group, Mapping) and str(group.get("name", "")).strip() == self.name
        return bool(named and group.get("resourceName"))

    def made(self) -> str | None:
        """The label's resource name, after making it where it was missing. The caller does one write at a time."""
        if self.everybody or self.held(again=True) is not None:
            return self._held
        body = {"contactGroup": {"name": self.name}, "readGroupFields": "groupType,name"}
        try:
            self._held = str(self._wire.write("POST", GROUPS, body).data["resourceName"])
        except Refused as error:  # 409: somebody was faster [spec]
            if error.status != 409 or self.held(again=True) is None:
                raise
        except KeyError:
            raise ContractViolation("Google made a label and does not say which") from None
        return self._held

    def must(self) -> str | None:
        """The label's resource name where records of it are known. Raises ConfigError when it is not there any more:
        nobody was deleted by that."""
        if self.everybody:
            return None
        if self.held(again=True) is None:
            said = f"Google Contacts has no label {self.name!r} any more: it was deleted, or has another name now"
            raise ConfigError(
                f"{said}; make it again and put its contacts into it, or set contact_group to its new name",
                hint="tieline check",
            )
        return self._held

    def still(self) -> None:
        """Raises ConfigError when the label that was found earlier is not there any more, or another one is."""
        if self.everybody:
            return
        before, self._held = self._held, None
        if self.must() != before and before is not None:
            raise self.replaced()

    def replaced(self, outside: int = 0) -> ConfigError:
        """Another label has the name now: who was in the one before was not taken out one by one. `outside`: how many
        of those are not in the new one, as far as that can be told."""
        said = f"the label {self.name!r} of Google Contacts was deleted and made again: nobody was deleted by that"
        missing = "nobody can tell who took part"
        if outside:
            missing = f"{outside} contact{' that took part is' if outside == 1 else 's that took part are'} not in it"
        return ConfigError(
            f"{said}; {missing}. Put back whoever is to take part. If some are to stay out, give the label another "
            "name and set contact_group to that: whoever is not in it counts as deleted then",
            hint="tieline check",
        )

    def has(self, person: Mapping[str, Any], label: str | None) -> bool:
        """Whether a person takes part; `label` is what `held` said. Raises what a malformed person raises."""
        if self.everybody:
            return True
        for membership in person.get(MEMBERSHIPS) or ():
            group = membership.get("contactGroupMembership") or {}
            if label is not None and group.get("contactGroupResourceName") == label:
                return True
        return False

    def memberships(self, label: str | None) -> list[dict[str, Any]]:
        """What a new contact is a member of; nothing: Google puts it among all contacts."""
        if label is None:
            return []
        names = dict.fromkeys((MINE, label))
        return [{"contactGroupMembership": {"contactGroupResourceName": name}} for name in names]
