"""Names of a CPython that follow from its version, and the locks of the CPythons that Debian packages."""

load("//bazel/platforms:cpus.bzl", "CPUS", "for_cpu")

visibility(["//bazel/...", "//tests/..."])

# The environment variable that narrows the matrix.
ONLY_VARIABLE = "RULES_DEEPGEMM_ONLY_PYTHON"

# The locks of each CPU. A lock names its suite. No suite of Debian has 3.10 or 3.12.
DEBIAN_LOCKS = {
    cpu: {
        version: Label("//third_party/debian:{}.lock.json".format(for_cpu("python" + version, cpu)))
        for version in ["3.11", "3.13", "3.14", "3.15"]
    }
    for cpu in CPUS
}

def minor_version(python_version, where):
    """The major and minor part of a version, or an error.

    Args:
        python_version: string such as "3.12" or "3.12.4".
        where: string that the error begins with.

    Returns:
        A string such as "3.12".
    """
    parts = python_version.split(".")
    if len(parts) not in [2, 3] or parts[0] != "3" or not all([part.isdigit() for part in parts]):
        fail("{}: '{}' is no CPython 3 version; expected one such as 3.12 or 3.12.4".format(where, python_version))
    return ".".join(parts[:2])

def python_repository(minor, cpu):
    """The name of the repository of one CPython: `deepgemm_python_3_12` for x86-64.

    Args:
        minor: string such as "3.12".
        cpu: string, a key of CPUS.

    Returns:
        string.
    """
    return for_cpu("deepgemm_python_" + minor.replace(".", "_"), cpu, "_")

def python_tag(minor):
    """The Python tag, which is also the ABI tag: `cp312` for "3.12".

    Args:
        minor: string such as "3.12".

    Returns:
        string.
    """
    return "cp" + minor.replace(".", "")

def python_soabi(minor, cpu):
    """The SOABI of the ordinary build: `cpython-312-x86_64-linux-gnu` for "3.12".

    Args:
        minor: string such as "3.12".
        cpu: string, a key of CPUS such as "x86_64".

    Returns:
        string.
    """
    return "cpython-{}-{}".format(minor.replace(".", ""), CPUS[cpu].triplet)
