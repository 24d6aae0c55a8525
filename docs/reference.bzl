"""The macro behind the pages of docs/reference: extracted by Bazel, rendered, compared, written."""

load("@bazel_skylib//rules:diff_test.bzl", "diff_test")
load("@rules_python//python:defs.bzl", "py_binary")

visibility(["//docs"])

def reference(name, pages):
    """Makes `:<page>_test` for each page, the suite `:<name>` of them all, and `:update`, which writes the pages.

    Args:
        name: The test suite's name; the pages lie in the directory of that name.
        pages: From each page's name to a tuple: its title, the `.bzl` file that it documents, the `bzl_library` of that
            file and of all that it loads, and what of the file it documents: `extensions`, `providers` or `rules`.
    """
    py_binary(
        name = "render",
        srcs = ["render.py"],
        visibility = ["//visibility:private"],
    )
    rendered = {}
    for page, (title, file, library, kind) in pages.items():
        extract = "_{}_extract".format(page)
        native.starlark_doc_extract(name = extract, src = file, tags = ["manual"], deps = [library])
        written = "{}/{}.md".format(name, page)
        rendered[written] = ":_{}.md".format(page)
        native.genrule(
            name = "_" + page,
            srcs = [":{}.textproto".format(extract)],
            outs = ["_{}.md".format(page)],
            cmd = "$(execpath :render) --title '{}' --kind {} --out $@ $(SRCS)".format(title, kind),
            tags = ["manual"],
            tools = [":render"],
        )
        diff_test(
            name = page + "_test",
            size = "small",
            failure_message = "Run `bazel run //docs:update`.",
            file1 = written,
            file2 = rendered[written],
        )
    native.test_suite(name = name, tests = [page + "_test" for page in pages])
    py_binary(
        name = "update",
        srcs = ["update.py"],
        args = ["docs/{}=$(rootpath {})".format(written, source) for written, source in rendered.items()],
        data = rendered.values(),
    )
