"""Makes a repository of a torch that is unpacked or installed, and writes down which one it is.

    python3 inspect_torch.py --site DIR --out REPOSITORY                       moves what pip_fetch.py unpacked
    python3 inspect_torch.py --torch …/torch --cuda …/cu13 --out REPOSITORY    links what is installed

The repository then has torch/{include,lib}, cuda/{include,lib}, version.bzl (torch's version, its CUDA release, its C++
ABI) and headers.bzl: the headers that an extension can reach. torch ships about 9,500 headers, most of them for its own
translation units; each would be an input of every compile action.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

# What extensions include directly. Everything else is reached from here or is torch's own.
_ENTRIES = (
    "ATen/cpu/**/*",
    "ATen/cuda/**/*",
    "c10/core/**/*",
    "c10/cuda/**/*",
    "c10/macros/*",
    "c10/util/**/*",
    "pybind11/**/*",
    "torch/*.h",
    "torch/csrc/api/include/torch/*.h",
    "torch/csrc/autograd/*.h",
    "torch/csrc/stable/**/*",
    "torch/headeronly/**/*",
)
_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include(?:_next)?[ \t]*[<"]([^>"\n]+)[>"]', re.MULTILINE)


class TorchError(Exception):
    """Something that the user can mend; its text is the one line they get to see."""


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TorchError(f"there is no {path}: {what}") from None


def facts(torch: Path, cuda: Path) -> dict[str, object]:
    """Version of torch, CUDA release and C++ ABI, checked against the toolkit; nothing is imported."""
    version_py = _read(torch / "version.py", "name a directory that holds an installed torch")
    found = dict(re.findall(r"^(__version__|cuda)\b[^=\n]*= '?([^'\n]+)'?$", version_py, re.MULTILINE))
    version = found.get("__version__", "")
    if not re.match(r"\d+\.\d+", version):
        raise TorchError(f"{torch / 'version.py'} has no version: torch is not installed as its wheel lays it out")
    if not re.match(r"\d+\.\d+$", found.get("cuda", "")):
        raise TorchError(
            f"torch {version} is built without CUDA (torch.version.cuda is {found.get('cuda', 'missing')}):"
            " use a CUDA build of it"
        )
    header = _read(cuda / "include" / "cuda.h", f"it is no CUDA toolkit; name one of CUDA {found['cuda']}")
    toolkit = re.search(r"^#define CUDA_VERSION (\d+)", header, re.MULTILINE)
    major = int(toolkit.group(1)) // 1000 if toolkit else 0
    if str(major) != found["cuda"].split(".")[0]:
        raise TorchError(
            f"torch {version} is built with CUDA {found['cuda']}, but {cuda} has the headers of CUDA {major}:"
            " name a toolkit of the same major version"
        )
    cmake = _read(
        torch / "share" / "cmake" / "Torch" / "TorchConfig.cmake", "torch is not installed as its wheel lays it out"
    )
    abi = re.search(r"-D_GLIBCXX_USE_CXX11_ABI=(\d)", cmake)
    return {
        # The local part only repeats the CUDA release, and requirements on torch leave it out.
        "TORCH_VERSION": version.split("+")[0],
        "CUDA_VERSION": found["cuda"],
        "CXX11_ABI": not abi or abi.group(1) == "1",
    }


def reachable(include: Path, entries: Iterable[str] = _ENTRIES) -> list[str]:
    """Headers under `include` that the entries can include, whatever the preprocessor decides, themselves too."""
    roots = (include, include / "torch/csrc/api/include")
    waiting = [path for pattern in entries for path in include.glob(pattern) if path.is_file()]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        for name in _INCLUDE.findall(path.read_bytes()):
            for root in (path.parent, *roots):
                target = Path(os.path.normpath(root / os.fsdecode(name)))
                if target.is_file() and include in target.parents:
                    if target not in seen:
                        seen.add(target)
                        waiting.append(target)
                    break
    return sorted(path.relative_to(include).as_posix() for path in seen)


def move_wheels(site: Path, out: Path) -> None:
    """Moves torch and CUDA out of an unpacked site-packages, and the licences beside them."""
    cuda = sorted(site.glob("nvidia/cu*/include/cuda.h"))
    if not cuda:
        raise TorchError("the requirement file pins no nvidia-cuda-runtime of CUDA 13 or newer beside torch")
    (site / "torch").rename(out / "torch")
    cuda[0].parents[1].rename(out / "cuda")
    for licenses in sorted(site.glob("*.dist-info/licenses")):
        (out / "licenses").mkdir(exist_ok=True)
        licenses.rename(out / "licenses" / licenses.parent.name.split("-")[0])
    shutil.rmtree(site)


def link_installed(torch: Path, cuda: Path, out: Path) -> None:
    """Links an installed torch and toolkit: the libraries one by one, since a toolkit has many."""
    lib = next((cuda / name for name in ("lib64", "lib") if list((cuda / name).glob("libcudart.so.*"))), None)
    if lib is None:
        raise TorchError(f"there is no libcudart.so.* under {cuda}: name a whole CUDA toolkit")
    for name in ("torch", "cuda"):
        (out / name / "lib").mkdir(parents=True)
    (out / "torch/include").symlink_to(torch / "include")
    (out / "cuda/include").symlink_to(cuda / "include")
    for library in (torch / "lib").glob("lib*.so"):
        (out / "torch/lib" / library.name).symlink_to(library)
    for name in ("cudart", "nvrtc"):
        # One of its names: with libcudart.so.13 and libcudart.so.13.0.96 both there, the loader looks for the first.
        libraries = sorted(lib.glob(f"lib{name}.so.*"), key=lambda path: len(path.name))
        if not libraries:
            raise TorchError(f"there is no lib{name}.so.* in {lib}: name a whole CUDA toolkit")
        (out / "cuda/lib" / libraries[0].name).symlink_to(libraries[0])


def write(out: Path, torch: Path, cuda: Path) -> None:
    """Writes version.bzl and headers.bzl."""
    lines = ['"""Which torch this is; written by the repository rule."""\n']
    lines += [f"{name} = {value!r}".replace("'", '"') for name, value in sorted(facts(torch, cuda).items())]
    (out / "version.bzl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    headers = reachable(torch.absolute() / "include")
    if not headers:
        raise TorchError(f"{torch / 'include'} has no headers: torch is not installed as its wheel lays it out")
    lines = ['"""Headers that an extension can reach; written by the repository rule."""\n', "EXTENSION_HEADERS = ["]
    lines += [f'    "torch/include/{header}",' for header in headers]
    (out / "headers.bzl").write_text("\n".join(lines) + "\n]\n", encoding="utf-8")


def main(argv: list[str]) -> int:
    """Exit code 0 when all is made, 1 with one line on stderr (or in --error-file) when not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--site", type=Path, help="unpacked wheels, which are moved")
    parser.add_argument("--torch", type=Path, help="the directory of an installed package torch")
    parser.add_argument("--cuda", type=Path, help="an installed toolkit, with include/cuda.h")
    parser.add_argument("--out", type=Path, required=True, help="the repository")
    parser.add_argument("--error-file", type=Path, help="where the error goes instead of stderr")
    args = parser.parse_args(argv)
    if (args.site is None) == (args.torch is None) or (args.torch is None) != (args.cuda is None):
        parser.error("either --site, or --torch and --cuda")
    try:
        if args.site:
            move_wheels(args.site, args.out)
            write(args.out, args.out / "torch", args.out / "cuda")
        else:
            write(args.out, args.torch, args.cuda)
            link_installed(args.torch.absolute(), args.cuda.absolute(), args.out)
    except (TorchError, OSError) as error:
        if args.error_file:
            args.error_file.write_text(str(error), encoding="utf-8")
        else:
            print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
