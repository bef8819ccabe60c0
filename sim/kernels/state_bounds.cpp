#include "state_bounds.hpp"

#include <algorithm>

namespace neurodeploy {

namespace {

struct Ends {
  explicit Ends(const std::vector<std::int32_t>& values)
      : low(*std::min_element(values.begin(), values.end())),
        high(*std::max_element(values.begin(), values.end())) {}

  std::int64_t above() const { return std::max<std::int64_t>(high, 0); }
  std::int64_t below() const { return std::max<std::int64_t>(-low, 0); }

  std::int64_t low, high;
};

// Largest value that a state reaches in one direction; `first` and `drive` count in that direction.
std::int64_t settled(std::int64_t first, std::int64_t drive, std::int64_t keep) {
  if (drive == 0) return first;
  return keep == kOne ? kUnbounded : std::max(first, drive * kOne / (kOne - keep) + 1);
}

}  // namespace

StateBounds bound_states(const PopulationSpec& spec, const Bounds& currents) {
  const auto ends = [&](int parameter) { return Ends(spec.parameters[parameter]); };
  if (!currents.known()) return {Bounds::unbounded(), Bounds::unbounded()};
  const std::int64_t keep_u = ends(kKeepU).high, keep_v = ends(kKeepV).high;
  StateBounds bounds;
  bounds.u.high = settled(0, currents.high * kUnity, keep_u);
  bounds.u.low = -settled(0, -currents.low * kUnity, keep_u);
  bounds.v = Bounds::unbounded();
  if (bounds.u.magnitude() >= kLimit) return bounds;
  const Ends bias = ends(kBias), initial = ends(kInitial), threshold = ends(kThreshold);
  const std::int64_t rise = bounds.u.high + bias.above(), fall = bias.below() - bounds.u.low;
  bounds.v.high = settled(initial.above(), rise, keep_v);
  bounds.v.low = -settled(initial.below(), fall, keep_v);
  if (spec.reset == kResetZero) {
    const std::int64_t between = std::max(threshold.above(), initial.above());
    bounds.v.high = std::min(bounds.v.high, between + rise);
  } else if (spec.reset == kResetSubtract && threshold.low < 0) {
    bounds.v.high = kUnbounded;  // a reset can raise v
  }
  return bounds;
}

}  // namespace neurodeploy
