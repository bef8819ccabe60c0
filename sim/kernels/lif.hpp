// CUBA neurons in 32-bit vectors. Exact as long as |u| <= 2^23, |64 a| <= 2^24 and the keep factors
// lie in 0..4096: then |x| < 2^27, nothing wraps 32 bits, and one correction brings u back to 2^23.

#pragma once

#include "arithmetic.hpp"
#include "kernels.hpp"
#include "lanes.hpp"

namespace neurodeploy {
namespace {

constexpr int kVectors = kGranule / kLanes32;  // vectors of one granule

template <class V = U32>
inline void load_granule(const std::int32_t* from, V* to) {
  for (int i = 0; i < kVectors; ++i) to[i] = load<V>(from + i * kLanes32);
}

inline void store_granule(std::int32_t* to, const U32* from) {
  for (int i = 0; i < kVectors; ++i) store(to + i * kLanes32, from[i]);
}

struct NarrowInput {
  typedef std::int16_t Value;
  static U32 current(const Value* from) { return load_narrow(from) << 6; }
};
struct PlainInput {
  typedef std::int32_t Value;
  static U32 current(const Value* from) { return load<U32>(from) << 6; }
};
struct ScaledInput {
  typedef std::int32_t Value;
  static U32 current(const Value* from) { return load<U32>(from); }
};

struct Overflows {
  U32 u_wraps = {}, v_saturations = {};
};

// Folds u back once and clamps v, where the granule holds a value that needs it.
inline void correct(U32* x, U32* v, Overflows& counts) {
  const U32 limit = splat(std::uint32_t(kLimit)), top = splat(std::uint32_t(kLimit - 1));
  const U32 bottom = splat(std::uint32_t(1 - kLimit)), period = splat(std::uint32_t(2 * kLimit));
  for (int i = 0; i < kVectors; ++i) {
    const U32 above = greater(x[i], limit), below = greater(bottom, x[i]);
    const U32 folded = x[i] - (period & above) + (period & below);
    const U32 wide = v[i] - x[i] + folded;
    const U32 over = greater(wide, top), under = greater(bottom, wide);
    x[i] = folded;
    v[i] = select(over, top, select(under, bottom, wide));
    counts.u_wraps -= above | below;
    counts.v_saturations -= over | under;
  }
}

inline std::int64_t sum_lanes(U32 values) {
  std::uint32_t lanes[kLanes32];
  store(lanes, values);
  std::int64_t sum = 0;
  for (std::uint32_t lane : lanes) sum += lane;
  return sum;
}

// v after a spike, for the lanes of `spike`.
template <int kReset>
inline U32 reset(U32 v, U32 spike, U32 threshold) {
  if (kReset == kResetZero) return v & ~spike;
  if (kReset == kResetSubtract) {
    return select(spike, smaller_of(v - threshold, splat(std::uint32_t(kLimit - 1))), v);
  }
  return v;
}

template <class Input, int kReset>
void lif_granule(Update& a, int lane) {
  const std::ptrdiff_t granule = lane / kGranule;
  const auto parameter = [&](int index) {
    return a.parameter[index].values + granule * a.parameter[index].step;
  };
  const std::int32_t *keep_u = parameter(kKeepU), *keep_v = parameter(kKeepV);
  const std::int32_t *threshold = parameter(kThreshold), *bias = parameter(kBias);
  const auto* input = static_cast<const typename Input::Value*>(a.input[0]) + lane;
  std::uint8_t* sent = static_cast<std::uint8_t*>(a.sent) + lane;
  Overflows counts;
  U32 u[kVectors], v[kVectors];
  load_granule(a.state[0] + lane, u);
  load_granule(a.state[1] + lane, v);
  for (int k = 0; k < a.columns; ++k, input += a.input_stride, sent += a.sent_stride) {
    if (a.bias) bias = a.bias + k * a.bias_stride + lane;
    if (a.clear && a.clear[k]) {
      for (int i = 0; i < kVectors; ++i) u[i] = v[i] = U32{};
    }
    U32 seen = {};
    for (int i = 0; i < kVectors; ++i) {
      const int l = i * kLanes32;
      u[i] = decay(u[i], load<U32>(keep_u + l)) + Input::current(input + l);
      v[i] = decay(v[i], load<U32>(keep_v + l)) + u[i] + load<U32>(bias + l);
      seen |= magnitude(u[i]) | magnitude(v[i]);
    }
    // Magnitudes below 2^23 need no correction.
    if (any(seen & splat(~std::uint32_t(kLimit - 1)))) correct(u, v, counts);
    if (kReset != kNoSpike) {
      U32 spike[kVectors];
      for (int i = 0; i < kVectors; ++i) {
        const U32 limit = load<U32>(threshold + i * kLanes32);
        spike[i] = greater(v[i], limit);
        v[i] = reset<kReset>(v[i], spike[i], limit);
      }
      store_spikes(sent, spike);
    }
    if (a.record[0]) store_granule(a.record[0] + k * a.record_stride + lane, u);
    if (a.record[1]) store_granule(a.record[1] + k * a.record_stride + lane, v);
  }
  store_granule(a.state[0] + lane, u);
  store_granule(a.state[1] + lane, v);
  a.u_wraps += sum_lanes(counts.u_wraps);
  a.v_saturations += sum_lanes(counts.v_saturations);
}

template <class Input, int kReset>
void lif_lanes(Update& a) {
  for (int lane = 0; lane < a.lanes; lane += kGranule) lif_granule<Input, kReset>(a, lane);
}

template <class Input>
void lif(Update& a) {
  switch (a.reset) {
    case kResetZero: return lif_lanes<Input, kResetZero>(a);
    case kResetSubtract: return lif_lanes<Input, kResetSubtract>(a);
    case kResetNone: return lif_lanes<Input, kResetNone>(a);
    default: return lif_lanes<Input, kNoSpike>(a);
  }
}

}  // namespace
}  // namespace neurodeploy
