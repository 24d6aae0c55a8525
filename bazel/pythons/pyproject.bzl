"""Reads one string of `[project]`, such as `requires-python`, out of a pyproject.toml.

Bazel runs this while it evaluates the `pythons` extension, so that no Python has to run. It reads as much of TOML 1.0 as
it takes to find that one key and to pass over everything else: strings of all four kinds, comments, arrays of several
lines. Where the key is written in a form that is not read here, the answer is an error and never a guess.
`tests/pythons/test_pyproject.py` compares the answers with those of Python's tomllib.
"""

visibility([
    "//bazel/pythons",
    "//tests/pythons",
])

# How the error about each key ends: an example, and what else can state the value.
_KEYS = {
    "name": ("my_ops", "set the attribute distribution"),
    "requires-python": (">=3.11,<3.15", "give pythons.requires(specifier = …)"),
    "version": ("1.0", "set the attribute version, as for a dynamic one"),
}

_BARE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_BLANKS = " \t"
_ESCAPES = {"\"": "\"", "\\": "\\", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

# From space, 32, to tilde, 126.
_PRINTABLE = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
_HEX = "0123456789abcdef"

# What ends the strings that may go on in the next line.
_MULTILINE = ["\"\"\"", "'''"]

def _character(digits):
    """The character of a `\\u` escape, or None. `?` stands for one that no version specifier and no key here has."""
    if digits.lower().strip(_HEX):
        return None
    code = int(digits, 16) - 32
    return _PRINTABLE[code] if code >= 0 and code < len(_PRINTABLE) else "?"

def _unescaped(text):
    """The value of what stands between the quotes of a basic string; None where an escape is none of TOML's."""
    value = ""
    parts = text.replace("\\\\", "\\\n").split("\\")
    for i, part in enumerate(parts):
        if i == 0:
            value += part
        elif part.startswith("\n"):
            value += "\\" + part[1:]
        elif part[:1] in ["u", "U"]:
            length = 4 if part[0] == "u" else 8
            character = _character(part[1:1 + length]) if len(part) > length else None
            if not character:
                return None
            value += character + part[1 + length:]
        elif part[:1] in _ESCAPES:
            value += _ESCAPES[part[0]] + part[1:]
        else:
            return None
    return value

def _split_string(text):
    """Splits `text`, which begins with a quote, behind the string of one line: (string, the rest); None where it has no end."""
    quote = text[0]
    escaped = False
    for i in range(1, len(text)):
        if escaped:
            escaped = False
        elif text[i] == "\\" and quote == "\"":
            escaped = True
        elif text[i] == quote:
            return text[:i + 1], text[i + 1:]
    return None

def _value(string):
    """The value of a string with its quotes; None where it has an escape that TOML does not know."""
    return _unescaped(string[1:-1]) if string[0] == "\"" else string[1:-1]

def _keys(text):
    """Takes a dotted key off the start of `text`: (list of strings, the rest); None where no key stands there."""
    keys, rest = [], text.lstrip(_BLANKS)
    for _ in range(len(text)):
        if rest and rest[0] in "\"'":
            split = _split_string(rest)
            key, rest = (_value(split[0]), split[1]) if split else (None, "")
        else:
            length = len(rest) - len(rest.lstrip(_BARE))
            key, rest = rest[:length] or None, rest[length:]
        if key == None:
            return None
        keys.append(key)
        rest = rest.lstrip(_BLANKS)
        if not rest.startswith("."):
            return keys, rest
        rest = rest[1:].lstrip(_BLANKS)
    return None

def _is_end(rest):
    """Whether nothing but a comment follows."""
    rest = rest.lstrip(_BLANKS)
    return not rest or rest.startswith("#")

def _after_multiline(text, quotes):
    """Returns what follows the multi-line string in which `text` begins, or None if the string goes on in the next line."""
    escaped = False
    for i in range(len(text)):
        if escaped:
            escaped = False
        elif text[i] == "\\" and quotes == _MULTILINE[0]:
            escaped = True
        elif text[i:].startswith(quotes):
            # One or two further quotes belong to the string.
            return text[i:].lstrip(quotes[0])
    return None

def _pass_over(text, depth = 0, quotes = None):
    """Passes over a line of values.

    Args:
        text: string, the line, or the part of it behind `=`.
        depth: int, how many brackets and braces are open where it begins.
        quotes: string, what ends the multi-line string that is open where it begins; None where none is.

    Returns:
        (depth, quotes) at the end of the line; None where it is no TOML.
    """
    for _ in range(len(text) + 1):
        if quotes:
            text = _after_multiline(text, quotes)
            if text == None:
                return depth, quotes
            quotes = None
        if _is_end(text):
            return depth, None
        opened = [each for each in _MULTILINE if text.startswith(each)]
        if opened:
            quotes, text = opened[0], text[3:]
        elif text[0] in "\"'":
            split = _split_string(text)
            if not split:
                return None
            text = split[1]
        else:
            depth += 1 if text[0] in "[{" else -1 if text[0] in "]}" else 0
            text = text[1:]
            if depth < 0:
                return None
    return depth, quotes

def _header(line):
    """The keys of a line such as `[project]` and whether it is one of an array of tables; None where it is none."""
    brackets = 2 if line.startswith("[[") else 1
    found = _keys(line[brackets:])
    if not found or not found[1].startswith("]" * brackets) or not _is_end(found[1][brackets:]):
        return None
    return found[0], brackets == 2

def _error(line, what):
    return struct(error = "line {} {}".format(line, what), value = None)

def project_string(text, key):
    """The value of a key of `[project]` that is a string.

    Args:
        text: string, the content of a pyproject.toml.
        key: string, one of _KEYS.

    Returns:
        struct of `value`, a string, and `error`, what is wrong and what to do; one of them is None.
    """
    example, instead = _KEYS[key]
    path, write = ["project", key], "write a string, such as \"{}\"".format(example)
    otherwise = "write it as {} = \"…\" in one line below [project], or {}".format(key, instead)
    table, depth, quotes, value = [], 0, None, None
    by_header, by_key = False, False
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n")):
        number += 1
        line = line.strip(_BLANKS)
        if depth or quotes:
            state = _pass_over(line, depth, quotes)
        elif _is_end(line):
            continue
        elif line.startswith("["):
            header = _header(line)
            if not header:
                return _error(number, "is no TOML that can be read here: a header such as [project] was expected")
            table, is_array = header
            if table[:2] == path:
                return _error(number, "makes {} a table; {}".format(key, write))
            if table == path[:1]:
                if by_header or by_key:
                    return _error(number, "defines project a second time; TOML allows it once")
                by_header = True
            if is_array:
                # A list of tables has no keys that could be meant.
                table = None
            continue
        else:
            found = _keys(line)
            if not found or not found[1].startswith("="):
                return _error(number, "is no TOML that can be read here: `key = value` was expected; " + otherwise)
            rest = found[1][1:].lstrip(_BLANKS)
            here = None if table == None else table + found[0]
            if not table and here and here[0] == "project":
                if by_header:
                    return _error(number, "defines project a second time; TOML allows it once")
                by_key = True
            if here == path[:1] and rest.startswith("{"):
                return _error(number, "has project as an inline table, which is not read here; " + otherwise)
            if here and here[:2] == path:
                if value != None:
                    return _error(number, "has {} a second time; TOML allows it once".format(key))
                if here != path or rest[:1] not in ["\"", "'"]:
                    return _error(number, "has {} as {}; {}".format(key, rest or "nothing", write))
                split = _split_string(rest)
                value = _value(split[0]) if split and _is_end(split[1]) else None
                if value == None:
                    return _error(number, "has {} in a form that is not read here; {}".format(key, otherwise))
            state = _pass_over(rest) if rest else None
        if not state:
            return _error(number, "is no TOML that can be read here; " + otherwise)
        depth, quotes = state
    if depth or quotes:
        return struct(error = "ends inside of a {}; close it".format("string" if quotes else "list"), value = None)
    if value == None:
        return struct(error = "has no [project].{}; write one, such as \"{}\", or {}".format(key, example, instead), value = None)
    return struct(error = None, value = value)
