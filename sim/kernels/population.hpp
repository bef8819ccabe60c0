// A population of neurons: its parameters by lane, and the update of one segment.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "faults.hpp"
#include "kernels.hpp"
#include "layout.hpp"
#include "operation.hpp"
#include "population_spec.hpp"
#include "report.hpp"
#include "work.hpp"

namespace neurodeploy {

// What the columns of a chunk mean to one population.
struct Calendar {
  std::vector<std::uint8_t> clear;
  std::vector<std::int64_t> step;  // of the sample; negative before its first data
};

// Where the recorded variables of a population go: [sample][step][neuron], or null.
struct Records {
  void* sent = nullptr;  // uint8 or int32
  std::int32_t* state[kStates] = {};

  // The same, `offset` neurons further.
  Records from(std::ptrdiff_t offset) const {
    Records result = *this;
    for (std::int32_t*& variable : result.state) {
      if (variable) variable += offset;
    }
    return result;
  }
};

// A parameter by lane, or one granule of equal values (step 0).
struct LanedParameter {
  std::vector<std::int32_t> values;
  int step;
  Parameter at(const Segment& segment) const {
    return {values.data() + std::ptrdiff_t(segment.first_lane / kGranule) * step, step};
  }
};

// Parameters that one sample has for itself; no bound holds for its states. fast: they suit the 32-bit
// kernels.
struct OwnParameters {
  struct Entry {
    int parameter;
    LanedParameter values;
  };
  std::vector<Entry> entries;
  LanedParameter bias_mantissa;  // without values if it is that of all
  bool fast;

  const LanedParameter* find(int parameter) const {
    for (const Entry& entry : entries) {
      if (entry.parameter == parameter) return &entry.values;
    }
    return nullptr;
  }
};

class Population {
 public:
  Population(const KernelTable& kernels, PopulationSpec spec, const Layout& layout);

  const ModelFacts& model() const { return *spec_.model; }
  bool graded() const { return model().graded; }
  // Whether the update reads the currents of that port.
  bool uses_port(int port) const { return port == 0 || second_port_ || model().turned; }
  int states() const { return model().states.count; }
  // Told once: bounds of the currents of both ports, whether anything drives the second, and whether
  // the first can deliver 16 bits. Returns whether it is to.
  bool connect(const Bounds& first, const Bounds& second, bool second_port, bool narrow);
  const PopulationReport& report() const { return report_; }
  std::size_t bytes() const;

  // Whether the update sets the states of a fresh sample by itself.
  bool starts_itself() const { return fast_ && always_small_ && model().bounded; }
  // Fresh states; those that the update makes by itself only if it does not run.
  void initialise(Work& work, int sample, const Layout& layout, bool runs) const;
  Calendar calendar(std::int64_t column, int columns) const;
  // The parameters of a sample with those faults; neurons that are saturated start at the top.
  OwnParameters own(const Layout& layout, Placed<ParameterFault>::Range changed,
                    Placed<NeuronFault>::Range broken) const;
  // Fresh states of one segment.
  void start(Work& work, int sample, const Segment& segment, const OwnParameters& own) const;
  // Advances one sample over the columns of the span; `pair` is that of its first column. own: what it
  // has for itself, or null. fresh: they are the first columns. counts: events of every lane of the
  // node, counted up, or null.
  void update(const KernelTable& kernels, Work& work, const Node& node, const Span& span,
              int sample, const Segment& segment, const Currents* ports, int pair,
              const Calendar& calendar, const Records& records, const OwnParameters* own,
              bool fresh, std::int32_t* counts,
              std::int64_t& u_wraps, std::int64_t& v_saturations) const;

  std::size_t state_at[kStates] = {};

 private:
  LanedParameter laned(const std::vector<std::int32_t>& values, std::int32_t padding,
              const Layout& layout) const;
  void fill(std::int32_t* state, int parameter, const Layout& layout) const;
  void lay_out_signature(const Layout& layout);
  std::string reason_against_32_bits() const;
  void choose_arithmetic();
  void choose_watch(const Bounds& currents);
  void change(LanedParameter& parameter, const Layout& layout, int first, int last,
              std::int32_t value) const;
  const LanedParameter& parameter(int index, const OwnParameters* own) const;
  bool fits32(const KernelTable& kernels, const Update& update, const OwnParameters* own) const;
  void drive(const KernelTable& kernels, Work& work, const Segment& segment,
             const Currents* ports, int pair, const Span& span, const Calendar& calendar,
             const OwnParameters* own, Update& update) const;
  Update prepared(const Work& work, const Node& node, const Span& span, int sample,
                  const Segment& segment, const Calendar& calendar,
                  const OwnParameters* own) const;
  std::vector<const std::int32_t*> wanted(const Span& span, const Segment& segment,
                                          const Calendar& calendar) const;
  void run(const KernelTable& kernels, bool narrow, const OwnParameters* own,
           Update& update) const;
  void count(const KernelTable& kernels, const Update& call) const;
  void hand_out(const Layout& layout, const Span& span, const Segment& segment, const Update& call,
                const Records& records) const;
  std::int32_t gain_at(std::int64_t step) const;

  const UpdateKernels& kernels_;
  PopulationSpec spec_;  // its arrays are dropped when they are laid out
  int lanes_;
  std::vector<LanedParameter> parameters_;
  LanedParameter bias_mantissa_;
  PopulationReport report_;
  std::vector<std::int32_t> signature_;  // [steps][lanes]
  bool fast_ = false;          // parameters suit the 32-bit kernels
  bool always_small_ = false;  // so does every current
  bool second_port_ = false;
  bool plain_ = false;  // no bias, reset to zero
  int watch_ = kWatchBoth;
  std::int32_t largest_gain_ = kUnity;
};

}  // namespace neurodeploy
