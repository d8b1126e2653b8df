"""The org's schema as describe answers it: key sets and flags as recorded, by API version. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tieline_salesforce.sandbox_schema import FieldDef, ObjectDef, Schema

OLDEST_FULL = 48
"""From this version on a field entry also says aiPredictionField and formulaTreatNullNumberAsZero [rec: v42, v48]."""
WITH_ASSOCIATES = 50
"""From about this version on an object says which entity it is associated with [rec: v48 without, v52 with]."""
MAX_BATCH = 200
_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "address": "urn:address",
}
_UNGROUPED = ("double", "currency", "percent", "datetime", "address")
_NEVER: Mapping[str, Any] = {
    **dict.fromkeys(("aiPredictionField", "autoNumber", "calculated", "cascadeDelete", "dependentPicklist"), False),
    **dict.fromkeys(("deprecatedAndHidden", "displayLocationInDecimal", "encrypted", "highScaleNumber"), False),
    **dict.fromkeys(("formulaTreatNullNumberAsZero", "htmlFormatted", "restrictedDelete"), False),
    **dict.fromkeys(("writeRequiresMasterRead",), False),
    **dict.fromkeys(("calculatedFormula", "controllerName", "defaultValueFormula", "filteredLookupInfo"), None),
    **dict.fromkeys(("inlineHelpText", "mask", "maskType", "referenceTargetField", "relationshipOrder"), None),
}
"""What no field of this org makes use of."""
_PERSON_PARTS = ("LastName", "FirstName", "Salutation")
_BYTES_PER_CHARACTER = 3


def field_entry(definition: ObjectDef, of: FieldDef, version: int) -> dict[str, Any]:
    """One element of a describe's `fields`."""
    text = of.type not in ("id", "reference") and of.size > 0
    several = len(of.refers_to) > 1
    entry: dict[str, Any] = {
        **_NEVER,
        **_shape(of),
        "byteLength": of.size * (_BYTES_PER_CHARACTER if text else 1),
        "caseSensitive": of.case_sensitive,
        "compoundFieldName": of.compound,
        "createable": of.createable,
        "custom": of.custom,
        "defaultValue": False if of.type == "boolean" else of.default,
        "defaultedOnCreate": "d" in of.rights,
        "digits": of.digits,
        "externalId": of.external,
        "extraTypeInfo": _extra(definition, of),
        "idLookup": of.lookup,
        "label": of.label,
        "length": of.size,
        "name": of.name,
        "nameField": "N" in of.rights,
        "namePointing": several,
        "nillable": of.nillable,
        "permissionable": of.nillable and of.type != "id",
        "picklistValues": [_choice(v, of.default) for v in of.values],
        "polymorphicForeignKey": several,
        "precision": of.precision,
        "referenceTo": list(of.refers_to),
        "relationshipName": of.relation,
        "restrictedPicklist": of.restricted,
        "scale": of.scale,
        "type": of.type,
        "unique": of.unique,
        "updateable": of.updateable,
    }
    if version < OLDEST_FULL:
        del entry["aiPredictionField"], entry["formulaTreatNullNumberAsZero"]
    return dict(sorted(entry.items()))


def _shape(of: FieldDef) -> dict[str, Any]:
    """What follows from the type alone."""
    return {
        "aggregatable": of.type not in ("boolean", "address") and of.filterable,
        "filterable": of.filterable,
        "groupable": of.type not in _UNGROUPED and (of.filterable or of.type == "boolean"),
        "queryByDistance": of.type == "address",
        "searchPrefilterable": of.type == "reference" and of.createable and of.nillable,
        "soapType": _SOAP.get(of.type, "xsd:string"),
        "sortable": of.type != "address" and of.filterable,
    }


def _extra(definition: ObjectDef, of: FieldDef) -> str | None:
    if of.type == "textarea":
        return "plaintextarea"
    if of.name.endswith("PhotoUrl"):
        return "imageurl"
    if definition.find("LastName") and (of.name in _PERSON_PARTS or of.name == "Name"):
        return "personname"
    return "switchablepersonname" if definition.name == "Account" and of.name == "Name" else None


def _choice(value: str, default: str | None) -> dict[str, Any]:
    code, _, label = value.partition("=")
    return {
        "active": True,
        "defaultValue": code == default,
        "label": label or code,
        "validFor": None,
        "value": code,
    }


def object_entry(definition: ObjectDef, version: int) -> dict[str, Any]:
    """One element of the global describe's `sobjects`."""
    can = definition.can
    entry: dict[str, Any] = {
        "activateable": False,
        "associateEntityType": None,
        "associateParentEntity": None,
        "createable": "c" in can,
        "custom": False,
        "customSetting": False,
        "deepCloneable": False,
        "deletable": "d" in can,
        "deprecatedAndHidden": False,
        "feedEnabled": "f" in can,
        "hasSubtypes": False,
        "isInterface": False,
        "isSubtype": False,
        "keyPrefix": definition.prefix,
        "label": definition.label,
        "labelPlural": definition.plural,
        "layoutable": "l" in can,
        "mergeable": "m" in can,
        "mruEnabled": "e" in can,
        "name": definition.name,
        "queryable": True,
        "replicateable": True,
        "retrieveable": True,
        "searchable": "s" in can,
        "triggerable": "t" in can,
        "undeletable": "U" in can,
        "updateable": "u" in can,
        "urls": _urls(definition, version),
    }
    for key, since in (
        ("associateEntityType", WITH_ASSOCIATES),
        ("associateParentEntity", WITH_ASSOCIATES),
        ("deepCloneable", OLDEST_FULL),
        ("isInterface", OLDEST_FULL),
    ):
        if version < since:
            del entry[key]
    return entry


def _urls(definition: ObjectDef, version: int) -> dict[str, str]:
    base = f"/services/data/v{version}.0/sobjects/{definition.name}"
    urls = {"rowTemplate": base + "/{ID}", "describe": base + "/describe", "sobject": base}
    if "l" in definition.can:
        urls |= {"compactLayouts": base + "/describe/compactLayouts", "layouts": base + "/describe/layouts"}
    if "e" in definition.can and definition.name != "User":
        urls |= {"approvalLayouts": base + "/describe/approvalLayouts", "listviews": base + "/listviews"}
    if "e" in definition.can or definition.name == "OpportunityContactRole":
        urls["quickActions"] = base + "/quickActions"
    return urls


def describe(schema: Schema, definition: ObjectDef, version: int) -> dict[str, Any]:
    """The whole answer to `/sobjects/{O}/describe`."""
    body = object_entry(definition, version)
    ui = {"uiDetailTemplate": "/{ID}", "uiEditTemplate": "/{ID}/e", "uiNewRecord": f"/{definition.prefix}/e"}
    body["urls"] = body["urls"] | {name: f"https://sandbox.my.salesforce.com{path}" for name, path in ui.items()}
    body |= {
        "actionOverrides": [],
        "childRelationships": [_relation(*found) for found in schema.children(definition.name)],
        "compactLayoutable": "l" in definition.can,
        "fields": [field_entry(definition, f, version) for f in definition.fields.values()],
        "listviewable": None,
        "lookupLayoutable": None,
        "namedLayoutInfos": [],
        "networkScopeFieldName": None,
        "recordTypeInfos": [_master(definition, version)] if "e" in definition.can else [],
        "searchLayoutable": "s" in definition.can,
        "sobjectDescribeOption": "FULL",
        "supportedScopes": [{"label": f"All {definition.plural.lower()}", "name": "everything"}],
    }
    if version >= OLDEST_FULL:
        later = ("defaultImplementation", "extendedBy", "extendsInterfaces", "implementedBy", "implementsInterfaces")
        body |= dict.fromkeys(later)
    return dict(sorted(body.items()))


def _relation(child: ObjectDef, of: FieldDef, name: str | None, cascade: bool) -> dict[str, Any]:
    return {
        "cascadeDelete": cascade,
        "childSObject": child.name,
        "deprecatedAndHidden": False,
        "field": of.name,
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": name,
        "restrictedDelete": False,
    }


def _master(definition: ObjectDef, version: int) -> dict[str, Any]:
    master = "012000000000000AAA"
    entry: dict[str, Any] = {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": True,
        "developerName": "Master",
        "master": True,
        "name": "Master",
        "recordTypeId": master,
        "urls": {"layout": f"/services/data/v{version}.0/sobjects/{definition.name}/describe/layouts/{master}"},
    }
    if version < OLDEST_FULL:
        del entry["developerName"]
    return entry


def global_describe(schema: Schema, version: int) -> dict[str, Any]:
    """The whole answer to `/sobjects`."""
    entries = [object_entry(o, version) for o in schema.objects.values()]
    return {"encoding": "UTF-8", "maxBatchSize": MAX_BATCH, "sobjects": entries}
