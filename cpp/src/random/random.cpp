#include "random/random.hpp"

#include <algorithm>

#include "random/quantile.hpp"
#include "random/words.hpp"

namespace noisync {

namespace {

using random::Wide;
using random::Words;
using std::uint32_t;
using std::uint64_t;

constexpr uint32_t kMultiplier0 = 0xD2511F53;
constexpr uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9;
constexpr uint32_t kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

constexpr Index kWordsPerBlock = 4;
constexpr uint32_t kBlockBits = 0xFFFFFF;  // of the block, in word 3 of a counter
constexpr uint32_t kSecondWords = 0x80;    // added to a purpose

// Vectors of blocks computed together: in one alone, each operation would wait for the one before.
constexpr int kGroup = simd::kRegisters == 32 ? 4 : 2;
constexpr Index kLanes = simd::kLanes<uint64_t>;
constexpr Index kGroupWords = kGroup * kLanes * kWordsPerBlock;

// Words between Philox and the quantile function: they stay in the first-level cache.
constexpr Index kBatch = 512;
static_assert(kBatch % kGroupWords == 0);

[[gnu::always_inline]] inline Wide in_all_lanes(uint64_t x) {
    return Wide{} + x;
}

// The key of every round, in all lanes.
class RoundKeys {
   public:
    explicit RoundKeys(PhiloxKey key) {
        for (auto& round : keys_) {
            round[0] = in_all_lanes(key[0]);
            round[1] = in_all_lanes(key[1]);
            key[0] += kWeyl0;
            key[1] += kWeyl1;
        }
    }

    const Wide (&operator[](int round) const)[2] { return keys_[round]; }

   private:
    Wide keys_[kRounds][2];
};

// Words in the lower halves of lanes, the upper halves being anything.
template <int Count>
[[gnu::always_inline]] inline void philox_rounds(Wide (&blocks)[Count][4], const RoundKeys& keys) {
    for (int round = 0; round < kRounds; ++round) {
        for (Wide(&word)[4] : blocks) {
            const Wide product0 = random::multiply_words(word[0], in_all_lanes(kMultiplier0));
            const Wide product1 = random::multiply_words(word[2], in_all_lanes(kMultiplier1));
            word[0] = random::upper_words(product1) ^ word[1] ^ keys[round][0];
            word[2] = random::upper_words(product0) ^ word[3] ^ keys[round][1];
            word[1] = product1;
            word[3] = product0;
        }
    }
}

PhiloxKey key_of(const Stream& stream) {
    return {uint32_t(stream.seed), uint32_t(stream.seed >> 32)};
}

// Word 3 of a counter, without the block.
uint32_t address(uint32_t purpose, uint32_t part) {
    return purpose << 24 | part << 16;
}

// The words of whole groups of blocks from a block on, at least `count`.
void write_words(const Stream& stream, const RoundKeys& keys, uint64_t first_block, Index count,
                 uint32_t* words) {
    const uint64_t upper = address(static_cast<uint32_t>(stream.purpose), stream.part);
    for (const uint32_t* end = words + count; words < end;) {
        Wide blocks[kGroup][4];
        for (Wide(&word)[4] : blocks) {
            const Wide block = simd::load(random::kBlockOfLane.data()) + first_block;
            word[0] = block;
            word[1] = in_all_lanes(stream.layer);
            word[2] = in_all_lanes(stream.replicate);
            word[3] = ((block >> 32) & kBlockBits) ^ upper;
            first_block += uint64_t(kLanes);
        }
        philox_rounds(blocks, keys);
        for (const auto& word : blocks) {
            for (const Words& part : random::in_order(word)) {
                simd::store(words, part);
                words += simd::kLanes<uint32_t>;
            }
        }
    }
}

bool any_rare(const uint32_t* words, Index count) {
    uint32_t least = ~0U;
    for (Index i = 0; i < count; ++i) {
        least = std::min(least, words[i]);
    }
    return random::is_rare(least);
}

uint32_t second_word(const Stream& stream, uint64_t element) {
    const uint64_t block = element / kWordsPerBlock;
    const uint32_t upper =
        address(static_cast<uint32_t>(stream.purpose) + kSecondWords, stream.part);
    const uint32_t last = upper ^ (uint32_t(block >> 32) & kBlockBits);
    return philox4x32({uint32_t(block), stream.layer, stream.replicate, last},
                      key_of(stream))[element % kWordsPerBlock];
}

}  // namespace

PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) {
    Wide blocks[1][4];
    for (std::size_t k = 0; k < 4; ++k) {
        blocks[0][k] = in_all_lanes(counter[k]);
    }
    philox_rounds(blocks, RoundKeys(key));
    for (std::size_t k = 0; k < 4; ++k) {
        counter[k] = uint32_t(blocks[0][k][0]);
    }
    return counter;
}

template <class Real>
void fill_normals(const Stream& stream, std::uint64_t first, Index count, Real scale, Real* out) {
    const RoundKeys keys(key_of(stream));
    uint32_t batch[kBatch];
    while (count > 0) {
        const auto skip = Index(first % kWordsPerBlock);
        const Index taken = std::min(count, kBatch - skip);
        const uint32_t* words = batch + skip;
        write_words(stream, keys, first / kWordsPerBlock, skip + taken, batch);
        random::normals(words, taken, scale, out);
        if (any_rare(words, taken)) {
            for (Index i = 0; i < taken; ++i) {
                if (random::is_rare(words[i])) {
                    const uint32_t second = second_word(stream, first + uint64_t(i));
                    out[i] = random::rare_normal<Real>(words[i], second) * scale;
                }
            }
        }
        first += uint64_t(taken);
        out += taken;
        count -= taken;
    }
}

std::array<double, 2> uniform_pair(const Stream& stream, uint64_t block) {
    const uint32_t last = address(static_cast<uint32_t>(stream.purpose), stream.part) ^
                          (uint32_t(block >> 32) & kBlockBits);
    const PhiloxCounter words =
        philox4x32({uint32_t(block), stream.layer, stream.replicate, last}, key_of(stream));
    const auto uniform = [](uint32_t high, uint32_t low) {
        const uint64_t bits = (uint64_t{high} << 32 | low) >> 12;
        return (double(bits) + 0.5) * 0x1p-52;
    };
    return {uniform(words[0], words[1]), uniform(words[2], words[3])};
}

template void fill_normals<float>(const Stream&, std::uint64_t, Index, float, float*);
template void fill_normals<double>(const Stream&, std::uint64_t, Index, double, double*);

}  // namespace noisync
