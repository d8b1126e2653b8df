"""Where a secret may come from, and that it shows itself nowhere."""

from __future__ import annotations

import copy
import io
import json
import logging
import os
import pickle
import sys

import pytest
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_json

from tieline.errors import ConfigError
from tieline.secrets import RedactingFilter, Redactor, Secret, SecretSource, Veiled, resolve

VALUE = 'hunter2&"ü/geheim'


def source(**form):
    return SecretSource.model_validate(form)


def test_a_secret_shows_itself_only_when_asked():
    secret = Secret(VALUE)
    texts = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>40}",
        str([{secret}]),
        repr([secret]),
        repr({"a": secret}),
    ]
    assert not any("hunter2" in text for text in texts)
    assert secret.reveal() == VALUE
    assert secret == Secret(VALUE)
    assert secret != Secret("other")
    assert secret != VALUE
    assert len({secret, Secret(VALUE)}) == 1
    assert copy.deepcopy({"a": secret})["a"] is secret


@pytest.mark.parametrize("dump", [pickle.dumps, json.dumps, to_json])
def test_a_secret_is_not_serialised(dump):
    with pytest.raises((TypeError, PydanticSerializationError)) as caught:
        dump(Secret(VALUE))
    assert "hunter2" not in str(caught.value)


def test_a_veiled_string_is_itself_everywhere_but_in_repr():
    veiled = Veiled("Bearer x")
    assert veiled == "Bearer x"
    assert veiled.encode() == b"Bearer x"
    assert repr({"authorization": veiled}) == "{'authorization': ***}"


# -- sources


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("hunter2", "never written into the configuration"),
        ({}, "exactly one of"),
        ({"env": "A", "file": "b"}, "exactly one of"),
        ({"value": "hunter2"}, "exactly one of"),
        ({"env": ""}, "one name in quotes"),
        ({"file": ["hunter2"]}, "one name in quotes"),
        ({"command": "pass show hunter2"}, "list of words"),
        ({"command": []}, "list of words"),
        ({"command": ["pass", 2]}, "list of words"),
        (["hunter2"], "exactly one of"),
        (None, "exactly one of"),
    ],
)
def test_a_source_that_is_none_is_refused_without_repeating_it(wrong, said):
    with pytest.raises(ValidationError) as caught:
        SecretSource.model_validate(wrong)
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value) + repr(caught.value.errors())


def test_the_forms_that_exist_are_named_where_a_plain_string_stands():
    with pytest.raises(ValidationError, match=r"\{env = .*\{file = .*\{command = "):
        SecretSource.model_validate("hunter2")


def test_a_source_says_where_to_look_but_not_a_commands_arguments():
    assert str(source(env="CRM_TOKEN")) == "environment variable CRM_TOKEN"
    assert str(source(file="crm.token")) == "file crm.token"
    assert str(source(command=["vault", "--password", "hunter2"])) == "command vault"


def test_a_secret_comes_from_the_environment(tmp_path):
    assert resolve(source(env="T"), tmp_path, environ={"T": VALUE}).reveal() == VALUE


@pytest.mark.parametrize("environ", [{}, {"T": ""}])
def test_a_variable_that_is_not_set_is_named(tmp_path, environ):
    with pytest.raises(ConfigError, match="environment variable T is not set"):
        resolve(source(env="T"), tmp_path, environ=environ)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_comes_from_a_private_file_without_its_line_end(tmp_path, end):
    path = tmp_path / "token"
    path.write_bytes((VALUE + end).encode())
    path.chmod(0o600)
    assert resolve(source(file="token"), tmp_path).reveal() == VALUE
    assert resolve(source(file=str(path)), tmp_path / "elsewhere").reveal() == VALUE


@pytest.mark.skipif(os.name != "posix", reason="file modes")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_can_reach_is_refused_with_the_remedy(tmp_path, mode):
    path = tmp_path / "token"
    path.write_text(VALUE)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600 token") as caught:
        resolve(source(file="token"), tmp_path)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_missing_empty_huge_or_no_text_is_refused(tmp_path):
    for name, content in {"empty": b"\n", "huge": b"x" * (65 << 10), "binary": b"\xff\xfehunter2"}.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "folder").mkdir()
    words = {"missing": "No such file", "empty": "is empty", "huge": "64 KiB", "binary": "UTF-8", "folder": "directory"}
    for name, said in words.items():
        with pytest.raises(ConfigError, match=said) as caught:
            resolve(source(file=name), tmp_path)
        assert "hunter2" not in str(caught.value)


def test_a_secret_comes_from_a_command_run_without_a_shell_in_the_configurations_folder(tmp_path):
    script = "import os, sys; print(sys.argv[1] + os.path.basename(os.getcwd()))"
    secret = resolve(source(command=[sys.executable, "-c", script, "$HOME;"]), tmp_path)
    assert secret.reveal() == f"$HOME;{tmp_path.name}"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("print('hunter2'); import sys; sys.exit('hunter2')", "ended with 1"),
        ("pass", "printed nothing"),
        ("import sys; sys.stdout.buffer.write(b'\\xffhunter2')", "not UTF-8"),
    ],
)
def test_a_command_that_fails_is_named_and_its_output_is_not_shown(tmp_path, capfd, script, said):
    with pytest.raises(ConfigError, match=said) as caught:
        resolve(source(command=[sys.executable, "-c", script]), tmp_path)
    printed = capfd.readouterr()
    assert "hunter2" not in str(caught.value) + printed.out + printed.err


def test_a_command_that_hangs_is_stopped(tmp_path):
    endless = [sys.executable, "-c", "import time; time.sleep(3600)"]  # to come back at all is to have stopped it
    with pytest.raises(ConfigError, match=r"took longer than 0\.3 s"):
        resolve(source(command=endless), tmp_path, timeout=0.3)


def test_a_command_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ConfigError, match="no-such-program cannot be started"):
        resolve(source(command=["no-such-program"]), tmp_path)


# -- striking out


def test_the_redactor_strikes_out_every_form_of_what_it_knows():
    redactor = Redactor()
    redactor.add(Secret(VALUE))
    redactor.add(Secret(VALUE + "-longer"))
    from urllib.parse import quote, quote_plus, urlencode

    forms = [
        VALUE,
        VALUE + "-longer",
        quote(VALUE),
        urlencode({"a": VALUE}),
        quote_plus(VALUE),
        json.dumps(VALUE),
        repr(VALUE),
    ]
    for form in forms:
        text = redactor.redact(f"before {form} after")
        assert "geheim" not in text
        assert "hunter2" not in text
        assert "longer" not in text
        assert text.startswith("before ")
        assert text.endswith(" after")


def test_a_secret_that_is_learnt_later_is_struck_out_from_then_on():
    redactor = Redactor()
    for number in range(3):
        redactor.add(Secret(f"hunter-number-{number}"))
        known = " ".join(f"hunter-number-{n}" for n in range(number + 1))
        assert redactor.redact(known) == " ".join(["***"] * (number + 1))


def test_the_redactor_leaves_all_else_alone_and_does_not_take_very_short_secrets():
    redactor = Redactor()
    assert redactor.redact("nothing known") == "nothing known"
    redactor.add(Secret("a"))
    redactor.add(Secret(""))
    assert redactor.redact("a banana") == "a banana"


@pytest.fixture
def logged():
    """A logger whose handler redacts, and what it wrote."""
    redactor, out = Redactor(), io.StringIO()
    redactor.add(Secret(VALUE))
    handler = logging.StreamHandler(out)
    handler.addFilter(RedactingFilter(redactor))
    logger = logging.Logger("tieline.test")
    logger.addHandler(handler)
    return logger, out


def test_the_log_filter_redacts_messages_arguments_and_tracebacks(logged):
    logger, out = logged
    logger.warning("with %s in it", VALUE)
    logger.warning("wrong format %d", VALUE)
    try:
        raise ValueError(VALUE)
    except ValueError:
        logger.exception("failed", stack_info=True)
    text = out.getvalue()
    assert "with *** in it" in text
    assert "ValueError: ***" in text
    assert "hunter2" not in text
