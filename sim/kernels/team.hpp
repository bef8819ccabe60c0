// Threads: the one way in which kernels get them, and the one way in which that fails.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <stdexcept>

namespace neurodeploy {

// The system starts no more threads.
class NoThreads : public std::runtime_error {
 public:
  NoThreads(int wanted, int started);
};

// Runs work(member) for the members 0 .. threads - 1 side by side, member 0 on the calling thread, and
// waits for all of them. Members are expected to end early once `stop` is set, which happens
//
// * when a thread cannot start: then no work is begun here, and NoThreads is thrown;
// * when a member throws: what it threw is thrown again here;
// * when interrupted() says so, which is asked here now and then while waiting: the result is false.
//
// Nothing is kept from one call to the next, so that a process may fork in between.
bool together(int threads, std::atomic<bool>& stop, const std::function<void(int)>& work,
              const std::function<bool()>& interrupted = nullptr);

// Runs run(k) for k in 0 .. count - 1, each once, by up to `threads` members.
template <class Run>
void for_each_item(std::size_t count, std::size_t threads, const Run& run) {
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stop{false};
  const int members = int(std::max<std::size_t>(1, std::min(threads, count)));
  together(members, stop, [&](int) {
    for (std::size_t k; !stop && (k = next.fetch_add(1)) < count;) run(k);
  });
}

}  // namespace neurodeploy
