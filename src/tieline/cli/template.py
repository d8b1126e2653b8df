"""The text of a new configuration. Every default is shown as a comment, so that the file teaches itself."""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import textwrap
from typing import Any, NamedTuple

from pydantic_core import PydanticUndefined, to_json

from tieline.connector import ConnectorSpec

DOTS = '"…"'
HEAD = """\
# Tieline's configuration. A line behind a # shows what holds by itself, or an example; take the # away to use it.
# `tieline check --offline` says what is wrong with this file, `tieline check` asks the systems too.
"""

TAIL = """\
# -- Who wins when a field was edited on two sides. By itself: the newest edit ("two-way").
# Others: "prefer:SYSTEM", "prefer:SYSTEM-unless-blank", "only:SYSTEM", "fill" (write only blanks), "none".

# [sync]
# skew = "2s"           # edits closer together than this are for a person to decide
# full = "weekly"       # how often everything is read again

# [sync.contact]
# phone = "prefer:{first}"

# -- How much one run may change in one system before it asks.

# [limits]
# creates = "none"
# updates = "50%"
# archives = "5%"
# blanks = "5%"

# -- When `tieline run` syncs.

# [schedule]
# every = "15m"         # or cron = "*/15 * * * *"
# jitter = "30s"
"""


class Chosen(NamedTuple):
    """A system to write: the user's name for it, and its connector."""

    name: str
    spec: ConnectorSpec


def render(systems: list[Chosen]) -> str:
    """A whole configuration; it passes the check as soon as what is marked `<…>` is filled in."""
    parts = [HEAD, *(_system(chosen) for chosen in systems), TAIL.replace("{first}", systems[0].name)]
    return "\n".join(parts)


def _system(chosen: Chosen) -> str:
    name, spec = chosen
    lines = [f"[systems.{name}]  # {spec.title}", f'connector = "{spec.name}"']
    if spec.http is not None:
        if spec.base_url:
            lines.append(f'# base_url = "{spec.base_url}"')
        else:
            host = next(iter(spec.http.hosts), "HOST")
            example = spec.example_url or f"https://{'YOURS' + host if host.startswith('.') else host}"
            lines.append(f'base_url = "{example}"  # fill in')
        variable = "TIELINE_" + re.sub(r"[^A-Z0-9]", "_", name.upper()) + "_TOKEN"
        lines.append(f'auth = {{ type = "token", token = {{ env = "{variable}" }} }}')
    docs = docs_of(spec.settings)
    lines += [_setting(key, field, docs.get(key, "")) for key, field in spec.settings.model_fields.items()]
    kinds = tuple(dict.fromkeys(spec.kinds[s] for s in spec.streams if spec.mapping[s]))
    if kinds:
        lines.append(f"# {kinds[-1]} = false        # leave a kind out; it has {', '.join(kinds)}")
    else:
        lines.append(f'# Name your columns: [systems.{name}.map.contact], then "E-mail" = "email", one line each.')
    lines += [
        f"# {stream} = true        # {stream} too: nothing of them is read without this"
        for stream in sorted(spec.optional)
    ]
    first = kinds[0] if kinds else "contact"
    lines += [
        "",
        f"# [systems.{name}.{first}]",
        '# mode = "two-way"      # "read": never written to; "fill": only blanks are written',
        "# create = true         # make records here that other systems have",
        '# delete = "review"     # a deletion here: "ignore", "review" or "archive" elsewhere',
        "",
    ]
    return "\n".join(lines)


def _setting(key: str, field: Any, about: str) -> str:
    comment = f"# {about}\n" if about else ""
    if field.is_required():
        return f"{comment}{key} = {_example(field)}  # fill in"
    default = field.get_default(call_default_factory=True)
    shown = "" if default is None or default is PydanticUndefined else _toml(default)
    return f"{comment}# {key} = {shown or DOTS}"


def _example(field: Any) -> str:
    if field.examples:
        return _toml(field.examples[0])
    if isinstance(field.annotation, type) and issubclass(field.annotation, (bool, int)):
        return "false" if field.annotation is bool else "0"
    return "{}" if "Mapping" in str(field.annotation) or "dict" in str(field.annotation) else '"…"'


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{k}" = {_toml(v)}' for k, v in value.items()) + " }" if value else "{}"
    return to_json(value, fallback=str).decode()


def docs_of(shape: type) -> dict[str, str]:
    """Each attribute's docstring, up to its first full stop; empty when the source is not at hand."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(shape))).body[0]
    except (OSError, TypeError, SyntaxError):
        return {}
    found: dict[str, str] = {}
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    for before, after in itertools.pairwise(body):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name) and isinstance(after, ast.Expr):
            text = after.value.value if isinstance(after.value, ast.Constant) else None
            if isinstance(text, str):
                found[before.target.id] = " ".join(text.split()).split(". ")[0].rstrip(".")
    return found
