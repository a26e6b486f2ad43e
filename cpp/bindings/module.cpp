#include <pybind11/pybind11.h>

#include "register.hpp"

// NOISYNC_MODULE and NOISYNC_LEVEL come from the build: the core is compiled once per SIMD level,
// each time into a module of its own, and python/noisync/_core.py imports one of them.
PYBIND11_MODULE(NOISYNC_MODULE, module) {
    module.attr("level") = NOISYNC_LEVEL;
    module.attr("features") = NOISYNC_FEATURES;
    module.attr("compiler") = NOISYNC_COMPILER;
    module.attr("eigen_version") = NOISYNC_EIGEN_VERSION;
    noisync::bindings::register_random(module);
    noisync::bindings::register_activation(module);
    noisync::bindings::register_harmonics(module);
    noisync::bindings::register_attention(module);
    noisync::bindings::register_noise(module);
    noisync::bindings::register_measures(module);
    noisync::bindings::register_distances(module);
    noisync::bindings::register_dynamics(module);
}
