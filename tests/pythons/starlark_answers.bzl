"""The rule starlark_answers: what the Starlark readers of Requires-Python say to many inputs, as JSON for pytest."""

load("//bazel/platforms:cpus.bzl", "CPUS")
load("//bazel/pythons:pyproject.bzl", "project_string")
load("//bazel/pythons:specifiers.bzl", "KNOWN_CPYTHONS", "admitted", "narrowed_to")

visibility(["//tests/..."])

_OPERATORS = ["", "===", "~=", "==", "!=", "<=", ">=", "<", ">", "=", "=>", "<>", "^", "~", "!"]
_VERSIONS = """
0 2.7 3 3.0 3.1 3.7 3.8 3.8.0 3.9 3.10 3.11 3.11.4 3.12 3.12.0 3.12.0.0 3.12.1 3.12.7 3.12.7.1 3.12.62 3.12.63 3.12.64
3.13 3.14 3.15 3.15.0 3.16 3.99 4 4.0 03.11 3.011 3.12.00 v3.12 V3.12 vv3.12 0!3.12 1!3.12 1!0 !3.12 3!.12 3.12!1
3.12a1 3.12.0rc1 3.12-rc.1 3.12alpha 3.12.BETA_2 3.12c1 3.12.0c1 3.12pre 3.12.preview.3 3.12a. 3.12a-1 3.12a--1 3.12x1
3.12-1 3.12.1-1 3.12.1.post2 3.12.1.r4 3.12rev 3.12_post_ 3.12post. 3.12-- 3.12.post1.post2
3.12.dev 3.12.dev0 3.12-dev_3 3.12a1.dev2 3.12a.dev1 3.12rc1.post2.dev3 3.13.0a4.dev0 3.12.dev1.post1 3.12dev1a1
3.12+local 3.12.0+a.b-c_1 3.12+A 3.12+ 3.12+a+b 3.12+a..b 3.12.post1+x
3.* 3.12.* 3.12.0.* 3.12.7.* 3.12.7.0.* 3.12.70.* v3.12.* 0!3.12.* 1!3.* 3.12.dev1.* 3.12rc1.* 3.12.*.1 3.12* 3.12.** * .*
3. .3 3..12 3.x x 3,12 3.12;x 3.12) (3.12 3.12.1.1.1 3.99999999999999999999
""".replace("\n", " ").split(" ")
_PLAIN = [">=3.11", "<3.15", "!=3.12.*", "!=3.13.*", ">=3.9", "<=3.12", "~=3.11", "<4", ">3.12", "==3.*", "===3.12", "!=3.11.0"]
_BETWEEN = [",", ", ", " , ", ",,", "\t,\n", " ", ";"]
_BLANKS = ["", " ", "\t", " \n "]

def _specifiers():
    found = ["", " ", ",", " , ,", ">=3.11,", ",>=3.11", "> =3.11", ">= 3. 11", ">=3.11 or so", "=== 3.12 ", "=== 3. 12", "==="]
    for operator in _OPERATORS:
        for i, version in enumerate(_VERSIONS):
            blank = _BLANKS[i % len(_BLANKS)]
            found += [operator + version, blank + operator + blank + version + blank]
            found.append(_PLAIN[i % len(_PLAIN)] + "," + operator + version)
    for i, first in enumerate(_PLAIN):
        for j, second in enumerate(_PLAIN):
            found.append(first + _BETWEEN[(i + j) % len(_BETWEEN)] + second)
            found.append(",".join([first, second, _PLAIN[(i * 5 + j * 7) % len(_PLAIN)]]))
    return {text: None for text in found}.keys()

# `{}` is the place of the key in one of its forms.
_DOCUMENTS = [
    "{}",
    "# requires-python = \">=3.1\"\n\n{}# the end",
    "[build-system]\nrequires = [\"setuptools\"]\nrequires-python = \">=3.1\"\n{}[tool.x]\nrequires-python = '>=3.2'\n",
    "[tool.a]\ntext = \"\"\"\n[project]\nrequires-python = \">=3.1\"\n\\\"\"\"\"\n{}",
    "[tool.a]\ntext = '''\n[project]\nrequires-python = \">=3.1\"\n''''\n{}",
    "[tool.a]\ntext = '''x''' # ''' \"\"\" [\n{}",
    "[tool.a]\nlist = [ # [\n  \"[project]\", ']',\n  \"\"\"\n] requires-python\n\"\"\",\n  [1, 2],\n]\n{}",
    "[[project-x]]\nrequires-python = \">=3.1\"\n[[tool.y]]\n\"project\" = { requires-python = \">=3.1\" }\n{}",
    "[tool.\"project\".project]\nrequires-python = \">=3.1\"\n['project.requires-python']\nproject.requires-python = '>=3.3'\n{}",
    "[tool.a]\n\"\\\"\\u005bproject\\u005D\" = 1\n'C:\\' = 'C:\\'\n\"\" = \"\\\\\"\n{}",
    "[tool.a]\nwhen = 1979-05-27T07:32:00Z\nx.y.\"z w\" = {a = [{b = \"}\"}], c = '#'}\nn = +1_000.5e-3\n{}",
    "[tool.a]\nx = \"\\u00e9\\U0001F600é\"\n{}",
    "[tool.a]\nx = \"\"\"a\\\n   \\\"\"\" b\"\" \"\"\"\"\"\n{}",
]
_FORMS = [
    "[project]\nname = \"x\"\nrequires-python = \">=3.12,<3.14\"\n",
    "[project]\nrequires-python=\">=3.12\" # not \">=3.1\"\n",
    "  [ project ] # [tool]\n  requires-python\t= '>=3.12'\n  name = 'x'\n",
    "[\"project\"]\n\"requires-python\" = \">=3.12\"\n",
    "['project']\n'requires-python' = \"\\u003e=3.12,\\t<4\"\n",
    "[\"pro\\u006aect\"]\n\"requires\\U0000002Dpython\" = \">=3.12\"\n",
    "[project]\nclassifiers = [\n  \"requires-python = x\",\n]\ndescription = \"\"\"\nrequires-python = \">=3.1\"\n\"\"\"\nrequires-python = \">=3.12\"\n",
    "[project.optional-dependencies]\nrequires-python = [\"x\"]\n[project]\nrequires-python = \">=3.12\"\n[project.urls]\nx = \"y\"\n",
    "[project]\nrequires-python = \"\"\n",
    "[project]\nrequires-python = \"a\\\\b\\\"c\\n#\"\n",
    # None of these has a string.
    "[project]\nname = \"x\"\n",
    "[project]\n# requires-python = \">=3.12\"\n",
    "[project]\nrequires-python = 3.11\n",
    "[project]\nrequires-python = [\">=3.11\"]\n",
    "[project]\nrequires-python.x = \">=3.11\"\n",
    "[project.requires-python]\nx = 1\n",
    "[[project]]\nrequires-python = \">=3.11\"\n",
    "[project.x]\nrequires-python = \">=3.11\"\n",
    "[project]\nx.requires-python = \">=3.11\"\n",
    # None of these is TOML.
    "[project\nrequires-python = \">=3.11\"\n",
    "[project] x\nrequires-python = \">=3.11\"\n",
    "[project]\nrequires-python = \">=3.11\n",
    "[project]\nrequires-python = >=3.11\n",
    "[project]\nrequires-python = \">=3.11\" x\n",
    "[project]\nrequires-python \">=3.11\"\n",
    "[project]\nrequires-python = \">=3.11\\x\"\n",
    "[project]\nrequires-python = \">=3.11\"\nrequires-python = \">=3.12\"\n",
    "[project]\nrequires-python = \">=3.11\"\n[project]\nname = \"x\"\n",
    "[project]\nrequires-python = \">=3.11\"\nx = [\n",
    "[project]\nrequires-python = \">=3.11\"\nx = '''\n",
    "[project]\nrequires-python =\n",
    "[project]\nx =\nrequires-python = \">=3.11\"\n",
]

# TOML with the key in a form that is not read, but that must not be passed over.
_REFUSED = [
    "project = { requires-python = \">=3.12\" }\n",
    "[project]\nrequires-python = \"\"\">=3.12\"\"\"\n",
    "[project]\nrequires-python = '''\n>=3.12'''\n",
    "[project]\n\"requires-python\" = \"\"\"\\\n  >=3.12\"\"\"\n",
]

# At the top of a file, where no header stands before it.
_DOTTED = [
    "project.requires-python = \">=3.12\"\n",
    "# x\n\"project\" . 'requires-python' = '>=3.12' # y\n[tool.x]\nrequires-python = '>=3.1'\n",
    "project.name = \"x\"\nproject.requires-python = \">=3.12\"\n",
    "project.name = \"x\"\n",
    "project.name = \"x\"\n[project]\nrequires-python = \">=3.12\"\n",
    "project = 3\n",
    "requires-python = \">=3.12\"\n",
    "",
]

def _pyprojects():
    plain = [document.replace("{}", form) for document in _DOCUMENTS for form in _FORMS] + _DOTTED
    return plain + [text.replace("\n", "\r\n") for text in plain]

def _narrowed():
    """Every choice of the CPythons that each of several Requires-Python admits."""
    found = []
    for text in [">=3.11,<3.15", ">=3.11.4, <=3.13", "~=3.12", "!=3.12.*,>=3.11,<3.15"]:
        kept = [[]]
        for version in admitted(text).versions:
            kept = kept + [versions + [version] for versions in kept]
        found += [{"kept": versions, "narrowed": narrowed_to(text, versions)} for versions in kept if versions]
    return found

def _document(text, refused = False):
    found = project_string(text, "requires-python")
    others = {key: project_string(text, key).value for key in ["name", "version"]}
    return {"error": found.error, "others": others, "refused": refused, "text": text, "value": found.value}

def _starlark_answers_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name + ".json")
    specifiers = {}
    for text in _specifiers():
        found = admitted(text)
        specifiers[text] = {"invalid": found.invalid, "versions": found.versions}
    ctx.actions.write(out, json.encode({
        "cpus": CPUS,
        "known": KNOWN_CPYTHONS,
        "narrowed": _narrowed(),
        "pyprojects": [_document(text) for text in _pyprojects()] + [_document(text, refused = True) for text in _REFUSED],
        "specifiers": specifiers,
    }))
    return [DefaultInfo(files = depset([out]))]

starlark_answers = rule(
    implementation = _starlark_answers_impl,
    doc = "Writes `<name>.json`: the CPUs, the known CPythons, and the answer to each specifier, each narrowing and each pyproject.toml.",
)
