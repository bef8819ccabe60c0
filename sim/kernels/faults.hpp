// Faults of the samples of one run, as they act: what a connection adds to its currents or sends
// otherwise, parameters of a sample's own, flips of states, neurons that do not send what they should.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "kernel_shape.hpp"
#include "layout.hpp"

namespace neurodeploy {

// What faults need to know of a connection, whatever operations run it.
struct FaultEdge {
  int source = 0;      // node
  int population = 0;  // target
  int port = 0;
  int latency = 0;
  bool graded = false;
  std::vector<std::int32_t> weight;  // [source value][lane of the target], or of the kernel; empty
                                     // where values go straight to the neurons
  std::vector<std::int32_t> delays;  // as a matrix, or empty
  std::vector<int> steps;            // the delays that there are
  int latest = 0;                    // delay that a fault may give
  bool is_kernel = false;
  Kernel kernel{};                   // its weight is not used
  std::int64_t reach = 0;            // of a kernel: the largest sum of the magnitudes of its taps
};

enum class FaultKind { kWeight, kParameter, kState, kNeuron, kMessage };
constexpr int kFaultFields = 8;
// kind, number of the list, place (connection or population), five numbers that depend on the kind.
using FaultFields = std::array<std::int64_t, kFaultFields>;

// A weight that is another. present: whether it is one that counts as a weight now (1), no longer (-1),
// or as before (0).
struct WeightFault {
  std::int64_t list;
  int place, index, delay;
  std::int32_t change;
  int present;
};

// A parameter of the neurons first to last - 1.
struct ParameterFault {
  std::int64_t list;
  int place, parameter, first, last;
  std::int32_t value;
};

// How a word reads once its bits are flipped.
enum class Reading { kFolded, kSaturated, kPlain, kWide };

struct StateFault {
  std::int64_t list;
  int place, state, neuron;
  std::int64_t column;
  std::uint32_t mask;
  Reading reading;

  std::int32_t flipped(std::int32_t value) const;
};

// Neurons first to last - 1.
enum class Broken { kDead, kStuck, kSlow, kSaturated };
struct NeuronFault {
  std::int64_t list;
  int place;
  Broken broken;
  int first, last;
};

// Messages of the source values first to last - 1. column, mask: of a flip; key, limit: of what
// happens at a rate.
enum class Message { kFlipped, kLost, kDoubled, kLate };
struct MessageFault {
  std::int64_t list;
  int place;
  Message message;
  int first, last;
  std::int64_t column;
  std::uint32_t mask;
  std::uint64_t key, limit;

  bool strikes(int edge, std::int64_t column, int source) const;
};

// Faults in the order of list and place.
template <class Fault>
class Placed {
 public:
  struct Range {
    const Fault *first, *last;
    const Fault* begin() const { return first; }
    const Fault* end() const { return last; }
    bool empty() const { return first == last; }
  };

  void add(Fault fault) { faults_.push_back(std::move(fault)); }
  void order() {
    std::stable_sort(faults_.begin(), faults_.end(),
                     [](const Fault& a, const Fault& b) { return key(a) < key(b); });
  }
  Range of(std::int64_t list, int place) const {
    const std::pair<std::int64_t, int> wanted(list, place);
    const auto first = std::lower_bound(
        faults_.begin(), faults_.end(), wanted,
        [](const Fault& fault, const auto& value) { return key(fault) < value; });
    const auto last = std::upper_bound(
        first, faults_.end(), wanted,
        [](const auto& value, const Fault& fault) { return value < key(fault); });
    const Fault* const data = faults_.data();
    return {data + (first - faults_.begin()), data + (last - faults_.begin())};
  }
  bool empty() const { return faults_.empty(); }
  const std::vector<Fault>& all() const { return faults_; }

 private:
  static std::pair<std::int64_t, int> key(const Fault& fault) { return {fault.list, fault.place}; }

  std::vector<Fault> faults_;
};

// What of a population's work is not as usual in one sample.
enum Touch : std::uint8_t {
  kTouchCurrents = 1,  // currents that arrive: wide, and no bound holds
  kTouchUpdate = 2,    // parameters or states
  kTouchSent = 4,
};

// Lists of faults. owners: of every sample, the number of its list; not copied.
class Faults {
 public:
  Faults(const std::int32_t* owners, std::int64_t lists, int populations)
      : owners_(owners), populations_(populations), touched_(std::size_t(lists * populations)) {}

  void add(const FaultFields& fields, const std::vector<FaultEdge>& edges);
  void order();

  std::uint8_t touched(std::int64_t sample, int population) const {
    return touched_[std::size_t(list_of(sample)) * populations_ + population];
  }
  std::int64_t list_of(std::int64_t sample) const { return owners_[sample]; }
  bool any_messages() const { return !messages.empty(); }
  bool any_edges() const { return !messages.empty() || !weights.empty(); }

  Placed<WeightFault> weights;
  Placed<ParameterFault> parameters;
  Placed<StateFault> states;
  Placed<NeuronFault> neurons;
  Placed<MessageFault> messages;

 private:
  void touch(std::int64_t list, int population, int how) {
    touched_[std::size_t(list) * populations_ + population] |= std::uint8_t(how);
  }

  const std::int32_t* owners_;
  int populations_;
  std::vector<std::uint8_t> touched_;
};

// A message that is not what was sent. value: the change of the message modulo 2^32; events: of their
// number.
struct MessageChange {
  int source;
  std::int32_t value, events;
};

// What faults have made of the messages of one connection and sample, column by column of the call.
struct Disturbed {
  std::vector<std::vector<MessageChange>> columns;
  std::vector<MessageChange> late;  // to arrive in the next column

  void clear() {
    columns.clear();
    late.clear();
  }
  std::int32_t change_of(std::int64_t column, int source) const;
  std::int64_t events_of(int source) const;
};

}  // namespace neurodeploy
