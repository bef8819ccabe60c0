// Registers the training scan and the whole training layer with the compiled module.
#pragma once

#include <nanobind/nanobind.h>

#include <string>

void register_training(nanobind::module_& module);

// The instruction set of that name, the fastest for "". Throws for one that is not here.
std::string instruction_set_named(const std::string& name);

// Number of a surrogate gradient. Throws for a name that the kernels do not know.
int surrogate_named(const std::string& name);

#ifdef __GNUC__  // the layer needs vector types
#define NEURODEPLOY_TRAINING_LAYER
void register_training_layer(nanobind::module_& module);
#endif
