// All-to-all weights without delay differences. Binary events meet them in the way (`Choice`) that
// costs least for the span at hand: rows of the active inputs, rows of tables of sums over subsets of
// inputs, or dot products; messages that count by value are multiplied with their rows.

#pragma once

#include "dots.hpp"
#include "operation.hpp"

namespace neurodeploy {

class Dense : public Operation {
 public:
  // columns: source values that take part (C,H,W order), empty for all of them. shift: right shift of
  // every sum. dots: the kernels have dot products.
  Dense(const Wiring& wiring, const Layout& source, const Layout& target, const Matrix& weight,
        const std::vector<int>& columns, int shift, bool dots);

  void list(const KernelTable& kernels, const Node& source, Work& work,
            const Span& span) const override;
  void add(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
           const Segment& segment, const Currents& currents) const override;
  // The same with lists kept elsewhere.
  void list(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
            Lists& lists) const;
  void add(const KernelTable& kernels, const Node& source, Work& work, const Lists& lists,
           const Span& span, const Segment& segment, const Currents& currents) const;
  bool narrow() const override;
  Bounds bounds() const override { return wiring().graded ? Bounds::unbounded() : bounds_; }
  OperationReport report() const override;
  std::size_t bytes() const override;

 private:
  void choose_lanes(const Layout& source, const std::vector<int>& columns);
  void cut_blocks(const Layout& target);
  void choose_width(const Layout& target, const Matrix& weight, const Layout& source);
  template <class Value>
  void pack(Aligned<Value>& packed, const Layout& target, const Matrix& weight,
            const Layout& source) const;
  int column_of(const Layout& source, int input) const;
  template <class Value>
  const Value* inputs_of(const Value* row, Work& work) const;
  void list_events(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
                   Lists& lists) const;
  // What the events of a span cost each way, in nanoseconds.
  struct Costs {
    double rows = 0, subsets = 0, tiles = 0, dense = 0;
  };
  Costs costs(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
              Lists& lists) const;
  Choice choose(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
                Lists& lists) const;
  void list_messages(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
                     Lists& lists) const;
  void sum(const KernelTable& kernels, const Node& source, Work& work, const Lists& lists,
           const Span& span, const Segment& segment, const Currents& currents) const;
  const void* weight_of(const Block& block) const;
  int weight_bytes() const { return width_ == Width::kWide ? 4 : 2; }

  std::vector<std::int32_t> source_lanes_;  // lane of every input, empty where input = lane
  int inputs_ = 0;                          // padded to kInputGroup
  int shift_;
  int lanes_;  // of the target
  Width width_ = Width::kNarrow;
  Bounds bounds_;
  std::vector<std::int32_t> tiles_;
  std::int32_t longest_tile_ = 0;
  std::vector<Block> blocks_;
  std::vector<int> segment_blocks_;  // first block of every segment, then their number
  Aligned<std::int16_t> weight16_;
  Aligned<std::int32_t> weight32_;
  std::unique_ptr<Dots> dots_;  // the same weights, where they fit 8 bits
};

}  // namespace neurodeploy
