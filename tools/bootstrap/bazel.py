#!/usr/bin/env python3
"""Makes a Bazel out of Debian packages, in the user's cache directory, without root, and prints its path.

    python3 -m tools.bootstrap.bazel --version 7.7.1    print the launcher's path; progress goes to standard error
    python3 -m tools.bootstrap.bazel --where            print the directory that holds all of it

For machines that reach Debian's packages but not Bazel's releases or the Bazel Central Registry. Only such a machine
needs overrides of the rule sets with Debian's copies and a registry of module metadata on disk. They are in the rc file
beside that Bazel, never in the project. You may interrupt the program and start it several times at once: it works
under a lock, and writes the launcher, which later calls look for, last.

Environment: RULES_DEEPGEMM_CACHE, the directory. Default: rules_deepgemm in $XDG_CACHE_HOME, else in ~/.cache.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bazel.fetch import apt, apt_sources, command, debian, debian_lock, elf, platforms, relocate
from bazel.fetch.command import CommandError

SUITE = "forky"
PACKAGES = ("bazel-bootstrap", "bazel-stardoc", "libperfmark-java", "patchelf")
# Dependencies that Bazel itself never runs, 440 MB: a compiler, a JDK beside the JRE, Perl, Python.
UNNEEDED = re.compile(
    r"(binutils|build-essential|cpp|debconf|default-j|dpkg|g\+\+|gcc|linux-libc-dev|make$|node-|"
    r"openjdk-\d+-jdk|perl|python3|rust-coreutils|util-linux|"
    r"lib(asan|c6-dev|dpkg|hwasan|lsan|pam|perl|python3|stdc\+\+-|tsan|ubsan))"
)
INSTALL_BASE = "usr/share/bazel"
# The rule sets that Bazel itself depends on, as Debian packages them: module name and directory. They are overrides
# because they have the versions that Bazel asks for, and because each of them is in the module graph of every project.
OVERRIDES = {
    "bazel_features": "tools/features",
    "bazel_skylib": "tools/skylib",
    "platforms": "tools/platforms",
    "rules_cc": "rules/cc",
    "rules_java": "rules/java",
    "rules_license": "rules/license",
    "rules_proto": "rules/proto",
    "rules_python": "rules/python",
}
# Other rule sets that Debian packages, in the registry for projects that depend on them: version and directory.
PACKAGED = {"stardoc": ("0.8.1", "tools/stardoc")}
# Modules that resolution needs the metadata of. No build here fetches them.
METADATA = {
    "apple_support": ("1.23.1",),
    "protobuf": ("3.19.6", "21.7"),
    "zlib": ("1.3.1.bcr.3",),
}
# `bazel mod` asks for the repository of buildozer before it does anything, and only `mod tidy` runs it. Debian does not
# package buildozer: this module takes the one on the PATH.
BUILDOZER_VERSION = "7.1.2"
BUILDOZER = {
    "BUILD": "",
    "MODULE.bazel": f'module(name = "buildozer", version = "{BUILDOZER_VERSION}")\n',
    "buildozer_binary.bzl": '''\
_SCRIPT = """#!/bin/sh
command -v buildozer > /dev/null || {
  echo "bazel mod tidy runs buildozer, and there is none on the PATH: install it" >&2
  exit 1
}
exec buildozer "$@"
"""

def _repository_impl(rctx):
    rctx.file("BUILD", 'exports_files(["buildozer.exe"])')
    rctx.file("buildozer.exe", _SCRIPT)

_repository = repository_rule(_repository_impl)

def _extension_impl(mctx):
    _repository(name = "buildozer_binary")

buildozer_binary = module_extension(_extension_impl)
''',
}
HELP = f"""Install Bazelisk and put it on the PATH, or name a Bazel of the version in .bazelversion in $BAZEL.
This program makes Bazel out of packages only on Debian and its derivatives: it needs x86_64, apt-get, apt-cache,
dpkg-deb and a Debian mirror with the suite {SUITE}."""


# Every module that this program imports; a test compares.
SOURCES = (apt, apt_sources, command, debian, debian_lock, elf, platforms, relocate)


def cache_directory() -> Path:
    """The directory for all that this program makes."""
    named = os.environ.get("RULES_DEEPGEMM_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rules_deepgemm"


def recipe() -> str:
    """A digest of every file that decides how the tree is made. An edit of one makes another tree."""
    sources = [__file__, *(module.__file__ for module in SOURCES)]
    return hashlib.sha256(b"".join(Path(source).read_bytes() for source in sources)).hexdigest()[:8]


def write_version(root: Path, version: str) -> Path:
    """Writes the resource in which the server finds its own version. Debian's build lacks it.

    Without it `native.bazel_version` is empty, and rule sets take that for a Bazel that is newer than all releases.
    """
    jar = root / "usr" / "share" / "java" / "build-data.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("build-data.properties", f"build.label={version}\n")
    return jar


def write_classpath(root: Path, final: Path, *more: Path) -> None:
    """Makes Bazel's list of Debian's jars point into the tree, and adds jars that only manifests name, and `more`."""
    listing = root / INSTALL_BASE / "bazel_classpath_debian_depends.txt"
    # Only a manifest names perfmark, by an absolute path. Without it the server's gRPC never answers.
    jars = [*listing.read_text().split(), "/usr/share/java/perfmark-api.jar"]
    jars = [jar for jar in jars if (root / jar.lstrip("/")).exists()]  # Debian lists jars that no package has
    jars += [f"/{jar.relative_to(root)}" for jar in more]
    listing.write_text("".join(f"{final}{jar}\n" for jar in jars))


def write_registry(root: Path, final: Path) -> None:
    """Writes a file registry of METADATA, PACKAGED and BUILDOZER (https://bazel.build/external/registry)."""
    for name, text in BUILDOZER.items():
        file = root / INSTALL_BASE / "tools" / "buildozer" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    entries = [(name, version, None) for name, versions in METADATA.items() for version in versions]
    entries += [(name, version, place) for name, (version, place) in PACKAGED.items()]
    entries.append(("buildozer", BUILDOZER_VERSION, "tools/buildozer"))
    for name, version, place in entries:
        directory = root / "registry" / "modules" / name / version
        directory.mkdir(parents=True)
        if place:
            shutil.copy(root / INSTALL_BASE / place / "MODULE.bazel", directory)
        else:
            (directory / "MODULE.bazel").write_text(f'module(name = "{name}", version = "{version}")\n')
        # Resolution needs a source even for modules that no build fetches; those of METADATA do not exist.
        source = {"type": "local_path", "path": f"{final}/{INSTALL_BASE}/{place or name}"}
        (directory / "source.json").write_text(json.dumps(source) + "\n")
    (root / "registry" / "bazel_registry.json").write_text("{}\n")


def write_rc(root: Path, final: Path) -> None:
    """Writes the rc file that the launcher passes to Bazel."""
    (java,) = (
        path.parent.parent.relative_to(root)
        for path in root.glob("usr/lib/jvm/java-*/bin/java")
        if not path.parent.parent.is_symlink()
    )
    overrides = "".join(
        f"common --override_module={name}={final}/{INSTALL_BASE}/{directory}\n" for name, directory in OVERRIDES.items()
    )
    (root / "bazelrc").write_text(f"""\
startup --install_base={final}/{INSTALL_BASE} --trust_install_base
startup --server_javabase={final}/{java}
common --registry=file://{final}/registry
# The suffix that Bazel appends to WORKSPACE files would fetch bazel_skylib in projects that do not name it.
common --noenable_workspace
{overrides}""")


# A project that makes the server do what takes its first seconds when it builds an extension: load packages of
# thousands of headers and rules for C++ and Python, and prepare actions with many inputs. It runs no compiler.
TRAINING = {
    "MODULE.bazel": 'bazel_dep(name = "rules_cc")\nbazel_dep(name = "rules_python")\n',
    "BUILD": """\
load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library")
load("@rules_python//python:defs.bzl", "py_binary")
cc_library(name = "headers", hdrs = glob(["include/**"]), includes = ["include"])
[cc_binary(name = "c%d" % i, srcs = ["c.cc"], deps = [":headers"], linkshared = True) for i in range(4)]
py_binary(name = "p", srcs = ["p.py"], data = glob(["include/**"]))
genrule(name = "g", srcs = glob(["include/**"]), outs = ["o"], cmd = "touch $@")
""",
    "c.cc": "",
    "p.py": "",
    **{f"include/{i % 50}/{i}.h": "" for i in range(6000)},
}


def train(tree: Path) -> None:
    """Writes the JVM's cache of classes and profiles of a first build (JEP 514, 515): servers start twice as fast.

    The JVM accepts such a cache only with the same jars at the same paths, so this runs in the tree's final place. If
    the JVM cannot write one, Bazel works without it.
    """
    cache = tree / "bazel.aot"
    with tempfile.TemporaryDirectory(dir=tree) as scratch:
        project = Path(scratch, "project")
        for name, text in TRAINING.items():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(text)
        start = [tree / "usr/bin/bazel", "--nosystem_rc", "--nohome_rc", f"--bazelrc={tree}/bazelrc"]
        start += [f"--output_user_root={scratch}/root", f"--host_jvm_args=-XX:AOTCacheOutput={cache}"]
        build = ["build", "--lockfile_mode=off"]
        for command in ([*build, "//:g"], [*build, "--nobuild", "//:all"], ["shutdown"]):
            subprocess.run([*start, *command], cwd=project, capture_output=True, check=False)
        for directory, _, _ in os.walk(scratch):  # Bazel makes some of them read-only
            os.chmod(directory, 0o755)
    if cache.exists():
        with (tree / "bazelrc").open("a") as rc:
            rc.write(f"startup --host_jvm_args=-XX:AOTCache={cache}\n")


def write_launcher(tree: Path) -> None:
    """Writes bin/bazel atomically: if it exists, the tree is complete."""
    directory = tree / "bin"
    directory.mkdir()
    aside = directory / "bazel.part"
    aside.write_text(f"#!/bin/sh\nexec '{tree}/usr/bin/bazel' --nosystem_rc --bazelrc='{tree}/bazelrc' \"$@\"\n")
    aside.chmod(0o755)
    aside.rename(directory / "bazel")


def make(root: Path, final: Path, version: str) -> None:
    """Fills `root` with a Bazel that runs after `root` has been moved to `final`."""
    with apt.apt(debian.mirrors()[0], SUITE, directory=root) as client, tempfile.TemporaryDirectory(dir=root) as debs:
        packages = [package for package in client.resolve(PACKAGES) if not UNNEEDED.match(package.name)]
        (offered,) = (package.version for package in packages if package.name == "bazel-bootstrap")
        if not re.match(re.escape(version) + r"(?![\d.])", offered):
            raise CommandError(f"Debian {SUITE} has Bazel {offered}, this project asks for {version}")
        files = client.download(packages, Path(debs))
        print(f"unpacking {len(files)} packages into {final}", file=sys.stderr)
        debian.unpack(files, root)
    shutil.rmtree(root / "usr/share/doc", ignore_errors=True)
    relocate.relocate(root, str(final))
    write_classpath(root, final, write_version(root, version))
    write_registry(root, final)
    write_rc(root, final)


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Holds the directory's lock; prints a line if it has to wait for another process."""
    with (directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another bootstrap in {directory}", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def bootstrap(version: str, cache: Path) -> Path:
    """Returns the path of a Bazel of `version` in `cache`, and makes it first if it is not there."""
    final = cache / f"bazel-{version}-{recipe()}"
    launcher = final / "bin" / "bazel"
    if launcher.exists():
        return launcher
    if os.uname().machine != "x86_64":
        raise CommandError(f"this machine is {os.uname().machine}")
    if re.search(r"[\s'\"]", str(cache)) or cache.parts[:2] == ("/", "tmp"):
        # Bazel splits the lines of rc files at blanks, and its sandbox mounts an empty /tmp over tools below /tmp.
        raise CommandError(
            f"the cache directory {cache} is below /tmp or has a blank or quote in its name; "
            "set RULES_DEEPGEMM_CACHE to another one"
        )
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache):
        if launcher.exists():
            return launcher
        # Leftovers of a killed process: this one holds the lock, so that no other is at work.
        for leftover in [*cache.glob("making-*"), *cache.glob(final.name)]:
            shutil.rmtree(leftover)
        print(f"no Bazel {version} here: making one out of Debian packages in {final}", file=sys.stderr)
        root = Path(tempfile.mkdtemp(prefix="making-", dir=cache))
        try:
            make(root, final, version)
            root.chmod(0o755)
            root.rename(final)
        except BaseException:
            shutil.rmtree(root, ignore_errors=True)
            raise
        train(final)
        write_launcher(final)
    return launcher


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--version")
    group.add_argument("--where", action="store_true")
    arguments = parser.parse_args(argv)
    cache = cache_directory().absolute()
    if arguments.where:
        print(cache)
        return 0
    try:
        print(bootstrap(arguments.version, cache))
    except (CommandError, OSError) as error:
        print(f"error: {str(error).rstrip('.')}.\n{HELP}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
