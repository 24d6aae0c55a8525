"""Action keys: no action of the products and their check has an absolute path, a HOME or a USER."""

from __future__ import annotations

import json
import re

from bazel_in_bazel import Workspace, scratch_directory
from lab import person

# The same on every machine: the shell of Bazel's own actions, the PATH of the strict environment, and the name that
# stands for the working directory.
ALLOWED = {"/bin/bash", "/dev/null", "/bin:/usr/bin:/usr/local/bin", "/proc/self/cwd", "/proc/self/cwd=."}
ABSOLUTE = re.compile(r"(?:^|[=,:'\"\s]|-[ILBR]|-isystem)(/[A-Za-z0-9_][^\s'\",]*)")


def test_no_action_knows_where_it_is() -> None:
    scratch = scratch_directory() / "actions"
    with person(Workspace.from_checkout(scratch / "clone"), scratch / "base", user="alice") as bazel:
        graph = json.loads(
            bazel.text("aquery", "--output=jsonproto", "--include_param_files", "deps(//:all + //tests:wheel_check)")
        )
    # Actions without arguments write files. If another action reads such a file, that action's arguments are checked.
    actions = [action for action in graph["actions"] if action.get("arguments")]
    mnemonics = {action["mnemonic"] for action in actions}
    ours = {"DeepGemmStub", "ExtensionModuleCheck", "ExtensionWheel", "WheelOverlay"}
    assert {"CppCompile", "CppLink", "TestRunner", *ours} <= mnemonics
    found = []
    for action in actions:
        environment = {entry["key"]: entry.get("value", "") for entry in action.get("environmentVariables", ())}
        assert not {"HOME", "USER", "LOGNAME", "TMPDIR", "LD_LIBRARY_PATH"} & set(environment), action["mnemonic"]
        written = [line for file in action.get("paramFiles", ()) for line in file.get("arguments", ())]
        for text in [*action["arguments"], *environment.values(), *written]:
            assert str(scratch) not in text
            if text not in ALLOWED:
                found += [(action["mnemonic"], path) for path in ABSOLUTE.findall(text) if path not in ALLOWED]
    assert not found, sorted(set(found))[:20]
