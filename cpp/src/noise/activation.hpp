// The activation functions phi of the MLP and their derivatives, by name.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/types.hpp"

namespace noisync {

enum class Activation {
    relu,        // max(z, 0)
    leaky_relu,  // z for z > 0, z/100 otherwise
    gelu,        // z Phi(z), Phi the normal distribution function
    silu,        // z / (1 + e^-z)
    sigmoid,     // 1 / (1 + e^-z)
    tanh,
    erf,
    softplus,  // log(1 + e^z)
    elu,       // z for z > 0, e^z - 1 otherwise
    identity,
    sin,
};

std::vector<std::string_view> activation_names();
std::optional<Activation> activation_from_name(std::string_view name);

// data[i] <- phi(data[i]).
template <class Real>
void apply(Activation activation, Real* data, Index count);

// data[i] <- phi'(data[i]); at a kink, the derivative from the left.
template <class Real>
void apply_derivative(Activation activation, Real* data, Index count);

}  // namespace noisync
