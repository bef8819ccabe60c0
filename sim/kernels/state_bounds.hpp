// Bounds of the states of the CUBA family: the one place where they are derived here.

#pragma once

#include "operation.hpp"
#include "population_spec.hpp"

namespace neurodeploy {

struct StateBounds {
  Bounds u, v;  // before u is folded and v is clamped
};

// Bounds for currents within `currents` into the first port, without gain, without a second port. With
// x' <= x * keep / 4096 + drive, no x exceeds the larger of its first value and
// drive * 4096 / (4096 - keep); a reset to zero keeps v below its threshold (or where it started)
// between the steps. Keep factors lie in 0..4096. v is unknown where u is not within +-2^23.
StateBounds bound_states(const PopulationSpec& spec, const Bounds& currents);

}  // namespace neurodeploy
