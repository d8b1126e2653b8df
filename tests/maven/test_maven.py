"""Maven's practice data through `examples/maven/tieline.toml` into both stand-ins, counted by the vendors' own SDKs."""

from __future__ import annotations

import csv
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.process.company import crm_sdk, marketing_sdk
from tests.process.harness import Done, Sandboxes, command, environ

pytest.importorskip("hubspot", reason="hubspot-api-client is not installed")
pytest.importorskip("simple_salesforce", reason="simple-salesforce is not installed")
pytest.importorskip("trustme", reason="trustme is not installed")

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "maven" / "tieline.toml"
PORTS = {"http://127.0.0.1:8401": "crm", "http://127.0.0.1:8402": "marketing"}
"""The addresses the example expects; the test's stand-ins take any free port, and TLS."""
STAGE = {"Prospecting": "Prospecting", "Engaging": "Qualification", "Won": "Closed Won", "Lost": "Closed Lost"}
DEALSTAGE = {
    "Prospecting": "appointmentscheduled",
    "Engaging": "qualifiedtobuy",
    "Won": "closedwon",
    "Lost": "closedlost",
}


def data() -> Path | None:
    """Where Maven's files are: in `maven-crm` of the folder TIELINE_DATA, or beside the repository."""
    given = os.environ.get("TIELINE_DATA")
    for folder in (Path(given) if given else None, ROOT.parent / "shared" / "data"):
        if folder is not None and (folder / "maven-crm" / "sales_pipeline.csv").is_file():
            return folder / "maven-crm"
    return None


pytestmark = pytest.mark.skipif(data() is None, reason="TIELINE_DATA names no folder with maven-crm in it")


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Check, two syncs, and what the SDKs find then."""
    import subprocess

    folder = tmp_path_factory.mktemp("maven")
    sandboxes = Sandboxes(folder / "sandbox")
    try:
        shutil.copy(sandboxes.ca, folder / "ca.pem")
        text = EXAMPLE.read_text(encoding="utf-8")
        for address, system in PORTS.items():
            assert text.count(f'"{address}"') == 1, "the example names other addresses"
            text = text.replace(f'"{address}"', f'"{sandboxes.url[system]}"\nca = "ca.pem"')
        (folder / "tieline.toml").write_text(text, encoding="utf-8")
        tokens = {f"{system.upper()}_TOKEN": token for system, token in sandboxes.token.items()}
        env = environ(MAVEN_DATA=str(data()), **tokens)

        def tieline(*arguments: str) -> Done:
            done = subprocess.run(command(*arguments), cwd=folder, env=env, capture_output=True, text=True, timeout=280)
            return Done(done.returncode, done.stdout, done.stderr)

        check = tieline("check")
        first = tieline("sync", "--yes", "--json")
        writes = sandboxes.writes()
        second = tieline("sync", "--json")
        explained = tieline("explain", "opportunity", "files:1C1I7A6R", "stage", "--json")
        sf = crm_sdk(sandboxes)
        accounts = "SELECT Id, Name, Industry, AnnualRevenue, NumberOfEmployees, ParentId FROM Account"
        deals = "SELECT Name, StageName, Amount, CloseDate, AccountId FROM Opportunity"
        crm = SimpleNamespace(accounts=sf.query_all(accounts)["records"], deals=sf.query_all(deals)["records"])
        sf.session.close()
        hub = marketing_sdk(sandboxes).crm
        marketing = SimpleNamespace(
            accounts=hub.companies.get_all(properties=["name", "industry", "annualrevenue", "numberofemployees"]),
            deals=hub.deals.get_all(
                properties=["dealname", "dealstage", "amount", "closedate"], associations=["companies"]
            ),
        )
        yield SimpleNamespace(
            check=check, first=first, second=second, explained=explained, crm=crm, marketing=marketing,
            later=sandboxes.writes() - writes,
        )  # fmt: skip
    finally:
        sandboxes.stop()


@pytest.fixture(scope="module")
def rows() -> Any:
    """The files as a reader that knows nothing of Tieline sees them."""
    found: dict[str, list[dict[str, str]]] = {}
    for name in ("accounts", "sales_pipeline"):
        with ((data() or Path()) / f"{name}.csv").open(newline="", encoding="utf-8-sig") as lines:
            found[name] = list(csv.DictReader(lines))
    return SimpleNamespace(accounts=found["accounts"], deals=found["sales_pipeline"])


def test_the_configuration_is_ready_as_it_is(story: Any) -> None:
    assert story.check.code == 0, story.check.out + story.check.err
    assert "Ready." in story.check.out


def test_every_row_is_accounted_for(story: Any, rows: Any) -> None:
    assert story.first.code == 0, story.first.err
    found = story.first.json["records"]["files"]
    for kind, pulled in (("account", len(rows.accounts)), ("opportunity", len(rows.deals))):
        ends = dict(found[kind])
        assert ends.pop("pulled") == pulled
        assert sum(ends.values()) == pulled
        assert ends == {**dict.fromkeys(ends, 0), "applied": pulled}
    assert (story.first.json["converged"], story.first.json["reviews"], story.first.json["notes"]) == (True, 0, [])


def test_a_second_run_writes_nothing(story: Any) -> None:
    assert story.second.code == 0, story.second.err
    assert (story.second.json["writes"], story.second.json["orders"], story.later) == (0, {}, 0)
    assert story.second.json["converged"] is True


def test_both_vendors_hold_each_account_once_with_its_parent(story: Any, rows: Any) -> None:
    names = Counter(r["account"] for r in rows.accounts)
    assert Counter(r["Name"] for r in story.crm.accounts) == names
    assert Counter(r.properties["name"] for r in story.marketing.accounts) == names
    by_id = {r["Id"]: r["Name"] for r in story.crm.accounts}
    parents = {r["Name"]: by_id.get(r["ParentId"], "") for r in story.crm.accounts}
    assert parents == {r["account"]: r["subsidiary_of"] for r in rows.accounts}


def test_an_accounts_dirt_is_mended_by_the_mapping(story: Any, rows: Any) -> None:
    dirty = next(r for r in rows.accounts if r["sector"] == "technolgy")
    crm = next(r for r in story.crm.accounts if r["Name"] == dirty["account"])
    marketing = next(r for r in story.marketing.accounts if r.properties["name"] == dirty["account"])
    assert crm["Industry"] == "Technology"
    assert marketing.properties["industry"] == "INFORMATION_TECHNOLOGY_AND_SERVICES"
    millions = float(dirty["revenue"]) * 1_000_000
    assert crm["AnnualRevenue"] == pytest.approx(millions)
    assert float(marketing.properties["annualrevenue"]) == pytest.approx(millions)
    assert crm["NumberOfEmployees"] == int(dirty["employees"])


def test_both_vendors_hold_each_deal_once_at_its_stage_and_amount(story: Any, rows: Any) -> None:
    wanted = {f"{r['opportunity_id']} {r['product']}": r for r in rows.deals}
    assert len(wanted) == len(rows.deals)
    crm = {r["Name"]: r for r in story.crm.deals}
    marketing = {r.properties["dealname"]: r.properties for r in story.marketing.deals}
    assert len(story.crm.deals) == len(crm) == len(story.marketing.deals) == len(marketing) == len(wanted)
    assert crm.keys() == marketing.keys() == wanted.keys()
    for name, row in wanted.items():
        assert crm[name]["StageName"] == STAGE[row["deal_stage"]]
        assert marketing[name]["dealstage"] == DEALSTAGE[row["deal_stage"]]
        assert _number(crm[name]["Amount"]) == _number(marketing[name]["amount"]) == _number(row["close_value"]), name


def test_a_close_date_is_the_same_day_everywhere_and_a_default_stays_where_it_is_needed(story: Any, rows: Any) -> None:
    crm = {r["Name"]: r["CloseDate"] for r in story.crm.deals}
    marketing = {r.properties["dealname"]: r.properties["closedate"] for r in story.marketing.deals}
    for row in rows.deals:
        name = f"{row['opportunity_id']} {row['product']}"
        if row["close_date"]:
            assert crm[name] == row["close_date"]
            assert marketing[name] is not None
        else:
            assert crm[name] == "2017-12-31", "Salesforce requires one"
            assert not marketing[name], "the default is not carried further"


def test_deals_hang_on_their_accounts(story: Any, rows: Any) -> None:
    with_account = sum(bool(r["account"]) for r in rows.deals)
    assert sum(bool(r["AccountId"]) for r in story.crm.deals) == with_account
    assert sum(bool(r.associations) for r in story.marketing.deals) == with_account
    by_id = {r["Id"]: r["Name"] for r in story.crm.accounts}
    held = {r["Name"]: by_id.get(r["AccountId"], "") for r in story.crm.deals}
    assert held == {f"{r['opportunity_id']} {r['product']}": r["account"] for r in rows.deals}


def test_a_deals_stage_is_explained_back_to_the_file(story: Any) -> None:
    assert story.explained.code == 0, story.explained.err
    assert "files" in story.explained.out
    assert story.explained.json


def _number(text: Any) -> float | None:
    return None if text in (None, "") else float(text)
