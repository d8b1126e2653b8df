"""The top of the command line: finds a command's module when it is called, and holds the boundary around it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

from tieline.cli.boundary import report
from tieline.cli.options import CONTEXT, places_options
from tieline.cli.session import Session
from tieline.cli.top import COMMANDS, help_text


class App(click.Group):
    """Imports only the command that is called. Every error of a command ends here, as text and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the first screen."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module; for any other name, ask the plugin of that name for its commands."""
        if cmd_name not in COMMANDS:
            return _tasks(ctx, cmd_name)
        found: click.Command = import_module(f"tieline.cli.{cmd_name}_command").command
        return found

    def get_help(self, ctx: click.Context) -> str:
        """The same first screen that `main` prints without importing this."""
        return help_text().rstrip("\n")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click, with the nearest command for one that does not exist."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            found = _tasks(ctx, args[0], args[1:])
            if found is not None:
                return args[0], found, args[1:]
            near = get_close_matches(args[0], [*COMMANDS, *ctx.ensure_object(Session).registry.names()], 1)
            raise click.UsageError(
                f"There is no command {args[0]!r}" + (f"; did you mean {near[0]!r}?" if near else "."), ctx
            )
        return super().resolve_command(ctx, args)

    def main(  # type: ignore[override]  # click's overloads promise a value without standalone_mode
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> None:
        """Run one command and end the process with its exit code."""
        arguments = list(sys.argv[1:] if args is None else args)
        session = extra.pop("obj", None) or Session()
        session.console.as_json = session.console.as_json or _wants_json(arguments)
        extra.pop("standalone_mode", None)
        try:
            code = super().main(arguments, prog_name or "tieline", standalone_mode=False, obj=session, **extra)
        except BaseException as error:  # the one boundary
            code = report(session, error)
        finally:
            session.close()
        sys.exit(code if isinstance(code, int) else 0)


def _tasks(ctx: click.Context, name: str, arguments: Sequence[str] = ()) -> click.Group | None:
    from tieline.cli.tasks import offered  # only here: all other commands do without

    return offered(ctx, name, arguments)


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether errors of the command line itself are told as JSON too."""
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in own


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from tieline import __version__

        click.echo(f"tieline {__version__}")
        ctx.exit(0)


@click.group("tieline", cls=App, context_settings=CONTEXT)
@places_options
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version)
def app() -> None:
    """Keep CRM, marketing, support and files equal, both ways."""
