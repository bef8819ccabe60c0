// Faults while a network runs. Currents are corrected behind the operations that made them, in 32 bits
// and by the very change: sums of a matrix are linear modulo 2^32, sums of a kernel are made again
// where they may leave its accumulator.

#include "arithmetic.hpp"
#include "network.hpp"

namespace neurodeploy {

namespace {

constexpr std::int64_t kKernelLimit = std::int64_t(1) << 23;  // of the accumulator of a kernel

std::int32_t wrap24(std::uint64_t value) {
  return std::int32_t(std::uint32_t(value) << 8) >> 8;
}

std::int64_t wide(std::int32_t value) { return value; }

// Calls action(output row, output column, source value) wherever tap (y, x) of input channel `channel`
// lies within the map.
template <class Action>
void for_each_place(const Kernel& kernel, const Layout& source, const Layout& target, int channel,
                    int y, int x, Action action) {
  for (int row = 0; row < target.height(); ++row) {
    const int from_row = row * kernel.stride[0] - kernel.padding[0] + y * kernel.dilation[0];
    if (from_row < 0 || from_row >= source.height()) continue;
    for (int column = 0; column < target.width(); ++column) {
      const int from = column * kernel.stride[1] - kernel.padding[1] + x * kernel.dilation[1];
      if (from < 0 || from >= source.width()) continue;
      action(row, column, (channel * source.height() + from_row) * source.width() + from);
    }
  }
}

// A weight of a kernel by its number.
struct Tap {
  Tap(const Kernel& kernel, int index)
      : x(index % kernel.columns),
        y(index / kernel.columns % kernel.rows),
        in(index / kernel.columns / kernel.rows % kernel.in_per_group),
        out(index / kernel.columns / kernel.rows / kernel.in_per_group),
        channel(out / (kernel.out / kernel.groups) * kernel.in_per_group + in) {}

  int x, y, in, out, channel;
};

// What becomes of a message, and how many events it is; is_late: it arrives in the next column.
MessageChange changed(const Placed<MessageFault>::Range& faults, int edge, std::int64_t column,
                      int source, std::int32_t value, bool& is_late) {
  for (const MessageFault& fault : faults) {
    if (fault.message != Message::kFlipped || !fault.strikes(edge, column, source)) continue;
    value = std::int32_t(std::uint32_t(value) ^ fault.mask);
  }
  std::int32_t times = value != 0;
  for (const MessageFault& fault : faults) {
    if (times == 0) break;
    if (fault.message == Message::kFlipped || !fault.strikes(edge, column, source)) continue;
    if (fault.message == Message::kLost) times = 0;
    if (fault.message == Message::kDoubled) ++times;
    if (fault.message == Message::kLate) is_late = true;
  }
  return {source, multiply32(value, times), times};
}

bool within(const Segment& segment, int lane) {
  return lane >= segment.first_lane && lane < segment.first_lane + segment.lanes;
}

}  // namespace

bool Network::any_touched(const Run& run, const Part& part, const Span& span, int k) const {
  for (int s = span.sample; s < span.sample + span.samples; ++s) {
    if (run.faults->touched(part.first + s, k) & (kTouchCurrents | kTouchUpdate)) return true;
  }
  return false;
}

// The message of a source value as it was sent; negative columns lie in the past.
std::int32_t Network::message(Work& work, const FaultEdge& edge, int s, int column,
                              int source) const {
  const Node& node = nodes_[edge.source];
  const int lane = node.layout.lane_of(source);
  return edge.graded ? work.values(node, s, column)[lane] : work.bytes(node, s, column)[lane];
}

void Network::disturb_currents(const Run& run, Work& work, const Part& part, const Span& span,
                               const Segment& segment, int k, int port,
                               const Currents& currents) const {
  for (int s = 0; s < span.samples; ++s) {
    const int sample = span.sample + s;
    if (!(run.faults->touched(part.first + sample, k) & kTouchCurrents)) continue;
    for (int e = 0; e < int(fault_edges_.size()); ++e) {
      const FaultEdge& edge = fault_edges_[e];
      if (edge.population != k || edge.port != port) continue;
      if (run.faults->weights.of(run.faults->list_of(part.first + sample), e).empty() &&
          run.faults->messages.of(run.faults->list_of(part.first + sample), e).empty()) {
        continue;
      }
      follow_messages(run, work, part, sample, e,
                      part.column + span.column + span.columns - 1 - edge.latency);
      std::int32_t* row = currents.row(s * span.columns);
      if (!edge.is_kernel) disturb_weights(run, work, part, span, sample, e, segment, row);
      for (int c = 0; c < span.columns; ++c, row += currents.lanes) {
        const int column = span.column + c;
        edge.is_kernel ? disturb_kernel(run, work, part, sample, column, e, segment, row)
                       : disturb_sums(work, part, sample, column, e, segment, row);
      }
    }
  }
}

// Weights of a matrix that are others. row: currents of the first column of the span.
void Network::disturb_weights(const Run& run, Work& work, const Part& part, const Span& span, int s,
                              int e, const Segment& segment, std::int32_t* row) const {
  const FaultEdge& edge = fault_edges_[e];
  const Disturbed& disturbed = work.disturbed[std::size_t(s) * fault_edges_.size() + e];
  const Node& source = nodes_[edge.source];
  const Layout& target = nodes_[node_of(edge.population)].layout;
  const std::ptrdiff_t lanes = source.layout.lanes();
  for (const WeightFault& fault : run.faults->weights.of(run.faults->list_of(part.first + s), e)) {
    const int lane = target.lane_of(fault.index / source.layout.size());
    if (!within(segment, lane)) continue;
    const int from = fault.index % source.layout.size(), sent = span.column - edge.latency - fault.delay;
    const int first = int(std::max<std::int64_t>(0, -(part.column + sent)));  // nothing was sent before
    if (first >= span.columns) continue;
    const int at = source.layout.lane_of(from);
    const std::uint8_t* bytes = edge.graded ? nullptr : work.bytes(source, s, sent) + at;
    const std::int32_t* values = edge.graded ? work.values(source, s, sent) + at : nullptr;
    std::int32_t* sum = row + (lane - segment.first_lane);
    for (int c = first; c < span.columns; ++c) {
      std::int32_t value = bytes ? bytes[c * lanes] : values[c * lanes];
      if (!disturbed.columns.empty()) {
        value = add32(value, disturbed.change_of(part.column + sent + c, from));
      }
      if (value == 0) continue;
      std::int32_t& own = sum[std::ptrdiff_t(c) * segment.lanes];
      own = add32(own, multiply32(fault.change, value));
    }
  }
}

// Other messages to a matrix, or to neurons that values go straight to.
void Network::disturb_sums(Work& work, const Part& part, int s, int column, int e,
                           const Segment& segment, std::int32_t* row) const {
  const FaultEdge& edge = fault_edges_[e];
  const Disturbed& disturbed = work.disturbed[std::size_t(s) * fault_edges_.size() + e];
  if (disturbed.columns.empty()) return;
  const Layout& target = nodes_[node_of(edge.population)].layout;
  const int lanes = target.lanes();
  for (const int delay : edge.steps) {
    const std::int64_t sent = part.column + column - edge.latency - delay;
    if (sent < 0 || sent >= std::int64_t(disturbed.columns.size())) continue;
    for (const MessageChange& change : disturbed.columns[std::size_t(sent)]) {
      if (edge.weight.empty()) {
        const int lane = target.lane_of(change.source);
        if (!within(segment, lane)) continue;
        std::int32_t& sum = row[lane - segment.first_lane];
        sum = add32(sum, change.value);
        continue;
      }
      const std::ptrdiff_t at = std::ptrdiff_t(change.source) * lanes + segment.first_lane;
      const std::int32_t* weight = edge.weight.data() + at;
      const std::int32_t* delays = edge.delays.empty() ? nullptr : edge.delays.data() + at;
      for (int l = 0; l < segment.lanes; ++l) {
        if (delays && delays[l] != delay) continue;
        row[l] = add32(row[l], multiply32(weight[l], change.value));
      }
    }
  }
}

// Of a kernel, whose sums wrap its accumulator.
void Network::disturb_kernel(const Run& run, Work& work, const Part& part, int s, int column, int e,
                             const Segment& segment, std::int32_t* row) const {
  const FaultEdge& edge = fault_edges_[e];
  const Kernel& kernel = edge.kernel;
  const Disturbed& disturbed = work.disturbed[std::size_t(s) * fault_edges_.size() + e];
  const Layout &source = nodes_[edge.source].layout, &target = nodes_[node_of(edge.population)].layout;
  const int sent = column - edge.latency;
  if (part.column + sent < 0) return;
  work.changes.assign(std::size_t(segment.lanes), 0);
  const auto add = [&](int out, int y, int x, std::int64_t change) {
    const int lane = target.row_start(y) + x * target.channels() + out;
    if (within(segment, lane)) work.changes[lane - segment.first_lane] += std::uint64_t(change);
  };
  for (const WeightFault& fault : run.faults->weights.of(run.faults->list_of(part.first + s), e)) {
    const Tap tap(kernel, fault.index);
    for_each_place(kernel, source, target, tap.channel, tap.y, tap.x, [&](int y, int x, int from) {
      const std::int32_t value =
          add32(message(work, edge, s, sent, from), disturbed.change_of(part.column + sent, from));
      add(tap.out, y, x, std::int64_t(std::uint64_t(wide(fault.change)) * std::uint64_t(wide(value))));
    });
  }
  if (part.column + sent < std::int64_t(disturbed.columns.size())) {
    const auto& changes = disturbed.columns[std::size_t(part.column + sent)];
    for (std::size_t index = 0; !changes.empty() && index < edge.weight.size(); ++index) {
      const Tap tap(kernel, int(index));
      const std::int64_t weight = edge.weight[index];
      for_each_place(kernel, source, target, tap.channel, tap.y, tap.x, [&](int y, int x, int from) {
        const std::int32_t value = disturbed.change_of(part.column + sent, from);
        add(tap.out, y, x, std::int64_t(std::uint64_t(weight) * std::uint64_t(wide(value))));
      });
    }
  }
  for (int l = 0; l < segment.lanes; ++l) {
    const std::uint64_t change = work.changes[l];
    if (change == 0) continue;
    const std::int64_t size = std::abs(std::int64_t(change));
    if (!edge.graded && size < kKernelLimit && edge.reach + size < kKernelLimit) {
      row[l] = add32(row[l], std::int32_t(std::uint32_t(change)));
      continue;
    }
    const std::uint64_t sum = kernel_sum(work, edge, s, sent, segment.first_lane + l);
    row[l] = add32(row[l], subtract32(wrap24(sum + change), wrap24(sum)));
  }
}

// The sum of all taps of a lane, as they were.
std::uint64_t Network::kernel_sum(Work& work, const FaultEdge& edge, int s, int sent,
                                  int lane) const {
  const Kernel& kernel = edge.kernel;
  const Layout &source = nodes_[edge.source].layout, &target = nodes_[node_of(edge.population)].layout;
  const int neuron = target.neuron_of(lane), plane = target.height() * target.width();
  const int out = neuron / plane, y = neuron % plane / target.width(), x = neuron % target.width();
  const int taps = kernel.in_per_group * kernel.rows * kernel.columns;
  std::uint64_t sum = 0;
  for (int index = out * taps; index < (out + 1) * taps; ++index) {
    const Tap tap(kernel, index);
    const int from_row = y * kernel.stride[0] - kernel.padding[0] + tap.y * kernel.dilation[0];
    const int from = x * kernel.stride[1] - kernel.padding[1] + tap.x * kernel.dilation[1];
    if (from_row < 0 || from_row >= source.height() || from < 0 || from >= source.width()) continue;
    const int value = (tap.channel * source.height() + from_row) * source.width() + from;
    sum += std::uint64_t(wide(edge.weight[std::size_t(index)])) *
           std::uint64_t(wide(message(work, edge, s, sent, value)));
  }
  return sum;
}

// Finds out what faults make of the messages of a connection, up to a column of the call, which lies in
// the present chunk or before it.
void Network::follow_messages(const Run& run, Work& work, const Part& part, int s, int e,
                              std::int64_t column) const {
  const auto faults = run.faults->messages.of(run.faults->list_of(part.first + s), e);
  if (faults.empty()) return;
  const FaultEdge& edge = fault_edges_[e];
  Disturbed& disturbed = work.disturbed[std::size_t(s) * fault_edges_.size() + e];
  const int size = nodes_[edge.source].layout.size();
  for (std::int64_t at = std::int64_t(disturbed.columns.size()); at <= column; ++at) {
    std::vector<MessageChange> changes, late;
    auto held = disturbed.late.begin();
    for (int source = 0; source < size; ++source) {
      const std::int32_t sent = message(work, edge, s, int(at - part.column), source);
      bool is_late = false;
      MessageChange now = changed(faults, e, at, source, sent, is_late);
      if (is_late) {
        late.push_back(now);
        now.value = now.events = 0;
      }
      if (held != disturbed.late.end() && held->source == source) {
        now.value = add32(now.value, held->value);
        now.events += held->events;
        ++held;
      }
      now.value = subtract32(now.value, sent);
      now.events -= sent != 0;
      if (now.value != 0 || now.events != 0) changes.push_back(now);
    }
    disturbed.columns.push_back(std::move(changes));
    disturbed.late = std::move(late);
  }
}

// Advances one sample with faults of its own: in pieces, between which states change.
void Network::update_faulty(const Run& run, Work& work, const Part& part, const Span& span, int s,
                            const Segment& segment, int k, const Currents* ports, int pair,
                            const Calendar& calendar, const Records& records) const {
  const Population& population = stages_[k].population;
  const Node& node = nodes_[node_of(k)];
  const std::int64_t sample = part.first + s;
  const auto flips = run.faults->states.of(run.faults->list_of(sample), k);
  const auto broken = run.faults->neurons.of(run.faults->list_of(sample), k);
  const OwnParameters own =
      population.own(node.layout, run.faults->parameters.of(run.faults->list_of(sample), k), broken);
  const std::uint8_t touched = run.faults->touched(sample, k);
  const bool usual = !(touched & (kTouchCurrents | kTouchUpdate));
  const bool fresh = run.state_in == nullptr && part.column == 0 && span.column == 0;
  if (fresh && !usual) population.start(work, s, segment, own);
  const auto state = [&](int index, int lane) -> std::int32_t& {
    return work.at<std::int32_t>(s, population.state_at[index])[lane];
  };
  // Calls action(neuron, lane) for the saturated neurons of the segment.
  const auto for_each_saturated = [&](const auto& action) {
    for (const NeuronFault& fault : broken) {
      for (int n = fault.first; fault.broken == Broken::kSaturated && n < fault.last; ++n) {
        const int lane = node.layout.lane_of(n);
        if (within(segment, lane)) action(n, lane);
      }
    }
  };
  bool pinned = false;
  for_each_saturated([&](int, int) { pinned = true; });
  const std::size_t counter = std::size_t(k) * work.capacity + s;
  for (int at = span.column; at < span.column + span.columns;) {
    int next = pinned ? at + 1 : span.column + span.columns;
    for (const StateFault& flip : flips) {
      const int lane = node.layout.lane_of(flip.neuron);
      if (!within(segment, lane)) continue;
      const std::int64_t column = flip.column - part.column;
      if (column == at) state(flip.state, lane) = flip.flipped(state(flip.state, lane));
      if (column > at && column < next) next = int(column);
    }
    for_each_saturated([&](int, int lane) { state(1, lane) = std::int32_t(kLimit) - 1; });
    const Span piece{span.sample, span.samples, at, next - at};
    population.update(kernels_, work, node, piece, s, segment, ports, pair + at - span.column,
                      calendar, records, usual ? nullptr : &own, fresh && usual && at == span.column,
                      nullptr, work.u_wraps[counter], work.v_saturations[counter]);
    for_each_saturated([&](int neuron, int lane) {
      state(1, lane) = std::int32_t(kLimit) - 1;
      if (records.state[1]) {
        records.state[1][std::ptrdiff_t(at) * node.layout.size() + neuron] = std::int32_t(kLimit) - 1;
      }
    });
    at = next;
  }
  break_neurons(run, work, part, span, s, segment, k);
  if (!node.counted_late) count_segment(node, work, span, s, segment);
}

void Network::count_segment(const Node& node, Work& work, const Span& span, int s,
                            const Segment& segment) const {
  std::int32_t* counts = work.at<std::int32_t>(s, node.counts_at) + segment.first_lane;
  const int lanes = node.layout.lanes();
  if (node.has_bytes) {
    kernels_.count_bytes(work.bytes(node, s, span.column) + segment.first_lane, lanes,
                         span.columns, segment.lanes, counts);
  } else {
    kernels_.count_values(work.values(node, s, span.column) + segment.first_lane, lanes,
                          span.columns, segment.lanes, counts);
  }
}

// Forces what neurons of a segment send, fault by fault in their order.
void Network::break_neurons(const Run& run, Work& work, const Part& part, const Span& span, int s,
                            const Segment& segment, int k) const {
  const Node& node = nodes_[node_of(k)];
  const bool graded = stages_[k].population.graded();
  for (const NeuronFault& fault : run.faults->neurons.of(run.faults->list_of(part.first + s), k)) {
    if (fault.broken == Broken::kSaturated) continue;
    for (int n = fault.first; n < fault.last; ++n) {
      const int lane = node.layout.lane_of(n);
      if (!within(segment, lane)) continue;
      for (int c = span.column; c < span.column + span.columns; ++c) {
        std::int32_t sent = graded ? work.values(node, s, c)[lane] : work.bytes(node, s, c)[lane];
        if (fault.broken == Broken::kSlow) {
          std::vector<std::int32_t>& held = work.held[{s, &fault}];
          held.resize(std::size_t(fault.last - fault.first));
          std::swap(sent, held[std::size_t(n - fault.first)]);
        } else {
          sent = fault.broken == Broken::kStuck;
        }
        if (graded) {
          work.values(node, s, c)[lane] = sent;
        } else {
          work.bytes(node, s, c)[lane] = std::uint8_t(sent);
        }
      }
    }
  }
}

// Corrects the numbers of synaptic operations: other events, other weights that are not 0.
void Network::end_faulty(const Run& run, Work& work, std::int64_t first, int s) const {
  for (int e = 0; e < int(fault_edges_.size()); ++e) {
    const FaultEdge& edge = fault_edges_[e];
    const Layout& source = nodes_[edge.source].layout;
    const Disturbed& disturbed = work.disturbed[std::size_t(s) * fault_edges_.size() + e];
    const std::size_t at = std::size_t(e) * run.batch + std::size_t(first + s);
    for (const auto& changes : disturbed.columns) {
      for (const MessageChange& change : changes) {
        const std::size_t lane = std::size_t(source.lane_of(change.source));
        run.taps[at] += std::int64_t(change.events) * fan_outs_[e].taps.by_lane[lane];
        run.nonzero[at] += std::int64_t(change.events) * fan_outs_[e].nonzero.by_lane[lane];
      }
    }
    const std::int32_t* counts = work.at<std::int32_t>(s, nodes_[edge.source].counts_at);
    const auto events = [&](int value) {
      return counts[source.lane_of(value)] + disturbed.events_of(value);
    };
    for (const WeightFault& fault : run.faults->weights.of(run.faults->list_of(first + s), e)) {
      if (fault.present == 0) continue;
      if (!edge.is_kernel) {
        run.nonzero[at] += fault.present * events(fault.index % source.size());
        continue;
      }
      const Tap tap(edge.kernel, fault.index);
      const Layout& target = nodes_[node_of(edge.population)].layout;
      for_each_place(edge.kernel, source, target, tap.channel, tap.y, tap.x,
                     [&](int, int, int from) { run.nonzero[at] += fault.present * events(from); });
    }
  }
}

}  // namespace neurodeploy
