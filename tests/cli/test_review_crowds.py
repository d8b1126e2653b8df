"""Answering, on the command line, for many that nobody can tell apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def test_a_crowd_is_shown_in_brief_and_any_of_it_can_be_named(tieline: Any, configured: Path, world: Any) -> None:
    for system in ("crm", "marketing"):
        for n in range(15):
            world[system].person_create("account", {"name": f"{system} {n}", "domain": "firm.example"})
    tieline("sync", "--yes")
    [crowd] = json.loads(tieline("review", "list", "--json").stdout)
    number = str(crowd["id"])
    shown = tieline("review", "show", number).output
    assert "30 account records share 'firm.example' (15 in crm, 15 in marketing)" in shown
    assert tieline("review", "accept", number, "--take", "crm:1").exit_code == 2
    assert tieline("review", "accept", number).exit_code == 0
    tieline("sync")
    single = next(r for r in json.loads(tieline("review", "list", "--json").stdout) if r["system"] == "crm")
    unnamed = world["marketing"].alive("account")[14].id
    assert f"marketing:{unnamed}" not in single["detail"]["choices"]
    unsaid = tieline("review", "accept", str(single["id"]))
    assert unsaid.exit_code == 2
    assert "needs to know which" in unsaid.stderr
    assert tieline("review", "accept", str(single["id"]), "--take", "nobody").exit_code == 2
    assert tieline("review", "accept", str(single["id"]), "--take", f"marketing:{unnamed}").exit_code == 0
    tieline("sync", "--yes")
    assert "firm.example" in tieline("explain", "account", f"marketing:{unnamed}").output
