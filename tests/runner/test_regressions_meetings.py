"""Two records turn out to be one while a write is under way to one of them: cases that once went wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tieline.errors import Unavailable

A_SECOND = 1000


def meet(office: Any, **mail: Any) -> None:
    """Two records that only the crm can tell to be one, the second of them in `mail` too, the first not.

    A title for the second is on its way from the desk to crm and mail; in the crm people merge it into the first while
    the first write is prepared. `mail_id` is the second in mail.
    """
    office.add("crm", redirects=True)
    office.add("mail", **mail)
    office.add("desk")
    office.rule("mail", "contact", create=False)
    office.mail_id = office.create("mail", "contact", email="two@firm.example", last_name="Mail's own")
    office.sync()
    office.rule("desk", "contact", create=False)
    one = office.create("crm", "contact", email="one@firm.example", last_name="One")
    office.sync()
    crm, second = office.connectors["crm"], office.by_name("crm", "contact", "Mail's own", "last_name").id
    look = crm.read

    def read(stream: str, ids: Any, fields: Any) -> Any:
        if fields is not None:  # the look before a write
            crm.read = look
            office.clock.advance(A_SECOND)
            office.systems["crm"].person_merge("contact", one, second)
        return look(stream, ids, fields)

    crm.read = read
    office.edit("desk", "contact", office.only("desk", "contact").id, title="Desk's title")
    office.edit("crm", "contact", one, last_name="One's own", title="One's title")


def lose_next(office: Any, *, arrives: bool = True) -> Any:
    """The answer to the next write in mail is lost. Returns a call that lets it arrive, if it did not at once."""
    mail, lost = office.connectors["mail"], []
    take = mail.write

    def write(stream: str, writes: Any) -> Any:
        mail.write = take
        lost.append((stream, writes))
        if arrives:
            take(stream, writes)
        raise Unavailable("the line is cut", sent=True)

    mail.write = write
    return lambda: take(*lost.pop())


def overridden(office: Any) -> str:
    """What the journal says to have lost in mail."""
    entries = office.journal("mail", "contact", office.mail_id)
    return "".join(e.changes for e in entries if (e.op, e.system) == ("conflict", "mail"))


def agreed(office: Any) -> bool:
    """Whether crm and mail hold what is newest of the one whom people made of two."""
    wanted = {"last_name": "One's own", "title": "One's title"}
    return all(wanted.items() <= office.only(s, "contact").fields.items() for s in ("crm", "mail"))


@pytest.mark.parametrize("strong_read", [True, False], ids=["before the write", "during the write"])
def test_two_that_turn_out_to_be_one_while_a_write_is_under_way_agree_on_every_field_anew(
    office: Any, strong_read: bool
) -> None:
    meet(office, strong_read=strong_read)
    for _ in range(4):
        office.sync()
    assert agreed(office)
    assert "Mail's own" in overridden(office), "what was entered there is overwritten, and nobody knows"
    assert ("Desk's title" in overridden(office)) is not strong_read, "what nobody is owed any more was written"


def test_a_lost_write_is_no_agreement_with_another_record_that_its_remote_came_to_stand_for(office: Any) -> None:
    meet(office, strong_read=False)
    lose_next(office)
    for _ in range(5):
        office.sync()
    assert agreed(office)
    assert "Desk's title" in overridden(office)


def test_nothing_else_is_written_where_a_lost_write_may_still_arrive_whatever_record_it_is_by_now(office: Any) -> None:
    meet(office, strong_read=False, server_ms=600_000)
    arrive = lose_next(office, arrives=False)
    office.sync()
    office.sync()
    assert office.only("mail", "contact").fields["last_name"] == "Mail's own"
    arrive()
    office.sync(900_000)
    for _ in range(3):
        office.sync()
    assert agreed(office)
