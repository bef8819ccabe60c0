// Running a prepared network: chunks of samples to threads, chunks of columns to stages.

#include <algorithm>
#include <chrono>

#include "bits.hpp"
#include "network.hpp"
#include "team.hpp"

namespace neurodeploy {

namespace {

constexpr int kPairs = 512;  // (sample, column) pairs that share a tile of weights
constexpr int kStepwiseSamples = 64;
constexpr std::size_t kCurrentSlack = 16 * 1024;  // behind currents: the padding of a row of patterns
constexpr std::size_t kIdleBytes = std::size_t(64) << 20;  // memory of workers kept between calls
constexpr double kThreadNs = 1e6;  // work below this stays on the calling thread
constexpr auto kPollInterval = std::chrono::milliseconds(50);
constexpr std::int64_t kPollEffort = 1 << 16;  // values looked at between two looks at the clock

}  // namespace

bool Network::run(const Run& run) {
  const int threads = worker_count(run);
  const int samples = samples_per_chunk(run.batch, run.steps, threads);
  std::atomic<std::int64_t> next{0};
  std::atomic<bool> stop{false}, interrupted{false};
  const auto work = [&](int member) {
    if (!work_through(run, samples, next, stop, member == 0)) interrupted = true;
  };
  const bool whole = together(threads, stop, work, run.interrupted);
  return whole && !interrupted;
}

int Network::worker_count(const Run& run) const {
  const double work_ns = step_ns_ * double(run.batch) * double(run.steps);
  const double worth = std::max(1.0, work_ns / kThreadNs);
  return int(std::min({double(run.threads), double(run.batch), worth}));
}

int Network::samples_per_chunk(std::int64_t batch, std::int64_t steps, int threads) const {
  const bool stepwise =
      std::any_of(phases_.begin(), phases_.end(), [](const Phase& p) { return p.stepwise; });
  const std::int64_t columns = std::clamp<std::int64_t>(steps, 1, chunk_columns_);
  const std::int64_t wanted = stepwise ? kStepwiseSamples : std::max<std::int64_t>(1, kPairs / columns);
  const std::int64_t most = std::min<std::int64_t>(wanted, most_samples_);
  // Every thread takes the same number of chunks, as equal as possible.
  const std::int64_t share = std::max<std::int64_t>(1, (batch + threads - 1) / threads);
  const std::int64_t chunks = (share + most - 1) / most;
  return int((share + chunks - 1) / chunks);
}

std::unique_ptr<Work> Network::take_work(int samples) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto fits = [samples](const auto& work) { return work->capacity >= samples; };
    const auto found = std::find_if(idle_.begin(), idle_.end(), fits);
    if (found != idle_.end()) {
      std::unique_ptr<Work> work = std::move(*found);
      idle_.erase(found);
      return work;
    }
    if (!idle_.empty()) idle_.pop_back();
  }
  return std::make_unique<Work>(sample_bytes_, samples, operation_count_, stages_.size());
}

std::vector<std::array<Effort, kChoices>> Network::efforts() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<std::array<Effort, kChoices>> result = spent_;
  result.resize(operation_count_);
  return result;
}

// Moves what a worker has spent to the totals; the caller holds the lock.
void Network::collect_efforts(Work& work) {
  spent_.resize(operation_count_);
  for (std::size_t i = 0; i < operation_count_; ++i) {
    for (int c = 0; c < kChoices; ++c) {
      Effort& own = work.lists[i].effort[c];
      spent_[i][c].adds += own.adds;
      spent_[i][c].dots += own.dots;
      own = {};
    }
  }
}

// Keeps the memory for the next call, unless many workers have left theirs already.
void Network::give_work(std::unique_ptr<Work> work) {
  const std::lock_guard<std::mutex> lock(mutex_);
  collect_efforts(*work);
  std::size_t kept = 0;
  for (const auto& idle : idle_) kept += idle->sample_bytes * std::size_t(idle->capacity);
  if (kept < kIdleBytes) idle_.push_back(std::move(work));
}

// Takes chunks of samples until there are none left; false if the run was interrupted.
bool Network::work_through(const Run& run, int samples, std::atomic<std::int64_t>& next,
                           std::atomic<bool>& stop, bool main) {
  auto polled = std::chrono::steady_clock::now();
  bool interrupted = false;
  std::int64_t since = 0;
  const auto stopped = [&](std::int64_t effort) {
    since += effort;
    if (main && since >= kPollEffort && !stop) {
      since = 0;
      const auto now = std::chrono::steady_clock::now();
      if (now - polled > kPollInterval) {
        polled = now;
        interrupted = run.interrupted();
        if (interrupted) stop = true;
      }
    }
    return stop.load(std::memory_order_relaxed);
  };
  std::unique_ptr<Work> work = take_work(samples);
  for (;;) {
    const std::int64_t first = next.fetch_add(samples);
    if (first >= run.batch || stopped(kPollEffort)) break;
    process(run, *work, first, int(std::min<std::int64_t>(samples, run.batch - first)), stopped);
  }
  give_work(std::move(work));
  return !interrupted;
}

void Network::process(const Run& run, Work& work, std::int64_t first, int samples,
                      const Stopped& stopped) const {
  begin(run, work, first, samples);
  for (std::int64_t column = 0; column < run.steps; column += chunk_columns_) {
    const int columns = int(std::min<std::int64_t>(chunk_columns_, run.steps - column));
    const Part part{first, samples, column, columns};
    make_room(work, samples, columns);
    work.column = run.column + column;
    load_inputs(run, work, part);
    for (const Phase& phase : phases_) {
      if (!run_phase(run, work, part, phase, stopped)) return;
    }
    finish_chunk(run, work, part);
    work.position += columns;
  }
  end(run, work, first, samples);
}

// Runs the stages of a phase over the chunk; false if the run is to stop.
bool Network::run_phase(const Run& run, Work& work, const Part& part, const Phase& phase,
                        const Stopped& stopped) const {
  std::vector<Calendar> calendars;
  for (int k = phase.first; k <= phase.last; ++k) {
    calendars.push_back(stages_[k].population.calendar(work.column, part.columns));
  }
  const int step = phase.stepwise ? 1 : part.columns;
  for (int column = 0; column < part.columns; column += step) {
    for (int k = phase.first; k <= phase.last; ++k) {
      const Span span{0, part.samples, column, step};
      if (!run_stage(run, work, part, span, k, calendars[k - phase.first], stopped)) return false;
    }
  }
  return true;
}

void Network::begin(const Run& run, Work& work, std::int64_t first, int samples) const {
  work.position = 0;
  std::fill(work.u_wraps.begin(), work.u_wraps.end(), 0);
  std::fill(work.v_saturations.begin(), work.v_saturations.end(), 0);
  if (run.faults) {
    work.disturbed.resize(std::size_t(work.capacity) * fault_edges_.size());
    for (Disturbed& one : work.disturbed) one.clear();
    work.held.clear();
  }
  for (int s = 0; s < samples; ++s) {
    for (const Node& node : nodes_) {
      std::fill_n(work.at<std::int32_t>(s, node.counts_at), node.layout.lanes(), 0);
    }
    if (run.state_in) {
      load_state(work, s, run.state_in + std::size_t(first + s) * state_bytes_);
    } else {
      fresh_state(work, s, run.steps > 0);
    }
  }
}

void Network::load_inputs(const Run& run, Work& work, const Part& part) const {
  for (int i = 0; i < input_count_; ++i) {
    const Node& node = nodes_[i];
    for (int s = 0; s < part.samples; ++s) {
      for (int k = 0; k < part.columns; ++k) {
        const std::int64_t sample = part.first + s;
        const std::int64_t from = run.input_rows ? run.input_rows[sample] : sample;
        const std::int64_t row = from * run.steps + part.column + k;
        load_row(run.inputs[i], row * node.layout.size(), node, work, s, k);
      }
    }
  }
}

void Network::load_row(const InputArray& array, std::int64_t at, const Node& node, Work& work,
                       int s, int column) const {
  const Layout& layout = node.layout;
  const int size = layout.size();
  if (layout.ordered()) {
    if (node.has_bytes) {
      std::uint8_t* to = work.bytes(node, s, column);
      array.bytes ? kernels_.nonzero_bytes(array.bytes + at, size, to)
                  : kernels_.nonzero_values(array.values + at, size, to);
    }
    if (node.has_values) {
      std::int32_t* to = work.values(node, s, column);
      array.bytes ? kernels_.widen_bytes(array.bytes + at, size, to)
                  : static_cast<void>(std::copy_n(array.values + at, size, to));
    }
    return;
  }
  std::uint8_t* bytes = node.has_bytes ? work.bytes(node, s, column) : nullptr;
  std::int32_t* values = node.has_values ? work.values(node, s, column) : nullptr;
  const auto place = [&](const auto* from) {
    if (bytes) layout.to_lanes(from, bytes, [](auto value) { return std::uint8_t(value != 0); });
    if (values) layout.to_lanes(from, values, [](auto value) { return std::int32_t(value); });
  };
  array.bytes ? place(array.bytes + at) : place(array.values + at);
}

// Advances a population; false if the run is to stop.
bool Network::run_stage(const Run& run, Work& work, const Part& part, const Span& span, int k,
                        const Calendar& calendar, const Stopped& stopped) const {
  const Stage& stage = stages_[k];
  int most_samples = stage.most_samples;
  for (const auto& port : stage.operations) {
    for (const auto& operation : port) {
      if (!operation->shares_weights()) most_samples = 1;
    }
  }
  for (int s = 0; s < span.samples; s += most_samples) {
    for (int c = 0; c < span.columns; c += stage.most_columns) {
      const Span piece{span.sample + s, std::min(most_samples, span.samples - s),
                       span.column + c, std::min(stage.most_columns, span.columns - c)};
      if (!run_span(run, work, part, piece, k, calendar, stopped)) return false;
    }
  }
  return true;
}

bool Network::run_span(const Run& run, Work& work, const Part& part, const Span& span, int k,
                       const Calendar& calendar, const Stopped& stopped) const {
  const Stage& stage = stages_[k];
  const Node& node = nodes_[node_of(k)];
  std::int64_t inputs = 0;
  for (const auto& port : stage.operations) {
    for (const auto& operation : port) {
      const Node& source = nodes_[operation->wiring().source];
      operation->list(kernels_, source, work, span);
      inputs += source.layout.lanes();
    }
  }
  const bool touched = run.faults && any_touched(run, part, span, k);
  const bool narrow = stage.narrow && !touched;
  for (const Segment& segment : node.layout.segments()) {
    if (stopped(std::int64_t(span.pairs()) * (inputs + segment.lanes))) return false;
    Currents ports[2] = {};
    for (int p = 0; p < 2; ++p) {
      if (!stage.population.uses_port(p)) continue;
      ports[p] = currents(work, span, segment, stage, p, narrow);
      for (const auto& operation : stage.operations[p]) {
        operation->add(kernels_, nodes_[operation->wiring().source], work, span, segment, ports[p]);
      }
      if (touched) disturb_currents(run, work, part, span, segment, k, p, ports[p]);
    }
    for (int s = 0; s < span.samples; ++s) {
      const int sample = span.sample + s;
      const std::size_t counter = std::size_t(k) * work.capacity + sample;
      const std::int64_t row = (part.first + sample) * run.steps + part.column;
      const bool fresh = run.state_in == nullptr && part.column == 0 && span.column == 0;
      const Records records = run.records[k].from(row * node.layout.size());
      if (run.faults && run.faults->touched(part.first + sample, k)) {
        update_faulty(run, work, part, span, sample, segment, k, ports, s * span.columns, calendar,
                      records);
        continue;
      }
      std::int32_t* counts =
          node.counted_late ? nullptr : work.at<std::int32_t>(sample, node.counts_at);
      stage.population.update(kernels_, work, node, span, sample, segment, ports,
                              s * span.columns, calendar,
                              records, nullptr, fresh, counts,
                              work.u_wraps[counter], work.v_saturations[counter]);
    }
  }
  return true;
}

// Room for the currents of one port: cleared, unless the one operation behind it sets them.
Currents Network::currents(Work& work, const Span& span, const Segment& segment,
                           const Stage& stage, int port, bool narrow) const {
  const std::size_t size = std::size_t(span.pairs()) * segment.lanes;
  const std::size_t bytes = size * (narrow ? sizeof(std::int16_t) : sizeof(std::int32_t));
  void* sums = work.ports[port].as<std::uint8_t>(bytes + kCurrentSlack);
  if (!narrow) std::memset(sums, 0, bytes);
  return {sums, narrow, segment.lanes};
}

// Counts the events of the chunk and hands out recorded messages.
void Network::finish_chunk(const Run& run, Work& work, const Part& part) const {
  for (int s = 0; run.faults && s < part.samples; ++s) {
    for (int e = 0; run.faults->any_messages() && e < int(fault_edges_.size()); ++e) {
      follow_messages(run, work, part, s, e, part.column + part.columns - 1);
    }
  }
  for (int i = 0; i < int(nodes_.size()); ++i) {
    for (int s = 0; s < part.samples; ++s) {
      if (nodes_[i].counted_late) count(nodes_[i], work, s, part.columns);
      if (i >= input_count_) record_sent(run, work, part, s, i);
    }
  }
}

void Network::count(const Node& node, Work& work, int s, int columns) const {
  std::int32_t* counts = work.at<std::int32_t>(s, node.counts_at);
  const int lanes = node.layout.lanes();
  if (node.has_bytes) {
    kernels_.count_bytes(work.bytes(node, s, 0), lanes, columns, lanes, counts);
  } else {
    kernels_.count_values(work.values(node, s, 0), lanes, columns, lanes, counts);
  }
}

// Spikes are recorded as bits, in the order of the lanes; messages as values, in that of the neurons.
void Network::record_sent(const Run& run, Work& work, const Part& part, int s, int i) const {
  void* array = run.records[i - input_count_].sent;
  if (array == nullptr) return;
  const Node& node = nodes_[i];
  const std::ptrdiff_t row = (part.first + s) * run.steps + part.column;
  const std::size_t lanes = std::size_t(node.layout.lanes());
  if (!stages_[i - input_count_].population.graded()) {
    pack_bits(work.bytes(node, s, 0), lanes * part.columns,
              static_cast<std::uint8_t*>(array) + row * std::ptrdiff_t(lanes / 8));
    return;
  }
  for (int k = 0; k < part.columns; ++k) {
    node.layout.to_neurons(work.values(node, s, k), 0, int(lanes),
                           static_cast<std::int32_t*>(array) + (row + k) * node.layout.size());
  }
}

// Stores the states and what the whole call counted.
void Network::end(const Run& run, Work& work, std::int64_t first, int samples) const {
  for (int s = 0; s < samples; ++s) {
    const std::int64_t sample = first + s;
    if (run.state_out) save_state(work, s, run.state_out + std::size_t(sample) * state_bytes_);
    for (int k = 0; k < populations(); ++k) {
      const std::size_t counter = std::size_t(k) * work.capacity + s;
      run.u_wraps[k * run.batch + sample] = work.u_wraps[counter];
      run.v_saturations[k * run.batch + sample] = work.v_saturations[counter];
    }
    for (int i = 0; i < int(nodes_.size()); ++i) {
      std::int64_t* totals = i < input_count_ ? run.input_events + i * run.batch
                                              : run.spikes + (i - input_count_) * run.batch;
      totals[sample] = kernels_.total(work.at<std::int32_t>(s, nodes_[i].counts_at),
                                      nodes_[i].layout.lanes());
    }
    for (std::size_t c = 0; c < fan_outs_.size(); ++c) {
      const FanOut& fan = fan_outs_[c];
      const std::int64_t at = std::int64_t(c) * run.batch + sample;
      const std::int64_t events = fan.source < input_count_
                                      ? run.input_events[fan.source * run.batch + sample]
                                      : run.spikes[(fan.source - input_count_) * run.batch + sample];
      run.taps[at] = operations_of(work, s, fan.source, fan.taps, events, run.steps);
      run.nonzero[at] = operations_of(work, s, fan.source, fan.nonzero, events, run.steps);
    }
    if (run.faults && run.faults->any_edges()) end_faulty(run, work, first, s);
  }
}

std::int64_t Network::operations_of(const Work& work, int s, int source, const Synapses& synapses,
                                    std::int64_t events, std::int64_t steps) const {
  if (synapses.uniform >= 0) return synapses.uniform * events;
  const Node& node = nodes_[source];
  const std::int32_t* counts = work.at<std::int32_t>(s, node.counts_at);
  const bool narrow = synapses.total <= INT32_MAX / std::max<std::int64_t>(steps, 1);
  const std::int32_t* weights = synapses.by_lane.data();
  return narrow ? kernels_.dot_narrow(counts, weights, node.layout.lanes())
                : kernels_.dot(counts, weights, node.layout.lanes());
}

}  // namespace neurodeploy
