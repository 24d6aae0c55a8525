"""File names of wheels. An action declares its output at analysis, so Starlark computes them."""

load("//bazel/platforms:cpus.bzl", "CPUS")
load("//bazel/pythons:pep440.bzl", "normalized_version")

visibility(["//bazel/...", "//tests/..."])

_LETTERS_AND_DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"

# The glibc of each legacy tag (PEP 513, 571, 599).
_LEGACY_GLIBC = {
    "manylinux1": (2, 5),
    "manylinux2010": (2, 12),
    "manylinux2014": (2, 17),
}

# A plain `linux` tag states no glibc: the wheel may need the one of the machine that built it, however new.
_ANY_GLIBC = (1 << 30, 0)

def normalized_name(distribution):
    """A distribution's name as file names spell it: lower case, one `_` for each run of `-`, `_` and `.`.

    Args:
        distribution: The name.

    Returns:
        The normal form; None where `distribution` is no name (letters, digits, `-`, `_` and `.`; a letter or a digit
        first and last).
    """
    name = distribution.lower()
    if not name or name.strip(_LETTERS_AND_DIGITS + "-_.") or name.strip("-_.") != name:
        return None
    return "_".join([part for part in name.replace("-", "_").replace(".", "_").split("_") if part])

def platform_tag(text):
    """A platform tag, or a compressed set of them.

    Args:
        text: Such as `manylinux_2_28_x86_64`.

    Returns:
        `text`; None where it is no tag (lower-case letters, digits, `_` and `.`).
    """
    return text if text and not text.strip(_LETTERS_AND_DIGITS + "_.") else None

def platform_cpu(platforms):
    """The CPU of a platform tag, or of a compressed set of them.

    Args:
        platforms: Such as `manylinux_2_28_aarch64`.

    Returns:
        A key of CPUS; None where the tags are for another CPU, or for several.
    """
    tags = platforms.split(".")
    for cpu in CPUS:
        if all([tag.endswith("_" + cpu) for tag in tags]):
            return cpu
    return None

def normalized_attribute(ctx, attribute, normalize, expected):
    """The normal form of a string attribute; an analysis error where it has none.

    Args:
        ctx: The rule's context.
        attribute: The attribute's name.
        normalize: A function from the attribute's value to the normal form, or to None.
        expected: What the attribute should have been, for the error.

    Returns:
        The normal form.
    """
    value = getattr(ctx.attr, attribute)
    result = normalize(value)
    if result == None:
        fail("{}: {} is '{}'; expected {}".format(ctx.label, attribute, value, expected))
    return result

def parse_wheel_name(name):
    """Splits a wheel's file name.

    Args:
        name: Such as `vllm-0.33.0-cp38-abi3-manylinux_2_28_x86_64.whl`.

    Returns:
        A struct of strings: distribution and version (both normalized), build (empty where the name has none), python,
        abi, platform; None where `name` is no wheel's file name.
    """
    parts = name.removesuffix(".whl").split("-")
    if not name.endswith(".whl") or len(parts) not in (5, 6) or "" in parts:
        return None
    distribution, version = normalized_name(parts[0]), normalized_version(parts[1])
    build = parts[2] if len(parts) == 6 else ""
    if distribution == None or version == None or (build and not build[0].isdigit()):
        return None
    return struct(
        distribution = distribution,
        version = version,
        build = build,
        python = parts[-3],
        abi = parts[-2],
        platform = parts[-1],
    )

def _needed_glibc(platforms):
    """The oldest glibc that a compressed set of platform tags needs, as a tuple."""
    needed = []
    for platform in platforms.split("."):
        parts = platform.split("_")
        if parts[0] in _LEGACY_GLIBC:
            needed.append(_LEGACY_GLIBC[parts[0]])
        elif parts[0] == "manylinux" and len(parts) > 3 and parts[1].isdigit() and parts[2].isdigit():
            needed.append((int(parts[1]), int(parts[2])))
        else:
            needed.append(_ANY_GLIBC)
    return min(needed)

def overlay_name(base, overlay, local_version):
    """The file name of an overlay's result; `wheel-overlay` accepts no other.

    Args:
        base: The base wheel's name, from parse_wheel_name.
        overlay: The overlay wheel's name, from parse_wheel_name.
        local_version: What is appended to the base's version, from normalized_local_version.

    Returns:
        The base's name with the local version after the one that the base may have, and with the platform tag of
        whichever wheel needs the newer glibc.
    """
    public, _, local = base.version.partition("+")
    if local != local_version and not local.endswith("." + local_version):
        local = local + "." + local_version if local else local_version
    newer = _needed_glibc(overlay.platform) > _needed_glibc(base.platform)
    parts = [base.distribution, public + "+" + local] + ([base.build] if base.build else [])
    return "-".join(parts + [base.python, base.abi, overlay.platform if newer else base.platform]) + ".whl"
