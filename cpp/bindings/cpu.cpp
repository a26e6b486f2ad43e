// A module of its own, compiled for the oldest supported CPU: what the loader asks before it
// imports a core that might use instructions this machine lacks.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <string>
#include <vector>

namespace {

struct Need {
    std::string level;
    std::string feature;
    bool supported;  // by the CPU and the operating system
};

std::vector<Need> needs() {
#ifdef __x86_64__
    __builtin_cpu_init();
    return {
#include "cpu_features.inc"
    };
#else
    return {};
#endif
}

}  // namespace

PYBIND11_MODULE(_cpu, module) {
    module.def(
        "missing_features",
        [](const std::string& level) {
            std::vector<std::string> features;
            for (const Need& need : needs()) {
                if (need.level == level && !need.supported) {
                    features.push_back(need.feature);
                }
            }
            return features;
        },
        pybind11::arg("level"), "Instruction sets that `level` needs and this CPU lacks.");
}
