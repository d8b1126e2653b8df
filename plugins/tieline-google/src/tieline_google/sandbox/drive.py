"""The Drive API: files and their metadata."""

from __future__ import annotations

from tieline_google.sandbox.call import Call
from tieline_google.sandbox.oauth import need
from tieline_google.sandbox.wire import Answer, Row, iso, nowhere, refuse_older


def answer(call: Call) -> Answer:
    """Whatever is asked below /drive/v3."""
    parts = call.rest.strip("/").split("/")
    if call.method == "GET" and len(parts) == 2 and parts[0] == "files":
        need(call, "drive", "drive.file", "drive.readonly", "drive.metadata", "drive.metadata.readonly")
        row = call.state.files.rows.get(parts[1])
        if row is None:
            raise refuse_older(404, f"File not found: {parts[1]}.", "notFound")
        return Answer(200, shown(row, call.param("fields")))
    raise nowhere()


def shown(row: Row, fields: str) -> Row:
    """A file's metadata: what `fields` names, or the four that come without it [doc]."""
    everything = {**row, "version": str(row["version"]), "kind": "drive#file"}
    everything |= {"createdTime": iso(row["created"]), "modifiedTime": iso(row["modified"])}
    wanted = fields.split(",") if fields else ("kind", "id", "name", "mimeType")
    return {name: everything[name] for name in wanted if name in everything}
