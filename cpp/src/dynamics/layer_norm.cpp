#include "dynamics/layer_norm.hpp"

#include <array>
#include <utility>

namespace noisync {

std::optional<Placement> placement_from_name(std::string_view name) {
    using enum Placement;
    constexpr std::array<std::pair<std::string_view, Placement>, 6> kNames{{{"post", post},
                                                                            {"pre", pre},
                                                                            {"mix", mix},
                                                                            {"peri", peri},
                                                                            {"ngpt", ngpt},
                                                                            {"sqrt", sqrt}}};
    for (const auto& [known, placement] : kNames) {
        if (known == name) {
            return placement;
        }
    }
    return std::nullopt;
}

}  // namespace noisync
