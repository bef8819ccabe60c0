// A prepared network: nodes, operations, populations, and how they are run.

#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "faults.hpp"
#include "kernels.hpp"
#include "operation.hpp"
#include "population.hpp"
#include "work.hpp"

namespace neurodeploy {

// Input data of one call, C-contiguous [sample][step][value].
struct InputArray {
  const std::uint8_t* bytes;    // either
  const std::int32_t* values;   // or
};

// One call: what to run and where the results go. Counters are [index][sample]. Recorded spikes are
// bits, [sample][step][lane / 8], lowest bit first.
struct Run {
  std::int64_t batch, steps;
  std::int64_t column;              // of the stream, first of this call
  int threads;
  std::vector<InputArray> inputs;
  const std::uint8_t* state_in;     // [sample][state_bytes], or null for fresh states
  std::uint8_t* state_out;          // likewise, or null
  std::vector<Records> records;     // per population
  const std::int32_t* input_rows = nullptr;  // of every sample, which of the inputs it is given; or
                                             // null: its own
  const Faults* faults = nullptr;            // or null
  std::int64_t *input_events, *spikes, *taps, *nonzero, *u_wraps, *v_saturations;
  std::function<bool()> interrupted;  // asked now and then on the calling thread
};

class Network {
 public:
  // choice: how binary events are to meet weights, where that way exists.
  Network(const KernelTable& kernels, Choice choice) : kernels_(kernels), choice_(choice) {}

  // Declaration: all inputs, then all populations, then operations; `seal` ends it. Nodes are numbered
  // in that order, inputs first.
  void add_input(const Layout& layout);
  void add_population(const Layout& layout, PopulationSpec spec);
  // Operations of one port of a population; a connection may need several.
  void add(int population, int port, std::unique_ptr<Operation> operation);
  // Fan-out of one connection, per source value: synapses in all, and those with a weight.
  void add_fan_out(int source, const std::vector<std::int32_t>& taps,
                   const std::vector<std::int32_t>& nonzero);
  // What faults need to know of every connection, in the order of their fan-outs; before `seal`.
  void describe(FaultEdge edge) { fault_edges_.push_back(std::move(edge)); }
  void seal();

  const std::vector<FaultEdge>& fault_edges() const { return fault_edges_; }
  const Layout& layout(int node) const { return nodes_[node].layout; }
  const Population& population(int k) const { return stages_[k].population; }
  int inputs() const { return input_count_; }
  int populations() const { return int(stages_.size()); }
  std::size_t state_bytes() const { return state_bytes_; }
  std::size_t operations() const { return operation_count_; }
  // What was chosen, per operation in the order of their declaration.
  std::vector<OperationReport> reports() const;
  // What is held between runs: packed weights, tables, parameters, memory of idle workers.
  std::size_t held_bytes();
  // What all runs so far have spent, per operation in the order of their declaration.
  std::vector<std::array<Effort, kChoices>> efforts();

  // Returns false if it was interrupted; nothing but the results of `run` has been touched then.
  bool run(const Run& run);

 private:
  struct Stage {
    Population population;
    std::vector<std::unique_ptr<Operation>> operations[2];  // per port
    bool narrow = false;
    int most_samples = 0, most_columns = 0;  // of one span
  };
  struct Phase {
    int first, last;  // stages, the last included
    bool stepwise;    // column by column, because of feedback
  };
  // Synapses per lane of a source, their sum, and their common number or -1.
  struct Synapses {
    Synapses(const std::vector<std::int32_t>& by_neuron, const Layout& layout);

    std::vector<std::int32_t> by_lane;
    std::int64_t total = 0, uniform;
  };
  struct FanOut {
    int source;
    Synapses taps, nonzero;
  };
  // The present chunk: samples [first, first + samples) of the batch, columns [column, + columns) of
  // the call.
  struct Part {
    std::int64_t first;
    int samples;
    std::int64_t column;
    int columns;
  };
  // Whether the run is to stop; told how many values are looked at next.
  using Stopped = std::function<bool(std::int64_t)>;

  int node_of(int stage) const { return input_count_ + stage; }
  void choose_forms();
  void find_phases();
  void place_memory();
  void prepare_stages();
  int samples_per_chunk(std::int64_t batch, std::int64_t columns, int threads) const;
  int worker_count(const Run& run) const;

  std::unique_ptr<Work> take_work(int samples);
  void give_work(std::unique_ptr<Work> work);
  void collect_efforts(Work& work);
  bool work_through(const Run& run, int samples, std::atomic<std::int64_t>& next,
                    std::atomic<bool>& stop, bool main);

  void process(const Run& run, Work& work, std::int64_t first, int samples,
               const Stopped& stopped) const;
  bool run_phase(const Run& run, Work& work, const Part& part, const Phase& phase,
                 const Stopped& stopped) const;
  void begin(const Run& run, Work& work, std::int64_t first, int samples) const;
  // runs: columns follow.
  void fresh_state(Work& work, int s, bool runs) const;
  void load_state(Work& work, int s, const std::uint8_t* from) const;
  void save_state(Work& work, int s, std::uint8_t* to) const;
  template <class Action>
  void for_each_past(const Node& node, Work& work, int s, Action action) const;
  void make_room(Work& work, int samples, int columns) const;
  void load_inputs(const Run& run, Work& work, const Part& part) const;
  void load_row(const InputArray& array, std::int64_t at, const Node& node, Work& work, int s,
                int column) const;
  bool run_stage(const Run& run, Work& work, const Part& part, const Span& span, int stage,
                 const Calendar& calendar, const Stopped& stopped) const;
  bool run_span(const Run& run, Work& work, const Part& part, const Span& span, int stage,
                const Calendar& calendar, const Stopped& stopped) const;
  Currents currents(Work& work, const Span& span, const Segment& segment, const Stage& stage,
                    int port, bool narrow) const;
  void finish_chunk(const Run& run, Work& work, const Part& part) const;
  void count(const Node& node, Work& work, int s, int columns) const;
  void record_sent(const Run& run, Work& work, const Part& part, int s, int node) const;
  void end(const Run& run, Work& work, std::int64_t first, int samples) const;
  // Synaptic operations of one sample: its events are `events` in all, none more often than `steps`.
  std::int64_t operations_of(const Work& work, int s, int source, const Synapses& synapses,
                             std::int64_t events, std::int64_t steps) const;

  // Faults: of what a population is sent, of its update, of what it sends; of what was counted.
  bool any_touched(const Run& run, const Part& part, const Span& span, int stage) const;
  void disturb_currents(const Run& run, Work& work, const Part& part, const Span& span,
                        const Segment& segment, int stage, int port,
                        const Currents& currents) const;
  void disturb_weights(const Run& run, Work& work, const Part& part, const Span& span, int s,
                       int edge, const Segment& segment, std::int32_t* row) const;
  void disturb_sums(Work& work, const Part& part, int s, int column, int edge,
                    const Segment& segment, std::int32_t* row) const;
  void disturb_kernel(const Run& run, Work& work, const Part& part, int s, int column, int edge,
                      const Segment& segment, std::int32_t* row) const;
  void follow_messages(const Run& run, Work& work, const Part& part, int s, int edge,
                       std::int64_t column) const;
  std::uint64_t kernel_sum(Work& work, const FaultEdge& edge, int s, int sent, int lane) const;
  std::int32_t message(Work& work, const FaultEdge& edge, int s, int column, int source) const;
  void update_faulty(const Run& run, Work& work, const Part& part, const Span& span, int s,
                     const Segment& segment, int stage, const Currents* ports, int pair,
                     const Calendar& calendar, const Records& records) const;
  void break_neurons(const Run& run, Work& work, const Part& part, const Span& span, int s,
                     const Segment& segment, int stage) const;
  void count_segment(const Node& node, Work& work, const Span& span, int s,
                     const Segment& segment) const;
  void end_faulty(const Run& run, Work& work, std::int64_t first, int s) const;

  const KernelTable& kernels_;
  const Choice choice_;
  int input_count_ = 0;
  std::vector<Node> nodes_;
  std::vector<Stage> stages_;
  std::vector<FanOut> fan_outs_;
  std::vector<FaultEdge> fault_edges_;
  std::vector<Phase> phases_;
  std::size_t operation_count_ = 0;
  std::size_t kept_bytes_ = 0;    // states and delay rings, at the start of a sample's memory
  std::size_t state_bytes_ = 0;   // of a stored state: kept bytes and past messages
  std::size_t sample_bytes_ = 0;
  int row_count_ = 0;             // rows of messages beyond the history
  int chunk_columns_ = 0;
  int most_samples_ = 0;
  double step_ns_ = 0;            // rough cost of one column of one sample
  std::mutex mutex_;
  std::vector<std::unique_ptr<Work>> idle_;
  std::vector<std::array<Effort, kChoices>> spent_;
};

}  // namespace neurodeploy
