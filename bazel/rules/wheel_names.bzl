"""Names of wheels, known at analysis so that an action can declare its output."""

visibility(["//bazel/...", "//tests/..."])

_LEGACY_GLIBC = {
    "manylinux1": (2, 5),
    "manylinux2010": (2, 12),
    "manylinux2014": (2, 17),
}

# A plain linux tag promises nothing: it means the machine that built the wheel, however new.
_ANY_GLIBC = (1 << 30, 0)

def normalized_name(distribution):
    """The distribution's name as file names spell it: lower case, one `_` for each run of `-`, `_` and `.`."""
    parts = [part for part in distribution.lower().replace("-", "_").replace(".", "_").split("_") if part]
    return "_".join(parts)

def parse_wheel_name(name):
    """Takes a wheel's file name apart.

    Args:
        name: Such as `vllm-0.33.0-cp38-abi3-manylinux_2_28_x86_64.whl`.

    Returns:
        A struct of strings: distribution, version, build (empty where there is none), python, abi, platform; None where
        the name is no wheel's.
    """
    parts = name.removesuffix(".whl").split("-")
    if not name.endswith(".whl") or len(parts) not in (5, 6) or "" in parts:
        return None
    return struct(
        distribution = parts[0],
        version = parts[1],
        build = parts[2] if len(parts) == 6 else "",
        python = parts[-3],
        abi = parts[-2],
        platform = parts[-1],
    )

def _needed_glibc(platforms):
    """The oldest glibc that a compressed set of platform tags asks for, as a tuple."""
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
    """The file name of an overlay's result; the tool that writes the wheel demands the same one.

    Args:
        base: The base wheel's name, parsed.
        overlay: The overlay wheel's name, parsed.
        local_version: What is appended to the base's version.

    Returns:
        The name: the base's, with the local version after one that it may have, and with the platform tag of the two
        that asks for the newer glibc.
    """
    public, _, local = base.version.partition("+")
    label = local_version.lower().replace("-", ".").replace("_", ".")
    if local != label and not local.endswith("." + label):
        local = local + "." + label if local else label
    newer = _needed_glibc(overlay.platform) > _needed_glibc(base.platform)
    parts = [normalized_name(base.distribution), public + "+" + local] + ([base.build] if base.build else [])
    return "-".join(parts + [base.python, base.abi, overlay.platform if newer else base.platform]) + ".whl"
