"""What all tests share: a property is judged by what is found, never by how long an example takes on a busy machine."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


@pytest.fixture(scope="session", autouse=True)
def compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where Python is told to leave nothing compiled behind, as in most containers, the commands that tests start keep
    it in a folder of this test run: to compile anew would be half of the work of so many short processes."""
    if sys.dont_write_bytecode:
        run = tmp_path_factory.getbasetemp()
        folder = run.parent if "PYTEST_XDIST_WORKER" in os.environ else run  # one for all workers
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
