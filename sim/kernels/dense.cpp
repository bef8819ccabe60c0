#include "dense.hpp"

#include <algorithm>

namespace neurodeploy {

namespace {

// Weights of one tile and block. Its table is four times as large and lies in the L2 cache: going to
// more tiles of pairs costs more than rows that come from there.
constexpr int kTileBytes = 48 * 1024;
constexpr int kTileInputs = kTileBytes / (2 * kBlock);
constexpr int kShortTile = 16;         // tiles below this are not worth 16-bit sums

// Costs in nanoseconds, fitted to 90 layers of 8 to 4096 inputs, 10 to 512 outputs, 1 to 128 steps and
// rates of 0.5 to 50 % with AVX-512; other instruction sets have other costs in about the same ratios.
constexpr double kRowCost = 0.77;      // of a row of weights added to a block
constexpr double kSubsetCost = 0.86;   // of a row of a table, which is further away
constexpr double kVisitCost = 5;       // of going to a pair, a tile and a block
constexpr double kListCost = 6;        // of listing 64 inputs of a pair
constexpr double kSubsetListCost = 1.5;
constexpr double kTableCost = 51;      // of the tables of kInputGroup inputs and a block
constexpr double kDotCost = 4.3;       // of a group of inputs in kDotSteps columns and a block
constexpr double kDotVisitCost = 8;    // of going to kDotSteps columns and a block
constexpr int kProbes = 8, kProbedPairs = 16;
constexpr int kDotLanes = kEffortBytes / 4;  // sums of a vector of dot products

// Largest and smallest sum that any subset of a neuron's weights can have, for every target neuron.
struct Range {
  explicit Range(int rows) : high(rows), low(rows) {}

  void add(int row, std::int64_t weight) { (weight > 0 ? high : low)[row] += weight; }
  bool fits16() const {
    const auto over = [](std::int64_t h) { return h > INT16_MAX; };
    const auto under = [](std::int64_t l) { return l < INT16_MIN; };
    return std::none_of(high.begin(), high.end(), over) &&
           std::none_of(low.begin(), low.end(), under);
  }
  Bounds bounds() const {
    return {*std::min_element(low.begin(), low.end()), *std::max_element(high.begin(), high.end())};
  }
  void clear() {
    std::fill(high.begin(), high.end(), 0);
    std::fill(low.begin(), low.end(), 0);
  }

  std::vector<std::int64_t> high, low;
};

// Orders the pairs of every tile by their number of events, at most `most`.
void order_pairs(Lists& lists, int tiles, int pairs, int most) {
  grow(lists.order, std::size_t(tiles) * pairs);
  std::vector<std::uint16_t> first(std::size_t(most) + 2);
  for (int t = 0; t < tiles; ++t) {
    const std::uint32_t* starts = lists.starts.data() + t;
    const auto count = [&](int p) {
      const std::uint32_t* own = starts + std::ptrdiff_t(p) * (tiles + 1);
      return own[1] - own[0];
    };
    std::fill(first.begin(), first.end(), std::uint16_t(0));
    for (int p = 0; p < pairs; ++p) ++first[count(p) + 1];
    for (int c = 1; c <= most; ++c) first[c] = std::uint16_t(first[c] + first[c - 1]);
    std::uint16_t* order = lists.order.data() + std::ptrdiff_t(t) * pairs;
    for (int p = 0; p < pairs; ++p) order[first[count(p)]++] = std::uint16_t(p);
  }
}

}  // namespace

Dense::Dense(const Wiring& wiring, const Layout& source, const Layout& target,
             const Matrix& weight, const std::vector<int>& columns, int shift, bool dots)
    : Operation(wiring), shift_(shift), lanes_(target.lanes()) {
  choose_lanes(source, columns);
  cut_blocks(target);
  choose_width(target, weight, source);
  if (width_ == Width::kWide) {
    pack(weight32_, target, weight, source);
  } else {
    pack(weight16_, target, weight, source);
  }
  const int scale = dots && !wiring.graded && source_lanes_.empty() ? Dots::scale_of(weight) : 0;
  if (scale != 0 && inputs_ / kDotInputs <= UINT16_MAX) {
    dots_ = std::make_unique<Dots>(scale, inputs_, blocks_, [&](int lane, int input) {
      const int row = target.neuron_of(lane), column = column_of(source, input);
      return row < 0 || column < 0 ? 0 : weight.at(row, column);
    });
  }
}

bool Dense::narrow() const {
  return width_ == Width::kNarrow && !wiring().graded && shift_ == 0;
}

OperationReport Dense::report() const {
  OperationReport report;
  report.form = "dense";
  report.weight_bits = 8 * weight_bytes();
  report.sum_bits = narrow() ? 16 : 32;
  report.low = bounds_.low;
  report.high = bounds_.high;
  report.known = !wiring().graded;
  if (wiring().graded) {
    report.reason = "messages count by value";
    return report;
  }
  report.ways = {Choice::kRows};
  if (width_ != Width::kWide) report.ways.push_back(Choice::kSubsets);
  if (dots_) report.ways.insert(report.ways.end(), {Choice::kTiles, Choice::kDense});
  if (width_ == Width::kWide) {
    report.reason = "few inputs together leave 16 bits";
  } else if (width_ == Width::kTiled) {
    report.reason = "all inputs together leave 16 bits";
  } else if (shift_ != 0) {
    report.reason = "sums are shifted";
  }
  return report;
}

std::size_t Dense::bytes() const {
  return sizeof *this + bytes_of(source_lanes_) + bytes_of(tiles_) + bytes_of(blocks_) +
         bytes_of(segment_blocks_) + bytes_of(weight16_) + bytes_of(weight32_) +
         (dots_ ? dots_->bytes() : 0);
}

void Dense::choose_lanes(const Layout& source, const std::vector<int>& columns) {
  for (int column : columns) source_lanes_.push_back(source.lane_of(column));
  inputs_ = columns.empty() ? source.lanes() : padded_to(int(columns.size()), kInputGroup);
}

// Column of the matrix that an input stands for, or -1 for padding.
int Dense::column_of(const Layout& source, int input) const {
  if (source_lanes_.empty()) return source.neuron_of(input);
  return input < int(source_lanes_.size()) ? source.neuron_of(source_lanes_[input]) : -1;
}

void Dense::cut_blocks(const Layout& target) {
  std::size_t at = 0;
  for (const Segment& segment : target.segments()) {
    segment_blocks_.push_back(int(blocks_.size()));
    for (int lane = 0; lane < segment.lanes;) {
      const int width = segment.lanes - lane >= kBlock ? kBlock : kGranule;
      blocks_.push_back({segment.first_lane + lane, width, at});
      at += std::size_t(inputs_) * width;
      lane += width;
    }
  }
  segment_blocks_.push_back(int(blocks_.size()));
}

// Tiles of inputs are as long as the cache and 16-bit sums allow.
void Dense::choose_width(const Layout& target, const Matrix& weight, const Layout& source) {
  const int rows = target.size();
  Range whole(rows), tile(rows);
  bool fits = true;
  tiles_.push_back(0);
  for (int first = 0; first < inputs_; first += kInputGroup) {
    Range group(rows);
    for (int input = first; input < first + kInputGroup; ++input) {
      const int column = column_of(source, input);
      if (column < 0) continue;
      for (int row = 0; row < rows; ++row) {
        const std::int64_t value = weight.at(row, column);
        whole.add(row, value);
        tile.add(row, value);
        group.add(row, value);
      }
    }
    fits = fits && group.fits16();
    const bool full = first - tiles_.back() >= kTileInputs;
    if (first > tiles_.back() && (full || (fits && !tile.fits16()))) {
      tiles_.push_back(first);
      tile = group;
    }
  }
  tiles_.push_back(inputs_);
  for (std::size_t t = 1; t < tiles_.size(); ++t) {
    longest_tile_ = std::max(longest_tile_, tiles_[t] - tiles_[t - 1]);
  }
  bounds_ = whole.bounds();
  const bool short_tiles = inputs_ / int(tiles_.size() - 1) < std::min(inputs_, kShortTile);
  if (!fits || short_tiles) {
    width_ = Width::kWide;
  } else {
    width_ = whole.fits16() ? Width::kNarrow : Width::kTiled;
  }
}

template <class Value>
void Dense::pack(Aligned<Value>& packed, const Layout& target, const Matrix& weight,
                 const Layout& source) const {
  const std::size_t lanes = std::size_t(target.lanes());
  packed.assign(lanes * inputs_, 0);
  std::vector<int> column(inputs_);
  for (int input = 0; input < inputs_; ++input) column[input] = column_of(source, input);
  for (const Block& block : blocks_) {
    for (int l = 0; l < block.width; ++l) {
      const int row = target.neuron_of(block.first_lane + l);
      if (row < 0) continue;
      Value* to = packed.data() + block.weight_at + l;
      for (int input = 0; input < inputs_; ++input) {
        if (column[input] < 0) continue;
        to[std::size_t(input) * block.width] = static_cast<Value>(weight.at(row, column[input]));
      }
    }
  }
}

const void* Dense::weight_of(const Block& block) const {
  if (width_ == Width::kWide) return weight32_.data() + block.weight_at;
  return weight16_.data() + block.weight_at;
}

// The values of the inputs, padded with zeros, in the order of the packed weights.
template <class Value>
const Value* Dense::inputs_of(const Value* row, Work& work) const {
  if (source_lanes_.empty()) return row;
  Value* compact = work.compact.as<Value>(inputs_);
  const std::size_t held = source_lanes_.size();
  for (std::size_t i = 0; i < held; ++i) compact[i] = row[source_lanes_[i]];
  std::fill(compact + held, compact + inputs_, Value(0));
  return compact;
}

void Dense::list(const KernelTable& kernels, const Node& source, Work& work,
                 const Span& span) const {
  list(kernels, source, work, span, work.lists[index]);
}

void Dense::list(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
                 Lists& lists) const {
  if (wiring().graded) {
    list_messages(kernels, source, work, span, lists);
  } else {
    list_events(kernels, source, work, span, lists);
  }
}

void Dense::list_events(const KernelTable& kernels, const Node& source, Work& work,
                        const Span& span, Lists& lists) const {
  const int tiles = int(tiles_.size()) - 1;
  grow(lists.starts, std::size_t(span.pairs()) * (tiles + 1));
  grow(lists.tiled, std::size_t(span.pairs()) * inputs_ + kListSlack);
  const Choice choice = choose(kernels, source, work, span, lists);
  lists.choice = choice;
  if (choice == Choice::kTiles || choice == Choice::kDense) {
    const double groups =
        dots_->list(kernels, source, wiring().lag, work, span, choice == Choice::kDense, lists);
    spend(lists, choice, 0, groups * lanes_ / kDotLanes);
    return;
  }
  const auto list_row = choice == Choice::kSubsets ? kernels.list_subsets : kernels.list_tiles;
  std::uint32_t n = 0;
  std::uint32_t* starts = lists.starts.data();
  for (int s = span.sample; s < span.sample + span.samples; ++s) {
    for (int k = span.column; k < span.column + span.columns; ++k, starts += tiles + 1) {
      const std::uint8_t* row = inputs_of(work.bytes(source, s, k - wiring().lag), work);
      n += list_row(row, tiles_.data(), tiles, n, lists.tiled.data() + n, starts);
    }
  }
  order_pairs(lists, tiles, span.pairs(), longest_tile_);
  spend(lists, choice, double(n) * lanes_ * weight_bytes() / kEffortBytes, 0);
}

// Estimates on a few of the span's columns.
Dense::Costs Dense::costs(const KernelTable& kernels, const Node& source, Work& work,
                          const Span& span, Lists& lists) const {
  const int probes = std::clamp(span.pairs() / kProbedPairs, std::min(2, span.pairs()), kProbes);
  const int lag = wiring().lag, steps = std::min(kDotSteps, span.columns);
  double events = 0, subsets = 0, groups = 0;
  for (int i = 0; i < probes; ++i) {
    const int pair = (2 * i + 1) * span.pairs() / (2 * probes);
    const int s = span.sample + pair / span.columns, k = span.column + pair % span.columns;
    const std::uint8_t* row = inputs_of(work.bytes(source, s, k - lag), work);
    events += double(kernels.count_row(row, inputs_)) / probes;
    subsets += double(kernels.count_subsets(row, inputs_)) / probes;
    if (!dots_) continue;
    const std::uint8_t* rows[kDotSteps];
    const int first = std::min(k, span.column + span.columns - steps);
    for (int c = 0; c < steps; ++c) rows[c] = work.bytes(source, s, first + c - lag);
    groups += double(kernels.list_groups(rows, steps, dots_->groups(), lists.tiled.data())) / probes;
  }
  const double wide = double(lanes_) / kBlock, blocks = double(blocks_.size());
  const double pairs = span.pairs(), visits = blocks * double(tiles_.size() - 1) * kVisitCost;
  const double listed = inputs_ / 64.0, tables = wide * inputs_ / kInputGroup * kTableCost;
  const double quads = double(span.samples) * ((span.columns + kDotSteps - 1) / kDotSteps);
  Costs result;
  result.rows = pairs * (wide * events * kRowCost + visits + listed * kListCost);
  result.subsets = pairs * (wide * subsets * kSubsetCost + visits + listed * kSubsetListCost) + tables;
  result.tiles = quads * (wide * groups * kDotCost + blocks * kDotVisitCost);
  if (dots_) result.dense = quads * (wide * dots_->groups() * kDotCost + blocks * kDotVisitCost);
  return result;
}

// The cheapest way that exists, or the one that is asked for.
Choice Dense::choose(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
                     Lists& lists) const {
  const bool dots = dots_ != nullptr, tables = width_ != Width::kWide;
  const bool asked_dots = forced() == Choice::kTiles || forced() == Choice::kDense;
  if (forced() == Choice::kRows || (asked_dots && dots) || (forced() == Choice::kSubsets && tables)) {
    return forced();
  }
  if (!dots && !tables) return Choice::kRows;
  const Costs cost = costs(kernels, source, work, span, lists);
  Choice best = Choice::kRows;
  double least = cost.rows;
  const auto consider = [&](Choice choice, double amount, bool exists) {
    if (!exists || amount >= least) return;
    best = choice;
    least = amount;
  };
  consider(Choice::kSubsets, cost.subsets, tables);
  consider(Choice::kTiles, cost.tiles, dots);
  consider(Choice::kDense, cost.dense, dots);
  return best;
}

void Dense::list_messages(const KernelTable& kernels, const Node& source, Work& work,
                          const Span& span, Lists& lists) const {
  grow(lists.starts, std::size_t(span.pairs()) + 1);
  grow(lists.events, std::size_t(span.pairs()) * inputs_ + kListSlack);
  grow(lists.messages, std::size_t(span.pairs()) * inputs_ + kListSlack);
  grow(lists.repeats, std::size_t(span.pairs()));
  lists.any_repeats = false;
  std::uint32_t n = 0, pair = 0;
  for (int s = span.sample; s < span.sample + span.samples; ++s) {
    for (int k = span.column; k < span.column + span.columns; ++k, ++pair) {
      const std::int32_t* row = work.values(source, s, k - wiring().lag);
      lists.starts[pair] = n;
      lists.repeats[pair] = k > span.column && repeats(row, source.layout.lanes());
      lists.any_repeats = lists.any_repeats || lists.repeats[pair];
      if (lists.repeats[pair]) continue;
      n += kernels.list_values(inputs_of(row, work), inputs_, lists.events.data() + n,
                               lists.messages.data() + n);
    }
  }
  lists.starts[pair] = n;
}

void Dense::add(const KernelTable& kernels, const Node& source, Work& work, const Span& span,
                const Segment& segment, const Currents& currents) const {
  add(kernels, source, work, work.lists[index], span, segment, currents);
}

void Dense::add(const KernelTable& kernels, const Node& source, Work& work, const Lists& lists,
                const Span& span, const Segment& segment, const Currents& currents) const {
  const bool repeated = wiring().graded && lists.any_repeats;
  if (shift_ == 0 && !repeated) {
    sum(kernels, source, work, lists, span, segment, currents);
    return;
  }
  const std::size_t size = std::size_t(span.pairs()) * segment.lanes;
  std::int32_t* own = work.sums.as<std::int32_t>(size);
  std::fill_n(own, size, 0);
  sum(kernels, source, work, lists, span, segment, Currents{own, false, segment.lanes});
  for (int pair = 0; repeated && pair < span.pairs(); ++pair) {
    std::int32_t* row = own + std::ptrdiff_t(pair) * segment.lanes;
    if (lists.repeats[pair]) std::copy_n(row - segment.lanes, segment.lanes, row);
  }
  if (shift_ > 0) kernels.shift_right(own, std::ptrdiff_t(size), shift_);
  kernels.add(currents.row(0), own, std::ptrdiff_t(size));
}

void Dense::sum(const KernelTable& kernels, const Node& source, Work& work, const Lists& lists,
                const Span& span, const Segment& segment, const Currents& currents) const {
  const Choice choice = wiring().graded ? Choice::kRows : lists.choice;
  const std::size_t table_rows = std::size_t(longest_tile_) / kInputGroup * kSubsets;
  std::int16_t* table = choice == Choice::kSubsets
                            ? work.table.as<std::int16_t>(table_rows * kBlock)
                            : nullptr;
  for (int b = segment_blocks_[segment.index]; b < segment_blocks_[segment.index + 1]; ++b) {
    const Block& block = blocks_[b];
    const int offset = block.first_lane - segment.first_lane;
    if (choice == Choice::kTiles || choice == Choice::kDense) {
      dots_->sum(kernels, source, wiring().lag, work, span, lists, block, currents, offset);
      continue;
    }
    if (wiring().graded) {
      const GradedSum call{weight_of(block),     block.width,         lists.events.data(),
                           lists.messages.data(), lists.starts.data(), span.pairs(),
                           currents.row(0) + offset, currents.lanes};
      width_ == Width::kWide ? kernels.graded_sum_wide(call) : kernels.graded_sum_narrow(call);
      continue;
    }
    void* sums = currents.narrow ? static_cast<void*>(currents.narrow_row(0) + offset)
                                 : static_cast<void*>(currents.row(0) + offset);
    const RowSum call{weight_of(block),      block.width,         tiles_.data(),
                      int(tiles_.size()) - 1, lists.tiled.data(), lists.starts.data(),
                      lists.order.data(),     span.pairs(),       sums,
                      currents.lanes,         table};
    if (width_ == Width::kWide) {
      kernels.row_sum_wide(call);
    } else {
      currents.narrow ? kernels.row_sum_narrow(call) : kernels.row_sum_tiled(call);
    }
  }
}

}  // namespace neurodeploy
