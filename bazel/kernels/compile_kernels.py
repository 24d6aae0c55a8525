"""Compiles a list of kernels with nvcc into entries of DeepGEMM's kernel cache.

An entry is the directory `<tag>.<key>/` with `kernel.cu` and `kernel.cubin`.

nvcc gets the flags that DeepJIT passes, and host flags that only locate the host compiler's own headers. nvcc derives
the names of internal symbols from the path of the source and from its process id. This program removes both, so that a
kernel has the same bytes in every directory and on every machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from kernel_tools.lists import Kernel, read
from wheel_tools.errors import WheelError
from wheel_tools.kernel_keys import Headers, kernel_key

# nvcc's internal symbols: _INTERNAL_<CRC of the path>_9_kernel_cu_<CRC of the text, or of --frandom-seed>
_PATH_CRC = re.compile(rb"(_INTERNAL_|_GLOBAL__N__)[0-9a-f]{8}(?=_9_kernel_cu_)")
_ERROR = re.compile(r"^.*\b(?:error|fatal)\b.*$", re.MULTILINE)


def compile_kernel(kernel: Kernel, directory: Path, nvcc: list[str], environment: dict[str, str]) -> None:
    """Compiles one kernel: writes kernel.cu and kernel.cubin into `directory`."""
    directory.mkdir()
    source, cubin = directory / "kernel.cu", directory / "kernel.cubin"
    source.write_text(kernel.source, encoding="utf-8")
    command = [*nvcc, str(source), "--cubin", "--output-file", str(cubin), *kernel.flags.split(" ")]
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0 or not cubin.exists():
        first = _ERROR.search(done.stdout)
        raise WheelError(
            f"{kernel.tag} for {kernel.arch}",
            found=first[0] if first else f"exit code {done.returncode} of nvcc and no cubin: {done.stdout.strip()}",
            expected="a source that this DeepGEMM's headers compile",
            fix="record the kernel again with this DeepGEMM, or remove it from the list",
        )
    cubin.write_bytes(_PATH_CRC.sub(rb"\g<1>00000000", cubin.read_bytes()))


def main(argv: list[str]) -> int:
    """Returns 0 when every kernel is compiled; prints one line on stderr for the first that fails and returns 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], fromfile_prefix_chars="@")
    parser.add_argument("--list", type=Path, required=True, help="list of kernels, as JSON Lines")
    parser.add_argument("--nvcc", required=True, help="path of nvcc")
    parser.add_argument("--nvcc-flag", action="append", default=[], help="option of nvcc; may be repeated")
    parser.add_argument("--compiler-text", type=Path, required=True, help="the output of nvcc --version")
    parser.add_argument("--include", type=Path, required=True, help="include directory of the DeepGEMM package")
    parser.add_argument("--out", type=Path, required=True, help="an empty directory")
    args = parser.parse_args(argv)
    headers, compiler = Headers.below(args.include), args.compiler_text.read_bytes()
    # A device assertion embeds __FILE__. The prefix map makes it include/deep_gemm/… instead of a path of the sandbox.
    seed = ["--frandom-seed=deep_gemm", "-Xcompiler", f"-fmacro-prefix-map={args.include}=include"]
    nvcc = [args.nvcc, "--include-path", str(args.include), *seed, *args.nvcc_flag]
    calls = {}
    try:
        with tempfile.TemporaryDirectory() as temporary:
            environment = {**os.environ, "TMPDIR": temporary}
            for kernel in read(args.list).kernels:
                key = kernel_key(headers, compiler, kernel.flags, kernel.source.encode())
                name = f"{kernel.tag}.{key}"
                compile_kernel(kernel, args.out / name, nvcc, environment)
                calls[name] = {"flags": kernel.flags, "call": kernel.call}
    except WheelError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    (args.out / "kernels.json").write_text(json.dumps(calls, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
