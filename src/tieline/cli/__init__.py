"""The command line. `main` answers `--help` and `--version` itself, so that they cost almost nothing.

A command reads its options, asks the hub and prints; it decides nothing about syncing.
"""

from __future__ import annotations

import gc
import os
import sys

GC_OBJECTS = 150_000
"""New objects before the interpreter looks for cycles: what is imported and pages of records make thousands at once,
and no cycles."""


def main() -> None:
    """The `tieline` command; ends the process with its exit code."""
    arguments = sys.argv[1:]
    gc.set_threshold(GC_OBJECTS, 20, 100)
    if not arguments or arguments in (["--help"], ["-h"]):
        from tieline.cli.top import help_text

        sys.stdout.write(help_text())
        sys.exit(0)
    if arguments == ["--version"]:
        from tieline import __version__

        sys.stdout.write(f"tieline {__version__}\n")
        sys.exit(0)
    # else pydantic reads every installed distribution for plugins of its own, and runs what it finds
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        from tieline.cli.app import app
    except KeyboardInterrupt:  # the one moment that the boundary does not cover
        sys.exit(130)
    try:
        app.main(prog_name="tieline")
    finally:
        gc.freeze()  # the process ends here: nobody need look for cycles in all that is left


__all__ = ["main"]
