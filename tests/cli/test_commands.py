"""The commands of a normal day, told from outside: what is printed, what is JSON, how they end."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tieline.home import Home
from tieline.store.forms import dumps

Tieline = Callable[..., Result]

SYNC_KEYS = {
    "run", "outcome", "converged", "writes", "reviews", "api_calls", "records", "orders", "stages", "notes",
}  # fmt: skip


@pytest.fixture
def ann(world: Any) -> str:
    """A contact in the CRM that nobody else has."""
    return world["crm"].person_create("contact", {"email": "ann@x.test", "first_name": "Ann", "title": "CTO"})


@pytest.fixture
def synced(tieline: Tieline, configured: Path, ann: str, world: Any) -> str:
    assert tieline("sync", "--yes").exit_code == 0
    return ann


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- init and check


def test_init_writes_a_configuration_that_passes_the_check(tieline: Tieline, here: Path) -> None:
    found = tieline("init", "crm=memory", "marketing=memory")
    assert found.exit_code == 0, found.stderr
    assert "Next: tieline check" in found.output
    assert mode(here / ".tieline") == 0o700
    checked = tieline("check", "--offline")
    assert checked.exit_code == 0, checked.stderr
    assert "2 systems, account, contact; no problem." in checked.output


def test_init_writes_an_address_as_the_vendor_has_them() -> None:
    from tieline.cli.template import Chosen, render
    from tieline_salesforce.spec import SPEC

    text = render([Chosen("crm", SPEC)])
    assert 'base_url = "https://YOURS.my.salesforce.com"  # fill in' in text


def test_init_keeps_a_configuration_that_is_there(tieline: Tieline, configured: Path) -> None:
    before = configured.read_text()
    found = tieline("init", "crm=memory")
    assert found.exit_code == 2
    assert "is there already\nNext: tieline init --force" in found.stderr
    assert configured.read_text() == before
    assert tieline("init", "crm=memory", "--force", "--json").exit_code == 0
    assert configured.read_text() != before


def test_init_proposes_a_name_for_the_second(tieline: Tieline, here: Path) -> None:
    found = tieline("init", "crm=memory", "crm=stub")
    assert "Next: tieline init crm=memory crm2=stub" in found.stderr


def test_init_takes_each_name_once(tieline: Tieline, here: Path) -> None:
    found = tieline("init", "memory", "memory")
    assert found.exit_code == 2
    assert "Next: tieline init first=memory second=memory" in found.stderr
    assert not (here / "tieline.toml").exists()


def test_check_tells_all_problems_of_a_file(tieline: Tieline, configured: Path) -> None:
    configured.write_text(configured.read_text() + "[sync.contact]\nemial = 'fill'\ntitel = 'fill'\n")
    found = tieline("check", "--offline")
    assert found.exit_code == 2
    assert found.stderr.startswith("Error: 2 problems:\ntieline.toml:7: sync.contact.emial:")
    told = json.loads(tieline("check", "--offline", "--json").stdout)
    assert told["ok"] is False
    assert len(told["problems"]) == 2
    assert told["error"]["exit_code"] == 2


def test_check_asks_each_system_and_one_failure_does_not_hide_the_others(
    tieline: Tieline, configured: Path, world: Any, finding: Any, not_authorised: Any
) -> None:
    world.findings["crm"] = not_authorised("crm refuses the credential (401)")
    world.findings["marketing"] = [
        finding("ok", "reachable", "answers"),
        finding("warning", "hub id", "there is no field for it", "make a text field tieline_id, unique"),
    ]
    found = tieline("check")
    assert found.exit_code == 2
    assert "ERROR    crm        credential  crm refuses the credential (401)" in found.output
    assert "→ tieline auth status" in found.output
    assert "→ make a text field tieline_id, unique" in found.output
    assert "1 error to mend first." in found.output
    told = json.loads(tieline("check", "--json").stdout)
    assert told["ok"] is False
    assert [f["level"] for f in told["findings"]] == ["error", "ok", "warning"]


def test_check_of_good_systems_names_the_next_command(tieline: Tieline, configured: Path) -> None:
    found = tieline("check")
    assert found.exit_code == 0
    assert found.output.endswith("Next: tieline plan\n")


@pytest.fixture
def lacking(world: Any, finding: Any, configured: Path) -> Any:
    """Both systems lack a field; marketing can make it, crm cannot."""
    for name in ("crm", "marketing"):
        world.findings[name] = [finding("error", "hub id", "there is no field for it", "make it", "contacts")]
    world.mended["marketing", "contacts"] = finding("ok", "hub id", "made")
    world.mended["crm", "contacts"] = finding("error", "hub id", "ten are the limit", "archive one")
    return world


def test_what_is_missing_is_made_only_after_a_yes(tieline: Tieline, lacking: Any) -> None:
    found = tieline("check", "--fix")
    assert found.exit_code == 2
    assert "nobody is here to agree; nothing was made" in found.stderr
    assert "tieline check --fix --yes" in found.stderr
    assert lacking.findings["marketing"]


@pytest.mark.parametrize("answer", [False, True])
def test_a_person_is_asked_before_anything_is_made(tieline: Tieline, lacking: Any, answer: bool) -> None:
    found = tieline("check", "--fix", answer=answer)
    assert "Tieline can make:\n  crm: hub id\n  marketing: hub id\n" in found.stderr
    assert bool(lacking.findings["marketing"]) is not answer


def test_what_can_be_made_is_made_and_the_rest_says_why_not(tieline: Tieline, lacking: Any) -> None:
    found = tieline("check", "--fix", "--yes")
    assert found.exit_code == 2
    assert "marketing: hub id: made" in found.stderr
    assert [line.split() for line in found.stdout.splitlines() if "ten are" in line] == [
        ["ERROR", "crm", "hub", "id", "ten", "are", "the", "limit"]
    ]
    assert "marketing" not in found.stdout.split("FOUND")[1]
    lacking.mended["crm", "contacts"] = lacking.mended["marketing", "contacts"]
    assert tieline("check", "--fix", "--yes").exit_code == 0
    assert "Nothing is missing that Tieline could make." in tieline("check", "--fix").stderr


def test_a_refusal_to_make_it_keeps_what_a_person_can_do(tieline: Tieline, lacking: Any, not_authorised: Any) -> None:
    lacking.mended["crm", "contacts"] = not_authorised("the scope schemas.write is missing")
    found = tieline("check", "--fix", "--yes")
    assert "the scope schemas.write is missing" in found.stdout
    assert "→ make it" in found.stdout


def test_a_connector_that_cannot_make_what_it_names_is_told_of_and_the_others_go_on(
    tieline: Tieline, lacking: Any
) -> None:
    lacking.mended["crm", "contacts"] = RuntimeError("boom")
    found = tieline("check", "--fix", "--yes")
    assert found.exit_code == 2
    assert "a bug in connector 'memory': RuntimeError: boom" in found.stdout
    assert "marketing: hub id: made" in found.stderr


def test_a_field_that_was_made_is_known_in_the_next_run(tieline: Tieline, lacking: Any, here: Path) -> None:
    from tieline.store import opened

    def remembered() -> bool:
        with opened(here / ".tieline/tieline.db") as kept:
            return kept.book.schema("marketing", "contacts", 1) is not None

    tieline("sync", "--yes")
    assert remembered()
    tieline("check", "--fix", "--yes")
    assert not remembered()


@pytest.fixture
def column_deleted(world: Any, finding: Any, synced: str) -> Callable[..., Any]:
    """Somebody deletes marketing's column `title` with all that stands in it; `check --fix` can make it anew. Returns
    what was offered before, which is offered then again unless `then` says otherwise."""

    def delete(then: Any = ...) -> Any:
        marketing = world["marketing"]
        rules, (person,) = marketing.rules["contact"], marketing.alive("contact")
        offered = rules.offered
        rules.offered = tuple(n for n in offered if n != "title")
        marketing.person_edit("contact", person.id, {"title": None})
        world.findings["marketing"] = [finding("warning", "title", "there is no such column", "", "title")]

        def make(what: str) -> Any:
            rules.offered = offered if then is ... else then
            world.findings["marketing"] = []
            return finding("ok", what, "made")

        world.mended["marketing", "title"] = make
        return offered

    return delete


def test_a_field_that_is_made_again_comes_back_blank_and_clears_nothing_elsewhere(
    tieline: Tieline, world: Any, column_deleted: Callable[..., Any], synced: str
) -> None:
    marketing = world["marketing"]
    (person,) = marketing.alive("contact")
    column_deleted()
    assert tieline("check", "--fix", "--yes").exit_code == 0
    assert tieline("sync").exit_code == 0
    assert world["crm"].get("contact", synced).fields["title"] == "CTO"
    assert marketing.get("contact", person.id).fields["title"] == "CTO"
    marketing.person_edit("contact", person.id, {"title": None})
    assert tieline("sync").exit_code == 0
    assert world["crm"].get("contact", synced).fields["title"] is None, "a person's blank is one"


def test_what_cannot_be_read_is_told_by_status_and_explain_and_nobody_calls_it_blank(
    tieline: Tieline, synced: str, here: Path
) -> None:
    from tieline.store import opened

    with opened(here / ".tieline/tieline.db") as kept, kept.atomic(fence=False):
        (row,) = kept.trees.links("crm", "contact", [synced]).values()
        seen = kept.trees.linked("crm", "contact", [synced])[synced].seen
        kept.trees.set_columns(
            "crm", "contact", row.remote_id, problems=dumps([("phone", "cell C2: ??? is no number", "")]),
            seen=dumps({n: v for n, v in seen.items() if n != "phone"}),
        )  # fmt: skip
    told = json.loads(tieline("status", "--json").stdout)["unreadable"]
    assert told == [
        {"system": "crm", "kind": "contact", "field": "phone", "count": 1, "message": "cell C2: ??? is no number"}
    ]
    assert "cell C2: ??? is no number" in tieline("status").output
    assert "holds what cannot be read: cell C2" in tieline("explain", "contact", "ann@x.test", "phone").output


def test_a_field_that_is_made_again_clears_nothing_though_nobody_can_say_then_that_it_is_there(
    tieline: Tieline, world: Any, column_deleted: Callable[..., Any], synced: str
) -> None:
    offered = column_deleted(then=None)  # whoever asks for the schema gets what no connector may raise
    found = tieline("check", "--fix", "--yes")
    assert "marketing: title: made" in found.stderr
    assert "Ready" in found.stdout
    world["marketing"].rules["contact"].offered = offered
    assert tieline("sync").exit_code == 0
    assert world["crm"].get("contact", synced).fields["title"] == "CTO"


def test_fix_and_offline_contradict_each_other(tieline: Tieline, configured: Path) -> None:
    found = tieline("check", "--fix", "--offline")
    assert (found.exit_code, "tieline check --fix" in found.stderr) == (2, True)


def test_a_connector_that_raises_in_check_is_named(tieline: Tieline, configured: Path, world: Any) -> None:
    world.findings["crm"] = RuntimeError("boom")
    found = tieline("check")
    assert found.exit_code == 2
    assert "a bug in connector 'memory': RuntimeError: boom" in found.output


# -- auth and plugins


def test_auth_status_says_where_a_secret_comes_from_and_never_what_it_is(
    tieline: Tieline, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "tieline.toml").write_text(
        '[systems.crm]\nconnector = "stub"\nbase_url = "https://stub.test"\n'
        'auth = { type = "token", token = { env = "STUB_TOKEN" } }\n'
    )
    monkeypatch.delenv("STUB_TOKEN", raising=False)
    missing = tieline("auth", "status")
    assert missing.exit_code == 2
    assert "environment variable STUB_TOKEN is not set" in missing.output
    monkeypatch.setenv("STUB_TOKEN", "canary-canary-canary")
    for arguments in (["auth", "status"], ["auth", "status", "--json"]):
        found = tieline(*arguments)
        assert found.exit_code == 0
        assert "bearer token from environment variable STUB_TOKEN" in found.output
        assert "canary" not in found.output


def test_auth_status_says_whose_key_it_is_and_what_a_document_lacks(tieline: Tieline, here: Path) -> None:
    (here / "tieline.toml").write_text(
        '[systems.crm]\nconnector = "stub"\nbase_url = "https://stub.test"\n'
        'auth = { type = "service_account", key = { file = "key.json" }, subject = "ann@firm.example" }\n'
    )
    path = here / "key.json"
    whole = {"type": "service_account", "client_email": "sync@p.example", "private_key": "canary", "token_uri": "x"}
    path.write_text(json.dumps(whole))
    path.chmod(0o600)
    lacking = tieline("auth", "status")
    assert lacking.exit_code == 2
    said = " ".join(lacking.output.split())
    assert (
        "key: what the file key.json holds is not the JSON key of a service account: it has no private_key_id" in said
    )
    path.write_text(json.dumps({**whole, "private_key_id": "k-1"}))
    found = tieline("auth", "status")
    assert found.exit_code == 0
    assert "service account for ann@firm.example, key from file key.json, account sync@p.example" in found.output
    (entry,) = json.loads(tieline("auth", "status", "--json").stdout)
    assert (entry["type"], entry["account"], entry["state"]) == ("service_account", "sync@p.example", "ready")
    assert "canary" not in lacking.output + found.output + json.dumps(entry)


def test_plugins_are_listed(tieline: Tieline) -> None:
    assert tieline("plugins", "list").output.splitlines()[0].split() == [
        "PLUGIN", "DISTRIBUTION", "VERSION", "CONNECTORS", "HOOKS",
    ]  # fmt: skip
    told = json.loads(tieline("plugins", "list", "--json").stdout)
    assert told[0]["connectors"] == ["memory", "stub"]


# -- plan and sync


def test_plan_shows_what_would_be_written_and_writes_nothing(
    tieline: Tieline, configured: Path, ann: str, world: Any
) -> None:
    found = tieline("plan")
    assert found.exit_code == 0, found.stderr
    assert 'create  contact "Ann"' in found.output
    assert 'email "ann@x.test"' in found.output
    assert "Next: tieline sync" in found.output
    assert world["marketing"].alive("contact") == []


def test_plan_can_tell_by_its_exit_code_that_something_is_owed(tieline: Tieline, configured: Path, ann: str) -> None:
    assert tieline("plan", "--exit-code").exit_code == 3
    tieline("sync", "--yes")
    assert tieline("plan", "--exit-code").exit_code == 0


def test_plan_as_json_lists_orders_only_when_asked(tieline: Tieline, configured: Path, ann: str) -> None:
    short = json.loads(tieline("plan", "--json").stdout)
    assert set(short) == SYNC_KEYS
    assert short["orders"]["marketing"]["contact"]["create"] == 1
    full = json.loads(tieline("plan", "--json", "--full").stdout)
    assert full["orders_list"][0]["op"]


def test_the_first_sync_of_a_home_needs_a_yes(tieline: Tieline, configured: Path, ann: str, world: Any) -> None:
    found = tieline("sync")
    assert found.exit_code == 3
    assert "This is what the first sync would do" in found.stderr
    assert found.output.rstrip().endswith("Next: tieline sync --yes")
    assert world["marketing"].alive("contact") == []
    assert tieline("sync", "--json").exit_code == 3
    assert tieline("sync", "--yes").exit_code == 0
    assert len(world["marketing"].alive("contact")) == 1


def test_a_sync_after_a_sync_writes_nothing(tieline: Tieline, synced: str) -> None:
    told = json.loads(tieline("sync", "--json").stdout)
    assert set(told) == SYNC_KEYS
    assert (told["outcome"], told["converged"], told["writes"]) == ("done", True, 0)
    assert set(told["stages"]) == {"pull", "plan", "apply"}
    assert "Done: 0 writes, converged." in tieline("sync").output


def test_home_and_database_are_closed_to_others(synced: str, here: Path) -> None:
    home = here / ".tieline"
    assert mode(home) == 0o700
    for path in home.iterdir():
        assert mode(path) == 0o600, path


def test_an_open_home_is_refused(tieline: Tieline, synced: str, here: Path) -> None:
    (here / ".tieline").chmod(0o755)
    for command in (["sync"], ["status"], ["plan", "--json"]):
        found = tieline(*command)
        assert found.exit_code == 2
        assert f"chmod 700 {here / '.tieline'}" in found.output + found.stderr


def test_a_system_that_cannot_be_left_out_is_named(tieline: Tieline, configured: Path) -> None:
    found = tieline("sync", "--without", "crn")
    assert found.exit_code == 2
    assert "there is no system 'crn'; there are: crm, marketing" in found.stderr


def test_a_system_that_fails_makes_the_run_fail_and_says_why(
    tieline: Tieline, synced: str, world: Any, not_authorised: Any
) -> None:
    world.trouble["marketing"] = not_authorised("marketing refuses the credential (401)")
    found = tieline("sync")
    assert found.exit_code == 2
    assert "Error: marketing refuses the credential (401)\nNext: tieline auth status" in found.stderr


def test_a_second_run_leaves_at_once_and_says_who_is_there(tieline: Tieline, synced: str, here: Path) -> None:
    from tieline.ports import Ports
    from tieline.runner.lease import Lease
    from tieline.store import opened

    with opened(here / ".tieline/tieline.db") as store:
        lease = Lease(store, Ports())
        lease.take()
        found = tieline("sync")
        assert found.exit_code == 1
        assert "another run holds this home: process " in found.stderr
        told = tieline("sync", "--json")
        assert told.exit_code == 1
        assert json.loads(told.stdout)["outcome"] == "locked"
        assert json.loads(tieline("status", "--json").stdout)["running"]["pid"]
        lease.give_back()
    assert tieline("sync").exit_code == 0


# -- looking


def test_looking_at_an_empty_home_names_the_first_command(tieline: Tieline, configured: Path, here: Path) -> None:
    for command in (["status"], ["history", "contact", "x"], ["review", "list"], ["explain", "contact", "x"]):
        assert tieline(*command).exit_code == 2
    (here / ".tieline").mkdir(mode=0o700)
    found = tieline("status")
    assert found.exit_code == 2
    assert "Next: tieline plan" in found.stderr


def test_status_tells_links_runs_and_reviews(tieline: Tieline, synced: str) -> None:
    found = tieline("status")
    assert found.exit_code == 0
    assert "0 reviews open." in found.output
    told = json.loads(tieline("status", "--json").stdout)
    assert told["systems"]["marketing"]["contact"] == {"linked": 1, "unlinked": 0, "gone": 0}
    assert told["runs"][0]["outcome"] == "done"
    assert told["running"] is None
    assert told["unsettled"] == 0


@pytest.mark.parametrize("key", ["ann@x.test", "ANN@x.test", "Ann", "crm:{remote}"])
def test_a_record_is_found_by_the_names_people_use(tieline: Tieline, synced: str, key: str) -> None:
    found = tieline("history", "contact", key.format(remote=synced), "--json")
    assert found.exit_code == 0, found.stderr
    told = json.loads(found.stdout)
    assert told["title"] == "Ann"
    assert told["entries"][0]["op"] == "adopt"
    assert tieline("history", "contact", told["record"]).exit_code == 0


def test_history_tells_every_step_in_words(tieline: Tieline, synced: str, world: Any) -> None:
    world["crm"].person_edit("contact", synced, {"title": "CEO"})
    tieline("sync")
    found = tieline("history", "contact", "ann@x.test")
    assert "taken in from crm:" in found.output
    assert "created in marketing:" in found.output
    assert 'title "CTO" → "CEO" (crm, two-way)' in found.output


def test_explain_tells_where_a_value_came_from_and_what_each_system_holds(
    tieline: Tieline, synced: str, world: Any
) -> None:
    world["crm"].person_edit("contact", synced, {"title": "CEO"})
    tieline("sync")
    found = tieline("explain", "contact", "ann@x.test", "title")
    assert 'title = "CEO"' in found.output
    assert '"CTO" → "CEO" (crm, two-way)' in found.output
    assert f'crm:{synced} holds "CEO", as merged' in found.output
    told = json.loads(tieline("explain", "contact", "ann@x.test", "--json").stdout)
    assert told["fields"]["title"]["origin"] == "crm"
    assert set(told["fields"]["title"]["systems"]) == {"crm", "marketing"}


def test_explain_tells_a_default_that_stands_for_a_blank(tieline: Tieline, configured: Path, world: Any) -> None:
    line = '[systems.marketing.map.contact]\ntitle = { field = "title", default = "Unknown" }\n'
    configured.write_text(configured.read_text("utf-8") + line, "utf-8")
    world["crm"].person_create("contact", {"email": "ann@x.test"})
    tieline("sync", "--yes")
    found = tieline("explain", "contact", "ann@x.test", "title").output
    assert "title = blank" in found
    assert 'holds "Unknown", the default there, for a blank' in found


def test_a_reference_is_told_by_name_and_its_id_stays_in_json(tieline: Tieline, configured: Path, world: Any) -> None:
    firm = world["crm"].person_create("account", {"name": "Firm", "domain": "firm.example"})
    ann = world["crm"].person_create("contact", {"email": "ann@x.test", "account": firm})
    assert 'email "ann@x.test", account "Firm"' in tieline("plan").output
    tieline("sync", "--yes")
    other = world["crm"].person_create("account", {"name": "Other firm"})
    world["crm"].person_edit("contact", ann, {"account": other})
    assert 'account "Firm" → "Other firm" (crm, two-way)' in tieline("plan").output
    world["crm"].person_edit("contact", ann, {"account": firm})
    told = json.loads(tieline("explain", "contact", "ann@x.test", "account", "--json").stdout)["fields"]["account"]
    explained = tieline("explain", "contact", "ann@x.test", "account").output
    assert f'account = "Firm" ({told["value"]})' in explained
    assert 'blank → "Firm" (crm, the first value known)' in explained
    assert '    account "Firm"' in tieline("history", "contact", "ann@x.test").output
    [taken] = [
        entry["changes"]["account"]
        for entry in json.loads(tieline("history", "contact", "ann@x.test", "--json").stdout)["entries"]
        if entry["op"] == "adopt"
    ]
    assert taken == told["value"]


def test_a_field_that_is_not_synced_is_neither_waited_for_nor_given_an_origin(
    tieline: Tieline, synced: str, world: Any
) -> None:
    world["crm"].person_edit("contact", synced, {"lead_status": "NEW"})
    tieline("sync")
    found = tieline("explain", "contact", "ann@x.test", "lead_status").output
    assert f'crm:{synced} holds "NEW", not synced' in found
    assert "because" not in found


def test_a_key_or_field_that_does_not_exist_is_told(tieline: Tieline, synced: str) -> None:
    nobody = tieline("explain", "contact", "bob@x.test")
    assert nobody.exit_code == 2
    assert "no contact answers to 'bob@x.test'" in nobody.stderr
    field = tieline("explain", "contact", "ann@x.test", "titel")
    assert "there is no field 'titel'; did you mean 'title'?" in field.stderr


def test_a_name_that_several_have_must_be_narrowed(tieline: Tieline, synced: str, world: Any) -> None:
    world["crm"].person_create("contact", {"email": "other@x.test", "first_name": "Ann"})
    tieline("sync")
    found = tieline("history", "contact", "Ann")
    assert found.exit_code == 2
    assert "2 contacts answer to 'Ann'" in found.stderr


# -- what is not linked


def test_a_question_of_who_is_who_shows_what_each_holds(tieline: Tieline, configured: Path, world: Any) -> None:
    first = world["crm"].person_create("contact", {"email": "ann@x.test", "title": "CTO"})
    second = world["crm"].person_create("contact", {"email": "ann@x.test", "first_name": "Anna"})
    tieline("sync", "--yes")
    review = json.loads(tieline("review", "list", "--json").stdout)[0]
    shown = " ".join(tieline("review", "show", str(review["id"])).output.split())
    assert f'crm:{first} email "ann@x.test", title "CTO"' in shown
    assert f'crm:{second} email "ann@x.test", first_name "Anna"' in shown


@pytest.mark.parametrize("command", ["explain", "history"])
def test_a_remote_that_waits_in_review_leads_to_its_review(
    tieline: Tieline, configured: Path, world: Any, command: str
) -> None:
    first, second = (world["crm"].person_create("contact", {"email": "ann@x.test"}) for _ in range(2))
    tieline("sync", "--yes")
    asked = {r["detail"]["remote_id"]: r["id"] for r in json.loads(tieline("review", "list", "--json").stdout)}
    for remote in (first, second):
        found = tieline(command, "contact", f"crm:{remote}")
        assert found.exit_code == 2
        assert f"crm:{remote} is not linked to a record: a person has to say whose it is" in found.stderr
        assert f"Next: tieline review show {asked[remote]}\n" in found.stderr
    tieline("review", "reject", str(asked[first]))
    found = tieline(command, "contact", f"crm:{first}")
    assert f"review {asked[first]} is rejected, and the next sync acts on it\nNext: tieline plan" in found.stderr


def test_a_field_that_waits_for_whom_it_names_says_so_and_leads_there(
    tieline: Tieline, configured: Path, world: Any
) -> None:
    firm, _ = (world["crm"].person_create("account", {"name": "Firm", "domain": "firm.example"}) for _ in range(2))
    world["crm"].person_create("contact", {"email": "ann@x.test", "account": firm})
    tieline("sync", "--yes")
    found = tieline("explain", "contact", "ann@x.test", "account")
    assert f'holds "{firm}", waits for account crm:{firm}, which is not linked yet' in found.output
    assert found.output.endswith(f"Next: tieline explain account crm:{firm}\n")
    held = json.loads(tieline("explain", "contact", "ann@x.test", "--json").stdout)["fields"]["account"]["systems"]
    assert held["crm"]["waits_for"] == [f"crm:{firm}"]
    asked = json.loads(tieline("review", "list", "--json").stdout)
    for review in asked:
        tieline("review", "reject", str(review["id"]))
    tieline("sync")
    tieline("sync")
    found = tieline("explain", "contact", "ann@x.test", "account")
    assert "waits for" not in found.output


def test_a_remote_that_is_filtered_away_says_so(tieline: Tieline, configured: Path, world: Any) -> None:
    with configured.open("a") as file:
        file.write("[systems.crm.contact]\nfilter = \"title == 'Boss'\"\n")
    remote = world["crm"].person_create("contact", {"email": "ann@x.test", "title": "Clerk"})
    tieline("sync", "--yes")
    found = tieline("explain", "contact", f"crm:{remote}")
    assert found.exit_code == 2
    assert "the filter of [systems.crm.contact] leaves it out" in found.stderr
    by_key = tieline("explain", "contact", "ann@x.test")
    assert "the filter of [systems.crm.contact] leaves it out" in by_key.stderr


def test_a_remote_that_nobody_knows_is_told_apart(tieline: Tieline, synced: str) -> None:
    found = tieline("explain", "contact", "crm:nobody")
    assert "no contact answers to 'crm:nobody'\nNext: a KEY is" in found.stderr


# -- a person's slips


def test_a_group_without_its_command_names_them(tieline: Tieline, configured: Path) -> None:
    found = tieline("review")
    assert (found.exit_code, found.stdout) == (2, "")
    assert (
        found.stderr == "Error: tieline review needs one of: accept, list, reject, show\nNext: tieline review --help\n"
    )


def test_a_missing_kind_is_told_in_one_line(tieline: Tieline, configured: Path) -> None:
    first, second = tieline("history").stderr.splitlines()
    assert first.endswith("Choose from: account, campaign, contact, opportunity, campaign_member")
    assert "\\t" not in first
    assert second == "Next: tieline history --help"


@pytest.mark.parametrize("command", ["status", "sync", "check"])
def test_a_log_that_cannot_be_written_is_told_without_a_traceback(
    tieline: Tieline, configured: Path, here: Path, command: str
) -> None:
    Home(here / ".tieline").create()
    (here / ".tieline" / "tieline.log").mkdir(0o700)
    found = tieline(command)
    assert (found.exit_code, found.stdout) == (2, "")
    first, second = found.stderr.splitlines()
    assert first.endswith("tieline.log cannot be written: Is a directory")
    assert second.startswith("Next: make it writable")


def test_a_plan_does_not_promise_that_it_writes(tieline: Tieline, configured: Path, world: Any) -> None:
    world["crm"].person_create("contact", {"email": "ann@x.test"})
    assert json.loads(tieline("plan", "--json").stdout)["notes"] == []


# -- reviews


@pytest.fixture
def opted(tieline: Tieline, configured: Path, world: Any) -> str:
    """Somebody opted out, and one system says they are back."""
    crm = world["crm"]
    remote = crm.person_create("contact", {"email": "ann@x.test", "first_name": "Ann", "consent_email": "opted_out"})
    tieline("sync", "--yes")
    crm.person_edit("contact", remote, {"consent_email": "allowed"})
    assert tieline("sync").exit_code == 3
    return remote


def test_a_review_is_listed_shown_and_answered(tieline: Tieline, opted: str, world: Any) -> None:
    listed = json.loads(tieline("review", "list", "--json").stdout)
    assert len(listed) == 1
    number = str(listed[0]["id"])
    assert "Next: tieline review show" in tieline("review", "list").output
    shown = tieline("review", "show", number).output
    assert "accept: allow contact again, everywhere" in shown
    assert f"Next: tieline review accept {number}" in shown
    answered = tieline("review", "accept", number)
    assert answered.exit_code == 0
    assert answered.output == f"Accepted: {number}.\nNext: tieline plan\n"
    assert tieline("sync").exit_code == 0
    assert world["marketing"].alive("contact")[0].fields["consent_email"] == "allowed"
    assert tieline("review", "list").output == "Nothing waits for a person.\n"


LONG = "Vice\x1bPresident of " + "everything that moves, " * 12 + "Zürich"


@pytest.fixture
def disputed(tieline: Tieline, configured: Path, world: Any) -> str:
    """Two people gave one contact two titles in the same second; one of them is long and holds an escape."""
    crm = world["crm"].person_create("contact", {"email": "ann@x.test", "first_name": "Ann"})
    tieline("sync", "--yes")
    other = world["marketing"].alive("contact")[0].id
    world["crm"].person_edit("contact", crm, {"title": LONG})
    world["marketing"].person_edit("contact", other, {"title": "Boss"})
    tieline("sync")
    (review,) = json.loads(tieline("review", "list", "--json").stdout)
    assert review["topic"] == "conflict", review
    return str(review["id"])


def test_a_conflict_is_shown_as_a_table_of_sides_with_whole_values(tieline: Tieline, disputed: str) -> None:
    lines = tieline("review", "show", disputed).output.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("SYSTEM"))
    head, *sides = lines[start : start + 3]
    assert head.split() == ["SYSTEM", "EDITED", "VALUE"]
    values = {side.split()[0]: side[head.index("VALUE") :] for side in sides}
    assert values == {"crm": '"' + LONG.replace("\x1b", "\\x1b") + '"', "marketing": '"Boss"'}
    assert all(re.match(r"\w+ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", side) for side in sides), sides
    assert "\x1b" not in "".join(lines)


def test_two_in_one_system_are_not_offered_as_a_match(tieline: Tieline, configured: Path, world: Any) -> None:
    for _ in range(2):
        world["crm"].person_create("contact", {"email": "ann@x.test", "first_name": "Ann"})
    tieline("sync", "--yes")
    for review in json.loads(tieline("review", "list", "--json").stdout):
        number, choices = review["id"], review["detail"]["choices"]
        last = tieline("review", "show", str(number)).output.splitlines()[-1]
        assert choices == [], review
        assert last == f"Next: merge the two where they are, or tieline review reject {number}"


def test_an_answer_that_does_not_fit_is_refused(tieline: Tieline, opted: str) -> None:
    missing = tieline("review", "show", "99")
    assert missing.exit_code == 2
    assert "there is no review 99\nNext: tieline review list" in missing.stderr
    found = tieline("review", "accept", "1", "--take", "crmm")
    assert found.exit_code == 2
    assert "has no choice 'crmm'" in found.stderr
    assert len(json.loads(tieline("review", "list", "--json").stdout)) == 1
    assert tieline("review", "accept", "1", "99").exit_code == 2
    assert len(json.loads(tieline("review", "list", "--json").stdout)) == 1


def test_control_characters_of_a_record_do_not_reach_the_terminal(
    tieline: Tieline, configured: Path, world: Any
) -> None:
    world["crm"].person_create("contact", {"email": "evil@x.test", "first_name": "\x1b[2JEvil\x07", "title": "\x9bK"})
    for command in (["plan"], ["sync", "--yes"], ["history", "contact", "evil@x.test"], ["status"]):
        found = tieline(*command)
        assert not {"\x1b", "\x07", "\x9b"} & set(found.output + found.stderr), command
    assert "\\x1b[2JEvil" in tieline("explain", "contact", "evil@x.test").output


# -- the schedule


def test_run_once_is_one_round_with_its_exit_code(tieline: Tieline, synced: str, world: Any) -> None:
    world["crm"].person_edit("contact", synced, {"title": "CEO"})
    found = tieline("run", "--once")
    assert found.exit_code == 0
    assert "Done: 1 write, converged." in found.output
    assert json.loads(tieline("run", "--once", "--json").stdout)["writes"] == 0


def test_run_needs_a_schedule(tieline: Tieline, configured: Path) -> None:
    found = tieline("run")
    assert found.exit_code == 2
    assert 'Next: add [schedule] every = "15m"' in found.stderr


def test_a_person_who_waits_for_review_is_not_called_unknown(tieline: Tieline, configured: Path, world: Any) -> None:
    for _ in range(2):
        world["crm"].person_create("contact", {"email": "twin@x.test"})
    tieline("sync", "--yes")
    found = tieline("history", "contact", "twin@x.test")
    assert found.exit_code == 2
    assert "have the key 'twin@x.test', but are not linked to a record yet\n" in found.stderr
    step = found.stderr.rpartition("Next: tieline ")[2].split()
    assert "Next: tieline review show" in tieline(*step).stderr


def test_a_verbose_run_logs_to_the_terminal_and_every_run_to_the_home(
    tieline: Tieline, synced: str, here: Path
) -> None:
    found = tieline("sync", "-v")
    assert "INFO tieline: run " in found.stderr
    assert ": done, 0 writes, 0 reviews" in (here / ".tieline/tieline.log").read_text()
    assert "INFO" not in tieline("sync").stderr
