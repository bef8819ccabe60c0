// CUBA neurons in 32-bit vectors. Exact as long as |u| <= 2^23, |64 a| <= 2^24 and the keep factors
// lie in 0..4096: then |x| < 2^27, nothing wraps 32 bits, and one correction brings u back to 2^23.

#pragma once

#include "arithmetic.hpp"
#include "granule.hpp"

namespace neurodeploy {
namespace {

// Vectors that advance together: enough of them to hide the latency of one chain of a step.
constexpr int kStrip = kVectors < 4 ? 4 : kVectors;

struct NarrowInput {
  typedef std::int16_t Value;
  static U32 add(U32 x, const Value* from) { return add_mantissas(x, from); }
};
struct PlainInput {
  typedef std::int32_t Value;
  static U32 add(U32 x, const Value* from) { return x + (load<U32>(from) << 6); }
};
struct ScaledInput {
  typedef std::int32_t Value;
  static U32 add(U32 x, const Value* from) { return x + load<U32>(from); }
};

struct Overflows {
  U32 u_wraps = {}, v_saturations = {};
};

// The values of a parameter for the vectors of a strip.
struct StripParameter {
  const std::int32_t* values;
  std::ptrdiff_t step;

  StripParameter(const Update& a, int index, int lane)
      : values(parameter(a, index, lane)), step(a.parameter[index].step) {}
  // A row of values, one per lane.
  explicit StripParameter(const std::int32_t* row) : values(row), step(kGranule) {}
  U32 at(int i) const {
    return load<U32>(values + i / kVectors * step + i % kVectors * kLanes32);
  }
};

// Folds u back once and clamps v, where the strip holds a value that needs it.
template <int kCount>
inline void correct(U32* x, U32* v, Overflows& counts) {
  const U32 limit = splat(std::uint32_t(kLimit)), top = splat(std::uint32_t(kLimit - 1));
  const U32 bottom = splat(std::uint32_t(1 - kLimit)), period = splat(std::uint32_t(2 * kLimit));
  for (int i = 0; i < kCount; ++i) {
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

// v after a spike, in the lanes that are not silent.
template <int kReset>
inline U32 reset(U32 v, LaneMask silent, U32 threshold) {
  if (kReset == kResetZero) return kept(v, silent);
  if (kReset == kResetSubtract) {
    return kept(v, silent, smaller_of(v - threshold, splat(std::uint32_t(kLimit - 1))));
  }
  return v;
}

// Moves a homeostatic threshold: vth + floor(theta * (v - wanted) / 2^shift), clamped. With
// error = 2^12 high + low and shift >= 12, that is (theta high + (theta low >> 12)) >> (shift - 12).
template <int kCount>
inline void move_threshold(const Update& a, const StripParameter& theta,
                           const std::int32_t* wanted, const U32* v, U32* threshold) {
  const U32 low_limit = splat(std::uint32_t(a.low)), high_limit = splat(std::uint32_t(a.high));
  for (int i = 0; i < kCount; ++i) {
    const U32 gain = theta.at(i);
    const U32 error = v[i] - load<U32>(wanted + i * kLanes32);
    const U32 high = multiply16(shift_signed(error, kDecayBits), gain);
    const U32 low = multiply16(error & splat((1 << kDecayBits) - 1), gain) >> kDecayBits;
    const U32 moved = threshold[i] + shift_signed(high + low, a.theta_shift - kDecayBits);
    threshold[i] = larger_of(smaller_of(moved, high_limit), low_limit);
  }
}

// Rule R0: u = 0, v = initial.
template <int kCount>
inline void start_sample(const Update& a, int lane, U32 (&u)[kCount], U32 (&v)[kCount]) {
  const StripParameter initial(a, kInitial, lane);
  unrolled<kCount>([&](int i) {
    u[i] = U32{};
    v[i] = initial.at(i);
  });
}

// kMoving: the threshold is a state. kWatch: which states bounds do not keep in range. kBiased: there
// is a bias other than 0.
template <class Input, int kReset, bool kMoving, int kWatch, bool kBiased, int kCount>
void lif_strip(Update& a, int lane, Overflows& counts) {
  const StripParameter own_u(a, kKeepU, lane), own_v(a, kKeepV, lane);
  const StripParameter base(a, kThreshold, lane), constant(a, kBias, lane);
  const auto* input = static_cast<const typename Input::Value*>(a.input[0]) + lane;
  std::uint8_t* sent = static_cast<std::uint8_t*>(a.sent) + lane;
  U32 u[kCount], v[kCount], threshold[kCount];
  SpikeCounts<kCount> spikes;
  Keep keep_u[kCount], keep_v[kCount];
  for (int i = 0; i < kCount; ++i) {
    keep_u[i] = Keep(own_u.at(i));
    keep_v[i] = Keep(own_v.at(i));
  }
  if (!kMoving && a.fresh) {
    start_sample<kCount>(a, lane, u, v);
  } else {
    load_granule<kCount>(a.state[0] + lane, u);
    load_granule<kCount>(a.state[1] + lane, v);
  }
  if (kMoving) load_granule<kCount>(a.state[2] + lane, threshold);
  for (int k = 0; k < a.columns; ++k, input += a.input_stride, sent += a.sent_stride) {
    if (a.clear && a.clear[k]) {
      start_sample<kCount>(a, lane, u, v);
      if (kMoving) {
        for (int i = 0; i < kCount; ++i) threshold[i] = base.at(i);
      }
    }
    const StripParameter bias =
        a.bias ? StripParameter(a.bias + k * a.bias_stride + lane) : constant;
    U32 seen = {};
    unrolled<kCount>([&](int i) {
      u[i] = Input::add(decay(u[i], keep_u[i]), input + i * kLanes32);
      v[i] = decay(v[i], keep_v[i]) + u[i];
      if (kBiased) v[i] += bias.at(i);
      if (kWatch == kWatchBoth) seen |= magnitude(u[i]) | magnitude(v[i]);
      if (kWatch == kWatchV) seen |= magnitude(v[i]);
    });
    // Magnitudes below 2^23 need no correction.
    if (kWatch != kWatchNone && any(seen & splat(~std::uint32_t(kLimit - 1)))) {
      correct<kCount>(u, v, counts);
    }
    if (kMoving && a.signature && a.signature[k]) {
      move_threshold<kCount>(a, StripParameter(a, kTheta, lane), a.signature[k] + lane, v,
                             threshold);
    }
    if (kReset != kNoSpike) {
      LaneMask silent[kCount];
      unrolled<kCount>([&](int i) {
        const U32 limit = kMoving ? threshold[i] : base.at(i);
        silent[i] = at_most(v[i], limit);
        if (kReset == kResetSubtract) {  // beyond the top where a threshold is negative
          const U32 over = greater(v[i] - limit, splat(std::uint32_t(kLimit - 1)));
          counts.v_saturations -= kept(U32{}, silent[i], over);
        }
        v[i] = reset<kReset>(v[i], silent[i], limit);
      });
      store_spikes<kCount>(sent, silent, spikes);
    }
    record_granule<kCount>(a, 0, k, lane, u);
    record_granule<kCount>(a, 1, k, lane, v);
    if (kMoving) record_granule<kCount>(a, 2, k, lane, threshold);
  }
  store_granule<kCount>(a.state[0] + lane, u);
  store_granule<kCount>(a.state[1] + lane, v);
  if (kMoving) store_granule<kCount>(a.state[2] + lane, threshold);
  if (a.counts) spikes.add_to(a.counts + lane);
}

template <class Input, int kReset, bool kMoving, int kWatch, bool kBiased = true>
void lif_lanes(Update& a) {
  Overflows counts;
  int lane = 0;
  for (; lane + kStrip * kLanes32 <= a.lanes; lane += kStrip * kLanes32) {
    lif_strip<Input, kReset, kMoving, kWatch, kBiased, kStrip>(a, lane, counts);
  }
  if (lane < a.lanes) {
    lif_strip<Input, kReset, kMoving, kWatch, kBiased, kVectors>(a, lane, counts);
  }
  a.u_wraps += sum_lanes(counts.u_wraps);
  a.v_saturations += sum_lanes(counts.v_saturations);
  a.counts = nullptr;
}

template <class Input, int kReset>
void lif_watched(Update& a) {
  switch (a.watch) {
    case kWatchNone: return lif_lanes<Input, kReset, false, kWatchNone>(a);
    case kWatchV: return lif_lanes<Input, kReset, false, kWatchV>(a);
    default: return lif_lanes<Input, kReset, false, kWatchBoth>(a);
  }
}

// The most common neuron: one narrow current, no bias, reset to zero.
void lif_plain(Update& a) {
  switch (a.watch) {
    case kWatchNone: return lif_lanes<NarrowInput, kResetZero, false, kWatchNone, false>(a);
    case kWatchV: return lif_lanes<NarrowInput, kResetZero, false, kWatchV, false>(a);
    default: return lif_lanes<NarrowInput, kResetZero, false, kWatchBoth, false>(a);
  }
}

template <class Input>
void lif(Update& a) {
  switch (a.reset) {
    case kResetZero: return lif_watched<Input, kResetZero>(a);
    case kResetSubtract: return lif_watched<Input, kResetSubtract>(a);
    case kResetNone: return lif_watched<Input, kResetNone>(a);
    default: return lif_watched<Input, kNoSpike>(a);
  }
}

template <class Input>
void homeostatic(Update& a) {
  switch (a.reset) {
    case kResetZero: return lif_lanes<Input, kResetZero, true, kWatchBoth>(a);
    case kResetSubtract: return lif_lanes<Input, kResetSubtract, true, kWatchBoth>(a);
    default: return lif_lanes<Input, kResetNone, true, kWatchBoth>(a);
  }
}

}  // namespace
}  // namespace neurodeploy
