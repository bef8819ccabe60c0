// Waiting for threads without being deaf to interrupts.

#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace neurodeploy {

// Lets the calling thread wait for the others, and look after interrupts meanwhile.
class Crew {
 public:
  explicit Crew(int members) : working_(members) {}

  void leave() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (--working_ == 0) done_.notify_all();
  }

  // Returns true when all have left, false after `time`.
  bool wait_for(std::chrono::milliseconds time) {
    std::unique_lock<std::mutex> lock(mutex_);
    return done_.wait_for(lock, time, [this] { return working_ <= 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  int working_;
};

}  // namespace neurodeploy
