"""What the stand-in refuses, and how that looks on the wire: as an answer of its own, or as one item of many."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tieline.sandbox import Response

JSON_TYPE = "application/json;charset=UTF-8"


class ApiError(Exception):
    """A refusal. `fields` None: the vendor leaves the key out (refusals of a request, not of a record's values)."""

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields

    def entry(self) -> dict[str, Any]:
        """One element of an error answer's list."""
        body: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            body["fields"] = list(self.fields)
        return body

    def item(self) -> dict[str, Any]:
        """One result of a collection: there the code is called statusCode, and `fields` is always present."""
        error = {"statusCode": self.code, "message": self.message, "fields": list(self.fields or ())}
        return {"success": False, "errors": [error]}


class ManyMatch(Exception):
    """An external id that several records carry. `urls` are theirs; the answer is a 300 that lists them."""

    def __init__(self, urls: Sequence[str]) -> None:
        super().__init__(f"{len(urls)} records match")
        self.urls = list(urls)


def answer(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; without a body when there is none to give."""
    content = b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status, {"content-type": JSON_TYPE, **(headers or {})}, content)


def not_found() -> ApiError:
    """An id, object or path that does not exist."""
    return ApiError(404, "NOT_FOUND", "The requested resource does not exist")


def is_deleted() -> ApiError:
    """A write to a record in the recycle bin."""
    return ApiError(404, "ENTITY_IS_DELETED", "entity is deleted", ())


def no_column(field: str, object_name: str) -> ApiError:
    """A value for a field that the object does not have, or that the user may not see."""
    return ApiError(400, "INVALID_FIELD", f"No such column '{field}' on sobject of type {object_name}")


def malformed_id(value: object) -> ApiError:
    """An id that cannot be one."""
    return ApiError(400, "MALFORMED_ID", f"malformed id {value}", ())


def bad_json(message: str) -> ApiError:
    """A body, or a value in it, that cannot be read as what the field holds."""
    return ApiError(400, "JSON_PARSER_ERROR", message)
