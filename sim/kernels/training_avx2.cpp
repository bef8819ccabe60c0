// The training scan, compiled for AVX2.

#include <math.h>

#include "training.hpp"

namespace {
#include "training_loops.inc"
}  // namespace

extern const TrainingLoops kTrainingAvx2{forward_block, backward_block};
