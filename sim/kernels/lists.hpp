// Lists of active inputs, event counts, and element-wise operations.

#pragma once

#include "arithmetic.hpp"
#include "kernels.hpp"
#include "lanes.hpp"

namespace neurodeploy {
namespace {

#ifdef NEURODEPLOY_AVX512_INTRINSICS

// Bytes 0/1 as bits; of up to 64.
inline __mmask64 bits_of_row(const std::uint8_t* row, std::ptrdiff_t size) {
  const __mmask64 held = size >= 64 ? ~__mmask64(0) : (__mmask64(1) << size) - 1;
  const __m512i bytes = _mm512_maskz_loadu_epi8(held, row);
  return _mm512_test_epi8_mask(bytes, bytes);
}

inline int count_bits(std::uint64_t bits) { return int(_mm_popcnt_u64(bits)); }

inline __m512i counted_from(std::uint32_t base) {
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return _mm512_add_epi32(lanes, _mm512_set1_epi32(std::int32_t(base)));
}

inline void append_lanes(__m512i values, __mmask16 chosen, std::uint16_t* to) {
  store(to, _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(chosen, values)));
}
inline void append_lanes(__m512i values, __mmask16 chosen, std::uint32_t* to) {
  store(to, _mm512_maskz_compress_epi32(chosen, values));
}

// Appends base + position of every set byte of a row.
template <class Index>
inline std::uint32_t append_row(const std::uint8_t* row, std::ptrdiff_t size, Index* to) {
  std::uint32_t n = 0;
  for (std::ptrdiff_t j = 0; j < size; j += 64) {
    __mmask64 bits = bits_of_row(row + j, size - j);
    for (std::uint32_t base = std::uint32_t(j); bits != 0; base += kLanes32, bits >>= kLanes32) {
      const __mmask16 own = __mmask16(bits);
      append_lanes(counted_from(base), own, to + n);
      n += std::uint32_t(_mm_popcnt_u32(own));
    }
  }
  return n;
}

std::uint32_t list_tiles(const std::uint8_t* row, const std::int32_t* tiles, int tile_count,
                         std::uint32_t base, std::uint16_t* events, std::uint32_t* starts) {
  std::uint32_t n = 0;
  for (int t = 0; t < tile_count; ++t) {
    starts[t] = base + n;
    n += append_row(row + tiles[t], tiles[t + 1] - tiles[t], events + n);
  }
  starts[tile_count] = base + n;
  return n;
}

// The four bits of each group lie in a lane of their own, low groups in the even lanes, high ones in
// the odd.
std::uint32_t list_subsets(const std::uint8_t* row, const std::int32_t* tiles, int tile_count,
                           std::uint32_t base, std::uint16_t* events, std::uint32_t* starts) {
  const __m512i shifts = _mm512_setr_epi32(0, 0, 4, 4, 8, 8, 12, 12, 16, 16, 20, 20, 24, 24, 28, 28);
  const __m512i firsts =
      _mm512_setr_epi32(0, 128, 16, 144, 32, 160, 48, 176, 64, 192, 80, 208, 96, 224, 112, 240);
  const __m512i four_bits = _mm512_set1_epi32((1 << kSubsetInputs) - 1);
  std::uint32_t n = 0;
  for (int t = 0; t < tile_count; ++t) {
    starts[t] = base + n;
    for (std::int32_t j = tiles[t]; j < tiles[t + 1]; j += 64) {
      const __m512i bits =
          _mm512_set1_epi64(std::int64_t(bits_of_row(row + j, tiles[t + 1] - j)));
      const __m512i subsets = _mm512_and_si512(_mm512_srlv_epi32(bits, shifts), four_bits);
      const __m512i first = _mm512_set1_epi32((j - tiles[t]) / kInputGroup * kSubsets);
      const __mmask16 active = _mm512_test_epi32_mask(subsets, subsets);
      append_lanes(_mm512_add_epi32(_mm512_add_epi32(subsets, firsts), first), active, events + n);
      n += std::uint32_t(_mm_popcnt_u32(active));
    }
  }
  starts[tile_count] = base + n;
  return n;
}

std::uint32_t list_bytes(const std::uint8_t* row, int size, std::uint32_t* events) {
  return append_row(row, size, events);
}

#else

struct Positions {
  std::uint8_t at[256][kInputGroup];
  std::uint8_t count[256];
};

constexpr Positions positions_of_set_bits() {
  Positions table{};
  for (int mask = 0; mask < 256; ++mask) {
    int n = 0;
    for (int bit = 0; bit < kInputGroup; ++bit) {
      if (mask & (1 << bit)) table.at[mask][n++] = std::uint8_t(bit);
    }
    table.count[mask] = std::uint8_t(n);
  }
  return table;
}

constexpr Positions kPositions = positions_of_set_bits();

// Eight bytes 0/1 as the bits of one byte, the first in bit 0 (little-endian).
inline unsigned bits_of_bytes(const std::uint8_t* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return unsigned((word * 0x0102040810204080ULL) >> 56);
}

inline int count_bits(std::uint64_t bits) {
  int count = 0;
  for (; bits != 0; bits >>= 8) count += kPositions.count[bits & 255];
  return count;
}

// Bytes 0/1 as bits; of up to 64.
inline std::uint64_t bits_of_row(const std::uint8_t* row, std::ptrdiff_t size) {
  std::uint64_t bits = 0;
  int j = 0;
  for (; j + kInputGroup <= size && j < 64; j += kInputGroup) {
    bits |= std::uint64_t(bits_of_bytes(row + j)) << j;
  }
  for (; j < size && j < 64; ++j) bits |= std::uint64_t(row[j]) << j;
  return bits;
}

// Appends base + position of every set byte of one group; writes a whole group, advances by the
// number of entries.
template <class Index>
inline std::uint32_t append_group(unsigned bits, Index base, Index* to) {
  for (int i = 0; i < kInputGroup; ++i) to[i] = Index(base + kPositions.at[bits][i]);
  return kPositions.count[bits];
}

std::uint32_t list_tiles(const std::uint8_t* row, const std::int32_t* tiles, int tile_count,
                         std::uint32_t base, std::uint16_t* events, std::uint32_t* starts) {
  std::uint32_t n = 0;
  for (int t = 0; t < tile_count; ++t) {
    starts[t] = base + n;
    for (std::int32_t j = tiles[t]; j < tiles[t + 1]; j += kInputGroup) {
      n += append_group(bits_of_bytes(row + j), std::uint16_t(j - tiles[t]), events + n);
    }
  }
  starts[tile_count] = base + n;
  return n;
}

std::uint32_t list_subsets(const std::uint8_t* row, const std::int32_t* tiles, int tile_count,
                           std::uint32_t base, std::uint16_t* events, std::uint32_t* starts) {
  constexpr unsigned kRows = 1u << kSubsetInputs;
  std::uint32_t n = 0;
  for (int t = 0; t < tile_count; ++t) {
    starts[t] = base + n;
    unsigned first = 0;
    for (std::int32_t j = tiles[t]; j < tiles[t + 1]; j += kInputGroup, first += kSubsets) {
      const unsigned bits = bits_of_bytes(row + j);
      events[n] = std::uint16_t(first + bits % kRows);
      n += bits % kRows != 0;
      events[n] = std::uint16_t(first + kRows + bits / kRows);
      n += bits / kRows != 0;
    }
  }
  starts[tile_count] = base + n;
  return n;
}

std::uint32_t list_bytes(const std::uint8_t* row, int size, std::uint32_t* events) {
  std::uint32_t n = 0;
  int j = 0;
  for (; j + kInputGroup <= size; j += kInputGroup) {
    n += append_group(bits_of_bytes(row + j), std::uint32_t(j), events + n);
  }
  for (; j < size; ++j) {
    events[n] = std::uint32_t(j);
    n += row[j];
  }
  return n;
}

#endif

std::uint32_t list_sets(const std::uint8_t* row, int positions, int channels,
                        std::uint32_t* events) {
  const int together = 64 / channels;
  const unsigned all = (1u << channels) - 1;
  std::uint32_t n = 0;
  for (int first = 0; first < positions; first += together) {
    const int held = first + together < positions ? together : positions - first;
    std::uint64_t bits = bits_of_row(row + first * channels, held * channels);
    for (int x = first; bits != 0; ++x, bits >>= channels) {
      const unsigned set = unsigned(bits) & all;
      events[n] = (std::uint32_t(x) << channels) + set;
      n += set != 0;
    }
  }
  return n;
}

std::uint32_t list_values(const std::int32_t* row, int size, std::uint32_t* events,
                          std::int32_t* messages) {
  std::uint32_t n = 0;
  for (int j = 0; j < size; ++j) {
    events[n] = std::uint32_t(j);
    messages[n] = row[j];
    n += row[j] != 0;
  }
  return n;
}

void add(std::int32_t* target, const std::int32_t* values, std::ptrdiff_t size) {
  for (std::ptrdiff_t i = 0; i < size; ++i) target[i] = add32(target[i], values[i]);
}

void add_narrow(std::int32_t* target, const std::int16_t* values, std::ptrdiff_t size) {
  for (std::ptrdiff_t i = 0; i < size; ++i) target[i] = add32(target[i], values[i]);
}

void shift_right(std::int32_t* values, std::ptrdiff_t size, int bits) {
  for (std::ptrdiff_t i = 0; i < size; ++i) values[i] >>= bits;
}

void wrap24(std::int32_t* values, std::ptrdiff_t size) {
  for (std::ptrdiff_t i = 0; i < size; ++i) values[i] = shift_left32(values[i], 8) >> 8;
}

void scale(std::int32_t* values, std::ptrdiff_t size, std::int32_t factor) {
  for (std::ptrdiff_t i = 0; i < size; ++i) values[i] = multiply32(values[i], factor);
}

void drive_bias(std::int32_t* target, const Parameter& mantissa, const std::int32_t* input,
                int lanes, std::int32_t gain) {
  for (int g = 0; g < lanes; g += kGranule) {
    const std::int32_t* own = mantissa.values + std::ptrdiff_t(g / kGranule) * mantissa.step;
    for (int l = 0; l < kGranule; ++l) {
      const std::int32_t sum = add32(own[l], input ? input[g + l] : 0);
      target[g + l] = (shift_left32(sum, 16) >> 16) * gain;
    }
  }
}

bool within(const std::int32_t* values, std::ptrdiff_t size, std::int32_t limit) {
  std::int32_t low = 0, high = 0;
  for (std::ptrdiff_t i = 0; i < size; ++i) {
    low = values[i] < low ? values[i] : low;
    high = values[i] > high ? values[i] : high;
  }
  return low >= -limit && high <= limit;
}

std::int64_t count_row(const std::uint8_t* row, std::ptrdiff_t size) {
  std::int64_t total = 0;
  for (std::ptrdiff_t j = 0; j < size; j += 64) {
    total += count_bits(bits_of_row(row + j, size - j));
  }
  return total;
}

std::int64_t count_subsets(const std::uint8_t* row, std::ptrdiff_t size) {
  std::int64_t total = 0;
  for (std::ptrdiff_t j = 0; j < size; j += 64) {
    std::uint64_t bits = bits_of_row(row + j, size - j);
    bits |= bits >> 1;
    bits |= bits >> 2;
    total += count_bits(bits & 0x1111111111111111ULL);
  }
  return total;
}

void nonzero_bytes(const std::uint8_t* values, std::ptrdiff_t size, std::uint8_t* target) {
  for (std::ptrdiff_t i = 0; i < size; ++i) target[i] = values[i] != 0;
}

void nonzero_values(const std::int32_t* values, std::ptrdiff_t size, std::uint8_t* target) {
  for (std::ptrdiff_t i = 0; i < size; ++i) target[i] = values[i] != 0;
}

void widen_bytes(const std::uint8_t* values, std::ptrdiff_t size, std::int32_t* target) {
  for (std::ptrdiff_t i = 0; i < size; ++i) target[i] = values[i];
}

// Byte counters hold up to 255 rows; the caller never passes more.
void count_bytes(const std::uint8_t* rows, std::ptrdiff_t stride, int row_count, int lanes,
                 std::int32_t* counts) {
  typedef Bytes<kGranule> Part;
  constexpr int kPart = int(sizeof(Part));
  for (int g = 0; g < lanes; g += kPart) {
    Part own = {};
    for (int r = 0; r < row_count; ++r) own += load<Part>(rows + r * stride + g);
    std::uint8_t bytes[kPart];
    store(bytes, own);
    for (int l = 0; l < kPart; l += kLanes32) {
      store(counts + g + l, load<U32>(counts + g + l) + load_bytes(bytes + l));
    }
  }
}

void count_values(const std::int32_t* rows, std::ptrdiff_t stride, int row_count, int lanes,
                  std::int32_t* counts) {
  for (int r = 0; r < row_count; ++r) {
    const std::int32_t* row = rows + r * stride;
    for (int l = 0; l < lanes; ++l) counts[l] += row[l] != 0;
  }
}

std::int64_t total(const std::int32_t* counts, int size) {
  std::int64_t sum = 0;
  for (int i = 0; i < size; ++i) sum += counts[i];
  return sum;
}

std::int32_t dot_narrow(const std::int32_t* counts, const std::int32_t* weights, int size) {
  std::uint32_t sum = 0;
  for (int i = 0; i < size; ++i) sum += std::uint32_t(counts[i]) * std::uint32_t(weights[i]);
  return std::int32_t(sum);
}

std::int64_t dot(const std::int32_t* counts, const std::int32_t* weights, int size) {
  std::int64_t total = 0;
  for (int i = 0; i < size; ++i) total += std::int64_t(counts[i]) * weights[i];
  return total;
}

}  // namespace
}  // namespace neurodeploy
