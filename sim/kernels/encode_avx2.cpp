// The encoders, compiled for AVX2. One 64-bit lane holds one 32-bit word of a block; what products
// leave in the upper half is never read.

#include <immintrin.h>
#include <string.h>

#include "encode.hpp"

namespace {

#include "encode_philox.inc"

inline __m256i xor3(__m256i a, __m256i b, __m256i c) {
  return _mm256_xor_si256(a, _mm256_xor_si256(b, c));
}

// Four blocks, whose first words are given, as 64 bytes in two vectors. Lane 2k holds block k and
// lane 2k + 1 block k + 2, so that unpacking puts the blocks in order.
inline void four_blocks(const RateStream& stream, __m256i c0, __m256i* low, __m256i* high) {
  const __m256i first = _mm256_set1_epi64x(kFirst), second = _mm256_set1_epi64x(kSecond);
  __m256i c1 = _mm256_set1_epi64x(stream.draw), c2 = _mm256_set1_epi64x(stream.sample[0]);
  __m256i c3 = _mm256_set1_epi64x(stream.sample[1]);
  std::uint32_t k0 = stream.key[0], k1 = stream.key[1];
  for (int round = 0; round < kRounds; ++round, k0 += kFirstStep, k1 += kSecondStep) {
    const __m256i p0 = _mm256_mul_epu32(c0, first), p1 = _mm256_mul_epu32(c2, second);
    c0 = xor3(_mm256_srli_epi64(p1, 32), c1, _mm256_set1_epi64x(k0));
    c2 = xor3(_mm256_srli_epi64(p0, 32), c3, _mm256_set1_epi64x(k1));
    c1 = p1;
    c3 = p0;
  }
  const __m256i front = _mm256_blend_epi32(c0, _mm256_slli_epi64(c1, 32), 0xAA);
  const __m256i back = _mm256_blend_epi32(c2, _mm256_slli_epi64(c3, 32), 0xAA);
  *low = _mm256_unpacklo_epi64(front, back);
  *high = _mm256_unpackhi_epi64(front, back);
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
  for (std::uint32_t k = 0; k < kEncodeSpan / 64; ++k) {
    __m256i low, high;
    four_blocks(stream, _mm256_add_epi64(_mm256_set1_epi64x(block + 4 * k), order), &low, &high);
    const std::uint64_t lower = compare(low, tops + 64 * k, out + 64 * k);
    const std::uint64_t upper = compare(high, tops + 64 * k + 32, out + 64 * k + 32);
    ties[k] = lower | upper << 32;
  }
}

#include "encode_loops.inc"

}  // namespace

extern const EncodeLoops kEncodeAvx2{"avx2", quotients, limits, rate};
