#include "population.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "state_bounds.hpp"

namespace neurodeploy {

namespace {

constexpr std::int32_t kLargestInput = 1 << 24;  // of the 32-bit kernels, in units of u
constexpr int kSplitBits = kDecayBits;           // where the product with theta is taken apart

bool within_range(const std::vector<std::int32_t>& values, std::int32_t low, std::int32_t high) {
  return std::all_of(values.begin(), values.end(),
                     [=](std::int32_t value) { return low <= value && value <= high; });
}

std::string text(std::int64_t value) { return std::to_string(value); }

// "NAME is LEAST to MOST, beyond LOW to HIGH", or nothing where the values lie within.
std::string excess(const char* name, const std::vector<std::int32_t>& values, std::int32_t low,
                   std::int32_t high) {
  if (values.empty() || within_range(values, low, high)) return "";
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const std::string found = text(*least) + (*least == *most ? "" : " to " + text(*most));
  const std::string limit = high == kHighest  ? "below " + text(low)
                            : low == kLowest ? "above " + text(high)
                                             : "beyond " + text(low) + " to " + text(high);
  return std::string(name) + " is " + found + ", " + limit;
}

}  // namespace

Population::Population(const KernelTable& kernels, PopulationSpec spec, const Layout& layout)
    : kernels_(*update_of(kernels, spec.model->name)),
      spec_(std::move(spec)),
      lanes_(layout.lanes()) {
  for (int i = 0; i < model().parameters.count; ++i) {
    parameters_.push_back(laned(spec_.parameters[i], model().parameters[i].padding, layout));
  }
  if (model().driven) {
    std::vector<std::int32_t> mantissa = spec_.parameters[kBias];
    for (std::int32_t& value : mantissa) value /= kUnity;
    bias_mantissa_ = laned(mantissa, 0, layout);
  }
  for (std::int32_t gain : spec_.gain) largest_gain_ = std::max(largest_gain_, std::abs(gain));
  choose_arithmetic();
  lay_out_signature(layout);
}

// From neurons to lanes.
void Population::lay_out_signature(const Layout& layout) {
  const std::size_t size = std::size_t(layout.size()), steps = spec_.signature.size() / size;
  signature_.assign(steps * lanes_, 0);
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t n = 0; n < size; ++n) {
      signature_[t * lanes_ + layout.lane_of(int(n))] = spec_.signature[t * size + n];
    }
  }
  spec_.signature = {};
}

std::size_t Population::bytes() const {
  std::size_t sum = sizeof *this + bytes_of(signature_) + bytes_of(bias_mantissa_.values) +
                    bytes_of(spec_.gain);
  for (const LanedParameter& parameter : parameters_) sum += bytes_of(parameter.values);
  return sum;
}

LanedParameter Population::laned(const std::vector<std::int32_t>& values, std::int32_t padding,
                                 const Layout& layout) const {
  if (values.size() == 1 && !layout.padded()) {
    return {std::vector<std::int32_t>(kGranule, values[0]), 0};
  }
  LanedParameter result{std::vector<std::int32_t>(layout.lanes(), padding), kGranule};
  for (int n = 0; n < layout.size(); ++n) {
    result.values[layout.lane_of(n)] = values[values.size() == 1 ? 0 : n];
  }
  return result;
}

// Why the 32-bit kernels are not exact whatever the currents, "" where they are.
std::string Population::reason_against_32_bits() const {
  for (int i = 0; i < model().parameters.count; ++i) {
    const ParameterFacts& facts = model().parameters[i];
    const std::string found = excess(facts.name, spec_.parameters[i], facts.low, facts.high);
    if (!found.empty()) return found;
  }
  if (!model().moves) return "";
  // theta * (v - signature) is taken apart at 12 bits; padding must come to rest without firing.
  const std::string found[] = {
      excess("shift", {spec_.theta_shift}, kSplitBits, kHighest),
      excess("signature", spec_.signature, -kModerate / 2, kModerate / 2),
      excess("low", {spec_.low}, -kModerate, kHighest),
      excess("high", {spec_.high}, 0, kModerate),
  };
  for (const std::string& reason : found) {
    if (!reason.empty()) return reason;
  }
  return "";
}

void Population::choose_arithmetic() {
  if (kernels_.currents == nullptr) {
    report_.reason = "modulo 2^32, as the model is";
    return;
  }
  report_.reason = reason_against_32_bits();
  fast_ = report_.reason.empty();
  if (!fast_) report_.update_bits = 64;
}

bool Population::connect(const Bounds& first, const Bounds& second, bool second_port, bool narrow) {
  const Bounds both = model().turned ? first.either(second) : first;
  const std::int64_t most = kLargestInput / largest_gain_;
  always_small_ = both.magnitude() <= most;
  second_port_ = second_port;
  plain_ = kernels_.plain && spec_.reset == kResetZero &&
           within_range(spec_.parameters[kBias], 0, 0);
  if (starts_itself()) choose_watch(first);
  if (fast_ && !always_small_) {
    report_.looks = true;
    report_.reason = "currents may reach " +
                     (both.known() ? text(both.magnitude()) : std::string("any value")) +
                     ", beyond " + text(most);
  }
  static const char* const kChecks[] = {"", "v", "u, v"};
  if (fast_) report_.checks = model().bounded || model().driven ? kChecks[watch_] : "re, im";
  spec_.parameters = {};
  narrow = narrow && fast_ && kernels_.narrow && spec_.gain.empty() && !second_port;
  if (narrow) report_.current_bits = 16;
  return narrow;
}

// Which states can leave their range: bounds rule it out for the others.
void Population::choose_watch(const Bounds& currents) {
  if (second_port_ || !spec_.gain.empty()) return;
  const StateBounds bounds = bound_states(spec_, currents);
  if (bounds.u.magnitude() >= kLimit) return;
  watch_ = bounds.v.magnitude() < kLimit ? kWatchNone : kWatchV;
}

void Population::initialise(Work& work, int sample, const Layout& layout, bool runs) const {
  if (runs && starts_itself()) return;
  for (int i = 0; i < states(); ++i) {
    std::int32_t* state = work.at<std::int32_t>(sample, state_at[i]);
    const int start = model().states[i].start;
    if (start == kAtZero) {
      std::fill_n(state, lanes_, 0);
    } else {
      fill(state, start, layout);
    }
  }
}

// Sets a state to the values of a parameter.
void Population::fill(std::int32_t* state, int parameter, const Layout& layout) const {
  for (const Segment& segment : layout.segments()) {
    const Parameter from = parameters_[parameter].at(segment);
    for (int l = 0; l < segment.lanes; ++l) {
      state[segment.first_lane + l] =
          from.values[std::ptrdiff_t(l / kGranule) * from.step + l % kGranule];
    }
  }
}

Calendar Population::calendar(std::int64_t column, int columns) const {
  Calendar result;
  const std::int64_t interval = model().cleared ? spec_.reset_interval : 0;
  for (std::int64_t c = column; c < column + columns; ++c) {
    const std::int64_t step = c - spec_.lead;
    result.step.push_back(interval == 0 || step < 0 ? step : step % interval);
    if (interval > 0) result.clear.push_back(c % interval == spec_.reset_column);
  }
  return result;
}

std::int32_t Population::gain_at(std::int64_t step) const {
  if (step < 0 || step >= std::int64_t(spec_.gain.size())) return kUnity;
  return spec_.gain[std::size_t(step)];
}

// Prepares input and bias of the CUBA family where they are more than `a << 6` and a constant.
void Population::drive(const KernelTable& kernels, Work& work, const Segment& segment,
                       const Currents* ports, int pair, const Span& span,
                       const Calendar& calendar, const OwnParameters* own,
                       Update& update) const {
  if (spec_.gain.empty() && !second_port_) return;
  const bool mine = own != nullptr && !own->bias_mantissa.values.empty();
  const Parameter mantissa = (mine ? own->bias_mantissa : bias_mantissa_).at(segment);
  std::int32_t* bias = work.bias.as<std::int32_t>(std::size_t(span.columns) * segment.lanes);
  for (int k = 0; k < span.columns; ++k) {
    const std::int32_t gain = gain_at(calendar.step[span.column + k]);
    if (!spec_.gain.empty()) kernels.scale(ports[0].row(pair + k), segment.lanes, gain);
    kernels.drive_bias(bias + std::ptrdiff_t(k) * segment.lanes, mantissa,
                       second_port_ ? ports[1].row(pair + k) : nullptr, segment.lanes, gain);
  }
  update.bias = bias;
  update.bias_stride = segment.lanes;
  if (!spec_.gain.empty()) update.input_shift = 0;
}

const LanedParameter& Population::parameter(int index, const OwnParameters* own) const {
  const LanedParameter* const found = own != nullptr ? own->find(index) : nullptr;
  return found != nullptr ? *found : parameters_[std::size_t(index)];
}

// Sets the values of some neurons, in values of their own.
void Population::change(LanedParameter& parameter, const Layout& layout, int first, int last,
                        std::int32_t value) const {
  if (parameter.step == 0) {
    const std::int32_t shared = parameter.values[0];
    parameter.values.assign(std::size_t(lanes_), shared);
    parameter.step = kGranule;
  }
  for (int n = first; n < last; ++n) parameter.values[std::size_t(layout.lane_of(n))] = value;
}

OwnParameters Population::own(const Layout& layout, Placed<ParameterFault>::Range changed,
                              Placed<NeuronFault>::Range broken) const {
  OwnParameters result{{}, {{}, 0}, fast_};
  const auto own_values = [&](int index) -> LanedParameter& {
    for (OwnParameters::Entry& entry : result.entries) {
      if (entry.parameter == index) return entry.values;
    }
    result.entries.push_back({index, parameters_[std::size_t(index)]});
    return result.entries.back().values;
  };
  for (const ParameterFault& fault : changed) {
    const ParameterFacts& facts = model().parameters[fault.parameter];
    result.fast = result.fast && facts.low <= fault.value && fault.value <= facts.high;
    change(own_values(fault.parameter), layout, fault.first, fault.last, fault.value);
    if (!model().driven || fault.parameter != kBias) continue;
    if (result.bias_mantissa.values.empty()) result.bias_mantissa = bias_mantissa_;
    change(result.bias_mantissa, layout, fault.first, fault.last, fault.value / kUnity);
  }
  for (const NeuronFault& fault : broken) {
    if (fault.broken != Broken::kSaturated) continue;
    change(own_values(kInitial), layout, fault.first, fault.last, std::int32_t(kLimit) - 1);
  }
  return result;
}

void Population::start(Work& work, int sample, const Segment& segment,
                       const OwnParameters& own) const {
  for (int i = 0; i < states(); ++i) {
    std::int32_t* state = work.at<std::int32_t>(sample, state_at[i]) + segment.first_lane;
    const int from = model().states[i].start;
    if (from == kAtZero) {
      std::fill_n(state, segment.lanes, 0);
      continue;
    }
    const Parameter values = parameter(from, &own).at(segment);
    for (int l = 0; l < segment.lanes; ++l) {
      state[l] = values.values[std::ptrdiff_t(l / kGranule) * values.step + l % kGranule];
    }
  }
}

// Whether the 32-bit kernels are exact for these columns.
bool Population::fits32(const KernelTable& kernels, const Update& update,
                        const OwnParameters* own) const {
  if (own != nullptr ? !own->fast : !fast_) return false;
  if (always_small_ && own == nullptr) return true;
  const std::int32_t limit = kLargestInput >> update.input_shift;
  const std::ptrdiff_t size = update.columns * update.input_stride;
  const auto small = [&](const void* input) {
    return kernels.within(static_cast<const std::int32_t*>(input), size, limit);
  };
  if (model().turned) return small(update.input[0]) && small(update.input[1]);
  return small(update.input[0]) &&
         kernels.within(update.state[0], update.lanes, std::int32_t(kLimit));
}

void Population::run(const KernelTable& kernels, bool narrow, const OwnParameters* own,
                     Update& update) const {
  if (narrow) return (plain_ ? kernels_.plain : kernels_.narrow)(update);
  if (!fits32(kernels, update, own)) return kernels_.exact(update);
  (spec_.gain.empty() ? kernels_.currents : kernels_.scaled)(update);
}

// Everything about the update of a segment that does not depend on the currents.
Update Population::prepared(const Work& work, const Node& node, const Span& span, int sample,
                            const Segment& segment, const Calendar& calendar,
                            const OwnParameters* own) const {
  Update call{};
  call.columns = span.columns;
  call.lanes = segment.lanes;
  call.used = segment.used;
  call.input_shift = 6;
  for (int i = 0; i < states(); ++i) {
    call.state[i] = work.at<std::int32_t>(sample, state_at[i]) + segment.first_lane;
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    call.parameter[i] = parameter(int(i), own).at(segment);
  }
  if (!calendar.clear.empty()) call.clear = calendar.clear.data() + span.column;
  call.reset = spec_.reset;
  call.watch = own != nullptr ? int(kWatchBoth) : watch_;
  call.theta_shift = spec_.theta_shift;
  call.low = spec_.low;
  call.high = spec_.high;
  call.message_shift = spec_.message_shift;
  if (graded()) {
    call.sent = work.values(node, sample, span.column) + segment.first_lane;
  } else {
    call.sent = work.bytes(node, sample, span.column) + segment.first_lane;
  }
  call.sent_stride = node.layout.lanes();
  return call;
}

// Rows of the signature, per column of the span; null where the threshold is frozen.
std::vector<const std::int32_t*> Population::wanted(const Span& span, const Segment& segment,
                                                    const Calendar& calendar) const {
  std::vector<const std::int32_t*> rows;
  const std::int64_t steps = std::int64_t(signature_.size()) / lanes_;
  for (int k = span.column; k < span.column + span.columns; ++k) {
    const std::int64_t step = calendar.step[k];
    const bool frozen = step < 0 || step >= steps;
    rows.push_back(frozen ? nullptr : signature_.data() + step * lanes_ + segment.first_lane);
  }
  return rows;
}

void Population::update(const KernelTable& kernels, Work& work, const Node& node,
                        const Span& span, int sample, const Segment& segment,
                        const Currents* ports, int pair, const Calendar& calendar,
                        const Records& records, const OwnParameters* own, bool fresh,
                        std::int32_t* counts, std::int64_t& u_wraps, std::int64_t& v_saturations) const {
  Update call = prepared(work, node, span, sample, segment, calendar, own);
  call.input[0] = ports[0].narrow ? static_cast<const void*>(ports[0].narrow_row(pair))
                                  : static_cast<const void*>(ports[0].row(pair));
  if (ports[1].sums) call.input[1] = ports[1].row(pair);
  call.input_stride = call.record_stride = segment.lanes;
  if (model().driven) drive(kernels, work, segment, ports, pair, span, calendar, own, call);
  std::vector<const std::int32_t*> rows;
  if (!signature_.empty()) {
    rows = wanted(span, segment, calendar);
    call.signature = rows.data();
  }
  const std::size_t size = std::size_t(span.columns) * segment.lanes;
  for (int i = 0; i < kStates; ++i) {
    if (records.state[i]) call.record[i] = work.records[i].as<std::int32_t>(size);
  }
  call.fresh = fresh && starts_itself();
  if (counts) call.counts = counts + segment.first_lane;
  run(kernels, ports[0].narrow, own, call);
  count(kernels, call);
  u_wraps += call.u_wraps;
  v_saturations += call.v_saturations;
  hand_out(node.layout, span, segment, call, records);
}

// Counts what was sent, unless the kernel has done so.
void Population::count(const KernelTable& kernels, const Update& call) const {
  if (call.counts == nullptr) return;
  const int lanes = call.lanes;
  if (graded()) {
    kernels.count_values(static_cast<const std::int32_t*>(call.sent), call.sent_stride,
                         call.columns, lanes, call.counts);
  } else {
    kernels.count_bytes(static_cast<const std::uint8_t*>(call.sent), call.sent_stride,
                        call.columns, lanes, call.counts);
  }
}

// Copies recorded states from lanes to neurons.
void Population::hand_out(const Layout& layout, const Span& span, const Segment& segment,
                          const Update& call, const Records& records) const {
  for (int i = 0; i < kStates; ++i) {
    if (!records.state[i]) continue;
    for (int k = 0; k < span.columns; ++k) {
      std::int32_t* row = records.state[i] + std::ptrdiff_t(span.column + k) * layout.size();
      const std::int32_t* from = call.record[i] + std::ptrdiff_t(k) * segment.lanes;
      layout.to_neurons(from, segment.first_lane, segment.lanes, row);
    }
  }
}

}  // namespace neurodeploy
