#include "convolution.hpp"

#include <algorithm>
#include <numeric>

namespace neurodeploy {

namespace {

constexpr int kMostMerged = 4;  // channels whose events are merged
constexpr int kProbes = 4;      // columns of a span that are looked at
// Costs of both ways, in the time of one vector of kTapLanes added to a register.
constexpr double kRowCost = 0.5, kVectorCost = 0.5;   // by patterns: per table row and its vectors
constexpr double kTargetCost = 2.0, kTapCost = 1.5;   // by events: per target row and tap
constexpr std::int64_t kConvolutionLimit = std::int64_t(1) << 23;  // sums wrap to 24 bits

}  // namespace

Convolution::Convolution(const Wiring& wiring, const Layout& source, const Layout& target,
                         const Kernel& kernel)
    : Operation(wiring),
      merged_(!wiring.graded && kernel.groups == 1 && source.channels() > 1 &&
              source.channels() <= kMostMerged),
      channels_(merged_ ? 1 << source.channels() : source.channels()),
      source_channels_(source.channels()),
      source_height_(source.height()),
      source_width_(source.width()),
      target_width_(target.width()),
      out_(kernel.out),
      kernel_rows_(kernel.rows),
      out_per_group_(kernel.out / kernel.groups),
      tap_lanes_(padded_to(out_per_group_, kTapLanes)) {
  choose_width(kernel);
  find_taps(kernel);
  find_reach(target, kernel);
  if (narrow_) {
    pack(weight16_, kernel);
    if (Patterns::suits(source, kernel)) {
      patterns_ = std::make_unique<Patterns>(source, target, kernel);
    }
  } else {
    pack(weight32_, kernel);
  }
}

Bounds Convolution::bounds() const {
  if (!wraps_) return bounds_;
  return {-kConvolutionLimit, kConvolutionLimit - 1};
}

OperationReport Convolution::report() const {
  OperationReport report;
  report.form = "convolution";
  report.weight_bits = report.sum_bits = narrow_ ? 16 : 32;
  report.low = bounds().low;
  report.high = bounds().high;
  report.known = !wiring().graded;
  if (wiring().graded) {
    report.reason = "messages count by value";
    return report;
  }
  report.ways = {Choice::kRows};
  if (patterns_) report.ways.push_back(Choice::kSubsets);
  if (wraps_) {
    report.reason = "sums may wrap to 24 bits";
  } else if (!narrow_) {
    report.reason = "sums leave 16 bits";
  }
  return report;
}

std::size_t Convolution::bytes() const {
  std::size_t sum = sizeof *this + bytes_of(starts_) + bytes_of(weight16_) + bytes_of(weight32_) +
                    (patterns_ ? patterns_->bytes() : 0);
  for (const auto& segment : reach_) {
    sum += bytes_of(segment);
    for (const Reach& reach : segment) sum += bytes_of(reach.targets);
  }
  return sum;
}

void Convolution::choose_width(const Kernel& kernel) {
  const int size = kernel.in_per_group * kernel.rows * kernel.columns;
  std::int64_t high = 0, low = 0;
  for (int o = 0; o < kernel.out; ++o) {
    std::int64_t positive = 0, negative = 0;
    for (int i = 0; i < size; ++i) {
      const std::int64_t value = kernel.weight[std::ptrdiff_t(o) * size + i];
      (value > 0 ? positive : negative) += value;
    }
    high = std::max(high, positive);
    low = std::min(low, negative);
  }
  bounds_ = {low, high};
  narrow_ = !wiring().graded && high <= INT16_MAX && low >= INT16_MIN;
  wraps_ = wiring().graded || bounds_.magnitude() >= kConvolutionLimit;
}

void Convolution::find_taps(const Kernel& kernel) {
  const int stride = kernel.stride[1], dilation = kernel.dilation[1];
  const int common = std::gcd(stride, dilation);
  tap_step_ = stride / common;
  tap_move_ = dilation / common;
  taps_ = (kernel.columns + tap_step_ - 1) / tap_step_;
  padded_columns_ = taps_ * tap_step_;
  // First tap and its target column for every source column; -1 where no tap lands on the grid.
  std::vector<int> first(source_width_, -1), position(source_width_, 0);
  int leftmost = 0, rightmost = target_width_ - 1;
  for (int x = 0; x < source_width_; ++x) {
    const int place = x + kernel.padding[1];
    for (int kx = 0; kx < tap_step_ && first[x] < 0; ++kx) {
      const int offset = place - kx * dilation;
      if (offset % stride != 0) continue;
      first[x] = kx;
      position[x] = offset / stride;
      rightmost = std::max(rightmost, position[x]);
    }
    leftmost = std::min(leftmost, position[x] - (taps_ - 1) * tap_move_);
  }
  margin_left_ = -leftmost;
  margin_right_ = rightmost - (target_width_ - 1);
  const int channel_size = padded_columns_ * tap_lanes_;
  for (int x = 0; x < source_width_; ++x) {
    for (int c = 0; c < channels_; ++c) {
      // Without a tap: the weights behind the last channel, which are zero.
      const bool none = first[x] < 0;
      const int group = merged_ ? 0 : c / kernel.in_per_group;
      const int column = none ? (taps_ - 1) * tap_move_ : margin_left_ + position[x];
      starts_.push_back({column * out_ + group * out_per_group_,
                         none ? channels_ * channel_size
                              : c * channel_size + first[x] * tap_lanes_});
    }
  }
}

// Weight of a channel of events; `out` counts within the group of the channel.
std::int32_t Convolution::weight(const Kernel& kernel, int out, int channel, int y, int x) const {
  if (!merged_) {
    const int group = channel / kernel.in_per_group;
    return kernel.at(group * out_per_group_ + out, channel % kernel.in_per_group, y, x);
  }
  std::uint32_t sum = 0;
  for (int c = 0; c < source_channels_; ++c) {
    if (channel >> c & 1) sum += std::uint32_t(kernel.at(out, c, y, x));
  }
  return std::int32_t(sum);
}

template <class Value>
void Convolution::pack(Aligned<Value>& packed, const Kernel& kernel) const {
  const std::size_t channel_size = std::size_t(padded_columns_) * tap_lanes_;
  packed.assign(kernel.rows * (channels_ + 1) * channel_size, 0);
  for (int y = 0; y < kernel.rows; ++y) {
    for (int c = 0; c < channels_; ++c) {
      Value* channel = packed.data() + (std::size_t(y) * (channels_ + 1) + c) * channel_size;
      for (int x = 0; x < kernel.columns; ++x) {
        for (int o = 0; o < out_per_group_; ++o) {
          channel[x * tap_lanes_ + o] = static_cast<Value>(weight(kernel, o, c, y, x));
        }
      }
    }
  }
}

void Convolution::list(const KernelTable& kernels, const Node& source, Work& work,
                       const Span& span) const {
  Lists& lists = work.lists[index];
  const bool patterns =
      patterns_ && forced() != Choice::kRows &&
      (forced() != Choice::kAuto || prefers_patterns(kernels, source, work, span));
  lists.choice = patterns ? Choice::kSubsets : Choice::kRows;
  if (patterns) {
    patterns_->list(kernels, source, wiring().lag, work, span, lists);
    const double rows = patterns_->rows_per_column() * span.pairs();
    spend(lists, lists.choice, rows * patterns_->lanes() * sizeof(std::int16_t) / kEffortBytes, 0);
  } else {
    list_events(kernels, source, work, span);
  }
}

// Compares the cost of both ways on a few of the span's columns. Results do not depend on the choice.
bool Convolution::prefers_patterns(const KernelTable& kernels, const Node& source, Work& work,
                                   const Span& span) const {
  const int probes = std::min(kProbes, span.columns);
  double events = 0;
  for (int i = 0; i < probes; ++i) {
    const int k = span.column + (2 * i + 1) * span.columns / (2 * probes);
    const std::uint8_t* row = work.bytes(source, span.sample, k - wiring().lag);
    events += double(kernels.count_row(row, source.layout.lanes()));
  }
  const double vectors = double(patterns_->lanes()) / kTapLanes;
  const double rows = patterns_->rows_per_column() * (kRowCost + vectors * kVectorCost);
  return rows < scatter_cost(events / probes);
}

// In the unit of one vector added; measured with AVX2 and AVX-512.
double Convolution::scatter_cost(double events) const {
  const double vectors = double(tap_lanes_) / kTapLanes;
  return events * reached_rows_ * (kTargetCost + taps_ * vectors * kTapCost);
}

// Lists every source row of every pair: starts hold the rows of a pair one after another.
void Convolution::list_events(const KernelTable& kernels, const Node& source, Work& work,
                              const Span& span) const {
  Lists& lists = work.lists[index];
  const std::size_t most = std::size_t(span.pairs()) * source.layout.size() + kListSlack;
  grow(lists.starts, std::size_t(span.pairs()) * source_height_ + 1);
  grow(lists.events, most);
  if (wiring().graded) grow(lists.messages, most);
  grow(lists.repeats, std::size_t(span.pairs()));
  std::uint32_t n = 0, pair = 0;
  std::uint32_t* start = lists.starts.data();
  for (int s = span.sample; s < span.sample + span.samples; ++s) {
    for (int k = span.column; k < span.column + span.columns; ++k, ++pair) {
      lists.repeats[pair] =
          wiring().graded && k > span.column &&
          repeats(work.values(source, s, k - wiring().lag), source.layout.lanes());
      for (int y = 0; y < source_height_; ++y) {
        *start++ = n;
        if (!lists.repeats[pair]) n += list_row(kernels, source, work, s, k, y, n);
      }
    }
  }
  *start = n;
  const double bytes = narrow_ ? sizeof(std::int16_t) : sizeof(std::int32_t);
  spend(lists, Choice::kRows, n * reached_rows_ * taps_ * tap_lanes_ * bytes / kEffortBytes, 0);
}

// Appends the events of one source row at `n` and returns their number.
std::uint32_t Convolution::list_row(const KernelTable& kernels, const Node& source, Work& work,
                                    int s, int column, int y, std::uint32_t n) const {
  Lists& lists = work.lists[index];
  std::uint32_t* events = lists.events.data() + n;
  const int lane = source.layout.row_start(y), size = source.layout.row_size();
  if (wiring().graded) {
    const std::int32_t* row = work.values(source, s, column - wiring().lag) + lane;
    return kernels.list_values(row, size, events, lists.messages.data() + n);
  }
  const std::uint8_t* row = work.bytes(source, s, column - wiring().lag) + lane;
  return merged_ ? kernels.list_sets(row, source_width_, source_channels_, events)
                 : kernels.list_bytes(row, size, events);
}

std::size_t Convolution::row_cells() const {
  return (std::size_t(margin_left_) + target_width_ + margin_right_) * out_ + tap_lanes_;
}

void Convolution::find_reach(const Layout& target, const Kernel& kernel) {
  for (const Segment& segment : target.segments()) {
    reach_.emplace_back();
    for (int y = 0; y < source_height_; ++y) {
      Reach reach{y, {}};
      for (int ky = 0; ky < kernel.rows; ++ky) {
        const int place = y + kernel.padding[0] - ky * kernel.dilation[0];
        const int row = place / kernel.stride[0] - segment.first_row;
        if (place < 0 || place % kernel.stride[0] != 0) continue;
        if (row >= 0 && row < segment.rows) reach.targets.push_back({row, ky});
      }
      if (reach.targets.empty()) continue;
      reached_rows_ += double(reach.targets.size()) / source_height_;
      reach_.back().push_back(reach);
    }
  }
}

// Scatters all source rows that reach the segment into its sums.
template <class Value>
void Convolution::scatter(const KernelTable& kernels, const Lists& lists, int pair,
                          const Segment& segment, Value* sums,
                          const Aligned<Value>& weight) const {
  const auto tap_sum = wiring().graded ? kernels.tap_sum_graded
                       : narrow_       ? kernels.tap_sum_narrow
                                       : kernels.tap_sum_wide;
  const std::size_t kernel_row_size = weight.size() / kernel_rows_;
  TapSum call{};
  call.starts = starts_.data();
  call.taps = taps_;
  call.sum_step = -std::ptrdiff_t(tap_move_) * out_;
  call.weight_step = std::ptrdiff_t(tap_step_) * tap_lanes_;
  call.lanes = tap_lanes_;
  for (const Reach& reach : reach_[segment.index]) {
    const std::uint32_t* start =
        lists.starts.data() + std::ptrdiff_t(pair) * source_height_ + reach.source_row;
    call.events = lists.events.data() + start[0];
    if (wiring().graded) call.messages = lists.messages.data() + start[0];
    call.count = int(start[1] - start[0]);
    if (call.count == 0) continue;
    const int most = int(reach.targets.size());
    for (int first = 0; first < most; first += kMostTargets) {
      call.targets = std::min(kMostTargets, most - first);
      for (int t = 0; t < call.targets; ++t) {
        const auto [row, ky] = reach.targets[first + t];
        call.weight[t] = weight.data() + ky * kernel_row_size;
        call.sums[t] = sums + row * row_cells();
      }
      tap_sum(call);
    }
  }
}

template <class Value>
void Convolution::add_segment(const KernelTable& kernels, Work& work, const Span& span,
                              const Segment& segment, const Currents& currents,
                              const Aligned<Value>& weight) const {
  const Lists& lists = work.lists[index];
  const int row_size = target_width_ * out_;
  const std::size_t size = segment.rows * row_cells();
  Value* sums = work.map_rows.as<Value>(size);
  for (int pair = 0; pair < span.pairs(); ++pair) {
    if (!lists.repeats[pair]) {
      std::fill_n(sums, size, Value(0));
      scatter(kernels, lists, pair, segment, sums, weight);
    }
    for (int r = 0; r < segment.rows; ++r) {
      Value* row = sums + r * row_cells() + std::ptrdiff_t(margin_left_) * out_;
      deliver(kernels, row, row_size, currents, pair, r * row_size);
    }
    if (currents.narrow) {
      std::fill(currents.narrow_row(pair) + segment.used,
                currents.narrow_row(pair) + segment.lanes, std::int16_t(0));
    }
  }
}

void Convolution::add_patterns(const KernelTable& kernels, Work& work, const Span& span,
                               const Segment& segment, const Currents& currents) const {
  const Lists& lists = work.lists[index];
  const int size = segment.rows * target_width_ * out_;
  std::int16_t* sums = work.map_rows.as<std::int16_t>(std::size_t(size) + patterns_->lanes());
  for (int pair = 0; pair < span.pairs(); ++pair) {
    std::int16_t* to = currents.narrow ? currents.narrow_row(pair) : sums;
    patterns_->sum(kernels, lists, pair, segment.first_row, segment.rows, to);
    if (currents.narrow) {
      std::fill(to + segment.used, to + segment.lanes, std::int16_t(0));
    } else {
      kernels.add_narrow(currents.row(pair), sums, size);
    }
  }
}

void Convolution::deliver(const KernelTable& kernels, std::int16_t* sums, int size,
                          const Currents& currents, int pair, int lane) const {
  if (currents.narrow) {
    std::copy_n(sums, size, currents.narrow_row(pair) + lane);
  } else {
    kernels.add_narrow(currents.row(pair) + lane, sums, size);
  }
}

void Convolution::deliver(const KernelTable& kernels, std::int32_t* sums, int size,
                          const Currents& currents, int pair, int lane) const {
  if (wraps_) kernels.wrap24(sums, size);
  kernels.add(currents.row(pair) + lane, sums, size);
}

void Convolution::add(const KernelTable& kernels, const Node&, Work& work, const Span& span,
                      const Segment& segment, const Currents& currents) const {
  if (work.lists[index].choice == Choice::kSubsets) {
    add_patterns(kernels, work, span, segment, currents);
  } else if (narrow_) {
    add_segment(kernels, work, span, segment, currents, weight16_);
  } else {
    add_segment(kernels, work, span, segment, currents, weight32_);
  }
}

}  // namespace neurodeploy
