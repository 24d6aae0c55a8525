"""The cache of downloaded archives: served without the index, verified, bounded, and never in the way."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from packages import Index, sha256

from bazel.fetch import pip_fetch
from bazel.fetch.archive_cache import ArchiveCache, cache_directory
from bazel.fetch.pins import Pin, index_options, read_pins


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "cache"
    monkeypatch.setenv("RULES_DEEPGEMM_WHEEL_CACHE", str(directory))
    return directory


def _fetch(requirements: Path, out: Path, *options: str) -> int:
    return pip_fetch.main(["archives", "--requirements", str(requirements), "--out", str(out), *options])


def _names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_second_fetch_needs_no_index(index: Index, tmp_path: Path, cache: Path) -> None:
    first, second = index.wheel("first", {"a.py": ""}), index.wheel("second", {"b.py": ""})
    both = index.pin(first, second)
    assert _fetch(both, tmp_path / "one") == 0
    digest = sha256(first)
    first.unlink()
    second.unlink()
    assert _fetch(both, tmp_path / "two") == 0
    assert _names(tmp_path / "two") == _names(tmp_path / "one")
    assert sha256(tmp_path / "two" / first.name) == digest
    # Neither repository shares a file with the cache.
    assert {path.stat().st_nlink for path in (tmp_path / "two").iterdir()} == {1}
    assert _names(cache / "sha256") == sorted(sha256(path) for path in (tmp_path / "one").iterdir())


def test_only_what_is_missing_is_downloaded(index: Index, tmp_path: Path, cache: Path) -> None:
    first = index.wheel("first", {"a.py": ""})
    assert _fetch(index.pin(first), tmp_path / "one") == 0
    both = index.pin(first, index.wheel("second", {"b.py": ""}))
    first.unlink()
    assert _fetch(both, tmp_path / "two") == 0
    assert [name.split("-")[0] for name in _names(tmp_path / "two")] == ["first", "second"]


def test_index_that_the_file_names_is_used_for_what_is_missing(
    index: Index, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_FIND_LINKS")
    first, second = index.wheel("first", {"a.py": ""}), index.wheel("second", {"b.py": ""})
    texts = [
        f"--find-links {index.links}\n{index.pin(*archives).read_text()}" for archives in ([first], [first, second])
    ]
    for number, text in enumerate(texts):
        assert _fetch(index.requirements(text), tmp_path / str(number)) == 0
        first.unlink(missing_ok=True)
    assert _names(tmp_path / "1") == [first.name, second.name]


def test_cached_wheel_of_another_python_is_not_chosen(index: Index, tmp_path: Path, cache: Path) -> None:
    tags = ("py3-none-any", "cp312-cp312-manylinux_2_17_x86_64")
    wheels = [index.wheel("first", {"which.py": tag}, tag) for tag in tags]
    requirements = index.requirements("first==1.0 " + " ".join(f"--hash=sha256:{sha256(wheel)}" for wheel in wheels))
    for python, tag in zip(("any", "3.12"), tags):
        assert _fetch(requirements, tmp_path / python, f"--python={python}") == 0
        assert _names(tmp_path / python) == [f"first-1.0-{tag}.whl"]


def test_sdist_comes_from_the_cache(index: Index, tmp_path: Path, cache: Path) -> None:
    sdist = index.sdist("first", {"a.cpp": "int a;"})
    requirements = index.pin(sdist)
    for out in ("one", "two"):
        assert pip_fetch.main(["sdist", "--requirements", str(requirements), "--out", str(tmp_path / out)]) == 0
        assert (tmp_path / out / "a.cpp").read_text() == "int a;"
        sdist.unlink(missing_ok=True)


def test_damaged_file_is_downloaded_again(index: Index, tmp_path: Path, cache: Path) -> None:
    wheel = index.wheel("first", {"a.py": ""})
    requirements = index.pin(wheel)
    assert _fetch(requirements, tmp_path / "one") == 0
    (cached,) = (cache / "sha256").iterdir()
    cached.write_bytes(cached.read_bytes()[:-1])
    assert _fetch(requirements, tmp_path / "two") == 0
    assert sha256(tmp_path / "two" / wheel.name) == sha256(cached) == sha256(wheel)


def test_cache_that_cannot_be_written_does_not_matter(index: Index, tmp_path: Path, cache: Path) -> None:
    cache.write_text("a file")
    assert _fetch(index.pin(index.wheel("first", {})), tmp_path / "one") == 0


def test_requirement_file_with_a_marker_is_not_cached(index: Index, tmp_path: Path, cache: Path) -> None:
    line = f"first==1.0 ; python_version > '3' --hash=sha256:{sha256(index.wheel('first', {}))}"
    assert _fetch(index.requirements(line), tmp_path / "one") == 0
    assert not cache.exists()


def _archive(tmp_path: Path, name: str, size: int) -> tuple[Pin, Path]:
    path = tmp_path / f"{name}.whl"
    path.write_bytes(name.encode() * (size // len(name)))
    return Pin(name, "1.0", frozenset([sha256(path)])), path


def test_what_was_not_used_for_longest_is_deleted(tmp_path: Path) -> None:
    cache = ArchiveCache(tmp_path / "cache", limit=2500)
    made = [_archive(tmp_path, name, 1000) for name in ("a", "b", "c")]
    for age, (pin, path) in zip((300, 200), made):
        cache.keep([pin], [], [path])
        (digest,) = pin.hashes
        os.utime(tmp_path / "cache/sha256" / digest, (os.stat(path).st_atime - age,) * 2)
    assert cache.take(made[0][0], [], tmp_path / "out") is None
    (tmp_path / "out").mkdir()
    assert cache.take(made[0][0], [], tmp_path / "out")
    cache.keep([made[2][0]], [], [made[2][1]])
    found = [bool(cache.take(pin, [], tmp_path / "out")) for pin, _ in made]
    assert found == [True, False, True]
    assert len(_names(tmp_path / "cache/choices")) == 2


def test_many_at_a_time(tmp_path: Path) -> None:
    made = [_archive(tmp_path, f"p{number}", 50_000) for number in range(4)]

    def work(number: int) -> int:
        cache, out = ArchiveCache(tmp_path / "cache", limit=150_000), tmp_path / f"out{number}"
        out.mkdir()
        hits = 0
        for pin, path in made * 5:
            taken = cache.take(pin, [], out)
            hits += taken is not None
            assert taken is None or sha256(taken) in pin.hashes
            cache.keep([pin], [], [path])
        return hits

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) > 0
    assert not [name for name in _names(tmp_path / "cache/sha256") if name.startswith(".")]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"RULES_DEEPGEMM_WHEEL_CACHE": "/a", "PIP_NO_CACHE_DIR": "1"}, "/a"),
        ({"RULES_DEEPGEMM_WHEEL_CACHE": "", "XDG_CACHE_HOME": "/x"}, None),
        ({"RULES_DEEPGEMM_CACHE": "/c", "PIP_NO_CACHE_DIR": "1", "PIP_CACHE_DIR": "/p"}, "/c/wheels"),
        ({"PIP_NO_CACHE_DIR": "1", "XDG_CACHE_HOME": "/x"}, None),
        ({"PIP_CACHE_DIR": "/p", "XDG_CACHE_HOME": "/x"}, "/p/rules_deepgemm"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/rules_deepgemm/wheels"),
    ],
)
def test_where_it_is(environment: dict[str, str], expected: str | None) -> None:
    found = cache_directory(environment)
    assert (str(found) if found else None) == expected


def test_pins() -> None:
    text = "# made by\na==1.0 \\\n    --hash=sha256:{0} \\\n    --hash=sha256:{1}\n    # via x\n"
    text += "B.c==2+cu130 --hash=sha256:{1}\n"
    pins = read_pins(text.format("1" * 64, "2" * 64))
    assert pins == [
        Pin("a", "1.0", frozenset(["1" * 64, "2" * 64])),
        Pin("B.c", "2+cu130", frozenset(["2" * 64])),
    ]
    named = "--index-url=https://host.example/a  # why\n-f links\n"
    assert read_pins(named + text.format("1" * 64, "2" * 64)) == pins
    assert index_options(named + text) == ["--index-url=https://host.example/a", "-f links"]
    for other in ("--pre", "a>=1 --hash=sha256:" + "1" * 64, "a==1.0", "a @ file:///a", "a==1 --hash=md5:1"):
        assert read_pins(other) is None
