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

// Surrogates of neurodeploy/train/surrogate.py.
enum TrainingSurrogate { kTriangle, kFastSigmoid, kSigmoid, kAtan, kRectangular, kSurrogates };
constexpr const char* kSurrogateNames[kSurrogates] = {"triangle", "fast_sigmoid", "sigmoid", "atan",
                                                      "rectangular"};
constexpr int kGiven = kSurrogates;  // the caller worked the slopes out

// No v lies above 64 times this, nor at or below 64 times its negative: a threshold beyond gives the
// same spikes, and its multiple fits 32 bits.
constexpr std::int32_t kFarThreshold = 1 << 17;

static inline std::int32_t threshold_in_v(std::int32_t threshold) {
  const std::int32_t above = threshold < -kFarThreshold ? -kFarThreshold : threshold;
  return (above > kFarThreshold ? kFarThreshold : above) * 64;
}
static inline std::int32_t bias_in_v(std::int32_t bias) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(bias) << 6);
}

struct TrainingBackward {
  TrainingShape shape;
  const float *grad_s, *grad_v;  // either may be null
  const float *s, *v, *u;        // u may be null
  const std::int32_t *current_decay, *voltage_decay, *threshold;
  int kind;
  float width, unit;
  const float* slopes;  // ds/dv of every neuron and step where kind is kGiven
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
