"""Two vendors' SDKs, written by others, see what a sync did: an edit made with each reaches the other by the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.process.company import crm_sdk, marketing_sdk
from tests.process.harness import Desk, Sandboxes

pytest.importorskip("hubspot", reason="hubspot-api-client is not installed")
pytest.importorskip("simple_salesforce", reason="simple-salesforce is not installed")
pytest.importorskip("trustme", reason="trustme is not installed")

NEW = "zoe.newcomer@newfirm.example"


class Seen:
    """Contacts and accounts of both sides, by the hub id they carry, as the SDKs read them."""

    def __init__(self, sandboxes: Sandboxes) -> None:
        hub, sf = marketing_sdk(sandboxes).crm, crm_sdk(sandboxes)
        names = ["email", "firstname", "lastname", "jobtitle", "phone", "hs_email_optout", "tieline_id"]
        people = hub.contacts.get_all(properties=names)
        companies = hub.companies.get_all(properties=["tieline_id"])
        self.marketing = {r.properties["tieline_id"]: r for r in people}
        self.marketing_count = len(people)
        soql = "SELECT Id, Email, Title, Phone, HasOptedOutOfEmail, Tieline_Id__c FROM Contact"
        rows = sf.query_all(soql)["records"]
        self.crm = {r["Tieline_Id__c"]: r for r in rows}
        self.crm_count = len(rows)
        accounts = sf.query_all("SELECT Tieline_Id__c FROM Account")["records"]
        self.stamps = {
            "crm contacts": Counter(r["Tieline_Id__c"] for r in rows),
            "crm accounts": Counter(r["Tieline_Id__c"] for r in accounts),
            "marketing contacts": Counter(r.properties["tieline_id"] for r in people),
            "marketing companies": Counter(r.properties["tieline_id"] for r in companies),
        }
        """How often each hub id stands on the records of a side."""
        sf.session.close()

    @property
    def common(self) -> list[str]:
        """Hub ids that stand on both sides, each with an address."""
        return sorted(
            i
            for i in self.crm.keys() & self.marketing.keys()
            if i and self.crm[i]["Email"] and self.marketing[i].properties["email"]
        )


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A demo's company, synced; a day of edits by SDK; synced again, and again."""
    from hubspot.crm.contacts import SimplePublicObjectInput, SimplePublicObjectInputForCreate

    folder = tmp_path_factory.mktemp("sync")
    sandboxes = Sandboxes(folder / "sandbox", seed="demo")
    try:
        more = {f"{name}_more": f'ca = "{sandboxes.ca}"' for name in ("crm", "marketing")}
        desk = Desk(folder / "desk", sandboxes.url, sandboxes.token, **more)
        first = desk.until_quiet()
        before = Seen(sandboxes)
        titled, phoned, both, out = before.common[:4]
        hub, sf = marketing_sdk(sandboxes).crm.contacts, crm_sdk(sandboxes)

        def at_marketing(who: str, **properties: str) -> None:
            hub.basic_api.update(before.marketing[who].id, SimplePublicObjectInput(properties=properties))

        at_marketing(titled, jobtitle="Head of Everything")
        sf.Contact.update(before.crm[phoned]["Id"], {"Phone": "+44 20 5550 0199"})
        at_marketing(both, jobtitle="Chief of Staff")
        sf.Contact.update(before.crm[both]["Id"], {"Phone": "+44 20 5550 0111"})
        sf.Contact.update(before.crm[out]["Id"], {"HasOptedOutOfEmail": True})
        properties = {"email": NEW, "firstname": "Zoe", "lastname": "Newcomer"}
        hub.basic_api.create(SimplePublicObjectInputForCreate(properties=properties, associations=[]))
        sf.session.close()
        second = desk.sync()
        written = sandboxes.writes()
        third = desk.sync()
        yield SimpleNamespace(
            first=first, before=before, second=second, third=third, after=Seen(sandboxes),
            later=sandboxes.writes() - written, titled=titled, phoned=phoned, both=both, out=out,
        )  # fmt: skip
    finally:
        sandboxes.stop()


def test_the_first_sync_settles_and_nothing_of_it_fails(story: Any) -> None:
    assert [run["code"] for run in story.first if run["code"] not in (0, 3)] == []
    assert story.first[-1]["converged"] is True
    assert len(story.before.common) > 100


def test_no_hub_id_stands_twice_on_a_side(story: Any) -> None:
    for seen in (story.before, story.after):
        for stamps in seen.stamps.values():
            assert [i for i, n in stamps.items() if i and n > 1] == []
            assert sum(bool(i) for i in stamps) > 100


def test_an_edit_in_marketing_reaches_the_crm(story: Any) -> None:
    assert story.after.crm[story.titled]["Title"] == "Head of Everything"


def test_an_edit_in_the_crm_reaches_marketing(story: Any) -> None:
    assert story.after.marketing[story.phoned].properties["phone"] == "+44 20 5550 0199"


def test_edits_of_different_fields_of_one_contact_both_stand_on_both_sides(story: Any) -> None:
    crm, marketing = story.after.crm[story.both], story.after.marketing[story.both].properties
    assert (crm["Title"], crm["Phone"]) == ("Chief of Staff", "+44 20 5550 0111")
    assert (marketing["jobtitle"], marketing["phone"]) == ("Chief of Staff", "+44 20 5550 0111")


def test_an_opt_out_in_the_crm_reaches_marketing(story: Any) -> None:
    assert story.after.marketing[story.out].properties["hs_email_optout"] == "true"


def test_a_new_contact_is_made_once_on_the_other_side(story: Any) -> None:
    made = [r for r in story.after.crm.values() if (r["Email"] or "").lower() == NEW]
    assert len(made) == 1
    assert story.after.crm_count == story.before.crm_count + 1
    assert story.after.marketing_count == story.before.marketing_count + 1


def test_the_run_after_writes_nothing(story: Any) -> None:
    assert story.second["writes"] >= 6
    assert (story.third["writes"], story.third["orders"], story.later) == (0, {}, 0)
    assert story.third["converged"] is True
