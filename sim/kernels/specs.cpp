#include "specs.hpp"

#include <nanobind/stl/array.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

namespace neurodeploy {

using namespace nb::literals;

namespace {

std::vector<std::int32_t> copied(const nb::object& value, const char* what) {
  if (value.is_none()) return {};
  const auto array = array_of<Column>(value, what);
  return {array.data(), array.data() + array.size()};
}

int reset_named(const std::string& name) {
  static const char* const kNames[] = {"zero", "subtract", "none", ""};  // by Reset
  for (int reset = kResetZero; reset <= kNoSpike; ++reset) {
    if (name == kNames[reset]) return reset;
  }
  throw nb::value_error(("no such reset: " + name).c_str());
}

template <class Entry>
std::vector<std::string> names_of(const Facts<Entry>& facts) {
  std::vector<std::string> names;
  for (const Entry& entry : facts) names.emplace_back(entry.name);
  return names;
}

std::vector<const ModelFacts*> models() {
  std::vector<const ModelFacts*> result;
  for (const ModelFacts& model : kModels) result.push_back(&model);
  return result;
}

}  // namespace

PopulationSpec PopulationRecord::spec() const {
  PopulationSpec spec;
  spec.model = model_named(model);
  require(spec.model != nullptr, "no such neuron model: " + model);
  const std::size_t size = std::size_t(shape[0]) * shape[1] * shape[2];
  const Facts<ParameterFacts>& facts = spec.model->parameters;
  require(parameters.size() == std::size_t(facts.count), model + ": wrong number of parameters");
  for (const ParameterFacts& fact : facts) {
    require(parameters.contains(fact.name), model + ": " + fact.name + " is missing");
    spec.parameters.push_back(copied(parameters[fact.name], fact.name));
    const std::size_t found = spec.parameters.back().size();
    require(found == 1 || found == size, model + ": " + fact.name + " has a wrong size");
  }
  spec.gain = copied(gain, "gain");
  require(spec.gain.empty() || spec.model->driven, model + ": has no gain");
  spec.signature = copied(signature, "signature");
  require(spec.model->moves == !spec.signature.empty(), model + ": signature has a wrong size");
  require(spec.signature.size() % size == 0, model + ": signature has a wrong size");
  spec.reset = reset_named(reset);
  require(spec.model->fires == (spec.reset != kNoSpike), model + ": wrong reset " + reset);
  spec.theta_shift = theta_shift;
  spec.low = low;
  spec.high = high;
  spec.message_shift = message_shift;
  spec.reset_interval = reset_interval;
  spec.reset_column = reset_column;
  spec.lead = lead;
  return spec;
}

void register_specs(nb::module_& module) {
  nb::class_<ModelFacts>(module, "Model", "What is true of a neuron model in these kernels.")
      .def_prop_ro("name", [](const ModelFacts& model) { return std::string(model.name); })
      .def_prop_ro("states", [](const ModelFacts& model) { return names_of(model.states); })
      .def_prop_ro("parameters", [](const ModelFacts& model) { return names_of(model.parameters); })
      .def_prop_ro("ports", [](const ModelFacts& model) { return names_of(model.ports); })
      .def_ro("graded", &ModelFacts::graded)
      .def_ro("gain", &ModelFacts::driven)
      .def_ro("fires", &ModelFacts::fires)
      .def_ro("cleared", &ModelFacts::cleared);
  module.def("models", &models, nb::rv_policy::reference, "The neuron models that the kernels have.");
  nb::class_<PopulationRecord>(module, "Population", "A population as the kernels take it.")
      .def(nb::init<>())
      .def_rw("shape", &PopulationRecord::shape)
      .def_rw("by_rows", &PopulationRecord::by_rows)
      .def_rw("model", &PopulationRecord::model)
      .def_rw("parameters", &PopulationRecord::parameters)
      .def_rw("gain", &PopulationRecord::gain, nb::arg().none())
      .def_rw("signature", &PopulationRecord::signature, nb::arg().none())
      .def_rw("reset", &PopulationRecord::reset)
      .def_rw("theta_shift", &PopulationRecord::theta_shift)
      .def_rw("low", &PopulationRecord::low)
      .def_rw("high", &PopulationRecord::high)
      .def_rw("message_shift", &PopulationRecord::message_shift)
      .def_rw("reset_interval", &PopulationRecord::reset_interval)
      .def_rw("reset_column", &PopulationRecord::reset_column)
      .def_rw("lead", &PopulationRecord::lead);
  nb::class_<EdgeRecord>(module, "Edge", "A connection, or a part of one, as the kernels take it.")
      .def(nb::init<>())
      .def_rw("population", &EdgeRecord::population)
      .def_rw("port", &EdgeRecord::port)
      .def_rw("source", &EdgeRecord::source)
      .def_rw("lag", &EdgeRecord::lag)
      .def_rw("graded", &EdgeRecord::graded)
      .def_rw("weight", &EdgeRecord::weight, nb::arg().none())
      .def_rw("columns", &EdgeRecord::columns)
      .def_rw("row_delays", &EdgeRecord::row_delays)
      .def_rw("delays", &EdgeRecord::delays, nb::arg().none())
      .def_rw("shift", &EdgeRecord::shift)
      .def_rw("stride", &EdgeRecord::stride)
      .def_rw("padding", &EdgeRecord::padding)
      .def_rw("dilation", &EdgeRecord::dilation)
      .def_rw("groups", &EdgeRecord::groups);
}

}  // namespace neurodeploy
