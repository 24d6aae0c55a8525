"""Parses versions (PEP 440), and writes them in the normal form that wheel file names need.

Bazel evaluates Requires-Python and declares a wheel's file name before `packaging` can run. `tests/` compares the results
with those of `packaging` for some thousand versions.
"""

visibility(["//bazel/...", "//tests/..."])

_DIGITS = "0123456789"
_ALPHANUMERICS = _DIGITS + "abcdefghijklmnopqrstuvwxyz"
_SEPARATORS = ["-", "_", "."]

# The spellings that PEP 440 knows, to the normal one. A spelling stands before its own prefixes.
_PRE = {"alpha": "a", "a": "a", "beta": "b", "b": "b", "preview": "rc", "pre": "rc", "c": "rc", "rc": "rc"}
_POST = {"post": ".post", "rev": ".post", "r": ".post"}
_DEV = {"dev": ".dev"}

def _take(text, characters):
    """The longest prefix of `text` that consists of `characters`, and the rest."""
    rest = text.lstrip(characters)
    return text[:len(text) - len(rest)], rest

def _without_separator(text):
    return text[1:] if text[:1] in _SEPARATORS else text

def _segment(text, spellings):
    """Parses `[-_.]?LABEL[-_.]?NUMBER?`: returns (normal label, int), or None, and the rest of the text."""
    body = _without_separator(text)
    for spelling, label in spellings.items():
        if body.startswith(spelling):
            number, rest = _take(_without_separator(body[len(spelling):]), _DIGITS)
            return (label, int(number or "0")), rest
    return None, text

def _post_segment(text):
    """Like `_segment`, for a post-release, which may also be just `-NUMBER`."""
    if text.startswith("-"):
        number, rest = _take(text[1:], _DIGITS)
        if number:
            return (".post", int(number)), rest
    return _segment(text, _POST)

def normalized_local_version(text):
    """The normal form of a local version (PEP 440): `DeepGEMM_2.08` becomes `deepgemm.2.8`.

    Args:
        text: What follows the `+` of a version.

    Returns:
        The normal form; None where `text` is no local version.
    """
    parts = text.lower().replace("-", ".").replace("_", ".").split(".")
    if [part for part in parts if not part or part.strip(_ALPHANUMERICS)]:
        return None
    return ".".join([str(int(part)) if not part.strip(_DIGITS) else part for part in parts])

def parse_version(text):
    """Parses a version.

    Args:
        text: The version, in lower case.

    Returns:
        struct of `epoch` (int), `release` (list of int), `pre`, `post` and `dev` (each a label such as `rc` or `.post` with a
        number, or None) and `local` (string, normal; empty where it has none); None where `text` is no version.
    """
    public, plus, local = text.partition("+")
    local = normalized_local_version(local) if plus else ""
    if local == None:
        return None

    epoch, mark, rest = public.removeprefix("v").rpartition("!")
    if mark and (not epoch or epoch.strip(_DIGITS)):
        return None
    release, _ = _take(rest, _DIGITS + ".")
    release = release.rstrip(".")
    if "" in release.split("."):
        return None

    pre, rest = _segment(rest[len(release):], _PRE)
    post, rest = _post_segment(rest)
    dev, rest = _segment(rest, _DEV)
    if rest:
        return None
    release = [int(part) for part in release.split(".")]
    return struct(dev = dev, epoch = int(epoch or "0"), local = local, post = post, pre = pre, release = release)

def normalized_version(text):
    """The normal form of a version (PEP 440): `v1.0-RC.2+Ubuntu_01` becomes `1.0rc2+ubuntu.1`.

    Args:
        text: The version.

    Returns:
        The normal form; None where `text` is no version.
    """
    version = parse_version(text.strip().lower())
    if not version:
        return None
    segments = [segment for segment in [version.pre, version.post, version.dev] if segment]
    return "".join(
        ["{}!".format(version.epoch) if version.epoch else "", ".".join([str(part) for part in version.release])] +
        ["{}{}".format(label, number) for label, number in segments] +
        (["+" + version.local] if version.local else []),
    )
