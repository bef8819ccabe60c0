#include "dispatch.hpp"

#if defined(NEURODEPLOY_X86_KERNELS) && defined(_MSC_VER)
#include <immintrin.h>
#include <intrin.h>
#endif

namespace neurodeploy {

namespace {

#ifdef NEURODEPLOY_X86_KERNELS

// Every feature that a unit is compiled for is asked for, and the system's leave to use its registers.
#ifdef _MSC_VER

bool bit(int word, int index) { return (word >> index) & 1; }

struct Features {
  Features() {
    int top[4], basic[4], extended[4] = {};
    __cpuid(top, 0);
    __cpuid(basic, 1);
    if (top[0] >= 7) __cpuidex(extended, 7, 0);
    const unsigned long long saved = bit(basic[2], 27) ? _xgetbv(0) : 0;
    avx2 = bit(extended[1], 5) && bit(basic[2], 23) && (saved & 0x06) == 0x06;
    avx512 = avx2 && bit(extended[1], 16) && bit(extended[1], 17) && bit(extended[1], 30) &&
             bit(extended[1], 31) && (saved & 0xe6) == 0xe6;
    dots = bit(extended[2], 11);
  }
  bool avx2, avx512, dots;
};

bool has_avx2() { return Features().avx2; }
bool has_avx512() { return Features().avx512; }
bool has_dots() { return Features().dots; }

#else

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt"); }

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

bool has_dots() { return __builtin_cpu_supports("avx512vnni"); }

#endif
#endif

std::vector<const KernelTable*> tables() {
  std::vector<const KernelTable*> result;
#ifdef NEURODEPLOY_X86_KERNELS
  if (has_avx512() && has_dots()) result.push_back(&kAvx512Kernels);
  if (has_avx2()) result.push_back(&kAvx2Kernels);
#endif
  result.push_back(&kPortableKernels);
  return result;
}

}  // namespace

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  for (const KernelTable* table : tables()) names.push_back(table->name);
  return names;
}

bool has_512_bits() {
#ifdef NEURODEPLOY_X86_KERNELS
  return has_avx512();
#else
  return false;
#endif
}

const KernelTable* kernels_for(const std::string& name) {
  for (const KernelTable* table : tables()) {
    if (name.empty() || name == table->name) return table;
  }
  return nullptr;
}

}  // namespace neurodeploy
