// Runs one kernel so many times, on one thread: what callgrind counts of it is the difference of
// two runs. Without arguments it lists the kernels.
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "attention/exponential.hpp"
#include "configurations.hpp"
#include "harmonics/sums.hpp"
#include "measure/energy.hpp"
#include "noise/mlp.hpp"
#include "random/random.hpp"

namespace {

using namespace noisync;

using Kernel = std::function<void()>;

template <class Real>
Kernel attention(Index n, Index d, const ExponentialAttention& law) {
    return [n, d, evaluator = std::shared_ptr(attention_law(law)->evaluator<Real>({})),
            x = bench::uniform<Real>(n, d), weights = bench::equal_weights<Real>(n)] {
        Execution execution;
        Tokens<Real> out(n, d);
        evaluator->evaluate(x, weights, out, execution);
    };
}

ExponentialAttention with_matrices(Index d) {
    ExponentialAttention attention;
    attention.query = Matrix<double>::Identity(d, d);
    attention.key = Matrix<double>::Identity(d, d);
    return attention;
}

template <class Real>
Kernel mlp(Index n, Index d, Index width) {
    return [noise = std::shared_ptr(
                noise_law(Mlp{{Activation::tanh, width, 0.5, 0.25}})->field<Real>()),
            y = bench::uniform<Real>(n, d)] {
        Execution execution;
        Tokens<Real> out = y;
        noise->add(y, {}, {1, 0, 0}, Real(1), out, nullptr, execution);
    };
}

template <class Real>
Kernel normals(Index count) {
    return [count] {
        std::vector<Real> out(static_cast<std::size_t>(count));
        fill_normals({1, 0, 0, Purpose::initial_tokens}, 0, count, Real(1), out.data());
    };
}

Kernel harmonics(Index n, Index d) {
    return [x = bench::uniform<double>(n, d), weights = bench::equal_weights<double>(n)] {
        constexpr Index kDegree = 20;
        Execution execution;
        Matrix<double> sums;
        harmonic_sums(HarmonicTransform(kDegree, x.cols()), std::vector<double>(kDegree + 1, 0.1),
                      x, x, weights, sums, execution);
    };
}

Kernel energy(Index n, Index d) {
    return [x = bench::uniform<double>(n, d), weights = bench::equal_weights<double>(n)] {
        Execution execution;
        (void)interaction_energy(x, weights, {1.0}, execution);
    };
}

// Small: valgrind emulates fused multiply-adds, a few million a second.
std::map<std::string, Kernel> kernels() {
    constexpr Index kTokens = 288;  // several blocks
    std::map<std::string, Kernel> all;
    for (const Index d : {3, 16, 64, 128}) {
        const std::string size = " d=" + std::to_string(d);
        all["attention float64" + size] = attention<double>(kTokens, d, {});
        all["attention float32" + size] = attention<float>(kTokens, d, {});
    }
    all["general attention float64 d=64"] = attention<double>(kTokens, 64, with_matrices(64));
    all["general attention float32 d=64"] = attention<float>(kTokens, 64, with_matrices(64));
    all["mlp float64"] = mlp<double>(96, 64, 256);
    all["mlp float32"] = mlp<float>(96, 64, 256);
    all["normals float64"] = normals<double>(100'000);
    all["normals float32"] = normals<float>(100'000);
    all["harmonic sums d=2"] = harmonics(4'000, 2);
    all["harmonic sums d=3"] = harmonics(1'500, 3);
    all["energy float64 d=64"] = energy(kTokens, 64);
    return all;
}

}  // namespace

int main(int count, char** arguments) {
    const auto all = kernels();
    if (count < 3) {
        for (const auto& [name, kernel] : all) {
            std::cout << name << '\n';
        }
        return 0;
    }
    const auto found = all.find(arguments[1]);
    if (found == all.end()) {
        return 1;
    }
    for (int k = std::atoi(arguments[2]); k > 0; --k) {
        found->second();
    }
    return 0;
}
