// One register function per concept; module.cpp calls them all.
#pragma once

#include <pybind11/pybind11.h>

namespace noisync::bindings {

void register_random(pybind11::module_& module);
void register_activation(pybind11::module_& module);
void register_attention(pybind11::module_& module);
void register_noise(pybind11::module_& module);
void register_energy(pybind11::module_& module);
void register_dynamics(pybind11::module_& module);

}  // namespace noisync::bindings
