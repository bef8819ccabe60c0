// Sums of table rows named by patterns, and the patterns of source rows.

#pragma once

#include "kernels.hpp"
#include "lanes.hpp"
#include "lists.hpp"

namespace neurodeploy {
namespace {

// kColumns target columns, kCount vectors of lanes: independent sums, so that a loop over a few
// patterns keeps the processor busy.
template <class V, int kCount, int kColumns>
NEURODEPLOY_SEPARATE void pattern_sum_block(const std::int16_t* table, std::ptrdiff_t table_size,
                                            const std::uint16_t* patterns,
                                            std::ptrdiff_t column_step, const std::int32_t* places,
                                            int count, std::int16_t* sums,
                                            std::ptrdiff_t sums_step) {
  constexpr int kStep = int(sizeof(V) / 2);
  V held[kColumns * kCount] = {};
  for (int p = 0; p < count; ++p, table += table_size) {
    const std::uint16_t* own = patterns + places[p];
    unrolled<kColumns>([&](int c) {
      const std::int16_t* row = table + own[c * column_step];
      unrolled<kCount>([&](int i) { held[c * kCount + i] += load<V>(row + i * kStep); });
    });
  }
  unrolled<kColumns>([&](int c) {
    unrolled<kCount>([&](int i) { store(sums + i * kStep, held[c * kCount + i]); });
    sums += sums_step;
  });
}

constexpr int kMostColumns = 12;
// Sums of a block, so that they fit the registers.
constexpr int kMostHeld = kVectorBytes == 64 ? 24 : 12;

template <int kColumns>
inline void pattern_sum_columns(const PatternSum& a, const PatternRow& row, int x,
                                std::int16_t* sums) {
  const std::int16_t* table = a.table + row.first_table * a.table_size;
  const std::uint16_t* patterns = a.patterns + row.first_pattern + x * a.column_step;
  sums += x * a.sums_step;
  // The last lanes first: what is stored behind those of one column, the first lanes of the next
  // column replace.
  int end = a.lanes;
  const auto block = [&](auto run, int step, int wider) {
    for (; end > 0 && end % wider != 0; end -= step) {
      const int lane = end - step;
      run(table + lane, a.table_size, patterns, a.column_step, a.places, row.tables, sums + lane,
          a.sums_step);
    }
  };
  block(pattern_sum_block<Tap16, 1, kColumns>, kTapVector16, kLanes16);
  if constexpr (2 * kColumns > kMostHeld) {
    block(pattern_sum_block<U16, 1, kColumns>, kLanes16, a.lanes + 1);
  } else {
    block(pattern_sum_block<U16, 1, kColumns>, kLanes16, 2 * kLanes16);
    block(pattern_sum_block<U16, 2, kColumns>, 2 * kLanes16, a.lanes + 1);
  }
}

inline void pattern_sum_row(const PatternSum& a, const PatternRow& row, std::int16_t* sums) {
  int x = 0;
  for (; a.columns - x >= kMostColumns; x += kMostColumns) {
    pattern_sum_columns<kMostColumns>(a, row, x, sums);
  }
  for (; a.columns - x > 6; x += 4) pattern_sum_columns<4>(a, row, x, sums);
  switch (a.columns - x) {
    case 6: return pattern_sum_columns<6>(a, row, x, sums);
    case 5: return pattern_sum_columns<5>(a, row, x, sums);
    case 4: return pattern_sum_columns<4>(a, row, x, sums);
    case 3: return pattern_sum_columns<3>(a, row, x, sums);
    case 2: return pattern_sum_columns<2>(a, row, x, sums);
    case 1: return pattern_sum_columns<1>(a, row, x, sums);
  }
}

void pattern_sum(const PatternSum& call) {
  const PatternSum a = call;
  for (int r = 0; r < a.row_count; ++r) {
    pattern_sum_row(a, a.rows[r], a.sums + r * a.columns * a.sums_step);
  }
}

// A row as bits behind a word of zeros, and zeros behind it.
inline const std::uint8_t* pack_row(const std::uint8_t* row, int size, std::uint64_t* words) {
  const auto* start = reinterpret_cast<const std::uint8_t*>(words);
  *words++ = 0;
  for (int j = 0; j < size; j += 64) *words++ = bits_of_row(row + j, size - j);
  for (int i = 0; i < kWindowSlack; ++i) *words++ = 0;
  return start;
}

#ifdef NEURODEPLOY_AVX512_INTRINSICS

void list_quads(const SourceRows& a) {
  const __m512i shifts = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28);
  const __m512i four_bits = _mm512_set1_epi32((1 << kSubsetInputs) - 1);
  const __m512i factor = _mm512_set1_epi32(a.scale);
  for (int y = 0; y < a.count; ++y) {
    const std::uint8_t* row = a.lanes + a.starts[y];
    std::uint16_t* to = a.patterns + y * a.row_patterns;
    for (int j = 0; j < a.size; j += 64, to += 16) {
      const std::uint64_t bits = bits_of_row(row + j, a.size - j);
      const __m512i halves = _mm512_inserti64x4(_mm512_set1_epi32(std::int32_t(bits)),
                                                _mm256_set1_epi32(std::int32_t(bits >> 32)), 1);
      const __m512i quads = _mm512_and_si512(_mm512_srlv_epi32(halves, shifts), four_bits);
      store(to, _mm512_cvtepi32_epi16(_mm512_madd_epi16(quads, factor)));
    }
  }
}

void list_windows(const SourceRows& a, const Windows& windows) {
  const __m512i lanes = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
  const __m512i shifts = _mm512_mullo_epi64(lanes, _mm512_set1_epi64(windows.step));
  const __m512i kept = _mm512_set1_epi64((1 << windows.bits) - 1);
  const __m512i factor = _mm512_set1_epi64(a.scale);
  const auto cut = [&](std::uint64_t word, __m512i from, std::uint16_t* to) {
    const __m512i moved = _mm512_srlv_epi64(_mm512_set1_epi64(std::int64_t(word)), from);
    store(to, _mm512_cvtepi64_epi16(_mm512_mul_epu32(_mm512_and_si512(moved, kept), factor)));
  };
  // Where one word holds a row and its margins, it never meets memory; shifts by 64 give zeros.
  const bool short_row = windows.margin + a.size <= 64;
  for (int y = 0; y < a.count; ++y) {
    const std::uint8_t* row = a.lanes + a.starts[y];
    std::uint16_t* to = a.patterns + y * a.row_patterns;
    if (short_row) {
      const std::uint64_t word = bits_of_row(row, a.size) << windows.margin;
      for (int w = 0; w < windows.count; w += kPatternWindows) {
        const __m512i from = _mm512_set1_epi64(windows.first + w * windows.step);
        cut(word, _mm512_add_epi64(shifts, from), to + w);
      }
      continue;
    }
    const std::uint8_t* bytes = pack_row(row, a.size, windows.words);
    for (int w = 0; w < windows.count; w += kPatternWindows) {
      const int bit = 64 - windows.margin + windows.first + w * windows.step;
      cut(load<std::uint64_t>(bytes + bit / 8) >> bit % 8, shifts, to + w);
    }
  }
}

#else

void list_quads(const SourceRows& a) {
  for (int y = 0; y < a.count; ++y) {
    const std::uint8_t* row = a.lanes + a.starts[y];
    std::uint16_t* to = a.patterns + y * a.row_patterns;
    for (int j = 0; j < a.size; j += kSubsetInputs) {
      unsigned bits = 0;
      for (int b = 0; b < kSubsetInputs; ++b) bits |= unsigned(row[j + b]) << b;
      *to++ = std::uint16_t(bits * unsigned(a.scale));
    }
  }
}

void list_windows(const SourceRows& a, const Windows& windows) {
  const unsigned kept = (1u << windows.bits) - 1;
  for (int y = 0; y < a.count; ++y) {
    const std::uint8_t* bytes = pack_row(a.lanes + a.starts[y], a.size, windows.words);
    std::uint16_t* to = a.patterns + y * a.row_patterns;
    int bit = 64 - windows.margin + windows.first;
    for (int w = 0; w < windows.count; ++w, bit += windows.step) {
      std::uint16_t word;
      std::memcpy(&word, bytes + bit / 8, sizeof word);
      to[w] = std::uint16_t((unsigned(word) >> bit % 8 & kept) * unsigned(a.scale));
    }
  }
}

#endif

}  // namespace
}  // namespace neurodeploy
