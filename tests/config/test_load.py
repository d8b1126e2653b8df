"""What a file means, and that a wrong one is refused with everything that is wrong, at its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ValidationError

from tieline.config import Config, load
from tieline.config.problems import Problems
from tieline.engine.limits import Limit
from tieline.errors import ConfigError, PluginFailed, PluginMissing
from tieline.plugins import Registry
from tieline.rules import Policy, SystemRules

Read = Callable[..., Config]


def problems(read: Read, text: str, **more: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text, **more)
    return list(caught.value.problems)


def test_two_systems_are_enough(read: Read) -> None:
    config = read()
    assert list(config.systems) == ["crm", "desk"]
    assert config.systems["crm"].base_url == "https://api.acme.test"
    assert config.systems["crm"].kinds == ("account", "contact")
    assert config.rules.systems["crm"] == {"account": SystemRules(), "contact": SystemRules()}
    assert config.rules.skew_ms == 2000
    assert config.full_ms == 7 * 86_400_000
    assert not config.schedule


def test_every_field_goes_both_ways_except_stages(read: Read) -> None:
    policies = read().rules.policies["contact"]
    assert policies["email"] == Policy("two-way")
    assert policies["lifecycle_stage"] == policies["lead_status"] == Policy("none")


def test_guards_stand_by_themselves(read: Read) -> None:
    limits = read().limits
    assert limits.creates.allows(1000, 0)
    assert limits.updates.allows(500, 1000)
    assert not limits.updates.allows(501, 1000)
    assert limits.updates.allows(100, 10)
    for guard in (limits.archives, limits.blanks):
        assert guard.allows(20, 100)
        assert not guard.allows(21, 100)


def test_a_full_read_can_be_left_to_the_user(read: Read) -> None:
    assert read('[sync]\nfull = "never"\n').full_ms is None


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ('"prefer:crm"', Policy("prefer", "crm")),
        ('"prefer:crm-unless-blank"', Policy("prefer-unless-blank", "crm")),
        ('"only:desk"', Policy("only", "desk")),
        ('{ policy = "only:desk", on_foreign = "review" }', Policy("only", "desk", "review")),
        ('"fill"', Policy("fill")),
        ('"none"', Policy("none")),
    ],
)
def test_a_policy_is_written_as_a_word(read: Read, text: str, policy: Policy) -> None:
    assert read(f"[sync.contact]\ntitle = {text}\n").rules.policies["contact"]["title"] == policy


def test_a_kind_can_be_switched_off_and_narrowed(read: Read) -> None:
    config = read(
        'account = false\n[systems.desk.contact]\nmode = "read"\ndelete = "archive"\nfilter = \'title == "x"\''
    )
    assert config.systems["desk"].kinds == ("contact",)
    assert config.rules.systems["desk"] == {"contact": SystemRules("read", True, "archive", 'title == "x"')}


def test_sync_schedule_and_limits_are_read_in_their_units(read: Read) -> None:
    config = read(
        '[sync]\nskew = "1.5s"\nfull = "daily"\nmatch = { account = ["name"] }\n'
        '[limits]\ncreates = 10\nupdates = "none"\narchives = { share = "1%", at_least = 3 }\n'
        '[schedule]\ncron = "*/15 * * * *"\njitter = "30s"\n'
    )
    assert (config.rules.skew_ms, config.full_ms) == (1500, 86_400_000)
    assert config.rules.match == {"account": ("name",)}
    assert config.limits.creates == Limit(count=10)
    assert config.limits.updates == Limit()
    assert config.limits.archives == Limit(share=0.01, floor=3)
    assert (config.schedule.cron, config.schedule.jitter_ms) == ("*/15 * * * *", 30_000)


def test_all_problems_are_told_at_once_each_with_its_line(read: Read) -> None:
    found = problems(
        read,
        'api_verson = 1\n[systems.desk.contact]\nmode = "readonly"\n[sync.contact]\nemial = "two-way"\n'
        'title = "prefer:crmm"\n[limits]\narchive = 3\n[schedul]\nevery = "1m"\n',
    )
    assert found == [
        "tieline.toml:8: systems.desk.api_verson: unknown key; known: Prospect, account, auth, base_url, ca, "
        "connector, contact, map, region, workers",
        "tieline.toml:10: systems.desk.contact.mode: must be 'two-way', 'read' or 'fill', not \"readonly\"; "
        "did you mean 'read'?",
        "tieline.toml:12: sync.contact.emial: contact has no field 'emial'; did you mean 'email'?",
        "tieline.toml:13: sync.contact.title: there is no system 'crmm'; did you mean 'crm'?",
        "tieline.toml:15: limits.archive: unknown key; did you mean 'archives'?",
        "tieline.toml:16: schedul: unknown key; did you mean 'schedule'?",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("workers = 'many'", 'systems.desk.workers: must be a whole number, not "many"'),
        ("workers = 0", "systems.desk.workers: input should be greater than or equal to 1"),
        ('regoin = "us"', "systems.desk.regoin: unknown key; did you mean 'region'?"),
        (
            "opportunity = {}",
            "systems.desk.opportunity: the connector acme has no opportunity; it has account, contact",
        ),
        ("contact = 3", "systems.desk.contact: must be a table, not 3"),
        ("contact = { create = 'no' }", 'systems.desk.contact.create: must be true or false, not "no"'),
        (
            "contact = { filter = 'titel is null' }",
            "contact has no field 'titel'; did you mean 'title'? (at character 1)",
        ),
        ("contact = { filter = 'phone is null' }", "desk does not map contact.phone, so the filter could never see it"),
        ("map = 3", "systems.desk.map: must be a table, not 3"),
        ("map = { conact = {} }", "systems.desk.map.conact: unknown key; did you mean 'contact'?"),
        ("ca = 3", "systems.desk.ca: must be the path of a file, not 3"),
        ("base_url = 'https://api.evil.test'", "credentials must not go to the host api.evil.test"),
        ("base_url = 'https://u:p@api.acme.test'", "must not hold a user name"),
        ("base_url = 'http://api.acme.test'", "over https"),
        ("[sync]\nskew = 'soon'", "sync.skew: must be a duration"),
        ("[sync]\nfull = 'sometimes'", "sync.full: must be one of daily, weekly, monthly, never"),
        ("[sync.lead]\nemail = 'fill'", "sync.lead: unknown key; known: account, campaign, campaign_member, contact"),
        ("[sync.match]\ncontact = ['account']", "sync.match.contact: 'account' cannot match contacts"),
        ("[sync.match]\ncampaign_member = ['status']", "it is known by its contact and campaign"),
        ("[sync.match]\ncontact = 'email'", "sync.match.contact: must be a list of fields"),
        ("[sync.contact]\ntitle = 'prefer'", 'there is no policy "prefer"; write prefer:SYSTEM'),
        ("[sync.contact]\ntitle = 'newest'", 'there is no policy "newest"'),
        ("[sync.contact]\ntitle = 3", "sync.contact.title: must be a table, not 3"),
        (
            "[sync.contact]\ntitle = { policy = 'fill', on_foreign = 'review' }",
            "`on_foreign` goes with only:SYSTEM alone",
        ),
        ("[sync.contact]\nconsent_email = 'only:crm'", "consent follows its own rule"),
        ("[limits]\narchives = '200%'", "limits.archives: must be a number, a share"),
        ("[limits]\narchives = -1", "limits.archives: must be a number"),
        (
            "[schedule]\nevery = '15 minutes'",
            'schedule.every: must be a duration such as "30s", "15m" or "2h", not "15 min',
        ),
        ("[schedule]\nevery = 0", "schedule.every: must be longer than nothing"),
        ("[schedule]\ncron = 'now'", "schedule.cron: must be a cron expression"),
        ("[schedule]\ncron = '* * * * *'\nevery = '1h'", "schedule: give `every` or `cron`, not both"),
        ("plugin = []", "systems.desk.plugin: unknown key"),
    ],
)
def test_a_wrong_value_is_told_in_plain_words(read: Read, text: str, message: str) -> None:
    found = problems(read, text + "\n")
    assert len(found) == 1
    assert message in found[0]


@pytest.mark.parametrize(
    ("auth", "message"),
    [
        ('{ type = "token", token = "hunter2hunter2" }', "systems.crm.auth.token: a secret is never written"),
        ('{ type = "token", tokn = { env = "X" } }', "unknown key 'tokn'"),
        ('{ type = "tokn" }', "auth needs a type: one of token, client_credentials"),
        ('"hunter2hunter2"', "auth is a table"),
        ('{ type = "token" }', "systems.crm.auth.token: is required"),
        ('{ type = "basic", username = "a:b", password = { env = "X" } }', "systems.crm.auth.username: "),
        ('{ type = "basic", username = "a", password = "hunter2hunter2" }', "auth.password: a secret is never written"),
        ('{ type = "basic", username = "a", password = { env = "X" } }', "the connector acme takes no name and passw"),
    ],
)
def test_a_wrong_credential_is_refused_and_never_repeated(read: Read, auth: str, message: str) -> None:
    found = problems(read, systems=f'[systems.crm]\nconnector = "acme"\nauth = {auth}\n', text="")
    assert message in found[0]
    assert "hunter2" not in "".join(found)


def test_a_password_is_taken_where_the_connector_does_and_with_its_warning(read: Read) -> None:
    auth = '{ type = "basic", username = "ada@firm.example/token", password = { env = "X" } }'
    config = read("", systems=f'[systems.crm]\nconnector = "elder"\nauth = {auth}\n')
    assert config.systems["crm"].auth.username == "ada@firm.example/token"
    assert config.notes == ("tieline.toml:3: systems.crm.auth.type: passwords end on 2030-01-01; take a token",)


def test_a_system_needs_a_connector_an_address_and_a_credential(read: Read) -> None:
    found = problems(
        read, "", systems='[systems.crm]\nconector = "acme"\n[systems.b]\nconnector = "acme"\nbase_url = ""\n'
    )
    assert found == [
        "tieline.toml:1: systems.crm.connector: is required; did you mean 'conector'?",
        'tieline.toml:3: systems.b.auth: is required, such as {type = "token", token = {env = "NAME"}}',
        'tieline.toml:5: systems.b.base_url: is required, such as "https://…"',
    ]


def test_a_connector_without_a_network_takes_no_address(read: Read) -> None:
    found = problems(read, "", systems='[systems.in]\nconnector = "folder"\npath = "x"\nbase_url = "https://a.b"\n')
    assert found[0].startswith("tieline.toml:4: systems.in.base_url: unknown key")


def test_a_name_that_would_read_as_a_policy_is_refused(read: Read) -> None:
    found = problems(read, "", systems='[systems.A]\nconnector = "folder"\npath = "x"\n')
    assert "a system's name is made of a-z" in found[0]


def test_an_empty_file_says_what_is_missing(read: Read) -> None:
    assert problems(read, "", systems="") == [
        "tieline.toml: systems: no system is configured; each needs a table [systems.NAME]"
    ]


def test_malformed_toml_is_one_problem_with_line_and_column(read: Read) -> None:
    found = problems(read, "[sync\n", systems="")
    assert len(found) == 1
    assert found[0].startswith("tieline.toml:1:6: is not valid TOML: ")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "tieline.toml"
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        load(path, registry)


def test_a_file_that_is_not_there_names_the_command_that_makes_it(tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "tieline.toml", registry)
    assert caught.value.hint == "tieline init"


def test_a_missing_connector_says_what_to_install(read: Read) -> None:
    with pytest.raises(PluginMissing) as caught:
        read("", systems='[systems.a]\nconnector = "nowhere"\n')
    assert caught.value.hint == "pip install tieline-nowhere"
    assert str(caught.value).startswith("tieline.toml:2: systems.a.connector: no installed plugin offers")


def test_a_broken_plugin_is_one_problem_among_the_others(tmp_path: Path) -> None:
    def broken() -> None:
        raise RuntimeError("no luck")

    from importlib.metadata import EntryPoint

    registry = Registry([EntryPoint("sad", "tieline_no_such_module", "tieline")])
    path = tmp_path / "tieline.toml"
    path.write_text('[systems.a]\nconnector = "sad"\n')
    with pytest.raises(PluginFailed, match="ModuleNotFoundError"):
        load(path, registry)
    path.write_text('oops = 1\n[systems.a]\nconnector = "sad"\n')
    with pytest.raises(ConfigError) as caught:
        load(path, registry)
    assert len(caught.value.problems) == 2


def test_a_policy_that_can_never_act_is_noted(read: Read) -> None:
    config = read('[sync.contact]\nphone = "only:crm"\nmobile = "fill"\n')
    assert [n.split(": ", 2)[2] for n in config.notes] == [
        "crm does not map contact.phone, so only:crm never has a value to keep",
        "no system maps contact.mobile",
    ]


def test_the_fingerprint_changes_with_what_a_plan_depends_on(read: Read) -> None:
    seen = {read(text).fingerprint for text in FINGERPRINTS}
    assert len(seen) == len(FINGERPRINTS)
    assert read().fingerprint == read('[schedule]\nevery = "1h"\n').fingerprint


def test_a_connectors_setting_says_how_values_are_read_so_its_change_reads_them_again(read: Read) -> None:
    systems = '[systems.crm]\nconnector = "acme"\nauth = { type = "none" }\n'
    europe, america = (read("", systems=f'{systems}region = "{region}"\n') for region in ("eu", "us"))
    assert europe.fingerprint == read("", systems=systems).fingerprint
    assert europe.fingerprint != america.fingerprint


def test_a_setting_that_is_no_json_does_not_read_everything_again_in_every_run(read: Read) -> None:
    config = read()
    one, other = (
        replace(config, systems={n: replace(s, settings=object()) for n, s in config.systems.items()}) for _ in "12"
    )
    assert one.systems["crm"].settings is not other.systems["crm"].settings
    assert one.fingerprint == other.fingerprint


FINGERPRINTS = [
    "",
    '[sync.contact]\ntitle = "fill"\n',
    '[sync.contact]\ntitle = "only:crm"\n',
    '[sync.contact]\ntitle = { policy = "only:crm", on_foreign = "review" }\n',
    '[sync]\nskew = "3s"\n',
    '[sync.match]\naccount = ["name"]\n',
    '[systems.crm.contact]\nmode = "read"\n',
    '[systems.crm.contact]\nfilter = "title is null"\n',
    '[systems.crm.map.contact]\nTitle = { field = "title", write = false }\n',
    '[systems.crm.map.contact]\nTitle = { field = "title", values = { "1" = "a" } }\n',
    '[systems.crm.map.contact]\nMobile = "mobile"\n',
    '[systems.crm.map.account]\nStaff = { field = "employees", scale = 1000 }\n',
]


def test_no_secret_can_be_in_a_configuration(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_TOKEN", "canary-canary")
    assert "canary" not in repr(read())


DESK = '[systems.help]\nconnector = "desk"\nauth = {{ type = "none" }}\n{}\n'


@pytest.mark.parametrize(
    ("lines", "address", "placed"),
    [
        ('site = "acme"', "https://acme.desk.test", "site"),
        ('base_url = "https://other.desk.test"', "https://other.desk.test", "base_url"),
        ('site = "acme"\nbase_url = "https://other.desk.test"', "https://other.desk.test", "base_url"),
    ],
)
def test_an_address_may_be_made_of_a_setting(read: Read, lines: str, address: str, placed: str) -> None:
    system = read("", systems=DESK.format(lines)).systems["help"]
    assert (system.base_url, system.placed) == (address, (placed,))


def test_an_address_that_the_connector_knows_is_no_setting(read: Read) -> None:
    assert {system.placed for system in read().systems.values()} == {()}


@pytest.mark.parametrize("site", ["evil.test/", "a@b", "a.b", ""])
def test_a_setting_that_leads_elsewhere_is_the_one_problem_told(read: Read, site: str) -> None:
    (told,) = problems(read, "", systems=DESK.format(f'site = "{site}"'))
    assert "systems.help.site" in told


def test_neither_an_address_nor_its_setting_is_a_missing_address(read: Read) -> None:
    (told,) = problems(read, "", systems=DESK.format(""))
    assert "systems.help.base_url: is required" in told


def test_the_key_of_a_table_that_is_wrong_is_named_without_the_words_of_a_library() -> None:
    class Shape(BaseModel):
        files: dict[Literal["accounts", "contacts"], str]

    found = Problems("tieline.toml", "")
    with pytest.raises(ValidationError) as caught:
        Shape.model_validate({"files": {"contact": "c.csv"}})
    found.invalid(("systems", "lists"), caught.value, ())
    (said,) = found.sentences
    assert said.startswith("tieline.toml: systems.lists.files.contact: must be 'accounts' or 'contacts'")
