"""[project] in METADATA: what build backends write of the same file, and one clear error for what is wrong."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections import defaultdict
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from wheel_tools.errors import WheelError
from wheel_tools.project import Inputs, describe

FULL = """
[project]
name = "My.Ops_x"
version = "1.0-rc.2"
description = "It multiplies."
readme = "README.md"
requires-python = ">=3.11,<3.14"
license = "mit AND Apache-2.0"
license-files = ["LICEN[CS]E*", "licenses/*.txt"]
keywords = ["one", "two words"]
classifiers = ["Topic :: Software Development", "Programming Language :: Python :: 3"]
authors = [{name = "Ada Lovelace"}, {name = "Bo, B.", email = "bo@example.org"}, {email = "c@example.org"}]
maintainers = [{name = "Dé É", email = "d@example.org"}, {name = "Max"}]
dependencies = [
    "numpy>=2",
    "rich; python_version<'3.12' or os_name=='posix'",
    "torch[opt] >=2.0 ; sys_platform=='linux'",
]

[project.optional-dependencies]
CLI_tools = ["click", "rich>=1; python_version<'3.12' or os_name=='posix'"]
empty = []

[project.urls]
Homepage = "https://example.org"
"Bug Tracker" = "https://example.org/bugs"

[project.scripts]
my-ops = "ops.cli:main"

[project.gui-scripts]
my-gui = "ops.gui:Main.run"

[project.entry-points."ops.plugins"]
a = "ops.a"
b = "ops.b:B"
"""
# The tables of PEP 621 that PEP 639 replaced.
LEGACY = """
[project]
name = "ops"
version = "1"
description = "Ops"
readme = {file = "README.md", content-type = "text/plain"}
license = {file = "LICENSE"}
requires-python = "~=3.11"
authors = [{email = "c@example.org"}]
classifiers = ["License :: OSI Approved :: MIT License"]
"""
TEXTS = """
[project]
name = "ops"
version = "v1!2.08"
description = "Ops"
license = {text = "MIT, as is"}
readme = {text = "# Hi\\n\\nMore: é\\n", content-type = "text/markdown"}
"""
FILES = {
    "README.md": "# Ops é\n\nThe text.\nFrom here on: more.\n",
    "LICENSE": "Line one\n\n  Line two\n",
    "licenses/a.txt": "Of others.\n",
    "ops/__init__.py": '"""Operators."""\n',
}
BACKENDS = {
    "setuptools.build_meta": '[tool.setuptools]\npackages = ["ops"]\n',
    "hatchling.build": '[tool.hatch.build.targets.wheel]\npackages = ["ops"]\n',
    "flit_core.buildapi": '[tool.flit.module]\nname = "ops"\n',
}
# Dynamic says how an sdist was made; Import-Name is flit's own; a version of the format is the writer's.
OF_BACKENDS = {"dynamic", "import-name", "metadata-version"}
NORMAL = {
    "license": lambda text: "\n".join(line.strip() for line in text.splitlines()).strip(),
    # flit names the extra first.
    "requires-dist": lambda text: re.sub(r"(extra == \S+) and (.*)", r"\2 and \1", str(Requirement(text))),
    "requires-python": SpecifierSet,
    "version": Version,
}


def fields(metadata: bytes) -> dict[str, list[object]]:
    """METADATA as its fields mean it: without the order of the fields, and with normal values."""
    message = message_from_bytes(metadata)
    found = defaultdict(list)
    for key, value in message.items():
        if key.lower() not in OF_BACKENDS:
            found[key.lower()].append(NORMAL.get(key.lower(), str)(str(value)))
    found["description"] = [message.get_payload(decode=True).decode().strip()]
    return {key: sorted(values, key=str) for key, values in found.items()}


def sections(entry_points: str) -> list[str]:
    return sorted(line.replace(" ", "") for line in entry_points.splitlines() if line)


def project(tmp_path: Path, text: str) -> Path:
    for path, content in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(content, "utf-8")
    (tmp_path / "pyproject.toml").write_text(text, "utf-8")
    return tmp_path / "pyproject.toml"


def built(tmp_path: Path, text: str, backend: str) -> tuple[bytes, str]:
    """METADATA and entry_points.txt of a build backend."""
    project(tmp_path, text + BACKENDS[backend])
    (tmp_path / "out").mkdir()
    program = f"""
import sys
sys.path[:] = {sys.path!r}
import {backend} as backend
print(backend.build_wheel("out"))
"""
    run = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    with zipfile.ZipFile(tmp_path / "out" / run.stdout.splitlines()[-1]) as wheel:
        found = {Path(name).name: wheel.read(name) for name in wheel.namelist() if ".dist-info/" in name}
    return found["METADATA"], found.get("entry_points.txt", b"").decode()


def described(tmp_path: Path, text: str, **kwargs):
    pyproject = project(tmp_path, text)
    readme = ("README.md", tmp_path / "README.md")
    licenses = {"LICENSE": tmp_path / "LICENSE"}
    if "licenses/" in text:
        licenses["licenses/a.txt"] = tmp_path / "licenses/a.txt"
    inputs = {"fields": {}, "licenses": licenses, "pyproject": pyproject, **kwargs}
    return describe(Inputs(**({"readme": readme} if "README" in text else {}) | inputs))


@pytest.mark.parametrize("text", [FULL, LEGACY, TEXTS], ids=["full", "legacy", "texts"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_metadata_is_what_the_backend_writes(tmp_path, backend, text):
    ours = described(tmp_path, text)
    metadata, entry_points = built(tmp_path, text, backend)
    expected, found = fields(metadata), fields(ours.metadata)
    if backend == "flit_core.buildapi":
        # flit leaves the text of a licence out.
        assert "license" not in expected
        found.pop("license", None)
    assert found == expected
    assert sections(ours.entry_points.decode()) == sections(entry_points)


def test_what_is_given_takes_the_place_of_what_is_written(tmp_path):
    given = {
        "authors": [{"name": "Eve"}, {"email": "eve@example.org"}],
        "dependencies": ["numpy>=3"],
        "description": "Others",
        "entry-points": {"console_scripts": {"x": "ops:main"}, "ops.plugins": {"c": "ops.c"}},
        "license": "BSD-3-Clause",
        "name": "other",
        "version": "2+local.1",
    }
    ours = described(
        tmp_path, FULL, fields=given, pins=["torch==2.14.0"], headers={"Home-page": "https://example.org/x"}
    )
    found = fields(ours.metadata)
    assert found["author"] == ["Eve"]
    assert found["author-email"] == ["eve@example.org"]
    assert found["requires-dist"][:2] == ['click; extra == "cli-tools"', "numpy>=3"]
    assert "torch==2.14.0" in found["requires-dist"]
    assert 'torch[opt]>=2.0; sys_platform == "linux"' not in found["requires-dist"]
    assert [found[key] for key in ("home-page", "license-expression", "name", "summary")] == [
        ["https://example.org/x"],
        ["BSD-3-Clause"],
        ["other"],
        ["Others"],
    ]
    assert found["version"] == [Version("2+local.1")]
    assert ours.entry_points.decode() == "[console_scripts]\nx = ops:main\n\n[ops.plugins]\nc = ops.c\n"


def test_an_extra_in_a_marker_gets_its_field(tmp_path):
    given = {
        "name": "ops",
        "version": "1",
        "dependencies": ["rich; extra == 'CLI_x'", "click; extra == 'b' or extra == 'c'"],
    }
    found = fields(described(tmp_path, "", fields=given, licenses={}).metadata)
    assert found["provides-extra"] == ["b", "c", "cli-x"]


def test_dynamic_fields_that_are_given_or_empty(tmp_path):
    text = '[project]\nname = "ops"\ndynamic = ["version", "readme", "scripts", "dependencies", "requires-python"]\n'
    ours = described(
        tmp_path,
        text,
        fields={"version": "3", "entry-points": {"console_scripts": {"x": "ops:main"}}},
        empty=["dependencies"],
        pins=["torch==2.14.0"],
        readme=("NOTES.txt", project(tmp_path, text).parent / "README.md"),
        requires_python=">=3.11",
    )
    found = fields(ours.metadata)
    assert found["requires-dist"] == ["torch==2.14.0"]
    assert found["description-content-type"] == ["text/plain"]
    assert found["requires-python"] == [SpecifierSet(">=3.11")]


def _with(line: str) -> str:
    return f'[project]\nname = "ops"\nversion = "1"\n{line}\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[project]\nname = "ops"\ndynamic = ["version"]\n',
            "version in [project].dynamic; expected a value, since no build",
        ),
        (_with('dynamic = ["dependencies"]'), "dependencies in [project].dynamic"),
        (_with('dynamic = ["dependencies"]'), "set the attribute requires, or name it in empty_fields"),
        (_with('dynamic = ["readme"]'), "set the attribute description_file"),
        (_with('dynamic = ["entry-points"]'), "set the attribute entry_points"),
        (_with('dynamic = ["maintainers"]'), "write it into pyproject.toml, or name it in empty_fields"),
        (_with('dynamic = ["name"]'), 'found Field "project.dynamic[0]"'),
        (_with('dynamic = ["summary"]'), 'found Field "project.dynamic[0]"'),
        (_with("dynamic = [{}]"), 'found Field "project.dynamic[0]"'),
        (_with('dependencies = ["numpy>>2"]'), '"project.dependencies[0]" is an invalid PEP 508 requirement string'),
        (_with('dependencies = "numpy"'), '"project.dependencies" has an invalid type'),
        (
            _with('dependencies = ["torch<2.5"]'),
            "found the requirement torch<2.5; expected one that admits torch 2.14.0",
        ),
        (_with('optional-dependencies = {x = ["@"]}'), '"project.optional-dependencies.x[0]" is an invalid PEP 508'),
        (_with('scripts = {x = "ops.cli"}'), "x = 'ops.cli' in console_scripts; expected module:function"),
        (_with('gui-scripts = {x = "ops cli:main"}'), "in gui_scripts; expected module:function"),
        (_with('scripts = {"x = y" = "ops.cli:main"}'), "x = y = 'ops.cli:main'"),
        (_with('entry-points = {g = {x = "1+1"}}'), "x = '1+1' in g; expected module, or module:object"),
        (
            _with('entry-points = {console_scripts = {x = "a:b"}}'),
            "the group console_scripts in [project.entry-points]",
        ),
        (
            _with('readme = "README.md"'),
            "the readme 'README.md', which is no input; expected a file that the build gets; ",
        ),
        (_with('readme = "README.md"'), 'set description_file = "README.md"'),
        (_with('readme = {file = "README.md"}'), 'set description_file = "README.md"'),
        (_with("readme = 3"), '"project.readme"'),
        (_with('license = {file = "LICENSE"}'), 'add "LICENSE" to license_files'),
        (_with('license-files = ["LICEN[CS]E"]'), "'LICEN[CS]E' did not match any"),
        (_with('license-files = ["LICEN[CS]E"]'), "add the file to license_files"),
        (_with('license-files = ["../LICENSE"]'), "the pattern must match files within the project directory"),
        (_with('license = "MIT and so on"'), "expected an SPDX expression such as MIT"),
        (
            _with('license = "MIT"\nclassifiers = ["License :: OSI Approved :: MIT License"]'),
            "not compatible with 'License ::'",
        ),
        (_with('requires-python = "three"'), '"project.requires-python" is an invalid Python version specifier'),
        (_with("colour = 1"), "Extra keys present in \"project\": 'colour'"),
        (_with('description = "one\\ntwo"'), "METADATA: summary"),
        (_with("authors = [{}]"), '"project.authors[0]" must have at least one'),
        ('[project]\nname = "ops"\nversion = "x"\n', '"project.version" is an invalid PEP 440 version'),
        ('[project]\nname = "-ops"\nversion = "1"\n', "Invalid project name '-ops'"),
        ("project = 3\n", "project = 3; expected a table [project]"),
        ("[project\n", "a file that is no TOML"),
        ("", '"project.name" is required'),
    ],
)
def test_what_cannot_be_used(tmp_path, text, expected):
    pyproject = project(tmp_path, text)
    with pytest.raises(WheelError) as error:
        describe(Inputs({}, pyproject, pins=["torch==2.14.0"]))
    assert expected in str(error.value)
    assert str(error.value).startswith((str(pyproject), "METADATA: "))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"dependencies": ["numpy>>2"]}, "requires: found"),
        ({"entry-points": {"console_scripts": {"x": "ops.cli"}}}, "entry_points: found x = 'ops.cli'"),
        ({"license": "MIT and so on"}, "license: found"),
        ({"requires-python": "three"}, "python_requires: found"),
    ],
)
def test_an_attribute_that_cannot_be_used_is_named(tmp_path, given, expected):
    with pytest.raises(WheelError, match=r"^.*; expected .*; .*$") as error:
        describe(Inputs({**given}, project(tmp_path, _with(""))))
    assert str(error.value).startswith(expected)


def test_an_empty_field_that_is_not_dynamic(tmp_path):
    with pytest.raises(WheelError, match=r"^empty_fields: found 'readme'; expected a field in \[project\].dynamic"):
        describe(Inputs({}, project(tmp_path, _with("")), empty=["readme"]))


def test_texts_that_are_not_utf_8(tmp_path):
    pyproject = project(tmp_path, _with('readme = "README.md"'))
    (tmp_path / "README.md").write_bytes(b"\xff")
    with pytest.raises(WheelError, match="a text that is not UTF-8"):
        describe(Inputs({}, pyproject, readme=("README.md", tmp_path / "README.md")))
    pyproject.write_bytes(b'[project]\nname = "\xff"\n')
    with pytest.raises(WheelError, match="a file that is no TOML"):
        describe(Inputs({}, pyproject))
