// Gathers the functions of the including unit into its table.

#pragma once

#include "dot_sums.hpp"
#include "lif.hpp"
#include "lists.hpp"
#include "messengers.hpp"
#include "neurons.hpp"
#include "pattern_sums.hpp"
#include "resonators.hpp"
#include "sums.hpp"

namespace neurodeploy {
namespace {

constexpr KernelTable kernel_table(const char* name) {
  return KernelTable{
      name,
      row_sum_narrow,
      row_sum_tiled,
      row_sum_wide,
      kDotSum,
      graded_sum<std::int16_t>,
      graded_sum<std::int32_t>,
      tap_sum<std::int16_t>,
      tap_sum<std::int32_t>,
      tap_sum_graded,
      pattern_sum,
      list_quads,
      list_windows,
      {
          // model, plain, narrow, currents, scaled, exact
          {"CubaLif", lif_plain, lif<NarrowInput>, lif<PlainInput>, lif<ScaledInput>, cuba_wide},
          {"Integrator", nullptr, lif<NarrowInput>, lif<PlainInput>, lif<ScaledInput>, cuba_wide},
          {"HomeostaticLif", nullptr, nullptr, homeostatic<PlainInput>, homeostatic<ScaledInput>,
           homeostatic_wide},
          {"Delta", nullptr, nullptr, nullptr, nullptr, delta},
          {"SigmaDelta", nullptr, nullptr, nullptr, nullptr, sigma_delta},
          {"Sigma", nullptr, nullptr, nullptr, nullptr, sigma},
          {"ResonateFire", nullptr, nullptr, resonate<false>, nullptr, resonate_wide},
          {"ResonateFireIz", nullptr, nullptr, resonate<true>, nullptr, izhikevich_wide},
      },
      list_tiles,
      list_subsets,
      kListGroups,
      list_bytes,
      list_sets,
      list_values,
      add,
      add_narrow,
      shift_right,
      wrap24,
      scale,
      drive_bias,
      within,
      count_row,
      count_subsets,
      nonzero_bytes,
      nonzero_values,
      widen_bytes,
      count_bytes,
      count_values,
      total,
      dot,
      dot_narrow,
  };
}

}  // namespace
}  // namespace neurodeploy
