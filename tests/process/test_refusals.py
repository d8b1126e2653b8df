"""Mistakes that a person can mend: told at once, with the command that helps; no system is written to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process import company
from tests.process.harness import Desk, Sandboxes
from tests.process.settings import CONFIG, token_auth


@pytest.fixture(scope="module")
def sandboxes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandboxes]:
    """Stand-ins that nobody may write to after they were filled."""
    made = Sandboxes(tmp_path_factory.mktemp("refusals") / "sandbox")
    company.fill(made)
    writes = made.writes()
    yield made
    assert made.writes() == writes, "somebody was written to"
    made.stop()


@pytest.fixture
def desk(sandboxes: Sandboxes, tmp_path: Path) -> Desk:
    """A desk that trusts the stand-ins."""
    more = {f"{name}_more": f'ca = "{sandboxes.ca}"' for name in ("crm", "marketing")}
    return Desk(tmp_path / "desk", sandboxes.url, sandboxes.token, **more)


@pytest.mark.parametrize("system", ["crm", "marketing"])
def test_a_wrong_token_is_told_with_the_command_that_helps(desk: Desk, system: str) -> None:
    desk.env[f"{system.upper()}_TOKEN"] = "wrong-token"
    run = desk.sync()
    assert (run["code"], run["outcome"], run["writes"]) == (2, "failed", 0), run
    assert any(n.startswith(f"{system}: refuses the credential (401)") for n in run["notes"]), run["notes"]
    plain = desk.run("sync", "--yes")
    assert "Next: tieline auth status" in plain.out + plain.err
    assert "wrong-token" not in plain.out + plain.err
    check = desk.run("check")
    assert check.code == 2
    assert "refuses the credential" in " ".join(check.out.split())


@pytest.mark.parametrize("trouble", ["no token", "wrong token", "no server"])
@pytest.mark.parametrize("system", ["crm", "marketing"])
def test_check_says_once_why_nothing_of_a_system_can_be_checked(
    desk: Desk, sandboxes: Sandboxes, system: str, trouble: str
) -> None:
    variable = f"{system.upper()}_TOKEN"
    if trouble == "no token":
        del desk.env[variable]
    elif trouble == "wrong token":
        desk.env[variable] = "wrong"
    else:
        desk.config.write_text(desk.config.read_text().replace(sandboxes.url[system], "http://127.0.0.1:9"))
    subject, message = {
        "no token": ("credential", f"environment variable {variable} is not set"),
        "wrong token": ("credential", "refuses the credential (401)"),
        "no server": ("reachable", "no connection (Connection refused)"),
    }[trouble]
    check = desk.run("check", "--json")
    assert check.code == 2
    (error,) = [f for f in check.json["findings"] if f["system"] == system and f["level"] == "error"]
    assert (error["subject"], message in error["message"]) == (subject, True), error
    assert "tieline" in error["remedy"], error
    sync = desk.run("sync", "--yes")
    assert sync.code == (1 if trouble == "no server" else 2)
    first = next(line for line in sync.out.splitlines() if line.startswith("- "))
    assert first.startswith(f"- {system}: "), "the cause comes first"
    assert message in first
    assert "Salesforce shows no object" not in sync.out
    assert sync.out.rstrip().splitlines()[-1] in ("Next: tieline check", "Next: tieline auth status"), sync.out


def test_a_missing_token_is_told_by_the_name_of_its_variable(desk: Desk) -> None:
    del desk.env["CRM_TOKEN"]
    done = desk.run("sync", "--yes")
    assert done.code == 2
    assert "CRM_TOKEN is not set" in done.out + done.err
    assert "Next: tieline auth status" in done.out + done.err


def test_a_missing_scope_is_told_by_its_name(desk: Desk) -> None:
    from tieline_hubspot.sandbox import HubSpotSandbox

    desk.env["MARKETING_TOKEN"] = HubSpotSandbox.token_without_scopes
    run = desk.sync()
    assert (run["code"], run["writes"]) == (2, 0), run
    check = " ".join(desk.run("check").out.split())
    assert "crm.objects.contacts.read" in check
    assert "Add the scope" in check


@pytest.mark.parametrize("url", ["https://crm.attacker.example", "https://salesforce.com.attacker.example"])
def test_a_host_that_is_not_the_vendors_gets_no_credential(desk: Desk, sandboxes: Sandboxes, url: str) -> None:
    desk.config.write_text(desk.config.read_text().replace(sandboxes.url["crm"], url))
    done = desk.run("sync", "--yes")
    assert done.code == 2
    assert "attacker.example" in done.err
    assert "Next: " in done.err
    assert "Traceback" not in done.err


BAD: tuple[tuple[str, str, str], ...] = (
    ('connector = "salesforce"', 'connector = "salesforce', "tieline.toml:2:"),
    ('connector = "salesforce"', 'connector = "salesfroce"', "did you mean 'salesforce'?"),
    ('currency = "USD"', 'curency = "USD"', "currency"),
    ('currency = "USD"', 'currency = "US Dollar"', "US Dollar"),
    ('owner = "none"', 'owner = "nobody"', "nobody"),
    ('owner = "none"', 'ownr = "none"', "owner"),
)


@pytest.mark.parametrize(("good", "bad", "told"), BAD, ids=[b[1] for b in BAD])
def test_a_mistake_in_the_configuration_is_named_where_it_is(desk: Desk, good: str, bad: str, told: str) -> None:
    desk.config.write_text(desk.config.read_text().replace(good, bad, 1))
    for line in (("check", "--offline"), ("sync", "--yes")):
        done = desk.run(*line)
        assert done.code == 2, done.out
        assert told in done.err, done.err
        assert "tieline.toml" in done.err
        assert "Traceback" not in done.err
    assert not (desk.home / "tieline.db").exists()


def test_all_mistakes_are_told_at_once(desk: Desk) -> None:
    text = desk.config.read_text()
    for good, bad, _ in (BAD[2], BAD[5]):
        text = text.replace(good, bad, 1)
    desk.config.write_text(text)
    done = desk.run("check", "--offline", "--json")
    assert done.code == 2
    assert len(done.json["problems"]) == 2, done.out


def test_the_first_sync_writes_nothing_unless_somebody_says_yes(desk: Desk) -> None:
    done = desk.run("sync")
    assert done.code == 3, done.out + done.err
    assert "tieline sync --yes" in done.out + done.err


def test_plan_never_writes(desk: Desk) -> None:
    done = desk.run("plan", "--json")
    assert done.code == 0
    assert done.json["orders"]
    assert desk.run("plan", "--exit-code").code == 3


def test_without_leaves_a_system_alone(desk: Desk) -> None:
    done = desk.run("plan", "--json", "--without", "marketing")
    assert done.code == 0, done.err
    assert "marketing" not in done.json["orders"]
    assert desk.run("plan", "--without", "marketting").code == 2


def test_the_configuration_of_these_tests_is_itself_without_a_problem(desk: Desk) -> None:
    assert desk.run("check", "--offline").code == 0
    assert "{crm_auth}" in CONFIG
    assert "env" in token_auth("X")


def test_an_unreachable_server_is_told_and_the_other_system_is_left_in_peace(desk: Desk, sandboxes: Any) -> None:
    desk.config.write_text(desk.config.read_text().replace(sandboxes.url["marketing"], "http://127.0.0.1:9"))
    run = desk.sync()
    assert (run["code"], run["outcome"]) == (1, "failed"), run
    assert any(n.startswith("marketing: ") and "no connection" in n for n in run["notes"]), run["notes"]


def test_a_home_whose_stand_ins_are_not_served_says_how_to_serve_them(desk: Desk, sandboxes: Sandboxes) -> None:
    desk.config.write_text(desk.config.read_text().replace(sandboxes.url["crm"], "http://127.0.0.1:9"))
    (desk.home / "sandboxes").mkdir(mode=0o700, parents=True)
    desk.home.chmod(0o700)
    said = {f["system"]: f["remedy"] for f in desk.run("check", "--json").json["findings"] if f["level"] == "error"}
    assert said == {"crm": f"serve the stand-ins of this home: tieline sandbox --home {desk.home}"}
