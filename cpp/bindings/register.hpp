// One register function per concept; module.cpp calls them all.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "noisync/measures.hpp"

namespace noisync::bindings {

void register_random(pybind11::module_& module);
void register_activation(pybind11::module_& module);
void register_attention(pybind11::module_& module);
void register_noise(pybind11::module_& module);
void register_measures(pybind11::module_& module);
void register_dynamics(pybind11::module_& module);

// Throws ValueError if a measure is for another dimension.
void require_dim(const Measure& measure, Index dim);

// What the core shares is immutable; Python holds it by pointers that do not say so.
template <class Value>
std::shared_ptr<Value> shared(const std::shared_ptr<const Value>& value) {
    return std::const_pointer_cast<Value>(value);
}

}  // namespace noisync::bindings
