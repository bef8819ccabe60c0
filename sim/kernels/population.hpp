// A population of neurons: its parameters by lane, and the update of one segment.

#pragma once

#include <cstdint>
#include <vector>

#include "kernels.hpp"
#include "layout.hpp"
#include "operation.hpp"
#include "work.hpp"

namespace neurodeploy {

enum class Model {
  kLif,
  kIntegrator,
  kHomeostatic,
  kDelta,
  kSigmaDelta,
  kSigma,
  kResonate,
  kResonateIzhikevich,
};

// A population as it is declared; parameters have one value or one per neuron.
struct NeuronSpec {
  Model model = Model::kLif;
  std::vector<std::vector<std::int32_t>> parameters;  // in the order of the kernels' parameter enums
  std::vector<std::int32_t> bias_mantissa;            // CUBA family
  std::vector<std::int32_t> gain;                     // per step of the sample, or empty
  std::vector<std::int32_t> signature;                // [steps][neurons], or empty
  int reset = kResetZero;
  int theta_shift = 0;
  std::int32_t low = 0, high = 0;
  int message_shift = 0;
  // When it is cleared: column mod interval == reset_column, interval 0 for never.
  std::int64_t reset_interval = 0, reset_column = 0;
  std::int64_t lead = 0;  // column of the first data
};

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

class Population {
 public:
  Population(const NeuronSpec& spec, const Layout& layout);

  bool graded() const;
  // Whether the update reads the currents of that port.
  bool uses_port(int port) const {
    return port == 0 || second_port_ || spec_.model >= Model::kResonate;
  }
  int states() const;
  // Whether 16-bit currents will do, if they come from one connection into the first port.
  bool takes_narrow() const {
    return fast_ && spec_.gain.empty() && spec_.model <= Model::kIntegrator;
  }
  // Told once: bounds of the currents of both ports, and whether anything drives the second.
  void connect(const Bounds& first, const Bounds& second, bool second_port);

  // Whether the update sets the states of a fresh sample by itself.
  bool starts_itself() const {
    return fast_ && always_small_ && spec_.model <= Model::kIntegrator;
  }
  // Fresh states; those that the update makes by itself only if it does not run.
  void initialise(Work& work, int sample, const Layout& layout, bool runs) const;
  Calendar calendar(std::int64_t column, int columns) const;
  // Advances one sample over the columns of the span; `pair` is that of its first column. fresh: they
  // are the first. counts: events of every lane of the node, counted up, or null.
  void update(const KernelTable& kernels, Work& work, const Node& node, const Span& span,
              int sample, const Segment& segment, const Currents* ports, int pair,
              const Calendar& calendar, const Records& records, bool fresh, std::int32_t* counts,
              std::int64_t& u_wraps, std::int64_t& v_saturations) const;

  std::size_t state_at[kStates] = {};

 private:
  struct Laned {
    std::vector<std::int32_t> values;
    int step;
    Parameter at(const Segment& segment) const {
      return {values.data() + std::ptrdiff_t(segment.first_lane / kGranule) * step, step};
    }
  };

  Laned laned(const std::vector<std::int32_t>& values, std::int32_t padding,
              const Layout& layout) const;
  void fill(std::int32_t* state, int parameter, const Layout& layout) const;
  void choose_arithmetic();
  void choose_watch(const Bounds& currents);
  bool cuba() const { return spec_.model <= Model::kHomeostatic; }
  bool fits32(const KernelTable& kernels, const Update& update) const;
  void drive(const KernelTable& kernels, Work& work, const Segment& segment,
             const Currents* ports, int pair, const Span& span, const Calendar& calendar,
             Update& update) const;
  Update prepared(const Work& work, const Node& node, const Span& span, int sample,
                  const Segment& segment, const Calendar& calendar) const;
  std::vector<const std::int32_t*> wanted(const Span& span, const Segment& segment,
                                          const Calendar& calendar) const;
  void run(const KernelTable& kernels, bool narrow, Update& update) const;
  void count(const KernelTable& kernels, const Update& call) const;
  void hand_out(const Layout& layout, const Span& span, const Segment& segment, const Update& call,
                const Records& records) const;
  std::int32_t gain_at(std::int64_t step) const;

  NeuronSpec spec_;
  int lanes_;
  std::vector<Laned> parameters_;
  Laned bias_mantissa_;
  std::vector<std::int32_t> signature_;  // [steps][lanes]
  bool fast_ = false;          // parameters suit the 32-bit kernels
  bool always_small_ = false;  // so does every current
  bool second_port_ = false;
  bool plain_ = false;  // no bias, reset to zero
  int watch_ = kWatchBoth;
  std::int32_t largest_gain_ = 64;
};

}  // namespace neurodeploy
