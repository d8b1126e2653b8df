"""Secrets at rest (S1–S6): tokens are sealed, each for its own place, with a key that is kept elsewhere."""

from __future__ import annotations

import base64
import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.security.signing import files, holding, mode
from tieline.auth import Grant
from tieline.errors import UserError
from tieline.home import Home
from tieline.secrets import Secret
from tieline.store.credentials import Credentials
from tieline.vault import Key, KeyMissing, Keys, SealBroken, Sealer, Vault, rotate, spelled

ACCESS, REFRESH = "canary7f3a.access", "canary7f3a.refresh"
GRANT = Grant(Secret(REFRESH), "origin", access_token=Secret(ACCESS), until=5.0, obtained=3, scope="a b")


class Ring:
    """A keyring in memory."""

    priority = 5

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, name: str) -> str | None:
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, value: str) -> None:
        self.kept[service, name] = value


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.fixture
def make_vault(home: Home, tmp_path: Path) -> Callable[..., Vault]:
    """A vault on the one home, with a keyring (none by default) and an environment."""

    def make(ring: Any = None, **environ: str) -> Vault:
        said = {"XDG_CONFIG_HOME": str(tmp_path / "config"), **environ}
        return Vault(lambda: Credentials(home.path), lambda name: Keys(name, said, lambda: ring))

    return make


@pytest.fixture
def ring() -> Ring:
    return Ring()


@pytest.fixture
def vault(make_vault: Callable[..., Vault], ring: Ring) -> Vault:
    made = make_vault(ring)
    made.keys.make()
    return made


# -- S1


def test_s01_no_token_is_readable_in_the_database_or_its_log(vault: Vault, home: Home) -> None:
    for _ in range(3):
        vault.save("crm", GRANT)
    vault.save("desk", replace(GRANT, scope="here-i-am"))
    held = files(home.path)
    assert {Path(name).name for name, _ in held} >= {"credentials.db", "credentials.db-wal", "credentials.db-shm"}
    assert holding(held, ACCESS, REFRESH) == []
    assert len(holding(held, "here-i-am")) >= 1, "the search sees no content of the database"
    assert vault.load("crm") == GRANT
    vault.close()
    assert holding(files(home.path), ACCESS, REFRESH) == []


def test_s01_what_was_wiped_is_not_in_the_file(vault: Vault, home: Home) -> None:
    vault.save("crm", replace(GRANT, scope="here-i-was"))
    sealed = vault.rows.get("crm")
    assert sealed is not None
    assert sealed.refresh is not None
    vault.wipe("crm")
    assert vault.load("crm") is None
    held = files(home.path)
    assert holding(held, "here-i-was") == []
    assert not any(sealed.refresh in content for _, content in held)


# -- S2


def cell(home: Home, system: str, column: str) -> Any:
    with sqlite3.connect(home.credentials) as sql:
        found = sql.execute(f"SELECT {column} FROM credential WHERE system = ?", (system,)).fetchone()[0]
    sql.close()
    return found


def put(home: Home, system: str, column: str, value: Any) -> None:
    with sqlite3.connect(home.credentials) as sql:
        sql.execute(f"UPDATE credential SET {column} = ? WHERE system = ?", (value, system))
    sql.close()


def test_s02_a_ciphertext_opens_in_its_own_place_alone(vault: Vault, home: Home) -> None:
    vault.save("crm", GRANT)
    vault.save("desk", replace(GRANT, refresh_token=Secret("other"), access_token=Secret("another")))
    own = {(s, c): cell(home, s, c) for s in ("crm", "desk") for c in ("refresh", "access")}
    moves = [(a, b) for a in own for b in own if a != b]
    assert len(moves) == 12
    for source, (system, column) in moves:
        put(home, system, column, own[source])
        with pytest.raises(SealBroken, match="was changed, or moved here"):
            vault.load(system)
        put(home, system, column, own[system, column])
    assert vault.load("crm") == GRANT


def test_s02_a_ciphertext_of_another_home_or_key_does_not_open() -> None:
    key, other = Key.new(), Key.new()
    sealed = Sealer([key], "home-1").seal(Secret(ACCESS), "crm", "access")
    assert Sealer([other, key], "home-1").open(sealed, "crm", "access", key.id).reveal() == ACCESS
    for sealer, said in (
        (Sealer([key], "home-2"), "moved"),
        (Sealer([other], "home-1"), "sealed with the key"),
        (Sealer([key, other], "home-1"), "moved"),
    ):
        named = other.id if said == "moved" and sealer.knows(other.id) else key.id
        with pytest.raises(SealBroken, match=said) as caught:
            sealer.open(sealed, "crm", "access", named)
        assert ACCESS not in str(caught.value)


def test_s02_every_bit_counts_and_no_nonce_comes_twice() -> None:
    sealer = Sealer([Key.new()], "home")
    sealed = sealer.seal(Secret("x"), "crm", "access")
    for at in range(len(sealed)):
        spoilt = bytes(b ^ (1 if i == at else 0) for i, b in enumerate(sealed))
        with pytest.raises(SealBroken):
            sealer.open(spoilt, "crm", "access", sealer.current)
    for part in (b"", b"\x01", sealed[:13], sealed[:-1], ACCESS.encode()):
        with pytest.raises(SealBroken):
            sealer.open(part, "crm", "access", sealer.current)
    nonces = {sealer.seal(Secret("x"), "crm", "access")[1:13] for _ in range(500)}
    assert (len(nonces), {len(n) for n in nonces}) == (500, {12})


def test_s02_the_envelope_is_aes_256_gcm_as_another_program_would_open_it() -> None:
    """A witness: the library's own cipher with the parts put together by hand."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = Key.new()
    assert len(key.reveal()) == 32
    sealed = Sealer([key], "v").seal(Secret(ACCESS), "crm", "access")
    words = [b"tieline credential 1", b"v", b"crm", b"access", key.id.encode()]
    place = b"".join(len(w).to_bytes(4, "big") + w for w in words)
    assert AESGCM(key.reveal()).decrypt(sealed[1:13], sealed[13:], place).decode() == ACCESS


# -- S3


def test_s03_the_keyring_is_asked_first_then_the_variable_then_the_file(
    make_vault: Callable[..., Vault], ring: Ring
) -> None:
    keys = {where: Key.new() for where in ("file", "env")}
    made = make_vault(None)
    with pytest.raises(KeyMissing) as caught:
        made.keys.find()
    assert caught.value.hint == "tieline auth new-key"
    with pytest.raises(KeyMissing):
        made.save("crm", GRANT)
    assert made.rows.all() == [], "nothing is kept without a key"
    place, keys["file"] = made.keys.make()
    assert (place.where, mode(Path(place.shown))) == ("file", 0o600)
    assert made.keys.find()[1][0].id == keys["file"].id
    by_env = make_vault(None, TIELINE_KEY=spelled(keys["env"]))
    assert by_env.keys.find()[0].where == "env"
    both = make_vault(ring, TIELINE_KEY=spelled(keys["env"]))
    assert both.keys.find()[0].where == "env", "an empty keyring is no key"
    place, key = both.keys.make("keyring")
    assert both.keys.find()[1][0].id == key.id
    assert list(ring.kept.values()) == [spelled(key)]


def test_s03_the_key_file_is_not_beside_the_database_unless_somebody_says_so(
    make_vault: Callable[..., Vault], home: Home
) -> None:
    assert home.path not in make_vault().keys.path.parents
    assert make_vault(TIELINE_KEY_FILE=str(home.path / "k")).keys.path == home.path / "k"


def bad_ring(module: str, priority: float = 5) -> Any:
    kind = type("Keyring", (Ring,), {"priority": priority})
    kind.__module__ = module
    return kind()


@pytest.mark.parametrize(
    "backend",
    [
        bad_ring("keyring.backends.fail"),
        bad_ring("keyring.backends.null"),
        bad_ring("keyrings.alt.file"),
        bad_ring("some.backend", priority=0),
    ],
    ids=["fail", "null", "plain text", "no good by its own word"],
)
@pytest.mark.parametrize("chained", [False, True])
def test_s03_a_keyring_that_keeps_nothing_or_plain_text_is_refused_by_name(
    make_vault: Callable[..., Vault], backend: Any, chained: bool
) -> None:
    ring = backend
    if chained:
        ring = Ring()
        ring.backends = [Ring(), backend]
    made = make_vault(ring)
    with pytest.raises(KeyMissing, match=type(backend).__module__):
        made.keys.make("keyring")
    place, _ = made.keys.make()
    assert place.where == "file"
    assert backend.kept == {}


def test_s03_the_librarys_own_bad_backends_are_known() -> None:
    """The names above are those of the library."""
    from keyring.backends import fail, null

    from tieline.vault.keys import REFUSED

    for backend in (fail.Keyring, null.Keyring):
        assert f"{backend.__module__}.".startswith(REFUSED)


def test_s03_a_keyring_that_cannot_be_asked_is_told_and_not_silently_replaced(
    make_vault: Callable[..., Vault],
) -> None:
    class Locked(Ring):
        def get_password(self, service: str, name: str) -> str | None:
            raise RuntimeError("the collection is locked")

    with pytest.raises(KeyMissing, match=r"does not answer \(RuntimeError; is it locked\?\)"):
        make_vault(Locked()).keys.find()


@pytest.mark.parametrize("text", ["", "short", "!" * 43, "A" * 42, "A" * 64, f"{'A' * 43} x"])
def test_s03_what_is_no_key_is_refused_without_being_shown(make_vault: Callable[..., Vault], text: str) -> None:
    with pytest.raises(KeyMissing) as caught:
        make_vault(TIELINE_KEY=text).keys.find()
    assert not text or text not in str(caught.value)


def test_s03_a_key_file_that_others_can_read_or_swap_is_refused(
    make_vault: Callable[..., Vault], tmp_path: Path
) -> None:
    made = make_vault()
    made.keys.make("file")
    path = made.keys.path
    path.chmod(0o640)
    with pytest.raises(KeyMissing, match="can be read by others") as caught:
        made.keys.find()
    assert caught.value.hint == f"chmod 600 {path}"
    path.chmod(0o600)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyMissing, match="cannot be read"):
        made.keys.find()
    for make in (os.mkdir, os.mkfifo):
        path.unlink() if path.is_symlink() else path.rmdir()
        make(path)
        with pytest.raises(KeyMissing, match="not a plain file"):
            made.keys.find()


# -- S4


class Crash(BaseException):
    """The process dies here."""


def boundaries(vault: Vault) -> list[str]:
    seen: list[str] = []
    rotate(vault, seen.append)
    return seen


def test_s04_a_rotation_survives_a_crash_at_each_step(
    vault: Vault, make_vault: Callable[..., Vault], ring: Ring
) -> None:
    systems = ("crm", "desk", "shop")
    for name in systems:
        vault.save(name, replace(GRANT, scope=name))
    steps = boundaries(vault)
    assert steps == ["key drawn", "both kept", "row crm", "row desk", "row shop", "old key dropped"]
    for step in steps:
        old = vault.keys.find()[1][0]

        def die(name: str, step: str = step) -> None:
            if name == step:
                raise Crash

        with pytest.raises(Crash):
            rotate(make_vault(ring), die)
        again = make_vault(ring)
        for name in systems:
            found = again.load(name)
            assert found == replace(GRANT, scope=name), f"{name} is lost after a crash at {step}"
            again.save(name, found)
        rotate(make_vault(ring))
        keys = again.keys.find()[1]
        assert len(keys) == 1
        assert keys[0].id != old.id
        assert {row.key for row in again.rows.all()} == {keys[0].id}
        with pytest.raises(SealBroken, match="was sealed with the key"):
            make_vault(None, TIELINE_KEY=spelled(old)).load("crm")
        again.close()


def test_s04_two_rotations_at_once_leave_all_readable(
    vault: Vault, make_vault: Callable[..., Vault], ring: Ring
) -> None:
    vault.save("crm", GRANT)
    other = threading.Thread(target=rotate, args=(make_vault(ring),))

    def meanwhile(name: str) -> None:
        if name == "key drawn":
            other.start()
            other.join(0.5)  # it runs through, or waits for its turn

    rotate(make_vault(ring), meanwhile)
    other.join(30)
    assert make_vault(ring).load("crm") == GRANT
    assert len(vault.keys.find()[1]) == 1


def test_s04_a_key_of_a_variable_is_rotated_by_putting_the_new_one_in_front(make_vault: Callable[..., Vault]) -> None:
    old, new = Key.new(), Key.new()
    first = make_vault(TIELINE_KEY=spelled(old))
    first.save("crm", GRANT)
    with pytest.raises(UserError, match="put a new key in front"):
        rotate(first)
    assert rotate(make_vault(TIELINE_KEY=f"{spelled(new)} {spelled(old)}"))[2] == 1
    assert make_vault(TIELINE_KEY=spelled(new)).load("crm") == GRANT
    with pytest.raises(SealBroken):
        make_vault(TIELINE_KEY=spelled(old)).load("crm")


def test_s04_a_process_that_knew_the_old_key_goes_on_with_the_new_one(
    vault: Vault, make_vault: Callable[..., Vault], ring: Ring
) -> None:
    vault.save("crm", GRANT)
    rotate(make_vault(ring))
    assert vault.load("crm") == GRANT
    vault.save("desk", GRANT)
    assert len({row.key for row in vault.rows.all()}) == 1


# -- S5


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
def test_s05_the_credentials_are_closed_whatever_the_umask(home: Home, ring: Ring, mask: int) -> None:
    before = os.umask(mask)
    try:
        made = Vault(lambda: Credentials(home.path), lambda name: Keys(name, {}, lambda: ring))
        made.keys.make()
        made.save("crm", GRANT)
        with made.lock("crm"):
            found = {p.name: mode(p) for p in home.path.iterdir()}
    finally:
        os.umask(before)
    assert set(found) >= {"credentials.db", "credentials.db-wal", "credentials.crm.lock"}
    assert set(found.values()) == {0o600}


def test_s05_credentials_that_others_can_read_are_refused(vault: Vault, home: Home) -> None:
    vault.save("crm", GRANT)
    home.credentials.chmod(0o644)
    with pytest.raises(UserError, match="open to other users") as caught:
        home.check()
    assert caught.value.hint == f"chmod 600 {home.credentials}"


def test_s05_credentials_that_are_a_link_to_elsewhere_are_refused(home: Home, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.db").touch(0o600)
    home.credentials.symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(UserError, match="symbolic link"):
        home.check()
    with pytest.raises(OSError):
        Credentials(home.path)


# -- S6


def test_s06_a_grant_is_replaced_whole_or_not_at_all(vault: Vault) -> None:
    vault.save("crm", GRANT)
    rows = vault.rows
    connection = rows._sql

    class Dying:
        """The connection, until the row is written; then the process is gone before its transaction ends."""

        def execute(self, text: str, *values: Any) -> Any:
            if text == "COMMIT":
                raise Crash
            return connection.execute(text, *values)

        @property
        def in_transaction(self) -> bool:
            return connection.in_transaction

    rows._sql = Dying()  # type: ignore[assignment]
    with pytest.raises(Crash):
        vault.save("crm", replace(GRANT, refresh_token=Secret("half"), scope="half"))
    rows._sql = connection
    assert vault.load("crm") == GRANT


def test_s06_what_is_kept_in_the_clear_is_states_and_times(vault: Vault, home: Home) -> None:
    vault.save("crm", GRANT)
    row = vault.rows.get("crm")
    assert row is not None
    about = {k: v for k, v in vault.about()["crm"].items() if k != "key"}
    assert about == {
        "origin": "origin",
        "reauth_required": False,
        "until": 5.0,
        "lost": 0,
        "again": 0.0,
        "obtained": 3,
        "scope": "a b",
    }


def test_s16_a_key_shows_its_id_alone() -> None:
    import pickle

    key = Key(b"k" * 32)
    assert base64.urlsafe_b64encode(b"k" * 32).decode().rstrip("=") == spelled(key)
    assert repr(key) == f"Key({key.id})" == str(key) == f"{key}"
    assert "kkk" not in repr(vars(Sealer([key], "v")))
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(key)
