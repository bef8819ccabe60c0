// Bindings of the whole training layer: checks, bit patterns, threads, the instruction set.
//
// Work is cut the same way whatever the number of threads, and partial sums are added in one order.

#include "training_layer.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "aligned.hpp"
#include "dispatch.hpp"
#include "team.hpp"
#include "training_module.hpp"
#include "training_patches.hpp"

namespace nb = nanobind;

namespace {

constexpr std::size_t kChunkRows = 2048;  // rows whose sums stay in the L2 cache
constexpr std::size_t kItems = 8;         // least pieces of work of a backward pass, where it can
constexpr std::size_t kHalved = 32;       // channels whose weights are halved together
constexpr std::int32_t kNever = 1 << 30;  // a limit that no v exceeds

using Floats = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using FloatsOut = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using Ints = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Bits = nb::ndarray<const std::uint32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using BitsOut = nb::ndarray<std::uint32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Totals = nb::ndarray<double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

const LayerLoops& loops_of(const std::string& instruction_set) {
  const std::string name = instruction_set_named(instruction_set);
#ifdef NEURODEPLOY_TRAINING_AVX2
  if (name == "avx512" || (instruction_set.empty() && neurodeploy::has_512_bits())) {
    return kLayerAvx512;
  }
  if (name == "avx2") return kLayerAvx2;
#endif
  return kLayerPortable;
}

void expect(bool fits, const char* what) {
  if (!fits) throw std::invalid_argument(what);
}

std::size_t padded(std::size_t count) {
  return (count + kLayerVector - 1) / kLayerVector * kLayerVector;
}

// Half of channel c's weights into column c; false unless all are even integers of 9 bits and no sum
// of them leaves 16 bits.
bool halve_block(const Floats& weight, std::size_t from, std::size_t to, std::size_t width,
                 std::int16_t* half) {
  const std::size_t inputs = weight.shape(1);
  std::int32_t up[kHalved] = {}, down[kHalved] = {};
  bool fits = true;
  for (std::size_t k = 0; k < inputs; ++k) {
    for (std::size_t c = from; c < to; ++c) {
      const float given = weight.data()[c * inputs + k];
      const std::int32_t value = std::int32_t(given >= -256.0f && given <= 256.0f ? given : 1.0f);
      fits &= float(value) == given && value % 2 == 0;
      half[k * width + c] = std::int16_t(value / 2);
      up[c - from] += std::max(value / 2, 0);
      down[c - from] += std::min(value / 2, 0);
    }
  }
  for (std::size_t c = 0; c < to - from; ++c) fits &= up[c] <= 32767 && down[c] >= -32768;
  return fits;
}

// weights / 2 as [inputs][channels], padded with zeros; false where 16 bits do not do.
bool halve(const Floats& weight, neurodeploy::Aligned<std::int16_t>& half) {
  const std::size_t channels = weight.shape(0), width = padded(channels);
  half.assign(words_of(weight.shape(1)) * 32 * width, 0);
  bool fits = true;
  for (std::size_t c = 0; c < channels; c += kHalved) {
    fits &= halve_block(weight, c, std::min(channels, c + kHalved), width, half.data());
  }
  return fits;
}

struct Parameters {
  neurodeploy::Aligned<std::int32_t> keep_u, keep_v, limit, shift;

  Parameters(const Ints& current_decay, const Ints& voltage_decay, const Ints& threshold,
             const Ints* bias, bool spiking) {
    const std::size_t count = padded(threshold.shape(0));
    keep_u.assign(count, 0);
    keep_v.assign(count, 0);
    limit.assign(count, kNever);
    shift.assign(count, 0);
    for (std::size_t i = 0; i < threshold.shape(0); ++i) {
      keep_u[i] = 4096 - current_decay.data()[i];
      keep_v[i] = 4096 - voltage_decay.data()[i];
      if (spiking) limit[i] = threshold_in_v(threshold.data()[i]);
      if (bias) shift[i] = bias_in_v(bias->data()[i]);
    }
  }
};

bool pack(const Floats& x, const BitsOut& bits, std::size_t threads,
          const std::string& instruction_set) {
  expect(x.ndim() == 3, "expected x (steps, batch, inputs)");
  const std::size_t steps = x.shape(0), batch = x.shape(1), inputs = x.shape(2);
  expect(bits.shape(0) == steps * batch && bits.shape(1) > words_of(inputs), "bits differ from x");
  std::atomic<bool> binary{true};
  const LayerLoops& loops = loops_of(instruction_set);
  nb::gil_scoped_release unlocked;
  neurodeploy::for_each_item(batch, threads, [&](std::size_t b) {
    for (std::size_t t = 0; t < steps && binary; ++t) {
      std::uint32_t* row = bits.data() + (b * steps + t) * bits.shape(1);
      if (!loops.pack(x.data() + (t * batch + b) * inputs, inputs, row)) binary = false;
    }
  });
  return binary;
}

std::optional<Window> window_of(const Ints& window) {
  if (window.shape(0) == 0) return {};
  expect(window.shape(0) == 6, "window: (channels, height, width, kernel, stride, padding)");
  const std::int32_t* w = window.data();
  for (std::size_t i = 0; i < 6; ++i) expect(w[i] >= (i < 5 ? 1 : 0), "window: out of range");
  const Window result{std::size_t(w[0]), std::size_t(w[1]), std::size_t(w[2]),
                      std::size_t(w[3]), std::size_t(w[4]), std::size_t(w[5])};
  expect(std::min(result.height, result.width) + 2 * result.padding >= result.kernel,
         "window: the kernel is larger than the input");
  return result;
}

void find_patterns(const Bits& bits, const std::optional<Window>& window, std::size_t steps,
                   const BitsOut& patterns, std::size_t threads) {
  const std::size_t rows = patterns.shape(1), words = patterns.shape(0);
  if (window) {
    neurodeploy::for_each_item(bits.shape(0) / steps, threads, [&](std::size_t sample) {
      gather_sample(*window, bits.data() + sample * steps * bits.shape(1), bits.shape(1), steps,
                    patterns.data() + sample * window->positions() * steps, rows);
    });
    return;
  }
  neurodeploy::for_each_item((rows + 127) / 128, threads, [&](std::size_t k) {
    for (std::size_t w = 0; w < words; ++w) {
      for (std::size_t r = k * 128; r < std::min(rows, k * 128 + 128); ++r) {
        patterns.data()[w * rows + r] = bits.data()[r * bits.shape(1) + w];
      }
    }
  });
}

void run_forward(LayerForward pass, std::size_t threads, const LayerLoops& loops) {
  const LayerShape& shape = pass.shape;
  const std::size_t words = words_of(shape.inputs);
  neurodeploy::Aligned<std::int16_t> tables(words * kTableWords * padded(shape.channels));
  pass.tables = tables.data();
  neurodeploy::for_each_item(blocks_of(shape), threads, [&](std::size_t k) { loops.tables(pass, k); });
  // Whole samples, as the spikes of neighbouring sites may share a word.
  const std::size_t per_sample = pass.sites_per_sample, samples = shape.sites / per_sample;
  const std::size_t sample_rows = per_sample * shape.steps;
  const std::size_t together = std::max<std::size_t>(1, kChunkRows / sample_rows);
  neurodeploy::for_each_item((samples + together - 1) / together, threads, [&](std::size_t k) {
    const std::size_t last = std::min(samples, (k + 1) * together) * per_sample;
    const std::size_t step = std::max<std::size_t>(1, kChunkRows / shape.steps);
    neurodeploy::Aligned<std::int16_t> scratch(std::min(step * shape.steps, together * sample_rows) *
                                      kLayerBlock);
    for (std::size_t first = k * together * per_sample; first < last; first += step) {
      loops.forward(pass, first, std::min(last, first + step), scratch.data());
    }
  });
}

bool layer_forward(const Bits& bits, const Ints& window, const Floats& weight,
                   const Ints& current_decay, const Ints& voltage_decay, const Ints& threshold,
                   const Ints& bias, bool spiking, const FloatsOut& s, const FloatsOut& v,
                   const BitsOut& spikes, const BitsOut& patterns, std::size_t threads,
                   const std::string& instruction_set) {
  expect(s.ndim() == 3 && v.ndim() == 3 && s.size() == v.size(), "s differs from v");
  const auto conv = window_of(window);
  const std::size_t steps = v.shape(0), sites = v.shape(1), channels = v.shape(2);
  const std::size_t positions = conv ? conv->positions() : 1;
  expect(weight.ndim() == 2 && weight.shape(0) == channels, "weight: (channels, inputs)");
  const std::size_t inputs = weight.shape(1);
  expect(steps > 0 && sites % positions == 0 && bits.shape(0) * positions == steps * sites,
         "bits differ from v");
  expect(!conv || conv->inputs() == inputs, "weight differs from window");
  const std::size_t source = conv ? conv->channels * conv->height * conv->width : inputs;
  expect(bits.shape(1) > words_of(source), "bits have another number of inputs");
  expect(patterns.shape(0) == words_of(inputs) && patterns.shape(1) == steps * sites, "patterns");
  expect(spikes.shape(0) == bits.shape(0) && spikes.shape(1) > words_of(positions * channels),
         "spikes differ from v");
  for (const Ints* row : {&current_decay, &voltage_decay, &threshold, &bias}) {
    expect(row->shape(0) == channels, "a parameter has another number of channels");
  }
  const LayerLoops& loops = loops_of(instruction_set);
  nb::gil_scoped_release unlocked;
  neurodeploy::Aligned<std::int16_t> half;
  if (!halve(weight, half)) return false;
  const Parameters parameters(current_decay, voltage_decay, threshold, &bias, spiking);
  find_patterns(bits, conv, steps, patterns, threads);
  std::fill_n(spikes.data(), spikes.size(), 0u);
  LayerForward pass{};
  pass.shape = {steps, sites, channels, inputs};
  pass.patterns = patterns.data();
  pass.half = half.data();
  pass.keep_u = parameters.keep_u.data();
  pass.keep_v = parameters.keep_v.data();
  pass.limit = parameters.limit.data();
  pass.shift = parameters.shift.data();
  pass.s = s.data();
  pass.v = v.data();
  pass.bits = spikes.data();
  pass.sites_per_sample = positions;
  pass.out_words = spikes.shape(1);
  run_forward(pass, threads, loops);
  return true;
}

// Partial sums of one piece of a backward pass.
struct Piece {
  neurodeploy::Aligned<float> weights;
  std::vector<double> totals;
};

void add_pieces(const LayerShape& shape, const std::vector<Piece>& pieces, std::size_t chunks,
                std::size_t block, float* weight, double* totals) {
  const std::size_t begin = block * kLayerBlock, width = vectors_of(shape, block) * kLayerVector;
  const std::size_t count = std::min(kLayerBlock, shape.channels - begin);
  const Piece* first = pieces.data() + block * chunks;
  constexpr std::size_t kStrip = 16;  // inputs of a line of the result
  float sums[kStrip][kLayerBlock];
  const std::size_t inputs = shape.inputs;
  for (std::size_t from = 0; from < inputs; from += kStrip) {
    const std::size_t size = std::min(kStrip, inputs - from);
    for (std::size_t k = 0; k < size; ++k) {
      const std::size_t at = (from + k) * width;
      std::copy_n(first->weights.data() + at, width, sums[k]);
      for (std::size_t n = 1; n < chunks; ++n) {
        const float* row = first[n].weights.data() + at;
        for (std::size_t c = 0; c < width; ++c) sums[k][c] += row[c];
      }
    }
    for (std::size_t c = 0; c < count; ++c) {
      float* to = weight + (begin + c) * inputs + from;
      for (std::size_t k = 0; k < size; ++k) to[k] = sums[k][c];
    }
  }
  if (!totals) return;
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t c = 0; c < count; ++c) {
      double sum = 0;
      for (std::size_t n = 0; n < chunks; ++n) sum += first[n].totals[row * kLayerBlock + c];
      totals[row * shape.channels + begin + c] = sum;
    }
  }
}

void run_backward(LayerBackward pass, float* weight, std::size_t threads,
                  const LayerLoops& loops) {
  const LayerShape& shape = pass.shape;
  const std::size_t groups = groups_of(shape), blocks = blocks_of(shape);
  const std::size_t wide = words_of(shape.inputs) * 32;
  neurodeploy::Aligned<std::uint64_t> columns(groups * spans_of(shape) * wide * 2);
  pass.columns = columns.data();
  neurodeploy::for_each_item(groups, threads, [&](std::size_t group) { loops.columns(pass, group); });
  const std::size_t chunks = std::min(groups, std::max<std::size_t>(1, kItems / blocks));
  std::vector<Piece> pieces(blocks * chunks);
  neurodeploy::for_each_item(pieces.size(), threads, [&](std::size_t k) {
    const std::size_t block = k / chunks, chunk = k % chunks;
    pieces[k].weights.assign(shape.inputs * vectors_of(shape, block) * kLayerVector, 0.0f);
    pieces[k].totals.assign(3 * kLayerBlock, 0.0);
    loops.backward(pass, block, groups * chunk / chunks, groups * (chunk + 1) / chunks,
                     pieces[k].weights.data(), pieces[k].totals.data());
  });
  neurodeploy::for_each_item(blocks, threads, [&](std::size_t block) {
    add_pieces(shape, pieces, chunks, block, weight, pass.totals);
  });
}

const float* pointer(const std::optional<Floats>& array, std::size_t size) {
  if (!array) return nullptr;
  expect(array->size() == size, "an array differs in size from v");
  return array->data();
}

void layer_backward(const std::optional<Floats>& grad_s, const std::optional<Floats>& grad_v,
                    const Floats& v, const Bits& patterns, const Ints& current_decay,
                    const Ints& voltage_decay, const Ints& threshold,
                    const std::string& surrogate, float width, float unit, bool spiking,
                    bool reset_gradient, const std::optional<FloatsOut>& grad_a,
                    const FloatsOut& weight, const std::optional<Totals>& totals,
                    std::size_t threads, const std::string& instruction_set) {
  expect(v.ndim() == 3 && weight.ndim() == 2, "v: (steps, sites, channels), weight: 2 axes");
  LayerBackward pass{};
  pass.shape = {v.shape(0), v.shape(1), v.shape(2), weight.shape(1)};
  const LayerShape& shape = pass.shape;
  expect(weight.shape(0) == shape.channels, "weight differs from v");
  expect(patterns.shape(0) == words_of(shape.inputs), "patterns differ from weight");
  expect(patterns.shape(1) == shape.steps * shape.sites, "patterns differ from v");
  expect(!grad_a || grad_a->size() == v.size(), "grad_a differs from v");
  expect(!totals || (totals->shape(0) == 3 && totals->shape(1) == shape.channels),
         "totals: (3, channels)");
  for (const Ints* row : {&current_decay, &voltage_decay, &threshold}) {
    expect(row->shape(0) == shape.channels, "a parameter has another number of channels");
  }
  const Parameters given(current_decay, voltage_decay, threshold, nullptr, spiking);
  neurodeploy::Aligned<float> keep_u, keep_v, limit(given.limit.begin(), given.limit.end());
  for (std::size_t i = 0; spiking && i < shape.channels; ++i) {
    limit[i] = 64.0f * float(threshold.data()[i]);  // the surrogate sees thresholds out of reach
  }
  for (const std::int32_t keep : given.keep_u) keep_u.push_back(float(keep) / 4096.0f);
  for (const std::int32_t keep : given.keep_v) keep_v.push_back(float(keep) / 4096.0f);
  pass.patterns = patterns.data();
  pass.grad_s = pointer(grad_s, v.size());
  pass.grad_v = pointer(grad_v, v.size());
  pass.v = v.data();
  pass.keep_u = keep_u.data();
  pass.keep_v = keep_v.data();
  pass.limit = limit.data();
  pass.kind = surrogate_named(surrogate);
  pass.width = width;
  pass.unit = unit;
  pass.spiking = spiking;
  pass.reset_gradient = reset_gradient;
  pass.grad_a = grad_a ? grad_a->data() : nullptr;
  pass.totals = totals ? totals->data() : nullptr;
  const LayerLoops& loops = loops_of(instruction_set);
  nb::gil_scoped_release unlocked;
  run_backward(pass, weight.data(), threads, loops);
}

}  // namespace

void register_training_layer(nb::module_& module) {
  module.def("train_pack", &pack, nb::arg("x").noconvert(), nb::arg("bits").noconvert(),
             nb::arg("threads"), nb::arg("instruction_set") = "",
             "Fill bits, uint32 (batch * steps, words), from x, float32 (steps, batch, inputs); "
             "return False when a value is neither 0 nor 1.");
  module.def("train_layer_forward", &layer_forward, nb::arg("bits").noconvert(), nb::arg("window"),
             nb::arg("weight").noconvert(), nb::arg("current_decay"), nb::arg("voltage_decay"),
             nb::arg("threshold"), nb::arg("bias"), nb::arg("spiking"), nb::arg("s").noconvert(),
             nb::arg("v").noconvert(), nb::arg("spikes").noconvert(),
             nb::arg("patterns").noconvert(), nb::arg("threads"), nb::arg("instruction_set") = "",
             "Run a layer on packed spikes and fill s and v (before the reset), float32 (steps, "
             "sites, channels), the packed spikes, and the patterns that the backward pass reads; "
             "return False, and fill nothing, when a sum could leave 16 bits.");
  module.def("train_layer_backward", &layer_backward, nb::arg("grad_s").none(),
             nb::arg("grad_v").none(), nb::arg("v").noconvert(), nb::arg("patterns").noconvert(),
             nb::arg("current_decay"), nb::arg("voltage_decay"), nb::arg("threshold"),
             nb::arg("surrogate"), nb::arg("width"), nb::arg("unit"), nb::arg("spiking"),
             nb::arg("reset_gradient"), nb::arg("grad_a").none(), nb::arg("weight").noconvert(),
             nb::arg("totals").none(), nb::arg("threads"), nb::arg("instruction_set") = "",
             "Fill the gradients of the currents (if asked for), of the weights (channels, inputs) "
             "and the totals (3, channels) of voltage decay, threshold and bias.");
}
