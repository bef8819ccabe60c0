// Dot products of four spikes with four 8-bit weights, where the processor has them in one
// instruction.

#pragma once

#include "kernels.hpp"
#include "lanes.hpp"
#include "lists.hpp"

namespace neurodeploy {
namespace {

#ifdef NEURODEPLOY_AVX512_INTRINSICS

// kSteps rows of spikes, kVectors vectors of 16 lanes; the sums stay in registers.
template <int kSteps, int kCount>
void dot_sum_lanes(const DotSum& a) {
  __m512i held[kSteps * kCount];
  unrolled<kSteps * kCount>([&](int i) { held[i] = _mm512_setzero_si512(); });
  const std::uint8_t* rows[kSteps];
  for (int k = 0; k < kSteps; ++k) rows[k] = a.rows[k];
  const std::int8_t* weight = a.weight;
  for (const std::uint16_t *group = a.groups, *end = group + a.count; group != end; ++group) {
    const std::ptrdiff_t first = std::ptrdiff_t(*group) * kDotInputs;
    const std::int8_t* own = weight + first * kCount * kLanes32;
    __m512i lanes[kCount];
    unrolled<kCount>([&](int i) { lanes[i] = load<__m512i>(own + i * kVectorBytes); });
    unrolled<kSteps>([&](int k) {
      const __m512i spikes = _mm512_set1_epi32(load<std::int32_t>(rows[k] + first));
      unrolled<kCount>([&](int i) {
        held[k * kCount + i] = _mm512_dpbusd_epi32(held[k * kCount + i], spikes, lanes[i]);
      });
    });
  }
  if (a.scale == 2) {
    unrolled<kSteps * kCount>([&](int i) { held[i] = _mm512_add_epi32(held[i], held[i]); });
  }
  unrolled<kSteps>([&](int k) {
    unrolled<kCount>([&](int i) {
      const __m512i sum = held[k * kCount + i];
      const std::ptrdiff_t at = k * a.stride + i * kLanes32;
      if (a.narrow) {
        store(static_cast<std::int16_t*>(a.sums) + at, _mm512_cvtepi32_epi16(sum));
      } else {
        std::int32_t* to = static_cast<std::int32_t*>(a.sums) + at;
        store(to, _mm512_add_epi32(load<__m512i>(to), sum));
      }
    });
  });
}

template <int kSteps>
void dot_sum_steps(const DotSum& a) {
  a.width == kBlock ? dot_sum_lanes<kSteps, kBlock / kLanes32>(a)
                    : dot_sum_lanes<kSteps, kGranule / kLanes32>(a);
}

void dot_sum(const DotSum& a) {
  switch (a.steps) {
    case 1: return dot_sum_steps<1>(a);
    case 2: return dot_sum_steps<2>(a);
    case 3: return dot_sum_steps<3>(a);
    default: return dot_sum_steps<4>(a);
  }
}

std::uint32_t list_groups(const std::uint8_t* const* rows, int steps, int groups,
                          std::uint16_t* to) {
  std::uint32_t n = 0;
  for (int g = 0; g < groups; g += kLanes32) {
    const int left = groups - g;
    const __mmask16 held = left >= kLanes32 ? __mmask16(-1) : __mmask16((1 << left) - 1);
    __m512i any_step = _mm512_setzero_si512();
    for (int k = 0; k < steps; ++k) {
      any_step =
          _mm512_or_si512(any_step, _mm512_maskz_loadu_epi32(held, rows[k] + g * kDotInputs));
    }
    const __mmask16 active = _mm512_test_epi32_mask(any_step, any_step);
    append_lanes(counted_from(std::uint32_t(g)), active, to + n);
    n += std::uint32_t(_mm_popcnt_u32(active));
  }
  return n;
}

constexpr auto kDotSum = &dot_sum;
constexpr auto kListGroups = &list_groups;

#else

constexpr decltype(KernelTable::dot_sum) kDotSum = nullptr;
constexpr decltype(KernelTable::list_groups) kListGroups = nullptr;

#endif

}  // namespace
}  // namespace neurodeploy
