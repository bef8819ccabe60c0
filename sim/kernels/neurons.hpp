// Neuron models value by value in 64-bit arithmetic: exact for every state, input and parameter. Used
// where a 32-bit kernel would not be. Rule names are those of sim/dynamics.py.

#pragma once

#include "arithmetic.hpp"
#include "kernels.hpp"

namespace neurodeploy {
namespace {

// Calls step(lane, parameters of the lane, column) for every lane and column, granule by granule.
struct Lane {
  const Update& a;
  int granule, lane;

  std::int32_t parameter(int index) const {
    const Parameter& p = a.parameter[index];
    return p.values[std::ptrdiff_t(granule) * p.step + lane % kGranule];
  }
  std::int32_t input(int port, int column) const {
    return static_cast<const std::int32_t*>(a.input[port])[column * a.input_stride + lane];
  }
  std::int32_t& state(int index) const { return a.state[index][lane]; }
  void record(int index, int column) const {
    if (a.record[index]) a.record[index][column * a.record_stride + lane] = a.state[index][lane];
  }
  void send_spike(int column, bool spike) const {
    static_cast<std::uint8_t*>(a.sent)[column * a.sent_stride + lane] = spike;
  }
};

template <class Step>
inline void for_each_lane(const Update& a, int states, Step step) {
  for (int g = 0; g < a.used; g += kGranule) {
    const int end = g + kGranule < a.used ? g + kGranule : a.used;
    for (int k = 0; k < a.columns; ++k) {
      for (int l = g; l < end; ++l) {
        const Lane lane{a, g / kGranule, l};
        step(lane, k);
        for (int i = 0; i < states; ++i) lane.record(i, k);
      }
    }
  }
}

// Rules R1 to R3: decay, input, one correction, bias, saturation.
inline void integrate(Update& a, const Lane& lane, int k) {
  std::int32_t &u = lane.state(0), &v = lane.state(1);
  if (a.clear && a.clear[k]) {  // R0
    u = 0;
    v = lane.parameter(kInitial);
  }
  const std::int32_t current = shift_left32(lane.input(0, k), a.input_shift);
  const std::int64_t x =
      wrap32(tz(std::int64_t(u) * lane.parameter(kKeepU)) + std::int64_t(current));  // R1
  const bool above = x > kLimit, below = x <= -kLimit;
  a.u_wraps += above || below;
  u = std::int32_t(x - (above ? 2 * kLimit : 0) + (below ? 2 * kLimit : 0));  // R2
  const std::int64_t bias =
      a.bias ? a.bias[k * a.bias_stride + lane.lane] : lane.parameter(kBias);
  const std::int64_t wide = wrap32(tz(std::int64_t(v) * lane.parameter(kKeepV)) + u + bias);
  v = std::int32_t(saturate(wide));  // R3
  a.v_saturations += v != wide;
}

// Rules R4 and R5: strictly above the threshold, then the reset.
inline void fire(Update& a, const Lane& lane, int k, std::int32_t threshold) {
  std::int32_t& v = lane.state(1);
  const bool spike = v > threshold;
  if (spike && a.reset == kResetZero) v = 0;
  if (spike && a.reset == kResetSubtract) {
    const std::int64_t wide = std::int64_t(v) - threshold;
    v = std::int32_t(saturate(wide));
    a.v_saturations += v != wide;
  }
  lane.send_spike(k, spike);
}

void cuba_wide(Update& a) {
  for_each_lane(a, 2, [&](const Lane& lane, int k) {
    integrate(a, lane, k);
    if (a.reset != kNoSpike) fire(a, lane, k, lane.parameter(kThreshold));
  });
}

void homeostatic_wide(Update& a) {
  for_each_lane(a, 3, [&](const Lane& lane, int k) {
    std::int32_t& threshold = lane.state(2);
    if (a.clear && a.clear[k]) threshold = lane.parameter(kThreshold);  // R0
    integrate(a, lane, k);
    if (a.signature && a.signature[k]) {  // R4a
      const std::int64_t error = std::int64_t(lane.state(1)) - a.signature[k][lane.lane];
      const std::int64_t moved =
          threshold + ((std::int64_t(lane.parameter(kTheta)) * error) >> a.theta_shift);
      threshold = std::int32_t(clamp(moved, a.low, a.high));
    }
    fire(a, lane, k, threshold);
  });
}

// States: re, im. Rules F1 and F2; returns im before the step.
inline std::int32_t turn(Update& a, const Lane& lane, int k) {
  std::int32_t &re = lane.state(0), &im = lane.state(1);
  const std::int64_t sin = lane.parameter(kSin), cos = lane.parameter(kCos);
  const std::int64_t re_wide =
      tz(cos * re) - tz(sin * im) + shift_left32(lane.input(0, k), a.input_shift);
  const std::int64_t im_wide =
      tz(sin * re) + tz(cos * im) + shift_left32(lane.input(1, k), a.input_shift);
  const std::int32_t before = im;
  re = std::int32_t(saturate(re_wide));
  im = std::int32_t(saturate(im_wide));
  a.v_saturations += re != re_wide || im != im_wide;
  return before;
}

void resonate_wide(Update& a) {
  for_each_lane(a, 2, [&](const Lane& lane, int k) {
    const std::int32_t before = turn(a, lane, k);
    const bool high = lane.state(0) >= lane.parameter(kResonateThreshold);
    lane.send_spike(k, high && lane.state(1) >= 0 && before < 0);  // F3
  });
}

void izhikevich_wide(Update& a) {
  for_each_lane(a, 2, [&](const Lane& lane, int k) {
    turn(a, lane, k);
    const std::int32_t threshold = lane.parameter(kResonateThreshold);
    const bool spike = lane.state(1) >= threshold;  // F3
    if (spike) {                                    // F4
      lane.state(0) = 0;
      lane.state(1) = subtract32(threshold, 1);
    }
    lane.send_spike(k, spike);
  });
}

}  // namespace
}  // namespace neurodeploy
