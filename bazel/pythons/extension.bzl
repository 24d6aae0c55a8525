"""The module extension `pythons`: the CPythons of Requires-Python, each with headers and SOABI."""

load("//bazel/fetch:host_python.bzl", "host_python")
load(":hub_repo.bzl", "hub_repo")
load(":named_python_repo.bzl", "named_python_repo")
load(":naming.bzl", "minor_version", "python_soabi")
load(":python_repo.bzl", "python_repo")
load(":registered_python_repo.bzl", "registered_python_repo")

_MATRIX = Label(":matrix.py")
_KNOWN = Label("//tools/wheel:wheel_tools/pythons.py")
_KNOWN_PACKAGE = Label("//tools/wheel:wheel_tools/__init__.py")

# A file of the repository of pip-installed libraries; beside it lies site/.
_PIP = Label("@deepgemm_pip//:BUILD.bazel")

_SOURCES = ["machine", "debian"]
_ONLY_VARIABLE = "RULES_DEEPGEMM_ONLY_PYTHON"

def _requires(mctx):
    """The `requires` tag that counts: the root module's, or else the first one on the way from it."""
    for module in mctx.modules:
        tags = module.tags.requires
        if len(tags) > 1:
            fail("module {} has {} pythons.requires tags; expected one: Requires-Python is written once".format(
                module.name,
                len(tags),
            ))
        if tags:
            tag = tags[0]
            if bool(tag.pyproject) == bool(tag.specifier):
                fail("pythons.requires in module {}: expected either pyproject or specifier".format(module.name))
            for source in tag.sources:
                if source not in _SOURCES:
                    fail("pythons.requires in module {}: sources has '{}'; expected {}".format(
                        module.name,
                        source,
                        " or ".join(_SOURCES),
                    ))
            return tag
    fail("no pythons.requires tag: say which Pythons to build for, such as pythons.requires(specifier = \">=3.11\")")

def _toolchains(mctx):
    """From each version that is named to its `toolchain` tag; the module nearest to the root wins."""
    named = {}
    for module in mctx.modules:
        own = {}
        for tag in module.tags.toolchain:
            where = "pythons.toolchain in module " + module.name
            version = minor_version(tag.python_version, where)
            if version in own:
                fail("{}: {} and {} have one SOABI, {}; expected one toolchain for each CPython".format(
                    where,
                    own[version].python_version,
                    tag.python_version,
                    python_soabi(version),
                ))
            if tag.interpreter and tag.interpreter_path:
                fail("{}: {} has both interpreter and interpreter_path; expected one".format(where, version))
            if tag.headers and tag.interpreter_path:
                fail("{}: {} has both headers and interpreter_path; give headers with interpreter, a label, ".format(
                    where,
                    version,
                ) + "or interpreter_path alone, whose own headers are taken")
            if not (tag.headers or tag.interpreter or tag.interpreter_path):
                fail("{}: {} names nothing; expected headers, interpreter or interpreter_path".format(where, version))
            own[version] = tag
        named = own | named
    return named

def _registered(mctx, versions):
    """Which of the versions come from rules_python's toolchains."""
    for module in mctx.modules:
        tags = module.tags.registered
        if len(tags) > 1:
            fail("module {} has {} pythons.registered tags; expected one".format(module.name, len(tags)))
        if tags and module.is_root:
            where = "pythons.registered in module " + module.name
            named = [minor_version(version, where) for version in tags[0].python_versions]
            return [version for version in versions if not named or version in named]
    return []

def _matrix(mctx, tag):
    """Runs matrix.py: `requires_python` as written, and the `versions` that it admits."""
    for script in [_MATRIX, _KNOWN, _KNOWN_PACKAGE]:
        mctx.watch(script)
    site = mctx.path(_PIP).dirname.get_child("site")
    wheel_tools = mctx.path(_KNOWN).dirname.dirname
    error_file = mctx.path("error")
    arguments = ["--error-file", error_file]
    if tag.pyproject:
        mctx.watch(tag.pyproject)
        arguments += ["--pyproject", mctx.path(tag.pyproject), "--name", str(tag.pyproject)]
    else:
        arguments.append("--specifier=" + tag.specifier)
    result = mctx.execute(
        [host_python(mctx), "-B", mctx.path(_MATRIX)] + arguments,
        environment = {"PYTHONNOUSERSITE": "1", "PYTHONPATH": "{}:{}".format(site, wheel_tools)},
    )
    if result.return_code:
        fail("pythons.requires: " + (mctx.read(error_file, watch = "no") if error_file.exists else result.stderr))
    return json.decode(result.stdout)

def _only(mctx, matrix):
    """The one CPython that $RULES_DEEPGEMM_ONLY_PYTHON asks for, as `3.12`; None where it is not set."""
    named = mctx.getenv(_ONLY_VARIABLE)
    if not named:
        return None
    version, what = named, named
    if not named[0].isdigit():
        # Another virtual environment that is activated is another PATH.
        mctx.getenv("PATH")
        python = named if "/" in named else mctx.which(named)
        if not python:
            fail("{} is '{}', which is not on the PATH; expected an interpreter or a version such as {}".format(
                _ONLY_VARIABLE,
                named,
                matrix["versions"][-1],
            ))
        result = mctx.execute([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        if result.return_code != 0:
            fail("{} is '{}', which does not run as a Python (exit code {})".format(
                _ONLY_VARIABLE,
                named,
                result.return_code,
            ))
        version = result.stdout.strip()
        what = "{}, which is CPython {}".format(python, version)
    if version not in matrix["versions"]:
        fail("{} asks for {}; expected one that Requires-Python {} admits: {}. Activate another, or write a version.".format(
            _ONLY_VARIABLE,
            what,
            matrix["requires_python"],
            ", ".join(matrix["versions"]),
        ))
    return version

def _pythons_impl(mctx):
    requires = _requires(mctx)
    toolchains = _toolchains(mctx)
    matrix = _matrix(mctx, requires)
    registered = _registered(mctx, matrix["versions"])
    only = _only(mctx, matrix)
    abis = {}
    without_interpreter = []
    for version in [only] if only else matrix["versions"]:
        name = "deepgemm_python_" + version.replace(".", "_")
        abis[version] = "@{}//:python".format(name)
        tag = toolchains.pop(version, None)
        if not tag and version in registered:
            registered_python_repo(name = name, python_version = version)
        elif not tag:
            python_repo(name = name, python_version = version, sources = requires.sources)
        elif tag.headers:
            named_python_repo(name = name, headers = tag.headers, interpreter = tag.interpreter, python_version = version)
            if not tag.interpreter:
                without_interpreter.append(version)
        else:
            python_repo(
                name = name,
                interpreter = tag.interpreter,
                interpreter_path = tag.interpreter_path,
                python_version = version,
            )
    hub_repo(
        name = "deepgemm_pythons",
        abis = abis,
        narrowed = bool(only),
        oldest = matrix["versions"][0],
        requires_python = "=={}.*".format(only) if only else matrix["requires_python"],
        without_interpreter = without_interpreter,
    )

    # What is on the machine is only looked at when a Python's own repository is fetched.
    return mctx.extension_metadata(reproducible = True)

pythons = module_extension(
    implementation = _pythons_impl,
    doc = """The CPythons that Requires-Python admits, as repositories.

`@deepgemm_pythons` has `versions.bzl` (`PYTHONS`, `REQUIRES_PYTHON`) for macros, and a `python_abi` (`:cp312`) and a
toolchain for each CPython. Each comes from the first of these that has it: what a `toolchain` tag names; rules_python,
where a `registered` tag says so; a CPython of the machine with headers, on the PATH or installed by pyenv or uv; Debian's
packages. It is looked for when something is compiled for it; where there is none, the error lists what was looked at.

For work on the code one CPython is enough: `--repo_env=RULES_DEEPGEMM_ONLY_PYTHON=python3` leaves only the one that is
`python3` on the PATH (of an activated virtual environment, say), `…=3.12` that version; wheels then require it.

A module extension cannot ask which toolchains are registered with rules_python. A tag says that they are:

```starlark
python = use_extension("@rules_python//python/extensions:python.bzl", "python")
python.toolchain(python_version = "3.12")
python.toolchain(python_version = "3.13")

pythons.requires(specifier = ">=3.12,<3.14")
pythons.registered()
```
""",
    tag_classes = {
        "registered": tag_class(
            doc = "Takes the CPythons that are registered with rules_python (0.33 or newer): by its `python.toolchain`, " +
                  "or as `local_runtime_repo`. Headers, SOABI and the interpreter to test with are those that " +
                  "toolchain resolution gives for the version. Where it gives none, or those of another version, a " +
                  "free-threaded or a debug build, it is an error at analysis. Only the root module's counts, since " +
                  "it has the say in what is registered.",
            attrs = {
                "python_versions": attr.string_list(
                    doc = "Which, such as `3.12`; the others are looked for on the machine and in Debian's packages. " +
                          "Default: every CPython of Requires-Python that no `toolchain` tag names.",
                ),
            },
        ),
        "requires": tag_class(
            doc = "Requires-Python, written once: toolchains, targets, the wheel and its check follow from it. The " +
                  "root module's counts, or else the first one of its dependencies.",
            attrs = {
                "pyproject": attr.label(
                    doc = "A pyproject.toml whose `[project].requires-python` is read. An edit of it is noticed.",
                ),
                "sources": attr.string_list(
                    doc = "Where to look for CPythons that no other tag names: `machine` (PATH, pyenv, uv), " +
                          "`debian`. Default: both, in this order. `[\"debian\"]` gives the same headers on every " +
                          "machine, but has not every CPython.",
                    default = _SOURCES,
                ),
                "specifier": attr.string(
                    doc = "A version specifier such as `>=3.11,<3.15` (PEP 440), in place of `pyproject`. An error " +
                          "where it cannot be read or admits no known CPython. An open end admits the newest known.",
                ),
            },
        ),
        "toolchain": tag_class(
            doc = "Names what to use for one CPython. Ignored where Requires-Python does not admit it; the module " +
                  "nearest to the root wins.",
            attrs = {
                "headers": attr.label(
                    doc = "A target with CcInfo, such as rules_python's `@python_3_12//:python_headers`. No " +
                          "interpreter is needed then.",
                ),
                "interpreter": attr.label(
                    doc = "With `headers`: an executable or a `py_runtime` to test with. Alone: an interpreter that " +
                          "is a source file of a repository, and whose own headers are copied.",
                ),
                "interpreter_path": attr.string(
                    doc = "The absolute path of an interpreter whose own headers are copied. An error when it is no " +
                          "CPython of this version, a debug or free-threaded build, or has no headers.",
                ),
                "python_version": attr.string(
                    doc = "The version, such as `3.12`. Two of one minor version are an error: they have one SOABI.",
                    mandatory = True,
                ),
            },
        ),
    },
)
