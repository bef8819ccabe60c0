#include "population.hpp"

#include <algorithm>

#include "arithmetic.hpp"

namespace neurodeploy {

namespace {

constexpr std::int32_t kUnity = 64;                   // gain of a mantissa
constexpr std::int32_t kLargestInput = 1 << 24;       // of the 32-bit kernels, in units of u
constexpr std::int32_t kLowestThreshold = -(1 << 30);  // v - threshold stays in 32 bits
constexpr std::int32_t kModerate = 1 << 26;            // products and sums stay in 32 bits
constexpr std::int32_t kOne = 1 << kDecayBits;

bool within_range(const std::vector<std::int32_t>& values, std::int32_t low, std::int32_t high) {
  return std::all_of(values.begin(), values.end(),
                     [=](std::int32_t value) { return low <= value && value <= high; });
}

}  // namespace

Population::Population(const NeuronSpec& spec, const Layout& layout)
    : spec_(spec), lanes_(layout.lanes()) {
  for (std::size_t i = 0; i < spec_.parameters.size(); ++i) {
    // Padding never fires: nothing drives it and its threshold is out of reach.
    const bool threshold = cuba() ? i == kThreshold
                           : spec_.model >= Model::kResonate ? i == kResonateThreshold
                                                             : i == kSigmaThreshold;
    parameters_.push_back(laned(spec_.parameters[i], threshold ? INT32_MAX : 0, layout));
  }
  if (cuba()) {
    bias_mantissa_ = laned(spec_.bias_mantissa, 0, layout);
  }
  if (!graded()) choose_arithmetic();
  if (!spec_.signature.empty()) {
    const std::size_t size = std::size_t(layout.size());
    const std::size_t steps = spec_.signature.size() / size;
    signature_.assign(steps * lanes_, 0);
    for (std::size_t t = 0; t < steps; ++t) {
      for (std::size_t n = 0; n < size; ++n) {
        signature_[t * lanes_ + layout.lane_of(int(n))] = spec_.signature[t * size + n];
      }
    }
  }
  for (std::int32_t gain : spec_.gain) largest_gain_ = std::max(largest_gain_, std::abs(gain));
}

Population::Laned Population::laned(const std::vector<std::int32_t>& values, std::int32_t padding,
                                    const Layout& layout) const {
  if (values.size() == 1 && !layout.padded()) {
    return {std::vector<std::int32_t>(kGranule, values[0]), 0};
  }
  Laned result{std::vector<std::int32_t>(layout.lanes(), padding), kGranule};
  for (int n = 0; n < layout.size(); ++n) {
    result.values[layout.lane_of(n)] = values[values.size() == 1 ? 0 : n];
  }
  return result;
}

// Whether parameters allow the 32-bit kernels, as long as currents are small.
void Population::choose_arithmetic() {
  const auto in_range = [this](int index, std::int32_t low, std::int32_t high) {
    return within_range(spec_.parameters[index], low, high);
  };
  if (spec_.model >= Model::kResonate) {
    fast_ = in_range(kSin, -kOne, kOne) && in_range(kCos, -kOne, kOne) &&
            in_range(kResonateThreshold, -kModerate, INT32_MAX);
    return;
  }
  fast_ = in_range(kKeepU, 0, kOne) && in_range(kKeepV, 0, kOne) &&
          in_range(kThreshold, kLowestThreshold, INT32_MAX) &&
          in_range(kInitial, 1 - std::int32_t(kLimit), std::int32_t(kLimit) - 1);
  if (spec_.model == Model::kHomeostatic) {
    // theta * (v - signature) is taken apart at 12 bits; padding must come to rest without firing.
    fast_ = fast_ && spec_.theta_shift >= kDecayBits && in_range(kTheta, 0, 1 << 14) &&
            within_range(spec_.signature, -kModerate / 2, kModerate / 2) &&
            in_range(kThreshold, -kModerate, kModerate) && spec_.low >= -kModerate &&
            spec_.high >= 0 && spec_.high <= kModerate;
  }
}

void Population::connect(const Bounds& first, const Bounds& second, bool second_port) {
  const bool resonates = spec_.model >= Model::kResonate;
  const std::int64_t largest = std::max(first.magnitude(), resonates ? second.magnitude() : 0);
  always_small_ = largest <= kLargestInput / largest_gain_;
  second_port_ = second_port;
  plain_ = cuba() && spec_.reset == kResetZero && within_range(spec_.parameters[kBias], 0, 0);
  if (fast_ && always_small_ && spec_.model <= Model::kIntegrator) choose_watch(first);
}

// Which states can leave their range. With x' <= x * keep / 4096 + drive, no x exceeds the larger of
// its first value and drive * 4096 / (4096 - keep); a reset to zero keeps v below its threshold (or
// where it started) between the steps.
void Population::choose_watch(const Bounds& currents) {
  if (second_port_ || !spec_.gain.empty()) return;
  const auto most = [this](int i) {
    return std::int64_t(*std::max_element(spec_.parameters[i].begin(), spec_.parameters[i].end()));
  };
  const auto least = [this](int i) {
    return std::int64_t(*std::min_element(spec_.parameters[i].begin(), spec_.parameters[i].end()));
  };
  const auto settled = [](std::int64_t drive, std::int64_t keep) {
    if (drive == 0) return drive;
    return keep == kOne ? kUnbounded : drive * kOne / (kOne - keep) + 1;
  };
  const std::int64_t keep_u = most(kKeepU), keep_v = most(kKeepV);
  const std::int64_t u_high = settled(currents.high * kUnity, keep_u);
  const std::int64_t u_low = settled(-currents.low * kUnity, keep_u);
  if (std::max(u_high, u_low) >= kLimit) return;
  watch_ = kWatchV;
  const std::int64_t bias_high = std::max<std::int64_t>(most(kBias), 0);
  const std::int64_t bias_low = std::max<std::int64_t>(-least(kBias), 0);
  const std::int64_t first_high = std::max<std::int64_t>(most(kInitial), 0);
  const std::int64_t first_low = std::max<std::int64_t>(-least(kInitial), 0);
  const std::int64_t below = std::max(settled(u_low + bias_low, keep_v), first_low);
  std::int64_t above = std::max(settled(u_high + bias_high, keep_v), first_high);
  if (spec_.reset == kResetZero) {
    const std::int64_t between = std::max<std::int64_t>(most(kThreshold), first_high);
    above = std::min(above, between + u_high + bias_high);
  } else if (spec_.reset == kResetSubtract && least(kThreshold) < 0) {
    above = kUnbounded;
  }
  if (std::max(above, below) < kLimit) watch_ = kWatchNone;
}

bool Population::graded() const {
  return spec_.model >= Model::kDelta && spec_.model <= Model::kSigma;
}

int Population::states() const {
  return spec_.model == Model::kHomeostatic || spec_.model == Model::kSigmaDelta ? 3
         : spec_.model == Model::kSigma                                          ? 1
                                                                                 : 2;
}

void Population::initialise(Work& work, int sample, const Layout& layout, bool runs) const {
  if (runs && starts_itself()) return;
  for (int i = 0; i < states(); ++i) {
    std::fill_n(work.at<std::int32_t>(sample, state_at[i]), lanes_, 0);
  }
  if (cuba()) fill(work.at<std::int32_t>(sample, state_at[1]), kInitial, layout);
  if (spec_.model == Model::kHomeostatic) {
    fill(work.at<std::int32_t>(sample, state_at[2]), kThreshold, layout);
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
  const std::int64_t interval = cuba() ? spec_.reset_interval : 0;
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
                       const Calendar& calendar, Update& update) const {
  if (spec_.gain.empty() && !second_port_) return;
  std::int32_t* bias = work.bias.as<std::int32_t>(std::size_t(span.columns) * segment.lanes);
  for (int k = 0; k < span.columns; ++k) {
    const std::int32_t gain = gain_at(calendar.step[span.column + k]);
    if (!spec_.gain.empty()) kernels.scale(ports[0].row(pair + k), segment.lanes, gain);
    kernels.drive_bias(bias + std::ptrdiff_t(k) * segment.lanes, bias_mantissa_.at(segment),
                       second_port_ ? ports[1].row(pair + k) : nullptr, segment.lanes, gain);
  }
  update.bias = bias;
  update.bias_stride = segment.lanes;
  if (!spec_.gain.empty()) update.input_shift = 0;
}

// Whether the 32-bit kernels are exact for these columns.
bool Population::fits32(const KernelTable& kernels, const Update& update) const {
  if (!fast_) return false;
  if (always_small_) return true;
  const std::int32_t limit = kLargestInput >> update.input_shift;
  const std::ptrdiff_t size = update.columns * update.input_stride;
  const auto small = [&](const void* input) {
    return kernels.within(static_cast<const std::int32_t*>(input), size, limit);
  };
  if (spec_.model >= Model::kResonate) return small(update.input[0]) && small(update.input[1]);
  return small(update.input[0]) &&
         kernels.within(update.state[0], update.lanes, std::int32_t(kLimit));
}

void Population::run(const KernelTable& kernels, bool narrow, Update& update) const {
  const bool scaled = !spec_.gain.empty();
  switch (spec_.model) {
    case Model::kLif:
    case Model::kIntegrator:
      if (narrow && plain_) return kernels.lif_plain(update);
      if (narrow) return kernels.lif_narrow(update);
      if (!fits32(kernels, update)) return kernels.cuba_wide(update);
      return scaled ? kernels.lif_scaled(update) : kernels.lif(update);
    case Model::kHomeostatic:
      if (!fits32(kernels, update)) return kernels.homeostatic_wide(update);
      return scaled ? kernels.homeostatic_scaled(update) : kernels.homeostatic(update);
    case Model::kDelta:
      return kernels.delta(update);
    case Model::kSigmaDelta:
      return kernels.sigma_delta(update);
    case Model::kSigma:
      return kernels.sigma(update);
    case Model::kResonate:
      return fits32(kernels, update) ? kernels.resonate(update) : kernels.resonate_wide(update);
    case Model::kResonateIzhikevich:
      return fits32(kernels, update) ? kernels.izhikevich(update) : kernels.izhikevich_wide(update);
  }
}

// Everything about the update of a segment that does not depend on the currents.
Update Population::prepared(const Work& work, const Node& node, const Span& span, int sample,
                            const Segment& segment, const Calendar& calendar) const {
  Update call{};
  call.columns = span.columns;
  call.lanes = segment.lanes;
  call.used = segment.used;
  call.input_shift = 6;
  for (int i = 0; i < states(); ++i) {
    call.state[i] = work.at<std::int32_t>(sample, state_at[i]) + segment.first_lane;
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    call.parameter[i] = parameters_[i].at(segment);
  }
  if (!calendar.clear.empty()) call.clear = calendar.clear.data() + span.column;
  call.reset = spec_.reset;
  call.watch = watch_;
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
                        const Records& records, bool fresh, std::int32_t* counts,
                        std::int64_t& u_wraps, std::int64_t& v_saturations) const {
  Update call = prepared(work, node, span, sample, segment, calendar);
  call.input[0] = ports[0].narrow ? static_cast<const void*>(ports[0].narrow_row(pair))
                                  : static_cast<const void*>(ports[0].row(pair));
  if (ports[1].sums) call.input[1] = ports[1].row(pair);
  call.input_stride = call.record_stride = segment.lanes;
  if (cuba()) drive(kernels, work, segment, ports, pair, span, calendar, call);
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
  run(kernels, ports[0].narrow, call);
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
