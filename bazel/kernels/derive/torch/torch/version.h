// DeepGEMM requires torch 2.3 or newer.
#pragma once
#define TORCH_VERSION_MAJOR 2
#define TORCH_VERSION_MINOR 3
