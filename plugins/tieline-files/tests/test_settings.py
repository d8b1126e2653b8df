"""What `[systems.NAME]` may say, and what is refused before any file is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from tieline import ConfigError
from tieline_files.settings import FilesSettings

ROOT = Path("/config")


def settings(**keys):
    return FilesSettings.model_validate({"folder": "data", "files": {"accounts": {}}, **keys})


def test_a_stream_without_a_file_name_is_named_after_itself():
    files = settings(files={"accounts": {}, "contacts": "people.jsonl"}).files

    assert [f.file for f in files.values()] == ["accounts.csv", "people.jsonl"]
    assert [f.is_csv for f in files.values()] == [True, False]


@pytest.mark.parametrize(
    ("file", "delimiter", "separator"),
    [("a.csv", None, ","), ("a.tsv", None, "\t"), ("A.TSV", None, "\t"), ("a.tsv", ";", ";"), ("a.txt", "|", "|")],
)
def test_the_delimiter_follows_the_suffix_unless_it_is_named(file, delimiter, separator):
    assert settings(files={"accounts": {"file": file, "delimiter": delimiter}}).files["accounts"].separator == separator


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "at least 1 item"),
        ({"leads": {}}, "Input should be 'accounts', 'contacts', 'opportunities' or 'campaigns'"),
        ({"accounts": "a.xlsx"}, "'a.xlsx' must end in one of .csv"),
        ({"accounts": "x.csv", "contacts": "x.csv"}, "contacts and accounts are both in 'x.csv'"),
        ({"accounts": {"delimiter": "::"}}, "Input should be"),
        ({"accounts": {"encoding": "utf-16"}}, "'utf-16' cannot be read line by line"),
        ({"accounts": {"encoding": "klingon"}}, "'klingon' is no encoding that Python knows"),
        ({"accounts": {"id": "tieline_id"}}, "id and hub_id are both 'tieline_id'"),
        ({"accounts": {"ident": "id"}}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_work_is_refused_with_its_reason(files, message):
    with pytest.raises(ValidationError) as caught:
        settings(files=files)

    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["utf8", "UTF-8", "utf-8-sig", "UTF_8_SIG"])
def test_every_name_of_utf_8_means_utf_8_with_or_without_a_mark(name):
    assert settings(files={"accounts": {"encoding": name}}).files["accounts"].encoding.lower() == "utf-8"


def test_the_folder_is_relative_to_the_configuration_absolute_or_from_the_environment():
    assert settings().place(ROOT, {}) == ROOT / "data"
    assert settings(folder="/exports").place(ROOT, {}) == Path("/exports")
    assert settings(folder="~/exports").place(ROOT, {}) == Path.home() / "exports"
    named = settings(folder={"env": "EXPORTS", "default": "here"})
    assert named.place(ROOT, {"EXPORTS": "there"}) == ROOT / "there"
    assert named.place(ROOT, {"EXPORTS": ""}) == ROOT / "here"


def test_a_folder_whose_variable_is_not_set_says_which():
    with pytest.raises(ConfigError, match="the environment variable EXPORTS is not set"):
        settings(folder={"env": "EXPORTS"}).place(ROOT, {})
