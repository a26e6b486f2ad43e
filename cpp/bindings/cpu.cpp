// A module of its own, compiled for the oldest supported CPU: what the loader asks before it
// imports a core that might use instructions this machine lacks.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <utility>
#include <vector>

namespace {

// (level, instruction set that the CPU or the operating system does not offer)
std::vector<std::pair<std::string, std::string>> missing() {
    std::vector<std::pair<std::string, std::string>> result;
#if defined(__x86_64__)
    __builtin_cpu_init();
#define NOISYNC_NEEDS(level, feature)        \
    if (!__builtin_cpu_supports(feature)) {  \
        result.emplace_back(level, feature); \
    }
#include "cpu_features.inc"
#undef NOISYNC_NEEDS
#endif
    return result;
}

}  // namespace

PYBIND11_MODULE(_cpu, module) {
    module.def(
        "missing_features",
        [](const std::string& level) {
            std::vector<std::string> features;
            for (const auto& [needing, feature] : missing()) {
                if (needing == level) {
                    features.push_back(feature);
                }
            }
            return features;
        },
        pybind11::arg("level"), "Instruction sets that `level` needs and this CPU lacks.");
}
