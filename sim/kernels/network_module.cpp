// The binding of a network. Shapes and values are checked in Python; what is checked here again keeps a
// wrong call from touching memory that is not its own.

#include "network_module.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "convolution.hpp"
#include "delays.hpp"
#include "dense.hpp"
#include "direct.hpp"
#include "dispatch.hpp"
#include "fault_module.hpp"
#include "network.hpp"
#include "specs.hpp"

namespace neurodeploy {

using namespace nb::literals;

namespace {

using Counts = nb::ndarray<std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Bytes = nb::ndarray<std::uint8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

std::vector<std::int32_t> copied(const Column& values) {
  return {values.data(), values.data() + values.size()};
}

// One record of a call: population, variable (-1 for what it sends, else a state), array.
using RecordArray = nb::ndarray<nb::c_contig, nb::device::cpu>;
using Record = std::tuple<int, int, RecordArray>;

// By Choice; the first lets every operation choose.
const std::array<std::string, kChoices> kChoiceNames = {"", "rows", "subsets", "tiles", "dense"};

// Of an operation: form, weight bits, sum bits, (low, high) or none, ways, reason.
using OperationTuple =
    std::tuple<std::string, int, int, std::optional<std::pair<std::int64_t, std::int64_t>>,
               std::vector<std::string>, std::string>;
// Of a population: bits of currents, bits of the update, whether it looks for large currents, checks,
// reason.
using PopulationTuple = std::tuple<int, int, bool, std::string, std::string>;

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

  void add_population(const PopulationRecord& record) {
    const Shape& shape = record.shape;
    require(shape[0] > 0 && shape[1] > 0 && shape[2] > 0, "a population has no neurons");
    network_->add_population(Layout(shape[0], shape[1], shape[2], record.by_rows), record.spec());
  }

  void add_edge(const EdgeRecord& edge) {
    require_population(edge.population);
    require(edge.port >= 0 && edge.port < network_->population(edge.population).model().ports.count,
            "no such port");
    require(edge.source >= 0 && edge.source < network_->inputs() + network_->populations(),
            "no such source");
    network_->add(edge.population, edge.port, operation(edge));
  }

  void add_fan_out(int source, const Column& taps, const Column& nonzero) {
    const std::size_t size = std::size_t(network_->layout(source).size());
    require(taps.size() == size && nonzero.size() == size, "fan-out has a wrong size");
    network_->add_fan_out(source, copied(taps), copied(nonzero));
    ++connections_;
  }

  // What faults need to know of a connection; in the order of their fan-outs, of which there is one
  // for each.
  void describe(const EdgeRecord& edge, int latest) {
    require_population(edge.population);
    network_->describe(fault_edge(*network_, edge, latest));
  }

  void seal() { network_->seal(); }

  std::size_t operations() const { return network_->operations(); }
  std::size_t held_bytes() const { return network_->held_bytes(); }

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

  std::vector<OperationTuple> operation_reports() const {
    std::vector<OperationTuple> result;
    for (const OperationReport& report : network_->reports()) {
      std::optional<std::pair<std::int64_t, std::int64_t>> bounds;
      if (report.known) bounds.emplace(report.low, report.high);
      std::vector<std::string> ways;
      for (const Choice way : report.ways) ways.push_back(kChoiceNames[std::size_t(way)]);
      result.emplace_back(report.form, report.weight_bits, report.sum_bits, bounds, ways,
                          report.reason);
    }
    return result;
  }

  std::vector<PopulationTuple> population_reports() const {
    std::vector<PopulationTuple> result;
    for (int k = 0; k < network_->populations(); ++k) {
      const PopulationReport& report = network_->population(k).report();
      result.emplace_back(report.current_bits, report.update_bits, report.looks, report.checks,
                          report.reason);
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
           const std::vector<Record>& records, const Counts& counts, int threads,
           const std::optional<FaultArray>& faults, const std::optional<Column>& owners,
           const std::optional<Column>& input_rows) {
    Run run{};
    run.batch = std::int64_t(counts.shape(1));
    run.steps = steps;
    run.column = column;
    run.threads = threads;
    require(inputs.size() == std::size_t(network_->inputs()), "wrong number of inputs");
    const std::int64_t given = input_rows ? std::int64_t(inputs[0].shape(0)) : run.batch;
    if (input_rows) run.input_rows = rows_of(*input_rows, run.batch, given);
    for (int i = 0; i < network_->inputs(); ++i) run.inputs.push_back(input(inputs[i], i, given, run));
    std::optional<Faults> own;
    if (faults && owners) own.emplace(faults_of(*network_, *faults, *owners, run.batch));
    if (own) run.faults = &*own;
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

  std::unique_ptr<Operation> operation(const EdgeRecord& edge) const {
    const Layout &source = network_->layout(edge.source), &to = target(edge.population);
    if (edge.weight.is_none()) {
      require(source.size() == to.size(), "source and target differ in size");
      return std::make_unique<Direct>(Wiring{edge.source, 0, true}, source, to);
    }
    if (nb::cast<nb::ndarray<nb::ro>>(edge.weight).ndim() == 4) return convolution(edge);
    const Wiring wiring{edge.source, edge.lag, edge.graded};
    const auto weight = array_of<Readable<std::int32_t, 2>>(edge.weight, "weight");
    check_matrix(source, to, weight);
    if (!edge.delays.is_none()) {
      const auto delays = array_of<Readable<std::int32_t, 2>>(edge.delays, "delays");
      check_matrix(source, to, delays);
      return std::make_unique<DelayedSynapses>(wiring, source, to, matrix(weight), matrix(delays),
                                               edge.shift);
    }
    if (!edge.row_delays.empty()) {
      require(edge.row_delays.size() == weight.shape(0), "delays have a wrong size");
      return std::make_unique<DelayedRows>(wiring, source, to, matrix(weight), edge.row_delays,
                                           edge.shift);
    }
    for (const int column : edge.columns) {
      require(column >= 0 && column < source.size(), "no such column");
    }
    return std::make_unique<Dense>(wiring, source, to, matrix(weight), edge.columns, edge.shift,
                                   kernels_->dot_sum != nullptr);
  }

  std::unique_ptr<Operation> convolution(const EdgeRecord& edge) const {
    const auto weight = array_of<Readable<std::int32_t, 4>>(edge.weight, "weight");
    const Layout &source = network_->layout(edge.source), &to = target(edge.population);
    return std::make_unique<Convolution>(Wiring{edge.source, edge.lag, edge.graded}, source, to,
                                         kernel_of(edge, source, to, weight));
  }

  const std::int32_t* rows_of(const Column& rows, std::int64_t batch, std::int64_t given) const {
    require(std::int64_t(rows.size()) == batch, "the rows of inputs have a wrong size");
    const auto exists = [given](std::int32_t row) { return row >= 0 && row < given; };
    require(std::all_of(rows.data(), rows.data() + rows.size(), exists), "no such row of inputs");
    return rows.data();
  }

  InputArray input(const nb::ndarray<nb::ro, nb::ndim<3>, nb::c_contig, nb::device::cpu>& array,
                   int index, std::int64_t batch, const Run& run) const {
    require(std::int64_t(array.shape(0)) == batch &&
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
    const bool spikes = variable < 0 && !network_->population(population).graded();
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

void register_network(nb::module_& module) {
  nb::class_<PyNetwork>(module, "Network", "A network with packed weights.")
      .def(nb::init<const std::string&, const std::string&>(), "instruction_set"_a = "",
           "kernel"_a = "")
      .def_prop_ro("instruction_set", &PyNetwork::instruction_set)
      .def_prop_ro("state_bytes", &PyNetwork::state_bytes)
      .def("add_input", &PyNetwork::add_input, "shape"_a)
      .def("add_population", &PyNetwork::add_population, "population"_a)
      .def("add_edge", &PyNetwork::add_edge, "edge"_a)
      .def("add_fan_out", &PyNetwork::add_fan_out, "source"_a, "taps"_a.noconvert(),
           "nonzero"_a.noconvert())
      .def("describe", &PyNetwork::describe, "edge"_a, "latest"_a)
      .def("seal", &PyNetwork::seal)
      .def_prop_ro("operations", &PyNetwork::operations)
      .def("efforts", &PyNetwork::efforts)
      .def_prop_ro("held_bytes", &PyNetwork::held_bytes)
      .def("operation_reports", &PyNetwork::operation_reports)
      .def("population_reports", &PyNetwork::population_reports)
      .def("lanes", &PyNetwork::lanes, "population"_a)
      .def("order", &PyNetwork::order, "population"_a)
      .def("run", &PyNetwork::run, "column"_a, "steps"_a, "inputs"_a, "state_in"_a.none(),
           "state_out"_a.none(), "records"_a, "counts"_a.noconvert(), "threads"_a,
           "faults"_a.none() = nb::none(), "owners"_a.none() = nb::none(),
           "input_rows"_a.none() = nb::none());
}

}  // namespace neurodeploy
