"""Whose code may run (S30, S32): plugins are found without import, asked about at first use, and remembered.

The distributions are real ones, unpacked into folders as an installer would, with RECORD and all; nothing is patched.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest

from tieline.errors import PluginMissing, UserError
from tieline.home import Home
from tieline.plugins import Registry
from tieline.trust import Gate, Untrusted, read_pins

SOURCE = '''\
"""Leaves a trace when it is imported."""
from pathlib import Path
from tieline import ConnectorSpec, Rule, hookimpl
from tieline.records import FIELDS
from tieline.testing import STREAMS, Character, MemoryConnector, MemorySystem

Path({trace!r}).write_text({text!r})

@hookimpl
def tieline_connectors():
    table = {{STREAMS["account"]: tuple(Rule(n, n) for n in FIELDS["account"])}}
    connect = lambda context: MemoryConnector(MemorySystem(Character(name=context.system, kinds=("account",))))
    return [ConnectorSpec(name={name!r}, title="T", streams=tuple(table), kinds={{STREAMS["account"]: "account"}},
                          connect=connect, mapping=table) for name in {names!r}]
'''
CONFIG = '[systems.one]\nconnector = "shelf"\n[systems.two]\nconnector = "shelf"\n'


class Site:
    """A folder that stands on the path of Python, as `site-packages` does, and a desk to work at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "site"
        self.desk = folder / "desk"
        self.trace = folder / "trace"
        self.folder.mkdir()
        self.desk.mkdir()
        self.home = Home(self.desk / ".tieline")
        (self.desk / "tieline.toml").write_text(CONFIG)
        self.told: list[str] = []

    def install(
        self,
        distribution: str = "acme-shelf",
        version: str = "1.0",
        plugin: str = "shelf",
        text: str = "",
        url: dict[str, Any] | None = None,
        offers: tuple[str, ...] = (),
    ) -> None:
        """Put a distribution there, in place of another version of it."""
        module = distribution.replace("-", "_")
        for old in self.folder.glob(f"{module}-*.dist-info"):
            for path in old.iterdir():
                path.unlink()
            old.rmdir()
        info = f"{module}-{version}.dist-info"
        source = SOURCE.replace("name={name!r}", "name=name").format(
            trace=str(self.trace), text=f"{distribution} {text}", names=offers or (plugin,)
        )
        files = {
            f"{module}.py": source,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n",
            f"{info}/entry_points.txt": "[tieline]\n" + "".join(f"{name} = {module}\n" for name in plugin.split()),
            f"{info}/INSTALLER": f"somebody {text}",
        }
        if url is not None:
            files[f"{info}/direct_url.json"] = json.dumps(url)
        (self.folder / info).mkdir()
        rows = []
        for name, content in files.items():
            (self.folder / name).write_text(content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content.encode()).digest()).rstrip(b"=").decode()
            rows.append(f"{name},sha256={digest},{len(content)}")
        rows += [f"__pycache__/{module}.{len(text)}.pyc,,", f"{info}/RECORD,,"]
        (self.folder / info / "RECORD").write_text("\n".join(rows))

    def uninstall(self, distribution: str) -> None:
        for path in self.folder.glob(f"{distribution.replace('-', '_')}-*.dist-info/*"):
            path.unlink()
        for path in self.folder.glob(f"{distribution.replace('-', '_')}-*.dist-info"):
            path.rmdir()

    def registry(self, answer: bool | None = None, **said: bool) -> Registry:
        """The plugins of this folder alone, with a person (or nobody) who answers."""

        def ask(question: str) -> bool | None:
            self.told.append(f"asked: {question}")
            return answer

        gate = Gate(lambda: self.home, self.told.append, ask, **said)
        entries = [e for d in distributions(path=[str(self.folder)]) for e in d.entry_points if e.group == "tieline"]
        sys.path.insert(0, str(self.folder))
        return Registry(entries, gate=gate)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command at the desk; nobody is there to answer."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("TIELINE_")} | {"PYTHONPATH": str(self.folder)}
        return subprocess.run(
            [sys.executable, "-B", "-m", "tieline", *arguments], cwd=self.desk, env=env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def imported(self) -> str:
        """What has left its trace since this was last asked."""
        found = self.trace.read_text() if self.trace.exists() else ""
        self.trace.unlink(missing_ok=True)
        return found


@pytest.fixture
def site(tmp_path: Path) -> Any:
    before, known = list(sys.path), set(sys.modules)
    yield Site(tmp_path)
    sys.path[:] = before
    for name in set(sys.modules) - known:
        if "shelf" in name:
            del sys.modules[name]


# -- finding


def test_s30_an_unknown_connector_imports_nobody_and_names_what_is_installed(site: Site) -> None:
    site.install("tieline-evil", plugin="evil")
    (site.desk / "tieline.toml").write_text('[systems.one]\nconnector = "shelff"\n')
    done = site.run("check", "--offline")
    assert done.returncode == 2
    assert "no installed plugin offers the connector 'shelff'" in done.stderr
    assert "evil" in done.stderr, "it was never found: this shows nothing"
    assert site.imported() == ""


def test_s30_a_connector_of_another_name_is_found_in_a_plugin_that_is_listed(site: Site) -> None:
    site.install("tieline-shelf", offers=("shelf", "rack"))
    with pytest.raises(PluginMissing):
        site.registry().get("rack")
    assert site.imported() == ""
    assert site.registry().get("rack", ("shelf",)).name == "rack"


def test_s30_one_module_may_offer_several_connectors_each_by_its_name(site: Site) -> None:
    site.install("tieline-shelf", plugin="shelf rack", offers=("shelf", "rack"))
    registry = site.registry(accept=True)
    assert registry.get("rack").name == "rack"
    assert registry.hooks(["shelf", "rack"])


# -- the first use


def test_s30_nobody_answers_and_a_foreign_distribution_is_not_imported(site: Site) -> None:
    site.install()
    for arguments in (["check"], ["plan"], ["check", "--offline", "--json"], ["plugins", "list"], ["run", "--once"]):
        done = site.run(*arguments)
        assert site.imported() == "", f"{arguments} ran the code of a plugin that nobody accepted"
        assert done.returncode in (0, 2), done
        said = " ".join((done.stdout + done.stderr).split())
        assert "tieline plugins trust shelf" in said
    done = site.run("check", "--offline")
    assert done.returncode == 2
    for what in ("acme-shelf 1.0", str(site.folder), "sha256"):
        assert what in done.stderr


@pytest.mark.parametrize("how", ["plugins trust shelf", "check --offline --trust", "sync --yes"])
def test_s30_what_was_accepted_once_is_remembered_in_the_home(site: Site, how: str) -> None:
    site.install()
    assert site.run("init", "--force", "files").returncode == 0  # makes the home
    (site.desk / "tieline.toml").write_text(CONFIG)
    done = site.run(*how.split())
    assert done.returncode == 0, done.stderr
    assert site.imported() == ("" if how.startswith("plugins") else "acme-shelf ")
    [pin] = [p for p in read_pins(site.home).values() if p.plugin == "shelf"]
    assert (pin.distribution, pin.version, pin.origin) == ("acme-shelf", "1.0", str(site.folder))
    assert len(pin.digest) == 64
    again = site.run("check", "--offline")
    assert (again.returncode, again.stderr) == (0, "")
    assert site.imported() == "acme-shelf "


def test_s30_the_configuration_accepts_a_distribution_by_its_name_and_no_other(site: Site) -> None:
    site.install()
    (site.desk / "tieline.toml").write_text(CONFIG + '[trust]\nshelf = "Acme_Shelf"\n')
    assert site.run("check", "--offline").returncode == 0
    assert site.imported()
    (site.desk / "tieline.toml").write_text(CONFIG + '[trust]\nshelf = "tieline-shelf"\n')
    for arguments in (["check", "--offline"], ["sync", "--yes"], ["check", "--trust"]):
        done = site.run(*arguments)
        assert done.returncode == 2
        assert "must come from tieline-shelf" in done.stderr
        assert site.imported() == ""


def test_s30_the_distribution_of_the_connectors_own_name_is_told_and_used_where_nobody_can_answer(site: Site) -> None:
    site.install("tieline-shelf")
    done = site.run("init", "one=shelf", "two=shelf", "--force")
    assert done.returncode == 0, done.stderr
    assert "'shelf' is used here for the first time: tieline-shelf 1.0 from" in done.stderr
    quiet = site.run("sync", "--yes", "--json")
    assert (quiet.returncode, quiet.stderr) == (0, "")


@pytest.mark.parametrize("distribution", ["acme-shelf", "tieline-shelf"])
def test_s30_a_person_at_a_terminal_is_asked(site: Site, distribution: str) -> None:
    site.install(distribution)
    site.home.create()
    with pytest.raises(Untrusted):
        site.registry(answer=False).get("shelf")
    assert site.imported() == ""
    assert [line.startswith("asked: plugin 'shelf' is used here for the first time") for line in site.told] == [True]
    assert site.registry(answer=True).get("shelf").name == "shelf"
    assert len(site.told) == 2, "what was asked is not told again"
    site.registry(answer=False).get("shelf")
    assert len(site.told) == 2, "it was asked again"


# -- what changes


Change = Callable[[Site], None]


def upgraded(site: Site) -> None:
    site.install(version="1.1")


def altered(site: Site) -> None:
    site.install(text="more")


def shadowed(site: Site) -> None:
    site.uninstall("acme-shelf")
    site.install("tieline-shelf")


def accepted(site: Site) -> None:
    """The first version, used once with a yes."""
    site.install()
    site.home.create()
    site.registry(accept=True).get("shelf")
    site.told.clear()
    site.imported()
    sys.modules.pop("acme_shelf")


def test_s32_an_upgrade_is_told_and_goes_on_where_nobody_is_asked(site: Site) -> None:
    accepted(site)
    upgraded(site)
    assert site.registry().get("shelf")
    assert site.told[-1].startswith("plugin 'shelf' was acme-shelf 1.0 and now is acme-shelf 1.1 from")
    assert read_pins(site.home)["shelf"].version == "1.1"
    count = len(site.told)
    assert site.registry().get("shelf")
    assert len(site.told) == count, "told once"


@pytest.mark.parametrize("change", [upgraded, altered])
def test_s32_a_person_is_asked_again_about_what_has_changed(site: Site, change: Change) -> None:
    accepted(site)
    change(site)
    with pytest.raises(Untrusted):
        site.registry(answer=False).get("shelf")
    assert site.imported() == ""
    assert site.registry(answer=True).get("shelf")


def test_s32_other_files_under_the_same_version_stop_until_somebody_accepts_them(site: Site) -> None:
    accepted(site)
    altered(site)
    with pytest.raises(Untrusted, match="other files than before under the same version") as caught:
        site.registry().get("shelf")
    assert caught.value.hint == "tieline plugins trust shelf"
    assert site.imported() == ""
    assert site.registry(accept=True).get("shelf")


@pytest.mark.parametrize("answer", [True, None])
def test_s32_another_distribution_stops_whatever_was_said_and_one_command_accepts_it(
    site: Site, answer: bool | None
) -> None:
    accepted(site)
    shadowed(site)
    with pytest.raises(Untrusted, match="now comes from another distribution: tieline-shelf"):
        site.registry(answer, accept=True, named=True).get("shelf")
    stopped = site.run("sync", "--yes", "--trust", "--json")
    assert stopped.returncode == 2
    assert json.loads(stopped.stdout)["error"]["hint"] == "tieline plugins trust shelf"
    assert site.imported() == ""
    assert site.run("plugins", "trust", "shelf").returncode == 0
    assert site.imported() == "", "accepting is not running"
    assert site.run("sync", "--yes", "--json").returncode == 0
    assert site.imported() == "tieline-shelf "


def test_s32_two_distributions_that_offer_one_plugin_are_both_named_and_neither_is_imported(site: Site) -> None:
    site.install()
    site.install("tieline-shelf")
    for arguments in (["check", "--trust"], ["plugins", "trust", "shelf"]):
        done = site.run(*arguments)
        assert done.returncode == 2
        assert "acme-shelf 1.0" in done.stderr
        assert "tieline-shelf 1.0" in done.stderr
    assert "more than one" in site.run("plugins", "list").stdout
    assert site.imported() == ""


def test_s32_another_installer_leaves_the_digest_as_it_is(site: Site) -> None:
    """Who installed it, compiled files and where from are not what was published."""
    accepted(site)
    [info] = site.folder.glob("*.dist-info")
    record = (info / "RECORD").read_text().replace("INSTALLER,sha256=", "INSTALLER,sha256=x")
    (info / "RECORD").write_text(
        f"{record}\n../../bin/shelf,sha256=abc,3\n{info.name}/REQUESTED,,\n__pycache__/x.pyc,,\n"
    )
    assert site.registry().get("shelf")
    assert site.told == []


def test_s32_an_editable_install_may_change_as_its_author_works_but_not_move(site: Site) -> None:
    def editable(place: str, text: str) -> None:
        site.install(url={"url": f"file://{place}", "dir_info": {"editable": True}}, text=text)

    editable("/opt/shelf", "first")
    site.home.create()
    assert site.registry(accept=True).get("shelf")
    assert site.told.pop().endswith("acme-shelf 1.0 from /opt/shelf, editable.")
    editable("/opt/shelf", "second")
    assert site.registry().get("shelf")
    assert site.told == []
    editable("/elsewhere", "second")
    with pytest.raises(Untrusted):
        site.registry().get("shelf")


def test_s32_an_address_it_was_installed_from_is_shown_without_what_may_be_secret_in_it(site: Site) -> None:
    site.install(url={"url": "https://ann:canary@git.example/shelf.git?key=canary", "vcs_info": {"vcs": "git"}})
    assert site.registry().provider("shelf").origin == "https://git.example/shelf.git"


def test_s32_the_pins_belong_to_their_owner_and_a_damaged_file_says_so(site: Site) -> None:
    accepted(site)
    path = site.home.path / "plugins.json"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o666)
    with pytest.raises(UserError, match="open to other users"):
        site.home.check()
    path.chmod(0o600)
    path.write_text("{")
    with pytest.raises(UserError, match=r"plugins\.json cannot be read"):
        site.registry(accept=True).get("shelf")
    assert site.imported() == ""
