"""The generated files of DeepGEMM's package."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bazel.deepgemm import generate

# Lists functions in the order in which it finds files, as DeepGEMM's own script does.
_SCRIPT = """
from pathlib import Path

def generate_pyi_file(name, root, output_dir):
    found = [path.stem for path in Path(root).rglob('*.hpp')]
    Path(output_dir, name + '.pyi').write_text('# stub\\n' + ''.join(f'\\ndef {n}(): ...\\n' for n in found))
    print('generated')
"""


def _main(*arguments: str | Path) -> int:
    return generate.main([str(argument) for argument in arguments])


def test_stub_has_the_same_order_everywhere(tmp_path: Path, capsys) -> None:
    script = tmp_path / "generate_pyi.py"
    script.write_text(_SCRIPT)
    stubs = []
    for number, names in enumerate([("b", "a", "c"), ("c", "b", "a")]):
        csrc = tmp_path / str(number)
        csrc.mkdir()
        for name in names:
            (csrc / f"{name}.hpp").touch()
        out = tmp_path / f"{number}.pyi"
        assert _main("--script", script, "--csrc", csrc, "--out", out) == 0
        stubs.append(out.read_text())
    assert stubs[0] == stubs[1]
    assert [line for line in stubs[0].splitlines() if line.startswith("def")] == [
        "def a(): ...",
        "def b(): ...",
        "def c(): ...",
    ]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (None, "writes its stubs in another way"),
        ("def generate_pyi_file(**_): raise ValueError('bad')", "ValueError: bad"),
        ("x = 1", "KeyError: 'generate_pyi_file'"),
        ("syntax error", "SyntaxError"),
        (_SCRIPT, "found no m.def(…)"),
    ],
)
def test_script_that_fails(tmp_path: Path, capsys, script: str | None, expected: str) -> None:
    path = tmp_path / "generate_pyi.py"
    if script is not None:
        path.write_text(script)
    assert _main("--script", path, "--csrc", tmp_path / "none", "--out", tmp_path / "out.pyi") == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert expected in error
    assert not (tmp_path / "out.pyi").exists()


def test_environment_defaults() -> None:
    scope: dict[str, object] = {}
    exec(Path(os.environ["ENVS_PY"]).read_text(), scope)
    assert scope["persistent_envs"] == {"DG_JIT_CACHE_DIR": "it's\\here \"", "DG_JIT_CPP_STANDARD": "20"}
