// All-to-all weights whose delays differ: currents wait in a ring of slots, one per column.
//
// At column c the messages of column c - lag are added to the slots c + delay, then the slot of c is
// taken out. The ring holds one slot per delay from 0 to the largest, and outlives a call.

#pragma once

#include "dense.hpp"

namespace neurodeploy {

class DelayRing : public Operation {
 public:
  std::size_t pending_bytes() const override {
    return std::size_t(slot_count_) * lanes_ * sizeof(std::int32_t);
  }

 protected:
  DelayRing(const Wiring& wiring, const Layout& target, int max_delay)
      : Operation(wiring), slot_count_(max_delay + 1), lanes_(target.lanes()) {}

  // The slots of a column and its successors, by delay, at the first lane of the segment.
  const std::vector<std::int32_t*>& slots(Work& work, int sample, int column,
                                          const Segment& segment) const;
  // Moves what is due to the currents.
  void take(const KernelTable& kernels, std::int32_t* due, const Segment& segment,
            std::int32_t* currents) const;

  const int slot_count_;
  const int lanes_;
};

// One delay per target neuron: the sums of a row are computed at once and dealt out to the slots.
class DelayedRows : public DelayRing {
 public:
  DelayedRows(const Wiring& wiring, const Layout& source, const Layout& target,
              const Matrix& weight, const std::vector<int>& row_delays, int shift);

  void list(const KernelTable& kernels, const Node& source, Work& work,
            const Span& span) const override;
  void add(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
           const Segment& segment, const Currents& currents) const override;
  Bounds bounds() const override { return dense_.bounds(); }
  OperationReport report() const override;
  std::size_t bytes() const override { return dense_.bytes() + bytes_of(delays_); }

 private:
  Dense dense_;
  std::vector<std::int32_t> delays_;  // per lane
};

// One delay per synapse: every message is dealt out synapse by synapse.
class DelayedSynapses : public DelayRing {
 public:
  DelayedSynapses(const Wiring& wiring, const Layout& source, const Layout& target,
                  const Matrix& weight, const Matrix& delays, int shift);

  void list(const KernelTable&, const Node&, Work&, const Span&) const override {}
  void add(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
           const Segment& segment, const Currents& currents) const override;
  Bounds bounds() const override { return wiring().graded ? Bounds::unbounded() : bounds_; }
  OperationReport report() const override;
  std::size_t bytes() const override {
    return sizeof *this + bytes_of(weight_) + bytes_of(delays_);
  }
  bool shares_weights() const override { return false; }

 private:
  std::int32_t message(const Node& source, const Work& work, int sample, int column,
                       int lane) const;
  void deal(const Node& source, const Work& work, int sample, int column, const Segment& segment,
            const std::vector<std::int32_t*>& slots) const;
  void deal_shifted(const Node& source, Work& work, int sample, int column,
                    const Segment& segment, const std::vector<std::int32_t*>& slots) const;

  int shift_;
  Bounds bounds_;
  std::vector<std::int32_t> weight_;  // [source lane][target lane]
  std::vector<std::int8_t> delays_;   // likewise
};

}  // namespace neurodeploy
