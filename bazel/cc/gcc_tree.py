#!/usr/bin/env python3
"""Makes the tree of a hermetic C++ compiler out of two locks of Debian packages.

    gcc_tree.py --gcc-lock GCC.json --sysroot-lock SYSROOT.json --compat DIR --out DIR --prefix external/REPOSITORY

DIR then has `gcc/` (compiler, binutils and the libraries that they run with), `sysroot/` (the libc and libstdc++ that
is compiled and linked against) and `lib/` (what reconciles the two, see `reconcile`). Programs start with the execution
root as working directory, in which the tree is at PREFIX; no path in the tree is absolute, so that the same locks give
the same bytes for everybody.

Exit status: 0; 1 with one line on standard error, and in --error-file, when something is missing or does not match.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from bazel.cc import symbol_ceiling
from bazel.fetch import command, debian, relocate
from bazel.fetch.command import CommandError

TARGET = "x86_64-linux-gnu"
LIBRARIES = f"usr/lib/{TARGET}"
GCC_LIBRARIES = f"usr/lib/gcc/{TARGET}/14"
GCC_PROGRAMS = f"usr/libexec/gcc/{TARGET}/14"

# They would take room on disk, or be inputs of actions, for nothing.
_GCC_UNUSED = (
    "etc",
    "usr/share",
    "usr/lib64",
    "usr/lib/bfd-plugins",
    f"{LIBRARIES}/audit",
    f"{LIBRARIES}/gconv",
    f"{LIBRARIES}/libnss_*",
    f"{LIBRARIES}/ldscripts",
    f"{GCC_LIBRARIES}/plugin",
    f"{GCC_LIBRARIES}/include/sanitizer/*hwasan*",
    f"{GCC_LIBRARIES}/*hwasan*",
    f"{GCC_PROGRAMS}/g++-mapper-server",
    "usr/bin/*lto-dump*",
    "usr/bin/*gprof*",
    "usr/bin/patchelf",
)
_SYSROOT_UNUSED = ("etc", "usr/bin", "usr/sbin", "usr/share", "usr/lib/*/audit", "usr/lib/*/gconv")
# Members of libstdc++.a that hold state which libstdc++.so has as well and keeps to itself: the standard streams, the
# exceptions in flight, the handlers. Those whose state it exports are found by `stateful_members`.
_PRIVATE_STATE = {
    "eh_alloc.o",
    "eh_globals.o",
    "eh_term_handler.o",
    "eh_terminate.o",
    "eh_unex_handler.o",
    "globals_io.o",
    "ios_init.o",
    "locale_init.o",
}
# Data that nobody writes, though it lies among what is written: tables of characters and names.
_CONSTANT_STATE = re.compile(r"_S_atoms|_S_timezones")
# Of compat/, what only those link who ask for it (the feature small_float_to_chars).
_TO_CHARS = "to_chars.cc"
# Found in the sysroot, whose versions are older; Debian's links lead to packages that the lock does without.
_SYSROOT_LIBRARIES = {"libatomic.so": "libatomic.so.1", "libgomp.so": "libgomp.so.1"}


# ld puts the sysroot before an absolute path in a linker script only where the script lies in it, links resolved. In
# Bazel's sandbox it does not, and ld would take the machine's libc. A bare name is looked for in the sysroot.
_SYSROOT_DIRECTORY = re.compile(rf"(?<=\s)/(?:usr/)?lib(?:64)?/(?:{TARGET}/)?")


def remove(root: Path, patterns: Iterable[str]) -> None:
    """Removes what the glob `patterns` match below `root`."""
    for pattern in patterns:
        for path in list(root.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def plain_names(directory: Path) -> None:
    """Gives programs the names that GCC looks for (`as`, `ld`), and no program a second one.

    Links would not do: a remote executor makes files of them, whose RPATH is then relative to another place.
    """
    for path in sorted(directory.iterdir(), key=lambda path: path.is_symlink()):
        name = re.sub(r"-14$", "", path.name.replace(f"{TARGET}-", "")).replace("ld.bfd", "ld")
        if path.is_symlink():
            path.unlink()
        elif path.name != name:
            path.rename(directory / name)


def plain_libraries(directory: Path) -> None:
    """Leaves each library under its soname alone: libisl.so.23, not libisl.so.23.4.0 as well."""
    for link in sorted(path for path in directory.iterdir() if path.is_symlink()):
        target = link.resolve()
        link.unlink()
        if target.exists() and target.parent == directory.resolve():
            target.rename(link)


def dangling(root: Path) -> list[Path]:
    """Links below `root` that lead nowhere."""
    return [path for path in root.rglob("*") if path.is_symlink() and not path.exists()]


def linker_scripts(root: Path) -> list[Path]:
    """The libraries below `root` that are linker scripts (text) and not libraries."""
    libraries = [path for path in sorted(root.rglob("lib*")) if path.suffix in (".a", ".so") and path.is_file()]
    return [path for path in libraries if path.read_bytes()[:2] == b"/*"]


class Compiler:
    """The tree's own compiler, started as Bazel does: from a directory in which the tree is at `prefix`."""

    def __init__(self, root: Path, prefix: str, working_directory: Path) -> None:
        self._prefix, self._cwd = prefix, working_directory
        (working_directory / prefix).parent.mkdir(parents=True)
        (working_directory / prefix).symlink_to(root)

    def run(self, program: str, *arguments: str) -> str:
        """Runs gcc/usr/bin/`program` and returns what it prints."""
        command = [f"{self._prefix}/gcc/usr/bin/{program}", *arguments]
        try:
            run = subprocess.run(
                command,
                cwd=self._cwd,
                capture_output=True,
                text=True,
                check=False,
                env={"PATH": os.defpath, "LC_ALL": "C"},
            )
        except OSError as error:
            raise CommandError(f"the unpacked {program} does not start: {error}") from error
        if run.returncode:
            output = run.stderr.strip().splitlines() or [f"exit code {run.returncode}"]
            raise CommandError(f"the unpacked {program} fails: {output[0]}")
        return run.stdout

    def archive(self, sources: Iterable[Path], output: str) -> None:
        """Compiles sources of compat/ into the static library `output`."""
        gcc, sysroot = f"{self._prefix}/gcc", f"{self._prefix}/sysroot"
        c_directories = [f"{gcc}/{GCC_LIBRARIES}/include", f"{sysroot}/usr/include/{TARGET}", f"{sysroot}/usr/include"]
        cpp_directories = [f"{gcc}/usr/include/c++/14", f"{gcc}/usr/include/{TARGET}/c++/14", *c_directories]
        names = []
        for source in sorted(sources):
            names.append(f"{source.stem}.o")
            directories = cpp_directories if source.suffix == ".cc" else c_directories
            self.run(
                "gcc",
                "-O2",
                "-fPIC",
                "-fvisibility=hidden",
                "-no-canonical-prefixes",
                f"--sysroot={sysroot}",
                f"-B{gcc}/usr/bin",
                "-nostdinc",
                *(f"-isystem{directory}" for directory in directories),
                f"-frandom-seed={source.name}",
                "-c",
                source.name,
                "-o",
                names[-1],
            )
        self.run("ar", "rcsD", output, *names)

    def data(self, library: str, *options: str) -> dict[str, set[str]]:
        """The names of the writable data that each member of `library` defines for others; "" is a shared library's."""
        members: dict[str, set[str]] = {}
        member = ""
        for line in self.run("nm", "--format=sysv", "--extern-only", "--defined-only", *options, library).splitlines():
            if line.endswith("]:"):
                member = re.split(r"[\[\]]", line)[1]
            columns = [column.strip() for column in line.split("|")]
            if len(columns) == 7 and re.match(r"\.(t?bss|t?data(?!\.rel\.ro))", columns[6]):
                name, _, version = columns[0].partition("@")
                # One @: kept for old programs alone, ld does not see it.
                if not version or version.startswith("@"):
                    members.setdefault(member, set()).add(name)
        return members


def stateful_members(compiler: Compiler, static: str, shared: str) -> set[str]:
    """Members of the `static` libstdc++ with writable data that the `shared` one has, too.

    A second copy is a silent bug: locale::id, for one, then gives a facet two numbers in one process.
    """
    exported = set().union(*compiler.data(shared, "--dynamic").values())
    members = {
        member
        for member, names in compiler.data(static).items()
        if any(name in exported and not _CONSTANT_STATE.search(name) for name in names)
    }
    if not members:
        raise CommandError("nm finds no data that libstdc++.a shares with libstdc++.so; has its output another form?")
    return members | _PRIVATE_STATE


def reconcile(root: Path, prefix: str, compat: Path) -> None:
    """Fills lib/ and edits what ld reads of the sysroot, so that GCC 14's output runs on systems with older libraries.

    - The sysroot's libraries show no symbol version that is newer than manylinux_2_28 (see symbol_ceiling.py).
    - libstdc++.so is a linker script: the sysroot's library first, then, for what it lacks, GCC 14's static one. A
      program so asks of its users' systems nothing that the sysroot has not. Red Hat's newer compilers for older
      systems, with which manylinux wheels are built, work the same way.
    - libstdc++_nonshared.a is that static library without the members that hold state.
      The two archives ask for each other, hence the group.
    - libcompat_*.a is compat/, compiled with the compiler just unpacked, which also shows that it works here: what is
      then still missing. libcompat_to_chars.a, of the same kind, is in no script: a feature of the toolchain links it.
    - The sysroot's linker scripts name no directories; libc.so's has libcompat_glibc.a beside libc_nonshared.a.
    """
    for path in sorted((root / "sysroot").rglob("lib*.so*")):
        if not path.is_symlink() and path.read_bytes()[:4] == b"\x7fELF":
            symbol_ceiling.apply(path)
    library = root / "lib"
    library.mkdir()
    with tempfile.TemporaryDirectory() as temporary:
        compiler = Compiler(root, prefix, Path(temporary))
        shutil.copytree(compat, temporary, dirs_exist_ok=True)
        compiler.archive(compat.glob("*.c"), f"{prefix}/lib/libcompat_glibc.a")
        compiler.archive(set(compat.glob("*.cc")) - {compat / _TO_CHARS}, f"{prefix}/lib/libcompat_libstdcxx.a")
        compiler.archive([compat / _TO_CHARS], f"{prefix}/lib/libcompat_to_chars.a")
        nonshared = f"{prefix}/lib/libstdc++_nonshared.a"
        shutil.copy(root / "gcc" / GCC_LIBRARIES / "libstdc++.a", library / "libstdc++_nonshared.a")
        members = stateful_members(compiler, nonshared, f"{prefix}/sysroot/{LIBRARIES}/libstdc++.so.6")
        compiler.run("ar", "dD", nonshared, *sorted(members))
    (library / "libstdc++.so").write_text("INPUT(libstdc++.so.6) GROUP(-lcompat_libstdcxx -lstdc++_nonshared)\n")
    for name, soname in _SYSROOT_LIBRARIES.items():
        (library / name).write_text(f"INPUT({soname})\n")
    for script in linker_scripts(root / "sysroot"):
        text = _SYSROOT_DIRECTORY.sub("", script.read_text())
        script.write_text(text.replace("libc_nonshared.a", "libc_nonshared.a -lcompat_glibc"))


def make(gcc_lock: Path, sysroot_lock: Path, compat: Path, root: Path, prefix: str) -> None:
    """Fetches, unpacks, thins out, relocates and reconciles."""
    for name, lock in (("gcc", gcc_lock), ("sysroot", sysroot_lock)):
        (root / name).mkdir(parents=True)
        debian.fetch(debian.Lock.read(lock), root / name, f"third_party/debian/{lock.name}")
        relocate.relink(root / name)
    gcc, sysroot = root / "gcc", root / "sysroot"
    patchelf = gcc / relocate.PATCHELF
    if not patchelf.exists():
        raise CommandError(f"{gcc_lock.name} has no package patchelf; add it to the packages that are requested")
    remove(gcc, [pattern for pattern in _GCC_UNUSED if pattern != relocate.PATCHELF])
    remove(sysroot, _SYSROOT_UNUSED)
    (gcc / GCC_LIBRARIES / "libstdc++.so").unlink()
    plain_names(gcc / "usr" / "bin")
    plain_libraries(gcc / LIBRARIES)
    for path in dangling(root):
        path.unlink()
    relocate.relocate(gcc, f"{prefix}/gcc")
    remove(gcc, [relocate.PATCHELF])
    reconcile(root, prefix, compat)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for option in ("--gcc-lock", "--sysroot-lock", "--compat", "--out"):
        parser.add_argument(option, type=Path, required=True)
    parser.add_argument("--prefix", required=True)

    def act(arguments: argparse.Namespace) -> None:
        make(
            arguments.gcc_lock.resolve(),
            arguments.sysroot_lock.resolve(),
            arguments.compat.resolve(),
            arguments.out.resolve(),
            arguments.prefix,
        )

    return command.run(parser, act, argv)


if __name__ == "__main__":
    sys.exit(main())
