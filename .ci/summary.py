"""Counts the tests in a Bazel build event stream (--build_event_json_file); exits 1 unless all passed and one ran."""

from __future__ import annotations

import json
import sys
from pathlib import Path

PASSED = ("PASSED", "FLAKY")


def main(path: str) -> int:
    statuses: dict[str, str] = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        # A test that could not be built has no summary of its own, only its target's completion.
        for key in ("targetConfigured", "testSummary"):
            if key not in event["id"]:
                continue
            label = event["id"][key]["label"]
            if key == "testSummary":
                statuses[label] = event["testSummary"]["overallStatus"]
            elif event.get("configured", {}).get("testSize"):
                statuses.setdefault(label, "NOT BUILT")
    failed = sorted(label for label, status in statuses.items() if status not in PASSED)
    for label in failed:
        print(f"{label}: {statuses[label]}")
    print(f"{len(statuses) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not statuses else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
