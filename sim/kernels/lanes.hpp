// Vectors of 32-bit and 16-bit integers, as wide as the unit's instruction set.
//
// The including unit defines NEURODEPLOY_VECTOR_BYTES (16, 32 or 64). GCC and Clang get their vector
// extension, any other compiler an array with loops, which it may vectorise. Arithmetic is modulo
// 2^bits throughout, so the types are unsigned; shifts and comparisons say when they mean signed.

#pragma once

#include <cstdint>
#include <cstring>

#include "kernels.hpp"

#if defined(NEURODEPLOY_AVX2_INTRINSICS) || defined(NEURODEPLOY_AVX512_INTRINSICS)
#include <immintrin.h>
#endif

// For functions whose vectors must stay in registers across the call.
#if defined(__GNUC__)
#define NEURODEPLOY_INLINE inline __attribute__((always_inline))
#else
#define NEURODEPLOY_INLINE inline
#endif

// For inner loops that the compiler shall give all registers to.
#if defined(__GNUC__)
#define NEURODEPLOY_SEPARATE __attribute__((noinline))
#else
#define NEURODEPLOY_SEPARATE
#endif

namespace neurodeploy {
namespace {

constexpr int kVectorBytes = NEURODEPLOY_VECTOR_BYTES;
constexpr int kLanes32 = kVectorBytes / 4;
constexpr int kLanes16 = kVectorBytes / 2;
constexpr int kTapVector16 = kLanes16 < kTapLanes ? kLanes16 : kTapLanes;

#if defined(__GNUC__) && !defined(NEURODEPLOY_PLAIN_LANES)

typedef std::uint32_t U32 __attribute__((vector_size(kVectorBytes)));
typedef std::int32_t S32 __attribute__((vector_size(kVectorBytes)));
typedef std::uint16_t U16 __attribute__((vector_size(kVectorBytes)));
typedef std::int16_t HalfS16 __attribute__((vector_size(kVectorBytes / 2)));
typedef std::uint16_t Tap16 __attribute__((vector_size(2 * kTapVector16)));
template <int kSize>
struct BytesOf {
  typedef std::uint8_t Type __attribute__((vector_size(kSize)));
};
typedef std::uint8_t QuarterU8 __attribute__((vector_size(kLanes32)));

inline U32 shift_signed(U32 x, int bits) { return (U32)((S32)x >> bits); }
// All bits set where the signed comparison holds.
inline U32 greater(U32 x, U32 y) { return (U32)((S32)x > (S32)y); }
inline U32 splat(std::uint32_t value) { return U32{} + value; }

inline U32 load_narrow(const std::int16_t* values) {
  HalfS16 half;
  std::memcpy(&half, values, sizeof half);
  return (U32) __builtin_convertvector(half, S32);
}

inline U32 load_bytes(const std::uint8_t* values) {
  QuarterU8 quarter;
  std::memcpy(&quarter, values, sizeof quarter);
  return __builtin_convertvector(quarter, U32);
}

#else

template <class T, int N>
struct Array {
  T lane[N];
  Array operator+(const Array& o) const { return each(o, [](T a, T b) { return T(a + b); }); }
  Array operator-(const Array& o) const { return each(o, [](T a, T b) { return T(a - b); }); }
  Array operator*(const Array& o) const { return each(o, [](T a, T b) { return T(a * b); }); }
  Array operator&(const Array& o) const { return each(o, [](T a, T b) { return T(a & b); }); }
  Array operator|(const Array& o) const { return each(o, [](T a, T b) { return T(a | b); }); }
  Array operator^(const Array& o) const { return each(o, [](T a, T b) { return T(a ^ b); }); }
  Array operator~() const { return each(*this, [](T a, T) { return T(~a); }); }
  Array& operator+=(const Array& o) { return *this = *this + o; }
  Array& operator-=(const Array& o) { return *this = *this - o; }
  Array& operator|=(const Array& o) { return *this = *this | o; }
  Array operator<<(int bits) const { return shifted([bits](T a) { return T(a << bits); }); }
  Array operator>>(int bits) const { return shifted([bits](T a) { return T(a >> bits); }); }

  template <class F>
  Array each(const Array& o, F f) const {
    Array r;
    for (int i = 0; i < N; ++i) r.lane[i] = f(lane[i], o.lane[i]);
    return r;
  }
  template <class F>
  Array shifted(F f) const {
    Array r;
    for (int i = 0; i < N; ++i) r.lane[i] = f(lane[i]);
    return r;
  }
};

typedef Array<std::uint32_t, kLanes32> U32;
typedef Array<std::uint16_t, kLanes16> U16;
typedef Array<std::uint16_t, kTapVector16> Tap16;
template <int kSize>
struct BytesOf {
  typedef Array<std::uint8_t, kSize> Type;
};

inline U32 shift_signed(U32 x, int bits) {
  return x.shifted([bits](std::uint32_t a) { return std::uint32_t(std::int32_t(a) >> bits); });
}
inline U32 greater(U32 x, U32 y) {
  return x.each(y, [](std::uint32_t a, std::uint32_t b) {
    return std::int32_t(a) > std::int32_t(b) ? ~std::uint32_t(0) : std::uint32_t(0);
  });
}
inline U32 splat(std::uint32_t value) {
  U32 r;
  for (int i = 0; i < kLanes32; ++i) r.lane[i] = value;
  return r;
}

inline U32 load_narrow(const std::int16_t* values) {
  U32 r;
  for (int i = 0; i < kLanes32; ++i) r.lane[i] = std::uint32_t(std::int32_t(values[i]));
  return r;
}

inline U32 load_bytes(const std::uint8_t* values) {
  U32 r;
  for (int i = 0; i < kLanes32; ++i) r.lane[i] = values[i];
  return r;
}

#endif

// Bytes of up to kMost lanes.
template <int kMost>
using Bytes = typename BytesOf<(kVectorBytes < kMost ? kVectorBytes : kMost)>::Type;

// Calls f(0) to f(kCount - 1): a loop that is certain to be unrolled, so that arrays of vectors which
// it indexes stay in registers.
template <int kCount, int kFirst = 0, class F>
inline void unrolled(const F& f) {
  if constexpr (kFirst < kCount) {
    f(kFirst);
    unrolled<kCount, kFirst + 1>(f);
  }
}

template <class V>
inline V load(const void* from) {
  V v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <class V>
inline void store(void* to, const V& v) {
  std::memcpy(to, &v, sizeof v);
}

inline U32 select(U32 mask, U32 where_set, U32 elsewhere) {
  return (where_set & mask) | (elsewhere & ~mask);
}

// Spikes per lane of kCount vectors, in bytes: of up to 255 columns.
template <int kCount>
struct SpikeCounts {
  static constexpr int kLanes = kCount * kLanes32;
  typedef Bytes<kLanes> Part;
  static constexpr int kPart = int(sizeof(Part)), kParts = kLanes / kPart;
  Part part[kParts] = {};

  void add_to(std::int32_t* counts) const {
    std::uint8_t bytes[kLanes];
    for (int i = 0; i < kParts; ++i) store(bytes + i * kPart, part[i]);
    for (int l = 0; l < kLanes; l += kLanes32) {
      store(counts + l, load<U32>(counts + l) + load_bytes(bytes + l));
    }
  }
};

#ifdef NEURODEPLOY_AVX512_INTRINSICS

typedef __mmask16 LaneMask;  // one bit per lane

inline __m512i to_register(const U32& x) { return load<__m512i>(&x); }
inline U32 to_lanes(__m512i x) { return load<U32>(&x); }

inline U32 smaller_of(U32 x, U32 y) {
  return to_lanes(_mm512_min_epi32(to_register(x), to_register(y)));
}
inline U32 larger_of(U32 x, U32 y) {
  return to_lanes(_mm512_max_epi32(to_register(x), to_register(y)));
}
inline U32 magnitude(U32 x) { return to_lanes(_mm512_abs_epi32(to_register(x))); }

inline bool any(U32 x) { return _mm512_test_epi32_mask(to_register(x), to_register(x)) != 0; }

// A keep factor f as the pairs of 16 bits (f, -4095) and (4 f, -4 f).
struct Keep {
  __m512i low, high;

  Keep() = default;
  explicit Keep(U32 keep) {
    const __m512i f = to_register(keep), four = _mm512_slli_epi32(f, 2);
    const __m512i minus = _mm512_slli_epi32(_mm512_sub_epi32(_mm512_setzero_si512(), four), 16);
    low = _mm512_or_si512(f, _mm512_set1_epi32(-4095 * 65536));
    high = _mm512_or_si512(four, minus);
  }
};

// x * f / 4096 rounded toward zero, for |x| < 2^27 and 0 <= f <= 4096. Let h = x >> 14, n = 1 if x < 0
// else 0, and l the lower 14 bits of x less 2^14 n: x = 2^14 (h + n) + l, both terms with the sign of x.
// Hence 4 f (h + n) + ((f l + 4095 n) >> 12). The bits of h above its 13 hold -n, and so do those of l
// when they are taken from h: each term is a sum of products of 16-bit pairs, (h, -n) and (l, -n).
inline U32 decay(U32 x, const Keep& keep) {
  constexpr int kSelect = 0xe4;  // the first operand where the third is set, else the second
  const __m512i own = to_register(x), high = _mm512_srai_epi32(own, 14);
  const __m512i low =
      _mm512_ternarylogic_epi32(own, high, _mm512_set1_epi32((1 << 14) - 1), kSelect);
  const __m512i carried = _mm512_srai_epi32(_mm512_madd_epi16(low, keep.low), 12);
  return to_lanes(_mm512_dpwssd_epi32(carried, high, keep.high));
}

// The same for -4096 <= factor <= 4096.
inline U32 rotate(U32 x, U32 factor) {
  const __m512i turned = to_register(decay(x, Keep(magnitude(factor))));
  const __mmask16 negative = _mm512_movepi32_mask(to_register(factor));
  return to_lanes(_mm512_mask_sub_epi32(turned, negative, _mm512_setzero_si512(), turned));
}

// Products of values that fit 16 bits.
inline U32 multiply16(U32 x, U32 y) {
  const __m512i low_half = _mm512_and_si512(to_register(y), _mm512_set1_epi32(0xffff));
  return to_lanes(_mm512_madd_epi16(to_register(x), low_half));
}

// Adds 64 times 16-bit values: again pair products with one half that is zero.
inline U32 add_mantissas(U32 x, const std::int16_t* values) {
  const __m512i wide = _mm512_cvtepu16_epi32(load<__m256i>(values));
  return to_lanes(_mm512_dpwssd_epi32(to_register(x), wide, _mm512_set1_epi32(64)));
}

inline LaneMask at_most(U32 x, U32 y) {
  return _mm512_cmple_epi32_mask(to_register(x), to_register(y));
}
// x where the mask is set, else 0 or another value.
inline U32 kept(U32 x, LaneMask where) {
  return to_lanes(_mm512_maskz_mov_epi32(where, to_register(x)));
}
inline U32 kept(U32 x, LaneMask where, U32 elsewhere) {
  return to_lanes(_mm512_mask_mov_epi32(to_register(elsewhere), where, to_register(x)));
}
inline LaneMask lane_mask(U32 x) { return _mm512_movepi32_mask(to_register(x)); }

// Stores kCount vectors as bytes, 0 where the mask is set, else 1, and adds them to counts of bytes.
template <int kCount>
inline void store_spikes(std::uint8_t* to, const LaneMask* silent, SpikeCounts<kCount>& counts) {
  static_assert(kCount == 2 || kCount == 4, "bytes are stored 32 or 64 at a time");
  const __mmask32 low = _mm512_kunpackw(silent[1], silent[0]);
  if constexpr (kCount == 2) {
    const __m256i bytes = _mm256_mask_mov_epi8(_mm256_set1_epi8(1), low, _mm256_setzero_si256());
    store(to, bytes);
    counts.part[0] += load<typename SpikeCounts<kCount>::Part>(&bytes);
  } else {
    const __mmask64 all = _mm512_kunpackd(_mm512_kunpackw(silent[3], silent[2]), low);
    const __m512i bytes = _mm512_mask_mov_epi8(_mm512_set1_epi8(1), all, _mm512_setzero_si512());
    store(to, bytes);
    counts.part[0] += load<typename SpikeCounts<kCount>::Part>(&bytes);
  }
}

#else

typedef U32 LaneMask;  // all bits of a lane

inline U32 smaller_of(U32 x, U32 y) { return select(greater(x, y), y, x); }
inline U32 larger_of(U32 x, U32 y) { return select(greater(x, y), x, y); }

inline U32 add_mantissas(U32 x, const std::int16_t* values) {
  return x + (load_narrow(values) << 6);
}

inline LaneMask at_most(U32 x, U32 y) { return ~greater(x, y); }
// x where the mask is set, else 0 or another value.
inline U32 kept(U32 x, LaneMask where) { return x & where; }
inline U32 kept(U32 x, LaneMask where, U32 elsewhere) { return select(where, x, elsewhere); }
inline LaneMask lane_mask(U32 x) { return x; }

#if defined(NEURODEPLOY_AVX2_INTRINSICS)

inline __m256i to_register(const U32& x) { return load<__m256i>(&x); }
inline U32 to_lanes(__m256i x) { return load<U32>(&x); }

inline U32 magnitude(U32 x) { return to_lanes(_mm256_abs_epi32(to_register(x))); }

inline bool any(U32 x) { return !_mm256_testz_si256(to_register(x), to_register(x)); }

typedef U32 Keep;

// x * keep / 4096 rounded toward zero, for |x| < 2^27 and 0 <= keep <= 4096. A pair product whose
// upper half is zero is a 16-bit product with a 32-bit result.
inline U32 decay(U32 x, U32 keep) {
  const __m256i size = _mm256_abs_epi32(to_register(x)), factor = to_register(keep);
  const __m256i low_bits = _mm256_and_si256(size, _mm256_set1_epi32(4095));
  const __m256i high = _mm256_madd_epi16(_mm256_srli_epi32(size, 12), factor);
  const __m256i low = _mm256_srli_epi32(_mm256_madd_epi16(low_bits, factor), 12);
  return to_lanes(_mm256_sign_epi32(_mm256_add_epi32(high, low), to_register(x)));
}

// The same for -4096 <= factor <= 4096.
inline U32 rotate(U32 x, U32 factor) {
  const U32 turned = decay(x, magnitude(factor));
  return to_lanes(_mm256_sign_epi32(to_register(turned), to_register(factor)));
}

// Products of values that fit 16 bits.
inline U32 multiply16(U32 x, U32 y) {
  const __m256i low_half = _mm256_and_si256(to_register(y), _mm256_set1_epi32(0xffff));
  return to_lanes(_mm256_madd_epi16(to_register(x), low_half));
}

// Stores the vectors of a granule as bytes, 0 where the mask is set, else 1, and adds them to counts.
template <int kCount>
inline void store_spikes(std::uint8_t* to, const LaneMask* silent, SpikeCounts<kCount>& counts) {
  static_assert(kCount == 4, "a granule has four vectors");
  const __m256i low = _mm256_packs_epi32(to_register(silent[0]), to_register(silent[1]));
  const __m256i high = _mm256_packs_epi32(to_register(silent[2]), to_register(silent[3]));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
  const __m256i spikes = _mm256_add_epi8(bytes, _mm256_set1_epi8(1));
  store(to, spikes);
  counts.part[0] += load<typename SpikeCounts<kCount>::Part>(&spikes);
}

#else

inline U32 magnitude(U32 x) {
  const U32 sign = shift_signed(x, 31);
  return (x ^ sign) - sign;
}

inline bool any(U32 x) {
  std::uint64_t words[kVectorBytes / 8], joined = 0;
  store(words, x);
  for (std::uint64_t word : words) joined |= word;
  return joined != 0;
}

typedef U32 Keep;

// x * keep / 4096 rounded toward zero, for |x| < 2^27 and 0 <= keep <= 4096.
inline U32 decay(U32 x, U32 keep) {
  const U32 sign = shift_signed(x, 31);
  const U32 size = (x ^ sign) - sign;
  const U32 product = (size >> 12) * keep + (((size & splat(4095)) * keep) >> 12);
  return (product ^ sign) - sign;
}

// The same for -4096 <= factor <= 4096.
inline U32 rotate(U32 x, U32 factor) {
  const U32 sign = shift_signed(factor, 31);
  return (decay(x, magnitude(factor)) ^ sign) - sign;
}

// Products of values that fit 16 bits.
inline U32 multiply16(U32 x, U32 y) { return x * y; }

// Stores kCount vectors as bytes, 0 where the mask is set, else 1, and adds them to counts.
template <int kCount>
inline void store_spikes(std::uint8_t* to, const LaneMask* silent, SpikeCounts<kCount>& counts) {
  for (int i = 0; i < kCount; ++i) {
    std::uint32_t lanes[kLanes32];
    store(lanes, silent[i]);
    for (int l = 0; l < kLanes32; ++l) to[i * kLanes32 + l] = std::uint8_t(lanes[l] + 1);
  }
  typedef typename SpikeCounts<kCount>::Part Part;
  for (int i = 0; i < SpikeCounts<kCount>::kParts; ++i) {
    counts.part[i] += load<Part>(to + i * sizeof(Part));
  }
}

#endif
#endif

}  // namespace
}  // namespace neurodeploy
