// Registers the training scan and the whole training layer with the compiled module.
#pragma once

#include <nanobind/nanobind.h>

void register_training(nanobind::module_& module);

#ifdef __GNUC__  // the layer needs vector types
#define NEURODEPLOY_TRAINING_LAYER
void register_training_layer(nanobind::module_& module);
#endif
