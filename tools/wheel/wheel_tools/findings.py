"""What a check reports, and the rules that there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from wheel_tools.errors import printable


class Rule(NamedTuple):
    """A kind of defect."""

    # "load": the wheel will not import (or install) somewhere it claims to. "form": names, tags, RECORD's style.
    kind: str
    # What to do about it.
    remedy: str


_LIMITED = Rule("load", "define Py_LIMITED_API when compiling, or ship a file per CPython")
_REBUILD = Rule("load", "compile the module with the headers of the Python that its name says")
_HEADERS = Rule("load", "put DeepGEMM's include/ of the same version into the wheel")
_KERNELS = Rule("load", "build the wheel's kernels again, with deepgemm_wheel(kernels = [...])")
_DOWNLOAD = Rule("load", "download the wheel or build it again")
_REFUSE = Rule("load", "do not install it; get the wheel from its publisher")
_REPACK = Rule("form", "build the wheel again, or repack it")

# Rule names are stable: scripts may match on them. docs/wheel-check.md says what each means. A rule that ends in
# "-unproven" counts only with --strict.
RULES = {
    **dict.fromkeys(("abi3-symbol", "abi3-unproven"), _LIMITED),
    **dict.fromkeys(("identity-debug", "identity-free-threaded", "identity-python"), _REBUILD),
    **dict.fromkeys(("jit-header-changed", "jit-header-missing"), _HEADERS),
    **dict.fromkeys(("kernel-stale", "kernel-unreadable", "kernels-incomplete"), _KERNELS),
    **dict.fromkeys(("dist-info", "member-unreadable", "unreadable", "wheel-version"), _DOWNLOAD),
    **dict.fromkeys(("member-name", "zip-bomb", "zip-encrypted", "zip-method"), _REFUSE),
    **dict.fromkeys(("member-duplicate", "member-type", "wheel-build", "wheel-purelib"), _REPACK),
    **dict.fromkeys(("record-duplicate", "record-extra", "record-hash"), _REPACK),
    **dict.fromkeys(("record-missing", "record-size", "record-unreadable"), _REPACK),
    "coverage-abi3-level": Rule("load", "compile with a smaller Py_LIMITED_API, or raise Requires-Python"),
    "coverage-missing": Rule("load", "build the module for these Pythons, or exclude them in Requires-Python"),
    "coverage-nothing": Rule("load", "fix Requires-Python, the tags or the files"),
    "coverage-open-end": Rule("load", "give Requires-Python an upper end, or build the module for the stable ABI"),
    "coverage-unproven": Rule("load", "try it on those Pythons"),
    "cuda-majors": Rule("load", "build all files with one CUDA toolkit"),
    "cuda-requirement": Rule("load", "require the distribution that brings the library, or bundle it"),
    "elf-machine": Rule("load", "build the file for that machine, or fix the platform tag"),
    "elf-no-init": Rule("load", "export the function (PyMODINIT_FUNC), or give the file its module's name"),
    "elf-unreadable": Rule("load", "build the file again; it cannot be loaded"),
    "identity-same-bytes": Rule("load", "build the module for each CPython, or once for the stable ABI as .abi3.so"),
    "identity-soabi": Rule("load", "name the file by its Python's sysconfig EXT_SUFFIX"),
    "identity-symbol": Rule("load", "link the library that defines them, or use the public C API"),
    "identity-unproven": Rule("load", "use a binding library that records it, such as pybind11, or omit --strict"),
    "kernel-unknown": Rule("load", "remove it from the wheel"),
    "kernels-unused": Rule("load", "build the module with deepgemm_extension(kernels_ahead_of_time = True)"),
    "layout-leftover": Rule("load", "remove it from the wheel"),
    "library-symbol": Rule("load", "link the library that defines them, or bundle its right version"),
    "library-unproven": Rule("load", "give the file an RPATH that reaches the library, or allow the library"),
    "library-unreachable": Rule("load", "set an RPATH that reaches it (patchelf, auditwheel repair)"),
    "member-editable": Rule("load", "build a wheel that is not editable"),
    "metadata": Rule("load", "fix the field; installers refuse the wheel"),
    "metadata-field": Rule("form", "fix the field"),
    "not-checked": Rule("load", "check it with a tool for that system"),
    "platform-tag": Rule("load", "tag the wheel manylinux_2_X_<machine>"),
    "portability-execstack": Rule("load", "link with -z noexecstack"),
    "portability-isa": Rule("load", "compile and link without -march above x86-64"),
    "portability-library": Rule("load", "bundle the library, load it with dlopen, or allow it"),
    "portability-libpython": Rule("load", "do not link the module with libpython"),
    "portability-page-size": Rule("load", "link with -z max-page-size=65536"),
    "portability-rpath": Rule("form", "link without -rpath (Bazel: with the hermetic GCC), or remove it with patchelf"),
    "portability-textrel": Rule("load", "compile with -fPIC"),
    "requires-python": Rule("load", "make Requires-Python and the matrix that was built agree"),
    "requires-torch": Rule("load", "require the torch that was compiled against"),
    "wheel-name": Rule("form", "rename the wheel, or build it again"),
    "wheel-tags": Rule("form", "build the wheel again, or retag it (wheel tags)"),
}
# portability-glibc, portability-glibcxx, …: one for each kind of symbol version.
_SYMBOL_VERSIONS = Rule("load", "compile against an older sysroot, or raise the platform tag")


@dataclass(frozen=True)
class Finding:
    """One defect: where it is, what was found, what was required, and how to fix it."""

    rule: str
    path: str
    found: str
    required: str
    # Default: the rule's.
    remedy: str = ""
    # The CPythons that the defect concerns, such as ("3.11", "3.13t"); empty where it concerns the whole wheel.
    pythons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "remedy", self.remedy or RULES.get(self.rule, _SYMBOL_VERSIONS).remedy)
        # All of this quotes bytes that anyone may have written.
        for name in ("path", "found", "required", "remedy"):
            object.__setattr__(self, name, printable(getattr(self, name), 600))

    @property
    def kind(self) -> str:
        """The class: "load" or "form"."""
        return RULES.get(self.rule, _SYMBOL_VERSIONS).kind

    @property
    def unproven(self) -> bool:
        return self.rule.endswith("-unproven")

    def as_json(self) -> dict:
        keys = ("rule", "path", "found", "required", "remedy")
        return {**{key: getattr(self, key) for key in keys}, "class": self.kind, "pythons": list(self.pythons)}
