#include "fault_module.hpp"

#include <nanobind/stl/array.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdlib>

namespace neurodeploy {

namespace {

const Layout& target_of(const Network& network, int population) {
  return network.layout(network.inputs() + population);
}

// From [target][source] to [source][lane of the target].
std::vector<std::int32_t> by_source(const Readable<std::int32_t, 2>& values, const Layout& source,
                                    const Layout& to) {
  std::vector<std::int32_t> result(std::size_t(source.size()) * to.lanes());
  for (int row = 0; row < to.size(); ++row) {
    for (int column = 0; column < source.size(); ++column) {
      result[std::size_t(column) * to.lanes() + to.lane_of(row)] = matrix(values).at(row, column);
    }
  }
  return result;
}

void describe_matrix(const EdgeRecord& record, const Layout& source, const Layout& to,
                     FaultEdge& edge) {
  const auto weight = array_of<Readable<std::int32_t, 2>>(record.weight, "weight");
  check_matrix(source, to, weight);
  edge.weight = by_source(weight, source, to);
  if (record.delays.is_none()) return;
  const auto delays = array_of<Readable<std::int32_t, 2>>(record.delays, "delays");
  check_matrix(source, to, delays);
  edge.delays = by_source(delays, source, to);
  edge.steps = {delays.data(), delays.data() + delays.size()};
  std::sort(edge.steps.begin(), edge.steps.end());
  edge.steps.erase(std::unique(edge.steps.begin(), edge.steps.end()), edge.steps.end());
  require(edge.steps.front() >= 0, "a delay is negative");
  edge.latest = std::max(edge.latest, edge.steps.back());
}

void describe_kernel(const EdgeRecord& record, const Layout& source, const Layout& to,
                     FaultEdge& edge) {
  const auto weight = array_of<Readable<std::int32_t, 4>>(record.weight, "weight");
  edge.kernel = kernel_of(record, source, to, weight);
  edge.is_kernel = true;
  edge.weight = {weight.data(), weight.data() + weight.size()};
  const std::size_t taps = edge.weight.size() / std::size_t(edge.kernel.out);
  for (std::size_t out = 0; out < std::size_t(edge.kernel.out); ++out) {
    std::int64_t sum = 0;
    for (std::size_t t = 0; t < taps; ++t) {
      sum += std::abs(std::int64_t(edge.weight[out * taps + t]));
    }
    edge.reach = std::max(edge.reach, sum);
  }
}

// Keeps a fault to samples, connections, populations and neurons that there are.
void check_fault(const Network& network, const FaultFields& f, std::int64_t lists) {
  const std::vector<FaultEdge>& edges = network.fault_edges();
  const auto below = [](std::int64_t value, std::int64_t limit) {
    return value >= 0 && value < limit;
  };
  require(below(f[0], 5) && below(f[1], lists), "no such fault");
  const FaultKind kind = FaultKind(f[0]);
  const bool of_edge = kind == FaultKind::kWeight || kind == FaultKind::kMessage;
  require(below(f[2], of_edge ? std::int64_t(edges.size()) : network.populations()),
          "no such place of a fault");
  const int node = of_edge ? edges[f[2]].source : network.inputs() + int(f[2]);
  const std::int64_t size = network.layout(node).size();
  const auto slice = [&] { return below(f[4], f[5] + 1) && f[5] <= size; };
  bool fits = false;
  if (kind == FaultKind::kWeight) {
    const FaultEdge& edge = edges[f[2]];
    const std::int64_t words = edge.is_kernel ? std::int64_t(edge.weight.size())
                                              : size * target_of(network, edge.population).size();
    fits = !edge.weight.empty() && below(f[3], words) && below(f[4], edge.latest + 1) &&
           below(f[6] + 1, 3);
  } else if (kind == FaultKind::kMessage) {
    fits = below(f[3], 4) && slice();
  } else {
    const ModelFacts& model = network.population(int(f[2])).model();
    if (kind == FaultKind::kParameter) fits = below(f[3], model.parameters.count) && slice();
    if (kind == FaultKind::kState) {
      fits = below(f[3], model.states.count) && below(f[4], size) && below(f[7], 4);
    }
    if (kind == FaultKind::kNeuron) fits = below(f[3], model.driven ? 4 : 3) && slice();
  }
  require(fits, "no such site of a fault");
}

}  // namespace

Kernel kernel_of(const EdgeRecord& edge, const Layout& source, const Layout& target,
                 const Readable<std::int32_t, 4>& weight) {
  const Kernel kernel{weight.data(),
                      int(weight.shape(0)),
                      int(weight.shape(1)),
                      int(weight.shape(2)),
                      int(weight.shape(3)),
                      {edge.stride[0], edge.stride[1]},
                      {edge.padding[0], edge.padding[1]},
                      {edge.dilation[0], edge.dilation[1]},
                      edge.groups};
  require(source.channels() == kernel.in_per_group * kernel.groups,
          "the kernel does not fit the source");
  require(target.channels() == kernel.out, "the kernel does not fit the target");
  return kernel;
}

FaultEdge fault_edge(const Network& network, const EdgeRecord& record, int latest) {
  require(latest >= 0 && record.lag >= 0, "a delay is negative");
  require(record.source >= 0 && record.source < network.inputs() + network.populations(),
          "no such source");
  const Layout& source = network.layout(record.source);
  const Layout& to = target_of(network, record.population);
  FaultEdge edge;
  edge.source = record.source;
  edge.population = record.population;
  edge.port = record.port;
  edge.latency = record.lag;
  edge.graded = record.graded;
  edge.latest = latest;
  edge.steps = {0};
  if (record.weight.is_none()) return edge;
  const bool is_kernel = nb::cast<nb::ndarray<nb::ro>>(record.weight).ndim() == 4;
  (is_kernel ? describe_kernel : describe_matrix)(record, source, to, edge);
  return edge;
}

Faults faults_of(const Network& network, const FaultArray& array, const Column& owners,
                 std::int64_t batch) {
  require(std::int64_t(owners.size()) == batch, "the lists of faults have a wrong size");
  std::int64_t lists = 1;
  for (std::size_t s = 0; s < owners.size(); ++s) {
    require(owners.data()[s] >= 0, "no such list of faults");
    lists = std::max(lists, std::int64_t(owners.data()[s]) + 1);
  }
  Faults result(owners.data(), lists, network.populations());
  const std::vector<FaultEdge>& edges = network.fault_edges();
  for (std::size_t i = 0; i < array.shape(0); ++i) {
    FaultFields fields;
    std::copy_n(array.data() + i * kFaultFields, kFaultFields, fields.begin());
    check_fault(network, fields, lists);
    result.add(fields, edges);
  }
  result.order();
  return result;
}

}  // namespace neurodeploy
