#include "patterns.hpp"

#include <algorithm>

namespace neurodeploy {

namespace {

constexpr int kMostBits = 5;                                     // of a piece across columns
constexpr std::size_t kTableBytes = std::size_t(2) << 20;        // of all tables
constexpr int kWordBits = 64;

bool columnwise(int channels) { return channels % kSubsetInputs == 0; }

int piece_count(int channels, int columns) {
  const int values = channels * columns;
  return columnwise(channels) ? values / kSubsetInputs : (values + kMostBits - 1) / kMostBits;
}

int entry_count(int channels, int columns) {
  const int pieces = piece_count(channels, columns);
  const int bits =
      columnwise(channels) ? kSubsetInputs : (channels * columns + pieces - 1) / pieces;
  return 1 << bits;
}

}  // namespace

bool Patterns::suits(const Layout& source, const Kernel& kernel) {
  if (kernel.groups != 1) return false;
  const int channels = source.channels();
  if (!columnwise(channels)) {
    // The windows of a kernel row are cut out of words.
    if (kernel.dilation[1] != 1 || kernel.padding[1] * channels > kWordBits) return false;
    if ((kPatternWindows - 1) * kernel.stride[1] * channels + kMostBits > kWindowBits) return false;
  }
  const std::size_t lanes = std::size_t(padded_to(kernel.out, kTapLanes));
  const std::size_t entries = std::size_t(entry_count(channels, kernel.columns));
  if (entries * lanes > UINT16_MAX) return false;  // patterns are offsets of 16 bits
  return kernel.rows * piece_count(channels, kernel.columns) * entries * lanes *
             sizeof(std::int16_t) <= kTableBytes;
}

Patterns::Patterns(const Layout& source, const Layout& target, const Kernel& kernel)
    : channels_(source.channels()),
      source_height_(source.height()),
      source_row_(source.row_size()),
      target_height_(target.height()),
      target_width_(target.width()),
      out_(kernel.out),
      rows_(kernel.rows),
      stride_{kernel.stride[0], kernel.stride[1]},
      padding_{kernel.padding[0], kernel.padding[1]},
      dilation_{kernel.dilation[0], kernel.dilation[1]},
      lanes_(padded_to(kernel.out, kTapLanes)),
      columnwise_(columnwise(channels_)) {
  cut(kernel);
  find_rows();
  fill_tables(kernel);
}

// Pieces, and how the patterns of a source row are laid out. places_ says where those of a target
// position lie, kernel row by kernel row.
void Patterns::cut(const Kernel& kernel) {
  const int pieces = piece_count(channels_, kernel.columns);
  const int values = channels_ * kernel.columns;
  entries_ = entry_count(channels_, kernel.columns);
  const int most = columnwise_ ? kSubsetInputs : (values + pieces - 1) / pieces;
  for (int first = 0; first < values; first += most) {
    pieces_.push_back({first, std::min(most, values - first)});
  }
  const int column = channels_ / kSubsetInputs;
  if (columnwise_) {
    const int last = (target_width_ - 1) * stride_[1] + (kernel.columns - 1) * dilation_[1];
    margin_ = padding_[1] * column;
    column_step_ = std::ptrdiff_t(stride_[1]) * column;
    row_patterns_ =
        std::max(margin_ + source_row_ / kSubsetInputs, (last + 1) * column) + kListSlack;
  } else {
    margin_ = padding_[1] * channels_;
    column_step_ = 1;
    row_patterns_ = piece_step() * pieces;
  }
  for (int y = 0; y < rows_; ++y) {
    for (int p = 0; p < pieces; ++p) {
      const int place =
          columnwise_ ? p / column * dilation_[1] * column + p % column : p * piece_step();
      places_.push_back(y * dilation_[0] * row_patterns_ + place);
    }
  }
}

// The kernel rows that lie on the map, for every target row.
void Patterns::find_rows() {
  const int dilation = dilation_[0], pieces = int(pieces_.size());
  for (int y = 0; y < target_height_; ++y) {
    const int top = y * stride_[0] - padding_[0];
    const int first = top < 0 ? (dilation - 1 - top) / dilation : 0;
    const int last = std::min(rows_, (source_height_ - top + dilation - 1) / dilation);
    target_rows_.push_back({first * pieces, std::max(0, last - first) * pieces,
                            std::ptrdiff_t(top + first * dilation) * row_patterns_});
  }
}

// Patterns of one piece across a source row, where it lies in several columns.
int Patterns::piece_step() const { return padded_to(target_width_, kPatternWindows); }

void Patterns::fill_tables(const Kernel& kernel) {
  const std::size_t table = std::size_t(entries_) * lanes_;
  tables_.assign(table * rows_ * pieces_.size(), 0);
  std::int16_t* to = tables_.data();
  for (int y = 0; y < rows_; ++y) {
    for (const Piece& piece : pieces_) {
      for (int entry = 1; entry < 1 << piece.bits; ++entry) {
        int bit = 0;
        while (!(entry >> bit & 1)) ++bit;
        const int value = piece.first + bit;
        const std::int16_t* rest = to + std::size_t(entry & (entry - 1)) * lanes_;
        for (int o = 0; o < out_; ++o) {
          const std::int32_t weight = kernel.at(o, value % channels_, y, value / channels_);
          to[std::size_t(entry) * lanes_ + o] = std::int16_t(rest[o] + weight);
        }
      }
      to += table;
    }
  }
}

double Patterns::rows_per_column() const {
  return double(target_height_) * target_width_ * rows_ * double(pieces_.size());
}

void Patterns::list(const KernelTable& kernels, const Node& source, int lag, Work& work,
                    const Span& span, Lists& lists) const {
  grow(lists.patterns, pair_size() * span.pairs() + kListSlack);
  std::vector<int> starts;
  for (int y = 0; y < source_height_; ++y) starts.push_back(source.layout.row_start(y));
  const std::size_t words = std::size_t(source_row_) / kWordBits + 2 + kWindowSlack;
  Windows windows{};
  windows.margin = margin_;
  windows.step = stride_[1] * channels_;
  windows.count = target_width_;
  windows.words = work.words.as<std::uint64_t>(words);
  SourceRows rows{};
  rows.starts = starts.data();
  rows.count = source_height_;
  rows.size = source_row_;
  rows.scale = lanes_;
  rows.row_patterns = row_patterns_;
  std::uint16_t* to = lists.patterns.data();
  if (columnwise_) std::fill_n(to, pair_size() * span.pairs(), std::uint16_t(0));
  for (int s = span.sample; s < span.sample + span.samples; ++s) {
    for (int k = span.column; k < span.column + span.columns; ++k, to += pair_size()) {
      rows.lanes = work.bytes(source, s, k - lag);
      if (columnwise_) {
        rows.patterns = to + margin_;
        kernels.list_quads(rows);
        continue;
      }
      for (std::size_t p = 0; p < pieces_.size(); ++p) {
        rows.patterns = to + std::ptrdiff_t(p) * piece_step();
        windows.first = pieces_[p].first;
        windows.bits = pieces_[p].bits;
        kernels.list_windows(rows, windows);
      }
    }
  }
}

void Patterns::sum(const KernelTable& kernels, const Lists& lists, int pair, int first_row,
                   int rows, std::int16_t* sums) const {
  PatternSum call{};
  call.table_size = std::ptrdiff_t(entries_) * lanes_;
  call.table = tables_.data();
  call.rows = target_rows_.data() + first_row;
  call.row_count = rows;
  call.patterns = lists.patterns.data() + pair_size() * pair;
  call.column_step = column_step_;
  call.places = places_.data();
  call.columns = target_width_;
  call.lanes = lanes_;
  call.sums = sums;
  call.sums_step = out_;
  kernels.pattern_sum(call);
}

}  // namespace neurodeploy
