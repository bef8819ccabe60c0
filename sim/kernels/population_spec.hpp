// A population as it is declared.

#pragma once

#include <cstdint>
#include <vector>

#include "models.hpp"

namespace neurodeploy {

constexpr std::int32_t kUnity = 64;  // gain of a mantissa

struct PopulationSpec {
  const ModelFacts* model = nullptr;
  // In the order of the model's facts; one value, or one per neuron in C,H,W order.
  std::vector<std::vector<std::int32_t>> parameters;
  std::vector<std::int32_t> gain;       // per step of the sample, or empty
  std::vector<std::int32_t> signature;  // [steps][neurons], or empty
  int reset = kNoSpike;
  int theta_shift = 0;
  std::int32_t low = 0, high = 0;
  int message_shift = 0;
  // When it is cleared: column mod interval == reset_column, interval 0 for never.
  std::int64_t reset_interval = 0, reset_column = 0;
  std::int64_t lead = 0;  // column of the first data
};

}  // namespace neurodeploy
