# {VERSION}
alias(
    name = "{TAG}",
    actual = "{ABI}",
)

config_setting(
    name = "is_{TAG}",
    flag_values = {"{FLAG}": "{VERSION}"},
)

toolchain(
    name = "{TAG}_toolchain",
    target_compatible_with = [
        "@platforms//cpu:x86_64",
        "@platforms//os:linux",
    ],
    target_settings = [":is_{TAG}"],
    toolchain = "{ABI}",
    toolchain_type = "{TOOLCHAIN_TYPE}",
)
