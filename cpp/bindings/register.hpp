// One register function per concept; module.cpp calls them all.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

namespace noisync::bindings {

void register_random(pybind11::module_& module);
void register_activation(pybind11::module_& module);
void register_harmonics(pybind11::module_& module);
void register_attention(pybind11::module_& module);
void register_noise(pybind11::module_& module);
void register_measures(pybind11::module_& module);
void register_distances(pybind11::module_& module);
void register_dynamics(pybind11::module_& module);

// What the core shares is immutable; Python holds it by pointers that do not say so.
template <class Value>
std::shared_ptr<Value> shared(const std::shared_ptr<const Value>& value) {
    return std::const_pointer_cast<Value>(value);
}

}  // namespace noisync::bindings
