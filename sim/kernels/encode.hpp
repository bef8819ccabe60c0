// Encoders: arguments of the loops and the table of instruction sets.
//
// All arithmetic is exact, so that every instruction set gives the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>

constexpr std::size_t kEncodeSpan = 256;  // decisions made at once; tables reach so far past the end

// Philox-4x32-7 (Salmon et al., SC 2011, "Parallel random numbers: as easy as 1, 2, 3"). Seven
// rounds are the fewest that pass BigCrush there; the common ten cost a third more time.
constexpr int kPhiloxRounds = 7;
constexpr std::uint32_t kPhiloxFirst = 0xD2511F53u, kPhiloxSecond = 0xCD9E8D57u;
constexpr std::uint32_t kPhiloxFirstStep = 0x9E3779B9u, kPhiloxSecondStep = 0xBB67AE85u;

// floor((x * factor + offset) / divisor) for a numerator in [0, 2^50), as a product of doubles:
// the numerator is exact, and half a divisor's worth of the last place absorbs the roundings.
struct Quotient {
  double factor, offset, divisor;
};

// Random numbers of one sample: Philox-4x32-7 at counter (block, draw, sample).
struct RateStream {
  std::uint64_t keys[2 * kPhiloxRounds];  // both keys of every round
  std::uint32_t draw;
  std::uint32_t sample[2];  // low and high half; bit 31 of the high half chooses the second plane
};

// One sample: `out` gets steps * size bytes, spike i is of value i mod size. The tables hold, for
// value i mod size, the first 8 bits and all 32 bits of the limit, for size + kEncodeSpan values.
struct RateSample {
  RateStream stream;
  const std::uint8_t* tops;
  const std::uint32_t* limits;
  std::size_t size;
  std::uint64_t count;
  std::uint8_t* out;
};

struct EncodeLoops {
  const char* name;
  void (*quotients)(const std::int32_t* x, std::size_t count, const Quotient& rule,
                    std::int32_t* out);
  // Fills the first `size` entries of the tables; 2^32 is stored as 255 and 0.
  void (*limits)(const std::int32_t* x, std::size_t size, std::uint32_t peak, std::uint8_t* tops,
                 std::uint32_t* limits);
  void (*rate)(const RateSample& sample);
};

extern const EncodeLoops kEncodePortable;
#ifdef NEURODEPLOY_X86_KERNELS
extern const EncodeLoops kEncodeAvx2;
extern const EncodeLoops kEncodeAvx512;
#endif
