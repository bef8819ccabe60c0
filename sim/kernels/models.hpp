// The neuron models: what is true of each, in one table. Their arithmetic stands in the headers that
// table.hpp gathers.

#pragma once

#include <cstdint>
#include <string>

#include "arithmetic.hpp"
#include "kernels.hpp"

namespace neurodeploy {

constexpr std::int32_t kOne = 1 << kDecayBits;
constexpr std::int32_t kModerate = 1 << 26;            // products and sums stay in 32 bits
constexpr std::int32_t kLowestThreshold = -(1 << 30);  // v - threshold stays in 32 bits
constexpr std::int32_t kLowest = INT32_MIN, kHighest = INT32_MAX;

// A parameter of a model, in units of the state. low, high: where the 32-bit kernels are exact.
// padding: its value in lanes where no neuron lives; a threshold out of reach keeps them silent.
struct ParameterFacts {
  const char* name;
  std::int32_t low, high, padding;
};

// A state. start: number of the parameter at which a sample begins and a due reset puts it, or
// kAtZero.
constexpr int kAtZero = -1;
struct StateFacts {
  const char* name;
  int start;
};

template <class T>
struct Facts {
  const T* first;
  int count;

  const T* begin() const { return first; }
  const T* end() const { return first + count; }
  const T& operator[](int i) const { return first[i]; }
  // Number of the entry of that name, or -1.
  int find(const std::string& name) const {
    for (int i = 0; i < count; ++i) {
      if (name == first[i].name) return i;
    }
    return -1;
  }
};

template <class T, int kCount>
constexpr Facts<T> facts(const T (&entries)[kCount]) {
  return {entries, kCount};
}

struct PortFacts {
  const char* name;
};

struct ModelFacts {
  const char* name;                  // of the record in neurodeploy/neuron.py
  Facts<StateFacts> states;
  Facts<ParameterFacts> parameters;  // in the order of the enums of kernels.hpp
  Facts<PortFacts> ports;
  bool graded;      // sends messages rather than spikes
  bool driven;      // the current is shifted or multiplied by a gain, the second port is a bias
  bool turned;      // both ports are currents
  bool fires;       // has a threshold and a reset after a spike
  bool cleared;     // starts again where a reset is due
  bool bounded;     // 32-bit kernels start samples themselves and leave out checks that bounds allow
  bool moves;       // the threshold is a state and follows a signature
};

constexpr ParameterFacts kCubaParameters[] = {
    {"keep_u", 0, kOne, 0},
    {"keep_v", 0, kOne, 0},
    {"threshold", kLowestThreshold, kHighest, kHighest},
    {"bias", kLowest, kHighest, 0},
    {"initial", 1 - std::int32_t(kLimit), std::int32_t(kLimit) - 1, 0},
};
constexpr ParameterFacts kHomeostaticParameters[] = {
    {"keep_u", 0, kOne, 0},
    {"keep_v", 0, kOne, 0},
    {"threshold", -kModerate, kModerate, kHighest},
    {"bias", kLowest, kHighest, 0},
    {"initial", 1 - std::int32_t(kLimit), std::int32_t(kLimit) - 1, 0},
    {"theta", 0, 1 << 14, 0},
};
constexpr ParameterFacts kSigmaDeltaParameters[] = {
    {"threshold", kLowest, kHighest, kHighest},
    {"bias", kLowest, kHighest, 0},
};
constexpr ParameterFacts kResonateParameters[] = {
    {"sin", -kOne, kOne, 0},
    {"cos", -kOne, kOne, 0},
    {"threshold", -kModerate, kHighest, kHighest},
};

constexpr StateFacts kCubaStates[] = {{"u", kAtZero}, {"v", kInitial}};
constexpr StateFacts kHomeostaticStates[] = {
    {"u", kAtZero}, {"v", kInitial}, {"vth", kThreshold}};
constexpr StateFacts kDeltaStates[] = {{"act", kAtZero}, {"residue", kAtZero}};
constexpr StateFacts kSigmaDeltaStates[] = {
    {"sigma", kAtZero}, {"act", kAtZero}, {"residue", kAtZero}};
constexpr StateFacts kSigmaStates[] = {{"sigma", kAtZero}};
constexpr StateFacts kResonateStates[] = {{"re", kAtZero}, {"im", kAtZero}};

constexpr PortFacts kCurrent[] = {{"a"}}, kDriven[] = {{"a"}, {"bias"}}, kTurned[] = {{"re"}, {"im"}};

// clang-format off
constexpr ModelFacts kModels[] = {
    // name, states, parameters, ports, graded, driven, turned, fires, cleared, bounded, moves
    {"CubaLif", facts(kCubaStates), facts(kCubaParameters), facts(kDriven),
     false, true, false, true, true, true, false},
    {"Integrator", facts(kCubaStates), facts(kCubaParameters), facts(kDriven),
     false, true, false, false, true, true, false},
    {"HomeostaticLif", facts(kHomeostaticStates), facts(kHomeostaticParameters), facts(kDriven),
     false, true, false, true, true, false, true},
    {"Delta", facts(kDeltaStates), facts(kSigmaDeltaParameters), facts(kCurrent),
     true, false, false, false, false, false, false},
    {"SigmaDelta", facts(kSigmaDeltaStates), facts(kSigmaDeltaParameters), facts(kCurrent),
     true, false, false, false, false, false, false},
    {"Sigma", facts(kSigmaStates), facts(kSigmaDeltaParameters), facts(kCurrent),
     true, false, false, false, false, false, false},
    {"ResonateFire", facts(kResonateStates), facts(kResonateParameters), facts(kTurned),
     false, false, true, false, false, false, false},
    {"ResonateFireIz", facts(kResonateStates), facts(kResonateParameters), facts(kTurned),
     false, false, true, false, false, false, false},
};
// clang-format on
static_assert(sizeof kModels / sizeof *kModels == kModelCount, "as many kernels as models");

// The facts, and the kernels of a table, by the name of the model; null for a name that is not there.
inline const ModelFacts* model_named(const std::string& name) {
  for (const ModelFacts& model : kModels) {
    if (name == model.name) return &model;
  }
  return nullptr;
}

inline const UpdateKernels* update_of(const KernelTable& kernels, const std::string& name) {
  for (const UpdateKernels& update : kernels.update) {
    if (name == update.model) return &update;
  }
  return nullptr;
}

}  // namespace neurodeploy
