// Peaks of one core that bound the kernels, for the roofline; compiled and run by peaks.py.
//
// Prints JSON. Rates count 64-byte vectors, whatever the width that the processor has:
//   dot_products   4-way dot products of bytes (vpdpbusd), registers only; 0 without the instruction
//   adds_l1        loads and 16-bit additions of vectors from 16 KB
//   adds_l2        the same from 256 KB
//   updates        CUBA-LIF neuron updates, u and v in registers, currents and spikes in L1
// Every rate is the best of several turns, in operations per second of CPU time.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

namespace {

constexpr int kSteps = 16;
constexpr int kNeurons = 64;
constexpr int kTurns = 7;
constexpr double kTurnSeconds = 0.03;
constexpr int kCalls = 1000;  // between two looks at the clock, which are slow

double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

volatile std::uint64_t sink;

// Operations per second of `work`, which does `operations` of them and returns something to keep.
template <class Work>
double peak(double operations, const Work& work) {
  double best = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    long calls = 0;
    const double start = cpu_seconds();
    double taken = 0;
    while (taken < kTurnSeconds) {
      for (int i = 0; i < kCalls; ++i, ++calls) sink = sink + work();
      taken = cpu_seconds() - start;
    }
    const double rate = operations * double(calls) / taken;
    best = rate > best ? rate : best;
  }
  return best;
}

template <class T>
T* allocate(std::size_t count) {
  void* memory = std::aligned_alloc(64, (count * sizeof(T) + 63) / 64 * 64);
  if (memory == nullptr) std::abort();
  std::memset(memory, 0, count * sizeof(T));
  return static_cast<T*>(memory);
}

#if defined(__AVX512BW__) && defined(__AVX512VNNI__)

const char* kLevel = "avx512";

// Calls f(0) to f(kCount - 1) with constants, so that arrays of vectors stay in registers.
template <class F, int... kIndex>
inline void each(std::integer_sequence<int, kIndex...>, const F& f) {
  (f(kIndex), ...);
}
template <int kCount, class F>
inline void each(const F& f) {
  each(std::make_integer_sequence<int, kCount>(), f);
}

template <int kCount>
inline std::uint64_t total(const __m512i* sums) {
  __m512i all = sums[0];
  each<kCount>([&](int j) { all = _mm512_xor_si512(all, sums[j]); });
  return std::uint64_t(_mm_cvtsi128_si64(_mm512_castsi512_si128(all)));
}

// `a` and `b` are hidden from the compiler, and chains differ, so that nothing is computed once only.
double dot_products() {
  constexpr int kSums = 12;
  return peak(kSums * 1000.0, [] {
    __m512i sums[kSums], a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(3);
    asm volatile("" : "+v"(a), "+v"(b));
    each<kSums>([&](int j) { sums[j] = _mm512_set1_epi32(j); });
    for (int i = 0; i < 1000; ++i) {
      each<kSums>([&](int j) {
        sums[j] = _mm512_dpbusd_epi32(sums[j], a, b);
      });
    }
    return total<kSums>(sums);
  });
}

// Written out, because compilers move the sums between registers.
double adds(std::size_t bytes) {
  auto* rows = allocate<std::uint8_t>(bytes);
  const double rate = peak(double(bytes) / 64, [=] {
    const std::uint8_t *row = rows, *end = rows + bytes;
    asm volatile(
        "1: vpaddw (%0), %%zmm16, %%zmm16\n"
        "vpaddw 64(%0), %%zmm17, %%zmm17\n"
        "vpaddw 128(%0), %%zmm18, %%zmm18\n"
        "vpaddw 192(%0), %%zmm19, %%zmm19\n"
        "vpaddw 256(%0), %%zmm20, %%zmm20\n"
        "vpaddw 320(%0), %%zmm21, %%zmm21\n"
        "vpaddw 384(%0), %%zmm22, %%zmm22\n"
        "vpaddw 448(%0), %%zmm23, %%zmm23\n"
        "add $512, %0\n"
        "cmp %1, %0\n"
        "jne 1b\n"
        : "+r"(row)
        : "r"(end)
        : "memory", "cc", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23");
    return std::uint64_t(0);
  });
  std::free(rows);
  return rate;
}

// x * keep / 4096 toward zero, for |x| < 2^27 and 0 <= keep <= 4096.
inline __m512i decayed(__m512i x, __m512i keep) {
  const __m512i upward = _mm512_maskz_mov_epi32(_mm512_movepi32_mask(x), _mm512_set1_epi32(4095));
  const __m512i low = _mm512_and_si512(x, _mm512_set1_epi32(4095));
  const __m512i part = _mm512_srli_epi32(_mm512_dpwssd_epi32(upward, low, keep), 12);
  return _mm512_dpwssd_epi32(part, _mm512_srai_epi32(x, 12), keep);
}

// All steps of kNeurons neurons: currents int16, v clamped, reset to zero, spikes as bytes 0/1.
std::uint64_t scan(const std::int16_t* currents, std::uint8_t* spikes, int threshold) {
  const __m512i keep_u = _mm512_set1_epi32(3072), keep_v = _mm512_set1_epi32(3584);
  const __m512i limit = _mm512_set1_epi32(threshold);
  const __m512i top = _mm512_set1_epi32((1 << 23) - 1), bottom = _mm512_set1_epi32(1 - (1 << 23));
  const __m128i one = _mm_set1_epi8(1);
  __m512i u[4], v[4];
  each<4>([&](int i) { u[i] = v[i] = _mm512_setzero_si512(); });
  for (int k = 0; k < kSteps; ++k, currents += kNeurons, spikes += kNeurons) {
    each<4>([&](int i) {
      const auto* from = reinterpret_cast<const __m256i*>(currents + 16 * i);
      const __m512i a = _mm512_cvtepi16_epi32(_mm256_load_si256(from));
      u[i] = _mm512_dpwssd_epi32(decayed(u[i], keep_u), a, _mm512_set1_epi32(64));
      v[i] = _mm512_add_epi32(decayed(v[i], keep_v), u[i]);
      v[i] = _mm512_max_epi32(_mm512_min_epi32(v[i], top), bottom);
      const __mmask16 fired = _mm512_cmpgt_epi32_mask(v[i], limit);
      v[i] = _mm512_maskz_mov_epi32(_knot_mask16(fired), v[i]);
      auto* to = reinterpret_cast<__m128i*>(spikes + 16 * i);
      _mm_store_si128(to, _mm_maskz_mov_epi8(fired, one));
    });
  }
  return spikes[-1];
}

#else

#ifdef __AVX2__
const char* kLevel = "avx2";
#else
const char* kLevel = "portable";
#endif

double dot_products() { return 0; }

double adds(std::size_t bytes) {
  const std::size_t values = bytes / 2;
  auto* rows = allocate<std::uint16_t>(values);
  auto* sums = allocate<std::uint16_t>(128);
  const double rate = peak(double(bytes) / 64, [=] {
    std::uint16_t total[128];
    std::memcpy(total, sums, sizeof total);
    for (std::size_t i = 0; i < values; i += 128) {
      for (int j = 0; j < 128; ++j) total[j] = std::uint16_t(total[j] + rows[i + j]);
    }
    std::memcpy(sums, total, sizeof total);
    return std::uint64_t(total[0]);
  });
  std::free(rows);
  std::free(sums);
  return rate;
}

inline std::int32_t decayed(std::int32_t x, std::int32_t keep) {
  const std::int32_t sign = x >> 31, size = (x ^ sign) - sign;
  const std::int32_t product = (size >> 12) * keep + (((size & 4095) * keep) >> 12);
  return (product ^ sign) - sign;
}

// All steps of kNeurons neurons, 32-bit arithmetic left to the compiler's vectors.
std::uint64_t scan(const std::int16_t* currents, std::uint8_t* spikes, int threshold) {
  constexpr std::int32_t kTop = (1 << 23) - 1;
  std::int32_t u[kNeurons] = {}, v[kNeurons] = {};
  for (int k = 0; k < kSteps; ++k, currents += kNeurons, spikes += kNeurons) {
    for (int i = 0; i < kNeurons; ++i) {
      u[i] = decayed(u[i], 3072) + currents[i] * 64;
      std::int32_t w = decayed(v[i], 3584) + u[i];
      w = w > kTop ? kTop : w < -kTop ? -kTop : w;
      const std::int32_t fired = w > threshold;
      v[i] = fired ? 0 : w;
      spikes[i] = std::uint8_t(fired);
    }
  }
  return spikes[-1];
}

#endif

double updates() {
  auto* currents = allocate<std::int16_t>(kSteps * kNeurons);
  auto* spikes = allocate<std::uint8_t>(kSteps * kNeurons);
  for (int i = 0; i < kSteps * kNeurons; ++i) currents[i] = std::int16_t((i * 7919) % 1201 - 500);
  const double rate = peak(double(kSteps) * kNeurons, [=] { return scan(currents, spikes, 60000); });
  std::free(currents);
  std::free(spikes);
  return rate;
}

}  // namespace

int main() {
  // The first turns bring the clock up.
  updates();
  std::printf("{\"level\": \"%s\", \"dot_products\": %.6e, \"adds_l1\": %.6e, \"adds_l2\": %.6e, "
              "\"updates\": %.6e}\n",
              kLevel, dot_products(), adds(16 * 1024), adds(256 * 1024), updates());
  return 0;
}
