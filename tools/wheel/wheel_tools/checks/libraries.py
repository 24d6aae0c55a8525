"""Libraries: each file finds what it needs: in the wheel, in the tag's systems, or in required distributions."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from wheel_tools.cpython_symbols import exporters, is_python_symbol, known_minors, stable_abi_since
from wheel_tools.elf import symbol_key
from wheel_tools.examine import Library, Wheel
from wheel_tools.findings import Finding
from wheel_tools.loading import Loaded, Loader
from wheel_tools.options import Options
from wheel_tools.policies import policy_for
from wheel_tools.pythons import ranges

# The C library's and the compiler's own libraries. All but musl's have versioned symbols.
_SYSTEM = re.compile(
    r"lib(?:c|m|dl|rt|pthread|util|resolv|stdc\+\+|gcc_s|atomic)\.so\.\d+|libc\.musl-\w+\.so\.1|"
    r"(?:ld-linux|ld-musl)[\w-]*\.so\.\d+|ld64\.so\.[12]",
    re.ASCII,
)
# musl is one file, and answers to these names itself; Rust links with libc.so.
_MUSL = re.compile(r"lib(?:c|m|dl|rt|pthread|util|xnet)\.so", re.ASCII)
_LOADER = re.compile(r"ld-linux[\w-]*\.so\.\d+|ld64\.so\.[12]", re.ASCII)
_LIBPYTHON = re.compile(r"libpython[\d.]*[a-z]*\.so[\d.]*", re.ASCII)
# A wheel that requires torch finds torch's libraries and CUDA's loaded. libcuda is not among them: it comes with the
# driver.
_TORCH = re.compile(r"lib(?:torch(?:_(?:cpu|cuda|cuda_linalg|python|global_deps))?|c10(?:_cuda)?|shm)\.so", re.ASCII)
# OpenMP's library, which lies in torch/lib: libtorch_cpu needs it.
_OPENMP = "libgomp.so.1"
_CUDA = re.compile(
    r"lib(?:cudart|nvrtc|nvrtc-builtins|cublas|cublasLt|cusparse|cusparseLt|cusolver|cusolverMg|"
    r"cufft|cufftw|curand|cudnn|nccl|nvJitLink|nvToolsExt|nvtx3interop|cupti|cufile|"
    r"nvshmem_host)\.so(?:\.\d+)*",
    re.ASCII,
)
_CUDA_RUNTIME = re.compile(r"libcudart(?:-[0-9a-f]+)?\.so\.(\d+)(?:\.\d+)*", re.ASCII)
_CUDA_DISTRIBUTION = re.compile(r"(?:nvidia|cuda)-[a-z0-9-]*?(?:-cu(\d\d)\d*)?", re.ASCII)
# Distributions that load their libraries, and CUDA's, for everyone (RTLD_GLOBAL).
_PRELOADING = re.compile(r"torch|tensorflow.*|jax.*|cupy.*|mkl|mxnet.*|paddlepaddle.*", re.ASCII)


def check_libraries(wheel: Wheel, options: Options) -> Iterator[Finding]:
    loader = Loader(wheel)
    readable = [library for library in wheel.libraries if library.elf]
    used = {name for library in readable for name in library.elf.needed}
    modules = [library for library in readable if library.is_module]
    # A library that nothing needs is loaded by name: by ctypes, as a plugin.
    others = [r for r in readable if not r.is_module and not any(r in loader.named(name) for name in used)]
    loads = {root.path: loader.load(root) for root in [*modules, *others, *(p for p in wheel.programs if p.elf)]}
    # Library → the modules that reach it.
    reached: dict[str, set[str]] = {}
    for module in modules:
        for library in loads[module.path].files[1:]:
            reached.setdefault(library.path, set()).add(module.name.dotted)
    for loaded in loads.values():
        yield from _outside(wheel, loader, loaded, reached, options)
    yield from _runtimes(modules, loads)
    for module in modules:
        yield from _stable_abi(loads[module.path])
    yield from _symbols(wheel, modules, loads)


def _outside(
    wheel: Wheel, loader: Loader, loaded: Loaded, reached: dict[str, set[str]], options: Options
) -> Iterator[Finding]:
    root = loaded.files[0]
    policies = [policy for platform in wheel.platforms if (policy := policy_for(platform))]
    lacking: dict[str, list[str]] = {}
    for user, needed in loaded.outside:
        base = needed.rpartition("/")[2]
        system = _is_system(wheel, needed)
        if policies and not _of_musl(wheel, needed):
            system = all(needed in policy.whitelist or _LOADER.fullmatch(needed) for policy in policies)
        if system or options.allows_library(user.path, needed):
            continue
        brought = _brought(wheel, needed)
        if _LIBPYTHON.fullmatch(base):
            if not root.elf.program:
                required = "no libpython: the interpreter itself has its symbols, and many have no shared library"
                yield Finding("portability-libpython", user.path, f"DT_NEEDED {needed}", required)
        elif brought:
            continue
        elif bundled := [b for b in loader.named(base) if b.elf and b.elf.machine == user.elf.machine]:
            elsewhere = {n for b in bundled for n in reached.get(b.path, ())} - {root.name.dotted if root.name else ""}
            # A library that was loaded before, by another module or by ctypes, is found by its name.
            certain = root.is_module and not elsewhere
            found = f"DT_NEEDED {needed}, which is at {bundled[0].path}; searched: {_searched(user)}"
            rule = "library-unreachable" if certain else "library-unproven"
            yield Finding(rule, user.path, found, "an RPATH of the file, or of what loads it, that reaches it")
        elif brought is False:
            lacking.setdefault(user.path, []).append(needed)
        elif wheel.metadata.requirements and _leaves_the_wheel(wheel, loader, user):
            found = f"DT_NEEDED {needed}; searched: {_searched(user)}"
            yield Finding("library-unproven", user.path, found, "proof that a required distribution brings it")
        else:
            required = "only libraries of the platform tag's policy, of torch and of CUDA, and those that are allowed"
            remedy = ""
            if base.startswith("libcuda.so"):
                hint = "load it with dlopen, since only a machine with a driver has it"
                remedy = f"{hint}; or allow it ({user.path}:{needed})"
            yield Finding("portability-library", user.path, f"DT_NEEDED {needed}", required, remedy)
    for path, names in lacking.items():
        found = f"DT_NEEDED {', '.join(names)}, which no Requires-Dist brings"
        yield Finding("cuda-requirement", path, found, "requirements for torch, or for NVIDIA's distributions")


def _is_system(wheel: Wheel, needed: str) -> bool:
    return bool(_SYSTEM.fullmatch(needed)) or _of_musl(wheel, needed)


def _of_musl(wheel: Wheel, needed: str) -> bool:
    return bool(wheel.platforms and _MUSL.fullmatch(needed)) and all(p.libc == "musl" for p in wheel.platforms)


def _searched(user: Library) -> str:
    return ", ".join(user.elf.runpath or user.elf.rpath) or "no directory of the wheel"


def _leaves_the_wheel(wheel: Wheel, loader: Loader, user: Library) -> bool:
    """Whether the file searches directories that are not the wheel's: another distribution may fill them."""
    own = {library.location.partition("/")[0] for library in wheel.libraries}
    paths = [posixpath.normpath(path) for path in loader.search_paths([user])]
    return any(path.partition("/")[0] not in own for path in paths)


def torch_and_cuda(library: str) -> bool:
    """Whether a wheel that requires torch finds this library loaded."""
    return bool(_TORCH.fullmatch(library) or _CUDA.fullmatch(library)) or library == _OPENMP


def _brought(wheel: Wheel, needed: str) -> bool | None:
    """Whether a requirement brings the library; None for a library of neither torch nor CUDA."""
    names = [canonicalize_name(requirement.name) for requirement in wheel.metadata.requirements]
    if _TORCH.fullmatch(needed):
        return "torch" in names
    if needed == _OPENMP and "torch" in names:
        return True
    if not _CUDA.fullmatch(needed):
        return None
    runtime = _CUDA_RUNTIME.fullmatch(needed)
    major = int(runtime[1]) if runtime else None
    return any(_brings(requirement, major) for requirement in wheel.metadata.requirements)


def _brings(requirement: Requirement, major: int | None) -> bool:
    """Whether the requirement can bring CUDA's libraries; major: CUDA's, where the library's name says it."""
    name = canonicalize_name(requirement.name)
    if _PRELOADING.fullmatch(name):
        return True
    match = _CUDA_DISTRIBUTION.fullmatch(name)
    if not match or major is None:
        return bool(match)
    if match[1]:
        return int(match[1]) == major
    return any(requirement.specifier.contains(f"{major}.{minor}", prereleases=True) for minor in range(16))


def _runtimes(modules: list[Library], loads: dict[str, Loaded]) -> Iterator[Finding]:
    users: dict[int, Library] = {}
    for module in modules:
        for user in loads[module.path].files:
            for match in filter(None, map(_CUDA_RUNTIME.fullmatch, user.elf.needed)):
                users.setdefault(int(match[1]), user)
    if len(users) > 1:
        newest = max(users)
        for major in sorted(users)[:-1]:
            found = f"CUDA {major}'s runtime; {users[newest].path} needs that of CUDA {newest}"
            yield Finding("cuda-majors", users[major].path, found, "one CUDA runtime in a process")


def _stable_abi(loaded: Loaded) -> Iterator[Finding]:
    """An .abi3.so refers only to the stable ABI and to symbols of the libraries that it needs."""
    module = loaded.files[0]
    if module.name.kind not in ("abi3", "abi3t"):
        return
    undefined = [name for name, weak in module.elf.undefined.items() if is_python_symbol(name) and not weak]
    outside = {symbol_key(name): name for name in undefined if stable_abi_since(name) is None}
    for library in loaded.files:
        for key in outside.keys() & set(library.elf.exports) if outside else ():
            del outside[key]
    if outside:
        # Libraries that bind to Python, such as shiboken's, export Py… symbols of their own.
        unknown = [n for _, n in loaded.outside if not (_SYSTEM.fullmatch(n) or torch_and_cuda(n))]
        found = f"undefined symbols that are not in the stable ABI: {_some(sorted(outside.values()))}"
        required = f"only symbols of the stable ABI, as .{module.name.kind}.so promises"
        yield Finding("abi3-unproven" if unknown else "abi3-symbol", module.path, found, required)


@cache
def _libc_symbols() -> frozenset[str]:
    """What glibc and musl export. An undefined symbol of theirs has no version where the linker did not see them."""
    text = Path(__file__).parents[1].joinpath("data", "libc_symbols.txt").read_text("ascii")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))


def _symbols(wheel: Wheel, modules: list[Library], loads: dict[str, Loaded]) -> Iterator[Finding]:
    """Undefined symbols that nothing can have which is loaded with the file. CPython binds all at once (RTLD_NOW)."""
    # Only the C library and the compiler's libraries are known from outside: each of their symbols has a version.
    known = {
        module.path: loads[module.path]
        for module in modules
        if all(_is_system(wheel, name) or _LIBPYTHON.fullmatch(name) for _, name in loads[module.path].outside)
    }
    if not known or any(_PRELOADING.fullmatch(canonicalize_name(r.name)) for r in wheel.metadata.requirements):
        return
    files = {library.path: library for loaded in known.values() for library in loaded.files}
    keys = {path: {symbol_key(name): name for name in _open_symbols(library)} for path, library in files.items()}
    wanted = frozenset(key for names in keys.values() for key in names)
    provided = {library.path: wanted.intersection(library.elf.exports) for library in wheel.libraries if library.elf}
    everywhere = frozenset().union(*provided.values())
    reported: set[str] = set()
    for loaded in known.values():
        here = frozenset().union(*(provided[library.path] for library in loaded.files))
        for library in loaded.files:
            # Another library of the wheel may be loaded for everyone.
            absent = sorted(name for key, name in keys[library.path].items() if key not in here | everywhere)
            if not absent or library.path in reported:
                continue
            reported.add(library.path)
            yield from _absent(library, [name for name in absent if is_python_symbol(name)], "identity-symbol")
            yield from _absent(library, [name for name in absent if not is_python_symbol(name)], "library-symbol")


def _absent(library: Library, names: list[str], rule: str) -> Iterator[Finding]:
    if names:
        where, required = "no library that it needs", "symbols of the wheel's libraries or of the C library"
        if rule == "identity-symbol":
            where, required = f"no CPython {ranges(known_minors())}", "symbols that the interpreter exports"
        yield Finding(rule, library.path, f"undefined symbols that {where} exports: {_some(names)}", required)


def _open_symbols(library: Library) -> Iterable[str]:
    """Undefined symbols that no version ties to a library, and that neither CPython nor the C library has."""
    compiled = library.compiled
    special = compiled is not None and (compiled.free_threaded or compiled.debug or library.name.free_threaded)
    for name in library.elf.unversioned - _libc_symbols():
        # The symbols of free-threaded and debug builds are not known.
        python = is_python_symbol(name) and (special or exporters(name) or stable_abi_since(name) is not None)
        if not library.elf.undefined[name] and not python:
            yield name


def _some(names: list[str]) -> str:
    """The first five names, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
