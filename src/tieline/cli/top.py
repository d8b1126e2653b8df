"""The first screen: every command with one line. Plain data, so that `tieline --help` imports nothing else."""

from __future__ import annotations

GROUPS: dict[str, dict[str, str]] = {
    "Start": {
        "demo": "Sync four stand-ins through a day of edits; needs no account.",
        "init": "Write a commented tieline.toml and make the home.",
        "check": "Say what is wrong or weak: the file, then each system.",
    },
    "Sync": {
        "plan": "Read the systems and show what a sync would write, and why.",
        "sync": "Read, plan and write; then nothing is left to do.",
        "run": "Sync on the schedule of the configuration, in the foreground.",
    },
    "See": {
        "status": "Systems, last runs, what waits.",
        "history": "Every change of one record.",
        "explain": "Why a field has the value it has.",
        "review": "Answer what waits for a person.",
    },
    "More": {
        "auth": "Sign in and out; where credentials come from.",
        "rebuild": "A new memory for a home whose database is damaged.",
        "plugins": "The connectors and hooks that are installed.",
        "sandbox": "Serve stand-ins of vendors on this machine.",
    },
}
"""Heading → command → its line. Each command lives in `tieline.cli.NAME_command`."""

COMMANDS = {name: line for group in GROUPS.values() for name, line in group.items()}

OPTIONS = {
    "--config FILE": "The configuration.  [default: tieline.toml here, or in HOME]",
    "--home DIR": "Where Tieline keeps its memory.  [env: TIELINE_HOME; default: .tieline beside the configuration]",
    "-v, --verbose": "Log to the terminal; twice for more.",
    "--version": "Show the version.",
    "-h, --help": "Show this, or a command's own help.",
}


def help_text() -> str:
    """What `tieline --help` prints."""
    lines = [
        "Usage: tieline [OPTIONS] COMMAND [ARGS]...",
        "",
        "  Keeps CRM, marketing, support and files equal, both ways, and can prove it.",
    ]
    for heading, commands in GROUPS.items():
        lines += ["", f"{heading}:", *(f"  {name:<15}{line}" for name, line in commands.items())]
    lines += ["", "Options:", *(f"  {name:<15}{line}" for name, line in OPTIONS.items())]
    lines += ["", "A connector may have commands of its own: tieline CONNECTOR --help"]
    lines += ["Every command takes --json and --help. Example: tieline plan"]
    return "\n".join(lines) + "\n"
