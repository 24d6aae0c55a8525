"""wheel-build: what comes out, and one clear error for each thing that does not fit."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from make_elf import make_elf
from wheel_tools.archive import WheelArchive
from wheel_tools.build import main
from wheel_tools.examine import valid_tags
from wheels import contents, extensions

NAME = "ops-2.8.2-cp311.cp312-cp311.cp312-manylinux_2_28_x86_64.whl"


def run(
    tmp_path: Path,
    *extra: str,
    files: dict[str, bytes] | None = None,
    name: str = NAME,
    requires_python: str = ">=3.11,<3.13",
    **fields: object,
) -> int:
    """Builds a wheel of these files (default: a good package) through a parameter file, as Bazel does."""
    files = {"ops/__init__.py": b"VERSION = 1\n", **extensions("ops")} if files is None else files
    project = {"name": "ops", "version": "2.8.2", **fields}
    arguments = [f"--out={tmp_path / name}", f"--project={json.dumps(project)}"]
    arguments += [f"--requires-python={requires_python}", *extra]
    for index, (path, data) in enumerate(files.items()):
        source = tmp_path / f"source {index}"
        source.write_bytes(data)
        arguments.append(f"--file={path}={source}")
    parameters = tmp_path / "parameters"
    parameters.write_text("\n".join(arguments) + "\n")
    return main([f"@{parameters}"])


def test_a_wheel_for_every_python(tmp_path):
    license_file = tmp_path / "LICENSE.txt"
    license_file.write_bytes(b"MIT")
    assert (
        run(
            tmp_path,
            f"--license=LICENSE={license_file}",
            "--pin=torch==2.14.0",
            description="It multiplies.",
            license="mit",
            urls={"Source": "https://example.org/"},
        )
        == 0
    )
    with WheelArchive(tmp_path / NAME) as wheel:
        assert valid_tags(wheel.wheel.tags) == (wheel.name.tags, [])
        assert wheel.wheel.tags == [
            f"cp{python}-cp{abi}-manylinux_2_28_x86_64" for python in ("311", "312") for abi in ("311", "312")
        ]
        assert wheel.metadata == {
            "metadata_version": "2.4",
            "name": "ops",
            "version": "2.8.2",
            "summary": "It multiplies.",
            "license_expression": "MIT",
            "license_files": ["LICENSE"],
            "requires_python": "<3.13,>=3.11",
            "requires_dist": ["torch==2.14.0"],
            "project_urls": {"Source": "https://example.org/"},
        }
        names = [member.name for member in wheel.members]
        assert names == [
            "ops/_C.cpython-311-x86_64-linux-gnu.so",
            "ops/_C.cpython-312-x86_64-linux-gnu.so",
            "ops/__init__.py",
            "ops-2.8.2.dist-info/licenses/LICENSE",
            "ops-2.8.2.dist-info/METADATA",
            "ops-2.8.2.dist-info/WHEEL",
            "ops-2.8.2.dist-info/RECORD",
        ]
        assert [entry.path for entry in wheel.record] == names
        assert [oct(member.mode) for member in wheel.members[1:3]] == ["0o100755", "0o100644"]
        assert {member.info.date_time for member in wheel.members} == {(1980, 1, 1, 0, 0, 0)}


def test_metadata_as_other_tools_spell_it(tmp_path):
    assert run(tmp_path, "--pin=torch==2.14.0", urls={"Source": "https://example.org/"}) == 0
    assert contents(tmp_path / NAME)["ops-2.8.2.dist-info/METADATA"].decode().splitlines() == [
        "Metadata-Version: 2.4",
        "Name: ops",
        "Version: 2.8.2",
        "Project-URL: Source, https://example.org/",
        "Requires-Python: <3.13,>=3.11",
        "Requires-Dist: torch==2.14.0",
        "",
    ]


def test_order_and_times_of_the_inputs_do_not_matter(tmp_path):
    files = {"ops/__init__.py": b"", "ops/a.py": b"1", **extensions("ops")}
    for directory, order in (("one", list(files)), ("two", list(reversed(files)))):
        (tmp_path / directory).mkdir()
        assert run(tmp_path / directory, files={path: files[path] for path in order}) == 0
    assert (tmp_path / "one" / NAME).read_bytes() == (tmp_path / "two" / NAME).read_bytes()


def test_what_unzips_it_finds_what_was_put_in(tmp_path):
    assert run(tmp_path) == 0
    with zipfile.ZipFile(tmp_path / NAME) as archive:
        assert archive.testzip() is None
    assert contents(tmp_path / NAME)["ops/__init__.py"] == b"VERSION = 1\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"requires_python": ">=3.11,<3.14"}, "found ops/_C for 3.11, 3.12; expected 3.11, 3.12, 3.13"),
        ({"requires_python": "==3.12.*"}, "expected 3.12, which"),
        ({"requires_python": "three"}, "python_requires: found"),
        ({"files": {"ops/__init__.py": b""}}, "no extension module"),
        ({"files": {"../ops/__init__.py": b"", **extensions("ops")}}, "the member name '../ops/__init__.py'"),
        (
            {"files": {"ops-2.8.2.dist-info/METADATA": b"", **extensions("ops")}},
            "the member ops-2.8.2.dist-info/METADATA among the files",
        ),
        ({"name": "ops.whl"}, "not a wheel's"),
        ({"name": NAME.replace("-2.8.2-", "-2.8.2-1a-")}, "found the build tag 1a; expected none"),
        ({"name": NAME.replace("ops-", "other-")}, "a wheel name of other; expected one of ops"),
        (
            {"name": NAME.replace("2.8.2", "2.8.02")},
            "expected 2.8.2, the version of the project in its normalized form",
        ),
    ],
)
def test_what_does_not_fit(tmp_path, capsys, options, expected):
    assert run(tmp_path, **options) == 1
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*.whl*"))


STABLE = NAME.replace("cp311.cp312-cp311.cp312", "cp311-abi3")
ANY = NAME.replace("cp311.cp312-cp311.cp312", "py3-none")
MODULE = make_elf(exports=["PyInit__C"])
OF_PYTHON = make_elf(undefined=["PyModule_Create2"])
LIBRARY = make_elf(exports=["add"])


@pytest.mark.parametrize(
    ("name", "more"),
    [
        (NAME, {"ops/libmulti_ops.so": LIBRARY, "ops.libs/x.so": LIBRARY, "ops/lib/libx.so.1": LIBRARY}),
        (NAME, {"ops/_ops.abi3.so": LIBRARY, "ops/_ops.cpython-311-x86_64-linux-gnu.so": LIBRARY}),
        (NAME, {"ops/libother.so": make_elf(exports=["PyInit_another"])}),
        (NAME, {"ops/stable/_C.abi3.so": MODULE}),
        # A library of modules may use Python, too.
        (NAME, {"ops/x.abi3.so": OF_PYTHON, "ops/libx.so": make_elf(needed=["x.abi3.so"])}),
        (STABLE, {"ops/stable/_C.abi3.so": MODULE}),
    ],
)
def test_a_library_is_packed_for_what_it_is(tmp_path, name, more):
    files = {**extensions("ops", body=b""), **more}
    assert run(tmp_path, files=files, name=name) == 0
    assert set(more) <= set(contents(tmp_path / name))


@pytest.mark.parametrize("name", [NAME, STABLE, ANY])
def test_a_stable_abi_module_alone(tmp_path, name):
    assert run(tmp_path, files={"ops/_C.abi3.so": MODULE, "ops/libx.so": LIBRARY}, name=name) == 0


def test_operator_libraries_alone(tmp_path):
    assert run(tmp_path, files={"ops/libx.so": LIBRARY}, name=ANY) == 0


def test_a_plain_name_serves_a_wheel_for_one_cpython(tmp_path):
    name = NAME.replace("cp311.cp312-cp311.cp312", "cp312-cp312")
    assert run(tmp_path, files={"ops/_C.so": MODULE}, name=name, requires_python="==3.12.*") == 0


@pytest.mark.parametrize(
    ("name", "files", "expected"),
    [
        (NAME, {"ops/_C.so": MODULE}, "found ops/_C.so for no CPython; expected 3.11, 3.12, which Requires-Python"),
        (NAME, {"ops/_C.so": MODULE}, "must say its CPython, as ops/_C.<SOABI>.so or ops/_C.abi3.so does"),
        (NAME, {"ops/_C.cpython-311-x86_64-linux-gnu.so": MODULE}, "found ops/_C for 3.11; expected 3.11, 3.12"),
        (NAME, {"ops/_C.cpython-311-x86_64-linux-gnu.so": OF_PYTHON}, "found ops/_C for 3.11; expected 3.11, 3.12"),
        (STABLE.replace("cp311", "cp312"), {"ops/_C.abi3.so": MODULE}, "found ops/_C for 3.12; expected 3.11, 3.12"),
        (NAME, {"ops/_C.abi3t.so": MODULE}, "found ops/_C for no CPython"),
        (NAME, {"ops/libx.so": LIBRARY}, "found no extension module"),
        (ANY, {"ops/__init__.py": b""}, "found no extension module"),
    ],
)
def test_modules_that_do_not_serve_every_cpython(tmp_path, capsys, name, files, expected):
    assert run(tmp_path, files=files, name=name) == 1
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1


def test_files_beside_the_package(tmp_path):
    source = tmp_path / "x"
    source.write_bytes(b"#!/bin/sh\n")
    options = [f"--data=scripts/x={source}", f"--data=data/share/x={source}", f"--dist-info=notes/x={source}"]
    scripts = {"x": "another:main"}
    assert run(tmp_path, *options, scripts=scripts) == 0
    with WheelArchive(tmp_path / NAME) as wheel:
        modes = {name: oct(member.mode) for name, member in wheel.by_name.items() if name.startswith("ops-")}
        assert wheel.dist_info_bytes("entry_points.txt") == b"[console_scripts]\nx = another:main\n"
        assert {entry.path for entry in wheel.record} == set(wheel.by_name)
    assert modes == {
        "ops-2.8.2.data/data/share/x": "0o100644",
        "ops-2.8.2.data/scripts/x": "0o100755",
        **{
            f"ops-2.8.2.dist-info/{name}": "0o100644"
            for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt", "notes/x")
        },
    }


@pytest.mark.parametrize("name", ["METADATA", "RECORD", "WHEEL"])
def test_a_file_that_is_written_anyway(tmp_path, capsys, name):
    source = tmp_path / "x"
    source.write_bytes(b"")
    assert run(tmp_path, f"--dist-info={name}={source}") == 1
    assert f"found a file for ops-2.8.2.dist-info/{name}; expected none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("--project=[]", "--project: found []; expected a JSON object"),
        ("--project={", "--project: found no JSON"),
        ('--project={"name": "other", "version": "2.8.2"}', "a wheel name of ops; expected one of other"),
        ("--file=ops", "PATH_IN_WHEEL=FILE"),
        ("--file=ops/__init__.py=x", "two files for ops/__init__.py"),
        ("--file=ops/x.py=/nowhere/x.py", "/nowhere/x.py: No such file"),
    ],
)
def test_options_that_cannot_be_used(tmp_path, capsys, option, expected):
    assert run(tmp_path, option) == 1
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("*.whl*"))


PACKAGE = {
    "ops/__init__.py": b"",
    "ops/cli.py": b"from ops.more import *\n",
    "ops/fast.abi3.so": b"",
    **extensions("ops"),
}


@pytest.mark.parametrize(
    ("module", "value"),
    [
        (b"def main(): pass\n", "ops.run:main"),
        (b"from click import main\n", "ops.run:main"),
        (b"class Main:\n  def run(self): pass\n", "ops.run:Main.run [cli]"),
        (b"def main(:\n", "ops.run:main"),
        (b"def __getattr__(name): pass\n", "ops.run:main"),
        (b"", "ops.cli:main"),
        (b"", "ops.fast:main"),
        (b"", "another.package:main"),
    ],
)
def test_a_script_of_the_wheel_or_of_another_package(tmp_path, module, value):
    assert run(tmp_path, files={**PACKAGE, "ops/run.py": module}, scripts={"ops": value}) == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "ops.run:mian",
            "the script ops = 'ops.run:mian', and ops.run has no mian; expected a function of the",
        ),
        ("ops:main", "ops has no main"),
        ("ops.runs:main", "the wheel has no ops/runs.py; expected a function of the wheel; correct it in"),
    ],
)
@pytest.mark.parametrize("table", ["scripts", "gui-scripts"])
def test_a_script_that_calls_nothing(tmp_path, capsys, table, value, expected):
    files = {**PACKAGE, "ops/run.py": b"def main(): pass\n"}
    assert run(tmp_path, files=files, **{table: {"ops": value}}) == 1
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
