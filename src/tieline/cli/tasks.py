"""`tieline CONNECTOR TASK`: the commands that a connector brings. Plugins are asked only for a name that is no command.

It opens the one system that the command is about; what is done there is the connector's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from tieline.cli.boundary import DONE, USAGE
from tieline.cli.console import clean
from tieline.cli.findings import asked, bad, shown, verdict
from tieline.cli.options import command as declare
from tieline.cli.options import group, peek
from tieline.cli.regained import regaining
from tieline.cli.session import Session
from tieline.errors import ConfigError, PluginMissing, UserError

if TYPE_CHECKING:
    from tieline.config import Glance
    from tieline.connector import ConnectorSpec, Task


def offered(context: click.Context, name: str, arguments: Sequence[str] = ()) -> click.Group | None:
    """The commands of the connector of this name; None when nobody offers it. `arguments` come after the name.

    Raises UserError when it has none, PluginFailed when it cannot be used, Untrusted when nobody accepted it.
    """
    session = peek(context, name, arguments)
    session.start()  # a plugin that cannot be used is told in the log
    try:
        said = _glance(session)
        spec = session.registry.get(name, said.plugins, said.trust)
    except PluginMissing:
        return None
    finally:
        session.close()
    if not spec.tasks:
        raise UserError(f"{name} is a connector, and has no commands of its own", hint="tieline --help")
    made = group(
        name,
        example=f"tieline {name} {spec.tasks[0].name}",
        text=f"Commands of the connector {name} ({clean(spec.title)}).",
    )
    for task in spec.tasks:
        _command(made, spec, task)
    return made


def _glance(session: Session) -> Glance:
    """What the configuration says of plugins; nothing where there is none, or none that can be read."""
    from tieline.config import Glance, glance

    try:
        return glance(session.places.config)
    except ConfigError:
        return Glance()


def _command(parent: click.Group, spec: ConnectorSpec, task: Task) -> None:
    given = {f"given_{number}": option for number, option in enumerate(task.options)}

    def run(session: Session, system: str | None, **typed: str | None) -> int:
        options = {given[key]: value for key, value in typed.items() if value is not None}
        return _run(session, spec, task, system, options)

    run.__doc__ = task.help
    made: Callable[..., Any] = run
    for key, option in reversed(given.items()):
        made = click.option(f"--{option}", key, metavar="VALUE", help=task.options[option])(made)
    made = click.option("--system", metavar="NAME", help=f"Which system, where several use {spec.name}.")(made)
    declare(task.name, example=f"tieline {spec.name} {task.name}", group=parent)(made)


def _run(session: Session, spec: ConnectorSpec, task: Task, system: str | None, options: dict[str, str]) -> int:
    from tieline.config import load_single

    path = session.places.config
    name = _chosen(session, f"tieline {spec.name} {task.name}", spec, system)
    config = load_single(path, spec, name)
    with session.open_hub(config, keep_going=True) as hub, regaining(session, hub, [name]):
        lines = asked(hub, name, lambda opened: task.run(opened.connector, options))
    value = {
        "config": str(path),
        "system": name,
        "task": f"{spec.name} {task.name}",
        "ok": not bad(lines),
        "findings": [line._asdict() for line in lines],
    }
    text = [part for part in (shown(lines), verdict(lines, "Done")) if part]
    session.console.result(value, lambda: "\n\n".join(text))
    return USAGE if bad(lines) else DONE


def _chosen(session: Session, typed: str, spec: ConnectorSpec, wanted: str | None) -> str:
    """The system that a command is about. Raises UserError unless there is one, and ConfigError."""
    from tieline.config import glance

    path = session.places.config
    if not path.exists():
        raise UserError(f"there is no configuration at {path}", hint=f"tieline init {spec.name}")
    users = [name for name, connector in glance(path).connectors.items() if connector == spec.name]
    if wanted is not None and wanted not in users:
        there = ", ".join(users) or "none"
        raise UserError(
            f"no system {wanted!r} uses the connector {spec.name}; there is {there}", hint=f"{typed} --help"
        )
    if not users:
        raise UserError(
            f"no system of {path} uses the connector {spec.name}",
            hint=f'add [systems.{spec.name}] with connector = "{spec.name}" to it, then: {typed}',
        )
    if wanted is None and len(users) > 1:
        raise UserError(
            f"{len(users)} systems use the connector {spec.name}: {', '.join(users)}",
            hint=f"{typed} --system {users[0]}",
        )
    return wanted or users[0]
