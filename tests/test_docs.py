"""The documentation cannot lie: what it shows is run, what it lists is compared with the code."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import click
import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md"))]
ELSEWHERE = [*sorted(ROOT.glob("plugins/*/README.md")), *sorted(ROOT.glob("examples/*/README.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [text for name, text in FENCE.findall(page.read_text("utf-8")) if name == language]


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def build() -> ModuleType:
    """`docs/build.py`, which is a script and no package."""
    spec = importlib.util.spec_from_file_location("docs_build", DOCS / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(command: list[str], place: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A command as a stranger runs it: in a folder of its own, without this session's settings, but `more`."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("TIELINE", "PYTEST"))}
    environ |= more
    return subprocess.run(command, cwd=place, env=environ, capture_output=True, text=True, timeout=300, check=False)


# -- what is written by the code


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_generated_parts_are_up_to_date(page, build):
    text = page.read_text("utf-8")
    assert build.built(text) == text, "run: uv run python docs/build.py"


def test_every_generated_part_has_a_place(build):
    placed = {name for page in PAGES for name in re.findall(r"<!-- begin ([a-z-]+) -->", page.read_text("utf-8"))}
    assert placed == set(build.BUILDERS)


def test_a_page_that_fell_behind_is_noticed(build):
    text = "<!-- begin errors -->\nan old tree\n<!-- end errors -->"
    assert "an old tree" not in build.built(text)
    with pytest.raises(KeyError):
        build.built("<!-- begin nothing -->\n<!-- end nothing -->")


# -- commands


def commands() -> dict[str, click.Command]:
    from tieline.cli.app import app

    found: dict[str, click.Command] = {}

    def walk(group: click.Group, path: str) -> None:
        for name in group.list_commands(click.Context(group)):
            command = group.get_command(click.Context(group), name)
            if isinstance(command, click.Group):
                walk(command, f"{path} {name}")
            elif command is not None:
                found[f"{path} {name}"] = command

    walk(app, "tieline")
    return found


COMMANDS = commands()


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_says_what_it_does_and_shows_an_example(path):
    command = COMMANDS[path]
    assert command.help
    assert (command.epilog or "").startswith(f"Example: {path}")
    assert f"\n## {path}\n" in (DOCS / "commands.md").read_text("utf-8")
    assert all(p.help for p in command.params if isinstance(p, click.Option))


def typed(page: Path) -> Iterator[str]:
    """The `tieline` commands that a page shows, without the comment behind them."""
    for block in blocks(page, "console"):
        for line in block.splitlines():
            line = line.removeprefix("$ ").split(" #")[0].strip()
            found = re.search(r"(?:^|&& |uv run )(tieline .*)$", line)
            if found and "export" not in line:
                yield found[1]


SHOWN = [(page, line) for page in [*PAGES, *ELSEWHERE] for line in typed(page)]


@pytest.mark.parametrize(("page", "line"), SHOWN, ids=lambda v: page_id(v) if isinstance(v, Path) else v)
def test_every_command_shown_is_understood(page, line):
    parse(shlex.split(line))


def parse(words: list[str]) -> None:
    """Parse a command line as click would, without running it. Raises click's UsageError."""
    from tieline.cli.app import app
    from tieline.cli.session import Session

    command: click.Command = app
    rest = words[1:]
    context = click.Context(app, obj=Session())
    while isinstance(command, click.Group):
        while rest and rest[0].startswith("-"):
            rest = rest[2:] if rest[0] in ("--config", "--home") else rest[1:]
        if not rest:
            return
        found = command.get_command(context, rest[0])
        if found is None:
            raise click.UsageError(f"there is no command {rest[0]!r}")
        command, rest = found, rest[1:]
    if "--help" not in rest:
        command.make_context(words[1], rest, parent=context)


@pytest.mark.parametrize(
    "line", ["tieline snyc", "tieline plan --everything", "tieline explain lead x", "tieline sync --y"]
)
def test_a_wrong_command_would_be_noticed(line):
    with pytest.raises(click.UsageError):
        parse(shlex.split(line.replace("--y", "--yess")))


def test_exit_codes_are_those_of_the_code():
    from tieline.cli import boundary

    text = (DOCS / "commands.md").read_text("utf-8")
    told = [int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)]
    assert told == [boundary.DONE, boundary.FAILED, boundary.USAGE, boundary.WAITING, boundary.INTERRUPTED]


# -- settings


NONE = 'auth = { type = "none" }\n'
BASE = {
    "crm": f'[systems.crm]\nconnector = "salesforce"\nbase_url = "https://example.my.salesforce.com"\n{NONE}',
    "marketing": f'[systems.marketing]\nconnector = "hubspot"\n{NONE}',
    "support": f'[systems.support]\nconnector = "zendesk"\nsubdomain = "acme"\n{NONE}',
    "workspace": f'[systems.workspace]\nconnector = "google"\n{NONE}',
    "exports": '[systems.exports]\nconnector = "files"\nfolder = "x"\nfiles = { contacts = "c.csv" }\n',
    "lists": '[systems.lists]\nconnector = "files"\nfolder = "x"\nfiles = { accounts = "a.csv" }\n',
}
"""What a fragment may take for granted."""
CONFIGS = [
    (page, text) for page in [*PAGES, *ELSEWHERE] for text in blocks(page, "toml") if "[project" not in text
]  # fmt: skip


@pytest.mark.parametrize(("page", "text"), CONFIGS, ids=lambda v: page_id(v) if isinstance(v, Path) else "toml")
def test_every_configuration_shown_is_accepted(page, text, tmp_path):
    from tieline.config import load
    from tieline.plugins import Registry

    own = set(re.findall(r"^\[systems\.(\w+)\]", text, re.MULTILINE))
    base = "".join(lines for name, lines in BASE.items() if name not in own)
    path = tmp_path / "tieline.toml"
    path.write_text(f"{text}\n{base}", "utf-8")
    assert load(path, Registry.discover()).systems


def settings() -> list[str]:
    """Every key that the configuration knows."""
    from tieline import auth_settings
    from tieline.config import maps, policies, systems
    from tieline.config.load import LIMIT_KEYS, SCHEDULE_KEYS, TOP_KEYS
    from tieline.plugins import Registry

    models = [systems.KindTable, maps.MapLine, policies.PolicyLine]
    models += [m for m in vars(auth_settings).values() if inspect.isclass(m) and issubclass(m, auth_settings._Auth)]
    registry = Registry.discover()
    models += [registry.get(c).settings for info in registry.list() for c in info.connectors]
    keys = {key for model in models for key in model.model_fields}
    keys |= {*TOP_KEYS, *LIMIT_KEYS, *SCHEDULE_KEYS, *policies.SYNC_KEYS}
    return sorted(keys | {*systems.COMMON_KEYS, *systems.NETWORK_KEYS})


def test_every_setting_is_documented_and_in_the_example():
    page = (DOCS / "configuration.md").read_text("utf-8")
    example = (ROOT / "config.example.toml").read_text("utf-8")
    assert [key for key in settings() if not re.search(rf"[`\[.]{key}\b|\b{key} = ", page)] == []
    assert [key for key in settings() if not re.search(rf"\b{key}\b", example)] == []


def test_every_policy_and_limit_default_is_the_codes():
    from tieline.engine.limits import Limits
    from tieline.rules import Policy

    names = get_type_hints(Policy)["name"].__args__
    forms = {n if n in ("two-way", "fill", "none") else f"{n.split('-')[0]}:SYSTEM" for n in names}
    for page in (README, DOCS / "policies.md"):
        told = set(
            re.findall(r"^\| `([a-z-]+(?::SYSTEM)?(?:-unless-blank)?)` \|", page.read_text("utf-8"), re.MULTILINE)
        )
        assert forms <= told
        assert "prefer:SYSTEM-unless-blank" in told
    limits, text = Limits(), (DOCS / "policies.md").read_text("utf-8")
    assert (limits.updates.share, limits.updates.floor) == (0.5, 100)
    assert "half of the linked records, at least 100" in text
    for limit in (limits.archives, limits.blanks):
        assert f"{limit.share:.0%}".replace("%", " %") + f" of the linked records, at least {limit.floor}" in text
    assert str(limits.creates) == "none"


def test_every_review_topic_is_documented():
    from tieline.model import Question

    topics = get_type_hints(Question)["topic"].__args__
    told = re.findall(r"^\| `(\w+)` \|", (DOCS / "how-it-works.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(told) == sorted(topics)


# -- hooks and errors


def test_every_hook_has_a_heading_with_its_real_signature():
    from tieline import hookspecs

    page = (DOCS / "hooks.md").read_text("utf-8")
    specs = {n: f for n, f in vars(hookspecs).items() if n.startswith("tieline_")}
    assert 0 < len(specs) <= 8
    for name, function in specs.items():
        arguments = ", ".join(f"{p}: {t}" for p, t in function.__annotations__.items() if p != "return")
        assert f"## {name}\n\n```python\ndef {name}({arguments}) -> {function.__annotations__['return']}\n" in page


def test_the_drawn_tree_of_errors_is_the_tree_of_classes():
    from tieline import errors

    drawn = (errors.__doc__ or "").split("\n\n", 1)[1]
    classes = {n: c for n, c in vars(errors).items() if inspect.isclass(c) and issubclass(c, Exception)}
    parents: dict[str, str] = {}
    above: dict[int, str] = {}
    for line in filter(str.strip, drawn.splitlines()):
        text = line.lstrip("│├└─ ")
        depth = (len(line) - len(text)) // 3
        for name in re.split(r"\s{2,}", text)[0].split(" · "):
            above[depth] = name.strip()
            parents[above[depth]] = above.get(depth - 1, "Exception")
    assert parents == {name: c.__bases__[0].__name__ for name, c in classes.items()}


def test_the_hook_example_is_a_plugin_that_works():
    from tieline import PlannedOrder
    from tieline.model import Order
    from tieline.plugins import Registry

    module = ModuleType("tieline_alerts")
    code = blocks(DOCS / "hooks.md", "python")[0]
    exec(compile(code, "hooks.md", "exec"), module.__dict__)
    hooks = Registry(extra=[module]).hooks(["tieline_alerts"])
    deal = Order("update", "crm", "opportunity", "opportunities", "r", "1", {"amount": {"amount": "2000000"}}, {})
    verdict = hooks.plan(PlannedOrder("run", deal))
    assert verdict is not None
    assert verdict.reason == "tieline_alerts: more than a million"


def files_of_the_guide() -> dict[str, str]:
    """Name → the file that the guide shows under it."""
    shown = blocks(DOCS / "writing-a-connector.md", "python")
    return {code.splitlines()[0].removeprefix("# "): code for code in shown}


def test_the_connector_of_the_guide_passes_the_conformance_suite(tmp_path):
    guide = files_of_the_guide()
    assert guide.keys() == {"tieline_shelf.py", "test_contract.py", "test_oddities.py", "test_conversation.py"}
    for name, code in guide.items():
        (tmp_path / name).write_text(code, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_contract.py"]
    answer = run(command, tmp_path)
    assert answer.returncode == 0, answer.stdout
    passed = re.search(r"(\d+) passed", answer.stdout)
    assert passed is not None
    assert int(passed[1]) >= 35


def test_the_scripted_answers_of_the_guide_are_what_the_connector_asks_for(tmp_path):
    code = files_of_the_guide()["test_oddities.py"].replace("tieline_vendor", "tieline_hubspot")
    (tmp_path / "test_oddities.py").write_text(code, "utf-8")
    (tmp_path / "test_spoiled.py").write_text(code.replace("batch/read", "batch/look"), "utf-8")
    answer = run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], tmp_path)
    assert "FAILED test_spoiled.py::" in answer.stdout
    assert "1 failed, 1 passed" in answer.stdout


def test_the_recorded_conversation_of_the_guide_is_recorded_and_replayed(tmp_path):
    code = files_of_the_guide()["test_conversation.py"]
    (tmp_path / "test_conversation.py").write_text(code.replace("tieline_vendor", "tieline_hubspot"), "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_conversation.py"]
    for mode in ("record", "replay"):
        answer = run(command, tmp_path, TIELINE_TEST_MODE=mode)
        assert answer.returncode == 0, answer.stdout
    assert "client_secret=scrubbed" in (tmp_path / "cassettes" / "conversation.yaml").read_text("utf-8")


# -- what a stranger sees first


def test_the_two_commands_stand_at_the_top_of_the_readme():
    first = blocks(README, "console")[0]
    assert first == "pip install uv && uv run tieline demo\nuv run pytest\n"
    assert README.read_text("utf-8").index(first) < 400


def same(line: str) -> str:
    """A line of output without what differs from run to run: ids, moments, counts of calls."""
    line = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", line)
    line = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\b\d\d:\d\d\b", "TIME", line)
    return re.sub(r"API calls:.*", "API calls", line).rstrip()


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> list[str]:
    """The lines that `tieline demo` prints."""
    place = tmp_path_factory.mktemp("demo")
    answer = run([sys.executable, "-m", "tieline", "demo"], place)
    assert answer.returncode == 0, answer.stderr
    return [same(line) for line in answer.stdout.splitlines()]


def test_the_readme_shows_what_the_demo_prints(demo):
    told = [same(line) for line in blocks(README, "text")[0].splitlines()]
    assert len(told) > 15
    assert [line for line in told if line not in demo] == []  # records of a plan come in the order of their ids


@pytest.mark.parametrize("page", [*PAGES, *ELSEWHERE], ids=page_id)
def test_links_lead_somewhere(page):
    text = FENCE.sub("", page.read_text("utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if path.startswith(("http://", "https://")):
            continue
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert ROOT in found.parents, f"{target} leads out of the project"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in headings}, target


def test_every_page_is_reached_from_the_readme():
    text = README.read_text("utf-8")
    assert [p.name for p in DOCS.glob("*.md") if f"(docs/{p.name})" not in text] == []


def test_the_changelog_begins_with_what_is_not_released_yet():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"


def test_the_json_shape_of_sync_is_documented():
    from tieline.runner import Summary

    page = (DOCS / "commands.md").read_text("utf-8")
    shape = re.search(r"`sync --json` prints `\{(.+?)\}`", page)
    assert shape is not None
    assert shape[1].split(", ") == list(json.loads(json.dumps(Summary("r", "done", True).as_json())))
