// Bindings of the encoders: checks, threads and the choice of the instruction set.
//
// Threads share out whole samples, so that nothing depends on their number.

#include "encode.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>
#include <vector>

#include "dispatch.hpp"
#include "encode_module.hpp"
#include "team.hpp"

namespace nb = nanobind;

namespace {

constexpr std::uint64_t kThreadBytes = 1 << 23;  // output below which a thread costs more
constexpr std::int64_t kPollSamples = 256;       // of one thread, between looks for an interrupt

using Values = nb::ndarray<const std::int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Series = nb::ndarray<const std::int64_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Index = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<std::uint8_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

void require(bool fits, const char* what) {
  if (!fits) throw nb::value_error(what);
}

const EncodeLoops& loops(const std::string& instruction_set) {
  const neurodeploy::KernelTable* table = neurodeploy::kernels_for(instruction_set);
  require(table != nullptr, "this instruction set is not available here");
#ifdef NEURODEPLOY_X86_KERNELS
  for (const EncodeLoops* some : {&kEncodeAvx512, &kEncodeAvx2}) {
    if (std::strcmp(some->name, table->name) == 0) return *some;
  }
#endif
  return kEncodePortable;
}

// Calls encode(sample, memory of the thread) for all samples; throws what an interrupt raised.
template <class Memory, class Encode>
void over_samples(std::int64_t samples, std::uint64_t bytes, int threads, const Memory& memory,
                  const Encode& encode) {
  const std::uint64_t worth = std::min<std::uint64_t>(bytes / kThreadBytes + 1, samples);
  threads = int(std::max<std::uint64_t>(1, std::min<std::uint64_t>(threads, worth)));
  std::vector<Memory> memories(threads, memory);
  std::atomic<std::int64_t> next{0};
  std::atomic<bool> stop{false};
  bool interrupted = false;  // of the calling thread
  const auto work = [&](int thread) {
    std::int64_t done = 0;
    for (std::int64_t sample; !stop && (sample = next.fetch_add(1)) < samples;) {
      encode(sample, memories[thread]);
      if (thread == 0 && ++done % kPollSamples == 0) {
        const nb::gil_scoped_acquire hold;
        if (PyErr_CheckSignals() != 0) stop = interrupted = true;
      }
    }
  };
  {
    const nb::gil_scoped_release release;
    neurodeploy::together(threads, stop, work);
  }
  if (interrupted) throw nb::python_error();
}

struct Tables {
  std::vector<std::uint8_t> tops;
  std::vector<std::uint32_t> limits;
};

// Repeats the first `size` entries over what lies behind them.
template <class T>
void repeat(std::vector<T>& table, std::size_t size) {
  for (std::size_t done = size; done < table.size(); done += size) {
    std::copy_n(table.data(), std::min(size, table.size() - done), table.data() + done);
  }
}

RateStream keyed(std::uint64_t seed) {
  RateStream stream{};
  std::uint32_t first = std::uint32_t(seed), second = std::uint32_t(seed >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    stream.keys[2 * round] = first;
    stream.keys[2 * round + 1] = second;
    first += kPhiloxFirstStep;
    second += kPhiloxSecondStep;
  }
  return stream;
}

RateStream stream_of(RateStream stream, std::int64_t draw, std::uint64_t sample) {
  stream.draw = std::uint32_t(draw);
  stream.sample[0] = std::uint32_t(sample);
  stream.sample[1] = std::uint32_t(sample >> 32);
  return stream;
}

void encode_rate(const Values& x, const Index& index, std::int64_t steps, std::int64_t peak,
                 std::int64_t seed, std::int64_t draw, const Out& out, int threads,
                 const std::string& instruction_set) {
  const std::size_t size = x.shape(1);
  require(index.shape(0) == x.shape(0) && out.shape(0) == x.shape(0) && out.shape(2) == size,
          "index or out differs from x");
  require(steps >= 1 && std::size_t(steps) <= out.shape(1), "steps differ from out");
  require(peak >= 1 && peak <= 1 << 24, "peak is not in 1..2^24");
  require(seed >= 0 && draw >= 0 && draw < std::int64_t(1) << 32, "seed or draw is out of range");
  require(size == 0 || std::uint64_t(steps) <= (std::uint64_t(1) << 34) / size, "too many spikes");
  const EncodeLoops& chosen = loops(instruction_set);
  if (size == 0) return;
  const std::size_t columns = out.shape(1), bytes = std::size_t(steps) * size;
  const RateStream keys = keyed(std::uint64_t(seed));
  const Tables empty{std::vector<std::uint8_t>(size + kEncodeSpan),
                     std::vector<std::uint32_t>(size + kEncodeSpan)};
  const auto encode = [&](std::int64_t k, Tables& tables) {
    chosen.limits(x.data() + k * size, size, std::uint32_t(peak), tables.tops.data(),
                  tables.limits.data());
    repeat(tables.tops, size);
    repeat(tables.limits, size);
    chosen.rate({stream_of(keys, draw, std::uint64_t(index.data()[k])), tables.tops.data(), tables.limits.data(), size, bytes,
                 out.data() + k * columns * size});
  };
  over_samples(x.shape(0), bytes * x.shape(0), threads, empty, encode);
}

void encode_latency(const Values& x, std::int64_t steps, std::int64_t peak, const Out& out,
                    int threads, const std::string& instruction_set) {
  const std::size_t size = x.shape(1), columns = out.shape(1);
  require(out.shape(0) == x.shape(0) && out.shape(2) == size, "out differs from x");
  require(steps >= 1 && steps <= 100000 && std::size_t(steps) <= columns, "steps differ from out");
  require(peak >= 1 && peak <= 1 << 24, "peak is not in 1..2^24");
  const EncodeLoops& chosen = loops(instruction_set);
  const Quotient rule{-2.0 * double(steps - 1), double(peak) * double(2 * steps - 1),
                      2.0 * double(peak)};
  const auto encode = [&, size, steps](std::int64_t k, std::vector<std::int32_t>& when) {
    const std::int32_t* values = x.data() + k * size;
    const std::int32_t* times = when.data();  // bytes written could be part of the vector itself
    std::uint8_t* __restrict spikes = out.data() + k * columns * size;
    chosen.quotients(values, size, rule, when.data());
    std::memset(spikes, 0, std::size_t(steps) * size);
    for (std::size_t i = 0; i < size; ++i) {
      if (std::size_t(times[i]) < std::size_t(steps)) spikes[times[i] * size + i] = values[i] > 0;
    }
  };
  over_samples(x.shape(0), x.shape(0) * std::uint64_t(steps) * size, threads,
               std::vector<std::int32_t>(size), encode);
}

void encode_level(const Values& x, std::int64_t channels, std::int64_t peak, std::int64_t levels,
                  const Out& out, int threads, const std::string& instruction_set) {
  const std::size_t size = x.shape(1), lines = out.shape(2);
  require(out.shape(0) == x.shape(0), "out differs from x");
  require(channels >= 0 && levels >= 2 && levels <= 4096, "channels or levels are out of range");
  require(lines == std::size_t(channels * levels), "out differs from channels and levels");
  require(peak >= 1 && peak <= 1 << 24, "peak is not in 1..2^24");
  const std::size_t sample_bytes = out.shape(1) * lines;
  require(size * std::size_t(levels) <= sample_bytes, "x has more steps than out");
  const EncodeLoops& chosen = loops(instruction_set);
  const Quotient rule{double(levels), double(peak) * double(levels), 2.0 * double(peak) + 1};
  const auto encode = [&](std::int64_t k, std::vector<std::int32_t>& level) {
    std::uint8_t* spikes = out.data() + k * sample_bytes;
    chosen.quotients(x.data() + k * size, size, rule, level.data());
    std::memset(spikes, 0, size * levels);
    for (std::size_t i = 0; i < size; ++i) {
      if (std::size_t(level[i]) < std::size_t(levels)) spikes[i * levels + level[i]] = 1;
    }
  };
  over_samples(x.shape(0), x.shape(0) * sample_bytes, threads, std::vector<std::int32_t>(size),
               encode);
}

// Differences modulo 2^64, as numpy takes them.
inline std::int64_t difference(std::int64_t a, std::int64_t b) {
  return std::int64_t(std::uint64_t(a) - std::uint64_t(b));
}

void encode_delta(const Series& x, std::int64_t threshold, const Out& out, int threads) {
  const std::size_t steps = x.shape(1), channels = x.shape(2), columns = out.shape(1);
  require(out.shape(0) == x.shape(0) && columns >= steps && out.shape(2) == 2 * channels,
          "out differs from x");
  require(threshold >= 1 && threshold <= 1 << 24, "threshold is not in 1..2^24");
  const auto encode = [&, steps, channels, threshold](std::int64_t k,
                                                      std::vector<std::int64_t>& reference) {
    const std::int64_t* values = x.data() + k * steps * channels;
    std::uint8_t* __restrict spikes = out.data() + k * columns * 2 * channels;
    std::int64_t* __restrict level = reference.data();
    if (steps > 0) std::copy_n(values, channels, level);
    for (std::size_t i = 0; i < steps; ++i) {
      for (std::size_t c = 0; c < channels; ++c) {
        const std::int64_t change = difference(values[i * channels + c], level[c]);
        const bool up = change >= threshold, down = change <= -threshold;
        level[c] += threshold * (int(up) - int(down));
        spikes[2 * (i * channels + c)] = up;
        spikes[2 * (i * channels + c) + 1] = down;
      }
    }
  };
  over_samples(x.shape(0), x.shape(0) * steps * channels * 8, threads,
               std::vector<std::int64_t>(channels), encode);
}

}  // namespace

void register_encoders(nb::module_& module) {
  module.def("encode_rate", &encode_rate, nb::arg("x").noconvert(), nb::arg("index").noconvert(),
             nb::arg("steps"), nb::arg("peak"), nb::arg("seed"), nb::arg("draw"),
             nb::arg("out").noconvert(), nb::arg("threads"), nb::arg("instruction_set") = "",
             "Fill the first steps of out, uint8 (samples, columns, size), with Bernoulli spikes.");
  module.def("encode_latency", &encode_latency, nb::arg("x").noconvert(), nb::arg("steps"),
             nb::arg("peak"), nb::arg("out").noconvert(), nb::arg("threads"),
             nb::arg("instruction_set") = "",
             "Fill the first steps of out, uint8 (samples, columns, size), one spike per value.");
  module.def("encode_level", &encode_level, nb::arg("x").noconvert(), nb::arg("channels"),
             nb::arg("peak"), nb::arg("levels"), nb::arg("out").noconvert(), nb::arg("threads"),
             nb::arg("instruction_set") = "",
             "Fill the first steps of out, uint8 (samples, columns, lines), one spike per channel.");
  module.def("encode_delta", &encode_delta, nb::arg("x").noconvert(), nb::arg("threshold"),
             nb::arg("out").noconvert(), nb::arg("threads"),
             "Fill the first steps of out, uint8 (samples, columns, 2 * channels), on change.");
}
