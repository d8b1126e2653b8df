"""Named stories, each a few runs long, that a crash at any boundary must not end differently.

A story is a function of a `Stage`; what it does to the systems does not depend on what the hub did so far, but for the
ids it looks up.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.stage import Stage
from tieline.rules import Policy, SystemRules

Story = Callable[[Stage], None]


def first_adoption(stage: Stage) -> None:
    """Both sides hold partly the same people and firms."""
    firm = stage.create("crm", "account", name="Acme", domain="acme.example")
    stage.create("mail", "account", name="ACME", domain="acme.example", phone="1")
    stage.create("crm", "contact", email="ada@acme.example", last_name="Ada", account=firm)
    stage.create("mail", "contact", email="Ada@acme.example", title="CTO")
    stage.create("mail", "contact", email="bob@acme.example", last_name="Bob")
    stage.run()


def first_sync_into_an_empty_system(stage: Stage) -> None:
    """Everything has to be made, in several batches, parents first."""
    firm = stage.create("crm", "account", name="Acme", domain="acme.example")
    for n in range(4):
        stage.create("crm", "contact", email=f"p{n}@acme.example", last_name=f"P{n}", account=firm)
    stage.run()


def an_edit_travels(stage: Stage) -> None:
    """One field, one way."""
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    stage.run()
    stage.edit("crm", "contact", ada, title="CTO")
    stage.run()


def edits_of_different_fields(stage: Stage) -> None:
    """They do not conflict."""
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    stage.run()
    stage.edit("crm", "contact", ada, title="CTO")
    stage.edit("mail", "contact", stage.only("mail", "contact"), phone="12")
    stage.run()


def a_conflict(stage: Stage) -> None:
    """The newest edit wins."""
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada", title="one")
    stage.run()
    stage.edit("crm", "contact", ada, title="two")
    stage.edit("mail", "contact", stage.only("mail", "contact"), title="three")
    stage.run()


def a_conflict_that_somebody_owns(stage: Stage) -> None:
    """A policy prefers one system."""
    stage.policies["contact"]["title"] = Policy("prefer", "crm")
    a_conflict(stage)


def a_field_is_cleared(stage: Stage) -> None:
    """Null travels too."""
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada", title="one")
    stage.run()
    stage.edit("crm", "contact", ada, title=None)
    stage.run()


def both_sides_make_records(stage: Stage) -> None:
    """After the first sync, on both sides at once."""
    stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    stage.run()
    stage.create("crm", "contact", email="bob@acme.example", last_name="Bob")
    stage.create("mail", "contact", email="eve@acme.example", last_name="Eve")
    stage.run()


def a_create_is_lost(stage: Stage) -> None:
    """Its answer never comes; it is found again."""
    stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    stage.faults["mail"].force("lost_after")
    stage.run()
    stage.run()


def a_create_without_a_key_is_lost(stage: Stage) -> None:
    """The same, with nothing but the hub's id to find it by, in the system that refuses a second one."""
    stage.create("mail", "contact", last_name="Ada")
    stage.faults["crm"].force("lost_after")
    stage.run()
    stage.run()


def a_lost_create_is_deleted(stage: Stage) -> None:
    """Somebody deletes it before the hub has found it."""
    stage.rules["mail"]["contact"] = SystemRules(delete="archive")
    stage.create("crm", "contact", last_name="Ada")
    stage.faults["mail"].force("lost_after")
    stage.run()
    for record in stage.systems["mail"].alive("contact"):
        stage.delete("mail", "contact", record.id)
    stage.run()


def an_update_is_lost(stage: Stage) -> None:
    """Its answer never comes; it is no edit of a person's."""
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    stage.run()
    stage.edit("crm", "contact", ada, title="CTO")
    stage.faults["mail"].force("lost_after")
    stage.run()
    stage.edit("crm", "contact", ada, title="CEO")
    stage.run()


def a_deletion_is_carried_out(stage: Stage) -> None:
    """The policy says so."""
    stage.rules["crm"]["contact"] = SystemRules(delete="archive")
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    stage.create("crm", "contact", email="bob@acme.example", last_name="Bob")
    stage.run()
    stage.delete("crm", "contact", ada)
    stage.run()


def a_deletion_is_approved(stage: Stage) -> None:
    """Somebody is asked first."""
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    stage.run()
    stage.delete("crm", "contact", ada)
    stage.run()
    stage.answer("accepted")
    stage.run()


def two_are_merged(stage: Stage) -> None:
    """In one system; the other one is asked about."""
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    bob = stage.create("crm", "contact", email="bob@acme.example", last_name="Bob", title="CTO")
    stage.run()
    stage.systems["crm"].person_merge("contact", ada, bob)
    stage.run()
    stage.answer("accepted")
    stage.run()


def a_merge_while_writing(stage: Stage) -> None:
    """The hub has just written down what it will send."""
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    bob = stage.create("crm", "contact", email="bob@acme.example", last_name="Bob")
    stage.run()
    stage.edit("mail", "contact", stage.other("crm", "contact", bob, "mail"), phone="12")
    stage.during("intended", lambda: stage.systems["crm"].person_merge("contact", ada, bob))
    stage.run()
    stage.run()


def an_edit_while_writing(stage: Stage) -> None:
    """Another field of the record that is being written."""
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    stage.run()
    stage.edit("crm", "contact", ada, title="CTO")
    mail = stage.only("mail", "contact")
    stage.during("intended", lambda: stage.systems["mail"].person_edit("contact", mail, {"phone": "12"}))
    stage.run()


def out_of_the_bin(stage: Stage) -> None:
    """What was archived everywhere is taken back in one system."""
    stage.rules["crm"]["contact"] = SystemRules(delete="archive")
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    stage.run()
    stage.delete("crm", "contact", ada)
    stage.run()
    stage.clock.advance(60_000)
    stage.systems["crm"].person_undelete("contact", ada)
    stage.run()


def out_and_in_again(stage: Stage) -> None:
    """An opt-out goes everywhere; the way back waits for a person."""
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada", consent_email="allowed")
    stage.run()
    mail = stage.only("mail", "contact")
    stage.edit("mail", "contact", mail, consent_email="opted_out")
    stage.run()
    stage.edit("crm", "contact", ada, consent_email="allowed")
    stage.run()
    stage.answer("accepted")
    stage.run()


def a_value_is_refused(stage: Stage) -> None:
    """Until the picklist takes it; the other field goes on."""
    stage.systems["mail"].set_choices("contact", "lead_source", ("web",))
    stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    stage.run()
    stage.edit("crm", "contact", stage.only("crm", "contact"), lead_source="fair", title="CTO")
    stage.run()
    stage.systems["mail"].set_choices("contact", "lead_source", ("web", "fair"))
    stage.clock.advance(86_400_000)
    stage.run()


def a_parent_comes_with_its_child(stage: Stage) -> None:
    """A new firm, and somebody who already is there moves to it."""
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    stage.run()
    firm = stage.create("crm", "account", name="Acme", domain="acme.example")
    stage.edit("crm", "contact", ada, account=firm)
    stage.run()


def an_answer_while_writing(stage: Stage) -> None:
    """Somebody decides about a deletion in the middle of a run."""
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    bob = stage.create("crm", "contact", email="bob@acme.example", last_name="Bob")
    stage.run()
    stage.delete("crm", "contact", ada)
    stage.run()
    stage.edit("crm", "contact", bob, title="CTO")
    stage.during("intended", lambda: stage.answer("accepted"))
    stage.run()
    stage.run()


def a_doubtful_match_is_another(stage: Stage) -> None:
    """Two in one system share an address; they are two."""
    stage.create("crm", "contact", email="desk@acme.example", last_name="Ada")
    stage.create("crm", "contact", email="desk@acme.example", last_name="Bob")
    stage.create("mail", "contact", email="eve@acme.example", last_name="Eve")
    for _ in range(3):
        stage.run()
        stage.answer("rejected")
    stage.run()


def a_new_address(stage: Stage) -> None:
    """An e-mail changes: it is the same person."""
    ada = stage.create("crm", "contact", email="ada@acme.example", last_name="Ada")
    stage.run()
    stage.edit("crm", "contact", ada, email="ada@new.example")
    stage.run()


STORIES: tuple[Story, ...] = (
    first_adoption, first_sync_into_an_empty_system, an_edit_travels, edits_of_different_fields, a_conflict,
    a_conflict_that_somebody_owns, a_field_is_cleared, both_sides_make_records, a_create_is_lost,
    a_create_without_a_key_is_lost, a_lost_create_is_deleted, an_update_is_lost, a_deletion_is_carried_out,
    a_deletion_is_approved, two_are_merged, a_merge_while_writing, an_edit_while_writing, out_of_the_bin,
    out_and_in_again, a_value_is_refused, a_parent_comes_with_its_child, an_answer_while_writing,
    a_doubtful_match_is_another, a_new_address,
)  # fmt: skip
