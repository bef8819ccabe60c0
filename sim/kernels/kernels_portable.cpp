// Kernels for the compiler's default target.

#define NEURODEPLOY_VECTOR_BYTES 16

#include "table.hpp"

namespace neurodeploy {
const KernelTable kPortableKernels = kernel_table("portable");
}
