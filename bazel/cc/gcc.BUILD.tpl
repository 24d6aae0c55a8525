"""GCC 14, its tools and the sysroot that they compile and link against. Made by @rules_deepgemm//bazel/cc:gcc_repo.bzl."""

load("@rules_cc//cc:defs.bzl", "cc_library", "cc_toolchain")
load("{CC_TOOLCHAIN_CONFIG}", "MODULE_INIT", "gcc_toolchain_config")

package(default_visibility = ["//visibility:private"])

# Kernel headers that libc's headers include, and those that portable programs use, with everything that they include.
_LINUX = [
    "aio_abi",
    "atalk",
    "audit",
    "auxvec",
    "bpf",
    "bpf_common",
    "byteorder/little_endian",
    "capability",
    "const",
    "elf-em",
    "elf",
    "errno",
    "eventpoll",
    "falloc",
    "fanotify",
    "fcntl",
    "filter",
    "fs",
    "fscrypt",
    "futex",
    "if_addr",
    "if_ether",
    "if_fddi",
    "if_link",
    "if_slip",
    "io_uring",
    "ioctl",
    "irqnr",
    "kcmp",
    "kd",
    "kernel",
    "limits",
    "magic",
    "membarrier",
    "memfd",
    "mempolicy",
    "mman",
    "mount",
    "neighbour",
    "netlink",
    "nfs",
    "openat2",
    "param",
    "patchkey",
    "pci",
    "pci_regs",
    "perf_event",
    "posix_types",
    "ppp-comp",
    "ppp_defs",
    "prctl",
    "quota",
    "random",
    "rseq",
    "rtnetlink",
    "sched",
    "seccomp",
    "securebits",
    "socket",
    "soundcard",
    "stat",
    "stddef",
    "swab",
    "sysctl",
    "sysinfo",
    "time",
    "time_types",
    "types",
    "un",
    "unistd",
    "userfaultfd",
    "version",
    "vm_sockets",
    "vt",
]

# Bazel stages every file of :headers for every compile action. Few programs include these; they depend on :more_headers.
_MORE_HEADERS = [
    "gcc/usr/include/c++/14/decimal/**",
    "gcc/usr/include/c++/14/ext/pb_ds/**",
    "gcc/usr/include/c++/14/parallel/**",
    "gcc/usr/include/c++/14/tr2/**",
    "sysroot/usr/include/finclude/**",
    "sysroot/usr/include/linux/**",
    "sysroot/usr/include/misc/**",
    "sysroot/usr/include/mtd/**",
    "sysroot/usr/include/rdma/**",
    "sysroot/usr/include/rpcsvc/**",
    "sysroot/usr/include/scsi/**",
    "sysroot/usr/include/sound/**",
    "sysroot/usr/include/video/**",
    "sysroot/usr/include/xen/**",
]

filegroup(
    name = "headers",
    srcs = glob(
        [
            "gcc/usr/include/**",
            "gcc/usr/lib/gcc/x86_64-linux-gnu/14/include/**",
            "sysroot/usr/include/**",
        ],
        exclude = _MORE_HEADERS,
    ) + ["sysroot/usr/include/linux/{}.h".format(name) for name in _LINUX],
)

# The compiler searches their directories by default, so that depending on this target is enough.
cc_library(
    name = "more_headers",
    hdrs = glob(
        _MORE_HEADERS,
        exclude = ["sysroot/usr/include/linux/{}.h".format(name) for name in _LINUX],
    ),
    visibility = ["//visibility:public"],
)

# The loader and the libraries that the compiler's own programs run with.
filegroup(
    name = "runtime",
    srcs = ["gcc/usr/lib/x86_64-linux-gnu/" + library for library in [
        "ld-linux-x86-64.so.2",
        "libbfd-2.44-system.so",
        "libc.so.6",
        "libsframe.so.1",
        "libz.so.1",
        "libzstd.so.1",
    ]],
)

filegroup(
    name = "compiler",
    srcs = [
        "gcc/usr/bin/as",
        "gcc/usr/bin/gcc",
        "gcc/usr/libexec/gcc/x86_64-linux-gnu/14/cc1",
        "gcc/usr/libexec/gcc/x86_64-linux-gnu/14/cc1plus",
        ":runtime",
    ] + ["gcc/usr/lib/x86_64-linux-gnu/" + library for library in [
        "libgmp.so.10",
        "libisl.so.23",
        "libm.so.6",
        "libmpc.so.3",
        "libmpfr.so.6",
        "libopcodes-2.44-system.so",
    ]],
)

filegroup(
    name = "compiler_files",
    srcs = [
        MODULE_INIT,
        ":compiler",
        ":headers",
    ],
)

filegroup(
    name = "linker_files",
    srcs = [
        "gcc/usr/bin/ld",
        ":compiler",
    ] + ["gcc/usr/lib/x86_64-linux-gnu/" + library for library in [
        "libctf.so.0",
        "libjansson.so.4",
    ]] + glob([
        "gcc/usr/lib/gcc/x86_64-linux-gnu/14/*",
        "gcc/usr/libexec/gcc/x86_64-linux-gnu/14/*lto*",
        "gcc/usr/libexec/gcc/x86_64-linux-gnu/14/collect2",
        "lib/*",
        "sysroot/lib/**",
        "sysroot/lib64/**",
        "sysroot/usr/lib/**",
    ]),
)

[
    filegroup(
        name = name + "_files",
        srcs = [
            "gcc/usr/bin/" + name,
            ":runtime",
        ],
    )
    for name in [
        "ar",
        "objcopy",
        "strip",
    ]
]

filegroup(
    name = "coverage_files",
    srcs = [
        "gcc/usr/bin/gcov",
        ":compiler_files",
    ],
)

filegroup(
    name = "all_files",
    srcs = [
        ":ar_files",
        ":compiler_files",
        ":coverage_files",
        ":linker_files",
        ":objcopy_files",
        ":strip_files",
    ] + glob(["gcc/usr/bin/*"]),
    visibility = ["//visibility:public"],
)

gcc_toolchain_config(name = "cc_toolchain_config")

cc_toolchain(
    name = "cc_toolchain",
    all_files = ":all_files",
    ar_files = ":ar_files",
    as_files = ":compiler_files",
    compiler_files = ":compiler_files",
    coverage_files = ":coverage_files",
    dwp_files = ":runtime",
    linker_files = ":linker_files",
    objcopy_files = ":objcopy_files",
    strip_files = ":strip_files",
    supports_header_parsing = False,
    supports_param_files = True,
    toolchain_config = ":cc_toolchain_config",
    toolchain_identifier = "rules_deepgemm-gcc-14",
    visibility = ["//visibility:public"],
)
