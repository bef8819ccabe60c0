#include "dots.hpp"

#include <algorithm>
#include <numeric>

namespace neurodeploy {

namespace {

// The rows of up to kDotSteps columns of one sample.
int rows_of(const Node& source, const Work& work, int sample, int column, int end, int lag,
            const std::uint8_t** rows) {
  const int steps = std::min(kDotSteps, end - column);
  for (int k = 0; k < steps; ++k) rows[k] = work.bytes(source, sample, column + k - lag);
  return steps;
}

}  // namespace

int Dots::scale_of(const Matrix& weight) {
  const std::int32_t* end = weight.values + std::ptrdiff_t(weight.rows) * weight.columns;
  const auto [low, high] = std::minmax_element(weight.values, end);
  if (*low >= INT8_MIN && *high <= INT8_MAX) return 1;
  const auto odd = [](std::int32_t w) { return w % 2 != 0; };
  const bool fits = *low >= 2 * INT8_MIN && *high <= 2 * INT8_MAX;
  return fits && std::none_of(weight.values, end, odd) ? 2 : 0;
}

double Dots::list(const KernelTable& kernels, const Node& source, int lag, Work& work,
                  const Span& span, bool all, Lists& lists) const {
  double taken = 0;
  const std::size_t tiles = std::size_t(span.samples) * ((span.columns + kDotSteps - 1) / kDotSteps);
  grow(lists.tiled, (all ? 1 : tiles) * groups_ + kListSlack);
  grow(lists.starts, 2 * tiles);
  std::uint32_t n = 0;
  std::uint32_t* starts = lists.starts.data();
  if (all) std::iota(lists.tiled.begin(), lists.tiled.begin() + groups_, std::uint16_t(0));
  const std::uint8_t* rows[kDotSteps];
  const int end = span.column + span.columns;
  for (int s = span.sample; s < span.sample + span.samples; ++s) {
    for (int k = span.column; k < end; k += kDotSteps, starts += 2) {
      starts[0] = n;
      if (all) {
        starts[1] = std::uint32_t(groups_);
        taken += double(groups_) * std::min(kDotSteps, end - k);
        continue;
      }
      const int steps = rows_of(source, work, s, k, end, lag, rows);
      n += kernels.list_groups(rows, steps, groups_, lists.tiled.data() + n);
      starts[1] = n;
      taken += double(starts[1] - starts[0]) * steps;
    }
  }
  return taken;
}

void Dots::sum(const KernelTable& kernels, const Node& source, int lag, Work& work,
               const Span& span, const Lists& lists, const Block& block, const Currents& currents,
               int offset) const {
  const std::uint32_t* starts = lists.starts.data();
  const int end = span.column + span.columns;
  const std::size_t bytes = currents.narrow ? sizeof(std::int16_t) : sizeof(std::int32_t);
  DotSum call{};
  call.weight = packed_.data() + block.weight_at;
  call.width = block.width;
  call.scale = scale_;
  call.narrow = currents.narrow;
  call.stride = currents.lanes;
  int pair = 0;
  for (int s = span.sample; s < span.sample + span.samples; ++s) {
    for (int k = span.column; k < end; k += kDotSteps, starts += 2) {
      call.steps = rows_of(source, work, s, k, end, lag, call.rows);
      call.groups = lists.tiled.data() + starts[0];
      call.count = int(starts[1] - starts[0]);
      call.sums = static_cast<std::uint8_t*>(currents.sums) +
                  (std::size_t(pair) * currents.lanes + offset) * bytes;
      kernels.dot_sum(call);
      pair += call.steps;
    }
  }
}

}  // namespace neurodeploy
