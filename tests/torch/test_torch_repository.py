"""The repository of a torch: which one it is, which headers it offers, and the interfaces of its libraries."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from bazel.fetch.command import CommandError
from bazel.torch import elf_interface, torch_facts, torch_repository

_VERSION = "__version__ = '2.14.0+cu130'\ndebug = False\ncuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n"


def _library() -> Path:
    """A real shared library, built by Bazel for this test."""
    return Path(os.environ["SAMPLE_LIBRARY"]).absolute()


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """An unpacked site-packages with a torch that has little in it."""
    root = tmp_path / "site"
    _write(
        root,
        {
            "torch/version.py": _VERSION,
            "torch/share/cmake/Torch/TorchConfig.cmake": "set(TORCH_CXX_FLAGS)\n",
            "torch/include/torch/extension.h": '#include <torch/all.h>\n  #  include "detail/near.h"\n',
            "torch/include/torch/detail/near.h": "#include <ATen/Used.h>\n#include <cuda.h>\n",
            "torch/include/torch/csrc/api/include/torch/all.h": "#ifdef NEVER\n#include <ATen/Guarded.h>\n#endif\n",
            "torch/include/ATen/Used.h": "#include <ATen/Used.h>\n#include <missing.h>\n",
            "torch/include/ATen/Guarded.h": "",
            "torch/include/ATen/Internal.h": "",
            "nvidia/cu13/include/cuda.h": "#define CUDA_VERSION 13000\n",
            "torch-2.14.0.dist-info/licenses/LICENSE": "terms",
        },
    )
    for directory, names in {
        "torch/lib": [
            f"lib{name}.so" for name in (*torch_repository._TORCH_LIBRARIES, *torch_repository._TORCH_CUDA_LIBRARIES)
        ],
        "nvidia/cu13/lib": ["libcudart.so.13", "libnvrtc.so.13", "libnvrtc.so.13.0.88"],
    }.items():
        (root / directory).mkdir(parents=True)
        for name in names:
            (root / directory / name).write_bytes(_library().read_bytes())
    return root


def _fails(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert torch_repository.main([str(argument) for argument in arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: "), error
    assert error.count("\n") == 1, error
    return error


def test_repository_of_wheels(site: Path, tmp_path: Path) -> None:
    out = tmp_path / "repository"
    out.mkdir()
    assert torch_repository.main(["--site", str(site), "--out", str(out)]) == 0
    assert not site.exists()
    scope: dict[str, object] = {}
    exec((out / "version.bzl").read_text(), scope)
    assert (scope["TORCH_VERSION"], scope["CUDA_VERSION"], scope["CXX11_ABI"]) == (
        "2.14.0",
        "13.0",
        True,
    )
    exec((out / "headers.bzl").read_text(), scope)
    assert "torch/include/torch/extension.h" in scope["EXTENSION_HEADERS"]
    assert scope["CUDA_HOST_HEADERS"] == ["cuda/include/cuda.h"]
    assert (out / "cuda/include/cuda.h").is_file()
    assert (out / "licenses/torch/LICENSE").read_text() == "terms"
    libraries = {path.name for path in (out / "lib").iterdir()}
    assert {"libtorch.so", "libcudart.so", "libnvrtc.so"} <= libraries
    assert len(libraries) == 8


def test_headers_are_those_that_entries_reach(site: Path) -> None:
    # Whatever the preprocessor would decide; never what no entry can reach.
    assert torch_facts.extension_headers(site / "torch/include", ["torch/*.h"]) == [
        "ATen/Guarded.h",
        "ATen/Used.h",
        "torch/csrc/api/include/torch/all.h",
        "torch/detail/near.h",
        "torch/extension.h",
    ]


def test_installed_torch_is_linked(site: Path, tmp_path: Path) -> None:
    out = tmp_path / "repository"
    out.mkdir()
    arguments = ["--torch", site / "torch", "--cuda", site / "nvidia/cu13", "--out", out]
    assert torch_repository.main([str(argument) for argument in arguments]) == 0
    assert (out / "torch/include").resolve() == (site / "torch/include").resolve()
    assert (site / "torch/lib/libtorch.so").is_file()


def test_old_abi(site: Path) -> None:
    _write(site, {"torch/share/cmake/Torch/TorchConfig.cmake": '"-D_GLIBCXX_USE_CXX11_ABI=0"'})
    assert torch_facts.facts(site / "torch", site / "nvidia/cu13").cxx11_abi is False


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"torch/version.py": "__version__ = '2.14.0+cpu'\ncuda: Optional[str] = None\n"},
            "is built without CUDA",
        ),
        ({"torch/version.py": ""}, "has no version"),
        (
            {"nvidia/cu13/include/cuda.h": "#define CUDA_VERSION 12080\n"},
            "has the headers of CUDA 12",
        ),
        ({"nvidia/cu13/include/cuda.h": ""}, "has the headers of CUDA 0"),
        ({"torch/lib/libc10.so": "text"}, "libc10.so is not a 64-bit little-endian ELF file"),
    ],
)
def test_torch_that_does_not_serve(site: Path, tmp_path: Path, capsys, files: dict[str, str], expected: str) -> None:
    _write(site, files)
    (tmp_path / "repository").mkdir()
    arguments = [
        "--torch",
        site / "torch",
        "--cuda",
        site / "nvidia/cu13",
        "--out",
        tmp_path / "repository",
    ]
    assert expected in _fails(capsys, *arguments)


def test_no_torch(tmp_path: Path, capsys) -> None:
    error = _fails(capsys, "--torch", tmp_path, "--cuda", tmp_path, "--out", tmp_path)
    assert "version.py: name a directory that holds an installed torch" in error


def test_toolkit_without_libraries(site: Path, tmp_path: Path, capsys) -> None:
    (site / "nvidia/cu13/lib/libcudart.so.13").unlink()
    (tmp_path / "repository").mkdir()
    arguments = [
        "--torch",
        site / "torch",
        "--cuda",
        site / "nvidia/cu13",
        "--out",
        tmp_path / "repository",
    ]
    assert "there is no libcudart.so.*" in _fails(capsys, *arguments)


def test_the_first_toolkit_that_is_there_counts(site: Path, tmp_path: Path, capsys) -> None:
    _write(site, {"later/include/cuda.h": "#define CUDA_VERSION 12080\n"})
    (tmp_path / "repository").mkdir()
    toolkits = [site / "absent", site / "nvidia/cu13", site / "later"]
    arguments = ["--torch", site / "torch", "--out", tmp_path / "repository", "--cuda"]
    assert torch_repository.main([str(argument) for argument in [*arguments, *toolkits]]) == 0
    error = _fails(capsys, *arguments, site / "absent", tmp_path)
    assert "torch 2.14.0+cu130 is built with CUDA 13.0" in error
    assert f"no include/cuda.h in {site / 'absent'}, {tmp_path}: name an installed toolkit with cuda_home" in error


@pytest.mark.parametrize("version", [_VERSION, "__version__ = '2.14.0+cpu'\ncuda: Optional[str] = None\n"])
@pytest.mark.parametrize("source", ["--site", "--torch"])
def test_a_torch_without_cuda_by_choice(site: Path, tmp_path: Path, source: str, version: str) -> None:
    _write(site, {"torch/version.py": version})
    for library in [*torch_repository._TORCH_CUDA_LIBRARIES, *torch_repository._CUDA_LIBRARIES]:
        (site / f"torch/lib/lib{library}.so").unlink(missing_ok=True)
    out = tmp_path / "repository"
    out.mkdir()
    where = site if source == "--site" else site / "torch"
    assert torch_repository.main([source, str(where), "--no-cuda", "--out", str(out)]) == 0
    assert 'CUDA_VERSION = ""' in (out / "version.bzl").read_text()
    assert "CUDA_HOST_HEADERS = []" in (out / "headers.bzl").read_text()
    assert {path.name for path in (out / "lib").iterdir()} == {
        "libc10.so",
        "libtorch.so",
        "libtorch_cpu.so",
        "libtorch_python.so",
    }
    assert not (out / "cuda").exists()


def test_wheels_without_torch(site: Path, tmp_path: Path, capsys) -> None:
    (site / "torch").rename(tmp_path / "elsewhere")
    assert "the requirement file pins no torch: add it" in _fails(capsys, "--site", site, "--out", tmp_path)


@pytest.mark.parametrize("toolkit", ["--site", "--cuda"])
def test_torch_without_cuda_and_no_toolkit_either(site: Path, tmp_path: Path, capsys, toolkit: str) -> None:
    _write(site, {"torch/version.py": "__version__ = '2.14.0+cpu'\ncuda: Optional[str] = None\n"})
    (site / "nvidia/cu13/include/cuda.h").unlink()
    arguments = ["--site", site] if toolkit == "--site" else ["--torch", site / "torch", "--cuda", tmp_path]
    error = _fails(capsys, *arguments, "--out", tmp_path)
    assert "torch 2.14.0+cpu is built without CUDA (torch.version.cuda is None): use a CUDA build of it" in error


def test_wheels_without_cuda(site: Path, tmp_path: Path, capsys) -> None:
    (site / "nvidia/cu13/include/cuda.h").unlink()
    assert "pins no nvidia-cuda-runtime" in _fails(capsys, "--site", site, "--out", tmp_path)


def _dynamic_symbols(path: Path) -> list[tuple[str, str, str, str]]:
    with open(path, "rb") as stream:
        elf = ELFFile(stream)
        versions = elf.get_section_by_name(".gnu.version")
        return [
            (
                symbol.name,
                symbol["st_info"]["type"],
                symbol["st_shndx"],
                str(versions.get_symbol(number)["ndx"]),
            )
            for number, symbol in enumerate(elf.get_section_by_name(".dynsym").iter_symbols())
        ]


def test_interface_has_the_symbols_and_no_code(tmp_path: Path) -> None:
    out = tmp_path / "interface.so"
    size = elf_interface.write_interface(_library(), out)
    assert size == out.stat().st_size
    symbols = _dynamic_symbols(out)
    assert "sample_function" in [symbol[0] for symbol in symbols]
    changed = [(was, now) for was, now in zip(_dynamic_symbols(_library()), symbols) if was != now]
    assert [was[0] for was, _ in changed] == ["_ZNSt10filesystem11sample_partEv"]
    assert [now[2] for _, now in changed] == ["SHN_UNDEF"]
    assert "_ZNKSt4hashIN3c106SampleEEclERKS1_" in [name for name, _, section, _ in symbols if section != "SHN_UNDEF"]
    with open(out, "rb") as stream:
        elf = ELFFile(stream)
        assert elf.get_section_by_name(".text")["sh_type"] == "SHT_NOBITS"
        assert elf.num_segments() == 0


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("_ZNSt10filesystem6statusERKNS_7__cxx114pathE", False),
        ("_ZNKRSt7__cxx1115basic_stringbufIcSt11char_traitsIcESaIcEE3strEv", False),
        ("_ZSt28__throw_bad_array_new_lengthv", False),
        ("_ZTVSt9exception", False),
        ("_ZN10__cxxabiv111__terminateEPFvvE", False),
        ("_ZNSs6appendEPKc", False),
        ("_ZNKSt4hashIN3c106DeviceEEclERKS1_", True),
        ("_ZNSt6vectorIN2at6TensorESaIS1_EED1Ev", True),
        ("_ZN2at6Tensor3addERKS0_", True),
        ("_ZN3c106detail14torchCheckFailEPKcS2_jRKSs", True),
        ("PyInit__C", True),
    ],
)
def test_which_names_are_the_cxx_library(name: str, offered: bool) -> None:
    table = elf_interface.SYMBOL.pack(1, 0x12, 0, 7, 0x1000, 8)
    _, info, _, section, *_ = elf_interface.SYMBOL.unpack(
        elf_interface._without_cxx_library(table, b"\0" + name.encode() + b"\0")
    )
    assert (section, info) == ((7, 0x12) if offered else (0, 0x22))


def test_interface_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        elf_interface.write_interface(_library(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("kept", [10, 64, 200, 0.5, 0.999])
def test_library_that_is_cut_short(tmp_path: Path, kept: float) -> None:
    data = _library().read_bytes()
    path = tmp_path / "cut.so"
    path.write_bytes(data[: kept if isinstance(kept, int) else int(len(data) * kept)])
    with pytest.raises(CommandError, match=r"cut short|not a 64-bit"):
        elf_interface.write_interface(path, tmp_path / "out.so")
    assert not (tmp_path / "out.so").exists()
