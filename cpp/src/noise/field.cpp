#include "noise/field.hpp"

#include <vector>

namespace noisync {

template <class Real>
void add_normals(const LayerKey& key, Purpose purpose, std::uint64_t first, Index count, Real scale,
                 Real* out) {
    std::vector<Real> normals(static_cast<std::size_t>(count));
    for (std::uint32_t layer = key.layer; layer < key.layer + key.count; ++layer) {
        fill_normals(key.stream(layer, purpose), first, count, scale, normals.data());
        for (Index i = 0; i < count; ++i) {
            out[i] += normals[static_cast<std::size_t>(i)];
        }
    }
}

template void add_normals<float>(const LayerKey&, Purpose, std::uint64_t, Index, float, float*);
template void add_normals<double>(const LayerKey&, Purpose, std::uint64_t, Index, double, double*);

}  // namespace noisync
