// Where the normalisation of a layer stands: what becomes of the sum of tokens and attention.
//
// A token has a direction x on the sphere and, under some, a norm r. With A the attention of the
// directions, one layer of thickness D from time t on, and its limit as D -> 0:
//
//     post    x <- LN(x + D A)                                x' = P A
//     pre     y = r x + D A;      r <- |y|, x <- y/r          (r x)' = A
//     mix     post up to a layer, then pre
//     peri    y = r x + D A/|A|;  r <- |y|, x <- y/r          (r x)' = A/|A|
//     ngpt    x <- LN(x + D alpha A/|A|)                      x' = alpha P A/|A|
//     sqrt    x <- LN(x + D A/sqrt(t + 1))                    x' = P A/sqrt(t + 1)
//
// A/|A| is 0 where a token attends to none.
#pragma once

#include <optional>
#include <string_view>

#include "base/types.hpp"

namespace noisync {

enum class Placement { post, pre, mix, peri, ngpt, sqrt };

std::optional<Placement> placement_from_name(std::string_view name);

struct LayerNorm {
    Placement placement = Placement::post;
    Index switch_layer = 0;  // of mix: the first layer that is pre
    double alpha = 1.0;      // of ngpt

    // That of one layer: mix is one of two.
    [[nodiscard]] Placement at(Index layer) const {
        if (placement != Placement::mix) {
            return placement;
        }
        return layer < switch_layer ? Placement::post : Placement::pre;
    }

    // Whether norms are part of the state.
    [[nodiscard]] bool keeps_norms() const {
        return placement == Placement::pre || placement == Placement::mix ||
               placement == Placement::peri;
    }

    // Whether noise has a place in it.
    [[nodiscard]] bool takes_noise() const {
        return placement == Placement::post || placement == Placement::pre;
    }
};

}  // namespace noisync
