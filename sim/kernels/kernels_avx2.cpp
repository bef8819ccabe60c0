// Kernels for x86-64 processors with AVX2.

#define NEURODEPLOY_VECTOR_BYTES 32
#define NEURODEPLOY_AVX2_INTRINSICS

#include "table.hpp"

namespace neurodeploy {
const KernelTable kAvx2Kernels = kernel_table("avx2");
}
