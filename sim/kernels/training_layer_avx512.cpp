// The whole training layer, compiled for AVX-512.

#include <immintrin.h>
#include <math.h>

#include "training_layer.hpp"

namespace {
#include "training_layer.inc"
}  // namespace

extern const LayerLoops kLayerAvx512{pack_row, build_tables, forward_sites, find_columns,
                                    backward_block};
