"""What the tests of remote caching share: real servers, and a small C++ program built by this project's own compiler.

The program is a package of its own in a clone of this checkout: the flags under test are those of the shipped .bazelrc,
the compiler is the hermetic one, and one build takes seconds where the real extension takes a minute.
"""

from __future__ import annotations

import os
from pathlib import Path

from bazel_in_bazel import Bazel, Run, Workspace, lent_repositories, runfile
from servers import Casd, Nginx

TARGET = "//small:app"
PRODUCT = "small/app"
# What one build of TARGET does.
ACTIONS = {"CppCompile": 3, "CppLink": 1}
LOST_SECONDS = 20
_SMALL = {
    "small/BUILD.bazel": """\
cc_binary(
    name = "app",
    srcs = ["main.cc", "quick.cc", "slow.cc"],
    copts = ["-fconstexpr-ops-limit=100000000", "-fconstexpr-loop-limit=1000000"],
)
""",
    "small/main.cc": "int quick(); int slow();\nint main() { return quick() + slow() == 3 ? 0 : 1; }\n",
    "small/quick.cc": "#include <vector>\nint quick() { return static_cast<int>(std::vector<int>(1).size()); }\n",
    # Seconds of work for the compiler: time to do something to the server while the build goes on.
    "small/slow.cc": """\
constexpr unsigned count(unsigned n) {
  unsigned x = 1;
  for (unsigned i = 0; i < n; ++i) x = x * 1664525u + 1013904223u;
  return x;
}
constexpr unsigned result = count(700000);
int slow() { return result == 0 ? 7 : 2; }
""",
}


def servers_root() -> Path:
    return runfile(os.environ["SERVERS"]).parent


def nginx(directory: Path) -> Nginx:
    return Nginx(directory, servers_root() / "debian", runfile(os.environ["NGINX_CONF"]))


def casd(directory: Path, *, execute: bool = False, local_cas: bool = False) -> Casd:
    root = servers_root()
    return Casd(directory, root / "buildbox", root / "debian", execute=execute, local_cas=local_cas)


def clone(directory: Path) -> Workspace:
    """A clone of this checkout with the small program in it."""
    workspace = Workspace.from_checkout(directory)
    for name, text in _SMALL.items():
        workspace.write(name, text)
    return workspace


def person(workspace: Workspace, base: Path, **arguments: object) -> Bazel:
    """Somebody who builds in `workspace`, with the repositories that the outer Bazel has fetched."""
    options = [*lent_repositories(runfile(os.environ["LENT"])), *arguments.pop("options", ())]  # type: ignore[misc]
    return Bazel(workspace, base, options=options, **arguments)  # type: ignore[arg-type]


def product(run: Run) -> str:
    """The digest of the program, as the execution log has it."""
    (digest,) = (digest for path, digest in run.outputs("CppLink").items() if path.endswith(PRODUCT))
    return digest
