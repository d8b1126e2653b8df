"""Both vendors with a bad habit: sync until quiet, edit on both sides, sync until quiet; nothing twice, nothing lost.

The stories run side by side; what takes long in them is waiting that a vendor asks for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.process import company
from tests.process.harness import VENDORS, Call, Desk, Gate, Reply, Sandboxes, html
from tests.process.together import Together

AT_ONCE = 4
GARBAGE_EVERY = 29
SPENT = 95
"""Calls somebody else makes just before: of the 100 in ten seconds that the rate vices leave, few are left."""
LAG_S = 12.0
"""How long the stand-in's index may lag behind a write."""
A_SECOND_S = 1.1
STREAMS = {"crm": 4, "marketing": 4}
"""Object types that each side is read by: accounts, contacts, opportunities, campaigns."""
WITHOUT_STAMP = {"no-hub-field"}
HABITS = (
    ("lost-answer",),
    ("partial-batch",),
    ("rate-limit",),
    ("rate-limit-no-retry-after",),
    ("token-expiry",),
    ("search-lag",),
    ("coarse-stamps", "late-commit"),
    ("result-cap",),
    ("no-hub-field",),
    ("usage-jumps", "required-property"),
    ("garbled",),
)
"""Each story's vices; `garbled` is done by the gate: now and then a 200 with a page for people."""


class Story:
    """One company, two vendors with a habit, and what came of it."""

    def __init__(self, folder: Path, vices: tuple[str, ...]) -> None:
        self.vices = vices
        self.sandboxes = Sandboxes(folder / "sandbox", *(v for v in vices if v != "garbled"))
        gates = {name: Gate(self.sandboxes, name) for name in VENDORS}
        try:
            company.fill(self.sandboxes)
            self.desk = Desk(
                folder / "desk", {n: g.url for n, g in gates.items()}, self.sandboxes.token, **self._auth()
            )
            self.desk.env |= self._secrets()
            if "garbled" in vices:
                for gate in gates.values():
                    gate.after = _garbled
            self._spend()
            counted = lambda: sum(gate.counter.writes for gate in gates.values())  # noqa: E731
            self.runs = self.desk.until_quiet(sent=counted)
            if "coarse-stamps" in vices:  # an edit in the very second of our own write has its stamp, and is not seen
                time.sleep(A_SECOND_S)
            company.edit_both(self.sandboxes)
            if "search-lag" in vices:
                time.sleep(LAG_S)
            self.runs += self.desk.until_quiet(sent=counted)
            self.outside = company.Outside(self.sandboxes, stamped=not WITHOUT_STAMP & set(vices))
            self.check = self.desk.run("check") if "no-hub-field" in vices else None
            self.idle = self.desk.sync() if "no-hub-field" in vices else None
            self.asked = {name: self.sandboxes.stats(name)["by_route"] for name in VENDORS}
        finally:
            for gate in gates.values():
                gate.close()
            self.sandboxes.stop()

    def _spend(self) -> None:
        if any(v.startswith("rate-limit") for v in self.vices):
            paths = {"crm": f"{company.API}/limits", "marketing": "/crm/v3/objects/companies?limit=1"}
            for system, path in paths.items():
                for _ in range(SPENT):
                    with suppress(OSError):
                        self.sandboxes.ask(system, path)

    def _auth(self) -> dict[str, str]:
        """Tokens that end soon are renewed: by client credentials there, by a refresh token here."""
        if "token-expiry" not in self.vices:
            return {}
        crm, marketing = (self.sandboxes.ready[v]["client_id"] for v in VENDORS.values())
        return {
            "crm_auth": f'{{ type = "client_credentials", client_id = "{crm}", '
            'client_secret = { env = "CRM_SECRET" } }',
            "marketing_auth": f'{{ type = "refresh_token", client_id = "{marketing}", '
            'client_secret = { env = "MARKETING_SECRET" }, refresh_token = { env = "MARKETING_REFRESH" } }',
        }

    def _secrets(self) -> dict[str, str]:
        from tieline_hubspot.sandbox import HubSpotSandbox

        crm, marketing = (self.sandboxes.ready[v]["client_secret"] for v in VENDORS.values())
        return {"CRM_SECRET": crm, "MARKETING_SECRET": marketing, "MARKETING_REFRESH": HubSpotSandbox.refresh_token}


def _garbled(call: Call, reply: Reply) -> Reply:
    return html() if call.number % GARBAGE_EVERY == 0 else reply


Stories = Together[str, Story]


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stories]:
    """All stories by the first of their vices, some of them at once."""
    habits = {vices[0]: vices for vices in HABITS}
    folder = tmp_path_factory.mktemp("vices")  # here: the factory is not made for threads
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield Together(pool, lambda name: Story(folder / name, habits[name]), habits)


@pytest.mark.parametrize("vice", [vices[0] for vices in HABITS])
def test_under_a_bad_habit_both_sides_end_equal_and_nothing_stands_twice(vice: str, stories: Stories) -> None:
    story = stories[vice]
    told = [(r["code"], r["writes"], r["notes"]) for r in story.runs]
    story.outside.check()
    assert company.edits_arrived(story.outside) == [], told
    last = story.runs[-1]
    assert (last["writes"], last["sent"], last["reviews"], last["converged"]) == (0, 0, 0, True), told


@pytest.mark.parametrize("vice", [vices[0] for vices in HABITS])
def test_a_run_that_did_not_come_through_says_why_in_one_line(vice: str, stories: Stories) -> None:
    story = stories[vice]
    for run in story.runs:
        assert run["code"] == {"done": 0, "failed": 1}[run["outcome"]], run
        assert "Traceback" not in run["err"]
        assert bool(run["notes"]) == (run["outcome"] == "failed" or not run["converged"]), run
        for note in run["notes"]:
            assert note.startswith(("crm: ", "marketing: ")), note
            assert "\n" not in note


SAID = {
    "lost-answer": "the answer was cut off",
    "garbled": "JSON",
}


@pytest.mark.parametrize("vice", SAID)
def test_the_reason_is_told(vice: str, stories: Stories) -> None:
    story = stories[vice]
    notes = [note for run in story.runs for note in run["notes"]]
    assert any(SAID[vice] in note for note in notes), notes


@pytest.mark.parametrize("vice", [v[0] for v in HABITS if v[0] not in SAID])
def test_what_can_be_waited_for_or_asked_again_fails_no_run(vice: str, stories: Stories) -> None:
    story = stories[vice]
    assert [run["code"] for run in story.runs] == [0] * len(story.runs)
    assert len(story.runs) <= 6


def test_a_token_that_ends_is_renewed_as_often_as_it_takes(stories: Stories) -> None:
    asked = stories["token-expiry"].asked
    for routes in asked.values():
        assert sum(n for route, n in routes.items() if route.endswith("/token")) > 2, routes


def test_an_idle_run_without_the_hub_field_costs_one_request_a_stream(stories: Stories) -> None:
    idle = stories["no-hub-field"].idle
    assert idle is not None
    assert (idle["writes"], idle["api_calls"]) == (0, STREAMS), idle


def test_a_missing_hub_field_is_told_with_the_way_to_make_it(stories: Stories) -> None:
    check = stories["no-hub-field"].check
    assert check is not None
    text = " ".join(check.out.split())
    assert "Tieline_Id__c" in text
    assert "External ID" in text
    assert '"hasUniqueValue":true' in text.replace(" ", "")
    assert check.code == 0, "without it a sync is weaker, and possible"
    assert "ERROR" not in text
