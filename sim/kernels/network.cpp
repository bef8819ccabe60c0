#include "network.hpp"

#include <algorithm>
#include <utility>

namespace neurodeploy {

namespace {

constexpr std::size_t kChunkBytes = std::size_t(1) << 20;   // messages of one sample and chunk
constexpr std::size_t kWorkerBytes = std::size_t(8) << 20;  // memory of one worker, unless one sample
                                                            // needs more
constexpr int kFewestColumns = 8, kMostColumns = 64;        // of a chunk
constexpr int kMostSamples = 64;
constexpr std::size_t kCurrentBytes = 64 * 1024;            // currents of one span and segment
constexpr double kNeuronNs = 1.0, kSynapseNs = 0.005;       // rough cost per step

std::size_t aligned(std::size_t bytes) { return (bytes + kCacheLine - 1) / kCacheLine * kCacheLine; }

}  // namespace

void Network::add_input(const Layout& layout) {
  nodes_.emplace_back(layout);
  ++input_count_;
}

void Network::add_population(const Layout& layout, PopulationSpec spec) {
  nodes_.emplace_back(layout);
  stages_.push_back(Stage{Population(kernels_, std::move(spec), layout), {}});
}

void Network::add(int population, int port, std::unique_ptr<Operation> operation) {
  operation->index = operation_count_++;
  operation->force(choice_);
  stages_[population].operations[port].push_back(std::move(operation));
}

Network::Synapses::Synapses(const std::vector<std::int32_t>& by_neuron, const Layout& layout)
    : by_lane(layout.lanes()), uniform(by_neuron[0]) {
  for (int n = 0; n < layout.size(); ++n) {
    by_lane[layout.lane_of(n)] = by_neuron[n];
    total += by_neuron[n];
    if (by_neuron[n] != by_neuron[0]) uniform = -1;
  }
}

void Network::add_fan_out(int source, const std::vector<std::int32_t>& taps,
                          const std::vector<std::int32_t>& nonzero) {
  const Layout& layout = nodes_[source].layout;
  fan_outs_.push_back({source, Synapses(taps, layout), Synapses(nonzero, layout)});
  step_ns_ += kSynapseNs * double(fan_outs_.back().taps.total);
}

void Network::seal() {
  choose_forms();
  find_phases();
  prepare_stages();
  place_memory();
}

// Which messages are kept, and for how long.
void Network::choose_forms() {
  for (int k = 0; k < populations(); ++k) {
    Node& node = nodes_[node_of(k)];
    (stages_[k].population.graded() ? node.has_values : node.has_bytes) = true;
  }
  for (const Stage& stage : stages_) {
    for (const auto& port : stage.operations) {
      for (const auto& operation : port) {
        const Wiring& wiring = operation->wiring();
        Node& node = nodes_[wiring.source];
        (wiring.graded ? node.has_values : node.has_bytes) = true;
        node.history = std::max(node.history, wiring.lag);
      }
    }
  }
  for (const FaultEdge& edge : fault_edges_) {
    Node& node = nodes_[edge.source];
    (edge.graded ? node.has_values : node.has_bytes) = true;
    node.history = std::max(node.history, edge.latency + edge.latest);
  }
  for (int i = 0; i < input_count_; ++i) {
    if (!nodes_[i].has_values) nodes_[i].has_bytes = true;  // events are counted in any case
  }
}

// Stages between the target and the source of a feedback connection run column by column.
void Network::find_phases() {
  std::vector<int> reach(stages_.size());  // last stage of the phase that starts here
  std::vector<bool> loops(stages_.size());
  for (int k = 0; k < populations(); ++k) {
    reach[k] = std::max(reach[k], k);
    for (const auto& port : stages_[k].operations) {
      for (const auto& operation : port) {
        const int source = operation->wiring().source - input_count_;
        if (source < k) continue;
        reach[k] = std::max(reach[k], source);
        loops[k] = true;
      }
    }
  }
  for (int first = 0; first < populations();) {
    int last = first;
    bool stepwise = false;
    for (int k = first; k <= last; ++k) {
      last = std::max(last, reach[k]);
      stepwise = stepwise || loops[k];
    }
    phases_.push_back({first, last, stepwise});
    for (int k = first; k <= last; ++k) nodes_[node_of(k)].counted_late = stepwise;
    first = last + 1;
  }
}

void Network::prepare_stages() {
  for (int k = 0; k < populations(); ++k) {
    Stage& stage = stages_[k];
    const auto& first = stage.operations[0];
    Bounds bounds[2];
    for (int port = 0; port < 2; ++port) {
      for (const auto& operation : stage.operations[port]) {
        bounds[port] = bounds[port] + operation->bounds();
      }
    }
    const bool narrow = first.size() == 1 && first[0]->narrow();
    stage.narrow = stage.population.connect(bounds[0], bounds[1], !stage.operations[1].empty(), narrow);
    const Layout& layout = nodes_[node_of(k)].layout;
    step_ns_ += kNeuronNs * layout.lanes();
    int largest = 0;
    for (const Segment& segment : layout.segments()) largest = std::max(largest, segment.lanes);
    const std::size_t column_bytes = std::size_t(largest) * (stage.narrow ? 2 : 4);
    stage.most_columns = int(std::clamp<std::size_t>(kCurrentBytes / column_bytes, 1, kMostColumns));
    // Segments of one block share their weights among the samples of a chunk; larger ones do not.
    stage.most_samples = largest > kBlock ? 1 : kMostSamples;
  }
}

std::vector<OperationReport> Network::reports() const {
  std::vector<OperationReport> result(operation_count_);
  for (const Stage& stage : stages_) {
    for (const auto& port : stage.operations) {
      for (const auto& operation : port) result[operation->index] = operation->report();
    }
  }
  return result;
}

std::size_t Network::held_bytes() {
  std::size_t sum = sizeof *this;
  for (const Node& node : nodes_) sum += sizeof node + node.layout.bytes();
  for (const Stage& stage : stages_) {
    sum += stage.population.bytes();
    for (const auto& port : stage.operations) {
      for (const auto& operation : port) sum += operation->bytes();
    }
  }
  for (const FanOut& fan : fan_outs_) sum += bytes_of(fan.taps.by_lane) + bytes_of(fan.nonzero.by_lane);
  for (const FaultEdge& edge : fault_edges_) sum += bytes_of(edge.weight) + bytes_of(edge.delays);
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& idle : idle_) sum += idle->sample_bytes * std::size_t(idle->capacity);
  return sum;
}

void Network::place_memory() {
  std::size_t at = 0;
  const auto place = [&at](std::size_t bytes) {
    const std::size_t start = at;
    at += aligned(bytes);
    return start;
  };
  std::size_t column_bytes = 0, history_bytes = 0;
  int longest = 0;
  for (int k = 0; k < populations(); ++k) {
    const std::size_t bytes = std::size_t(nodes_[node_of(k)].layout.lanes()) * sizeof(std::int32_t);
    Population& population = stages_[k].population;
    for (int i = 0; i < population.states(); ++i) population.state_at[i] = place(bytes);
    for (auto& port : stages_[k].operations) {
      for (auto& operation : port) operation->pending_at = place(operation->pending_bytes());
    }
  }
  kept_bytes_ = at;
  for (Node& node : nodes_) {
    const std::size_t lanes = std::size_t(node.layout.lanes());
    const std::size_t row = lanes * (node.has_bytes ? 1 : 0) + lanes * (node.has_values ? 4 : 0);
    column_bytes += row;
    history_bytes += row * node.history;
    longest = std::max(longest, node.history);
    node.counts_at = place(lanes * sizeof(std::int32_t));
  }
  state_bytes_ = kept_bytes_ + history_bytes;
  chunk_columns_ =
      int(std::clamp<std::size_t>(kChunkBytes / column_bytes, kFewestColumns, kMostColumns));
  row_count_ = std::max(chunk_columns_, longest);
  for (Node& node : nodes_) {
    const std::size_t cells = std::size_t(node.history + row_count_) * node.layout.lanes();
    if (node.has_bytes) node.bytes_at = place(cells);
    if (node.has_values) node.values_at = place(cells * sizeof(std::int32_t));
  }
  sample_bytes_ = at + 5 * kCacheLine;  // samples a power of two apart would share cache sets
  most_samples_ = int(std::clamp<std::size_t>(kWorkerBytes / sample_bytes_, 1, kMostSamples));
}

}  // namespace neurodeploy
