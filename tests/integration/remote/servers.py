"""Real cache servers on loopback, for tests: nginx (HTTP) and buildbox-casd (gRPC, and remote execution).

Each keeps its store in a directory of the test, listens on a free port and stops with its context. Tests can `kill`,
`hang`, `resume` and `restart` it on the same port and store, and damage its files.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.remote.write_rc import retries

_LOADER = "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
_START_SECONDS = 20


def cache_options(address: str) -> list[str]:
    """Options that name the server of --config=cache."""
    return [f"--remote_cache={address}", retries(address)]


def free_port() -> int:
    """A free port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def refusing_port() -> Iterator[int]:
    """A port that refuses connections."""
    yield free_port()


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers, like a server that hangs."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(128)
        yield server.getsockname()[1]


@contextlib.contextmanager
def absent_port() -> Iterator[int]:
    """A port that does not accept connections because its queue is full, like a machine that does not exist."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield server.getsockname()[1]


class Server:
    """A process that listens on a port of 127.0.0.1 and keeps its files in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.port = directory, free_port()
        directory.mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        """The command line."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.directory)}

    @property
    def log(self) -> str:
        """The server's standard output and error."""
        return (self.directory / "server.log").read_text(errors="replace")

    def start(self) -> None:
        with (self.directory / "server.log").open("ab") as log:
            # A process group of its own, so that signals reach nginx's workers and casd's actions.
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.directory,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        end = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{type(self).__name__} did not start:\n{self.log}")
            time.sleep(0.05)

    def _signal(self, number: int) -> None:
        assert self._process
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """Kills the server and its workers, as a crash does."""
        self._signal(signal.SIGKILL)
        assert self._process
        self._process.wait()

    def hang(self) -> None:
        """Suspends the server: the kernel still accepts connections, and no answer comes."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """Kills it and starts it again on the same port and store."""
        self.kill()
        self.start()

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process and self._process.poll() is None:
            self.resume()
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()
        self._signal(signal.SIGKILL)


class Nginx(Server):
    """The shipped HTTP cache: anyone on the machine reads, `writer` writes.

    Args:
        directory: nginx's prefix: configuration, store, logs.
        debian: the tree of unpacked Debian packages.
        configuration: the nginx.conf that this project ships, used as it is.
    """

    WRITER = ("ci", "secret of this test")

    def __init__(self, directory: Path, debian: Path, configuration: Path) -> None:
        super().__init__(directory)
        self._debian = debian
        for name in ("store", "logs", "temp"):
            (directory / name).mkdir(exist_ok=True)
        shutil.copyfile(configuration, directory / "nginx.conf")
        (directory / "listen.conf").write_text(f"listen 127.0.0.1:{self.port};\n")
        user, password = self.WRITER
        (directory / "htpasswd").write_text(f"{user}:{{PLAIN}}{password}\n")

    def command(self) -> Sequence[str]:
        loader = self._debian / _LOADER
        # Started by root, nginx's workers run as nobody and could not enter the test's directory.
        globals_ = "daemon off;" + (" user root;" if os.getuid() == 0 else "")
        return [
            *(str(loader), "--library-path", str(loader.parent), str(self._debian / "usr/sbin/nginx")),
            *("-p", str(self.directory), "-c", "nginx.conf", "-e", "logs/error.log", "-g", globals_),
        ]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def read_options(self) -> list[str]:
        """Options of a client that may read."""
        return cache_options(self.url)

    @property
    def write_options(self) -> list[str]:
        """Options of a client that may read and write."""
        token = base64.b64encode(":".join(self.WRITER).encode()).decode()
        return [*self.read_options, f"--remote_header=Authorization=Basic {token}"]

    def traffic(self) -> Traffic:
        """All traffic since the server started, by its access log."""
        return Traffic.of((self.directory / "logs" / "access.log").read_text().splitlines())

    def blob(self, digest: str) -> Path:
        return self.directory / "store" / "cas" / digest

    def blobs(self) -> list[Path]:
        return sorted((self.directory / "store" / "cas").glob("*"))

    def results(self) -> list[Path]:
        """The entries of the action cache."""
        return sorted((self.directory / "store" / "ac").glob("*"))


class Traffic:
    """Requests that nginx answered: method, status, bytes received and sent."""

    def __init__(self, requests: Sequence[tuple[str, str, int, int, int]]) -> None:
        self.requests = requests

    @classmethod
    def of(cls, lines: Sequence[str]) -> Traffic:
        """Reads the shipped log format: method, path, status, bytes received, bytes sent."""
        fields = (line.split(" ") for line in lines)
        return cls([(method, path, int(status), int(got), int(sent)) for method, path, status, got, sent, *_ in fields])

    def since(self, before: Traffic) -> Traffic:
        return Traffic(self.requests[len(before.requests) :])

    def count(self, method: str, status: int) -> int:
        return sum(1 for request in self.requests if (request[0], request[2]) == (method, status))

    @property
    def uploaded(self) -> int:
        """Bytes that clients sent."""
        return sum(request[3] for request in self.requests)

    @property
    def downloaded(self) -> int:
        """Bytes that clients received."""
        return sum(request[4] for request in self.requests)


class Casd(Server):
    """buildbox-casd: CAS and action cache over gRPC and, with `execute`, a remote executor in a bubblewrap sandbox.

    Args:
        directory: for the store.
        buildbox: the directory with its programs.
        debian: the tree of unpacked Debian packages, for bubblewrap.
        execute: whether it also runs actions. Default: False.
    """

    def __init__(self, directory: Path, buildbox: Path, debian: Path, *, execute: bool = False) -> None:
        super().__init__(directory)
        self._buildbox, self._execute = buildbox, execute
        programs = directory / "bin"
        programs.mkdir(exist_ok=True)
        loader = debian / _LOADER
        bubblewrap = programs / "bwrap"
        bubblewrap.write_text(
            f"#!/bin/sh\nexec '{loader}' --library-path '{loader.parent}' '{debian}/usr/bin/bwrap' \"$@\"\n"
        )
        bubblewrap.chmod(0o755)

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PATH": f"{self.directory / 'bin'}:{os.environ['PATH']}"}

    def command(self) -> Sequence[str]:
        runner = []
        if self._execute:
            runner = [f"--buildbox-run={self._buildbox}/buildbox-run", "--jobs=2", "--runner-arg=--disable-localcas"]
        return [
            f"{self._buildbox}/buildbox-casd",
            f"--bind=127.0.0.1:{self.port}",
            *runner,
            str(self.directory / "store"),
        ]

    @property
    def url(self) -> str:
        return f"grpc://127.0.0.1:{self.port}"

    @property
    def write_options(self) -> list[str]:
        """Options of a client of the cache; casd lets every client write."""
        return cache_options(self.url)

    @property
    def executor_options(self) -> list[str]:
        return [f"--remote_executor={self.url}", retries(self.url)]

    def blob(self, digest: str) -> Path:
        return self.directory / "store" / "cas" / "objects" / digest[:2] / digest[2:]

    def blobs(self) -> list[Path]:
        return sorted(path for path in (self.directory / "store" / "cas" / "objects").glob("*/*") if path.is_file())

    def results(self) -> list[Path]:
        """The entries of the action cache."""
        return sorted(path for path in (self.directory / "store" / "actioncache").rglob("*") if path.is_file())
