"""What holds for every command: help, exit codes, one JSON value, and errors that say what to do next."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from click.testing import Result

from tieline import __version__
from tieline.cli.app import app
from tieline.cli.boundary import report
from tieline.cli.session import Session
from tieline.cli.top import COMMANDS, help_text
from tieline.errors import Broken, Locked, NotFound, Unavailable, UserError

Tieline = Callable[..., Result]


PRESENT = [name for name in COMMANDS if find_spec(f"tieline.cli.{name}_command") is not None]


def every_command() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    context = click.Context(app)
    for name in PRESENT:
        command = app.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found += [(f"{name} {sub}", child) for sub, child in command.commands.items()]
        else:
            found.append((name, command))
    return found


def test_the_first_screen_is_the_same_with_and_without_the_command_line_library(tieline: Tieline) -> None:
    assert tieline("--home", "x", "--help").output == help_text()


def test_help_and_version_import_no_library_at_all() -> None:
    code = (
        "import sys; from tieline.cli import main\n"
        "sys.argv = ['tieline', sys.argv[1]]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'click', 'pydantic', 'pluggy', 'rich', 'httpx2', 'importlib.metadata', 'json'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    for option, first in (("--help", "Usage: tieline"), ("--version", f"tieline {__version__}")):
        done = subprocess.run([sys.executable, "-S", "-c", BARE + code, option], capture_output=True, text=True)
        assert done.stdout.startswith(first), done.stderr
        assert done.stdout.endswith("heavy: []\n"), done.stdout


BARE = f"import sys; sys.path[:0] = {[p for p in sys.path if p]!r}\n"


@pytest.mark.parametrize("name", PRESENT)
def test_every_command_has_help_with_an_example(tieline: Tieline, name: str) -> None:
    found = tieline(name, "--help")
    assert found.exit_code == 0
    assert f"Example: tieline {name}" in found.output


@pytest.mark.parametrize("name", ["auth", "plugins", "review"])
def test_a_group_lists_its_commands_in_whole_sentences(tieline: Tieline, name: str) -> None:
    assert "..." not in tieline(name, "--help").output.partition("Commands:")[2]


def test_an_unknown_command_names_the_nearest(tieline: Tieline) -> None:
    found = tieline("stauts")
    assert found.exit_code == 2
    assert found.stderr == "Error: There is no command 'stauts'; did you mean 'status'?\nNext: tieline --help\n"


def test_a_wrong_option_names_the_commands_own_help(tieline: Tieline) -> None:
    found = tieline("plan", "--offlin")
    assert found.exit_code == 2
    assert "Next: tieline plan --help" in found.stderr


def test_errors_are_one_json_value_too(tieline: Tieline) -> None:
    for arguments in (["plan", "--json"], ["plan", "--wrong", "--json"], ["nothing", "--json"]):
        found = tieline(*arguments)
        assert found.exit_code == 2
        error = json.loads(found.stdout)["error"]
        assert error["exit_code"] == 2
        assert error["message"]
        assert found.stderr == ""


def test_options_are_taken_before_and_after_the_command(tieline: Tieline, here: Path) -> None:
    for arguments in (["--config", "a.toml", "check"], ["check", "--config", "a.toml"]):
        assert f"there is no configuration at {here / 'a.toml'}" in tieline(*arguments).stderr


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (UserError("wrong", hint="do this"), 2, "Error: wrong\nNext: do this\n"),
        (Locked("somebody is here"), 1, "Error: somebody is here\nNext: tieline status\n"),
        (Unavailable("no answer"), 1, "Error: no answer\nNext: the same command again, later\n"),
        (NotFound("no such record"), 1, "Error: no such record\n"),
        (Broken("in plugin 'x'"), 1, "Error: a bug: in plugin 'x'\n"),
        (OSError(28, "No space left on device"), 1, "Error: No space left on device\n"),
        (PermissionError(13, "Permission denied", "/a"), 1, "Error: /a: Permission denied\n"),
        (ZeroDivisionError("division by zero"), 1, "Error: a bug in Tieline: ZeroDivisionError: division by zero\n"),
        (KeyboardInterrupt(), 130, "Error: interrupted; what was committed stays\n"),
        (UserError("a\x1b[2Jb"), 2, "Error: a\\x1b[2Jb\n"),
    ],
)
def test_each_sort_of_error_has_its_exit_code_and_no_traceback(
    here: Path, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, text: str
) -> None:
    assert report(Session(), error) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(text)
    assert "Traceback" not in told.err


def test_a_bug_leaves_its_traceback_in_the_log_alone(
    tieline: Tieline, configured: Path, world: object, here: Path
) -> None:
    tieline("init", "--force", "crm=memory")

    def boom() -> None:
        raise RuntimeError("boom")

    world.trouble["crm"] = RuntimeError("boom")  # type: ignore[attr-defined]
    found = tieline("sync", "--yes")
    assert found.exit_code == 1
    assert "Error: a bug: connector 'memory' failed to open crm: RuntimeError: boom" in found.stderr
    assert "Traceback" not in found.output + found.stderr
    assert f"the traceback is in {here}/.tieline/tieline.log" in found.stderr
    assert "Traceback" in (here / ".tieline/tieline.log").read_text()


def test_the_real_command_ends_with_the_right_code(here: Path) -> None:
    command = [sys.executable, "-m", "tieline"]
    for arguments, code in ((["--help"], 0), (["check"], 2), (["nonsense"], 2), (["plugins", "list", "--json"], 0)):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=here, env={**os.environ})
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
    assert {p["name"] for p in json.loads(done.stdout)} >= {"files"}


def test_every_command_takes_json() -> None:
    for name, command in every_command():
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--json", "--home", "--config", "--verbose"} <= options, name
