// Convolutions by patterns: the spikes that a target neuron sees are cut into short patterns, and a
// table holds the sum of weights of every pattern.
//
// A kernel row is cut into pieces of a few consecutive source values, channels last. The pattern of
// a piece, its values as bits, names a row of the piece's table: the sums over the active values for
// all output channels. A target position adds one row per piece and kernel row, whatever is active,
// and its sums never leave the registers meanwhile.
//
// With a multiple of kSubsetInputs channels a piece lies within one source column, and its pattern
// serves all kernel columns. With fewer channels the pieces of a kernel row follow one another, and a
// pattern belongs to one target column.

#pragma once

#include "aligned.hpp"
#include "kernel_shape.hpp"
#include "operation.hpp"

namespace neurodeploy {

class Patterns {
 public:
  // Whether the tables exist and are of a sensible size; sums must fit 16 bits.
  static bool suits(const Layout& source, const Kernel& kernel);

  Patterns(const Layout& source, const Layout& target, const Kernel& kernel);

  // Rows added per column, each of `lanes` values.
  double rows_per_column() const;
  int lanes() const { return lanes_; }
  std::size_t bytes() const {
    return sizeof *this + bytes_of(pieces_) + bytes_of(target_rows_) + bytes_of(places_) +
           bytes_of(tables_);
  }

  // Writes the patterns of all source rows and pairs to lists.patterns.
  void list(const KernelTable& kernels, const Node& source, int lag, Work& work, const Span& span,
            Lists& lists) const;
  // Writes the sums of some target rows of a pair to `sums`, [row][column][out]; up to lanes() values
  // behind the last are overwritten.
  void sum(const KernelTable& kernels, const Lists& lists, int pair, int first_row, int rows,
           std::int16_t* sums) const;

 private:
  struct Piece {
    int first, bits;  // values of a kernel row, [column][channel]
  };

  void cut(const Kernel& kernel);
  void find_rows();
  int piece_step() const;
  void fill_tables(const Kernel& kernel);
  std::size_t pair_size() const { return std::size_t(source_height_) * row_patterns_; }

  int channels_, source_height_, source_row_, target_height_, target_width_, out_;
  int rows_, stride_[2], padding_[2], dilation_[2];
  int lanes_;         // output channels, padded
  bool columnwise_;   // pieces lie within a column
  std::vector<Piece> pieces_;
  int entries_;       // of a table
  int row_patterns_;  // of a source row
  std::ptrdiff_t column_step_;
  std::vector<PatternRow> target_rows_;
  std::vector<std::int32_t> places_;  // of a target position, from the first of its source rows on
  int margin_;        // patterns (columnwise) or bits before those of the source row
  Aligned<std::int16_t> tables_;  // [kernel row][piece][entry][lane]
};

}  // namespace neurodeploy
