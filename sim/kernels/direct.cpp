#include "direct.hpp"

#include "arithmetic.hpp"

namespace neurodeploy {

Direct::Direct(const Wiring& wiring, const Layout& source, const Layout& target)
    : Operation(wiring) {
  if (source.agrees_with(target)) return;
  for (int lane = 0; lane < target.lanes(); ++lane) {
    const int neuron = target.neuron_of(lane);
    source_lanes_.push_back(neuron < 0 ? -1 : source.lane_of(neuron));
  }
}

void Direct::add(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
                 const Segment& segment, const Currents& currents) const {
  int pair = 0;
  for (int s = span.sample; s < span.sample + span.samples; ++s) {
    for (int k = span.column; k < span.column + span.columns; ++k, ++pair) {
      const std::int32_t* from = work.values(source, s, k - wiring().lag);
      std::int32_t* to = currents.row(pair);
      if (source_lanes_.empty()) {
        kernels.add(to, from + segment.first_lane, segment.lanes);
        continue;
      }
      for (int l = 0; l < segment.lanes; ++l) {
        const std::int32_t lane = source_lanes_[segment.first_lane + l];
        if (lane >= 0) to[l] = add32(to[l], from[lane]);
      }
    }
  }
}

}  // namespace neurodeploy
