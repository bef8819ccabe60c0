// Integer rules of the chip for single values, as in neurodeploy/fixedpoint.py.

#pragma once

#include <cstdint>

namespace neurodeploy {
namespace {

constexpr std::int64_t kLimit = std::int64_t(1) << 23;  // M: u is corrected beyond, v saturates below
constexpr int kDecayBits = 12;
constexpr int kStateExp = 6;  // fraction bits that sigma-delta states keep below a message

// Two's-complement wrap to 32 bits.
inline std::int32_t wrap32(std::int64_t value) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(static_cast<std::uint64_t>(value)));
}

inline std::int32_t add32(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

inline std::int32_t subtract32(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) - static_cast<std::uint32_t>(b));
}

inline std::int32_t multiply32(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) * static_cast<std::uint32_t>(b));
}

inline std::int32_t shift_left32(std::int32_t value, int bits) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(value) << bits);
}

// Division by 4096 rounded toward zero.
inline std::int64_t tz(std::int64_t product) {
  return (product + ((product >> 63) & ((1 << kDecayBits) - 1))) >> kDecayBits;
}

inline std::int64_t clamp(std::int64_t value, std::int64_t low, std::int64_t high) {
  return value < low ? low : value > high ? high : value;
}

inline std::int64_t saturate(std::int64_t value) { return clamp(value, 1 - kLimit, kLimit - 1); }

}  // namespace
}  // namespace neurodeploy
