// The encoders, for every processor.

#include <string.h>

#include "encode.hpp"

namespace {

constexpr int kBlocks = 16;

// The 16 blocks from `block` on, as 256 bytes, low byte of each word first.
void random_bytes(const RateStream& stream, std::uint32_t block, std::uint8_t* out) {
  std::uint32_t c0[kBlocks], c1[kBlocks], c2[kBlocks], c3[kBlocks];
  for (int i = 0; i < kBlocks; ++i) {
    c0[i] = block + static_cast<std::uint32_t>(i);
    c1[i] = stream.draw;
    c2[i] = stream.sample[0];
    c3[i] = stream.sample[1];
  }
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const std::uint32_t k0 = static_cast<std::uint32_t>(stream.keys[2 * round]);
    const std::uint32_t k1 = static_cast<std::uint32_t>(stream.keys[2 * round + 1]);
    for (int i = 0; i < kBlocks; ++i) {
      const std::uint64_t p0 = std::uint64_t(c0[i]) * kPhiloxFirst;
      const std::uint64_t p1 = std::uint64_t(c2[i]) * kPhiloxSecond;
      c0[i] = static_cast<std::uint32_t>(p1 >> 32) ^ c1[i] ^ k0;
      c2[i] = static_cast<std::uint32_t>(p0 >> 32) ^ c3[i] ^ k1;
      c1[i] = static_cast<std::uint32_t>(p1);
      c3[i] = static_cast<std::uint32_t>(p0);
    }
  }
  for (int i = 0; i < kBlocks; ++i) {
    const std::uint32_t words[4] = {c0[i], c1[i], c2[i], c3[i]};
    for (int j = 0; j < 16; ++j) {
      out[16 * i + j] = static_cast<std::uint8_t>(words[j / 4] >> (8 * (j % 4)));
    }
  }
}

inline void decide(const RateStream& stream, std::uint32_t block, const std::uint8_t* tops,
            std::uint8_t* out, std::uint64_t* ties) {
  std::uint8_t bytes[kEncodeSpan], equal[kEncodeSpan];
  random_bytes(stream, block, bytes);
  for (std::size_t i = 0; i < kEncodeSpan; ++i) {
    out[i] = bytes[i] < tops[i];
    equal[i] = bytes[i] == tops[i];
  }
  for (std::size_t k = 0; k < kEncodeSpan / 64; ++k) {
    ties[k] = 0;
    for (int i = 0; i < 64; i += 8) {
      std::uint64_t any;
      memcpy(&any, equal + 64 * k + i, sizeof any);
      if (any == 0) continue;
      for (int j = i; j < i + 8; ++j) ties[k] |= std::uint64_t(equal[64 * k + j]) << j;
    }
  }
}

#include "encode_loops.inc"

}  // namespace

extern const EncodeLoops kEncodePortable{"portable", quotients, limits, rate};
