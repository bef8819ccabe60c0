// The whole training layer, compiled for every processor of a GNU-like compiler.

#include <math.h>

#include "training_layer.hpp"

namespace {
#include "training_layer.inc"
}  // namespace

extern const LayerLoops kLayerPortable{pack_row, build_tables, forward_sites, find_columns,
                                    backward_block};
