#include "delays.hpp"

#include <algorithm>

#include "arithmetic.hpp"

namespace neurodeploy {

namespace {

int largest(const Matrix& delays) {
  return *std::max_element(delays.values, delays.values + std::ptrdiff_t(delays.rows) * delays.columns);
}

}  // namespace

const std::vector<std::int32_t*>& DelayRing::slots(Work& work, int sample, int column,
                                                   const Segment& segment) const {
  std::int32_t* ring = work.at<std::int32_t>(sample, pending_at) + segment.first_lane;
  int number = int((work.column + column) % slot_count_);
  work.slots.resize(slot_count_);
  for (std::int32_t*& slot : work.slots) {
    slot = ring + std::ptrdiff_t(number) * lanes_;
    number = number + 1 == slot_count_ ? 0 : number + 1;
  }
  return work.slots;
}

void DelayRing::take(const KernelTable& kernels, std::int32_t* due, const Segment& segment,
                     std::int32_t* currents) const {
  kernels.add(currents, due, segment.lanes);
  std::fill_n(due, segment.lanes, 0);
}

DelayedRows::DelayedRows(const Wiring& wiring, const Layout& source, const Layout& target,
                         const Matrix& weight, const std::vector<int>& row_delays, int shift)
    : DelayRing(wiring, target, *std::max_element(row_delays.begin(), row_delays.end())),
      dense_(wiring, source, target, weight, {}, shift, false),
      delays_(target.lanes()) {
  for (int row = 0; row < target.size(); ++row) delays_[target.lane_of(row)] = row_delays[row];
}

OperationReport DelayedRows::report() const {
  OperationReport report = dense_.report();
  report.form = "dense, a delay per row";
  report.sum_bits = 32;
  report.reason = "currents wait in 32 bits";
  return report;
}

void DelayedRows::list(const KernelTable& kernels, const Node& source, Work& work,
                       const Span& span) const {
  dense_.list(kernels, source, work, span, work.lists[index]);
}

void DelayedRows::add(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
                      const Segment& segment, const Currents& currents) const {
  const std::size_t size = std::size_t(span.pairs()) * segment.lanes;
  std::int32_t* sums = work.delayed.as<std::int32_t>(size);
  std::fill_n(sums, size, 0);
  dense_.add(kernels, source, work, work.lists[index], span, segment, Currents{sums, false, segment.lanes});
  const std::int32_t* delay = delays_.data() + segment.first_lane;
  int pair = 0;
  for (int s = span.sample; s < span.sample + span.samples; ++s) {
    for (int k = span.column; k < span.column + span.columns; ++k, ++pair) {
      const std::vector<std::int32_t*>& own = slots(work, s, k, segment);
      const std::int32_t* row = sums + std::ptrdiff_t(pair) * segment.lanes;
      for (int l = 0; l < segment.lanes; ++l) {
        std::int32_t* to = own[delay[l]] + l;
        *to = add32(*to, row[l]);
      }
      take(kernels, own[0], segment, currents.row(pair));
    }
  }
}

DelayedSynapses::DelayedSynapses(const Wiring& wiring, const Layout& source, const Layout& target,
                                 const Matrix& weight, const Matrix& delays, int shift)
    : DelayRing(wiring, target, largest(delays)),
      shift_(shift),
      weight_(std::size_t(source.lanes()) * target.lanes()),
      delays_(weight_.size()) {
  for (int row = 0; row < weight.rows; ++row) {
    std::int64_t high = 0, low = 0;
    for (int column = 0; column < weight.columns; ++column) {
      const std::size_t at =
          std::size_t(source.lane_of(column)) * target.lanes() + target.lane_of(row);
      weight_[at] = weight.at(row, column);
      delays_[at] = std::int8_t(delays.at(row, column));
      (weight_[at] > 0 ? high : low) += weight_[at];
    }
    bounds_ = {std::min(bounds_.low, low), std::max(bounds_.high, high)};
  }
}

OperationReport DelayedSynapses::report() const {
  OperationReport report;
  report.form = "dense, a delay per synapse";
  report.weight_bits = 32;
  report.low = bounds_.low;
  report.high = bounds_.high;
  report.known = !wiring().graded;
  report.reason = "synapse by synapse";
  return report;
}

std::int32_t DelayedSynapses::message(const Node& source, const Work& work, int sample, int column,
                                      int lane) const {
  if (wiring().graded) return work.values(source, sample, column)[lane];
  return work.bytes(source, sample, column)[lane];
}

// Without a shift, currents go straight to their slots, modulo 2^32.
void DelayedSynapses::deal(const Node& source, const Work& work, int sample, int column,
                           const Segment& segment,
                           const std::vector<std::int32_t*>& slots) const {
  for (int lane = 0; lane < source.layout.lanes(); ++lane) {
    const std::int32_t m = message(source, work, sample, column - wiring().lag, lane);
    if (m == 0) continue;
    const std::size_t at = std::size_t(lane) * lanes_ + segment.first_lane;
    for (int l = 0; l < segment.lanes; ++l) {
      std::int32_t* to = slots[delays_[at + l]] + l;
      *to = add32(*to, multiply32(weight_[at + l], m));
    }
  }
}

// With a shift, the sum over the synapses of one delay is wide (its products are not), and is shifted
// before it meets what other columns have sent.
void DelayedSynapses::deal_shifted(const Node& source, Work& work, int sample, int column,
                                   const Segment& segment,
                                   const std::vector<std::int32_t*>& slots) const {
  const std::size_t size = std::size_t(slot_count_) * segment.lanes;
  std::int64_t* sums = work.delayed.as<std::int64_t>(size);
  std::fill_n(sums, size, 0);
  for (int lane = 0; lane < source.layout.lanes(); ++lane) {
    const std::int32_t m = message(source, work, sample, column - wiring().lag, lane);
    if (m == 0) continue;
    const std::size_t at = std::size_t(lane) * lanes_ + segment.first_lane;
    for (int l = 0; l < segment.lanes; ++l) {
      sums[std::ptrdiff_t(delays_[at + l]) * segment.lanes + l] += multiply32(weight_[at + l], m);
    }
  }
  for (int d = 0; d < slot_count_; ++d) {
    for (int l = 0; l < segment.lanes; ++l) {
      slots[d][l] = add32(slots[d][l], wrap32(sums[std::ptrdiff_t(d) * segment.lanes + l] >> shift_));
    }
  }
}

void DelayedSynapses::add(const KernelTable& kernels, const Node& source, Work& work,
                          const Span& span, const Segment& segment,
                          const Currents& currents) const {
  int pair = 0;
  for (int s = span.sample; s < span.sample + span.samples; ++s) {
    for (int k = span.column; k < span.column + span.columns; ++k, ++pair) {
      const std::vector<std::int32_t*>& own = slots(work, s, k, segment);
      if (shift_ == 0) {
        deal(source, work, s, k, segment, own);
      } else {
        deal_shifted(source, work, s, k, segment, own);
      }
      take(kernels, own[0], segment, currents.row(pair));
    }
  }
}

}  // namespace neurodeploy
