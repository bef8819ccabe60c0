// Kernels for x86-64 processors with AVX-512 (F, BW, VL, DQ, VNNI): the portable source in vectors of
// 64 bytes; no intrinsics.

#define NEURODEPLOY_VECTOR_BYTES 64

#include "table.hpp"

namespace neurodeploy {
const KernelTable kAvx512Kernels = kernel_table("avx512");
}
