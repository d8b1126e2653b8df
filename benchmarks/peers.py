"""The same work by what a user would pick instead, from the stand-in's own folder, each in a virtual environment.

What is not installed is left out and named. It measures nothing itself.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.measure import Cost, StandIn, measure


class Peers:
    """Commands of the peers of one round, in a scratch folder."""

    def __init__(self, bench: Path, venvs: Path, folder: Path, server: StandIn, records: int) -> None:
        self.bench, self.venvs, self.folder, self.server, self.records = bench, venvs, folder, server, records
        self.missing: set[str] = set()

    def _python(self, venv: str) -> str | None:
        found = self.venvs / venv / "bin" / "python"
        if found.exists():
            return str(found)
        self.missing.add(venv)
        return None

    def _measured(self, *command: str, shell: str | None = None) -> Cost:
        full = ["sh", "-c", shell] if shell is not None else list(command)
        cost = measure(full, self.server, {"STANDIN": self.server.base})
        if cost.code != 0:
            raise RuntimeError(f"{' '.join(full)[:200]} ended with {cost.code}: {cost.out[-400:]}")
        return cost

    def _clean(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def of(self, task: str) -> dict[str, Cost]:
        """Every installed peer of `first`, `idle` or `write`, by name."""
        self._clean()
        found: dict[str, Cost] = {}
        for venv, name, run in (
            ("base", "floor", self._floor),
            ("base", "hubspot-api-client", self._hubspot),
            ("dlt", "dlt", self._dlt),
            ("singer", "singer-sdk", self._singer),
            ("airbyte", "airbyte-cdk", self._airbyte),
        ):
            python = self._python(venv)
            if python is None:
                continue
            try:
                cost = run(python, task)
            except RuntimeError as error:  # a peer that fails is shown as such; the others go on
                print(f"{name} failed: {error}", file=sys.stderr)
                continue
            if cost is not None:
                found[name] = cost
        return found

    def seed(self) -> Path:
        """The table that the write tasks send."""
        path = self.folder / "source.db"
        python = self._python("base")
        if python is not None and not path.exists():
            self._measured(python, str(self.bench / "seed.py"), str(path), str(self.records))
        return path

    def _floor(self, python: str, task: str) -> Cost | None:
        base, db = ["--base", self.server.base], ["--db", str(self.folder / "floor.db")]
        script = str(self.bench / "limit.py")
        if task == "first":
            return self._measured(python, script, "hs-extract", *base, *db, "--client", "aiohttp")
        if task == "write":
            return self._measured(python, script, "hs-write", *base, "--db", str(self.seed()))
        whole = str(self.bench / "limit_sync.py")
        self._measured(python, whole, "first", *base, *db)
        return self._measured(python, whole, "nochange", *base, *db)

    def _hubspot(self, python: str, task: str) -> Cost | None:
        script, base = str(self.bench / "peers" / "hubspot_client.py"), ["--base", self.server.base]
        db = ["--db", str(self.folder / "client.db")]
        if task == "write":
            return self._measured(python, script, "write", *base, "--db", str(self.seed()))
        cost = self._measured(python, script, "extract", *base, *db)
        return cost if task == "first" else self._measured(python, script, "incr", *base, *db)

    def _dlt(self, python: str, task: str) -> Cost | None:
        script, base = str(self.bench / "peers" / "dlt_peer.py"), ["--base", self.server.base]
        work = ["--work", str(self.folder / "dlt")]
        if task == "write":
            return self._measured(python, script, "write-hs", *base, "--db", str(self.seed()), *work)
        rest = ["--dest", "duckdb", "--format", "parquet", *base, "--db", str(self.folder / "dlt.duckdb"), *work]
        cost = self._measured(python, script, "extract", *rest)
        return cost if task == "first" else self._measured(python, script, "incr", *rest)

    def _singer(self, python: str, task: str) -> Cost | None:
        if task == "write":
            return None
        config, state = self.folder / "singer.json", self.folder / "state.json"
        config.write_text(f'{{"path_to_db": "{self.folder / "singer.db"}"}}')
        tap, target = self.bench / "peers" / "sdk_tap.py", self.bench / "peers" / "sdk_target.py"
        into = f"{python} {target} --config {config}"
        cost = self._measured(shell=f"{python} {tap} | {into} | tail -1 > {state}")
        if task == "first":
            return cost
        return self._measured(shell=f"{python} {tap} --state {state} | {into} > {state}.next")

    def _airbyte(self, python: str, task: str) -> Cost | None:
        if task != "first":
            return None
        script = str(self.bench / "peers" / "airbyte_files.py")
        self._measured(python, script, str(self.folder / "ab"), self.server.base)
        run = Path(python).with_name("source-declarative-manifest")
        files = self.folder / "ab"
        into = f"{self._python('base')} {self.bench / 'peers' / 'jsonl_to_sqlite.py'} {self.folder / 'ab.db'}"
        return self._measured(
            shell=f"{run} read --config {files}/config.json --catalog {files}/catalog.json "
            f"--manifest-path {self.bench}/peers/airbyte_manifest.yaml | {into}"
        )
