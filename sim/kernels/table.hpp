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
      lif_plain,
      lif<NarrowInput>,
      lif<PlainInput>,
      lif<ScaledInput>,
      homeostatic<PlainInput>,
      homeostatic<ScaledInput>,
      resonate<false>,
      resonate<true>,
      cuba_wide,
      homeostatic_wide,
      resonate_wide,
      izhikevich_wide,
      delta,
      sigma_delta,
      sigma,
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
