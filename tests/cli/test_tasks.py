"""A connector's own commands: found only when asked for, and useful before the configuration is whole."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import tieline_google
from tieline import (
    ConnectorSpec,
    Context,
    Finding,
    HttpProfile,
    NotAuthorised,
    Rule,
    Settings,
    Subdomain,
    Task,
    Unavailable,
    hookimpl,
)
from tieline.cli.app import app
from tieline.cli.session import Session
from tieline.plugins import Registry

Tieline = Callable[..., Result]
ONE = '[systems.books]\nconnector = "ledger"\n'
TWO = f'{ONE}sheet = "s-1"\n[systems.archive]\nconnector = "ledger"\nsheet = "s-2"\n'


class LedgerSettings(Settings):
    sheet: Subdomain
    """Required, and what `new-sheet` makes."""
    years: int = 2


class Ledger:
    """A connector that remembers how it was opened."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def close(self) -> None: ...


class Plugin:
    """Offers `ledger` with tasks, and `plain` without."""

    __name__ = "ledger"

    def __init__(self) -> None:
        self.opened: list[Context] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.more: tuple[Task, ...] = ()

    def connect(self, context: Context) -> Any:
        self.opened.append(context)
        return Ledger(context)

    def new_sheet(self, connector: Ledger, options: Mapping[str, str]) -> Iterator[Finding]:
        self.asked.append((connector.context.system, dict(options)))
        if options.get("title") == "Taken":
            yield Finding("error", "sheet", "there is one of this title", "choose another title")
            return
        yield Finding("ok", "sheet", f"made {options.get('title', 'a sheet')}")
        yield Finding("warning", "rights", "nobody else sees it", "share it")

    def failing(self, connector: Ledger, options: Mapping[str, str]) -> Iterator[Finding]:
        yield Finding("ok", "first", "done")
        raise {"bug": KeyError("x"), "away": Unavailable("ledger is away"), "no": NotAuthorised("no")}[options["how"]]

    @hookimpl
    def tieline_connectors(self) -> list[ConnectorSpec]:
        tables = {"people": (Rule("mail", "email"),)}
        common: dict[str, Any] = {
            "streams": ("people",), "connect": self.connect, "mapping": tables, "kinds": {"people": "contact"},
        }  # fmt: skip
        tasks = (
            Task(
                "new-sheet",
                "Make a sheet.\n\nIt is empty.",
                self.new_sheet,
                {"title": "What to call it.", "new-id": "Id."},
            ),
            Task("fail", "Go wrong.", self.failing, {"how": "In which way."}),
            *self.more,
        )
        return [
            ConnectorSpec(name="ledger", title="A ledger", settings=LedgerSettings, tasks=tasks, **common),
            ConnectorSpec(name="plain", title="Plain", **common),
        ]


@pytest.fixture
def plugin() -> Plugin:
    return Plugin()


@pytest.fixture
def tieline(here: Path, plugin: Plugin) -> Tieline:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), obj=Session(registry=Registry(extra=[plugin])))

    return run


@pytest.fixture
def write(here: Path) -> Callable[[str], Path]:
    def written(text: str) -> Path:
        path = here / "tieline.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return written


# -- what there is


def test_the_connectors_help_lists_its_tasks_without_a_configuration(tieline: Tieline, plugin: Plugin) -> None:
    found = tieline("ledger", "--help")
    assert found.exit_code == 0
    assert "Commands of the connector ledger (A ledger)." in found.output
    assert [line.split()[0] for line in found.output.split("Commands:")[1].splitlines() if line.strip()][:2] == [
        "fail", "new-sheet",
    ]  # fmt: skip
    assert "Make a sheet." in found.output
    assert "Example: tieline ledger new-sheet" in found.output
    assert plugin.opened == []


def test_what_the_list_says_of_the_shipped_commands_is_a_whole_sentence(here: Path) -> None:
    found = CliRunner().invoke(app, ["google", "--help"], obj=Session(registry=Registry(extra=[tieline_google])))
    (line,) = [line for line in found.output.splitlines() if line.startswith("  new-sheet ")]
    assert line.endswith("lacks.")


def test_a_tasks_help_names_its_options(tieline: Tieline) -> None:
    found = tieline("ledger", "new-sheet", "--help")
    assert found.exit_code == 0
    for text in ("It is empty.", "--title VALUE", "What to call it.", "--new-id VALUE", "--system NAME", "--json"):
        assert text in found.output
    assert "Example: tieline ledger new-sheet" in found.output


def test_without_a_task_its_names_are_told(tieline: Tieline) -> None:
    found = tieline("ledger")
    assert found.exit_code == 2
    assert found.stderr == "Error: tieline ledger needs one of: fail, new-sheet\nNext: tieline ledger --help\n"
    wrong = tieline("ledger", "new-shet")
    assert wrong.exit_code == 2
    assert "Next: tieline ledger --help" in wrong.stderr


def test_a_connector_without_tasks_says_so(tieline: Tieline) -> None:
    found = tieline("plain", "--help")
    assert found.exit_code == 2
    assert found.stderr.startswith("Error: plain is a connector, and has no commands of its own\nNext: tieline --help")


def test_an_unknown_command_is_still_unknown(tieline: Tieline) -> None:
    found = tieline("ledgr", "new-sheet")
    assert found.exit_code == 2
    assert found.stderr == "Error: There is no command 'ledgr'; did you mean 'ledger'?\nNext: tieline --help\n"
    assert "did you mean 'status'?" in tieline("stauts").stderr


def test_the_cores_own_commands_look_at_no_plugin(here: Path) -> None:
    class Nobody:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"asked for {name}")

    for arguments in (["--help"], ["check", "--help"], ["auth", "--help"], ["auth", "status"]):
        found = CliRunner().invoke(app, arguments, obj=Session(registry=Nobody()))  # type: ignore[arg-type]
        assert found.exit_code == (2 if arguments == ["auth", "status"] else 0)
    code = (
        "import sys; from tieline.cli.app import app\n"
        "try:\n    app.main(['plugins', 'list'])\nexcept SystemExit:\n    pass\n"
        "print('tieline.cli.tasks' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=here)
    assert done.stdout.endswith("False\n"), done.stderr


@pytest.mark.parametrize("word", ["json", "system", "home", "config", "New", "a b", "", "-x", "x_y"])
def test_a_task_or_an_option_of_an_impossible_name_makes_the_plugin_unusable(
    tieline: Tieline, plugin: Plugin, word: str
) -> None:
    for task in (Task(word, "x", plugin.new_sheet), Task("fine", "x", plugin.new_sheet, {word: "x"})):
        plugin.more = (task,)
        found = CliRunner().invoke(app, ["ledger", "--help"], obj=Session(registry=Registry(extra=[plugin])))
        assert found.exit_code == 1
        assert f"no command and no option may be called {word!r}" in found.stderr
        assert "Traceback" not in found.stderr


# -- running one


def test_a_task_is_run_on_the_system_that_uses_the_connector(tieline: Tieline, plugin: Plugin, write: Any) -> None:
    write(f'{ONE}sheet = "s-1"\n')
    found = tieline("ledger", "new-sheet", "--title", "Pipeline", "--new-id", "7")
    assert found.exit_code == 0
    assert plugin.asked == [("books", {"title": "Pipeline", "new-id": "7"})]
    assert "made Pipeline" in found.output
    assert "→ share it" in found.output
    assert found.output.endswith("Done (1 warning).\n")
    assert plugin.opened[0].settings == LedgerSettings(sheet="s-1")
    assert list(plugin.opened[0].mappers) == ["people"]


def test_options_that_are_not_typed_are_not_given(tieline: Tieline, plugin: Plugin, write: Any) -> None:
    write(ONE)
    assert tieline("ledger", "new-sheet").exit_code == 0
    assert tieline("ledger", "new-sheet", "--title", "").exit_code == 0
    assert [options for _, options in plugin.asked] == [{}, {"title": ""}]


def test_an_error_that_is_found_ends_with_2_and_json_is_one_value(tieline: Tieline, write: Any, here: Path) -> None:
    path = write(ONE)
    found = tieline("ledger", "new-sheet", "--title", "Taken", "--json")
    assert found.exit_code == 2
    value = json.loads(found.stdout)
    (finding,) = value.pop("findings")
    assert value == {"config": str(path), "system": "books", "task": "ledger new-sheet", "ok": False}
    assert (finding["level"], finding["system"], finding["remedy"]) == ("error", "books", "choose another title")
    good = tieline("ledger", "new-sheet", "--json")
    assert (good.exit_code, json.loads(good.stdout)["ok"]) == (0, True)


@pytest.mark.parametrize(
    ("how", "said"), [("bug", "a bug in connector 'ledger': KeyError: 'x'"), ("away", "ledger is away"), ("no", "no")]
)
def test_a_task_that_fails_keeps_what_it_found_and_shows_no_traceback(
    tieline: Tieline, write: Any, how: str, said: str
) -> None:
    write(ONE)
    found = tieline("ledger", "fail", "--how", how)
    assert found.exit_code == 2
    lines = [line.split(maxsplit=3) for line in found.output.splitlines() if "books" in line]
    assert lines[0] == ["ok", "books", "first", "done"]
    assert lines[1][3] == said
    assert "1 error to mend first." in found.output
    assert "Traceback" not in found.output + found.stderr


# -- a configuration that is only begun


@pytest.mark.parametrize(
    "text",
    [
        ONE,
        f'{ONE}contact = true\n[systems.books.map.contact]\nmail = "no_such_field"\n',
        f'{ONE}[systems.books.contact]\nmode = "sideways"\nfilter = "phone is null"\n',
        f'{ONE}[systems.crm]\nconnector = "nobody-offers-this"\n',
        f'{ONE}[systems.other]\nconnector = "plain"\nwrong = 1\n[sync]\nskew = "soon"\n[limits]\nx = 1\n',
    ],
)
def test_what_is_missing_or_wrong_elsewhere_stops_no_task(
    tieline: Tieline, plugin: Plugin, write: Any, text: str
) -> None:
    write(text)
    assert tieline("check", "--offline").exit_code == 2
    found = tieline("ledger", "new-sheet")
    assert found.exit_code == 0, found.output
    (context,) = plugin.opened
    assert isinstance(context.settings, LedgerSettings)
    assert (context.settings.sheet, context.settings.years) == (None, 2)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("years = []\n", "systems.books.years: must be a whole number"),
        ("sheat = 1\n", "systems.books.sheat: unknown key; did you mean 'sheet'?"),
        ('sheet = "evil.example/"\n', "systems.books.sheet: "),
    ],
)
def test_what_is_there_and_wrong_is_told(tieline: Tieline, plugin: Plugin, write: Any, lines: str, said: str) -> None:
    write(ONE + lines)
    found = tieline("ledger", "new-sheet")
    assert found.exit_code == 2
    assert said in found.stderr
    assert plugin.opened == []


def test_no_configuration_no_system_and_too_many_name_the_next_command(
    tieline: Tieline, plugin: Plugin, write: Any, here: Path
) -> None:
    nothing = tieline("ledger", "new-sheet")
    assert (nothing.exit_code, nothing.stderr.splitlines()[1]) == (2, "Next: tieline init ledger")
    write('[systems.x]\nconnector = "plain"\n')
    none = tieline("ledger", "new-sheet")
    assert none.exit_code == 2
    assert 'Next: add [systems.ledger] with connector = "ledger" to it, then: tieline ledger new-sheet' in none.stderr
    write(TWO)
    many = tieline("ledger", "new-sheet")
    assert many.exit_code == 2
    assert "2 systems use the connector ledger: books, archive\nNext: tieline ledger new-sheet --system books" in (
        many.stderr
    )
    wrong = tieline("ledger", "new-sheet", "--system", "x")
    assert "no system 'x' uses the connector ledger; there is books, archive" in wrong.stderr
    assert plugin.opened == []
    assert tieline("ledger", "new-sheet", "--system", "archive").exit_code == 0
    assert [context.system for context in plugin.opened] == ["archive"], "the other system is not opened"


def test_a_file_that_is_no_toml_is_told_when_a_task_is_run(tieline: Tieline, write: Any) -> None:
    write("[systems")
    assert tieline("ledger", "--help").exit_code == 0
    found = tieline("ledger", "new-sheet")
    assert found.exit_code == 2
    assert "is not valid TOML" in found.stderr


def test_the_places_may_be_named_behind_the_task(tieline: Tieline, plugin: Plugin, here: Path) -> None:
    (here / "sub").mkdir()
    (here / "sub" / "a.toml").write_text(ONE)
    for arguments in (
        ["--config", "sub/a.toml", "ledger", "new-sheet"],
        ["ledger", "--config", "sub/a.toml", "new-sheet"],
        ["ledger", "new-sheet", "--config", "sub/a.toml"],
    ):
        if arguments[1] == "--config":  # the group itself takes no options of its own
            assert tieline(*arguments).exit_code == 2
            continue
        assert tieline(*arguments, "--home", "elsewhere").exit_code == 0, arguments
    assert (here / "elsewhere").is_dir()
    assert not (here / ".tieline").exists()


def test_a_plugin_is_asked_about_in_the_home_that_is_named_behind_the_task(here: Path) -> None:
    """The question whether its code may run belongs to that home, and `[trust]` of that configuration answers it."""
    from tieline.errors import PluginMissing

    asked: list[Any] = []

    class Spy:
        def get(self, *arguments: Any) -> Any:
            asked.append((*arguments, session.places))
            raise PluginMissing("nobody")

        def names(self) -> tuple[str, ...]:
            return ()

    (here / "a.toml").write_text(f'plugins = ["other"]\n{ONE}[trust]\nledger = "tieline-ledger"\n')
    session = Session(registry=Spy())  # type: ignore[arg-type]
    words = ["ledger", "new-sheet", "--title", "x", "--home", "h", "--config", "a.toml", "-v"]
    assert CliRunner().invoke(app, words, obj=session).exit_code == 2
    ((name, plugins, trust, places),) = asked
    assert (name, plugins, trust) == ("ledger", ("other",), {"ledger": "tieline-ledger"})
    assert (places.home.name, places.config.name) == ("h", "a.toml")


# -- over the network


def test_a_task_signs_in_as_the_system_does(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tieline import Request
    from tieline.sandbox import Response, serve

    class Stand:
        def handle(self, request: Request) -> Response:
            self.seen = request
            return Response(200, {"content-type": "application/json"}, b'{"id": "s-9"}')

    def make(http: Any, options: Mapping[str, str]) -> Iterator[Finding]:
        answer = http.http.send(Request("POST", "/sheets", json=dict(options), write=True)).json()
        yield Finding("ok", "sheet", f"made {answer['id']}", f'sheet = "{answer["id"]}"')

    class Online(Plugin):
        def connect(self, context: Context) -> Any:
            class Open:
                http = context.http

                def close(self) -> None: ...

            return Open()

        @hookimpl
        def tieline_connectors(self) -> list[ConnectorSpec]:
            (spec, _) = super().tieline_connectors()
            from dataclasses import replace

            return [replace(spec, http=HttpProfile(), tasks=(Task("new-sheet", "Make.", make, {"title": "It."}),))]

    monkeypatch.setenv("LEDGER_TOKEN", "t-1")
    stand = Stand()
    with serve(stand) as server:  # type: ignore[arg-type]  # what a server uses of a stand-in is here
        text = f'{ONE}base_url = "{server.base_url}"\nauth = {{ type = "token", token = {{ env = "LEDGER_TOKEN" }} }}\n'
        (here / "tieline.toml").write_text(text)
        session = Session(registry=Registry(extra=[Online()]))
        found = CliRunner().invoke(app, ["ledger", "new-sheet", "--title", "Pipeline"], obj=session)
    assert found.exit_code == 0, found.output
    assert "made s-9" in found.output
    assert (stand.seen.headers["authorization"], json.loads(stand.seen.payload())) == (
        "Bearer t-1",
        {"title": "Pipeline"},
    )
