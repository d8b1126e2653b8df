"""How a command is declared: the options all have, and an example in its help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from tieline.cli.session import Session

F = TypeVar("F", bound=Callable[..., Any])
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def _session(context: click.Context) -> Session:
    return context.ensure_object(Session)


def _set_config(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        _session(context).config_option = value


def _set_home(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        _session(context).home_option = value


def _set_verbose(context: click.Context, _: click.Parameter, value: int) -> None:
    _session(context).verbose += value


def _set_trust(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        _session(context).gate.accept = True


def _set_json(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        _session(context).console.as_json = True


def places_options(function: F) -> F:
    """`--config`, `--home`, `--trust` and `-v`, accepted before and after the command's name."""
    for option in (
        click.option("-v", "--verbose", count=True, expose_value=False, callback=_set_verbose, help="Log to stderr."),
        click.option(
            "--trust",
            is_flag=True,
            expose_value=False,
            callback=_set_trust,
            help="Use plugins that are new here or were changed, without asking.",
        ),
        click.option(
            "--home",
            type=click.Path(path_type=Path),
            metavar="DIR",
            expose_value=False,
            callback=_set_home,
            help="Where Tieline keeps its memory.",
        ),
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            metavar="FILE",
            expose_value=False,
            callback=_set_config,
            help="The configuration.",
        ),
    ):
        function = option(function)
    return function


def peek(context: click.Context, name: str, arguments: Sequence[str]) -> Session:
    """The session, with the places that are named behind a command which is not known yet."""
    session = _session(context)
    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    probe = click.command(name, add_help_option=False, context_settings=settings)(places_options(lambda: None))
    verbose = session.verbose
    probe.make_context(name, list(arguments), parent=context)
    session.verbose = verbose  # counted once more when the command itself is read
    return session


def json_option(function: F) -> F:
    """`--json`: one JSON value on stdout and nothing else."""
    option = click.option(
        "--json", "_json", is_flag=True, expose_value=False, callback=_set_json, help="Print one JSON value."
    )
    return option(function)


def command(name: str, *, example: str, group: click.Group | None = None) -> Callable[[F], click.Command]:
    """Declare a command. Its function takes the Session first and returns its exit code; None means 0."""

    def declare(function: F) -> click.Command:
        @wraps(function)
        def run(session: Session, /, *arguments: Any, **options: Any) -> Any:
            session.start()
            return function(session, *arguments, **options)

        dressed = places_options(json_option(click.pass_obj(run)))
        first = " ".join((function.__doc__ or "").split("\n\n")[0].split()).partition(". ")[0]
        made: click.Command = click.command(
            name, short_help=f"{first.removesuffix('.')}.", epilog=f"Example: {example}", context_settings=CONTEXT
        )(dressed)  # given, the short help is not cut in the list of a group's commands
        if group is not None:
            group.add_command(made)
        return made

    return declare


def group(name: str, *, example: str, text: str) -> click.Group:
    """Declare a group of commands."""
    return click.Group(name, help=text, epilog=f"Example: {example}", context_settings=CONTEXT)
