"""Versions in the normal form that wheel file names need (PEP 440, "Normalization").

An action declares its wheel's file name at analysis, before `packaging` can run, so Starlark has to normalize the version.
`tests/` compares the result with that of `packaging` for some thousand versions.
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
    """Parses `[-_.]?LABEL[-_.]?NUMBER?`: returns the normal form, or "", and the rest of the text."""
    body = _without_separator(text)
    for spelling, label in spellings.items():
        if body.startswith(spelling):
            number, rest = _take(_without_separator(body[len(spelling):]), _DIGITS)
            return label + str(int(number or "0")), rest
    return "", text

def _post_segment(text):
    """Like `_segment`, for a post-release, which may also be just `-NUMBER`."""
    if text.startswith("-"):
        number, rest = _take(text[1:], _DIGITS)
        if number:
            return ".post" + str(int(number)), rest
    return _segment(text, _POST)

def _numbers(parts):
    return [str(int(part)) if not part.strip(_DIGITS) else part for part in parts]

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
    return ".".join(_numbers(parts))

def normalized_version(text):
    """The normal form of a version (PEP 440): `v1.0-RC.2+Ubuntu_01` becomes `1.0rc2+ubuntu.1`.

    Args:
        text: The version.

    Returns:
        The normal form; None where `text` is no version.
    """
    public, plus, local = text.strip().lower().partition("+")
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
    return "".join([
        "{}!".format(int(epoch)) if int(epoch or "0") else "",
        ".".join(_numbers(release.split("."))),
        pre,
        post,
        dev,
        plus + local,
    ])
