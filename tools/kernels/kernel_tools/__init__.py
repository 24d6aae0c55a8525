"""Lists of DeepGEMM's kernels: recorded from a cache, derived from layers, compiled by the rule `deepgemm_kernels`."""
