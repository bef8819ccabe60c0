// The sigma-delta family, int32 modulo 2^32 throughout, hence exact for every input. Rule names are
// those of sim/dynamics.py.

#pragma once

#include "arithmetic.hpp"
#include "granule.hpp"

namespace neurodeploy {
namespace {

// Rules D2 to D4: sends the change of `next` where it is at or above the threshold.
inline void send_change(const U32* next, const std::int32_t* threshold, U32* act, U32* residue,
                        std::int32_t* sent) {
  for (int i = 0; i < kVectors; ++i) {
    const U32 d = next[i] - act[i] + residue[i];  // D2
    const U32 below = greater(load<U32>(threshold + i * kLanes32), magnitude(d));
    const U32 out = d & ~below;  // D3: |-2^31| is -2^31
    residue[i] = d - out;
    act[i] = next[i];
    store(sent + i * kLanes32, shift_signed(out, kStateExp));  // D4: floor
  }
}

inline const std::int32_t* input_granule(const Update& a, int column, int lane) {
  return static_cast<const std::int32_t*>(a.input[0]) + column * a.input_stride + lane;
}

inline std::int32_t* sent_granule(const Update& a, int column, int lane) {
  return static_cast<std::int32_t*>(a.sent) + column * a.sent_stride + lane;
}

// States: act, residue.
void delta(Update& a) {
  for (int lane = 0; lane < a.lanes; lane += kGranule) {
    const std::int32_t* threshold = parameter(a, kSigmaThreshold, lane);
    U32 act[kVectors], residue[kVectors], next[kVectors];
    load_granule(a.state[0] + lane, act);
    load_granule(a.state[1] + lane, residue);
    for (int k = 0; k < a.columns; ++k) {
      load_granule(input_granule(a, k, lane), next);
      for (int i = 0; i < kVectors; ++i) next[i] = next[i] << a.message_shift;  // D1
      send_change(next, threshold, act, residue, sent_granule(a, k, lane));
      record_granule(a, 0, k, lane, act);
    }
    store_granule(a.state[0] + lane, act);
    store_granule(a.state[1] + lane, residue);
  }
}

// States: sigma, act, residue.
void sigma_delta(Update& a) {
  for (int lane = 0; lane < a.lanes; lane += kGranule) {
    const std::int32_t* threshold = parameter(a, kSigmaThreshold, lane);
    const std::int32_t* bias = parameter(a, kSigmaBias, lane);
    U32 sigma[kVectors], act[kVectors], residue[kVectors], next[kVectors];
    load_granule(a.state[0] + lane, sigma);
    load_granule(a.state[1] + lane, act);
    load_granule(a.state[2] + lane, residue);
    for (int k = 0; k < a.columns; ++k) {
      const std::int32_t* input = input_granule(a, k, lane);
      for (int i = 0; i < kVectors; ++i) {
        sigma[i] += load<U32>(input + i * kLanes32);                                 // D0
        next[i] = larger_of(sigma[i] + load<U32>(bias + i * kLanes32), U32{});       // D1
      }
      send_change(next, threshold, act, residue, sent_granule(a, k, lane));
      record_granule(a, 0, k, lane, sigma);
      record_granule(a, 1, k, lane, act);
    }
    store_granule(a.state[0] + lane, sigma);
    store_granule(a.state[1] + lane, act);
    store_granule(a.state[2] + lane, residue);
  }
}

void sigma(Update& a) {
  for (int lane = 0; lane < a.lanes; lane += kGranule) {
    U32 sum[kVectors];
    load_granule(a.state[0] + lane, sum);
    for (int k = 0; k < a.columns; ++k) {
      const std::int32_t* input = input_granule(a, k, lane);
      for (int i = 0; i < kVectors; ++i) sum[i] += load<U32>(input + i * kLanes32);  // D0
      store_granule(sent_granule(a, k, lane), sum);
      record_granule(a, 0, k, lane, sum);
    }
    store_granule(a.state[0] + lane, sum);
  }
}

}  // namespace
}  // namespace neurodeploy
