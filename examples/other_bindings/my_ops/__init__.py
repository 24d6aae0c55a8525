"""One operator, bound in three ways."""

import torch  # noqa: F401  (loads the libraries that the modules are linked with)

from my_ops import nanobind_abi3_ops, nanobind_ops, pybind11_ops

__all__ = ["nanobind_abi3_ops", "nanobind_ops", "pybind11_ops"]
