// Synaptic sums: rows of weights added for active inputs, and kernel taps scattered by events.

#pragma once

#include "arithmetic.hpp"
#include "kernels.hpp"
#include "lanes.hpp"

namespace neurodeploy {
namespace {

// Adds the rows of `count` events to 16-bit sums held in registers; kWidth lanes.
template <int kWidth>
NEURODEPLOY_INLINE void add_rows(const std::int16_t* tile, const std::uint16_t* events, std::uint32_t count,
                     U16* sums) {
  constexpr int kVectors = kWidth / kLanes16;
  const auto add_row = [&](int e) {
    const std::int16_t* row = tile + std::ptrdiff_t(events[e]) * kWidth;
    unrolled<kVectors>([&](int i) { sums[i] += load<U16>(row + i * kLanes16); });
  };
  for (; count >= 8; count -= 8, events += 8) unrolled<8>(add_row);
  if (count & 4) {
    unrolled<4>(add_row);
    events += 4;
  }
  if (count & 2) {
    unrolled<2>(add_row);
    events += 2;
  }
  if (count & 1) add_row(0);
}

// Sums of all subsets of each four inputs: row 2^b + m is row m and input b.
template <int kWidth>
inline void sum_subsets(const std::int16_t* weight, int inputs, std::int16_t* table) {
  constexpr int kRows = 1 << kSubsetInputs;
  for (int j = 0; j < inputs; j += kSubsetInputs) {
    for (int i = 0; i < kWidth; i += kLanes16) {
      U16 sums[kRows] = {};
      unrolled<kSubsetInputs>([&](int bit) {
        const U16 own = load<U16>(weight + bit * kWidth + i);
        unrolled<kRows / 2>([&](int m) {
          if (m < 1 << bit) sums[(1 << bit) + m] = sums[m] + own;
        });
      });
      unrolled<kRows>([&](int m) { store(table + m * kWidth + i, sums[m]); });
    }
    weight += kWidth * kSubsetInputs;
    table += kWidth * kRows;
  }
}

// The rows that the events of a tile name: its weights, or the table made of them.
template <int kWidth>
inline const std::int16_t* rows_of_tile(const RowSum& a, int t) {
  const std::int16_t* weight =
      static_cast<const std::int16_t*>(a.weight) + std::ptrdiff_t(a.tiles[t]) * kWidth;
  if (a.table == nullptr) return weight;
  sum_subsets<kWidth>(weight, a.tiles[t + 1] - a.tiles[t], a.table);
  return a.table;
}

// A tile of weights stays in the cache while all pairs pass over it. Pairs of equal length follow one
// another, so that the processor foresees where each list ends.
template <int kWidth>
void row_sum_narrow_lanes(const RowSum& a) {
  constexpr int kVectors = kWidth / kLanes16;
  std::int16_t* sums = static_cast<std::int16_t*>(a.sums);
  for (int t = 0; t < a.tile_count; ++t) {
    const std::int16_t* rows = rows_of_tile<kWidth>(a, t);
    const std::uint16_t* order = a.order + std::ptrdiff_t(t) * a.pairs;
    for (int i = 0; i < a.pairs; ++i) {
      const std::ptrdiff_t p = order[i];
      const std::uint32_t* starts = a.starts + p * (a.tile_count + 1) + t;
      if (t > 0 && starts[0] == starts[1]) continue;
      std::int16_t* own = sums + p * a.stride;
      U16 held[kVectors] = {};
      if (t > 0) unrolled<kVectors>([&](int i) { held[i] = load<U16>(own + i * kLanes16); });
      add_rows<kWidth>(rows, a.events + starts[0], starts[1] - starts[0], held);
      unrolled<kVectors>([&](int i) { store(own + i * kLanes16, held[i]); });
    }
  }
}

template <int kWidth>
void row_sum_tiled_lanes(const RowSum& a) {
  constexpr int kVectors = kWidth / kLanes16;
  std::int32_t* sums = static_cast<std::int32_t*>(a.sums);
  for (int t = 0; t < a.tile_count; ++t) {
    const std::int16_t* rows = rows_of_tile<kWidth>(a, t);
    const std::uint16_t* order = a.order + std::ptrdiff_t(t) * a.pairs;
    for (int i = 0; i < a.pairs; ++i) {
      const std::ptrdiff_t p = order[i];
      const std::uint32_t* starts = a.starts + p * (a.tile_count + 1) + t;
      if (starts[0] == starts[1]) continue;
      U16 held[kVectors] = {};
      add_rows<kWidth>(rows, a.events + starts[0], starts[1] - starts[0], held);
      std::int16_t partial[kWidth];
      unrolled<kVectors>([&](int i) { store(partial + i * kLanes16, held[i]); });
      std::int32_t* own = sums + p * a.stride;
      for (int i = 0; i < kWidth; i += kLanes32) {
        store(own + i, load<U32>(own + i) + load_narrow(partial + i));
      }
    }
  }
}

template <int kWidth>
void row_sum_wide_lanes(const RowSum& a) {
  constexpr int kVectors = kWidth / kLanes32;
  const std::int32_t* weight = static_cast<const std::int32_t*>(a.weight);
  std::int32_t* sums = static_cast<std::int32_t*>(a.sums);
  for (int t = 0; t < a.tile_count; ++t) {
    const std::int32_t* tile = weight + std::ptrdiff_t(a.tiles[t]) * kWidth;
    const std::uint32_t* starts = a.starts + t;
    for (int p = 0; p < a.pairs; ++p, starts += a.tile_count + 1) {
      std::int32_t* own = sums + p * a.stride;
      for (std::uint32_t e = starts[0]; e < starts[1]; ++e) {
        const std::int32_t* row = tile + std::ptrdiff_t(a.events[e]) * kWidth;
        for (int i = 0; i < kVectors; ++i) {
          store(own + i * kLanes32, load<U32>(own + i * kLanes32) + load<U32>(row + i * kLanes32));
        }
      }
    }
  }
}

void row_sum_narrow(const RowSum& a) {
  a.width == kBlock ? row_sum_narrow_lanes<kBlock>(a) : row_sum_narrow_lanes<kGranule>(a);
}
void row_sum_tiled(const RowSum& a) {
  a.width == kBlock ? row_sum_tiled_lanes<kBlock>(a) : row_sum_tiled_lanes<kGranule>(a);
}
void row_sum_wide(const RowSum& a) {
  a.width == kBlock ? row_sum_wide_lanes<kBlock>(a) : row_sum_wide_lanes<kGranule>(a);
}

inline U32 load_weights(const std::int16_t* from) { return load_narrow(from); }
inline U32 load_weights(const std::int32_t* from) { return load<U32>(from); }

template <class Weight, int kWidth>
void graded_sum_lanes(const GradedSum& a) {
  constexpr int kVectors = kWidth / kLanes32;
  const Weight* weight = static_cast<const Weight*>(a.weight);
  for (int p = 0; p < a.pairs; ++p) {
    std::int32_t* own = a.sums + p * a.stride;
    U32 held[kVectors];
    unrolled<kVectors>([&](int i) { held[i] = load<U32>(own + i * kLanes32); });
    for (std::uint32_t e = a.starts[p]; e < a.starts[p + 1]; ++e) {
      const Weight* row = weight + std::ptrdiff_t(a.inputs[e]) * kWidth;
      const U32 message = splat(static_cast<std::uint32_t>(a.messages[e]));
      const bool small = a.messages[e] == static_cast<std::int16_t>(a.messages[e]);
      if (sizeof(Weight) == 2 && small) {
        unrolled<kVectors>([&](int i) {
          held[i] += multiply16(load_weights(row + i * kLanes32), message);
        });
      } else {
        unrolled<kVectors>([&](int i) {
          held[i] += load_weights(row + i * kLanes32) * message;
        });
      }
    }
    unrolled<kVectors>([&](int i) { store(own + i * kLanes32, held[i]); });
  }
}

template <class Weight>
void graded_sum(const GradedSum& a) {
  a.width == kBlock ? graded_sum_lanes<Weight, kBlock>(a) : graded_sum_lanes<Weight, kGranule>(a);
}

// One vector of a tap, added to its sums; a tap holds whole vectors.
inline void add_tap(std::int16_t* sums, const std::int16_t* weight) {
  store(sums, load<Tap16>(sums) + load<Tap16>(weight));
}
inline void add_tap(std::int32_t* sums, const std::int32_t* weight) {
  store(sums, load<U32>(sums) + load<U32>(weight));
}

// Every event meets the same number of taps: kernel rows are padded with zero weights and rows of
// sums with cells that are thrown away, so that the loops have a fixed length.
template <class Value, int kTaps, int kWidth>
void tap_sum_fixed(const TapSum& a) {
  constexpr int kStep = sizeof(Value) == 2 ? kTapVector16 : kLanes32;
  // Copies, because the compiler must expect the sums to overlap the record.
  const TapSum own = a;
  const int taps = kTaps > 0 ? kTaps : own.taps;
  const int lanes = kWidth > 0 ? kWidth : own.lanes;
  const std::ptrdiff_t sum_step = own.sum_step, weight_step = own.weight_step;
  for (int e = 0; e < own.count; ++e) {
    const TapStart start = own.starts[own.events[e]];
    for (int t = 0; t < own.targets; ++t) {
      Value* to = static_cast<Value*>(own.sums[t]) + start.sum;
      const Value* from = static_cast<const Value*>(own.weight[t]) + start.weight;
      for (int tap = 0; tap < taps; ++tap, to += sum_step, from += weight_step) {
        for (int i = 0; i < lanes; i += kStep) add_tap(to + i, from + i);
      }
    }
  }
}

template <class Value, int kTaps>
void tap_sum_lanes(const TapSum& a) {
  switch (a.lanes) {
    case 16: return tap_sum_fixed<Value, kTaps, 16>(a);
    case 32: return tap_sum_fixed<Value, kTaps, 32>(a);
    case 48: return tap_sum_fixed<Value, kTaps, 48>(a);
    case 64: return tap_sum_fixed<Value, kTaps, 64>(a);
    default: return tap_sum_fixed<Value, kTaps, 0>(a);
  }
}

template <class Value>
void tap_sum(const TapSum& a) {
  switch (a.taps) {
    case 1: return tap_sum_lanes<Value, 1>(a);
    case 2: return tap_sum_lanes<Value, 2>(a);
    case 3: return tap_sum_lanes<Value, 3>(a);
    case 5: return tap_sum_lanes<Value, 5>(a);
    default: return tap_sum_lanes<Value, 0>(a);
  }
}

void tap_sum_graded(const TapSum& a) {
  for (int e = 0; e < a.count; ++e) {
    const TapStart start = a.starts[a.events[e]];
    const U32 message = splat(static_cast<std::uint32_t>(a.messages[e]));
    for (int t = 0; t < a.targets; ++t) {
      std::int32_t* to = static_cast<std::int32_t*>(a.sums[t]) + start.sum;
      const std::int32_t* from = static_cast<const std::int32_t*>(a.weight[t]) + start.weight;
      for (int tap = 0; tap < a.taps; ++tap, to += a.sum_step, from += a.weight_step) {
        for (int i = 0; i < a.lanes; i += kLanes32) {
          store(to + i, load<U32>(to + i) + load<U32>(from + i) * message);
        }
      }
    }
  }
}

}  // namespace
}  // namespace neurodeploy
