"""What a plugin's README says of its stand-in: a stranger can try all of it, and no vice is untold or made up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tieline.plugins import Registry
from tieline.sandbox import SandboxOptions

ROOT = Path(__file__).parents[2]
VENDORS = ("google", "hubspot", "salesforce", "zendesk")


def section(vendor: str) -> str:
    """The part of the README that is about the stand-in."""
    text = (ROOT / "plugins" / f"tieline-{vendor}" / "README.md").read_text("utf-8")
    found = re.search(r"^## The stand-in\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"{vendor} does not say how its stand-in is tried"
    return found[1]


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_readme_names_every_vice_of_the_stand_in_and_no_other(vendor: str) -> None:
    told = section(vendor).partition("Its vices")[2]
    words = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)*)`", told.partition("\n\n")[0]))
    words -= {"tieline_id"}
    assert words == set(Registry.discover().get(vendor).vices)


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_the_readme_signs_in_with_is_what_the_stand_in_takes(vendor: str) -> None:
    spec, told = Registry.discover().get(vendor), section(vendor)
    assert f"tieline sandbox {vendor}" in told
    assert spec.sandbox is not None
    stand_in = spec.sandbox(SandboxOptions())
    token = str(getattr(stand_in, "token", ""))
    assert token in told or "as it says" in told
    for name in ("api_user", "api_token"):
        said = getattr(stand_in, name, None)
        assert said is None or f"`{said}`" in told, name
