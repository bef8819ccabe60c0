// The encoders, compiled for AVX-512. One 64-bit lane holds one 32-bit word of a block; what
// products leave in the upper half is never read.

#include <immintrin.h>
#include <string.h>

#include "encode.hpp"

namespace {

#include "encode_philox.inc"

constexpr __mmask8 kAllLanes = 0xFF;  // masked forms start from zeros, not from undefined lanes

inline __m512i product(__m512i a, __m512i b) { return _mm512_maskz_mul_epu32(kAllLanes, a, b); }
inline __m512i upper(__m512i a) { return _mm512_maskz_srli_epi64(kAllLanes, a, 32); }
inline __m512i xor3(__m512i a, __m512i b, __m512i c) {
  return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

// Eight blocks, whose first words are given, as 128 bytes in two vectors. Lane 2k holds block k
// and lane 2k + 1 block k + 4, so that unpacking puts the blocks in order.
inline void eight_blocks(const RateStream& stream, __m512i c0, __m512i* low, __m512i* high) {
  const __m512i first = _mm512_set1_epi64(kFirst), second = _mm512_set1_epi64(kSecond);
  __m512i c1 = _mm512_set1_epi64(stream.draw), c2 = _mm512_set1_epi64(stream.sample[0]);
  __m512i c3 = _mm512_set1_epi64(stream.sample[1]);
  std::uint32_t k0 = stream.key[0], k1 = stream.key[1];
  for (int round = 0; round < kRounds; ++round, k0 += kFirstStep, k1 += kSecondStep) {
    const __m512i p0 = product(c0, first), p1 = product(c2, second);
    c0 = xor3(upper(p1), c1, _mm512_set1_epi64(k0));
    c2 = xor3(upper(p0), c3, _mm512_set1_epi64(k1));
    c1 = p1;
    c3 = p0;
  }
  const __m512i pairs = _mm512_set_epi32(30, 14, 28, 12, 26, 10, 24, 8, 22, 6, 20, 4, 18, 2, 16, 0);
  // Low halves of two vectors, side by side.
  const __m512i front = _mm512_permutex2var_epi32(c0, pairs, c1);
  const __m512i back = _mm512_permutex2var_epi32(c2, pairs, c3);
  *low = _mm512_maskz_unpacklo_epi64(kAllLanes, front, back);
  *high = _mm512_maskz_unpackhi_epi64(kAllLanes, front, back);
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
  for (std::uint32_t k = 0; k < kEncodeSpan / 128; ++k) {
    __m512i low, high;
    eight_blocks(stream, _mm512_add_epi64(_mm512_set1_epi64(block + 8 * k), order), &low, &high);
    ties[2 * k] = compare(low, tops + 128 * k, out + 128 * k);
    ties[2 * k + 1] = compare(high, tops + 128 * k + 64, out + 128 * k + 64);
  }
}

#include "encode_loops.inc"

}  // namespace

extern const EncodeLoops kEncodeAvx512{"avx512", quotients, limits, rate};
