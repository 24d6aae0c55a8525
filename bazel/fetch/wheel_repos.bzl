"""Repository rules for published wheels and sdists, by name and pinned hash."""

load(":host_python.bzl", "apparent_name")
load(":pip.bzl", "pip_fetch")

visibility(["//bazel/...", "//tests/..."])

_REQUIREMENTS = attr.label(
    doc = "Requirement file with the one package, with == and --hash.",
    mandatory = True,
)
_BUILD_FILE = attr.label(doc = "The repository's BUILD file. Default: `:files`, and each file exported.")

def _write_build_file(rctx, directory, build_file = None, name = "files"):
    own = {"{DIRECTORY}": directory, "{NAME}": name}
    rctx.template(
        "BUILD.bazel",
        build_file or Label(":files.BUILD.bazel"),
        executable = False,
        substitutions = {} if build_file else own,
    )

def _fetched_wheel_repo_impl(rctx):
    pip_fetch(
        rctx,
        rctx.attr.requirements,
        "wheel",
        mode = "archives",
        python = rctx.attr.python,
        cpu = rctx.attr.cpu,
        glibc = rctx.attr.glibc,
    )
    files = rctx.path("wheel").readdir(watch = "no")
    if len(files) != 1:
        fail("@{}: {} pins {} packages; expected one wheel".format(
            apparent_name(rctx),
            rctx.attr.requirements.name,
            len(files),
        ))
    _write_build_file(rctx, "wheel", name = "wheel")

fetched_wheel_repo = repository_rule(
    implementation = _fetched_wheel_repo_impl,
    doc = "One wheel as it was published, under its own file name: `:wheel`.",
    attrs = {
        "cpu": attr.string(doc = "The CPU for which a wheel is chosen, such as `aarch64`.", mandatory = True),
        "glibc": attr.string(doc = "Newest glibc that the wheel may need.", default = "2.39"),
        "python": attr.string(doc = "The CPython for which a wheel is chosen.", default = "3.12"),
        "requirements": _REQUIREMENTS,
    },
)

def _fetched_sdist_repo_impl(rctx):
    pip_fetch(rctx, rctx.attr.requirements, "src", mode = "sdist")
    _write_build_file(rctx, "src", rctx.attr.build_file)

fetched_sdist_repo = repository_rule(
    implementation = _fetched_sdist_repo_impl,
    doc = "One sdist, unpacked without running its code: `:files`, and each file by its path below `src`.",
    attrs = {
        "build_file": _BUILD_FILE,
        "requirements": _REQUIREMENTS,
    },
)

def _unpacked_wheels_repo_impl(rctx):
    pip_fetch(rctx, rctx.attr.requirements, "site", python = rctx.attr.python)
    _write_build_file(rctx, "site", rctx.attr.build_file)

unpacked_wheels_repo = repository_rule(
    implementation = _unpacked_wheels_repo_impl,
    doc = "Wheels, unpacked as into one site-packages: `:files`, and each file by its path below `site`.",
    attrs = {
        "build_file": _BUILD_FILE,
        "python": attr.string(
            doc = "The CPython whose wheels are fetched, such as `3.12`; `any` for wheels that serve every CPython.",
            default = "any",
        ),
        "requirements": attr.label(
            doc = "Requirement file in which every package has == and --hash.",
            mandatory = True,
        ),
    },
)
