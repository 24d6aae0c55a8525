"""The reference build: vLLM 0.21's own driver script, fed what Bazel is fed.

`tools/build_deepgemm_C.py` is in vLLM's sdist. It runs unchanged, once for each Python, as many at a time as Bazel has
jobs. What it needs, and where that comes from:

- an interpreter with torch: a virtual environment of the Python that runs the benchmark, with the torch that Bazel's
  repository has, installed by pip;
- DeepGEMM's source, CUDA's headers and libraries, the target Pythons' headers: Bazel's repositories. CUDA_HOME is a
  directory of links, since the driver looks for `lib64` and for libraries without a version, which wheels do not have.
  The driver asks a target Python only for its SOABI and include directory, so a one-line script answers;
- the compiler: $CXX is a script that calls the GCC of Bazel's toolchain, with the flags from Bazel's own actions that
  it needs to find its headers and libraries. The driver chooses the optimization;
- $CPATH names DeepJIT's and elfutils' headers, which the driver, made for an older DeepGEMM, does not know.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import venv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from workspace import CHECKOUT, Bazel, BenchmarkError

_PIN = CHECKOUT / "benchmarks" / "vllm-0.21.0.txt"
_TOOLS = ("wheel", "setuptools")
# Options that the relocated compiler needs. Those in _COMPILER_PAIRS have their value in the next argument.
_COMPILER = re.compile(r"-no-canonical-prefixes|-nostdinc(\+\+)?|-fno-canonical-system-headers|-B.*|--sysroot=.*")
_COMPILER_PAIRS = ("-idirafter",)
_LINKER = re.compile(r"-Wl,--exclude-libs,.*|-Wl,--(push|pop)-state.*|-l(stdc\+\+|m|pthread|dl)")


def _run(*command: object) -> None:
    # In the checkout, where `-m` finds this project's modules.
    done = subprocess.run([str(part) for part in command], cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{shlex.join(map(str, command))} ended with {done.returncode}: {done.stderr[-2000:]}")


def _torch_version(file: Path) -> str:
    found = re.search(r'TORCH_VERSION = "([0-9.]+)', file.read_text(encoding="utf-8"))
    if not found:
        raise BenchmarkError(f"{file} does not say which torch this is")
    return found.group(1)


class Reference:
    """The driver script and its inputs, made below `root` on first use.

    Args:
        root: where downloads and outputs go.
        bazel: gives repositories, toolchain flags and the number of jobs.
        target: a target of one Python, whose actions show how the compiler is called.
    """

    def __init__(self, root: Path, bazel: Bazel, target: str) -> None:
        self._root, self._bazel, self._target = root / "reference", bazel, target
        self._root.mkdir(parents=True, exist_ok=True)

    @cached_property
    def driver(self) -> Path:
        sdist = self._root / "vllm"
        if not sdist.exists():
            _run(sys.executable, "-m", "bazel.fetch.pip_fetch", "sdist", "--requirements", _PIN, "--out", sdist)
        found = list(sdist.rglob("build_deepgemm_C.py"))
        if len(found) != 1:
            raise BenchmarkError(f"{sdist} has {len(found)} files build_deepgemm_C.py; remove it and run this again")
        return found[0]

    @cached_property
    def python(self) -> Path:
        """An interpreter with torch (of Bazel's version), and with the `wheel` command."""
        version = _torch_version(self._bazel.repository("deepgemm_torch_x86_64") / "version.bzl")
        home = self._root / f"torch-{version}"
        python = home / "bin" / "python"
        if not (home / "complete").exists():
            venv.create(home, clear=True, with_pip=True)
            _run(python, "-m", "pip", "install", "--quiet", f"torch=={version}", *_TOOLS)
            (home / "complete").touch()
        return python

    @cached_property
    def source(self) -> Path:
        return self._bazel.repository("deepgemm_src") / "src"

    @cached_property
    def _cuda_home(self) -> Path:
        torch = self._bazel.repository("deepgemm_torch_x86_64")
        home = self._root / "cuda"
        libraries = home / "lib64"
        libraries.mkdir(parents=True, exist_ok=True)
        links = {home / "include": torch / "cuda" / "include"}
        for name in ("libcudart.so", "libnvrtc.so"):
            links[libraries / name] = torch / "lib" / name
        for link, target in links.items():
            link.unlink(missing_ok=True)
            link.symlink_to(target)
        return home

    @cached_property
    def _work(self) -> Path:
        """The working directory of the driver: the toolchain's paths are relative to Bazel's execution root."""
        work = self._root / "work"
        work.mkdir(exist_ok=True)
        external = work / "external"
        external.unlink(missing_ok=True)
        external.symlink_to(self._bazel.output_base / "external")
        return work

    @cached_property
    def _cxx(self) -> Path:
        compile_arguments = self._bazel.arguments(self._target, "CppCompile")
        link_arguments = self._bazel.arguments(self._target, "CppLink")
        compiler = compile_arguments[0]
        own = compiler.split("/")[:2]
        before = [argument for argument in compile_arguments if _COMPILER.fullmatch(argument)]
        for flag, value in zip(compile_arguments, compile_arguments[1:]):
            before += [flag, value] if flag in _COMPILER_PAIRS else []
        before += [argument for argument in link_arguments if argument.startswith("-L" + "/".join(own))]
        after = [argument for argument in link_arguments if _LINKER.fullmatch(argument)]
        script = self._root / "c++"
        script.write_text(f'#!/bin/sh\nexec {shlex.join([compiler, *before])} "$@" {shlex.join(after)}\n')
        script.chmod(0o755)
        return script

    @cached_property
    def _environment(self) -> dict[str, str]:
        elfutils = self._bazel.repository("deepgemm_elfutils")
        unknown = [self.source / "third-party/deep_jit/include", elfutils / "root/usr/include"]
        return {
            **os.environ,
            "CUDA_HOME": str(self._cuda_home),
            "CXX": str(self._cxx),
            "CPATH": ":".join(map(str, unknown)),
        }

    def _target_python(self, tag: str) -> Path:
        """Returns a program that answers the driver's question as the Python `tag` (such as cp312) would."""
        version = f"{tag[2]}.{tag[3:]}"
        headers = self._bazel.python_headers(version)
        answer = {"EXT_SUFFIX": f".cpython-{tag[2:]}-x86_64-linux-gnu.so", "INCLUDEPY": str(headers)}
        script = self._root / f"python{version}"
        script.write_text(f"#!/bin/sh\necho {shlex.quote(json.dumps(answer))}\n")
        script.chmod(0o755)
        return script

    def prepare(self, tags: Sequence[str]) -> None:
        """Fetches everything, so that `build` measures only building."""
        _ = self.driver, self.python, self._environment, self._work
        for tag in tags:
            self._target_python(tag)

    def build(self, tags: Sequence[str]) -> None:
        """Builds `_C` for these Pythons, as many at a time as Bazel has jobs."""
        with ThreadPoolExecutor(self._bazel.jobs) as pool:
            list(pool.map(self._build, tags))

    def _build(self, tag: str) -> None:
        command = [self.python, self.driver, self.source, self._root / "out", self._target_python(tag)]
        log = self._root / f"{tag}.log"
        with log.open("wb") as stream:
            done = subprocess.run(
                command, cwd=self._work, env=self._environment, stdout=stream, stderr=subprocess.STDOUT, check=False
            )
        if done.returncode:
            raise BenchmarkError(f"the reference build of {tag} ended with {done.returncode}: see {log}")

    def output(self, tag: str) -> Path:
        return self._root / "out" / f"_C.cpython-{tag[2:]}-x86_64-linux-gnu.so"
