// Resonate-and-fire neurons in 32-bit vectors. Exact as long as both multipliers lie in -4096..4096,
// |64 a| <= 2^24 and the threshold is above -2^26. Rule names are those of sim/dynamics.py.

#pragma once

#include "arithmetic.hpp"
#include "granule.hpp"

namespace neurodeploy {
namespace {

// Clamps both states and counts the neurons in which that changes either.
inline U32 clamp_states(U32* re, U32* im) {
  const U32 top = splat(std::uint32_t(kLimit - 1)), bottom = splat(std::uint32_t(1 - kLimit));
  U32 count = {};
  for (int i = 0; i < kVectors; ++i) {
    count -= greater(re[i], top) | greater(bottom, re[i]) | greater(im[i], top) |
             greater(bottom, im[i]);
    re[i] = larger_of(smaller_of(re[i], top), bottom);
    im[i] = larger_of(smaller_of(im[i], top), bottom);
  }
  return count;
}

template <bool kIzhikevich>
void resonate_granule(Update& a, int lane) {
  const std::int32_t *sin = parameter(a, kSin, lane), *cos = parameter(a, kCos, lane);
  const std::int32_t* threshold = parameter(a, kResonateThreshold, lane);
  const auto* input_re = static_cast<const std::int32_t*>(a.input[0]) + lane;
  const auto* input_im = static_cast<const std::int32_t*>(a.input[1]) + lane;
  std::uint8_t* sent = static_cast<std::uint8_t*>(a.sent) + lane;
  U32 re[kVectors], im[kVectors], saturations = {};
  SpikeCounts<kVectors> spikes;
  load_granule(a.state[0] + lane, re);
  load_granule(a.state[1] + lane, im);
  for (int k = 0; k < a.columns; ++k) {
    U32 before[kVectors], seen = {};
    LaneMask silent[kVectors];
    for (int i = 0; i < kVectors; ++i) {
      const int l = i * kLanes32;
      const U32 s = load<U32>(sin + l), c = load<U32>(cos + l), x = re[i], y = im[i];
      before[i] = y;
      re[i] = rotate(x, c) - rotate(y, s) + (load<U32>(input_re + l) << 6);  // F1
      im[i] = rotate(x, s) + rotate(y, c) + (load<U32>(input_im + l) << 6);
      seen |= magnitude(re[i]) | magnitude(im[i]);
    }
    if (any(seen & splat(~std::uint32_t(kLimit - 1)))) saturations += clamp_states(re, im);  // F2
    for (int i = 0; i < kVectors; ++i) {
      const U32 limit = load<U32>(threshold + i * kLanes32);
      if (kIzhikevich) {
        silent[i] = lane_mask(greater(limit, im[i]));  // F3
        re[i] = kept(re[i], silent[i]);                // F4
        im[i] = kept(im[i], silent[i], limit - splat(1));
      } else {
        const U32 rises = shift_signed(before[i] & ~im[i], 31);
        silent[i] = lane_mask(~rises | greater(limit, re[i]));  // F3
      }
    }
    store_spikes<kVectors>(sent, silent, spikes);
    record_granule(a, 0, k, lane, re);
    record_granule(a, 1, k, lane, im);
    input_re += a.input_stride;
    input_im += a.input_stride;
    sent += a.sent_stride;
  }
  store_granule(a.state[0] + lane, re);
  store_granule(a.state[1] + lane, im);
  if (a.counts) spikes.add_to(a.counts + lane);
  a.v_saturations += sum_lanes(saturations);
}

template <bool kIzhikevich>
void resonate(Update& a) {
  for (int lane = 0; lane < a.lanes; lane += kGranule) resonate_granule<kIzhikevich>(a, lane);
  a.counts = nullptr;
}

}  // namespace
}  // namespace neurodeploy
