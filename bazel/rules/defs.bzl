"""What users load: `load("@rules_deepgemm//bazel/rules:defs.bzl", …)`."""

load("//bazel/kernels:nvcc_toolchain.bzl", _nvcc_toolchain = "nvcc_toolchain")
load("//bazel/kernels:providers.bzl", _KernelsInfo = "KernelsInfo", _NvccInfo = "NvccInfo")
load("//bazel/pythons:providers.bzl", _PythonAbiInfo = "PythonAbiInfo")
load("//bazel/pythons:python_abi.bzl", _python_abi = "python_abi")
load("//bazel/rules/private:deepgemm_extension.bzl", _deepgemm_extension = "deepgemm_extension")
load("//bazel/rules/private:deepgemm_kernels.bzl", _deepgemm_kernels = "deepgemm_kernels")
load("//bazel/rules/private:deepgemm_wheel.bzl", _deepgemm_wheel = "deepgemm_wheel")
load("//bazel/rules/private:extension_wheel.bzl", _extension_wheel = "extension_wheel")
load("//bazel/rules/private:import_check_test.bzl", _import_check_test = "import_check_test")
load("//bazel/rules/private:platform_wheels.bzl", _platform_wheels = "platform_wheels")
load("//bazel/rules/private:torch_extension.bzl", _torch_extension = "torch_extension")
load("//bazel/rules/private:vllm_wheel.bzl", _vllm_wheel = "vllm_wheel")
load("//bazel/rules/private:wheel_check_test.bzl", _wheel_check_test = "wheel_check_test")
load("//bazel/rules/private:wheel_overlay.bzl", _wheel_overlay = "wheel_overlay")
load("//bazel/torch:providers.bzl", _TorchInfo = "TorchInfo")
load("//bazel/torch:torch_sdk.bzl", _torch_sdk = "torch_sdk")
load(":providers.bzl", _ExtensionInfo = "ExtensionInfo")

visibility("public")

# Rules and macros.
deepgemm_extension = _deepgemm_extension
deepgemm_kernels = _deepgemm_kernels
deepgemm_wheel = _deepgemm_wheel
extension_wheel = _extension_wheel
import_check_test = _import_check_test
nvcc_toolchain = _nvcc_toolchain
platform_wheels = _platform_wheels
python_abi = _python_abi
torch_extension = _torch_extension
torch_sdk = _torch_sdk
vllm_wheel = _vllm_wheel
wheel_check_test = _wheel_check_test
wheel_overlay = _wheel_overlay

# Providers.
ExtensionInfo = _ExtensionInfo
KernelsInfo = _KernelsInfo
NvccInfo = _NvccInfo
PythonAbiInfo = _PythonAbiInfo
TorchInfo = _TorchInfo
