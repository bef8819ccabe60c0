// Python bindings of the native engine. Shapes and values are checked in Python; what is checked here
// again keeps a wrong call from touching memory that is not its own.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "convolution.hpp"
#include "delays.hpp"
#include "dense.hpp"
#include "direct.hpp"
#include "dispatch.hpp"
#include "encode_module.hpp"
#include "network.hpp"
#include "team.hpp"
#include "training_module.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace neurodeploy {
namespace {

template <class T, int kDimensions>
using Readable =
    nb::ndarray<const T, nb::ndim<kDimensions>, nb::c_contig, nb::device::cpu>;
using Counts = nb::ndarray<std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Bytes = nb::ndarray<std::uint8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Column = Readable<std::int32_t, 1>;
using Shape = std::array<int, 3>;
using Pair = std::array<int, 2>;

void require(bool condition, const char* what) {
  if (!condition) throw nb::value_error(what);
}

std::vector<std::int32_t> copied(const Column& values) {
  return {values.data(), values.data() + values.size()};
}

Matrix matrix(const Readable<std::int32_t, 2>& values) {
  return {values.data(), int(values.shape(0)), int(values.shape(1))};
}

// One record of a call: population, variable (-1 for what it sends, else a state), array.
using RecordArray = nb::ndarray<nb::c_contig, nb::device::cpu>;
using Record = std::tuple<int, int, RecordArray>;

// By Choice; the first lets every operation choose.
const std::array<std::string, kChoices> kChoiceNames = {"", "rows", "subsets", "tiles", "dense"};

class PyNetwork {
 public:
  PyNetwork(const std::string& instruction_set, const std::string& choice)
      : kernels_(kernels_for(instruction_set)) {
    require(kernels_ != nullptr, "this instruction set is not available here");
    const auto found = std::find(kChoiceNames.begin(), kChoiceNames.end(), choice);
    require(found != kChoiceNames.end(), "there is no such way of adding");
    network_ = std::make_unique<Network>(*kernels_, Choice(found - kChoiceNames.begin()));
  }

  std::string instruction_set() const { return kernels_->name; }

  void add_input(const Shape& shape) {
    network_->add_input(Layout(shape[0], shape[1], shape[2], false));
  }

  void add_population(const Shape& shape, bool by_rows, int model,
                      const std::vector<Column>& parameters, const Column& bias_mantissa,
                      const Column& gain, const Column& signature, int reset, int theta_shift,
                      std::int32_t low, std::int32_t high, int message_shift,
                      std::int64_t reset_interval, std::int64_t reset_column, std::int64_t lead) {
    const Layout layout(shape[0], shape[1], shape[2], by_rows);
    const auto suits = [&](const Column& values) {
      return values.size() == 1 || values.size() == std::size_t(layout.size());
    };
    require(model >= 0 && model <= int(Model::kResonateIzhikevich), "no such neuron model");
    require(parameters.size() <= kParameters, "too many parameters");
    require(suits(bias_mantissa), "bias has a wrong size");
    require(signature.size() % layout.size() == 0, "signature has a wrong size");
    NeuronSpec spec;
    spec.model = Model(model);
    for (const Column& values : parameters) {
      require(suits(values), "a parameter has a wrong size");
      spec.parameters.push_back(copied(values));
    }
    spec.bias_mantissa = copied(bias_mantissa);
    spec.gain = copied(gain);
    spec.signature = copied(signature);
    spec.reset = reset;
    spec.theta_shift = theta_shift;
    spec.low = low;
    spec.high = high;
    spec.message_shift = message_shift;
    spec.reset_interval = reset_interval;
    spec.reset_column = reset_column;
    spec.lead = lead;
    network_->add_population(layout, spec);
  }

  void add_dense(int population, int port, int source, int lag, bool graded,
                 const Readable<std::int32_t, 2>& weight, const std::vector<int>& columns,
                 int shift) {
    check_matrix(population, source, weight);
    add(population, port,
        std::make_unique<Dense>(Wiring{source, lag, graded}, network_->layout(source),
                                target(population), matrix(weight), columns, shift,
                                kernels_->dot_sum != nullptr));
  }

  void add_delayed_rows(int population, int port, int source, int lag, bool graded,
                        const Readable<std::int32_t, 2>& weight, const std::vector<int>& delays,
                        int shift) {
    check_matrix(population, source, weight);
    require(delays.size() == weight.shape(0), "delays have a wrong size");
    add(population, port,
        std::make_unique<DelayedRows>(Wiring{source, lag, graded}, network_->layout(source),
                                      target(population), matrix(weight), delays, shift));
  }

  void add_delayed_synapses(int population, int port, int source, int lag, bool graded,
                            const Readable<std::int32_t, 2>& weight,
                            const Readable<std::int32_t, 2>& delays, int shift) {
    check_matrix(population, source, weight);
    check_matrix(population, source, delays);
    add(population, port,
        std::make_unique<DelayedSynapses>(Wiring{source, lag, graded}, network_->layout(source),
                                          target(population), matrix(weight), matrix(delays),
                                          shift));
  }

  void add_convolution(int population, int port, int source, int lag, bool graded,
                       const Readable<std::int32_t, 4>& weight, const Pair& stride,
                       const Pair& padding, const Pair& dilation, int groups) {
    const Kernel kernel{weight.data(),
                        int(weight.shape(0)),
                        int(weight.shape(1)),
                        int(weight.shape(2)),
                        int(weight.shape(3)),
                        {stride[0], stride[1]},
                        {padding[0], padding[1]},
                        {dilation[0], dilation[1]},
                        groups};
    require(network_->layout(source).channels() == kernel.in_per_group * groups,
            "the kernel does not fit the source");
    require(target(population).channels() == kernel.out, "the kernel does not fit the target");
    add(population, port,
        std::make_unique<Convolution>(Wiring{source, lag, graded}, network_->layout(source),
                                      target(population), kernel));
  }

  void add_direct(int population, int port, int source) {
    require(network_->layout(source).size() == target(population).size(),
            "source and target differ in size");
    add(population, port,
        std::make_unique<Direct>(Wiring{source, 0, true}, network_->layout(source),
                                 target(population)));
  }

  void add_fan_out(int source, const Column& taps, const Column& nonzero) {
    const std::size_t size = std::size_t(network_->layout(source).size());
    require(taps.size() == size && nonzero.size() == size, "fan-out has a wrong size");
    network_->add_fan_out(source, copied(taps), copied(nonzero));
    ++connections_;
  }

  void seal() { network_->seal(); }

  std::size_t operations() const { return network_->operations(); }

  // (operation, choice, vectors added, dot products) of every way that was taken.
  std::vector<std::tuple<int, std::string, std::int64_t, std::int64_t>> efforts() const {
    std::vector<std::tuple<int, std::string, std::int64_t, std::int64_t>> result;
    int operation = 0;
    for (const auto& spent : network_->efforts()) {
      for (int c = 0; c < kChoices; ++c) {
        if (spent[c].adds == 0 && spent[c].dots == 0) continue;
        result.emplace_back(operation, kChoiceNames[c], spent[c].adds, spent[c].dots);
      }
      ++operation;
    }
    return result;
  }

  std::size_t state_bytes() const { return network_->state_bytes(); }

  int lanes(int population) const {
    require_population(population);
    return target(population).lanes();
  }

  // Lane of every neuron of a population.
  std::vector<int> order(int population) const {
    require_population(population);
    const Layout& layout = target(population);
    std::vector<int> lanes(layout.size());
    for (int n = 0; n < layout.size(); ++n) lanes[n] = layout.lane_of(n);
    return lanes;
  }

  void run(std::int64_t column, std::int64_t steps,
           const std::vector<nb::ndarray<nb::ro, nb::ndim<3>, nb::c_contig, nb::device::cpu>>& inputs,
           const std::optional<Bytes>& state_in, const std::optional<Bytes>& state_out,
           const std::vector<Record>& records, const Counts& counts, int threads) {
    Run run{};
    run.batch = std::int64_t(counts.shape(1));
    run.steps = steps;
    run.column = column;
    run.threads = threads;
    require(inputs.size() == std::size_t(network_->inputs()), "wrong number of inputs");
    for (int i = 0; i < network_->inputs(); ++i) run.inputs.push_back(input(inputs[i], i, run));
    run.state_in = state(state_in, run.batch);
    run.state_out = state(state_out, run.batch);
    run.records.resize(network_->populations());
    for (const Record& record : records) place(record, run);
    place_counts(counts, run);
    run.interrupted = [] {
      const nb::gil_scoped_acquire hold;
      return PyErr_CheckSignals() != 0;
    };
    bool finished;
    {
      const nb::gil_scoped_release release;
      finished = network_->run(run);
    }
    if (!finished) throw nb::python_error();
  }

 private:
  const Layout& target(int population) const {
    return network_->layout(network_->inputs() + population);
  }

  void check_matrix(int population, int source, const Readable<std::int32_t, 2>& values) const {
    require(int(values.shape(0)) == target(population).size() &&
                int(values.shape(1)) == network_->layout(source).size(),
            "the matrix does not fit source and target");
  }

  void add(int population, int port, std::unique_ptr<Operation> operation) {
    network_->add(population, port, std::move(operation));
  }

  InputArray input(const nb::ndarray<nb::ro, nb::ndim<3>, nb::c_contig, nb::device::cpu>& array,
                   int index, const Run& run) const {
    require(std::int64_t(array.shape(0)) == run.batch &&
                std::int64_t(array.shape(1)) == run.steps &&
                int(array.shape(2)) == network_->layout(index).size(),
            "an input has a wrong shape");
    if (array.dtype() == nb::dtype<std::uint8_t>()) {
      return {static_cast<const std::uint8_t*>(array.data()), nullptr};
    }
    require(array.dtype() == nb::dtype<std::int32_t>(), "an input is neither uint8 nor int32");
    return {nullptr, static_cast<const std::int32_t*>(array.data())};
  }

  std::uint8_t* state(const std::optional<Bytes>& array, std::int64_t batch) const {
    if (!array) return nullptr;
    require(std::int64_t(array->shape(0)) == batch && array->shape(1) == state_bytes(),
            "a state has a wrong shape");
    return array->data();
  }

  // Rows: input events, spikes, u wraps, v saturations, taps, nonzero.
  void place_counts(const Counts& counts, Run& run) const {
    const std::int64_t inputs = network_->inputs(), populations = network_->populations();
    const std::int64_t rows = inputs + 3 * populations + 2 * std::int64_t(connections_);
    require(std::int64_t(counts.shape(0)) == rows, "the counters have a wrong shape");
    std::int64_t* at = counts.data();
    const auto take = [&](std::int64_t size) {
      std::int64_t* const start = at;
      at += size * run.batch;
      return start;
    };
    run.input_events = take(inputs);
    run.spikes = take(populations);
    run.u_wraps = take(populations);
    run.v_saturations = take(populations);
    run.taps = take(std::int64_t(connections_));
    run.nonzero = take(std::int64_t(connections_));
  }

  void require_population(int population) const {
    require(population >= 0 && population < network_->populations(), "no such population");
  }

  void place(const Record& record, Run& run) const {
    const auto& [population, variable, array] = record;
    require(population >= 0 && population < network_->populations() && variable >= -1 &&
                variable < kStates,
            "no such variable");
    const Layout& layout = target(population);
    const bool spikes = variable < 0 && !network_->graded(population);
    const std::size_t row = std::size_t(spikes ? layout.lanes() / 8 : layout.size());
    require(array.dtype() == (spikes ? nb::dtype<std::uint8_t>() : nb::dtype<std::int32_t>()),
            spikes ? "a record of spikes is not uint8" : "a record is not int32");
    require(array.size() == std::size_t(run.batch * run.steps) * row, "a record has a wrong size");
    Records& places = run.records[population];
    if (variable < 0) {
      places.sent = array.data();
    } else {
      places.state[variable] = static_cast<std::int32_t*>(array.data());
    }
  }

  const KernelTable* kernels_;
  std::unique_ptr<Network> network_;
  std::size_t connections_ = 0;
};

}  // namespace
}  // namespace neurodeploy

NB_MODULE(_native, module) {
  using neurodeploy::PyNetwork;
  module.doc() = "Compiled kernels of the native engine.";
  // A process may end while a user's Simulator lives, in a daemon thread for instance: that is no
  // fault of reference counting, and nothing that a user should read of.
  nb::set_leak_warnings(false);
  nb::register_exception_translator([](const std::exception_ptr& thrown, void*) {
    try {
      std::rethrow_exception(thrown);
    } catch (const neurodeploy::NoThreads& error) {
      const nb::object type = nb::module_::import_("neurodeploy.errors").attr("EngineError");
      PyErr_SetString(type.ptr(), error.what());
    }
  });
  module.def("instruction_sets", &neurodeploy::instruction_sets,
             "Names of the instruction sets that this build has and this processor runs, fastest "
             "first.");
  nb::class_<PyNetwork>(module, "Network", "A network with packed weights.")
      .def(nb::init<const std::string&, const std::string&>(), "instruction_set"_a = "",
           "kernel"_a = "")
      .def_prop_ro("instruction_set", &PyNetwork::instruction_set)
      .def_prop_ro("state_bytes", &PyNetwork::state_bytes)
      .def("add_input", &PyNetwork::add_input, "shape"_a)
      .def("add_population", &PyNetwork::add_population, nb::kw_only(), "shape"_a, "by_rows"_a,
           "model"_a, "parameters"_a, "bias_mantissa"_a, "gain"_a, "signature"_a, "reset"_a,
           "theta_shift"_a, "low"_a, "high"_a, "message_shift"_a, "reset_interval"_a,
           "reset_column"_a, "lead"_a)
      .def("add_dense", &PyNetwork::add_dense, "population"_a, "port"_a, "source"_a, "lag"_a,
           "graded"_a, "weight"_a.noconvert(), "columns"_a, "shift"_a)
      .def("add_delayed_rows", &PyNetwork::add_delayed_rows, "population"_a, "port"_a, "source"_a,
           "lag"_a, "graded"_a, "weight"_a.noconvert(), "delays"_a, "shift"_a)
      .def("add_delayed_synapses", &PyNetwork::add_delayed_synapses, "population"_a, "port"_a,
           "source"_a, "lag"_a, "graded"_a, "weight"_a.noconvert(), "delays"_a.noconvert(),
           "shift"_a)
      .def("add_convolution", &PyNetwork::add_convolution, "population"_a, "port"_a, "source"_a,
           "lag"_a, "graded"_a, "weight"_a.noconvert(), "stride"_a, "padding"_a, "dilation"_a,
           "groups"_a)
      .def("add_direct", &PyNetwork::add_direct, "population"_a, "port"_a, "source"_a)
      .def("add_fan_out", &PyNetwork::add_fan_out, "source"_a, "taps"_a.noconvert(),
           "nonzero"_a.noconvert())
      .def("seal", &PyNetwork::seal)
      .def_prop_ro("operations", &PyNetwork::operations)
      .def("efforts", &PyNetwork::efforts)
      .def("lanes", &PyNetwork::lanes, "population"_a)
      .def("order", &PyNetwork::order, "population"_a)
      .def("run", &PyNetwork::run, "column"_a, "steps"_a, "inputs"_a, "state_in"_a.none(),
           "state_out"_a.none(), "records"_a, "counts"_a.noconvert(), "threads"_a);
  register_training(module);
  register_encoders(module);
}
