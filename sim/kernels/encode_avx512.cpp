// The encoders, compiled for AVX-512. One 64-bit lane holds one 32-bit word of a block; what
// products leave in the upper half is never read.

#include <immintrin.h>
#include <string.h>

#include "encode.hpp"

namespace {

constexpr __mmask8 kAllLanes = 0xFF;  // masked forms start from zeros, not from undefined lanes

inline __m512i product(__m512i a, __m512i b) { return _mm512_maskz_mul_epu32(kAllLanes, a, b); }
inline __m512i upper(__m512i a) { return _mm512_maskz_srli_epi64(kAllLanes, a, 32); }
inline __m512i xor3(__m512i a, __m512i b, __m512i c) {
  return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

constexpr int kChains = 2;  // independent groups of eight blocks that hide each other's latency

// Groups of eight blocks, whose first words are given, as 128 bytes in two vectors each. Lane 2k
// holds block k and lane 2k + 1 block k + 4, so that unpacking puts the blocks in order.
inline void random_bytes(const RateStream& stream, __m512i* c0, __m512i* low, __m512i* high) {
  const __m512i first = _mm512_set1_epi64(kPhiloxFirst), second = _mm512_set1_epi64(kPhiloxSecond);
  __m512i c1[kChains], c2[kChains], c3[kChains];
  for (int i = 0; i < kChains; ++i) {
    c1[i] = _mm512_set1_epi64(stream.draw);
    c2[i] = _mm512_set1_epi64(stream.sample[0]);
    c3[i] = _mm512_set1_epi64(stream.sample[1]);
  }
#ifdef __GNUC__
#pragma GCC unroll 7
#endif
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const __m512i k0 = _mm512_set1_epi64(static_cast<long long>(stream.keys[2 * round]));
    const __m512i k1 = _mm512_set1_epi64(static_cast<long long>(stream.keys[2 * round + 1]));
    for (int i = 0; i < kChains; ++i) {
      const __m512i p0 = product(c0[i], first), p1 = product(c2[i], second);
      c0[i] = xor3(upper(p1), c1[i], k0);
      c2[i] = xor3(upper(p0), c3[i], k1);
      c1[i] = p1;
      c3[i] = p0;
    }
  }
  // Low halves of two vectors, side by side.
  const __m512i pairs = _mm512_set_epi32(30, 14, 28, 12, 26, 10, 24, 8, 22, 6, 20, 4, 18, 2, 16, 0);
  for (int i = 0; i < kChains; ++i) {
    const __m512i front = _mm512_permutex2var_epi32(c0[i], pairs, c1[i]);
    const __m512i back = _mm512_permutex2var_epi32(c2[i], pairs, c3[i]);
    low[i] = _mm512_maskz_unpacklo_epi64(kAllLanes, front, back);
    high[i] = _mm512_maskz_unpackhi_epi64(kAllLanes, front, back);
  }
}

inline std::uint64_t compare(__m512i bytes, const std::uint8_t* tops, std::uint8_t* out) {
  const __m512i top = _mm512_loadu_si512(tops);
  const __m512i spikes = _mm512_min_epu8(_mm512_subs_epu8(top, bytes), _mm512_set1_epi8(1));
  _mm512_storeu_si512(out, spikes);
  return _mm512_cmpeq_epi8_mask(top, bytes);
}

inline void decide(const RateStream& stream, std::uint32_t block, const std::uint8_t* tops,
                   std::uint8_t* out, std::uint64_t* ties) {
  const __m512i order = _mm512_set_epi64(7, 3, 6, 2, 5, 1, 4, 0);
  __m512i c0[kChains], low[kChains], high[kChains];
  for (int i = 0; i < kChains; ++i) {
    c0[i] = _mm512_add_epi64(_mm512_set1_epi64(block + 8 * i), order);
  }
  random_bytes(stream, c0, low, high);
  for (int i = 0; i < kChains; ++i) {
    ties[2 * i] = compare(low[i], tops + 128 * i, out + 128 * i);
    ties[2 * i + 1] = compare(high[i], tops + 128 * i + 64, out + 128 * i + 64);
  }
}

static_assert(kEncodeSpan == 128 * kChains, "a call decides one span");

#include "encode_loops.inc"

}  // namespace

extern const EncodeLoops kEncodeAvx512{"avx512", quotients, limits, rate};
