"""The label (contact group) whose members take part: found by its name once, made with the first write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tieline import ConfigError, ContractViolation
from tieline_google.people.mapping import MEMBERSHIPS
from tieline_google.wire import Refused, Wire

GROUPS = "/v1/contactGroups"
MINE = "contactGroups/myContacts"
"""The group of all contacts that people see in their list."""
EVERYBODY = "*"
"""What a token says in place of a label where all contacts take part."""
_FIELDS = "groupType,memberCount,name"
_MANY = 1000
_MOST_PAGES = 100
_NAMED = 3
"""Contacts that a message names."""


class Label:
    """Who is in scope. Safe to share between threads: the same answer is found twice at worst."""

    def __init__(self, wire: Wire, name: str | None) -> None:
        self._wire = wire
        self.name = (name or "").strip()
        self._held: str | None = None
        self._missed = False
        self._names: dict[str, str] = {}
        """Resource name → name, of all labels that there were at the last look."""

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
        names: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            params: dict[str, Any] = {"pageSize": _MANY, "groupFields": _FIELDS}
            answer = self._wire.get(GROUPS, params | ({"pageToken": token} if token else {}))
            groups = answer.data.get("contactGroups") or ()
            if not isinstance(groups, list | tuple):
                raise ContractViolation("Google answered without a list of labels")
            names |= {str(g.get("resourceName")): str(g.get("name")) for g in groups if isinstance(g, Mapping)}
            named += [g for g in groups if self._is(g)]
            token = str(answer.data.get("nextPageToken") or "")
            if not token:
                self._names = names
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
            raise self.replaced(before)

    def stands(self, label: str) -> bool:
        """Whether this label was there at the last look, or it means everybody."""
        return label == EVERYBODY or label in self._names

    def replaced(self, before: str, outside: Sequence[str] = ()) -> ConfigError:
        """Another label is meant than before: who was in that one was not taken out one by one. `outside`: who of those
        is not in the new one, as far as that can be told."""
        way = f"put everybody who took part into {self.name!r}"
        if not self.stands(before):
            said = f"the label whose contacts took part was deleted; {self.name!r} is another one, even if it was made "
            said += "again under the same name"
        elif before == EVERYBODY:
            said = f"contact_group is {self.name!r} now, and all contacts took part before"
            way += ', or set it to "" again'
        else:
            said = f"contact_group is {self.name!r} now, and was the label {self._names[before]!r} before"
            way += f", or set it to {self._names[before]!r} again"
        missing = "nobody can tell who took part"
        if outside:
            who = ", ".join([*outside[:_NAMED], *(["…"] if len(outside) > _NAMED else [])])
            missing = f"{len(outside)} contact{' that took part is' if len(outside) == 1 else 's that took part are'}"
            missing += f" not in it ({who})"
        else:
            way += ", or, where Tieline writes nothing to Google, give the system another name"
        return ConfigError(
            f"{said}: nobody was deleted by that; {missing}. Now {way}, and see what tieline plan says. If some are to "
            "stay out, sync first and then take them out: they count as deleted then",
            hint="tieline plan",
        )

    def has(self, person: Mapping[str, Any], label: str | None) -> bool:
        """Whether a person takes part; `label` is what `held` said. Raises what a malformed person raises."""
        if self.everybody or label == EVERYBODY:
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
