// The whole training layer, compiled for AVX2.

#include <immintrin.h>
#include <math.h>

#include "training_layer.hpp"

namespace {
#include "training_layer.inc"
}  // namespace

extern const LayerLoops kLayerAvx2{pack_row, build_tables, forward_sites, find_columns,
                                    backward_block};
