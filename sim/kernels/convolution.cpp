#include "convolution.hpp"

#include <algorithm>
#include <numeric>

namespace neurodeploy {

namespace {

constexpr std::int64_t kConvolutionLimit = std::int64_t(1) << 23;  // sums wrap to 24 bits

int padded_to(int size, int multiple) { return (size + multiple - 1) / multiple * multiple; }

}  // namespace

Convolution::Convolution(const Wiring& wiring, const Layout& source, const Layout& target,
                         const Kernel& kernel)
    : Operation(wiring),
      channels_(source.channels()),
      source_height_(source.height()),
      source_width_(source.width()),
      target_width_(target.width()),
      out_(kernel.out),
      kernel_rows_(kernel.rows),
      stride_(kernel.stride[0]),
      padding_(kernel.padding[0]),
      dilation_(kernel.dilation[0]),
      per_group_(kernel.in_per_group),
      out_per_group_(kernel.out / kernel.groups),
      tap_lanes_(padded_to(out_per_group_, kTapLanes)) {
  choose_width(kernel);
  find_taps(source, kernel);
  if (narrow_) {
    pack(weight16_, kernel);
  } else {
    pack(weight32_, kernel);
  }
}

std::int64_t Convolution::bound() const {
  return wiring().graded ? kConvolutionLimit : std::min(bound_, kConvolutionLimit);
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
  bound_ = std::max(high, -low);
  narrow_ = !wiring().graded && high <= INT16_MAX && low >= INT16_MIN;
  wraps_ = wiring().graded || bound_ >= kConvolutionLimit;
}

void Convolution::find_taps(const Layout& source, const Kernel& kernel) {
  const int stride = kernel.stride[1], dilation = kernel.dilation[1];
  const int common = std::gcd(stride, dilation);
  tap_step_ = stride / common;
  tap_move_ = dilation / common;
  taps_ = (kernel.columns + tap_step_ - 1) / tap_step_;
  padded_columns_ = taps_ * tap_step_;
  // First tap and its target column for every source column; -1 where no tap lands on the grid.
  std::vector<int> first(source.width(), -1), position(source.width(), 0);
  int leftmost = 0, rightmost = target_width_ - 1;
  for (int x = 0; x < source.width(); ++x) {
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
  for (int x = 0; x < source.width(); ++x) {
    for (int c = 0; c < channels_; ++c) {
      // Without a tap: the weights behind the last channel, which are zero.
      const bool none = first[x] < 0;
      const int group_offset = none ? 0 : c / per_group_ * out_per_group_;
      const int column = none ? (taps_ - 1) * tap_move_ : margin_left_ + position[x];
      starts_.push_back({column * out_ + group_offset,
                         none ? channels_ * channel_size
                              : c * channel_size + first[x] * tap_lanes_});
    }
  }
}

template <class Value>
void Convolution::pack(std::vector<Value>& packed, const Kernel& kernel) const {
  const std::size_t channel_size = std::size_t(padded_columns_) * tap_lanes_;
  packed.assign(kernel.rows * (channels_ + 1) * channel_size, 0);
  for (int y = 0; y < kernel.rows; ++y) {
    for (int c = 0; c < channels_; ++c) {
      const int first_out = c / per_group_ * out_per_group_;
      Value* channel = packed.data() + (std::size_t(y) * (channels_ + 1) + c) * channel_size;
      for (int x = 0; x < kernel.columns; ++x) {
        for (int o = 0; o < out_per_group_; ++o) {
          const std::int32_t value = kernel.at(first_out + o, c % per_group_, y, x);
          channel[x * tap_lanes_ + o] = static_cast<Value>(value);
        }
      }
    }
  }
}

// Lists every source row of every pair: starts hold the rows of a pair one after another.
void Convolution::list(const KernelTable& kernels, const Node& source, Work& work,
                       const Span& span) const {
  Lists& lists = work.lists[index];
  const int row_size = source.layout.row_size();
  const std::size_t most = std::size_t(span.pairs()) * source.layout.size() + kInputGroup;
  grow(lists.starts, std::size_t(span.pairs()) * source_height_ + 1);
  grow(lists.events, most);
  if (wiring().graded) grow(lists.messages, most);
  std::uint32_t n = 0;
  std::uint32_t* start = lists.starts.data();
  for (int s = span.sample; s < span.sample + span.samples; ++s) {
    for (int k = span.column; k < span.column + span.columns; ++k) {
      for (int y = 0; y < source_height_; ++y) {
        const int lane = source.layout.row_start(y);
        std::uint32_t* events = lists.events.data() + n;
        *start++ = n;
        n += wiring().graded
                 ? kernels.list_values(work.values(source, s, k - wiring().lag) + lane, row_size,
                                       events, lists.messages.data() + n)
                 : kernels.list_bytes(work.bytes(source, s, k - wiring().lag) + lane, row_size,
                                      events);
      }
    }
  }
  *start = n;
}

// Scatters everything that reaches one target row; sums starts at the left margin.
template <class Value>
void Convolution::add_row(const KernelTable& kernels, const Work& work, int pair, int row, Value* sums,
                          const std::vector<Value>& weight) const {
  const Lists& lists = work.lists[index];
  const std::size_t kernel_row_size = weight.size() / kernel_rows_;
  for (int ky = 0; ky < kernel_rows_; ++ky) {
    const int y = row * stride_ - padding_ + ky * dilation_;
    if (y < 0 || y >= source_height_) continue;
    const std::uint32_t* start = lists.starts.data() + std::ptrdiff_t(pair) * source_height_ + y;
    const TapSum call{weight.data() + ky * kernel_row_size,
                      starts_.data(),
                      lists.events.data() + start[0],
                      wiring().graded ? lists.messages.data() + start[0] : nullptr,
                      int(start[1] - start[0]),
                      taps_,
                      -std::ptrdiff_t(tap_move_) * out_,
                      std::ptrdiff_t(tap_step_) * tap_lanes_,
                      tap_lanes_,
                      sums};
    if (wiring().graded) {
      kernels.tap_sum_graded(call);
    } else {
      narrow_ ? kernels.tap_sum_narrow(call) : kernels.tap_sum_wide(call);
    }
  }
}

template <class Value>
void Convolution::add_segment(const KernelTable& kernels, Work& work, const Span& span,
                              const Segment& segment, const Currents& currents,
                              const std::vector<Value>& weight) const {
  const int row_size = target_width_ * out_;
  const int left = margin_left_ * out_;
  const std::size_t size = std::size_t(left) + row_size + margin_right_ * out_ + tap_lanes_;
  Value* sums = work.map_row.as<Value>(size);
  for (int pair = 0; pair < span.pairs(); ++pair) {
    for (int r = 0; r < segment.rows; ++r) {
      std::fill_n(sums, size, Value(0));
      add_row(kernels, work, pair, segment.first_row + r, sums, weight);
      deliver(kernels, sums + left, row_size, currents, pair, r * row_size);
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
  if (narrow_) {
    add_segment(kernels, work, span, segment, currents, weight16_);
  } else {
    add_segment(kernels, work, span, segment, currents, weight32_);
  }
}

}  // namespace neurodeploy
