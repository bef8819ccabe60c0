// One granule of lanes in vectors.

#pragma once

#include "kernels.hpp"
#include "lanes.hpp"

namespace neurodeploy {
namespace {

constexpr int kVectors = kGranule / kLanes32;

template <int kCount = kVectors>
inline void load_granule(const std::int32_t* from, U32* to) {
  for (int i = 0; i < kCount; ++i) to[i] = load<U32>(from + i * kLanes32);
}

template <int kCount = kVectors>
inline void store_granule(std::int32_t* to, const U32* from) {
  for (int i = 0; i < kCount; ++i) store(to + i * kLanes32, from[i]);
}

template <int kCount = kVectors>
inline void record_granule(const Update& a, int index, int column, int lane, const U32* from) {
  if (a.record[index]) {
    store_granule<kCount>(a.record[index] + column * a.record_stride + lane, from);
  }
}

// The values of a parameter for the granule at `lane`.
inline const std::int32_t* parameter(const Update& a, int index, int lane) {
  return a.parameter[index].values + std::ptrdiff_t(lane / kGranule) * a.parameter[index].step;
}

inline std::int64_t sum_lanes(U32 values) {
  std::uint32_t lanes[kLanes32];
  store(lanes, values);
  std::int64_t sum = 0;
  for (std::uint32_t lane : lanes) sum += lane;
  return sum;
}

}  // namespace
}  // namespace neurodeploy
