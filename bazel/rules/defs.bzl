"""What users load: `load("@rules_deepgemm//bazel/rules:defs.bzl", …)`."""

load("//bazel/rules/private:deepgemm_extension.bzl", _deepgemm_extension = "deepgemm_extension")
load("//bazel/rules/private:torch_extension.bzl", _torch_extension = "torch_extension")

deepgemm_extension = _deepgemm_extension
torch_extension = _torch_extension
