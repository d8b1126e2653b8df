"""One record's write: reads the values sent, checks rights, required fields, references and uniqueness, and keeps it.

Knows fields in general; what is particular to an object is in sandbox_rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tieline_salesforce import sandbox_rules as rules
from tieline_salesforce.sandbox_errors import (
    ApiError,
    ManyMatch,
    is_deleted,
    malformed_id,
    no_column,
    not_found,
)
from tieline_salesforce.sandbox_ids import full_id
from tieline_salesforce.sandbox_rows import Row, Rows
from tieline_salesforce.sandbox_schema import FieldDef, ObjectDef
from tieline_salesforce.sandbox_values import kept

Values = Mapping[str, Any]
_RIGHTS_ADVICE = (
    "Please check the security settings of this field and verify that it is read/write for your profile "
    "or permission set."
)
_AUDIT = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "IsDeleted")


class Writer:
    """Changes records as the integration user. Every method raises ApiError and then has changed nothing itself."""

    def __init__(self, rows: Rows, user_id: str) -> None:
        self.rows = rows
        self.schema = rows.schema
        self.user_id = user_id

    # -- the four writes

    def create(self, definition: ObjectDef, sent: Values) -> str:
        """A new record; its id."""
        if "c" not in definition.can:
            raise _not_supported(definition, "create")
        row = self._read(definition, sent, "c")
        missing = [f.name for f in definition.fields.values() if f.required and row.get(f.name) is None]
        if missing:
            raise _required(missing)
        self._check(definition, row, None)
        new = self._defaults(definition) | row
        rules.before(self.rows, definition.name, new, None, row)
        new = self._stamped(new, None)
        new["Id"] = self.rows.fresh_id(definition.name)
        self.rows.put(definition.name, new)
        rules.after(self, definition.name, new, None)
        return str(new["Id"])

    def update(self, definition: ObjectDef, record_id: Any, sent: Values) -> str:
        """Change the fields named; the record's full id."""
        old = self.target(definition, record_id)
        if "u" not in definition.can:
            raise _not_supported(definition, "update")
        row = self._read(definition, sent, "u")
        cleared = [
            f.name
            for f in definition.fields.values()
            if f.name in row and row[f.name] is None and not f.nillable and f.type != "boolean"
        ]
        if cleared:
            raise _required(cleared)
        self._check(definition, row, str(old["Id"]))
        new = {**old, **row}
        rules.before(self.rows, definition.name, new, old, row)
        self.rows.put(definition.name, self._stamped(new, old))
        rules.after(self, definition.name, new, old)
        return str(old["Id"])

    def delete(self, definition: ObjectDef, record_id: Any) -> str:
        """Put a record, and what goes with it, into the recycle bin; its full id."""
        old = self.target(definition, record_id)
        if "d" not in definition.can:
            raise _not_supported(definition, "delete")
        self._bin(definition, old, str(old["Id"]))
        return str(old["Id"])

    def upsert(
        self, definition: ObjectDef, key: str, value: Any, sent: Values, update_only: bool = False
    ) -> tuple[str, bool]:
        """Change the one record that carries the key, or make it: its id and whether it is new.

        Raises ManyMatch when several carry it.
        """
        of = definition.find(key)
        if of is None or not of.lookup:
            message = f"Provided external ID field does not exist or is not accessible: {key}"
            raise ApiError(404, "NOT_FOUND", message)
        rest = {k: v for k, v in sent.items() if k.lower() != of.name.lower()}
        if of.type == "id":
            if not value:
                return self.create(definition, rest), True
            return self.update(definition, value, rest), False
        wanted = kept(of, value)
        found = [] if wanted is None else self.rows.having(definition.name, of, wanted)
        if len(found) > 1:
            raise ManyMatch([f"sobjects/{definition.name}/{r['Id']}" for r in found])
        if found:
            return self.update(definition, found[0]["Id"], rest), False
        if update_only:
            raise not_found()
        return self.create(definition, rest | ({of.name: wanted} if wanted is not None else {})), True

    def undelete(self, definition: ObjectDef, record_id: str) -> None:
        """Take a record, and what was deleted with it, out of the recycle bin."""
        row = self.rows.any(definition.name, full_id(record_id))
        if row is None or not row.get("IsDeleted"):
            raise not_found()
        root = row.get("_with") or row["Id"]
        for name in self.schema.objects:
            for other in list(self.rows.all(name, deleted=True)):
                if other.get("IsDeleted") and (other["Id"] == row["Id"] or other.get("_with") == root):
                    self._unbin(self.schema.objects[name], other)

    # -- parts

    def target(self, definition: ObjectDef, record_id: Any) -> Row:
        """The live record an id names. Raises when the id is none, another type's, unknown or deleted."""
        found = full_id(record_id)
        if found is None:
            raise malformed_id(record_id)
        row = self.rows.any(definition.name, found)
        if row is None:
            raise not_found()
        if row.get("IsDeleted"):
            raise is_deleted()
        return row

    def touch(self, definition: ObjectDef, row: Row, changes: Values) -> None:
        """Change kept values past all checks, as the system itself does, with a new stamp."""
        self.rows.put(definition.name, self._stamped({**row, **changes}, row))

    def _read(self, definition: ObjectDef, sent: Values, right: str) -> Row:
        row: Row = {}
        refused: list[str] = []
        for key, value in sent.items():
            if key == "attributes":
                continue
            of = definition.find(key)
            if of is None:
                of, value = self._by_relation(definition, key, value)
            if of.type == "id" and right == "u":
                raise ApiError(400, "INVALID_FIELD", "The Id field should not be specified in the sobject data.")
            if of.type == "id" and not value:
                continue
            if right not in of.rights:
                refused.append(of.name)
                continue
            row[of.name] = kept(of, value)
        if refused:
            message = f"Unable to create/update fields: {', '.join(refused)}. {_RIGHTS_ADVICE}"
            raise ApiError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, refused)
        return row

    def _by_relation(self, definition: ObjectDef, key: str, value: Any) -> tuple[FieldDef, Any]:
        """A reference given as `{"Account": {"External__c": "x"}}`."""
        of = definition.parent(key)
        if of is None or not isinstance(value, Mapping):
            raise no_column(key, definition.name)
        keys = {k: v for k, v in value.items() if k != "attributes"}
        parent = self.schema.find(of.refers_to[-1])
        if parent is None or len(keys) != 1:
            raise no_column(key, definition.name)
        (name, wanted) = next(iter(keys.items()))
        through = parent.find(name)
        if through is None or not through.lookup:
            raise no_column(name, parent.name)
        found = self.rows.having(parent.name, through, wanted)
        if len(found) != 1:
            message = f"Foreign key external ID: {wanted} not found for field {through.name} in entity {parent.name}"
            raise ApiError(400, "INVALID_FIELD", message, ())
        return of, found[0]["Id"]

    def _check(self, definition: ObjectDef, row: Row, own_id: str | None) -> None:
        for name, value in row.items():
            of = definition.fields[name.lower()]
            if value is None:
                continue
            if of.type == "reference":
                self._check_reference(of, value)
            if of.unique:
                twins = [r for r in self.rows.having(definition.name, of, value) if r["Id"] != own_id]
                if twins:
                    message = f"duplicate value found: {of.name} duplicates value on record with id: {twins[0]['Id']}"
                    raise ApiError(400, "DUPLICATE_VALUE", message, ())

    def _check_reference(self, of: FieldDef, value: str) -> None:
        targets = [o for o in (self.schema.find(name) for name in of.refers_to) if o is not None]
        target = next((o for o in targets if value.startswith(o.prefix)), None)
        if targets and target is None:
            message = f"{of.label}: id value of incorrect type: {value}"
            raise ApiError(400, "FIELD_INTEGRITY_EXCEPTION", message, (of.name,))
        found = self.rows.any(target.name, value) if target else None
        if found is None:
            raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", ())
        if found.get("IsDeleted"):
            raise ApiError(400, "ENTITY_IS_DELETED", "entity is deleted", ())

    def _defaults(self, definition: ObjectDef) -> Row:
        values: Row = {f.name: f.default for f in definition.fields.values() if f.default is not None}
        owner = definition.find("OwnerId")
        if owner is not None:
            values["OwnerId"] = self.user_id
        if definition.find("CleanStatus") is not None:
            values["CleanStatus"] = "Pending"
        return values

    def _stamped(self, new: Row, old: Row | None) -> Row:
        moment = self.rows.stamp(old)
        audit: Row = {"SystemModstamp": moment, "LastModifiedDate": moment, "LastModifiedById": self.user_id}
        if old is None:
            audit |= {"CreatedDate": moment, "CreatedById": self.user_id}
        definition = self.schema.by_prefix(str(new["Id"])) if "Id" in new else None
        if definition is not None and definition.find("LastViewedDate") is None:
            return {**new, **audit}
        return {**new, **audit, "LastViewedDate": moment, "LastReferencedDate": moment}

    def _bin(self, definition: ObjectDef, row: Row, root: str) -> None:
        self.touch(definition, row, {"IsDeleted": True, "_with": root, "_binned": self.rows.now()})
        for child, of, _, cascade in self.schema.children(definition.name):
            for other in self.rows.children(child.name, of, str(row["Id"])):
                if cascade:
                    self._bin(child, other, root)
                elif of.nillable:
                    self.touch(child, other, {of.name: None})

    def _unbin(self, definition: ObjectDef, row: Row) -> None:
        uniques = {f.name: row.get(f.name) for f in definition.fields.values() if f.unique}
        self._check(definition, uniques, str(row["Id"]))
        self.touch(definition, row, {"IsDeleted": None, "_with": None, "_binned": None, "MasterRecordId": None})


def _required(names: Sequence[str]) -> ApiError:
    message = f"Required fields are missing: [{', '.join(names)}]"
    return ApiError(400, "REQUIRED_FIELD_MISSING", message, list(names))


def _not_supported(definition: ObjectDef, verb: str) -> ApiError:
    message = f"entity type cannot be {'inserted' if verb == 'create' else verb + 'd'}: {definition.label}"
    return ApiError(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message, ())


def loaded(writer: Writer, definition: ObjectDef, entry: Values, known: Mapping[str, str]) -> Row:
    """A row as a seed names it: any field may be set, audit fields too; what is not said gets its default.

    `known` turns the ids a seed uses into real ones. Raises ValueError when a value does not fit its field.
    """
    row: Row = {}
    for key, value in entry.items():
        of = definition.find(key) or definition.hidden.get(key.lower())
        if of is None:
            raise ValueError(f"{definition.name} has no field {key}")
        if of.type == "reference" and value is not None:
            value = known.get(value, value)
        try:
            row[of.name] = kept(of, value)
        except ApiError as error:
            raise ValueError(f"{definition.name}.{of.name}: {error.message}") from error
    new = {k: v for k, v in writer._defaults(definition).items() if k not in row} | row
    rules.before(writer.rows, definition.name, new, None, row)
    stamped = writer._stamped({k: v for k, v in new.items() if k != "Id"}, None)
    audit = {k: v for k, v in row.items() if k in _AUDIT and v is not None}
    if "CreatedDate" in audit:
        audit = {"LastModifiedDate": audit["CreatedDate"], **audit}
    if "LastModifiedDate" in audit:
        audit = {"SystemModstamp": audit["LastModifiedDate"], **audit}
    return {**stamped, **audit}
