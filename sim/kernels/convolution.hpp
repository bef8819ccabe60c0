// Convolutions: the events of a source row are scattered into the target rows that they reach.
//
// A source value in column x meets the kernel columns kx for which x + padding - kx * dilation is a
// multiple of the stride: every step-th one from a first, each one position further left. To give all
// values the same number of taps, kernel rows are padded with zero weights, and the row of sums has
// margins that are thrown away.
//
// Where many values are active, the same sums are taken from tables of patterns instead.
//
// The events of a source with few channels are merged: each set of active channels counts as one
// channel, whose weights are the sums over the set.

#pragma once

#include <array>

#include "kernel_shape.hpp"
#include "operation.hpp"
#include "patterns.hpp"

namespace neurodeploy {

class Convolution : public Operation {
 public:
  Convolution(const Wiring& wiring, const Layout& source, const Layout& target,
              const Kernel& kernel);

  void list(const KernelTable& kernels, const Node& source, Work& work,
            const Span& span) const override;
  void add(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
           const Segment& segment, const Currents& currents) const override;
  bool narrow() const override { return narrow_; }
  Bounds bounds() const override;
  OperationReport report() const override;
  std::size_t bytes() const override;

 private:
  void choose_width(const Kernel& kernel);
  bool prefers_patterns(const KernelTable& kernels, const Node& source, Work& work,
                        const Span& span) const;
  double scatter_cost(double events) const;
  void list_events(const KernelTable& kernels, const Node& source, Work& work,
                   const Span& span) const;
  void add_patterns(const KernelTable& kernels, Work& work, const Span& span,
                    const Segment& segment, const Currents& currents) const;
  void find_taps(const Kernel& kernel);
  std::int32_t weight(const Kernel& kernel, int out, int channel, int y, int x) const;
  template <class Value>
  void pack(Aligned<Value>& packed, const Kernel& kernel) const;
  std::uint32_t list_row(const KernelTable& kernels, const Node& source, Work& work, int s,
                         int column, int y, std::uint32_t n) const;
  // The sums of the rows of a segment, margins included: one after another, this many cells each.
  std::size_t row_cells() const;
  void find_reach(const Layout& target, const Kernel& kernel);
  template <class Value>
  void scatter(const KernelTable& kernels, const Lists& lists, int pair, const Segment& segment,
               Value* sums, const Aligned<Value>& weight) const;
  template <class Value>
  void add_segment(const KernelTable& kernels, Work& work, const Span& span,
                   const Segment& segment, const Currents& currents,
                   const Aligned<Value>& weight) const;
  // Adds the finished sums of a row to the currents.
  void deliver(const KernelTable& kernels, std::int16_t* sums, int size, const Currents& currents,
               int pair, int lane) const;
  void deliver(const KernelTable& kernels, std::int32_t* sums, int size, const Currents& currents,
               int pair, int lane) const;

  bool merged_;
  // A source row that reaches a segment, and where: pairs of row in the segment and kernel row.
  struct Reach {
    int source_row;
    std::vector<std::array<int, 2>> targets;
  };

  int channels_;  // of events: those of the source, or sets of them
  int source_channels_, source_height_, source_width_, target_width_, out_;
  int kernel_rows_;
  int out_per_group_;
  int tap_lanes_;     // output channels of a group, padded
  int taps_ = 1;      // per event and kernel row
  int tap_step_ = 1;  // kernel columns from one tap to the next
  int tap_move_ = 0;  // target columns from one tap to the next, to the left
  int padded_columns_ = 1;
  int margin_left_ = 0, margin_right_ = 0;  // target columns
  bool narrow_ = false;
  bool wraps_ = true;  // a sum can leave 24 bits
  Bounds bounds_;
  std::vector<TapStart> starts_;           // per lane of a source row
  std::vector<std::vector<Reach>> reach_;  // per segment
  double reached_rows_ = 0;                // target rows that a source row reaches, on average
  std::unique_ptr<Patterns> patterns_;     // the other way, where it exists
  Aligned<std::int16_t> weight16_;
  Aligned<std::int32_t> weight32_;
};

}  // namespace neurodeploy
