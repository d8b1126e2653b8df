"""Writes the parts of the documentation that the code already knows: commands, settings, hooks, errors, checks.

    uv run python docs/build.py            # rewrite them in place
    uv run python docs/build.py --check    # say which would change; `tests/test_docs.py` asks this

A page marks such a part with two comments, `<!-- begin NAME -->` and `<!-- end NAME -->`; what stands between them is
not edited by hand.
"""

from __future__ import annotations

import dataclasses
import inspect
import logging
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

PAGES = Path(__file__).parent
ROOT = PAGES.parent
PART = re.compile(r"<!-- begin (?P<name>[a-z-]+) -->\n.*?<!-- end (?P=name) -->", re.DOTALL)


# -- words


def one_line(text: str | None) -> str:
    """Text on one line, fit for a cell of a table."""
    return " ".join((text or "").split()).replace("|", "\\|")


def paragraphs(text: str | None) -> str:
    """A docstring as Markdown: its paragraphs, each on one line."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text or "").split("\n\n"))


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def value(given: Any) -> str:
    """A default as it would be written in TOML."""
    if given is None:
        return "none"
    if isinstance(given, bool):
        return f"`{str(given).lower()}`"
    if isinstance(given, (tuple, list, dict)):
        return "none" if not given else f"`{list(given)}`"
    return f'`"{given}"`' if isinstance(given, str) else f"`{given}`"


def typed(annotation: Any) -> str:
    """A type as written in the source, without module names."""
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", text)


# -- commands


def commands() -> str:
    """Every command with its arguments, options, defaults and example."""
    from tieline.cli.app import app

    parts = [_command(path, command) for path, command in walk(app)]
    return "\n\n".join(parts)


def walk(group: click.Group, path: tuple[str, ...] = ("tieline",)) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group with the words that call it, groups themselves left out."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from walk(found, (*path, name))
        elif found is not None:
            yield (*path, name), found


COMMON = frozenset({"--config", "--home", "--trust", "-v", "--json", "--help"})


def _command(path: tuple[str, ...], command: click.Command) -> str:
    context = click.Context(command, info_name=" ".join(path))
    usage = " ".join(command.collect_usage_pieces(context))
    rows = [_option(p) for p in command.params if isinstance(p, click.Option) and not COMMON & set(p.opts)]
    example = (command.epilog or "").removeprefix("Example: ")
    parts = [f"## {' '.join(path)}", f"`{' '.join(path)} {usage}`", paragraphs(command.help)]
    if rows:
        parts.append(table(["option", "default", "meaning"], rows))
    return "\n\n".join([*parts, f"```console\n$ {example}\n```"])


def _option(option: click.Option) -> list[str]:
    if isinstance(option.type, click.Choice):
        takes = " " + "|".join(option.type.choices)
    else:
        takes = "" if option.is_flag else f" {option.metavar or option.type.name.upper().split()[0]}"
    default = option.default
    shown = option.show_default if isinstance(option.show_default, str) else value(default)
    given = default is None or default is False or option.multiple or not isinstance(default, (str, int))
    name = ", ".join(option.opts) + takes
    text = f"`{name}`".replace("|", "\\|")
    return [text, shown if isinstance(option.show_default, str) or not given else "", one_line(option.help)]


# -- settings


def settings_of(connector: str) -> str:
    """A connector's own keys."""
    from tieline.plugins import Registry

    return model_table(Registry.discover().get(connector).settings)


def model_table(model: Any) -> str:
    """The keys of a pydantic model: default and docstring."""
    from pydantic_core import PydanticUndefined

    about = docstrings(model)
    rows = []
    for key, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = "required" if field.is_required() or default is PydanticUndefined else value(default)
        rows.append([f"`{key}`", shown, one_line(about.get(key))])
    return table(["key", "default", "meaning"], rows)


def docstrings(shape: type) -> dict[str, str]:
    """Each attribute's whole docstring, as written below it in the source."""
    import ast
    import textwrap

    body = ast.parse(textwrap.dedent(inspect.getsource(shape))).body[0]
    found: dict[str, str] = {}
    name = ""
    for node in body.body if isinstance(body, ast.ClassDef) else []:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and name:
            found[name] = str(node.value.value)
    return found


def fields() -> str:
    """The canonical fields of each kind."""
    from tieline.records import FIELDS

    rows = []
    for kind, specs in FIELDS.items():
        for name, spec in specs.items():
            parts = ", ".join(f"`{name}.{p}`" for p in spec.parts)
            refers = f" → {spec.refers_to}" if spec.refers_to else ""
            rows.append([kind, f"`{name}`", spec.type + refers, parts])
    return table(["kind", "field", "type", "parts"], rows)


# -- for plugins


def hooks() -> str:
    """Every hook with the signature and docstring of its specification."""
    from tieline import hookspecs

    found = [f for name, f in vars(hookspecs).items() if name.startswith("tieline_") and callable(f)]
    return "\n\n".join(
        f"## {hook.__name__}\n\n```python\n{signature(hook)}\n```\n\n{paragraphs(hook.__doc__)}" for hook in found
    )


def signature(function: Callable[..., Any]) -> str:
    """`def name(event: Event) -> Answer`, as in the source."""
    given = inspect.signature(function)
    names = ", ".join(f"{p.name}: {typed(p.annotation)}" for p in given.parameters.values())
    return f"def {function.__name__}({names}) -> {typed(given.return_annotation)}"


def events() -> str:
    """What each event and answer of a hook holds."""
    from tieline import events as room

    here = (s for s in vars(room).values() if inspect.isclass(s) and s.__module__ == room.__name__)
    shapes: list[Any] = [s for s in here if dataclasses.is_dataclass(s)]
    parts = []
    for shape in shapes:
        held = ", ".join(f"`{f.name}: {typed(f.type)}`" for f in dataclasses.fields(shape)).replace("|", "\\|")
        parts.append([f"`{shape.__name__}`", one_line(shape.__doc__), held])
    return table(["event", "what it is", "what it holds"], parts)


def facts() -> str:
    """What a connector may declare of a stream."""
    from tieline.model import StreamFacts

    about = docstrings(StreamFacts)
    rows = []
    for field in dataclasses.fields(StreamFacts):
        default = "required" if field.default is dataclasses.MISSING else value(field.default)
        rows.append([f"`{field.name}`", default, one_line(about.get(field.name))])
    return table(["fact", "default", "meaning"], rows)


def methods() -> str:
    """The protocol a connector speaks."""
    from tieline.connector import Connector

    found = [f for name, f in vars(Connector).items() if not name.startswith("_") and inspect.isfunction(f)]
    rows = [[f"`{f.__name__}`", one_line(f.__doc__)] for f in found]
    return table(["method", "promise"], rows)


def checks() -> str:
    """Every check of the conformance suite."""
    from tieline.testing.contract import ConnectorTests
    from tieline.testing.contract import checks as ids

    rows = [
        [number, one_line(getattr(ConnectorTests, name).__doc__).split(": ", 1)[1]] for number, name in ids().items()
    ]
    return table(["id", "what must hold"], sorted(rows, key=lambda r: (r[0][0], int(r[0][1:]))))


def errors() -> str:
    """The tree of errors as drawn in its own docstring, then each with its sentence and exit code."""
    from tieline import errors as room

    tree = inspect.cleandoc(room.__doc__ or "").split("\n\n", 1)[1]
    rows = [[f"`{e.__name__}`", parent(e), exit_code(e), one_line(e.__doc__)] for e in error_classes()]
    return f"```text\n{tree}\n```\n\n{table(['error', 'is a', 'exit code', 'meaning'], rows)}"


def error_classes() -> list[type[Exception]]:
    """Every class of the tree, in the order of the source."""
    from tieline import errors as room

    return [e for e in vars(room).values() if inspect.isclass(e) and issubclass(e, Exception)]


def parent(error: type[Exception]) -> str:
    """The class above."""
    above = error.__bases__[0]
    return "" if above is Exception else f"`{above.__name__}`"


def exit_code(error: type[Exception]) -> str:
    """The code that a command ends with when this error is not handled further down."""
    from tieline.cli.boundary import report
    from tieline.cli.session import Session

    logging.getLogger("tieline").addHandler(logging.NullHandler())  # a bug's traceback is not asked for here
    session = Session(as_json=True)
    session.console.result = lambda *_: None  # type: ignore[method-assign]  # only the code is asked
    return str(report(session, error("")))


BUILDERS: dict[str, Callable[[], str]] = {
    "commands": commands,
    "settings-files": lambda: settings_of("files"),
    "settings-google": lambda: settings_of("google"),
    "settings-hubspot": lambda: settings_of("hubspot"),
    "settings-salesforce": lambda: settings_of("salesforce"),
    "settings-zendesk": lambda: settings_of("zendesk"),
    "fields": fields,
    "hooks": hooks,
    "events": events,
    "facts": facts,
    "methods": methods,
    "checks": checks,
    "errors": errors,
}


def built(text: str) -> str:
    """A page with every marked part written anew. Raises KeyError for a part nobody can write."""
    return PART.sub(lambda m: f"<!-- begin {m['name']} -->\n{BUILDERS[m['name']]()}\n<!-- end {m['name']} -->", text)


def pages() -> list[Path]:
    """Every page of the documentation."""
    return [*sorted(PAGES.glob("*.md")), ROOT / "README.md"]


def main(arguments: list[str]) -> int:
    """Write, or with `--check` compare; 1 when a page is behind the code."""
    behind = [page for page in pages() if built(page.read_text("utf-8")) != page.read_text("utf-8")]
    for page in behind:
        print(page.relative_to(ROOT))
        if "--check" not in arguments:
            page.write_text(built(page.read_text("utf-8")), "utf-8")
    return 1 if behind and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
