"""Compares a wheel's METADATA with the PKG-INFO of its sdist, which the project's own build wrote, field by field.

metadata_test.py WHEEL PKG-INFO [+FIELD: VALUE | -FIELD: VALUE]…: the differences that must be there, and no others;
in the wheel alone (+) or in PKG-INFO alone (-). `Metadata-Version` and `Dynamic` are not compared, because they are
about the file and not about the project.
"""

import email
import email.policy
import sys
import zipfile

_OF_THE_FILE = {"Metadata-Version", "Dynamic"}


def fields(text):
    message = email.message_from_bytes(text, policy=email.policy.compat32)
    found = {f"{name}: {' '.join(str(value).split())}" for name, value in message.items() if name not in _OF_THE_FILE}
    return found | {"Description: " + message.get_payload().strip()}


def main(wheel, pkg_info, *expected):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        built = fields(archive.read(name))
    with open(pkg_info, "rb") as stream:
        published = fields(stream.read())
    found = {"+" + field for field in built - published} | {"-" + field for field in published - built}
    for line in sorted(found - set(expected)):
        print(f"found {line[:300]}; expected no such difference")
    for line in sorted(set(expected) - found):
        print(f"found no {line[:300]}; expected that difference")
    print(f"{len(built)} fields, {len(found)} differences, {len(found ^ set(expected))} of them unexpected")
    return 1 if found != set(expected) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
