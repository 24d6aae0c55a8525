"""Shared by the tests of remote caching: real servers, and a small C++ program that the hermetic compiler builds.

The program is a package in a clone of this checkout, so the tests use the flags of the shipped .bazelrc. One build
takes seconds; the real extension takes a minute.
"""

from __future__ import annotations

import os
from pathlib import Path

from bazel_in_bazel import Bazel, Run, Workspace, outer_repositories, runfile
from servers import Casd, Nginx

TARGET = "//small:app"
PRODUCT = "small/app"
# The actions of one build of TARGET.
ACTIONS = {"CppCompile": 3, "CppLink": 1}
PROTOCOLS = ("http", "grpc")
_SMALL = {
    "small/BUILD.bazel": """\
cc_binary(
    name = "app",
    srcs = ["main.cc", "quick.cc", "slow.cc"],
    copts = ["-fconstexpr-ops-limit=100000000", "-fconstexpr-loop-limit=1000000"],
    deps = ["@deepgemm_pythons//:cp313"],
)
""",
    "small/main.cc": """\
#include <Python.h>
int quick();
int slow();
int main() { return quick() + slow() == PY_MAJOR_VERSION ? 0 : 1; }
""",
    "small/quick.cc": "#include <vector>\nint quick() { return static_cast<int>(std::vector<int>(1).size()); }\n",
    # Takes the compiler seconds, in which a test can disturb the server.
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


def casd(directory: Path, *, execute: bool = False) -> Casd:
    root = servers_root()
    return Casd(directory, root / "buildbox", root / "debian", execute=execute)


def cache_server(protocol: str, directory: Path) -> Nginx | Casd:
    return nginx(directory) if protocol == "http" else casd(directory)


def cache(server: Nginx | Casd) -> list[str]:
    """Options of a client that may read and write."""
    return ["--config=cache", *server.write_options]


def clone(directory: Path) -> Workspace:
    """A clone of this checkout with the small program in it."""
    workspace = Workspace.from_checkout(directory)
    for name, text in _SMALL.items():
        workspace.write(name, text)
    return workspace


def person(workspace: Workspace, base: Path, **arguments: object) -> Bazel:
    """A Bazel in `workspace` that uses the repositories of the outer Bazel."""
    shared = outer_repositories(runfile(os.environ["OUTER_REPOSITORIES"]))
    options = [*shared, *arguments.pop("options", ())]  # type: ignore[misc]
    return Bazel(workspace, base, options=options, **arguments)  # type: ignore[arg-type]


def poisoned_person(workspace: Workspace, base: Path, poison: Path, *, user: str) -> Bazel:
    """A Bazel in an environment that misleads compilers, linkers and Pythons with files in `poison`."""
    for name in ("Python.h", "pyconfig.h", "vector", "stdio.h", "torch/extension.h", "cuda.h"):
        header = poison / name
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text("#error read from the machine\n")
    for name in ("libstdc++.so.6", "libc.so", "libtorch.so", "crt1.o"):
        (poison / name).write_text("not a library\n")
    (poison / "zipfile.py").write_text("raise ImportError('read from the machine')\n")
    searched = ("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "LD_LIBRARY_PATH", "PYTHONPATH")
    variables: dict[str, str | None] = dict.fromkeys(searched, str(poison))
    variables.update(CXX="/nonexistent/c++", CC="/nonexistent/cc", CXXFLAGS="-nonsense", LDFLAGS="-nonsense")
    # `poison` is also mounted over /usr/include in the sandbox of every action.
    options = [f"--sandbox_add_mount_pair={poison}:/usr/include"]
    return person(workspace, base, user=user, environment=variables, options=options)


def product(run: Run) -> str:
    """The digest of the program, as the execution log has it."""
    (digest,) = (digest for path, digest in run.outputs("CppLink").items() if path.endswith(PRODUCT))
    return digest
