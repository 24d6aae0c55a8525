"""Bazel in Bazel: builds workspaces that a test makes, and reads from Bazel's logs which actions ran.

    workspace = Workspace.from_checkout(scratch / "clone")        # or Workspace.from_files(directory, {name: text})
    bazel = Bazel(workspace, scratch / "base", user="alice")
    run = bazel.build("//:deep_gemm_C.cp312", "--jobs=2")
    assert run.mnemonics(executed=True) == {"CppCompile": 1, "CppLink": 1}
    assert run.spawn("CppCompile").outputs == before.spawn("CppCompile").outputs

A test asserts on `Run.spawns` (the execution log: every action, how Bazel ran it, and the digests of its inputs and
outputs), never only on the exit status: Bazel also succeeds when a cache or an executor is missing.

The inner Bazel is $RULES_DEEPGEMM_BAZEL, which ./bazelw sets and `test --test_env` in .bazelrc passes on; else `bazel`
on the PATH. It writes only below the directories that the test names. Take them from `scratch_directory()`, since
Bazel's sandbox hides /tmp. Servers end with the test (`Bazel` is a context manager), or when they are idle.

`outer_repositories()` lets an inner Bazel use repositories that the outer one has fetched (torch is 1.4 GB). The rule
of that name lists which.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

CACHE_HIT_RUNNERS = ("remote cache hit", "disk cache hit")
# The variables that an inner Bazel inherits: where programs are, and how to reach package registries.
_INHERITED = ("PATH", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")
_INHERITED_PREFIXES = ("RULES_DEEPGEMM_", "PIP_", "UV_")
_MEMORY = "-Xmx2g"
_IDLE_SECONDS = 60


class InnerBazelError(AssertionError):
    """An inner build ended with an unexpected status; the message has its output."""


def scratch_directory() -> Path:
    """A directory for one test program's workspaces and output bases, on disk and outside /tmp.

    In a Bazel test it is $TEST_TMPDIR, which Bazel deletes. Otherwise it is a new one in the user's cache directory,
    which stays for inspection.
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


def outer_repositories(names: Path, archive: Path | None = None) -> list[str]:
    """Options that make an inner Bazel use external repositories of the outer one instead of fetching them.

    `names` is the file that the rule `outer_repositories` writes. The outer Bazel's repositories lie beside the
    repository of the checkout. The options also cover every other repository of the same module extension that the
    outer Bazel has fetched: the hub `deepgemm_pythons` brings its Pythons. Use them only where the inner workspace has
    the same pins as the outer one.
    """
    external = (archive or runfile(os.environ["CHECKOUT"])).parents[1]
    shared = set()
    for canonical in names.read_text(encoding="utf-8").split():
        # "~" is the separator of Bazel 7, "+" that of Bazel 8.
        extension = canonical[: max(map(canonical.rfind, "~+")) + 1]
        for sibling in external.glob(f"{extension}*"):
            if (external / f"@{sibling.name}.marker").exists():
                shared.add(sibling)
    return [f"--override_repository={path.name}={path}" for path in sorted(shared)]


def outer_repositories_of_dependent(names: Path, trees: Path, separator: str = "~") -> list[str]:
    """The same options for a module that depends on this one, where the repositories have other canonical names.

    Each repository is a new tree of links below `trees`, with the labels in its BUILD file renamed. The other module
    makes two kinds of repository itself: the hubs, since it has its own matrix, and the compilers, since the ELF
    interpreter of their programs contains the name of their repository. `separator` is `+` with
    --incompatible_use_plus_in_repo_names.
    """
    options = []
    for option in outer_repositories(names):
        canonical, _, original = option.partition("=")[2].partition("=")
        *_, extension, name = re.split("[~+]", canonical)
        if name in ("deepgemm_gcc", "deepgemm_gcc_aarch64", "deepgemm_pythons", "deepgemm_torch_runtime"):
            continue
        tree = trees / separator.join(["rules_deepgemm", "", extension, name])
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
    """One action: run locally, run remotely, or its result taken from a cache."""

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
    """Path to digest of each output."""
    action: str
    """The key of the action in a remote cache; empty in a build without cache and executor."""

    @property
    def cache_hit(self) -> bool:
        return self.runner in CACHE_HIT_RUNNERS

    @property
    def remote(self) -> bool:
        """A remote executor ran it."""
        return self.runner == "remote"

    @property
    def executed(self) -> bool:
        """This machine ran it."""
        return not self.cache_hit and not self.remote


@dataclasses.dataclass(frozen=True)
class Run:
    """One Bazel command that has ended."""

    status: int
    output: str
    """Standard output and standard error, in order."""
    seconds: float
    spawns: tuple[Spawn, ...]

    @property
    def warnings(self) -> list[str]:
        return [line for line in self.output.splitlines() if line.startswith("WARNING:")]

    def of(self, *mnemonics: str) -> list[Spawn]:
        """The spawns of these mnemonics. Default: of all."""
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
        """The spawns that this machine ran."""
        return [spawn for spawn in self.of(*mnemonics) if spawn.executed]

    def count(self, *, executed: bool = False) -> dict[str, int]:
        """The number of spawns of each mnemonic; with `executed`, of those that this machine ran."""
        return dict(collections.Counter(spawn.mnemonic for spawn in self.spawns if spawn.executed or not executed))

    def outputs(self, *mnemonics: str) -> dict[str, str]:
        """Path to digest of every output of the spawns."""
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
        """A workspace with these files; names are relative to it."""
        root.mkdir(parents=True)
        workspace = cls(root)
        for name, text in files.items():
            workspace.write(name, text)
        return workspace

    @classmethod
    def from_checkout(cls, root: Path, archive: Path | None = None) -> Workspace:
        """A clone of this project: the archive `@checkout//:checkout.tar`, which the test has in its data.

        A second call can unpack another `archive` of that repository over it.
        """
        archive = archive or runfile(os.environ["CHECKOUT"])
        root.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as tar:
            # A repository rule of this project made the archive, so that its members need no checks.
            tar.extractall(root)
        return cls(root)

    def write(self, name: str, text: str) -> None:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replaces the only occurrence of `old` in a file."""
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
        workspace: the workspace that it builds.
        base: a directory for its output base and HOME. The same directory again is the same person.
        user: its USER. It differs from the machine's, so that a test notices a user name in an action.
        options: options of every build.
        environment: variables added to the small environment of every inner Bazel; None removes one.
        startup: startup options.
        program: the Bazel to run. Default: `which_bazel()`.
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
        program: str | None = None,
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
            program or which_bazel(),
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
        """Starts a command and returns at once. Its output goes to the file `log`. Default: nowhere."""
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
        """Runs a command to its end and requires the exit status `status` (None: any)."""
        with self.running(command, *arguments, status=status, timeout=timeout) as running:
            pass
        return running.result()

    def build(self, *arguments: str, status: int | None = 0, timeout: float = 1200) -> Run:
        """Runs `build` and reads its execution log."""
        return self.run("build", *arguments, status=status, timeout=timeout)

    @contextlib.contextmanager
    def running(
        self, command: str, *arguments: str, status: int | None = 0, timeout: float = 1200
    ) -> Iterator[Running]:
        """Runs a command while the body of the `with` runs; leaving the body waits for the command."""
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
        """The real path of an output that the execution log names `bazel-out/…`."""
        (root,) = (self.output_base / "execroot").glob("*/bazel-out") if not path.startswith("/") else (Path("/"),)
        if path.startswith("bazel-out/"):
            return root.parent / path
        raise ValueError(f"{path}: name an output as the execution log does, bazel-out/…")

    def digest(self, path: str) -> str:
        """SHA-256 of an output, read from the disk."""
        return sha256(self.output(path))

    def text(self, command: str, *arguments: str) -> str:
        """The standard output of a command such as `info`, `query`, `aquery`."""
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
        """Stops the server; outputs stay."""
        pid = self.output_base / "server" / "server.pid.txt"
        with contextlib.suppress(FileNotFoundError, ValueError, ProcessLookupError):
            os.kill(int(pid.read_text()), signal.SIGTERM)
            for _ in range(100):
                if not pid.exists():
                    break
                time.sleep(0.1)

    def clean(self) -> None:
        """Deletes every output and the local action cache; repositories and the server stay."""
        self.run("clean")


class Running:
    """A command that is still running."""

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
        """Its output so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

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
