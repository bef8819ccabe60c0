// Spikes as bits.

#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__SSE2__) || defined(_M_X64)  // part of every 64-bit x86
#include <emmintrin.h>
#define NEURODEPLOY_SSE2
#endif

namespace neurodeploy {

// Bit l of the result is the event (0 or 1) of lane l, eight lanes to a byte; lanes come in granules.
inline void pack_bits(const std::uint8_t* events, std::size_t lanes, std::uint8_t* bits) {
#ifdef NEURODEPLOY_SSE2
  for (std::size_t l = 0; l < lanes; l += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(events + l));
    const int mask = _mm_movemask_epi8(_mm_slli_epi16(bytes, 7));  // 0/1 to the upper bit of a byte
    bits[l / 8] = std::uint8_t(mask);
    bits[l / 8 + 1] = std::uint8_t(mask >> 8);
  }
#else
  for (std::size_t l = 0; l < lanes; l += 8) {
    unsigned byte = 0;
    for (int i = 0; i < 8; ++i) byte |= unsigned(events[l + i]) << i;
    bits[l / 8] = std::uint8_t(byte);
  }
#endif
}

}  // namespace neurodeploy
