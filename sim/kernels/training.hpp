// The CUBA-LIF recurrence of training: arguments of the loops and the table of instruction sets.
#pragma once

#include <cstddef>
#include <cstdint>

constexpr std::size_t kTrainingBlock = 64;  // neurons whose state stays on the stack

struct TrainingShape {
  std::size_t steps, batch, neurons, source_steps;  // source_steps: of a and grad_a, 1 or steps
};

// Internal linkage: each instruction set keeps its own copy.
static inline std::size_t plane(const TrainingShape& shape) { return shape.batch * shape.neurons; }
static inline std::size_t source(const TrainingShape& shape, std::size_t t) {
  return shape.source_steps > 1 ? t : 0;
}

struct TrainingForward {
  TrainingShape shape;
  const float* a;
  const std::int32_t *current_decay, *voltage_decay, *threshold, *bias;
  bool spiking;
  float *s, *v, *u;  // v before the reset; u may be null
};

// Surrogates of neurodeploy/train/surrogate.py, in the order of its table.
enum TrainingSurrogate { kTriangle, kFastSigmoid, kSigmoid, kAtan, kRectangular };

struct TrainingBackward {
  TrainingShape shape;
  const float *grad_s, *grad_v;  // either may be null
  const float *s, *v, *u;        // u may be null
  const std::int32_t *current_decay, *voltage_decay, *threshold;
  int kind;
  float width, unit;
  bool spiking, reset_gradient;
  float* grad_a;
  double* sums;  // [4][neurons]: current decay, voltage decay, threshold, bias; may be null
};

struct TrainingLoops {
  void (*forward)(const TrainingForward& pass, std::size_t begin, std::size_t count);
  void (*backward)(const TrainingBackward& pass, std::size_t begin, std::size_t count);
};

extern const TrainingLoops kTrainingPortable;
#ifdef NEURODEPLOY_TRAINING_AVX2
extern const TrainingLoops kTrainingAvx2;
#endif
