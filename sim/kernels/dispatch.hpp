// Which kernels this build holds and this processor runs.

#pragma once

#include <string>
#include <vector>

#include "kernels.hpp"

namespace neurodeploy {

// Names, fastest first; "portable" is always the last.
std::vector<std::string> instruction_sets();

// Kernels of that name, or of the fastest instruction set for "". Null if it is not among them.
const KernelTable* kernels_for(const std::string& name);

// Whether this processor has vectors of 512 bits, those without dot products included: they do for
// kernels that need none, but "avx512" above means both.
bool has_512_bits();

}  // namespace neurodeploy
