// CUBA neurons in 32-bit vectors. Exact as long as |u| <= 2^23, |64 a| <= 2^24 and the keep factors
// lie in 0..4096: then |x| < 2^27, nothing wraps 32 bits, and one correction brings u back to 2^23.

#pragma once

#include "arithmetic.hpp"
#include "granule.hpp"

namespace neurodeploy {
namespace {

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

// v after a spike, for the lanes of `spike`.
template <int kReset>
inline U32 reset(U32 v, U32 spike, U32 threshold) {
  if (kReset == kResetZero) return v & ~spike;
  if (kReset == kResetSubtract) {
    return select(spike, smaller_of(v - threshold, splat(std::uint32_t(kLimit - 1))), v);
  }
  return v;
}

// Moves a homeostatic threshold: vth + floor(theta * (v - wanted) / 2^shift), clamped. With
// error = 2^12 high + low and shift >= 12, that is (theta high + (theta low >> 12)) >> (shift - 12).
inline void move_threshold(const Update& a, const std::int32_t* theta, const std::int32_t* wanted,
                           const U32* v, U32* threshold) {
  const U32 low_limit = splat(std::uint32_t(a.low)), high_limit = splat(std::uint32_t(a.high));
  for (int i = 0; i < kVectors; ++i) {
    const U32 gain = load<U32>(theta + i * kLanes32);
    const U32 error = v[i] - load<U32>(wanted + i * kLanes32);
    const U32 high = multiply16(shift_signed(error, kDecayBits), gain);
    const U32 low = multiply16(error & splat((1 << kDecayBits) - 1), gain) >> kDecayBits;
    const U32 moved = threshold[i] + shift_signed(high + low, a.theta_shift - kDecayBits);
    threshold[i] = larger_of(smaller_of(moved, high_limit), low_limit);
  }
}

// kMoving: the threshold is a state.
template <class Input, int kReset, bool kMoving>
void lif_granule(Update& a, int lane) {
  const std::int32_t *keep_u = parameter(a, kKeepU, lane), *keep_v = parameter(a, kKeepV, lane);
  const std::int32_t *base = parameter(a, kThreshold, lane), *bias = parameter(a, kBias, lane);
  const auto* input = static_cast<const typename Input::Value*>(a.input[0]) + lane;
  std::uint8_t* sent = static_cast<std::uint8_t*>(a.sent) + lane;
  Overflows counts;
  U32 u[kVectors], v[kVectors], threshold[kVectors];
  load_granule(a.state[0] + lane, u);
  load_granule(a.state[1] + lane, v);
  if (kMoving) load_granule(a.state[2] + lane, threshold);
  for (int k = 0; k < a.columns; ++k, input += a.input_stride, sent += a.sent_stride) {
    if (a.bias) bias = a.bias + k * a.bias_stride + lane;
    if (a.clear && a.clear[k]) {
      for (int i = 0; i < kVectors; ++i) u[i] = v[i] = U32{};
      if (kMoving) load_granule(base, threshold);
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
    if (kMoving && a.signature && a.signature[k]) {
      move_threshold(a, parameter(a, kTheta, lane), a.signature[k] + lane, v, threshold);
    }
    if (kReset != kNoSpike) {
      U32 spike[kVectors];
      for (int i = 0; i < kVectors; ++i) {
        const U32 limit = kMoving ? threshold[i] : load<U32>(base + i * kLanes32);
        spike[i] = greater(v[i], limit);
        v[i] = reset<kReset>(v[i], spike[i], limit);
      }
      store_spikes(sent, spike);
    }
    record_granule(a, 0, k, lane, u);
    record_granule(a, 1, k, lane, v);
    if (kMoving) record_granule(a, 2, k, lane, threshold);
  }
  store_granule(a.state[0] + lane, u);
  store_granule(a.state[1] + lane, v);
  if (kMoving) store_granule(a.state[2] + lane, threshold);
  a.u_wraps += sum_lanes(counts.u_wraps);
  a.v_saturations += sum_lanes(counts.v_saturations);
}

template <class Input, int kReset, bool kMoving>
void lif_lanes(Update& a) {
  for (int lane = 0; lane < a.lanes; lane += kGranule) {
    lif_granule<Input, kReset, kMoving>(a, lane);
  }
}

template <class Input, bool kMoving = false>
void lif(Update& a) {
  switch (a.reset) {
    case kResetZero: return lif_lanes<Input, kResetZero, kMoving>(a);
    case kResetSubtract: return lif_lanes<Input, kResetSubtract, kMoving>(a);
    case kResetNone: return lif_lanes<Input, kResetNone, kMoving>(a);
    default: return lif_lanes<Input, kNoSpike, false>(a);
  }
}

}  // namespace
}  // namespace neurodeploy
