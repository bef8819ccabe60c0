// The training scan, for every processor.

#include <math.h>

#include "training.hpp"

namespace {
#include "training_loops.inc"
}  // namespace

extern const TrainingLoops kTrainingPortable{forward_block, backward_block};
