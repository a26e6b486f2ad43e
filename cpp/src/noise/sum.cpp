#include "noise/sum.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace noisync {

namespace {

constexpr std::size_t kParts = 256;  // that a stream tells apart

template <class Real>
class SumField final : public NoiseField<Real> {
   public:
    explicit SumField(const std::vector<SharedNoiseLaw>& parts) {
        for (const SharedNoiseLaw& part : parts) {
            fields_.push_back(part->field<Real>());
        }
    }

    void add(const Tokens<Real>& y, const Vector<Real>& weights, const LayerKey& key, Real scale,
             Tokens<Real>& out, Derivatives<Real>* derivatives, Execution& execution) override {
        LayerKey key_of_part = key;
        for (const auto& field : fields_) {
            field->add(y, weights, key_of_part, scale, out, derivatives, execution);
            ++key_of_part.part;
        }
    }

   private:
    std::vector<std::unique_ptr<NoiseField<Real>>> fields_;
};

class SumLaw final : public LawOf<SumField, std::vector<SharedNoiseLaw>> {
   public:
    using LawOf::LawOf;
    void require_dim(Index dim) const override {
        for (const SharedNoiseLaw& part : parameters()) {
            part->require_dim(dim);
        }
    }
};

class SumPairs final : public PairNoise {
   public:
    explicit SumPairs(std::vector<SharedPairNoise> parts) : parts_(std::move(parts)) {}

    void require_dim(Index dim) const override {
        for (const SharedPairNoise& part : parts_) {
            part->require_dim(dim);
        }
    }

    [[nodiscard]] TileNoise prepare(const PackedTokens& packed, const Tokens<double>& x,
                                    const Vector<double>& weights, double beta,
                                    Execution& execution) const override {
        std::vector<TileNoise> tiles;
        tiles.reserve(parts_.size());
        for (const SharedPairNoise& part : parts_) {
            tiles.push_back(part->prepare(packed, x, weights, beta, execution));
        }
        return [tiles = std::move(tiles)](const GapTile& tile, int worker) {
            double sum = 0;
            for (const TileNoise& part : tiles) {
                sum += part(tile, worker);
            }
            return sum;
        };
    }

   private:
    std::vector<SharedPairNoise> parts_;
};

template <class Part>
void require_parts(const std::vector<Part>& parts) {
    const bool whole = std::ranges::all_of(parts, [](const Part& part) { return part != nullptr; });
    if (parts.empty() || parts.size() > kParts || !whole) {
        throw std::invalid_argument("a sum of noises has 1 to 256 parts");
    }
}

}  // namespace

SharedNoiseLaw noise_sum(std::vector<SharedNoiseLaw> parts) {
    require_parts(parts);
    return std::make_shared<const SumLaw>(std::move(parts));
}

SharedPairNoise pair_noise_sum(std::vector<SharedPairNoise> parts) {
    require_parts(parts);
    return std::make_shared<const SumPairs>(std::move(parts));
}

}  // namespace noisync
