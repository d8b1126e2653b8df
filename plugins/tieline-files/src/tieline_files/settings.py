"""What `[systems.NAME]` may say for this connector: which folder, which files, how each is written.

Checks what can be known without looking at the disk; a file's own state is `table`'s business.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from tieline import ConfigError, Settings

StreamName = Literal["accounts", "contacts", "opportunities", "campaigns"]

CSV_SUFFIXES = (".csv", ".tsv", ".txt")
JSONL_SUFFIXES = (".jsonl", ".ndjson")


class FromEnv(BaseModel):
    """A value that comes from the environment, so that one configuration serves several machines."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: str = Field(min_length=1)
    default: str | None = None
    """Taken when the variable is not set or empty; None: it must be set."""


class FileSettings(BaseModel):
    """One file. `accounts = "crm-export.csv"` is short for `accounts = { file = "crm-export.csv" }`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = ""
    """Below the folder; the suffix chooses the form. Empty: the stream's name with `.csv`."""
    id: str = Field("id", min_length=1)
    """The column that names a row. It may be a natural key, such as an account's name."""
    hub_id: str = Field("tieline_id", min_length=1)
    """The column that holds the hub's id; added by the first write that needs it."""
    stamps: bool = True
    """False: the hub's id is neither written nor looked for."""
    delimiter: Literal[",", ";", "\t", "|"] | None = None
    """Between the cells of a CSV file. None: a tab for `.tsv`, else a comma."""
    encoding: str = "utf-8"
    missing: Literal["error", "empty"] = "error"
    """What a file that is not there (or has no byte) means. `empty` lets the first write begin it."""

    @property
    def is_csv(self) -> bool:
        """CSV rather than JSON Lines."""
        return PurePath(self.file).suffix.lower() in CSV_SUFFIXES

    @property
    def separator(self) -> str:
        """The delimiter in force."""
        return self.delimiter or ("\t" if self.file.lower().endswith(".tsv") else ",")

    @field_validator("file")
    @classmethod
    def _known_suffix(cls, name: str) -> str:
        if name and PurePath(name).suffix.lower() not in CSV_SUFFIXES + JSONL_SUFFIXES:
            raise ValueError(f"{name!r} must end in one of {', '.join(CSV_SUFFIXES + JSONL_SUFFIXES)}")
        return name

    @field_validator("encoding")
    @classmethod
    def _one_byte_newlines(cls, name: str) -> str:
        try:
            name = codecs.lookup(name).name
        except LookupError:
            raise ValueError(f"{name!r} is no encoding that Python knows") from None
        if name == "utf-8-sig":
            return "utf-8"  # the mark is looked for anyway
        if 'a,"\n'.encode(name) != b'a,"\n':
            raise ValueError(f"{name!r} cannot be read line by line: save the file as UTF-8")
        return name

    @model_validator(mode="after")
    def _two_columns(self) -> FileSettings:
        if self.stamps and self.id == self.hub_id:
            raise ValueError(f"id and hub_id are both {self.id!r}: the hub's id needs a column of its own")
        return self


def _shorthand(value: Any) -> Any:
    return {"file": value} if isinstance(value, str) else value


class FilesSettings(Settings):
    """The settings of one folder."""

    folder: str | FromEnv
    """Relative to the configuration file, absolute, or from home (`~`)."""
    files: Mapping[StreamName, Annotated[FileSettings, BeforeValidator(_shorthand)]] = Field(min_length=1)

    @field_validator("files")
    @classmethod
    def _named_and_apart(cls, files: Mapping[StreamName, FileSettings]) -> Mapping[StreamName, FileSettings]:
        named = {s: f if f.file else f.model_copy(update={"file": f"{s}.csv"}) for s, f in files.items()}
        taken: dict[str, str] = {}
        for stream, settings in named.items():
            other = taken.setdefault(settings.file, stream)
            if other != stream:
                raise ValueError(f"{stream} and {other} are both in {settings.file!r}: each needs a file of its own")
        return named

    def place(self, root: Path, environ: Mapping[str, str]) -> Path:
        """The folder as an absolute path. Raises ConfigError when its variable is not set."""
        folder = self.folder
        if isinstance(folder, FromEnv):
            value = environ.get(folder.env) or folder.default
            if not value:
                raise ConfigError(f"folder: the environment variable {folder.env} is not set; it names the folder")
            folder = value
        return root / Path(folder).expanduser()
