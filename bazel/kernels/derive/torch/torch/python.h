#pragma once
#include <tensor.h>
#include <pybind11/pybind11.h>
