"""Makes a failing schedule smaller: classes of trouble are switched off one by one, and stay off if it still fails."""

from __future__ import annotations

from tieline.testing.simulation.loop import Result, Schedule, simulate


def shrink(seed: int, setting: str | None = None) -> Result:
    """The failing schedule with the fewest troubles that this way leads to, its log kept.

    A schedule without a trouble is another schedule: what is looked for is a violation of the same invariant, not the
    same violation. A schedule that violates nothing comes back as it is.
    """
    schedule = Schedule(seed, setting)
    troubles = schedule.setting.troubles()
    schedule.close()
    first = simulate(seed, setting)
    if not first.violations:
        return first
    wanted = {v.invariant for v in first.violations}
    off: list[str] = []
    for trouble in troubles:
        result = simulate(seed, setting, off=[*off, trouble])
        if wanted & {v.invariant for v in result.violations}:
            off.append(trouble)
    return simulate(seed, setting, off=off, log=True)


__all__ = ["shrink"]
