"""An HTTP server on loopback that serves Debian packages, whole or with faults, and remembers what was asked for."""

from __future__ import annotations

import contextlib
import http.server
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path


class DebianServer(http.server.ThreadingHTTPServer):
    """Serves the directory `pool` below several prefixes.

    `http://127.0.0.1:PORT/PREFIX/pool/…` is a mirror for any PREFIX of one or more parts, such as a snapshot archive's
    `archive/debian/20251125T000000Z`. `faults` maps (first part of the prefix, package) to a fault; package "" means
    every package of that prefix.
    """

    daemon_threads = True
    FAULTS = ("missing", "truncated", "altered", "stalled")

    def __init__(self, archive: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.archive = archive
        self.faults: dict[tuple[str, str], str] = {}
        self.requests: list[str] = []
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def prefixes(self) -> set[str]:
        """The first parts of the prefixes that requests had."""
        return {path.split("/")[1] for path in self.requests}

    def handle_error(self, request: object, client_address: object) -> None:
        """Says nothing: clients close connections that stall."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: DebianServer

    def do_GET(self) -> None:
        path = urllib.parse.unquote(self.path)
        self.server.requests.append(path)
        prefix, _, pool = path.partition("/pool/")
        name, first = pool.split("/")[-1].split("_")[0], prefix.split("/")[1]
        fault = self.server.faults.get((first, name)) or self.server.faults.get((first, ""))
        file = self.server.archive / "pool" / pool
        if fault == "missing" or not file.is_file():
            self.send_error(404)
            return
        data = file.read_bytes()
        if fault == "altered":
            data = data[:-1] + bytes([data[-1] ^ 1])
        self.send_response(200)
        if fault != "truncated":
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if fault in ("truncated", "stalled") else data)
        if fault == "stalled":
            self.wfile.flush()
            self.server.stopping.wait()

    def log_message(self, *_: object) -> None:
        """`DebianServer.requests` is the log."""


@contextlib.contextmanager
def serve(archive: Path) -> Iterator[DebianServer]:
    """A running server; it stops at the end of the context."""
    with DebianServer(archive) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,))
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


def snapshot_options(server: DebianServer, directory: Path) -> list[str]:
    """Options that send Bazel's requests for Debian's snapshot archive to `server`; writes a file into `directory`."""
    config = directory / "downloader.cfg"
    config.write_text(rf"rewrite ^[^/]+/(archive/debian/.*)$ {server.url}/$1" + "\n", encoding="utf-8")
    # Bazel 8 calls it --downloader_config, and knows this name, too.
    return [f"--experimental_downloader_config={config}"]
