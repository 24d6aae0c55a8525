"""Bazel in Bazel: builds in workspaces of a test's own, and what they did, read from Bazel's own logs.

    workspace = Workspace.from_checkout(scratch / "clone")        # or Workspace.from_files(directory, {name: text})
    bazel = Bazel(workspace, scratch / "base", user="alice")
    run = bazel.build("//:deep_gemm_C.cp312", "--jobs=2")
    assert run.mnemonics(executed=True) == {"CppCompile": 1, "CppLink": 1}
    assert run.spawn("CppCompile").outputs == before.spawn("CppCompile").outputs

A test asserts on `Run.spawns` (the execution log: every action that Bazel had to carry out, how, and the digests of
what went in and came out), never on the exit status alone: Bazel succeeds without a cache, and without an executor.

Which Bazel: $RULES_DEEPGEMM_BAZEL, set by ./bazelw and handed on by `test --test_env` in .bazelrc; else `bazel` on the
PATH. Everything is written below the directories that the test names; take them from `scratch_directory()`, since
Bazel's sandbox hides /tmp. Servers end with the test (`Bazel` is a context manager), or by themselves when idle.

Repositories that the outer Bazel has fetched already (torch is 1.4 GB) are lent to the inner ones by
`lent_repositories()`, for the targets that the rule of that name lists.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

CACHE_HIT_RUNNERS = ("remote cache hit", "disk cache hit")
# What an inner Bazel sees of the outer one's environment: how to find programs, and how to reach packages.
_INHERITED = ("PATH", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")
_INHERITED_PREFIXES = ("RULES_DEEPGEMM_", "PIP_", "UV_")
_MEMORY = "-Xmx2g"
_IDLE_SECONDS = 60


class InnerBazelError(AssertionError):
    """An inner build ended with another status than expected; the message has its output."""


def scratch_directory() -> Path:
    """A directory for one test program's workspaces and output bases, on disk, outside /tmp, gone with the test.

    In a Bazel test it is $TEST_TMPDIR; otherwise a new one in the user's cache directory, which is kept for a look.
    """
    if named := os.environ.get("TEST_TMPDIR"):
        return Path(named)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rules_deepgemm" / "tests"
    cache.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=cache))


def runfile(path: str) -> Path:
    """The real path of a file among the test's runfiles, named as `rlocationpath` names it (`_main/tests/x.py`)."""
    found = Path(os.environ["RUNFILES_DIR"] if "RUNFILES_DIR" in os.environ else os.environ["TEST_SRCDIR"], path)
    if not found.exists():
        raise FileNotFoundError(f"{path} is not among the runfiles; add it to the test's data")
    return found.resolve()


def lent_repositories(names: Path, archive: Path | None = None) -> list[str]:
    """Options by which an inner Bazel takes external repositories from the outer one instead of fetching them.

    `names` is the file that the rule `lent_repositories` makes; the outer Bazel's repositories lie beside that of the
    checkout. Lent are also the others that the same module extension made and the outer Bazel has fetched (the hub
    `deepgemm_pythons` brings its Pythons). Right only where the inner workspace pins them as the outer one does.
    """
    external = (archive or runfile(os.environ["CHECKOUT"])).parents[1]
    lent = set()
    for canonical in names.read_text(encoding="utf-8").split():
        extension = canonical.rpartition("~")[0]
        for sibling in external.glob(f"{extension}~*"):
            if (external / f"@{sibling.name}.marker").exists():
                lent.add(sibling)
    return [f"--override_repository={path.name}={path}" for path in sorted(lent)]


def lent_to_dependent(names: Path, trees: Path, separator: str = "~") -> list[str]:
    """The same options for a module that depends on this one, where the repositories have other canonical names.

    Each repository is a new tree of links below `trees`, with the labels in its BUILD file renamed. Not lent are the
    lists of Pythons, since the other module has its own matrix, and the compiler: the ELF interpreter of its programs
    has the name of their repository. `separator` is `+` with --incompatible_use_plus_in_repo_names.
    """
    options = []
    for option in lent_repositories(names):
        canonical, _, original = option.partition("=")[2].partition("=")
        if canonical.rpartition("~")[2] in ("deepgemm_gcc", "deepgemm_pythons", "deepgemm_torch_runtime"):
            continue
        tree = trees / canonical.replace("_main~", "rules_deepgemm~~").replace("~", separator)
        tree.mkdir(parents=True)
        for entry in Path(original).iterdir():
            if entry.name == "BUILD.bazel":
                text = entry.read_text(encoding="utf-8").replace('"@@//', f'"@@rules_deepgemm{separator}//')
                (tree / entry.name).write_text(text, encoding="utf-8")
            else:
                (tree / entry.name).symlink_to(entry)
        options.append(f"--override_repository={tree.name}={tree}")
    return options


@dataclasses.dataclass(frozen=True)
class Spawn:
    """One action that was carried out: locally, remotely, or by taking its result from a cache."""

    target: str
    mnemonic: str
    runner: str
    """How, in Bazel's words: "linux-sandbox", "local", "remote", "remote cache hit", …"""
    exit_code: int
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    inputs: Mapping[str, str]
    """Path to digest ("sha256:…")."""
    outputs: Mapping[str, str]
    """Path to digest of what the action made."""
    action: str
    """The key of the action in a remote cache; empty when neither a cache nor an executor was asked."""

    @property
    def cache_hit(self) -> bool:
        return self.runner in CACHE_HIT_RUNNERS

    @property
    def remote(self) -> bool:
        """Carried out by a remote executor."""
        return self.runner == "remote"

    @property
    def executed(self) -> bool:
        """Carried out by this machine."""
        return not self.cache_hit and not self.remote


@dataclasses.dataclass(frozen=True)
class Run:
    """One Bazel command, ended."""

    status: int
    output: str
    """Standard output and standard error, in order."""
    seconds: float
    spawns: tuple[Spawn, ...]

    @property
    def warnings(self) -> list[str]:
        return [line for line in self.output.splitlines() if line.startswith("WARNING:")]

    def of(self, *mnemonics: str) -> list[Spawn]:
        """The spawns of these mnemonics; of all when none is named."""
        return [spawn for spawn in self.spawns if not mnemonics or spawn.mnemonic in mnemonics]

    def spawn(self, mnemonic: str) -> Spawn:
        """The only spawn of this mnemonic."""
        found = self.of(mnemonic)
        if len(found) != 1:
            raise AssertionError(f"{len(found)} spawns of {mnemonic}: {[spawn.target for spawn in found]}")
        return found[0]

    def hits(self, *mnemonics: str) -> list[Spawn]:
        return [spawn for spawn in self.of(*mnemonics) if spawn.cache_hit]

    def executed(self, *mnemonics: str) -> list[Spawn]:
        """Those that this machine carried out."""
        return [spawn for spawn in self.of(*mnemonics) if spawn.executed]

    def count(self, *, executed: bool = False) -> dict[str, int]:
        """How many spawns there were of each mnemonic; with `executed`, of those that this machine carried out."""
        return dict(collections.Counter(spawn.mnemonic for spawn in self.spawns if spawn.executed or not executed))

    def outputs(self, *mnemonics: str) -> dict[str, str]:
        """Path to digest of everything that the spawns made."""
        return {path: digest for spawn in self.of(*mnemonics) for path, digest in spawn.outputs.items()}

    def actions(self) -> dict[str, str]:
        """Mnemonic and target to action key; only for runs with a remote cache or executor."""
        return {
            f"{spawn.mnemonic} {spawn.target} {min(spawn.outputs, default='')}": spawn.action for spawn in self.spawns
        }


@dataclasses.dataclass(frozen=True)
class Workspace:
    """A directory with a MODULE.bazel in it."""

    root: Path

    @classmethod
    def from_files(cls, root: Path, files: Mapping[str, str]) -> Workspace:
        """A workspace with these files, names relative to it."""
        root.mkdir(parents=True)
        workspace = cls(root)
        for name, text in files.items():
            workspace.write(name, text)
        return workspace

    @classmethod
    def from_checkout(cls, root: Path, archive: Path | None = None) -> Workspace:
        """A clone of this project: of the archive `@checkout//:checkout.tar`, which the test has in its data.

        Another `archive` of that repository may be laid over it.
        """
        archive = archive or runfile(os.environ["CHECKOUT"])
        root.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as tar:
            # Made by this project's own repository rule.
            tar.extractall(root)
        return cls(root)

    def write(self, name: str, text: str) -> None:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replaces the one place where `old` stands in a file."""
        text = (self.root / name).read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise AssertionError(f"{name} has {old!r} {text.count(old)} times")
        self.write(name, text.replace(old, new))


def which_bazel() -> str:
    """The Bazel that inner builds run."""
    program = os.environ.get("RULES_DEEPGEMM_BAZEL") or shutil.which("bazel")
    if not program:
        raise RuntimeError("no Bazel for the inner builds: start the test with ./bazelw, or set RULES_DEEPGEMM_BAZEL")
    return program


class Bazel:
    """One person's Bazel in one workspace: an output base, a HOME and a USER of its own.

    Args:
        workspace: where it is started.
        base: a directory for its output base and HOME; the same one again is the same person coming back.
        user: its USER; other than that of the machine, so that a test notices one that travels.
        options: given to every build.
        environment: added to the small environment that every inner Bazel gets; None takes a variable away.
        startup: startup options.
    """

    def __init__(
        self,
        workspace: Workspace,
        base: Path,
        *,
        user: str = "somebody",
        options: Sequence[str] = (),
        environment: Mapping[str, str | None] | None = None,
        startup: Sequence[str] = (),
    ) -> None:
        self.workspace, self.base, self.options = workspace, base, list(options)
        self.output_base = base / "o"
        (base / "home").mkdir(parents=True, exist_ok=True)
        inherited = {
            key: value for key, value in os.environ.items() if key in _INHERITED or key.startswith(_INHERITED_PREFIXES)
        }
        self.environment = {**inherited, "HOME": str(base / "home"), "USER": user, "LC_ALL": "C.UTF-8"}
        for key, value in (environment or {}).items():
            self.environment.pop(key, None)
            if value is not None:
                self.environment[key] = value
        self._command = [
            which_bazel(),
            f"--output_base={self.output_base}",
            f"--host_jvm_args={_MEMORY}",
            f"--max_idle_secs={_IDLE_SECONDS}",
            *startup,
        ]

    def __enter__(self) -> Bazel:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()

    def start(self, command: str, *arguments: str, log: Path | None = None) -> subprocess.Popen[bytes]:
        """Starts a command and returns at once; its output goes to the file `log`, else nowhere."""
        with (log or Path(os.devnull)).open("wb") as stream:
            return subprocess.Popen(
                [*self._command, command, *arguments],
                cwd=self.workspace.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def run(self, command: str, *arguments: str, status: int | None = 0, timeout: float = 1200) -> Run:
        """Runs a command to its end and demands its exit status (None: any)."""
        with self.running(command, *arguments, status=status, timeout=timeout) as running:
            pass
        return running.result()

    def build(self, *arguments: str, status: int | None = 0, timeout: float = 1200) -> Run:
        """Runs `build` and reads what it did from its execution log."""
        return self.run("build", *arguments, status=status, timeout=timeout)

    @contextlib.contextmanager
    def running(
        self, command: str, *arguments: str, status: int | None = 0, timeout: float = 1200
    ) -> Iterator[Running]:
        """Runs a command while the body of the `with` does something else; the end of the body waits for it."""
        number = len(list(self.base.glob("*.log")))
        log, execution = self.base / f"{number}.log", self.base / f"{number}.execution.json"
        building = command in ("build", "test", "run", "coverage")
        options = [*self.options, f"--execution_log_json_file={execution}", "--color=no", "--curses=no"]
        begin = time.monotonic()
        process = self.start(command, *arguments, *(options if building else ()), log=log)
        running = Running(process, log=log, execution=execution, begin=begin, status=status, timeout=timeout)
        try:
            yield running
        except BaseException:
            process.kill()
            process.wait()
            raise
        running.result()

    def output(self, path: str) -> Path:
        """The real place of an output that Bazel names `bazel-bin/…`, without relying on convenience links."""
        (root,) = (self.output_base / "execroot").glob("*/bazel-out") if not path.startswith("/") else (Path("/"),)
        if path.startswith("bazel-out/"):
            return root.parent / path
        raise ValueError(f"{path}: name an output as the execution log does, bazel-out/…")

    def digest(self, path: str) -> str:
        """SHA-256 of an output, read from the disk."""
        return sha256(self.output(path))

    def text(self, command: str, *arguments: str) -> str:
        """Standard output alone of a command such as `info`, `query`, `aquery`."""
        run = subprocess.run(
            [*self._command, command, *arguments, *(self.options if command in ("aquery", "cquery") else ())],
            cwd=self.workspace.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            raise InnerBazelError(f"{command} {' '.join(arguments)} ended with {run.returncode}:\n{run.stderr}")
        return run.stdout

    def shutdown(self) -> None:
        """Ends the server; outputs stay."""
        pid = self.output_base / "server" / "server.pid.txt"
        with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGTERM)
            for _ in range(100):
                if not pid.exists():
                    break
                time.sleep(0.1)

    def clean(self) -> None:
        """Forgets every output and the local action cache; repositories and the server stay."""
        self.run("clean")


class Running:
    """A command that goes on while the test does something to its servers."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        *,
        log: Path,
        execution: Path,
        begin: float,
        status: int | None,
        timeout: float,
    ) -> None:
        self._process, self._log, self._execution = process, log, execution
        self._begin, self._status, self._timeout = begin, status, timeout
        self._result: Run | None = None

    @property
    def output(self) -> str:
        """What it has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, text: str, timeout: float = 120) -> None:
        """Waits until its output has `text`."""
        end = time.monotonic() + timeout
        while text not in self.output:
            if self._process.poll() is not None or time.monotonic() > end:
                raise InnerBazelError(f"{text!r} did not appear:\n{self.output}")
            time.sleep(0.05)

    def result(self) -> Run:
        """Waits for the end."""
        if self._result is None:
            try:
                status = self._process.wait(max(1, self._timeout - (time.monotonic() - self._begin)))
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
                raise InnerBazelError(f"no end after {self._timeout:.0f} s:\n{self.output}") from None
            seconds = time.monotonic() - self._begin
            if self._status is not None and status != self._status:
                raise InnerBazelError(f"exit status {status}, expected {self._status}:\n{self.output}")
            self._result = Run(status, self.output, seconds, tuple(read_execution_log(self._execution)))
        return self._result


def read_execution_log(file: Path) -> Iterator[Spawn]:
    """The spawns of a log written by --execution_log_json_file: JSON objects one after the other."""
    if not file.exists():
        return
    text, decoder, position = file.read_text(encoding="utf-8"), json.JSONDecoder(), 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if position >= len(text):
            return
        entry, position = decoder.raw_decode(text, position)
        yield Spawn(
            target=entry.get("targetLabel", ""),
            mnemonic=entry.get("mnemonic", ""),
            runner=entry.get("runner", ""),
            exit_code=entry.get("exitCode", 0),
            arguments=tuple(entry.get("commandArgs", ())),
            environment={pair["name"]: pair.get("value", "") for pair in entry.get("environmentVariables", ())},
            inputs=_digests(entry.get("inputs", ())),
            outputs=_digests(entry.get("actualOutputs", ())),
            action=entry.get("digest", {}).get("hash", ""),
        )


def _digests(files: Iterable[Mapping[str, object]]) -> dict[str, str]:
    return {str(file["path"]): str(file.get("digest", {}).get("hash", "")) for file in files}  # type: ignore[attr-defined]


def sha256(file: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
