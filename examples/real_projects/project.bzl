"""The checks of one project: its wheel loads, imports, computes, and says what the project's own build says."""

load("@rules_deepgemm//bazel/rules:defs.bzl", "import_check_test", "wheel_check_test")
load("@rules_python//python:defs.bzl", "py_test")

def project_tests(pkg_info, differences = [], **kwargs):
    """Declares `:wheel_check`, `:import_check` and `:metadata` for `:wheel`.

    Args:
        pkg_info: The label of PKG-INFO in the project's sdist.
        differences: What differs from it, as metadata_test.py takes it. Default: nothing.
        **kwargs: Passed to import_check_test.
    """
    wheel_check_test(
        name = "wheel_check",
        # The projects say which Pythons they are for; the matrix of this module is shorter.
        python_requires = "",
        wheel = ":wheel",
    )
    import_check_test(
        name = "import_check",
        script = "check.py",
        wheel = ":wheel",
        **kwargs
    )
    py_test(
        name = "metadata",
        size = "small",
        srcs = ["//:metadata_test.py"],
        args = [
            "$(rootpath :wheel)",
            "$(rootpath {})".format(pkg_info),
        ] + ["'{}'".format(difference) for difference in differences],
        data = [
            pkg_info,
            ":wheel",
        ],
        main = "metadata_test.py",
    )
