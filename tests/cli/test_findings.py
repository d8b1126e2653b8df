"""What is said of a system that cannot be asked: the setting that is really there, and what its vendor adds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tieline import Finding, NotAuthorised
from tieline.cli.findings import asked, failure
from tieline.errors import ConfigError, Unreachable


def _hub(barred: Exception | None = None, placed: tuple[str, ...] = ("base_url",)) -> Any:
    config = SimpleNamespace(base_url="https://acme.desk.test", placed=placed)
    opened = SimpleNamespace(barred=barred, connector=None, config=config)
    return SimpleNamespace(systems={"help": opened}, config=SimpleNamespace(systems={"help": config}), failures={})


@pytest.mark.parametrize(
    ("placed", "told"),
    [
        (("base_url",), "look at base_url of [systems.help] and at the network, then: tieline check"),
        (("subdomain",), "look at subdomain of [systems.help] and at the network, then: tieline check"),
        (("site", "area"), "look at site and area of [systems.help] and at the network, then: tieline check"),
        ((), "look at the network, then: tieline check"),
    ],
)
def test_who_is_not_there_is_sought_where_the_configuration_says_where_it_is(
    placed: tuple[str, ...], told: str
) -> None:
    assert failure(_hub(placed=placed), "help", Unreachable("no such host")).remedy == told


def test_what_the_vendor_adds_to_a_refused_sign_in_stands_beside_the_command() -> None:
    hub = _hub(NotAuthorised("help: refused", hint="tieline auth login help"))
    (line,) = asked(hub, "help", lambda _: [Finding("error", "sign-in", "refused", "sign-ins end after 7 days")])
    assert (line.subject, line.message) == ("credential", "help: refused")
    assert line.remedy == "tieline auth login help; sign-ins end after 7 days"


@pytest.mark.parametrize(
    ("barred", "finding"),
    [
        (NotAuthorised("refused", hint="tieline auth login"), Finding("error", "sign-in", "refused")),
        (NotAuthorised("refused", hint="tieline auth login"), Finding("error", "users", "refused", "ask for it")),
        (ConfigError("no TOKEN is set", hint="set it"), Finding("error", "sign-in", "none", "sign in anew")),
    ],
)
def test_what_a_connector_makes_of_a_call_that_did_not_get_through_is_not_told(barred: Any, finding: Any) -> None:
    (line,) = asked(_hub(barred), "help", lambda _: [finding])
    assert (line.message, line.remedy) == (str(barred), barred.hint)
