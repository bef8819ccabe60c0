// The interface between the engine and its inner loops: plain records and one table of functions
// per instruction set. No function is defined here, so that no unit can leave a shared copy of one.

#pragma once

#include <cstddef>
#include <cstdint>

namespace neurodeploy {

// Neurons are processed in granules: every population is padded to a multiple of this many lanes.
constexpr int kGranule = 32;
// Blocks of weights hold this many lanes; the last block of a population may hold one granule.
constexpr int kBlock = 64;
// Inputs are padded to a multiple of this, the number of message bytes examined at once.
constexpr int kInputGroup = 8;
// Convolution weights of one tap are padded to a multiple of this many output channels.
constexpr int kTapLanes = 16;

// Room behind a list, because entries are written by the vector.
constexpr int kListSlack = 32;

// How weights and their sums are stored.
enum class Width {
  kNarrow,  // 16-bit weights, 16-bit sums: no sum of any subset of a neuron's weights overflows
  kTiled,   // 16-bit weights, 16-bit sums within a tile of inputs, 32-bit sums over all tiles
  kWide,    // 32-bit weights, 32-bit sums modulo 2^32
};

// Busy inputs are taken four at a time: a table holds the sums of all subsets of each four, and an
// event names a row of it. kSubsets rows stand for each kInputGroup inputs.
constexpr int kSubsetInputs = 4;
constexpr int kSubsets = (1 << kSubsetInputs) * (kInputGroup / kSubsetInputs);

// sums[p][lane] += sum over the events of pair p of weight[input][lane]. A pair is one column of one
// sample.
struct RowSum {
  const void* weight;           // [inputs][width]
  int width;                    // kBlock or kGranule lanes
  const std::int32_t* tiles;    // first input of every tile, then the number of inputs
  int tile_count;
  const std::uint16_t* events;  // active inputs, or subsets, counted from the start of their tile
  const std::uint32_t* starts;  // [pairs][tile_count + 1], into events
  const std::uint16_t* order;   // [tile_count][pairs]: pairs by their number of events in the tile
  int pairs;
  void* sums;                   // [pairs][stride], 16 or 32 bits
  std::ptrdiff_t stride;
  std::int16_t* table;          // room for the subsets of one tile, or null: events are inputs
};

// Inputs of a dot product, and the columns that share a load of weights.
constexpr int kDotInputs = 4;
constexpr int kDotSteps = 4;

// sums[k][lane] = scale * sum over the groups of weight[group][lane] . rows[k][group], kDotInputs
// values each; 32-bit sums are added to.
struct DotSum {
  const std::int8_t* weight;    // [group][width][kDotInputs]
  int width;                    // kBlock or kGranule lanes
  const std::uint8_t* rows[kDotSteps];  // bytes 0/1
  int steps;
  const std::uint16_t* groups;
  int count;
  int scale;                    // 1 or 2
  void* sums;                   // [steps][stride], 16 bits if narrow, else 32
  std::ptrdiff_t stride;
  bool narrow;
};

// sums[p][lane] += sum over the messages of pair p of weight[input][lane] * message, modulo 2^32.
struct GradedSum {
  const void* weight;           // [inputs][width], 16 or 32 bits
  int width;
  const std::uint32_t* inputs;
  const std::int32_t* messages;
  const std::uint32_t* starts;  // [pairs + 1]
  int pairs;
  std::int32_t* sums;
  std::ptrdiff_t stride;
};

// Where a source value meets a kernel row: offsets of its first tap.
struct TapStart {
  std::int32_t sum;
  std::int32_t weight;
};

// Most target rows that one source row reaches in a call.
constexpr int kMostTargets = 4;

// Scatters the events of one source row into the sums of target rows (channels last), each through a
// kernel row of its own.
struct TapSum {
  const TapStart* starts;       // per lane of the source row
  const std::uint32_t* events;  // lanes of the source row
  const std::int32_t* messages; // their values, or null for binary events
  int count;
  int taps;
  std::ptrdiff_t sum_step;      // from one tap to the next
  std::ptrdiff_t weight_step;
  int lanes;                    // multiple of kTapLanes
  int targets;
  const void* weight[kMostTargets];  // [channel][tap][lanes]
  void* sums[kMostTargets];
};

// A target row of a convolution by patterns: its first table, how many tables it takes, and where the
// patterns of its source rows start.
struct PatternRow {
  int first_table, tables;
  std::ptrdiff_t first_pattern;
};

// sums[column][lane] = sum over p of the row of table p that pattern p of the column names; 16 bits.
// A pattern is the offset of a row in its table.
struct PatternSum {
  const std::int16_t* table;      // [p][entry][lanes]
  std::ptrdiff_t table_size;      // values of one table
  const PatternRow* rows;
  int row_count;
  const std::uint16_t* patterns;  // of a target column at places[p] from those of its row
  std::ptrdiff_t column_step;     // patterns from one target column to the next
  const std::int32_t* places;
  int columns;
  int lanes;                      // multiple of kTapLanes
  std::int16_t* sums;             // [row][column]
  std::ptrdiff_t sums_step;       // from one target column to the next
};

constexpr int kPatternWindows = 8;

constexpr int kWindowSlack = 3;

// Source rows of one column, bytes 0/1, whose patterns are listed.
struct SourceRows {
  const std::uint8_t* lanes;
  const int* starts;            // first lane of every row
  int count, size;
  int scale;                    // a pattern is its bits times this
  std::uint16_t* patterns;
  std::ptrdiff_t row_patterns;  // from one row to the next
};

// Windows of `bits` bits of a row between margins of zeros: window w starts at bit first + w * step,
// counted from the start of the margin, which has up to 64 bits. Their patterns are written
// kPatternWindows at a time.
struct Windows {
  int margin;
  int first, step, count, bits;
  std::uint64_t* words;         // room for 1 + size / 64 + 1 + kWindowSlack
};
// Bits of a word that are there wherever in its first byte a window starts.
constexpr int kWindowBits = 57;

// A parameter of every lane, or one granule of equal values (step 0).
struct Parameter {
  const std::int32_t* values;
  int step;
};

constexpr int kParameters = 6;
constexpr int kStates = 3;

// Advances the lanes of one sample over consecutive columns.
struct Update {
  int columns;
  int lanes;                        // multiple of kGranule
  int used;                         // lanes before the padding; 32-bit kernels do not look at it
  const void* input[2];             // [columns][input_stride]; the second may be null
  std::ptrdiff_t input_stride;
  std::int32_t* state[kStates];
  Parameter parameter[kParameters];
  int input_shift;                  // 6, or 0 for an input that is multiplied by its gain already
  const std::uint8_t* clear;        // per column: reset due, or null
  const std::int32_t* bias;         // [columns][bias_stride] in units of v, or null: the parameter
  std::ptrdiff_t bias_stride;
  int reset;                        // Reset
  int watch;                        // Watch, of the 32-bit kernels of fixed thresholds
  const std::int32_t* const* signature;  // per column the wanted v of every lane, or null: frozen
  int theta_shift;
  std::int32_t low, high;           // limits of a homeostatic threshold
  int message_shift;                // spike_exp + 6 of the sigma-delta family
  void* sent;                       // spikes (bytes) or messages (int32), [columns][sent_stride]
  std::ptrdiff_t sent_stride;
  std::int32_t* record[kStates];    // [columns][record_stride] each, or null
  std::ptrdiff_t record_stride;
  bool fresh;                       // states start at u = 0 and v = initial, whatever memory holds
                                    // (32-bit CUBA kernels of fixed thresholds)
  std::int32_t* counts;             // spikes of every lane, counted up, or null
  std::int64_t u_wraps;             // counted up
  std::int64_t v_saturations;
};

enum Reset { kResetZero, kResetSubtract, kResetNone, kNoSpike };
// States that can leave their range, where no bound rules it out: u is folded, v is clamped.
enum Watch { kWatchNone, kWatchV, kWatchBoth };

// Indices of Update::parameter. Thresholds, biases and initial values are in units of the state.
enum CubaParameter { kKeepU, kKeepV, kThreshold, kBias, kInitial, kTheta };
enum SigmaParameter { kSigmaThreshold, kSigmaBias };
enum ResonateParameter { kSin, kCos, kResonateThreshold };

// How a neuron model is advanced; null where there is no such kernel. Those in 32-bit arithmetic are
// exact while parameters are within the ranges of models.hpp, |u| <= 2^23 and |64 a| <= 2^24 (further
// conditions stand at Population::choose_arithmetic). Kernels that count set `counts` back to null.
struct UpdateKernels {
  const char* model;          // name of its record in neurodeploy/neuron.py
  void (*plain)(Update&);     // 32-bit: 16-bit currents, no bias, reset to zero
  void (*narrow)(Update&);    // 32-bit: 16-bit currents
  void (*currents)(Update&);  // 32-bit: 32-bit currents
  void (*scaled)(Update&);    // 32-bit: 32-bit currents that are multiplied by their gain already
  void (*exact)(Update&);     // valid always
};
constexpr int kModelCount = 8;

struct KernelTable {
  const char* name;

  void (*row_sum_narrow)(const RowSum&);  // sets the sums
  void (*row_sum_tiled)(const RowSum&);
  void (*row_sum_wide)(const RowSum&);
  // Null where no instruction does it, as list_groups below.
  void (*dot_sum)(const DotSum&);
  void (*graded_sum_narrow)(const GradedSum&);
  void (*graded_sum_wide)(const GradedSum&);
  void (*tap_sum_narrow)(const TapSum&);
  void (*tap_sum_wide)(const TapSum&);
  void (*tap_sum_graded)(const TapSum&);

  void (*pattern_sum)(const PatternSum&);
  // Patterns of each kSubsetInputs bytes; may write kListSlack past the end of a row.
  void (*list_quads)(const SourceRows&);
  void (*list_windows)(const SourceRows&, const Windows&);

  UpdateKernels update[kModelCount];

  // Lists of active inputs: of one row of bytes 0/1 by tile, the same by subsets, of one row of
  // bytes, of one row of values. Each may write kListSlack entries past the end. Return the number
  // of entries.
  std::uint32_t (*list_tiles)(const std::uint8_t* row, const std::int32_t* tiles, int tile_count,
                              std::uint32_t base, std::uint16_t* events, std::uint32_t* starts);
  std::uint32_t (*list_subsets)(const std::uint8_t* row, const std::int32_t* tiles, int tile_count,
                                std::uint32_t base, std::uint16_t* events, std::uint32_t* starts);
  // Groups of kDotInputs bytes that are not zero in all of the rows.
  std::uint32_t (*list_groups)(const std::uint8_t* const* rows, int steps, int groups,
                               std::uint16_t* to);
  std::uint32_t (*list_bytes)(const std::uint8_t* row, int size, std::uint32_t* events);
  // One entry per position with an event: position * 2^channels + the set of its active channels.
  std::uint32_t (*list_sets)(const std::uint8_t* row, int positions, int channels,
                             std::uint32_t* events);
  std::uint32_t (*list_values)(const std::int32_t* row, int size, std::uint32_t* events,
                               std::int32_t* messages);

  // Element-wise operations on int32 modulo 2^32.
  void (*add)(std::int32_t* target, const std::int32_t* values, std::ptrdiff_t size);
  void (*add_narrow)(std::int32_t* target, const std::int16_t* values, std::ptrdiff_t size);
  void (*shift_right)(std::int32_t* values, std::ptrdiff_t size, int bits);
  void (*wrap24)(std::int32_t* values, std::ptrdiff_t size);
  void (*scale)(std::int32_t* values, std::ptrdiff_t size, std::int32_t factor);
  // target = int16(mantissa + input) * gain; the input may be null.
  void (*drive_bias)(std::int32_t* target, const Parameter& mantissa, const std::int32_t* input,
                     int lanes, std::int32_t gain);
  // Whether every |value| <= limit.
  bool (*within)(const std::int32_t* values, std::ptrdiff_t size, std::int32_t limit);

  // Of a row of bytes 0/1: the number of set ones, and of groups of kSubsetInputs with a set one.
  std::int64_t (*count_row)(const std::uint8_t* row, std::ptrdiff_t size);
  std::int64_t (*count_subsets)(const std::uint8_t* row, std::ptrdiff_t size);
  void (*nonzero_bytes)(const std::uint8_t* values, std::ptrdiff_t size, std::uint8_t* target);
  void (*nonzero_values)(const std::int32_t* values, std::ptrdiff_t size, std::uint8_t* target);
  void (*widen_bytes)(const std::uint8_t* values, std::ptrdiff_t size, std::int32_t* target);
  // counts[lane] += number of rows in which the lane is not zero.
  void (*count_bytes)(const std::uint8_t* rows, std::ptrdiff_t stride, int row_count, int lanes,
                      std::int32_t* counts);
  void (*count_values)(const std::int32_t* rows, std::ptrdiff_t stride, int row_count, int lanes,
                       std::int32_t* counts);
  std::int64_t (*total)(const std::int32_t* counts, int size);
  std::int64_t (*dot)(const std::int32_t* counts, const std::int32_t* weights, int size);
  // The same where no sum leaves 32 bits.
  std::int32_t (*dot_narrow)(const std::int32_t* counts, const std::int32_t* weights, int size);
};

extern const KernelTable kPortableKernels;
#ifdef NEURODEPLOY_X86_KERNELS
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx512Kernels;
#endif

}  // namespace neurodeploy
