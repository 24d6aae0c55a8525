"""Renders what Bazel's starlark_doc_extract wrote (text protocol buffers) as one page of Markdown.

    render --title TITLE --kind extensions|providers|rules --out PAGE.md EXTRACT.textproto

Bazel extracts, this only lays out. Stardoc does both; as a dependency it would raise the versions of rules_java and
bazel_skylib that every build in this repository resolves to, and it renders in Java.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

_FIELD = re.compile(r'\s*(\w+): (".*"|\S+)$')
_TYPES = {"BOOLEAN": "bool", "LABEL_LIST": "list of labels", "STRING_LIST": "list of strings", "STRING_DICT": "dict"}


class Message(dict[str, list]):
    """A message: each field's values, in order."""

    def text(self, field: str, default: str = "") -> str:
        return self[field][0] if field in self else default


def parse(lines: Iterator[str]) -> Message:
    """Reads fields, one a line as protocol buffers' TextFormat prints them, up to the message's closing brace."""
    message = Message()
    for line in lines:
        stripped = line.strip()
        if stripped == "}":
            break
        if stripped.endswith(" {"):
            message.setdefault(stripped[:-2], []).append(parse(lines))
            continue
        name, value = _FIELD.match(line).groups()  # type: ignore[union-attr]
        message.setdefault(name, []).append(_string(value) if value.startswith('"') else value)
    return message


def _string(literal: str) -> str:
    """A quoted string, whose bytes are escaped; Bazel 7 has encoded those of UTF-8 once more."""
    text = ast.literal_eval("b" + literal).decode("utf-8")
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


def _item(name: str, kind: str, doc: str, default: str, mandatory: bool) -> str:
    """One attribute or parameter. Where its text speaks of a default, that says more than the value."""
    about = [kind] if kind else []
    if mandatory:
        about.append("mandatory")
    elif default and not re.search(r"\bdefaults?\b", doc, re.IGNORECASE):
        about.append(f"default `{default}`")
    text = " ".join(doc.split()) if "```" not in doc else doc
    return f"- **`{name}`**{' (' + ', '.join(about) + ')' if about else ''}: {text}\n"


def _attributes(message: Message) -> Iterator[str]:
    for attribute in message.get("attribute", []):
        kind = attribute.text("type")
        if kind == "NAME":
            continue
        providers = [group.text("provider_name") for group in attribute.get("provider_name_group", [])]
        kind = _TYPES.get(kind, kind.lower().replace("_", " "))
        kind += f" with `{'`, `'.join(providers)}`" if providers else ""
        mandatory = attribute.text("mandatory") == "true"
        doc, default = attribute.text("doc_string"), attribute.text("default_value")
        yield _item(attribute.text("name"), kind, doc, default, mandatory)


def _function(function: Message) -> Iterator[str]:
    yield f"\n## {function.text('function_name')}\n\n{function.text('doc_string').strip()}\n\n"
    for parameter in function.get("parameter", []):
        name = parameter.text("name")
        name = "**kwargs" if name == "kwargs" else name
        default = parameter.text("default_value")
        mandatory = parameter.text("mandatory") == "true"
        yield _item(name, "", parameter.text("doc_string"), default, mandatory)


def _rule(rule: Message) -> Iterator[str]:
    yield f"\n## {rule.text('rule_name')}\n\n{rule.text('doc_string')}\n\n"
    yield from _attributes(rule)


def _provider(provider: Message) -> Iterator[str]:
    yield f"\n## {provider.text('provider_name')}\n\n{provider.text('doc_string')}\n\n"
    for field in sorted(provider.get("field_info", []), key=lambda field: field.text("name")):
        yield _item(field.text("name"), "", field.text("doc_string"), "", False)


def _extension(extension: Message) -> Iterator[str]:
    name = extension.text("extension_name")
    yield f"\n## {name}\n\n{extension.text('doc_string')}\n"
    for tag in extension.get("tag_class", []):
        yield f"\n### {name}.{tag.text('tag_name')}\n\n{tag.text('doc_string')}\n\n"
        yield from _attributes(tag)


_SECTIONS = {
    "extensions": {"module_extension_info": _extension},
    "providers": {"provider_info": _provider},
    "rules": {"rule_info": _rule, "func_info": _function},
}


def render(module: Message, title: str, kind: str) -> str:
    """The page: the module's docstring, then all that it defines of one kind, by name."""
    entries = []
    for field, section in _SECTIONS[kind].items():
        for message in module.get(field, []):
            text = "".join(section(message))
            entries.append((text.split("\n", 2)[1].lower(), text))
    head = f"# {title}\n\n<!-- Generated from the docstrings by `bazel run //docs:update`. -->\n\n"
    return head + module.text("module_docstring") + "\n" + "".join(text for _, text in sorted(entries))


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="render")
    parser.add_argument("--title", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--kind", choices=sorted(_SECTIONS), required=True)
    parser.add_argument("extract", type=Path)
    args = parser.parse_args(argv)
    module = parse(iter(args.extract.read_text(encoding="utf-8").splitlines()))
    args.out.write_text(render(module, args.title, args.kind), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
