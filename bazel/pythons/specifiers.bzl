"""Version specifiers of Requires-Python (PEP 440): which CPythons they admit.

Bazel runs this while it evaluates the `pythons` extension, so that no Python has to run and nothing has to be fetched.
`tests/pythons/test_specifiers.py` compares the answers with those of `packaging`, the library that installers use.
"""

load(":pep440.bzl", "parse_version")

visibility([
    "//bazel/pythons",
    "//tests/pythons",
])

# The CPythons that have had a final release, oldest first; the list grows by one each October. Before 3.8 the SOABI had
# another form. An open end (">=3.11") admits the newest of these, too. The wheel tools have the same list
# (tools/wheel/wheel_tools/pythons.py); a test compares the two.
KNOWN_CPYTHONS = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14", "3.15"]

# No CPython had as many maintenance releases. 3.6 had 15, the most so far.
_PATCH_LEVELS = 64

# Longest first, since one operator may begin with another.
_OPERATORS = ["===", "~=", "==", "!=", "<=", ">=", "<", ">"]

# Pre-releases in their order, and ranks below and above every one.
_PRE = {"a": 0, "b": 1, "rc": 2}
_LOWEST = -1
_HIGHEST = 3

def _parse_version(text):
    """Parses a version, or the version in front of `.*`.

    Args:
        text: string in lower case without blanks around it.

    Returns:
        struct of `release` (tuple of int), `key` (what versions are ordered by), `prefix` (bool, whether `.*` follows)
        and `local` (bool, whether it has a local part); None where it is no version.
    """
    prefix = text.endswith(".*")
    version = parse_version(text.removesuffix(".*"))
    if not version or (prefix and (version.pre or version.post or version.dev or version.local)):
        return None

    # 1.0.dev1 comes before 1.0a1, which comes before 1.0.
    pre = (_LOWEST if version.dev and not version.post else _HIGHEST, 0)
    if version.pre:
        pre = (_PRE[version.pre[0]], version.pre[1])
    post = version.post[1] if version.post else -1
    dev = (0, version.dev[1]) if version.dev else (1, 0)
    return struct(
        key = (version.epoch, _trimmed(version.release), pre, post, dev),
        local = bool(version.local),
        prefix = prefix,
        release = tuple([version.epoch] + version.release),
    )

def _trimmed(release):
    """The release without zeros at its end: 3.12 and 3.12.0 are one version."""
    length = 0
    for i, part in enumerate(release):
        if part:
            length = i + 1
    return tuple(release[:length])

def _final(release):
    """A final release to be admitted or not."""
    return struct(
        key = (0, _trimmed(release), (_HIGHEST, 0), -1, (1, 0)),
        release = tuple([0] + release),
        text = ".".join([str(part) for part in release]),
    )

def _candidates(python):
    """The releases of a CPython such as `3.12`. Only `===3.12` distinguishes 3.12 from 3.12.0."""
    minor = [int(part) for part in python.split(".")]
    return [_final(minor)] + [_final(minor + [patch]) for patch in range(_PATCH_LEVELS)]

_CANDIDATES = {python: _candidates(python) for python in KNOWN_CPYTHONS}

def _begins_with(release, prefix):
    """Whether `release`, filled up with zeros, begins with `prefix`."""
    padded = release + (0,) * max(0, len(prefix) - len(release))
    return padded[:len(prefix)] == prefix

def _matches(specifier, candidate):
    operator, version = specifier.operator, specifier.version
    if operator == "===":
        return candidate.text == version
    if operator in ["==", "!="]:
        if version.prefix:
            equal = _begins_with(candidate.release, version.release)
        else:
            equal = candidate.key == version.key and not version.local
        return equal == (operator == "==")
    if operator == "~=":
        return candidate.key >= version.key and _begins_with(candidate.release, version.release[:-1])
    if operator == "<=":
        return candidate.key <= version.key
    if operator == ">=":
        return candidate.key >= version.key
    if operator == "<":
        return candidate.key < version.key
    return candidate.key > version.key

def _parse_specifier(text):
    """Parses one specifier such as `>=3.11`: a struct of `operator` and `version`; None where it is none."""
    for operator in _OPERATORS:
        if text.startswith(operator):
            rest = text[len(operator):].strip().lower()
            if operator == "===":
                broken = not rest or any([c.isspace() or c in ";)" for c in rest.elems()])
                return None if broken else struct(operator = operator, version = rest)
            version = _parse_version(rest)
            if not version:
                return None
            if operator not in ["==", "!="] and (version.prefix or version.local):
                return None

            # `~=3` would say nothing. The release begins with the epoch.
            if operator == "~=" and len(version.release) < 3:
                return None
            return struct(operator = operator, version = version)
    return None

def admitted(requires_python):
    """Returns the known CPythons that have at least one release which a Requires-Python admits.

    `>=3.11.4` admits 3.11, for its later releases; `<=3.11` does, for 3.11.0; `!=3.12.*` does not admit 3.12.

    Args:
        requires_python: string, specifiers with commas between them, such as `>=3.11,<3.15`; empty for all.

    Returns:
        struct of `versions`, a list such as `["3.11", "3.12"]`, oldest first, and `invalid`, the part of the string that
        is no specifier; None where all are.
    """
    specifiers = []
    for part in requires_python.split(","):
        part = part.strip()
        if part:
            specifier = _parse_specifier(part)
            if not specifier:
                return struct(invalid = part, versions = [])
            specifiers.append(specifier)
    return struct(invalid = None, versions = [
        python
        for python in KNOWN_CPYTHONS
        if any([all([_matches(specifier, candidate) for specifier in specifiers]) for candidate in _CANDIDATES[python]])
    ])

def narrowed_to(requires_python, kept):
    """Returns a Requires-Python that admits only some of the CPythons which another one admits.

    Args:
        requires_python: string, valid specifiers.
        kept: list of the CPythons to admit, such as `["3.11", "3.13"]`, each of which `requires_python` admits.

    Returns:
        string: `==3.12.*` for one CPython; for several, `requires_python` with `!=3.12.*` for each one that is left out.
    """
    if len(kept) == 1:
        return "=={}.*".format(kept[0])
    left_out = [version for version in admitted(requires_python).versions if version not in kept]
    return ",".join([requires_python] + ["!={}.*".format(version) for version in left_out])
