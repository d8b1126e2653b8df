"""A person whose tool is gspread, or Google's own client, sees the names that Tieline shows and picks one; Tieline sees
the same. Over real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tieline import Write
from tieline.connector import Context
from tieline.http import Client, HttpTransport
from tieline.mapping import compile_rules
from tieline.testing import FakeClock
from tieline.testing.contract_http import Bearer
from tieline_google.mapping import KINDS, TABLES
from tieline_google.sheets.make import new_sheet
from tieline_google.spec import SPEC

pytest.importorskip("googleapiclient", reason="google-api-python-client is not installed")
pytest.importorskip("gspread", reason="gspread is not installed")

HUB = "018bcfe5-6800-7000-8000-0000000000{:02}"
STREAM = "opportunities"


@pytest.fixture
def bench(discovery: Any, witness_module: Callable[[str], Any]) -> Iterator[Any]:
    """The stand-in on a socket, every call of it held against Google's descriptions."""
    found = witness_module("google/sheets_bench").Bench(discovery)
    yield found
    found.close()


def connected(bench: Any, spreadsheet: str | None) -> Any:
    """The connector, over the socket."""
    clock = FakeClock()
    transport = HttpTransport()
    bench.opened(transport)
    http = Client(bench.server.base_url, SPEC.http, Bearer(bench.sandbox.token), transport, clock)  # type: ignore[arg-type]
    mappers = {s: compile_rules(KINDS[s], TABLES[s]) for s in TABLES}  # type: ignore[arg-type]
    settings = SPEC.settings.model_validate({"spreadsheet": spreadsheet})
    return SPEC.connect(Context("sheet", settings, mappers, http, clock, Path()))


def test_gspread_and_googles_client_see_the_names_and_pick_one(bench: Any) -> None:
    told = [*new_sheet(connected(bench, None), {"title": "Pipeline"})]
    id = told[-1].remedy.split('"')[1]
    connector = connected(bench, id)
    for n, name in enumerate(("Acme", "=Beta()"), 1):
        assert connector.write("accounts", [Write("create", HUB.format(n), {"name": name})])[0].status == "ok"
    writes = [Write("create", HUB.format(10 + n), {"name": f"Deal {n}", "account": HUB.format(1)}) for n in range(3)]
    assert {o.status for o in connector.write(STREAM, writes)} == {"ok"}

    sheet = bench.gspread().open_by_key(id).worksheet("Opportunities")
    records = sheet.get_all_records()
    assert [r["Account"] for r in records] == ["Acme"] * 3
    assert {r["Account ID"] for r in records} == {HUB.format(1) + " | Acme"}
    column = sheet.find("Account").col
    sheet.update_cell(2, column, "acme ")
    sheet.update([["=Beta()"]], sheet.cell(3, column).address, raw=True)
    sheet.update_cell(4, column, "")
    found = {r.fields["name"]: r for r in connector.list(STREAM, None).remotes}
    assert [found[f"Deal {n}"].fields["account"] for n in range(3)] == [HUB.format(1), HUB.format(2), None]

    stages = [Write("update", HUB.format(10 + n), {"stage": "Won"}, HUB.format(10 + n)) for n in range(3)]
    assert {o.status for o in connector.write(STREAM, stages)} == {"ok"}
    shown = [(r["Account"], r["Account ID"]) for r in sheet.get_all_records(value_render_option="FORMULA")]
    assert shown == [("Acme", HUB.format(1) + " | Acme"), ("=Beta()", HUB.format(2) + " | =Beta()"), ("", "")]

    fields = "sheets(properties.title,data.rowData.values(userEnteredValue,dataValidation))"
    got = bench.client().get(spreadsheetId=id, ranges=["Opportunities!2:2"], fields=fields).execute()
    cell = got["sheets"][0]["data"][0]["rowData"][0]["values"][column - 1]
    assert cell["userEnteredValue"] == {"stringValue": "Acme"}
    condition = cell["dataValidation"]["condition"]
    assert condition == {"type": "ONE_OF_RANGE", "values": [{"userEnteredValue": "='Accounts'!$B$2:$B"}]}
    assert not cell["dataValidation"].get("strict")
    connector.close()
