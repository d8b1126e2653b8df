"""What a reading and a confirmed write do to one link. Pure.

`observe` writes `seen` only; `confirm` is what a write's answer does, `settle` what a look does after an answer was
lost. What differs between `seen` and `base` afterwards is for `merge` to judge.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from tieline.engine.match import equivalent
from tieline.model import Fields, Link, Remote, agreed, lacks
from tieline.records import Cell, Kind, spec_of

_ABSENT = object()
CUT_OFF = 10
"""Characters from which on the beginning of a text may be what a system cut it to; anything shorter is an edit."""


def observe(link: Link, remote: Remote) -> Link:
    """The link after its remote was seen alive. `base` stays; edit times are set where seen now differs from it.

    What was agreed elsewhere and never seen here (see `moved`) is not cleared by a blank: nothing was agreed here then.
    """
    seen = dict(link.seen)
    times = dict(link.times)
    sent = dict(link.sent)
    left: set[str] = set()
    for name, value in remote.fields.items():
        if name in seen and seen[name] == value:
            continue
        based = name in link.base
        if based and name not in seen and value is None and link.base[name] is not None:
            left.add(name)
            sent.pop(name, None)
        elif not based or name in seen or link.base[name] != value:
            sent.pop(name, None)
        seen[name] = value
        if name in left or (based and link.base[name] == value):
            times.pop(name, None)
        else:
            stamp = remote.field_times.get(name) if remote.field_times else None
            times[name] = remote.modified if stamp is None else stamp
    return link._replace(
        remote_id=remote.id,
        seen=seen,
        base={n: v for n, v in link.base.items() if n not in left} if left else link.base,
        times=times,
        sent=sent,
        version=remote.version,
        modified=remote.modified,
        gone=None,
        risen=0,
        stamped=link.stamped or remote.hub_id is not None,
    )


def moved(link: Link, remote_id: str, stream: str) -> Link:
    """The link of a remote that people converted: what was agreed stays agreed, and nothing was seen of it there yet.

    So a value that a conversion carries along is no edit, one that it leaves behind is not cleared elsewhere, and what
    was owed to the old remote is owed to the new one.
    """
    bare = link._replace(seen={}, base=dict(link.base), version="", times={}, gone=None, risen=0, stamped=False)
    return bare._replace(remote_id=remote_id, stream=stream)


def confirm(
    link: Link, written: Fields, remote: Remote | None, refused: Iterable[str] = (), *, atomic: bool = True
) -> Link:
    """The link after a write was applied: seen and base become what the server says is there.

    `written` and `remote` are in the system's own id space. A field that the server left out of its answer counts as
    taken as sent. What the server made of a value that it stores differently is remembered in `sent`. The version is
    known only if the answer holds every field: else an edit that came in between would never be read. Where the
    answer is not of the very moment of the write (`atomic`), a value that no usual normal form explains is somebody's
    edit since.
    """
    skip = frozenset(refused)
    answer: Fields = remote.fields if remote is not None else {}
    if atomic and not skip and remote is not None:
        stored = {n: answer.get(n, v) for n, v in written.items()}
        after = {**link.seen, **stored}
        if answer.items() <= after.items():  # the usual case: nothing but our own write has moved
            return _taken(link, written, stored, after, remote)
    seen, base, times, sent = dict(link.seen), dict(link.base), dict(link.times), dict(link.sent)
    for name, value in written.items():
        if name in skip:
            continue
        stored = answer.get(name, value)
        if not atomic and remote is not None and not stored_as(name, link.kind, value, stored):
            seen[name], base[name], times[name] = stored, value, remote.modified
            sent.pop(name, None)
            continue
        seen[name] = base[name] = stored
        times.pop(name, None)
        if stored == value:
            sent.pop(name, None)
        else:
            sent[name] = value
    for name, value in answer.items():
        if name not in written and seen.get(name, _ABSENT) != value and remote is not None:
            if value is None and name not in seen:
                base.pop(name, None)  # left behind by a conversion, see `moved`
            seen[name] = value  # somebody's edit, or a field the server derives: an observation like any other
            if base.get(name, _ABSENT) != value:
                times[name] = remote.modified - 1  # before our write, whose stamp this is
    whole = remote is not None and base.keys() <= seen.keys() <= answer.keys()
    return link._replace(
        seen=seen,
        base=base,
        times=times,
        sent=sent,
        version=remote.version if remote is not None and whole else "",
        remote_id=remote.id if remote is not None else link.remote_id,
        stamped=link.stamped or (remote is not None and remote.hub_id is not None),
    )


def as_sent(link: Link, written: Fields, answer: Fields, unshared: Collection[str]) -> Fields | None:
    """What is seen after the usual write: all as it was before but for what was sent, and the answer says just that.

    None: it is not the usual one, and `confirm` and `unmerged` tell more. Else they would say that the base lacks what
    it has lacked before, that nothing is unmerged, and that no times nor anything `sent` are to be kept. The answer is
    whole where it is as long.
    """
    known = () if link.base is link.seen else lacks(link.seen, link.base)
    if known is None or link.times or link.sent:
        return None
    for name in known:
        if name in written or name not in unshared:
            return None
    after = {**link.seen, **written}
    return after if answer in (written, after) else None


def _taken(link: Link, written: Fields, stored: Fields, seen: Fields, remote: Remote) -> Link:
    """The link after a write that was taken while nobody edited anything else. `seen` is what is there now."""
    odd = {} if stored == written else {n: v for n, v in written.items() if stored[n] != v}
    whole = seen.keys() <= remote.fields.keys() and (link.base is link.seen or link.base.keys() <= seen.keys())
    return Link(  # all of it, as `_replace` costs more than all the rest of this
        link.system,
        link.kind,
        link.stream,
        remote.id,
        link.record,
        seen,
        _agreed(link, stored, seen),
        remote.version if whole else "",
        link.modified,
        {n: t for n, t in link.times.items() if n not in stored} if link.times else link.times,
        {**{n: v for n, v in link.sent.items() if n not in stored}, **odd} if link.sent or odd else link.sent,
        link.gone,
        link.stamped or remote.hub_id is not None,
    )


def _agreed(link: Link, stored: Fields, seen: Fields) -> Fields:
    """The base after what is `stored` was agreed; `seen` is what is there now."""
    if link.base is link.seen:
        return seen
    base, known = {**link.base, **stored}, lacks(link.seen, link.base)
    return base if known is None or not stored.keys().isdisjoint(known) else agreed(base, seen, known)


def adrift(link: Link, payload: Fields, remote: Remote | None) -> Link:
    """The link after a write that was meant for another record: two turned out to be one while it was under way.

    What is there now was never agreed with the record that the link stands for, so `base` stays: it is an observation,
    and none that the write's own stamp makes young. The version is unknown: what else is there is to be read.
    """
    held = payload if remote is None else {**payload, **remote.fields}
    return observe(link, Remote(link.remote_id, held, modified=link.modified))._replace(gone=link.gone)


def settle(link: Link, payload: Fields, remote: Remote) -> Link:
    """The link after a strong read answers a write of unknown outcome: what equals the payload is our own write."""
    applied = {n: v for n, v in payload.items() if n in remote.fields and arrived(link, n, v, remote.fields[n])}
    observed = observe(link, remote)
    return confirm(observed, applied, remote._replace(fields={n: remote.fields[n] for n in applied}))


def late(link: Link, given_up: Collection[Fields], held: Fields) -> Link:
    """The link of what a create made that was given up, as it is seen now: what one of those carried is no edit,
    however young its stamp. `given_up` and `held` are in hub space; what is not in `held` counts as somebody's own."""
    base, sent = dict(link.base), dict(link.sent)
    for name, value in held.items():
        if name in link.base or name not in link.seen:
            continue
        carried = [p[name] for p in given_up if name in p and stored_as(name, link.kind, p[name], value, shortest=1)]
        if carried:
            base[name] = link.seen[name]
        if carried and value not in carried:
            sent[name] = carried[-1]
    return link._replace(base=base, sent=sent, times={n: t for n, t in link.times.items() if n not in base})


def arrived(link: Link, name: str, sent: Cell, held: Cell) -> bool:
    """Whether what is held in a field is our write: what was there before and is not what was sent never arrived."""
    if held != sent and name in link.seen and link.seen[name] == held:
        return False
    return stored_as(name, link.kind, sent, held, shortest=1)


def stored_as(name: str, kind: Kind, sent: Cell, held: Cell, shortest: int = CUT_OFF) -> bool:
    """Whether what is held can be what the system made of what was sent: spelled, trimmed or cut off differently."""
    if sent == held or equivalent(spec_of(kind, name).type, sent, held):
        return True
    if not isinstance(sent, str) or not isinstance(held, str) or not held.strip():
        return False
    whole, part = sent.strip(), held.strip()
    return whole == part or (len(part) >= shortest and whole.startswith(part))


def unmerged(link: Link, names: Iterable[str] | None = None, *, unshared: Collection[str] = ()) -> bool:
    """Whether something (of these fields; not what nobody shares) was seen there that no merge has taken in yet."""
    seen, base = link.seen, link.base
    known = lacks(seen, base) if names is None else None
    if known is not None and not set(known).difference(unshared):
        return False
    if seen is base or (names is None and len(seen) <= len(base) + len(unshared) and _covered(seen, base, unshared)):
        return False
    for name in seen if names is None else names:
        if name in seen and seen[name] != base.get(name) and name not in unshared:
            return True
    return False


def _covered(seen: Fields, base: Fields, unshared: Collection[str]) -> bool:
    """Whether `base` is what is seen, but for what nobody shares; a quick look before the long one."""
    lacking = len(seen) - len(base)
    if lacking != sum([n in seen and n not in base for n in unshared]):
        return False
    return base.items() <= seen.items()
