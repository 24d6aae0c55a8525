"""The macro that declares the packages of a repository that unpacked_wheels_repo makes."""

load("@rules_python//python:defs.bzl", "py_library")

# Public by necessity: repositories of Python packages load it. No interface: it may change at any time.
visibility("public")

def site_packages(packages):
    """Declares one public `py_library` for each package below `site`.

    Args:
        packages: list of (name, files, deps): the distribution's name, with `_` for `-`; what it puts into
            site-packages, each a module's file or a package's directory; labels of what it imports.
    """
    for name, files, deps in packages:
        modules = ["site/" + file for file in files if file.endswith(".py")]
        directories = ["site/{}/**".format(file) for file in files if not file.endswith(".py")]
        py_library(
            name = name,
            # Some entries of site-packages have no modules, and others no further files.
            srcs = native.glob(modules + [directory + "/*.py" for directory in directories], allow_empty = True),
            data = native.glob(
                ["site/{}-*.dist-info/**".format(name)] + directories,
                allow_empty = True,
                exclude = ["**/*.py"],
            ),
            imports = ["site"],
            visibility = ["//visibility:public"],
            deps = deps,
        )
