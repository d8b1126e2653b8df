"""Each story is interrupted at every boundary there is, resumed, and must end as it does undisturbed."""

from __future__ import annotations

import pytest

from tests.simulation.stage import Stage
from tests.simulation.stories import STORIES, Story


def told(story: Story, crash_at: int | None) -> Stage:
    """The stage after a story and a rest."""
    stage = Stage(crash_at)
    story(stage)
    return stage


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_a_crash_at_any_boundary_does_not_change_the_end(story: Story) -> None:
    calm = told(story, None)
    boundaries = calm.count
    calm.rest()
    end = calm.end()
    assert end["unsettled"] == 0
    assert boundaries > 10
    for crash_at in range(1, boundaries + 1):
        stage = told(story, crash_at)
        stage.rest()
        assert stage.end() == end, f"{story.__name__} ends differently after a crash at boundary {crash_at}"
        stage.store.close()


def test_a_story_that_is_written_twice_would_be_noticed() -> None:
    """The end is told closely enough: a twin, a blank or an open question changes it."""
    stage = told(STORIES[0], None)
    stage.rest()
    before = stage.end()
    stage.create("crm", "contact", last_name="Ada")
    assert stage.end() != before
