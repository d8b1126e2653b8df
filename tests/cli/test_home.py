"""The home belongs to its owner alone, whatever the umask, and a command finds the right one."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tieline.errors import UserError
from tieline.home import Home, places, write_atomically


@pytest.fixture(params=[0o000, 0o022, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
def test_folder_and_files_are_closed_whatever_the_umask(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    assert mode(home.path) == 0o700
    assert mode(home.file("tieline.db")) == 0o600
    assert mode(home.write("sandboxes/acme.json", b"{}")) == 0o600
    assert mode(home.sandboxes) == 0o700


def test_a_home_that_others_can_enter_is_refused_with_the_command_that_closes_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    home.path.chmod(0o750)
    with pytest.raises(UserError, match=r"is open to other users \(mode 750\)") as caught:
        home.check()
    assert caught.value.hint == f"chmod 700 {home.path}"


def test_a_database_that_others_can_read_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    home.file("tieline.db").chmod(0o644)
    with pytest.raises(UserError) as caught:
        home.check()
    assert caught.value.hint == f"chmod 600 {home.store}"


def test_a_link_in_place_of_the_home_is_refused(tmp_path: Path) -> None:
    real = Home(tmp_path / "real").create()
    link = tmp_path / "link"
    link.symlink_to(real.path)
    with pytest.raises(UserError, match="symbolic link"):
        Home(link).create()


def test_a_link_in_place_of_the_database_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    home.store.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="symbolic link"):
        home.check()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_somebody_elses_home_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    os.chown(home.path, 12345, 12345)
    with pytest.raises(UserError, match="belongs to user 12345"):
        home.check()


def test_a_home_that_is_not_there_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        Home(tmp_path / "none").check()
    assert caught.value.hint == "tieline init"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = write_atomically(tmp_path / "a", b"old")
    with pytest.raises(TypeError):
        write_atomically(path, None)  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_by_default_everything_is_here(tmp_path: Path) -> None:
    assert places(None, None, {}, tmp_path) == (tmp_path / "tieline.toml", tmp_path / ".tieline")


def test_the_home_lies_beside_the_configuration(tmp_path: Path) -> None:
    found = places(Path("sub/my.toml"), None, {}, tmp_path)
    assert found == (tmp_path / "sub/my.toml", tmp_path / "sub/.tieline")


def test_a_home_that_holds_a_configuration_brings_it_along(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    home.mkdir()
    (home / "tieline.toml").touch()
    assert places(None, Path("demo"), {}, tmp_path) == (home / "tieline.toml", home)
    assert places(None, None, {"TIELINE_HOME": str(home)}, tmp_path) == (home / "tieline.toml", home)
    assert places(Path("a.toml"), Path("demo"), {}, tmp_path) == (tmp_path / "a.toml", home)


def test_inside_a_demos_home_no_option_is_needed(tmp_path: Path) -> None:
    (tmp_path / "tieline.db").touch()
    assert places(None, None, {}, tmp_path) == (tmp_path / "tieline.toml", tmp_path)


def test_a_home_that_cannot_be_made_or_written_is_a_persons_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file/home cannot be made: File exists") as caught:
        Home(tmp_path / "file" / "home").create()
    assert "--home DIR" in caught.value.hint
    home = Home(tmp_path / "home").create()
    (home.path / "tieline.log").mkdir(0o700)
    with pytest.raises(UserError, match=r"tieline\.log cannot be written: Is a directory"):
        home.file("tieline.log")
