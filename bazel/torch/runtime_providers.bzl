"""What tests are told about a torch to import."""

visibility(["//bazel/...", "//tests/..."])

TorchRuntimeInfo = provider(
    doc = "The packages that importing an extension on torch needs, for one CPython.",
    fields = {
        "anchor": "File: `pins.txt`, beside which the directory `site` lies; changes whenever a package does",
        "tag": "string: the CPython's tag, such as `cp312`",
    },
)
