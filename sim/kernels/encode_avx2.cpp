// The encoders, compiled for AVX2. One 64-bit lane holds one 32-bit word of a block; what products
// leave in the upper half is never read.

#include <immintrin.h>
#include <string.h>

#include "encode.hpp"

namespace {

inline __m256i xor3(__m256i a, __m256i b, __m256i c) {
  return _mm256_xor_si256(a, _mm256_xor_si256(b, c));
}

constexpr int kChains = 2;  // independent groups of four blocks that hide each other's latency

// Groups of four blocks, whose first words are given, as 64 bytes in two vectors each. Lane 2k
// holds block k and lane 2k + 1 block k + 2, so that unpacking puts the blocks in order.
inline void random_bytes(const RateStream& stream, __m256i* c0, __m256i* low, __m256i* high) {
  const __m256i first = _mm256_set1_epi64x(kPhiloxFirst);
  const __m256i second = _mm256_set1_epi64x(kPhiloxSecond);
  __m256i c1[kChains], c2[kChains], c3[kChains];
  for (int i = 0; i < kChains; ++i) {
    c1[i] = _mm256_set1_epi64x(stream.draw);
    c2[i] = _mm256_set1_epi64x(stream.sample[0]);
    c3[i] = _mm256_set1_epi64x(stream.sample[1]);
  }
#ifdef __GNUC__
#pragma GCC unroll 7
#endif
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const __m256i k0 = _mm256_set1_epi64x(static_cast<long long>(stream.keys[2 * round]));
    const __m256i k1 = _mm256_set1_epi64x(static_cast<long long>(stream.keys[2 * round + 1]));
    for (int i = 0; i < kChains; ++i) {
      const __m256i p0 = _mm256_mul_epu32(c0[i], first), p1 = _mm256_mul_epu32(c2[i], second);
      c0[i] = xor3(_mm256_srli_epi64(p1, 32), c1[i], k0);
      c2[i] = xor3(_mm256_srli_epi64(p0, 32), c3[i], k1);
      c1[i] = p1;
      c3[i] = p0;
    }
  }
  for (int i = 0; i < kChains; ++i) {
    const __m256i front = _mm256_blend_epi32(c0[i], _mm256_slli_epi64(c1[i], 32), 0xAA);
    const __m256i back = _mm256_blend_epi32(c2[i], _mm256_slli_epi64(c3[i], 32), 0xAA);
    low[i] = _mm256_unpacklo_epi64(front, back);
    high[i] = _mm256_unpackhi_epi64(front, back);
  }
}

inline std::uint32_t compare(__m256i bytes, const std::uint8_t* tops, std::uint8_t* out) {
  const __m256i top = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(tops));
  const __m256i spikes = _mm256_min_epu8(_mm256_subs_epu8(top, bytes), _mm256_set1_epi8(1));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), spikes);
  return static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(top, bytes)));
}

inline void decide(const RateStream& stream, std::uint32_t block, const std::uint8_t* tops,
                   std::uint8_t* out, std::uint64_t* ties) {
  const __m256i order = _mm256_set_epi64x(3, 1, 2, 0);
  for (int at = 0; at < static_cast<int>(kEncodeSpan); at += 64 * kChains) {
    __m256i c0[kChains], low[kChains], high[kChains];
    for (int i = 0; i < kChains; ++i) {
      const std::uint32_t from = block + static_cast<std::uint32_t>(at / 16 + 4 * i);
      c0[i] = _mm256_add_epi64(_mm256_set1_epi64x(from), order);
    }
    random_bytes(stream, c0, low, high);
    for (int i = 0; i < kChains; ++i) {
      const int k = at + 64 * i;
      const std::uint64_t lower = compare(low[i], tops + k, out + k);
      const std::uint64_t upper = compare(high[i], tops + k + 32, out + k + 32);
      ties[k / 64] = lower | upper << 32;
    }
  }
}

#include "encode_loops.inc"

}  // namespace

extern const EncodeLoops kEncodeAvx2{"avx2", quotients, limits, rate};
