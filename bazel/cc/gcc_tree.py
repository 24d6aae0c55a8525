"""Makes the tree of a hermetic C++ compiler out of two trees of unpacked Debian packages.

    python3 -m bazel.cc.gcc_tree --compat DIR --tree DIR --prefix external/REPOSITORY

In the tree DIR, `gcc/` has the packages of the compiler, of binutils and of the libraries that they run with;
`sysroot/` those of the libc and libstdc++ that the compiler compiles and links against. The program edits both in place
and adds `lib/`, which reconciles the two (see `reconcile`). The compiler's programs start with the execution root as
working directory, in which the tree is at PREFIX. No path in the tree is absolute, so that the same packages give the
same bytes on every machine.

Exit status: 0; 1 with one line on standard error, and in --error-file, when something is missing or does not match.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from bazel.cc import symbol_ceiling
from bazel.fetch import command, relocate
from bazel.fetch.command import CommandError

# Removed: they take disk space or are inputs of actions, and no action uses them.
_GCC_UNUSED = (
    "etc",
    "usr/share",
    "usr/lib64",
    "usr/lib/bfd-plugins",
    "usr/lib/*-linux-gnu/audit",
    "usr/lib/*-linux-gnu/gconv",
    "usr/lib/*-linux-gnu/libnss_*",
    "usr/lib/*-linux-gnu/ldscripts",
    "usr/lib/gcc*/*/14/plugin",
    "usr/lib/gcc*/*/14/include/sanitizer/*hwasan*",
    "usr/lib/gcc*/*/14/*hwasan*",
    "usr/libexec/gcc*/*/14/g++-mapper-server",
    "usr/bin/*lto-dump*",
    "usr/bin/*gprof*",
    "usr/bin/patchelf",
)
_SYSROOT_UNUSED = ("etc", "usr/bin", "usr/sbin", "usr/share", "usr/lib/*/audit", "usr/lib/*/gconv")
# Members of libstdc++.a with state that libstdc++.so also has and does not export: the standard streams, the exceptions
# in flight, the handlers. `stateful_members` finds those whose state it exports.
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
# Sections of data that a program may write.
_WRITABLE = r"\.(t?bss|t?data(?!\.rel\.ro))"
# Data in writable sections that libstdc++ never writes: tables of characters and names.
_CONSTANT_STATE = re.compile(r"_S_atoms|_S_timezones")
# Libraries of the sysroot, which are older than the compiler's. Debian's links to them lead to packages that are not
# in the lock.
_SYSROOT_LIBRARIES = {"libatomic.so": "libatomic.so.1", "libgomp.so": "libgomp.so.1"}


# Directories in linker scripts. ld puts the sysroot before an absolute path only if the script itself, links resolved,
# is in the sysroot. In Bazel's sandbox it is not, and ld would read the machine's libc. ld searches the sysroot for a
# name without a directory.
_SYSROOT_DIRECTORY = re.compile(r"(?<=\s)/(?:usr/)?lib(?:64)?/(?:[\w-]+-linux-gnu/)?")


def remove(root: Path, patterns: Iterable[str]) -> None:
    """Removes what the glob `patterns` match below `root`."""
    for pattern in patterns:
        for path in list(root.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def gcc_directory(gcc: Path) -> Path:
    """GCC's own libraries: usr/lib/gcc/<target>/14, of a cross compiler usr/lib/gcc-cross/<target>/14."""
    found = list(gcc.glob("usr/lib/gcc*/*/14"))
    if len(found) != 1:
        raise CommandError(f"the compiler's lock has packages of {len(found)} compilers GCC 14; expected one")
    return found[0]


def native_layout(gcc: Path, target: str) -> None:
    """Moves the headers of a cross compiler's packages to where those of a native compiler are."""
    own = gcc / "usr" / target
    if own.is_dir():
        (gcc / "usr/include" / target / "c++").mkdir(parents=True)
        (own / "include/c++/14" / target).rename(gcc / "usr/include" / target / "c++/14")
        (own / "include/c++").rename(gcc / "usr/include/c++")
        remove(gcc, [f"usr/{target}", f"usr/lib/{target}"])


def plain_names(directory: Path, target: str) -> None:
    """Gives programs the names that GCC looks for (`as`, `ld`), and no program a second one.

    Links would not do: a remote executor makes files of them, whose RPATH is then relative to another place.
    """
    for path in sorted(directory.iterdir(), key=lambda path: path.is_symlink()):
        name = re.sub(r"-14$", "", path.name.replace(f"{target}-", "")).replace("ld.bfd", "ld")
        if path.is_symlink():
            path.unlink()
        elif path.name != name:
            path.rename(directory / name)


def plain_libraries(directory: Path) -> None:
    """Keeps each library only under its soname: libisl.so.23, without libisl.so.23.4.0."""
    # In reverse: libctf.so.0, the soname, before libctf.so.
    for link in sorted((path for path in directory.iterdir() if path.is_symlink()), reverse=True):
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
        self._root, self._prefix, self._cwd = root, prefix, working_directory
        self.libraries = gcc_directory(root / "gcc")
        self.target = self.libraries.parent.name
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
        own = f"{self._prefix}/{self.libraries.relative_to(self._root)}/include"
        c_directories = [own, f"{sysroot}/usr/include/{self.target}", f"{sysroot}/usr/include"]
        cpp_directories = [f"{gcc}/usr/include/c++/14", f"{gcc}/usr/include/{self.target}/c++/14", *c_directories]
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

    def symbols(self, library: str, *options: str, section: str = "") -> dict[str, set[str]]:
        """The names that each member of `library` defines for others; the member of a shared library is "".

        `section`: a regular expression; symbols of other sections are left out. Default: all sections.
        """
        members: dict[str, set[str]] = {}
        member = ""
        for line in self.run("nm", "--format=sysv", "--extern-only", "--defined-only", *options, library).splitlines():
            if line.endswith("]:"):
                member = re.split(r"[\[\]]", line)[1]
            columns = [column.strip() for column in line.split("|")]
            if len(columns) == 7 and columns[6] != "Section" and re.match(section, columns[6]):
                name, _, version = columns[0].partition("@")
                # `name@VERSION` (one @) is kept for old programs: ld does not link new ones to it.
                if not version or version.startswith("@"):
                    members.setdefault(member, set()).add(name)
        return members


def stateful_members(compiler: Compiler, static: str, shared: str) -> set[str]:
    """Members of the `static` libstdc++ with writable data that the `shared` one has, too.

    A second copy is a silent bug: locale::id, for one, then gives a facet two numbers in one process.
    """
    exported = set().union(*compiler.symbols(shared, "--dynamic", section=_WRITABLE).values())
    members = {
        member
        for member, names in compiler.symbols(static, section=_WRITABLE).items()
        if any(name in exported and not _CONSTANT_STATE.search(name) for name in names)
    }
    if not members:
        raise CommandError("nm finds no data that libstdc++.a shares with libstdc++.so; has its output another form?")
    return members | _PRIVATE_STATE


def hide_in_index(archive: Path, names: set[str]) -> None:
    """Takes `names` out of the symbol index of a static library, so that ld links no member to define one of them.

    The index is the archive's first member: a count, the members' offsets and the names, in ar's System V format.
    """
    image = bytearray(archive.read_bytes())
    size = int(image[56:66])
    (count,) = struct.unpack_from(">I", image, 68)
    offsets = struct.unpack_from(f">{count}I", image, 72)
    symbols = bytes(image[72 + 4 * count : 68 + size]).split(b"\0")
    kept = [(offset, name) for offset, name in zip(offsets, symbols) if name.decode() not in names]
    index = struct.pack(f">{len(kept) + 1}I", len(kept), *(offset for offset, _ in kept))
    index += b"".join(name + b"\0" for _, name in kept)
    # The length stays, and with it the members' offsets.
    image[68 : 68 + size] = index.ljust(size, b"\0")
    archive.write_bytes(image)


def link_statically(compiler: Compiler, root: Path, prefix: str) -> None:
    """Makes `-static` work: libc.a becomes a linker script with what GCC 14's static libraries need of a newer glibc.

    Since glibc 2.34 libpthread is a part of libc, and Debian's libgcc_eh.a calls pthread_once without -lpthread.
    libpthread.a becomes one object, as Red Hat builds it: libc.a refers to its members weakly, and ld would leave out
    those that nothing else needs. EXTERN has ld take it before libc.a, which defines some of the same symbols.
    """
    libraries = root / "sysroot/usr/lib" / compiler.target
    archive = f"{prefix}/sysroot/usr/lib/{compiler.target}/libpthread.a"
    compiler.run("ld", "-r", "--whole-archive", archive, "-o", "libpthread.o")
    (libraries / "libpthread.a").unlink()
    compiler.run("ar", "rcsD", archive, "libpthread.o")
    (libraries / "libc.a").rename(libraries / "libc-2.31.a")
    script = "/* GNU ld script */ EXTERN(pthread_once) GROUP(libpthread.a libc-2.31.a -lcompat_glibc)\n"
    (libraries / "libc.a").write_text(script)


def reconcile(root: Path, prefix: str, compat: Path) -> None:
    """Fills lib/ and edits what ld reads of the sysroot, so that GCC 14's output runs on systems with older libraries.

    - The sysroot's libraries show no symbol version that is newer than manylinux_2_28 (see symbol_ceiling.py).
    - libstdc++.so is a linker script: the sysroot's shared library first, then GCC 14's static one for what the shared
      one lacks. The result needs no newer libstdc++ at run time than the sysroot's. Red Hat's toolsets, which build
      manylinux wheels, do the same.
    - libstdc++_nonshared.a is that static library without the members that hold state. Its index names only what the
      shared one lacks. libcompat_libstdcxx.a and this archive call each other, hence the group.
    - The script names the shared library again at its end. With --as-needed, ld drops it at the first place where a
      program itself uses the static part only; the static part then needs it.
    - libcompat_*.a is compat/, for what is still missing. The compiler just unpacked compiles it, which also shows
      that the compiler works on this machine.
    - The sysroot's linker scripts name no directories. libc.so's and libc.a's have libcompat_glibc.a, too.
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
        compiler.archive(compat.glob("*.cc"), f"{prefix}/lib/libcompat_libstdcxx.a")
        nonshared = f"{prefix}/lib/libstdc++_nonshared.a"
        shutil.copy(compiler.libraries / "libstdc++.a", library / "libstdc++_nonshared.a")
        shared = f"{prefix}/sysroot/usr/lib/{compiler.target}/libstdc++.so.6"
        compiler.run("ar", "dD", nonshared, *sorted(stateful_members(compiler, nonshared, shared)))
        hide_in_index(library / "libstdc++_nonshared.a", set().union(*compiler.symbols(shared, "--dynamic").values()))
        link_statically(compiler, root, prefix)
    (library / "libstdc++.so").write_text(
        "INPUT(libstdc++.so.6) GROUP(-lcompat_libstdcxx -lstdc++_nonshared) INPUT(libstdc++.so.6)\n"
    )
    for name, soname in _SYSROOT_LIBRARIES.items():
        (library / name).write_text(f"INPUT({soname})\n")
    for script in linker_scripts(root / "sysroot"):
        text = _SYSROOT_DIRECTORY.sub("", script.read_text())
        script.write_text(text.replace("libc_nonshared.a", "libc_nonshared.a -lcompat_glibc"))


def make(compat: Path, root: Path, prefix: str) -> None:
    """Removes what is not needed, relocates the compiler and reconciles it with the sysroot."""
    gcc, sysroot = root / "gcc", root / "sysroot"
    patchelf = gcc / relocate.PATCHELF
    if not patchelf.exists():
        raise CommandError("the compiler's lock has no package patchelf; add it to the packages that are requested")
    remove(gcc, [pattern for pattern in _GCC_UNUSED if pattern != relocate.PATCHELF])
    remove(sysroot, _SYSROOT_UNUSED)
    libraries = gcc_directory(gcc)
    (libraries / "libstdc++.so").unlink()
    native_layout(gcc, libraries.parent.name)
    plain_names(gcc / "usr/bin", libraries.parent.name)
    plain_libraries(relocate.loader(gcc).parent)
    for path in dangling(root):
        path.unlink()
    relocate.relocate(gcc, f"{prefix}/gcc")
    remove(gcc, [relocate.PATCHELF])
    reconcile(root, prefix, compat)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--compat", type=Path, required=True)
    parser.add_argument("--tree", type=Path, required=True)
    parser.add_argument("--prefix", required=True)

    def act(arguments: argparse.Namespace) -> None:
        make(arguments.compat.resolve(), arguments.tree.resolve(), arguments.prefix)

    return command.run(parser, act, argv)


if __name__ == "__main__":
    sys.exit(main())
