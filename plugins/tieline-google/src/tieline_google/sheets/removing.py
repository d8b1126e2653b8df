"""Rows that are taken away. Another row that went in place of one, since somebody sorted the tab, is put back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tieline import Outcome, Write
from tieline_google.sheets.sending import ROUNDS, Sender
from tieline_google.sheets.view import View


def archive(sender: Sender, writes: Sequence[Write]) -> None:
    """Take rows away, in one call; another row that went instead of one is put back."""
    left = {w.remote_id or "": n for n, w in enumerate(writes)}
    for time in range(ROUNDS):
        before = sender.lens.just(lambda view: view.whole) or sender.lens.look(whole=True)
        for id in [i for i in left if i not in before.at or not before.find([i])]:
            sender.outcomes[left.pop(id)] = Outcome("ok" if time else "gone", remote_id=id)
        if not left:
            return
        sender.lens.bottom = 0
        _delete(sender, sorted((before.at[id] for id in left), reverse=True))
        after = sender.lens.look(left)
        if any(id in after.at for id in left):
            after = after if after.whole else sender.lens.look(whole=True)
            _restore(sender, before, after, set(left))
        for id in [i for i in left if i not in after.at]:
            sender.outcomes[left.pop(id)] = Outcome("ok", remote_id=id)
        if not left:
            return


def _delete(sender: Sender, numbers: Sequence[int]) -> None:
    def requests(id: int) -> list[Mapping[str, Any]]:
        ends = ({"sheetId": id, "dimension": "ROWS", "startIndex": n - 1, "endIndex": n} for n in numbers)
        return [{"deleteDimension": {"range": span}} for span in ends]

    sender.change(requests)


def _restore(sender: Sender, before: View, after: View, wanted: set[str]) -> None:
    """Put back rows that were there, were not to go, and are no more."""
    rows = [n for id, n in before.at.items() if id not in wanted and id not in after.at]
    left = [repr(after.known[n]) for n in after.keyless()]
    for number in before.keyless():
        text = repr(before.known[number])
        if text in left:
            left.remove(text)
        else:
            rows.append(number)
    lines = [{c: v for c, v in enumerate(before.known[n]) if v != ""} for n in rows]
    if lines:
        sender.append(lines, before)
