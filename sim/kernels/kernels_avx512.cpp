// Kernels for x86-64 processors with AVX-512 (F, BW, VL, DQ, VNNI).

#define NEURODEPLOY_VECTOR_BYTES 64
#define NEURODEPLOY_AVX512_INTRINSICS

#include "table.hpp"

namespace neurodeploy {
const KernelTable kAvx512Kernels = kernel_table("avx512");
}
