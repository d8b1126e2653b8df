"""Two habits that a person is asked about: records that somebody merges, and picklists that take less than before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.process import company

Scene = Callable[..., Any]
INDUSTRIES = """
[systems.marketing.map.account.industry]
field = "industry"
values.COMPUTER_SOFTWARE = "Technology"
values.BANKING = "Banking"
"""


def orders_of(run: Any, op: str) -> int:
    return sum(ops.get(op, 0) for kinds in run["orders"].values() for ops in kinds.values())


def test_a_merge_behind_our_back_brings_nobody_back_and_asks_about_the_other_side(scene: Scene) -> None:
    here = scene("merged")
    company.fill(here.sandboxes)
    runs = here.desk.until_quiet()
    assert all(r["code"] in (0, 3) for r in runs), [(r["code"], r["notes"]) for r in runs]
    people = Counter(company.emails())
    outside = company.Outside(here.sandboxes)
    gone = people - outside.emails("crm")
    assert sum(gone.values()) == 1, "nobody was merged: this shows nothing"
    assert outside.emails("crm") == people - gone, "the merged one was brought back"
    assert outside.emails("marketing") == people, "nobody said that it may go there, too"
    (review,) = here.desk.run("review", "list", "--json").json
    assert (review["topic"], review["detail"]["system"]) == ("merge", "marketing")
    assert "was merged into another contact elsewhere" in review["summary"]
    shown = here.desk.run("review", "show", str(review["id"])).out
    assert f"accept: archive marketing:{review['detail']['remote_id']}" in shown
    assert here.desk.run("review", "accept", str(review["id"])).code == 0
    answered = here.desk.until_quiet()
    assert [orders_of(r, "archive") for r in answered] == [1, 0]
    assert (answered[-1]["code"], answered[-1]["reviews"]) == (0, 0)
    outside = company.Outside(here.sandboxes)
    assert outside.emails("crm") == outside.emails("marketing") == people - gone


def test_an_option_that_was_taken_away_waits_alone_and_is_taken_as_soon_as_it_is_mended(scene: Scene) -> None:
    here = scene("restricted-picklist", more=INDUSTRIES)
    ids = company.crm_create(
        here.sandboxes,
        "Account",
        [
            {"Name": "Soft Works", "Website": "soft.example", "Industry": "Technology", "Phone": "555-0100"},
            {"Name": "Safe Bank", "Website": "safe.example", "Industry": "Banking"},
        ],
    )
    runs = here.desk.until_quiet(sent=lambda: here.counter.writes)
    assert (runs[-1]["code"], runs[-1]["sent"], runs[-1]["converged"]) == (3, 0, True), runs[-1]

    def held() -> dict[str, Any]:
        api = company.marketing_sdk(here.sandboxes).crm.companies
        return {r.properties["name"]: r.properties for r in api.get_all(properties=["name", "phone", "industry"])}

    assert {n: p["industry"] for n, p in held().items()} == {"Soft Works": None, "Safe Bank": "BANKING"}
    assert held()["Soft Works"]["phone"] == "555-0100", "the other fields go on"
    (review,) = here.desk.run("review", "list", "--json").json
    assert (review["topic"], review["detail"]["field"], review["detail"]["system"]) == (
        "rejected", "industry", "marketing",
    )  # fmt: skip
    here.sandboxes.ask("crm", f"{company.API}/sobjects/Account/{ids[0]}", {"Industry": "Banking"}, "PATCH")
    mended = here.desk.until_quiet()
    assert (mended[-1]["code"], mended[-1]["reviews"]) == (0, 0), mended[-1]
    assert held()["Soft Works"]["industry"] == "BANKING"
