"""The rule wheel_name_results: calls the functions of pep440.bzl and wheel_names.bzl, and writes down what they return."""

load("//bazel/pythons:pep440.bzl", "normalized_local_version", "normalized_version")
load("//bazel/rules:wheel_names.bzl", "normalized_name", "overlay_name", "parse_wheel_name")

visibility("private")

# Every part of a version in normal, in other and in wrong spellings.
_EPOCHS = ["", "v", "V0!", "01!", "a!", "!"]
_RELEASES = ["1.0", "01.020.0", "2026.11.25", "1..0", "1.", ""]
_PRES = ["", "a", ".Alpha.01", "-beta_2", "b-", "preview1", "pre", "_c3", "RC", "x1"]
_POSTS = ["", "-1", "-01", "--1", ".post", "_POST4", "r-3", "-rev02", "."]
_DEVS = ["", ".dev0", "DEV", "-dev_07", "devel"]
_LOCALS = ["", "01", "deepgemm.2.08", "Ubuntu-1_2", "00a.07", "0", "cu129", "a..b", "a-", "-a", "a b", "a+b", "1!2", "é", "a.é"]

_DISTRIBUTIONS = ["ops", "My.Ops--x", "a_._b", "7zip", "A", "_ops", "ops-", "", "o ps", "o/ps", "öps"]

_BASES = [
    "App-1.0+cu129-2-cp38-abi3-manylinux_2_31_x86_64.whl",
    "app-1.0+ops.2-cp38-abi3-manylinux_2_28_x86_64.whl",
    "app-v1.0.RC1+OPS_02-cp38-abi3-manylinux_2_28_x86_64.whl",
    "my.app-1!01.0-cp38-abi3-linux_x86_64.whl",
    "app-1.0-cp38-abi3-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "app-1.0-3local-cp38-abi3-manylinux_2_24_x86_64.whl",
    "app-1.0-cp38-abi3-manylinux1_x86_64.whl",
    # Not the name of a wheel.
    "app.whl",
    "app-1.0.zip",
    "app-1.0--abi3-any.whl",
    "app-1-2-3-4-5-6.whl",
    "app-one-cp38-abi3-any.whl",
    "app-1.0-x1-cp38-abi3-any.whl",
]
_OVERLAYS = [
    "ops-2-cp311-cp311-manylinux_2_28_x86_64.whl",
    "ops-2-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "ops-2-cp311-cp311-linux_x86_64.whl",
]
_LOCAL_VERSIONS = ["ops.2", "ops-2", "OPS_02", "01"]

def _wheel_name_results_impl(ctx):
    versions = [
        epoch + release + pre + post + dev
        for epoch in _EPOCHS
        for release in _RELEASES
        for pre in _PRES
        for post in _POSTS
        for dev in _DEVS
    ]
    versions += ["{}+{}".format(public, local) for public in ["1.0", "1.0rc", "1.0-dev", "1.0-", ""] for local in _LOCALS]
    versions += [" 1.0 ", "1.0\n", "1 .0", "latest"]
    overlays = []
    for base in _BASES:
        for overlay in _OVERLAYS:
            for local_version in _LOCAL_VERSIONS:
                parsed = parse_wheel_name(base)
                overlays.append({
                    "base": base,
                    "local_version": local_version,
                    "overlay": overlay,
                    "result": parsed and overlay_name(
                        parsed,
                        parse_wheel_name(overlay),
                        normalized_local_version(local_version),
                    ),
                })
    ctx.actions.write(ctx.outputs.json, json.encode({
        "distributions": {name: normalized_name(name) for name in _DISTRIBUTIONS},
        "local_versions": {local: normalized_local_version(local) for local in _LOCALS},
        "overlays": overlays,
        "versions": {version: normalized_version(version) for version in versions},
    }))

wheel_name_results = rule(
    implementation = _wheel_name_results_impl,
    doc = "Writes `<name>.json`: arguments of the functions, and what each returned (null for None).",
    outputs = {"json": "%{name}.json"},
)
