// One register function per concept; module.cpp calls them all.
#pragma once

#include <pybind11/pybind11.h>

#include "noisync/attention.hpp"

namespace noisync::bindings {

void register_random(pybind11::module_& module);
void register_activation(pybind11::module_& module);
void register_attention(pybind11::module_& module);
void register_noise(pybind11::module_& module);
void register_measures(pybind11::module_& module);
void register_dynamics(pybind11::module_& module);

// Throws ValueError if the attention's matrices do not fit tokens of dimension `dim`.
void require_dim(const AttentionConfig& config, Index dim);

}  // namespace noisync::bindings
