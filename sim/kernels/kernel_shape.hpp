// Geometry and weights of a convolution, as they are declared.

#pragma once

#include <cstddef>
#include <cstdint>

namespace neurodeploy {

// (height, width) pairs. weight is [out][in / groups][rows][columns].
struct Kernel {
  const std::int32_t* weight;
  int out, in_per_group, rows, columns;
  int stride[2], padding[2], dilation[2];
  int groups;

  std::int32_t at(int o, int i, int y, int x) const {
    return weight[((std::ptrdiff_t(o) * in_per_group + i) * rows + y) * columns + x];
  }
};

}  // namespace neurodeploy
