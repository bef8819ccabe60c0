// The state of a sample: made afresh, taken from a stored one, stored.

#include <algorithm>
#include <cstring>

#include "network.hpp"

namespace neurodeploy {

void Network::fresh_state(Work& work, int s, bool runs) const {
  for (int k = 0; k < populations(); ++k) {
    stages_[k].population.initialise(work, s, nodes_[node_of(k)].layout, runs);
    for (const auto& port : stages_[k].operations) {
      for (const auto& operation : port) {
        std::memset(work.sample(s) + operation->pending_at, 0, operation->pending_bytes());
      }
    }
  }
  for (const Node& node : nodes_) {
    for_each_past(node, work, s, [](void* rows, std::size_t bytes) { std::memset(rows, 0, bytes); });
  }
}

void Network::load_state(Work& work, int s, const std::uint8_t* from) const {
  std::memcpy(work.sample(s), from, kept_bytes_);
  from += kept_bytes_;
  for (const Node& node : nodes_) {
    for_each_past(node, work, s, [&from](void* rows, std::size_t bytes) {
      std::memcpy(rows, from, bytes);
      from += bytes;
    });
  }
}

void Network::save_state(Work& work, int s, std::uint8_t* to) const {
  std::memcpy(to, work.sample(s), kept_bytes_);
  to += kept_bytes_;
  for (const Node& node : nodes_) {
    for_each_past(node, work, s, [&to](void* rows, std::size_t bytes) {
      std::memcpy(to, rows, bytes);
      to += bytes;
    });
  }
}

// The rows of messages before the present position, oldest first, of every form that is kept.
template <class Action>
void Network::for_each_past(const Node& node, Work& work, int s, Action action) const {
  const std::size_t cells = std::size_t(node.history) * node.layout.lanes();
  if (cells == 0) return;
  if (node.has_bytes) action(work.bytes(node, s, -node.history), cells);
  if (node.has_values) action(work.values(node, s, -node.history), cells * sizeof(std::int32_t));
}

// Moves the past to the front when the chunk does not fit behind it.
void Network::make_room(Work& work, int samples, int columns) const {
  if (work.position + columns <= row_count_) return;
  for (int s = 0; s < samples; ++s) {
    for (const Node& node : nodes_) {
      for_each_past(node, work, s, [&](void* rows, std::size_t bytes) {
        const std::size_t row = bytes / node.history;
        std::memmove(static_cast<std::uint8_t*>(rows) - row * work.position, rows, bytes);
      });
    }
  }
  work.position = 0;
}

}  // namespace neurodeploy
