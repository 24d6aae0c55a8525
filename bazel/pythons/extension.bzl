"""The module extension `pythons`: the CPythons of Requires-Python, each with headers and SOABI."""

load("//bazel/platforms:cpus.bzl", "CPUS", "machine_cpu")
load(":hub_repo.bzl", "hub_repo")
load(":named_python_repo.bzl", "named_python_repo")
load(":naming.bzl", "DEBIAN_LOCKS", "ONLY_VARIABLE", "minor_version", "python_repository")
load(":pyproject.bzl", "project_string")
load(":python_repo.bzl", "python_repo")
load(":registered_python_repo.bzl", "registered_python_repo")
load(":specifiers.bzl", "KNOWN_CPYTHONS", "admitted", "narrowed_to")

visibility(["//bazel"])

_SOURCES = ["machine", "debian"]

def _requires(mctx):
    """The `requires` tag that Bazel uses: the root module's, else that of the nearest dependency with one."""
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
                fail("pythons.requires in module {}: found {}; expected one of them".format(
                    module.name,
                    "both pyproject and specifier" if tag.pyproject else "neither pyproject nor specifier",
                ))
            for source in tag.sources:
                if source not in _SOURCES:
                    fail("pythons.requires in module {}: sources has '{}'; expected {}".format(
                        module.name,
                        source,
                        " or ".join(_SOURCES),
                    ))
            return tag
    fail("no pythons.requires tag: say which Pythons to build for, such as pythons.requires(specifier = \">=3.11\")")

def _toolchains(mctx, machine):
    """Maps each version and CPU to its `toolchain` tag. The module nearest to the root wins."""
    named = {}
    for module in mctx.modules:
        own = {}
        for tag in module.tags.toolchain:
            where = "pythons.toolchain in module " + module.name
            version = minor_version(tag.python_version, where)
            cpu = tag.cpu or machine
            if (version, cpu) in own:
                fail("{}: {} and {} have one SOABI; expected one toolchain for each CPython and CPU".format(
                    where,
                    own[version, cpu].python_version,
                    tag.python_version,
                ))
            if tag.interpreter and tag.interpreter_path:
                fail("{}: {} has both interpreter and interpreter_path; expected one".format(where, version))
            if tag.headers and tag.interpreter_path:
                fail("{}: {} has both headers and interpreter_path; give headers with interpreter, a label, ".format(
                    where,
                    version,
                ) + "or only interpreter_path, whose own headers are used")
            if not (tag.headers or tag.interpreter or tag.interpreter_path):
                fail("{}: {} names nothing; expected headers, interpreter or interpreter_path".format(where, version))
            if not tag.headers and cpu != machine:
                fail(("{}: {} for {} has no headers; expected them: an interpreter of another CPU than this machine's, {}, " +
                      "does not run here, so that its own headers are not found").format(where, version, cpu, machine))
            own[version, cpu] = tag
        named = own | named
    return named

def _registered(mctx, versions):
    """The versions that come from rules_python's toolchains."""
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
    """Requires-Python as it is written, and the CPythons that it admits, as a struct; an error where it admits none."""
    where, value = "pythons.requires", tag.specifier
    if tag.pyproject:
        if not mctx.path(tag.pyproject).exists:
            fail("pythons.requires: {} does not exist; write the file, or give specifier in place of pyproject".format(tag.pyproject))
        found = project_string(mctx.read(tag.pyproject), "requires-python")
        if found.error:
            fail("pythons.requires: {} {}".format(tag.pyproject, found.error))
        where, value = "{}: {}: [project].requires-python".format(where, tag.pyproject), found.value
    if not value.strip():
        fail("{} is empty; say which Pythons it admits, such as \">=3.11,<3.15\"".format(where))
    found = admitted(value)
    if found.invalid:
        fail("{} is \"{}\", and '{}' is no version specifier (PEP 440); write one such as \">=3.11,<3.15\"".format(
            where,
            value,
            found.invalid,
        ))
    if not found.versions:
        fail(("{} is \"{}\", which admits no CPython from {} to {} (the newest known here); widen it, or update " +
              "rules_deepgemm").format(where, value, KNOWN_CPYTHONS[0], KNOWN_CPYTHONS[-1]))
    return struct(requires_python = value, versions = found.versions)

def _projects(mctx):
    """Maps each pyproject.toml that a tag names to what it says about the name and the version."""
    projects = {}
    for module in mctx.modules:
        for tag in module.tags.requires + module.tags.project:
            if tag.pyproject and mctx.path(tag.pyproject).exists:
                text = mctx.read(tag.pyproject)
                projects[str(tag.pyproject)] = {key: project_string(text, key) for key in ["name", "version"]}
    return projects

def _only_one(mctx, named, matrix):
    """The CPython that a word of $RULES_DEEPGEMM_ONLY_PYTHON names, such as `3.12`."""
    version, what = named, named
    if not named[:1].isdigit():
        # Activating another virtual environment changes the PATH: read it again.
        mctx.getenv("PATH")
        python = named if "/" in named else named and mctx.which(named)
        if not python:
            fail("{} is '{}', which is not on the PATH; expected an interpreter or a version such as {}".format(
                ONLY_VARIABLE,
                named,
                matrix.versions[-1],
            ))
        result = mctx.execute([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        if result.return_code != 0:
            fail("{} is '{}', which does not run as a Python (exit code {})".format(
                ONLY_VARIABLE,
                named,
                result.return_code,
            ))
        version = result.stdout.strip()
        what = "{}, which is CPython {}".format(python, version)
    if version not in matrix.versions:
        fail(("RULES_DEEPGEMM_ONLY_PYTHON asks for {}; expected one that Requires-Python {} admits: {}. " +
              "Activate another, or write a version.").format(what, matrix.requires_python, ", ".join(matrix.versions)))
    return version

def _narrowed(mctx, matrix):
    """The matrix without the CPythons that $RULES_DEEPGEMM_ONLY_PYTHON, a list such as `3.11,3.13`, leaves out."""
    named = mctx.getenv(ONLY_VARIABLE)
    if not named:
        return matrix
    only = [_only_one(mctx, word.strip(), matrix) for word in named.split(",")]
    versions = [version for version in matrix.versions if version in only]
    return struct(requires_python = narrowed_to(matrix.requires_python, versions), versions = versions)

def _pythons_impl(mctx):
    machine = machine_cpu(mctx)
    requires = _requires(mctx)
    toolchains = _toolchains(mctx, machine)
    matrix = _matrix(mctx, requires)
    registered = _registered(mctx, matrix.versions)
    narrowed = _narrowed(mctx, matrix)
    served = {version: [] for version in narrowed.versions}
    for version, cpu in [(version, cpu) for version in served for cpu in CPUS]:
        name = python_repository(version, cpu)
        tag = toolchains.get((version, cpu))
        if not tag and version in registered:
            registered_python_repo(name = name, python_version = version)
        elif not tag:
            sources = requires.sources
            if cpu != machine:
                # A CPython of the machine serves only its own CPU.
                sources = ["debian"] if "debian" in sources and version in DEBIAN_LOCKS[cpu] else []
                if not sources:
                    continue
            python_repo(name = name, cpu = cpu, python_version = version, sources = sources)
        elif tag.headers:
            named_python_repo(name = name, headers = tag.headers, interpreter = tag.interpreter, python_version = version)
        else:
            python_repo(
                name = name,
                cpu = cpu,
                interpreter = tag.interpreter,
                interpreter_path = tag.interpreter_path,
                python_version = version,
            )
        served[version].append(cpu)
    hub_repo(
        name = "deepgemm_pythons",
        cpus = served,
        narrowed = narrowed.versions != matrix.versions,
        projects = repr(_projects(mctx)),
        requires_python = narrowed.requires_python,
    )

    # The machine is searched only when the repository of a Python is fetched.
    return mctx.extension_metadata(reproducible = True)

pythons = module_extension(
    implementation = _pythons_impl,
    arch_dependent = True,
    doc = """The CPythons that Requires-Python admits, as repositories.

`@deepgemm_pythons` has `versions.bzl` (`PYTHONS`, `REQUIRES_PYTHON`) for macros, and a `python_abi` (`:cp312`) for each
CPython, which is that of the target platform's CPU. Each CPython comes from the first of these sources that has it:

1. what a `toolchain` tag names;
2. rules_python, where a `registered` tag says so;
3. for the machine's own CPU, a CPython of the machine with headers, on the PATH or installed by pyenv or uv;
4. Debian's packages.

The search runs when something is compiled for that CPython. Where no source has it, the error lists the places searched.
Requires-Python is evaluated without running a Python, and nothing is fetched for it.

One CPython is enough for work on the code. `--repo_env=RULES_DEEPGEMM_ONLY_PYTHON=python3` keeps only the version of
`python3` on the PATH, such as that of an activated virtual environment; `…=3.12` keeps that version, and `…=3.11,3.13` those
two. Wheels then require them.

A module extension cannot ask which toolchains are registered with rules_python. A tag states it:

```starlark
python = use_extension("@rules_python//python/extensions:python.bzl", "python")
python.toolchain(python_version = "3.12")
python.toolchain(python_version = "3.13")

pythons.requires(specifier = ">=3.12,<3.14")
pythons.registered()
```
""",
    tag_classes = {
        "project": tag_class(
            doc = "A pyproject.toml for `extension_wheel(pyproject = …)`, where it is another than that of `requires`: the " +
                  "name of a wheel's file contains the project's name and version, and a rule cannot read files.",
            attrs = {
                "pyproject": attr.label(
                    doc = "The pyproject.toml, with `[project].name` and `[project].version`, strings in one line. A wheel " +
                          "needs the attributes `distribution` and `version` in place of what is not there. An edit of " +
                          "the file evaluates the extension again.",
                    mandatory = True,
                ),
            },
        ),
        "registered": tag_class(
            doc = "Takes the CPythons that are registered with rules_python (0.33 or newer), by its `python.toolchain` " +
                  "or as `local_runtime_repo`. Headers, SOABI and the interpreter for tests come from toolchain " +
                  "resolution for the version. No toolchain, one of another version, a free-threaded and a debug build " +
                  "are errors at analysis. Only the root module's tag counts, since the root module decides what is " +
                  "registered.",
            attrs = {
                "python_versions": attr.string_list(
                    doc = "The versions to take, such as `3.12`; the others are searched for on the machine and in " +
                          "Debian's packages. Default: every CPython of Requires-Python that no `toolchain` tag names.",
                ),
            },
        ),
        "requires": tag_class(
            doc = "Requires-Python, written once: targets, the wheel and its check derive from it. Bazel uses the root " +
                  "module's tag, else that of the nearest dependency with one. Default: that of rules_deepgemm, " +
                  "`<3.15,>=3.11`, as vLLM has it.",
            attrs = {
                "pyproject": attr.label(
                    doc = "A pyproject.toml with `[project].requires-python`, a string in one line. An edit of the file " +
                          "evaluates the extension again. A file without the key is an error.",
                ),
                "sources": attr.string_list(
                    doc = "Where to search for CPythons that no other tag names: `machine` (PATH, pyenv, uv), " +
                          "`debian`. Default: both, in this order. `[\"debian\"]` gives the same headers on every " +
                          "machine, but Debian does not package every CPython.",
                    default = _SOURCES,
                ),
                "specifier": attr.string(
                    doc = "Version specifiers such as `>=3.11,<3.15` (PEP 440), in place of `pyproject`. Specifiers that " +
                          "are invalid or admit no known CPython are errors. An open end admits the newest known one.",
                ),
            },
        ),
        "toolchain": tag_class(
            doc = "Names the headers and the interpreter of one CPython. Ignored where Requires-Python does not admit that " +
                  "CPython. The module nearest to the root wins.",
            attrs = {
                "cpu": attr.string(
                    doc = "The CPU of the target platforms that it serves, `x86_64` or `aarch64`. For another CPU than the " +
                          "machine's, `headers` must be given. Default: the machine's CPU.",
                    values = [""] + CPUS.keys(),
                ),
                "headers": attr.label(
                    doc = "A target with CcInfo, such as rules_python's `@python_3_12//:python_headers`. Compiling then " +
                          "needs no interpreter. Default: the interpreter's own headers.",
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
                    doc = "The version, such as `3.12`. Two tags of one minor version and CPU are an error: they have " +
                          "one SOABI.",
                    mandatory = True,
                ),
            },
        ),
    },
)
