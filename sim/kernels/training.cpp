// Bindings of the training scan: checks, threads and the choice of the instruction set.
//
// A thread owns a range of neurons for the whole batch, so that every sum runs in the same order
// whatever the number of threads. All instruction sets give the same bits: none fuses a product
// with a sum.

#include "training.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>

#include "dispatch.hpp"
#include "team.hpp"
#include "training_module.hpp"

namespace nb = nanobind;

namespace {

constexpr std::size_t kParallelWork = 200000;  // neuron-steps below which threads cost more

using Floats = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using FloatsOut = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using Ints = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Sums = nb::ndarray<double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

// AVX-512 runs the loops of AVX2: it is no faster here.
const TrainingLoops& loops(const std::string& instruction_set) {
#ifdef NEURODEPLOY_TRAINING_AVX2
  if (instruction_set_named(instruction_set) != "portable") return kTrainingAvx2;
#else
  instruction_set_named(instruction_set);
#endif
  return kTrainingPortable;
}

// Calls block(pass, begin, count) for all blocks of neurons, in threads where that pays.
template <typename Pass>
void over_neurons(const Pass& pass, void (*block)(const Pass&, std::size_t, std::size_t),
                  std::size_t threads) {
  const TrainingShape& shape = pass.shape;
  const std::size_t blocks = (shape.neurons + kTrainingBlock - 1) / kTrainingBlock;
  if (shape.steps * plane(shape) < kParallelWork) threads = 1;
  threads = std::max<std::size_t>(1, std::min(threads, blocks));
  const auto range = [&](std::size_t first, std::size_t last) {
    for (std::size_t k = first; k < last; ++k) {
      const std::size_t begin = k * kTrainingBlock;
      block(pass, begin, std::min(kTrainingBlock, shape.neurons - begin));
    }
  };
  std::atomic<bool> stop{false};
  neurodeploy::together(int(threads), stop, [&](int k) {
    if (!stop) range(blocks * k / threads, blocks * (k + 1) / threads);
  });
}

TrainingShape shape_of(const Floats& full, std::size_t source_steps) {
  if (full.ndim() != 3) throw std::invalid_argument("expected arrays (steps, batch, neurons)");
  return {full.shape(0), full.shape(1), full.shape(2), source_steps};
}

void expect(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(what);
}

const float* pointer(const std::optional<Floats>& array, const TrainingShape& shape) {
  if (!array) return nullptr;
  expect(array->size() == shape.steps * plane(shape), "an array differs in size from v");
  return array->data();
}

void forward(const Floats& a, const Ints& current_decay, const Ints& voltage_decay,
             const Ints& threshold, const Ints& bias, bool spiking, const FloatsOut& s,
             const FloatsOut& v, const std::optional<FloatsOut>& u, std::size_t threads,
             const std::string& instruction_set) {
  const TrainingShape shape = shape_of(Floats(v), a.shape(0));
  expect(a.ndim() == 3 && a.size() == shape.source_steps * plane(shape), "a differs from v");
  expect(shape.source_steps == 1 || shape.source_steps == shape.steps, "a has other steps");
  expect(s.size() == v.size() && (!u || u->size() == v.size()), "s or u differs from v");
  for (const Ints* row : {&current_decay, &voltage_decay, &threshold, &bias}) {
    expect(row->shape(0) == shape.neurons, "a parameter has another number of neurons");
  }
  TrainingForward pass{};
  pass.shape = shape;
  pass.a = a.data();
  pass.current_decay = current_decay.data();
  pass.voltage_decay = voltage_decay.data();
  pass.threshold = threshold.data();
  pass.bias = bias.data();
  pass.spiking = spiking;
  pass.s = s.data();
  pass.v = v.data();
  pass.u = u ? u->data() : nullptr;
  const auto block = loops(instruction_set).forward;
  nb::gil_scoped_release unlocked;
  over_neurons(pass, block, threads);
}

void backward(const std::optional<Floats>& grad_s, const std::optional<Floats>& grad_v,
              const Floats& s, const Floats& v, const std::optional<Floats>& u,
              const Ints& current_decay, const Ints& voltage_decay, const Ints& threshold,
              const std::string& surrogate, float width, float unit, bool spiking,
              bool reset_gradient, const FloatsOut& grad_a, const std::optional<Sums>& sums,
              std::size_t threads, const std::string& instruction_set,
              const std::optional<Floats>& slopes) {
  const TrainingShape shape = shape_of(v, grad_a.shape(0));
  expect(grad_a.size() == shape.source_steps * plane(shape), "grad_a differs from v");
  expect(s.size() == v.size(), "s differs from v");
  for (const Ints* row : {&current_decay, &voltage_decay, &threshold}) {
    expect(row->shape(0) == shape.neurons, "a parameter has another number of neurons");
  }
  expect(!sums || (sums->shape(0) == 4 && sums->shape(1) == shape.neurons), "sums: (4, neurons)");
  TrainingBackward pass{};
  pass.shape = shape;
  pass.grad_s = pointer(grad_s, shape);
  pass.grad_v = pointer(grad_v, shape);
  pass.s = s.data();
  pass.v = v.data();
  pass.u = pointer(u, shape);
  pass.current_decay = current_decay.data();
  pass.voltage_decay = voltage_decay.data();
  pass.threshold = threshold.data();
  pass.slopes = pointer(slopes, shape);
  pass.kind = slopes ? kGiven : surrogate_named(surrogate);
  pass.width = width;
  pass.unit = unit;
  pass.spiking = spiking;
  pass.reset_gradient = reset_gradient;
  pass.grad_a = grad_a.data();
  pass.sums = sums ? sums->data() : nullptr;
  const auto block = loops(instruction_set).backward;
  nb::gil_scoped_release unlocked;
  over_neurons(pass, block, threads);
}

}  // namespace

std::string instruction_set_named(const std::string& name) {
  const neurodeploy::KernelTable* table = neurodeploy::kernels_for(name);
  expect(table != nullptr, "this instruction set is not available here");
  return table->name;
}

int surrogate_named(const std::string& name) {
  for (int kind = 0; kind < kSurrogates; ++kind) {
    if (name == kSurrogateNames[kind]) return kind;
  }
  throw std::invalid_argument("the kernels know no surrogate " + name);
}

void register_training(nb::module_& module) {
  module.def(
      "surrogates",
      [] { return std::vector<std::string>(kSurrogateNames, kSurrogateNames + kSurrogates); },
      "Names of the surrogate gradients that the training kernels know.");
  module.def("train_forward", &forward, nb::arg("a").noconvert(), nb::arg("current_decay"),
             nb::arg("voltage_decay"), nb::arg("threshold"), nb::arg("bias"), nb::arg("spiking"),
             nb::arg("s").noconvert(), nb::arg("v").noconvert(), nb::arg("u").none(),
             nb::arg("threads"), nb::arg("instruction_set") = "",
             "Fill s, v (before the reset) and u of a CUBA-LIF layer, float32 "
             "(steps, batch, neurons), from integer-valued currents a.");
  module.def("train_backward", &backward, nb::arg("grad_s").none(), nb::arg("grad_v").none(),
             nb::arg("s"), nb::arg("v"), nb::arg("u").none(), nb::arg("current_decay"),
             nb::arg("voltage_decay"), nb::arg("threshold"), nb::arg("surrogate"), nb::arg("width"),
             nb::arg("unit"), nb::arg("spiking"), nb::arg("reset_gradient"),
             nb::arg("grad_a").noconvert(), nb::arg("sums").none(), nb::arg("threads"),
             nb::arg("instruction_set") = "", nb::arg("slopes").none() = nb::none(),
             "Fill grad_a and the sums (4, neurons) of current decay, voltage decay, threshold "
             "and bias. slopes: ds/dv of every neuron and step, in place of a surrogate.");
#ifdef NEURODEPLOY_TRAINING_LAYER
  register_training_layer(module);
#endif
}
