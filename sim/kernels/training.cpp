// Forward and backward scan of a CUBA-LIF layer over all steps, for training.
//
// Arrays are C-contiguous [steps][batch][neurons] floats that hold integers. The forward pass is
// the integer arithmetic of sim/dynamics.py; the backward pass carries two gradients from the last
// step to the first. A thread owns a range of neurons for the whole batch, so that every sum runs
// in the same order whatever the number of threads.

#include "training.hpp"

#include <nanobind/ndarray.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

namespace nb = nanobind;

namespace {

constexpr std::int32_t kM = 1 << 23;       // u is folded back beyond it, v saturates at kM - 1
constexpr std::int32_t kPeriod = 1 << 24;  // period of the single correction of u
constexpr std::size_t kBlock = 64;         // neurons whose state stays on the stack
constexpr std::size_t kParallelWork = 200000;  // neuron-steps below which threads cost more

using Floats = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using FloatsOut = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using Ints = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Sums = nb::ndarray<double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

struct Shape {
  std::size_t steps, batch, neurons, source_steps;
  std::size_t plane() const { return batch * neurons; }
  std::size_t source(std::size_t t) const { return source_steps > 1 ? t : 0; }
};

// Calls work(begin, end) on ranges of neurons, in threads where that pays.
template <typename Work>
void over_neurons(const Shape& shape, std::size_t threads, Work work) {
  const std::size_t blocks = (shape.neurons + kBlock - 1) / kBlock;
  if (shape.steps * shape.plane() < kParallelWork) threads = 1;
  threads = std::max<std::size_t>(1, std::min(threads, blocks));
  std::vector<std::thread> pool;
  for (std::size_t k = 1; k < threads; ++k) {
    const std::size_t begin = blocks * k / threads * kBlock;
    const std::size_t end = std::min(blocks * (k + 1) / threads * kBlock, shape.neurons);
    pool.emplace_back([=] { work(begin, end); });
  }
  work(std::size_t{0}, std::min(blocks / threads * kBlock, shape.neurons));
  for (auto& thread : pool) thread.join();
}

std::int32_t wrap_add(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

// tz(state * keep): the double product of 32 and 13 bits is exact, the conversion truncates.
std::int32_t decayed(std::int32_t state, double keep) {
  return static_cast<std::int32_t>(static_cast<double>(state) * keep);
}

struct Forward {
  Shape shape;
  const float* a;
  const std::int32_t *current_decay, *voltage_decay, *threshold, *bias;
  bool spiking;
  float *s, *v, *u;  // u may be null

  void block(std::size_t begin, std::size_t count) const {
    double keep_current[kBlock], keep_voltage[kBlock];
    std::int32_t limit[kBlock], shift[kBlock], state_u[kBlock], state_v[kBlock];
    for (std::size_t i = 0; i < count; ++i) {
      keep_current[i] = (4096 - current_decay[begin + i]) / 4096.0;
      keep_voltage[i] = (4096 - voltage_decay[begin + i]) / 4096.0;
      limit[i] = threshold[begin + i] * 64;
      shift[i] = bias[begin + i] * 64;
    }
    for (std::size_t b = 0; b < shape.batch; ++b) {
      std::fill_n(state_u, count, 0);
      std::fill_n(state_v, count, 0);
      for (std::size_t t = 0; t < shape.steps; ++t) {
        const std::size_t at = t * shape.plane() + b * shape.neurons + begin;
        const float* in = a + shape.source(t) * shape.plane() + b * shape.neurons + begin;
        for (std::size_t i = 0; i < count; ++i) {
          const auto current = static_cast<std::uint32_t>(static_cast<std::int32_t>(in[i])) << 6;
          const std::int32_t x = wrap_add(decayed(state_u[i], keep_current[i]),
                                          static_cast<std::int32_t>(current));
          const std::int32_t folded = x - (x > kM ? kPeriod : 0) + (x <= -kM ? kPeriod : 0);
          std::int32_t raised = wrap_add(decayed(state_v[i], keep_voltage[i]), folded);
          raised = wrap_add(raised, shift[i]);
          raised = std::min(std::max(raised, -(kM - 1)), kM - 1);
          const bool fires = spiking & (raised > limit[i]);
          state_u[i] = folded;
          state_v[i] = fires ? 0 : raised;
          s[at + i] = fires ? 1.0f : 0.0f;
          v[at + i] = static_cast<float>(raised);
        }
        if (u != nullptr) {
          for (std::size_t i = 0; i < count; ++i) u[at + i] = static_cast<float>(state_u[i]);
        }
      }
    }
  }
};

// Surrogates of neurodeploy/train/surrogate.py, in the order of its table.
enum Kind { kTriangle, kFastSigmoid, kSigmoid, kAtan, kRectangular };

template <int kind>
float slope(float z, float width) {
  const float size = std::fabs(z);
  if constexpr (kind == kTriangle) return std::max(width - size, 0.0f) / (width * width);
  if constexpr (kind == kFastSigmoid) {
    const float root = 1.0f + size * (2.0f / width);
    return 1.0f / (width * root * root);
  }
  if constexpr (kind == kSigmoid) {
    const float activated = 1.0f / (1.0f + std::exp(-z * (4.0f / width)));
    return 4.0f / width * activated * (1.0f - activated);
  }
  if constexpr (kind == kAtan) {
    const float scaled = z * (3.14159265358979f / width);
    return 1.0f / (width * (1.0f + scaled * scaled));
  }
  return size < width / 2 ? 1.0f / width : 0.0f;
}

struct Backward {
  Shape shape;
  const float *grad_s, *grad_v;  // either may be null
  const float *s, *v, *u;        // u may be null
  const std::int32_t *current_decay, *voltage_decay, *threshold;
  float width, unit;
  bool spiking, reset_gradient, wants_sums;
  float* grad_a;
  double* sums;  // [4][neurons]: current decay, voltage decay, threshold, bias

  template <int kind>
  void block(std::size_t begin, std::size_t count) const {
    float keep_current[kBlock], keep_voltage[kBlock], limit[kBlock];
    float carry_u[kBlock], carry_v[kBlock], total[4][kBlock];
    const float size = 64.0f * unit, per_size = 1.0f / size;
    for (std::size_t i = 0; i < count; ++i) {
      keep_current[i] = (4096 - current_decay[begin + i]) / 4096.0f;
      keep_voltage[i] = (4096 - voltage_decay[begin + i]) / 4096.0f;
      limit[i] = 64.0f * static_cast<float>(threshold[begin + i]);
    }
    for (std::size_t b = 0; b < shape.batch; ++b) {
      std::fill_n(carry_u, count, 0.0f);
      std::fill_n(carry_v, count, 0.0f);
      for (auto& row : total) std::fill_n(row, count, 0.0f);
      for (std::size_t t = shape.steps; t-- > 0;) {
        const std::size_t at = t * shape.plane() + b * shape.neurons + begin;
        const std::size_t before = t == 0 ? at : at - shape.plane();
        float* out = grad_a + shape.source(t) * shape.plane() + b * shape.neurons + begin;
        const float first = t == 0 ? 0.0f : 1.0f;
        const bool add = shape.source_steps == 1 && t + 1 != shape.steps;
        for (std::size_t i = 0; i < count; ++i) {
          float path = 0.0f;
          if (spiking) {
            float of_spike = grad_s != nullptr ? grad_s[at + i] : 0.0f;
            if (reset_gradient) of_spike -= carry_v[i] * v[at + i];
            path = slope<kind>((v[at + i] - limit[i]) * per_size, width) * per_size * of_spike;
          }
          float pre = carry_v[i] * (1.0f - s[at + i]) + path;
          if (grad_v != nullptr) pre += grad_v[at + i];
          pre = std::fabs(v[at + i]) < static_cast<float>(kM - 1) ? pre : 0.0f;
          const float of_u = pre + carry_u[i];
          out[i] = (add ? out[i] : 0.0f) + 64.0f * of_u;
          carry_v[i] = pre * keep_voltage[i];
          carry_u[i] = of_u * keep_current[i];
          if (wants_sums) {
            if (u != nullptr) total[0][i] -= first * of_u * u[before + i];
            total[1][i] -= first * pre * v[before + i] * (1.0f - s[before + i]);
            total[2][i] -= path;
            total[3][i] += pre;
          }
        }
      }
      if (wants_sums) collect(begin, count, total);
    }
  }

  void collect(std::size_t begin, std::size_t count, const float (&total)[4][kBlock]) const {
    const double scale[4] = {1.0 / 4096, 1.0 / 4096, 64.0, 64.0};
    for (std::size_t row = 0; row < 4; ++row) {
      for (std::size_t i = 0; i < count; ++i) {
        sums[row * shape.neurons + begin + i] += scale[row] * total[row][i];
      }
    }
  }

  template <int kind>
  void run(std::size_t begin, std::size_t end) const {
    for (std::size_t n = begin; n < end; n += kBlock) block<kind>(n, std::min(kBlock, end - n));
  }

  void run(int kind, std::size_t begin, std::size_t end) const {
    switch (kind) {
      case kTriangle: return run<kTriangle>(begin, end);
      case kFastSigmoid: return run<kFastSigmoid>(begin, end);
      case kSigmoid: return run<kSigmoid>(begin, end);
      case kAtan: return run<kAtan>(begin, end);
      default: return run<kRectangular>(begin, end);
    }
  }
};

Shape shape_of(const Floats& full, std::size_t source_steps) {
  if (full.ndim() != 3) throw std::invalid_argument("expected arrays (steps, batch, neurons)");
  return {full.shape(0), full.shape(1), full.shape(2), source_steps};
}

void expect(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(what);
}

const float* pointer(const std::optional<Floats>& array, const Shape& shape) {
  if (!array) return nullptr;
  expect(array->size() == shape.steps * shape.plane(), "an array differs in size from v");
  return array->data();
}

void forward(const Floats& a, const Ints& current_decay, const Ints& voltage_decay,
             const Ints& threshold, const Ints& bias, bool spiking, const FloatsOut& s,
             const FloatsOut& v, const std::optional<FloatsOut>& u, std::size_t threads) {
  const Shape shape = shape_of(Floats(v), a.shape(0));
  expect(a.ndim() == 3 && a.size() == shape.source_steps * shape.plane(), "a differs from v");
  expect(shape.source_steps == 1 || shape.source_steps == shape.steps, "a has other steps");
  expect(s.size() == v.size() && (!u || u->size() == v.size()), "s or u differs from v");
  for (const Ints* row : {&current_decay, &voltage_decay, &threshold, &bias}) {
    expect(row->shape(0) == shape.neurons, "a parameter has another number of neurons");
  }
  const Forward pass{shape,          a.data(),  current_decay.data(), voltage_decay.data(),
                     threshold.data(), bias.data(), spiking,            s.data(),
                     v.data(),       u ? u->data() : nullptr};
  nb::gil_scoped_release unlocked;
  over_neurons(shape, threads, [&pass](std::size_t begin, std::size_t end) {
    for (std::size_t n = begin; n < end; n += kBlock) pass.block(n, std::min(kBlock, end - n));
  });
}

void backward(const std::optional<Floats>& grad_s, const std::optional<Floats>& grad_v,
              const Floats& s, const Floats& v, const std::optional<Floats>& u,
              const Ints& current_decay, const Ints& voltage_decay, const Ints& threshold,
              int kind, float width, float unit, bool spiking, bool reset_gradient,
              const FloatsOut& grad_a, const std::optional<Sums>& sums, std::size_t threads) {
  const Shape shape = shape_of(v, grad_a.shape(0));
  expect(grad_a.size() == shape.source_steps * shape.plane(), "grad_a differs from v");
  expect(s.size() == v.size(), "s differs from v");
  for (const Ints* row : {&current_decay, &voltage_decay, &threshold}) {
    expect(row->shape(0) == shape.neurons, "a parameter has another number of neurons");
  }
  expect(!sums || (sums->shape(0) == 4 && sums->shape(1) == shape.neurons), "sums: (4, neurons)");
  const Backward pass{shape,
                      pointer(grad_s, shape),
                      pointer(grad_v, shape),
                      s.data(),
                      v.data(),
                      pointer(u, shape),
                      current_decay.data(),
                      voltage_decay.data(),
                      threshold.data(),
                      width,
                      unit,
                      spiking,
                      reset_gradient,
                      sums.has_value(),
                      grad_a.data(),
                      sums ? sums->data() : nullptr};
  nb::gil_scoped_release unlocked;
  over_neurons(shape, threads, [&pass, kind](std::size_t begin, std::size_t end) {
    pass.run(kind, begin, end);
  });
}

}  // namespace

void register_training(nb::module_& module) {
  module.def("train_forward", &forward, nb::arg("a").noconvert(), nb::arg("current_decay"),
             nb::arg("voltage_decay"), nb::arg("threshold"), nb::arg("bias"), nb::arg("spiking"),
             nb::arg("s").noconvert(), nb::arg("v").noconvert(), nb::arg("u").none(),
             nb::arg("threads"),
             "Fill s, v (before the reset) and u of a CUBA-LIF layer, float32 "
             "(steps, batch, neurons), from integer-valued currents a.");
  module.def("train_backward", &backward, nb::arg("grad_s").none(), nb::arg("grad_v").none(),
             nb::arg("s"), nb::arg("v"), nb::arg("u").none(), nb::arg("current_decay"),
             nb::arg("voltage_decay"), nb::arg("threshold"), nb::arg("kind"), nb::arg("width"),
             nb::arg("unit"), nb::arg("spiking"), nb::arg("reset_gradient"),
             nb::arg("grad_a").noconvert(), nb::arg("sums").none(), nb::arg("threads"),
             "Fill grad_a and the sums (4, neurons) of current decay, voltage decay, threshold "
             "and bias.");
}
