#include "noisync/noise.hpp"

#include "samplers.hpp"

namespace noisync {

namespace {

template <class Real>
struct Make {
    using Result = std::unique_ptr<NoiseField<Real>>;
    Result operator()(const Mlp& config) const { return make_mlp<Real>(config); }
    Result operator()(const Features& config) const { return make_features<Real>(config); }
    Result operator()(const Harmonics& config) const { return make_harmonics<Real>(config); }
    Result operator()(const Exact& config) const { return make_exact<Real>(config); }
    Result operator()(const ValueNoise& config) const { return make_value<Real>(config); }
    Result operator()(const IndependentNoise& config) const {
        return make_independent<Real>(config);
    }
};

}  // namespace

template <class Real>
std::unique_ptr<NoiseField<Real>> make_noise(const NoiseConfig& config) {
    return std::visit(Make<Real>{}, config);
}

template <class Real>
void add_normals(const LayerKey& key, Purpose purpose, std::uint64_t first, Index count, Real scale,
                 Real* out) {
    std::vector<Real> normals(static_cast<std::size_t>(count));
    for (std::uint32_t layer = key.layer; layer < key.layer + key.count; ++layer) {
        fill_normals({key.seed, key.replicate, layer, purpose}, first, count, scale,
                     normals.data());
        for (Index i = 0; i < count; ++i) {
            out[i] += normals[static_cast<std::size_t>(i)];
        }
    }
}

template std::unique_ptr<NoiseField<float>> make_noise<float>(const NoiseConfig&);
template std::unique_ptr<NoiseField<double>> make_noise<double>(const NoiseConfig&);
template void add_normals<float>(const LayerKey&, Purpose, std::uint64_t, Index, float, float*);
template void add_normals<double>(const LayerKey&, Purpose, std::uint64_t, Index, double, double*);

}  // namespace noisync
