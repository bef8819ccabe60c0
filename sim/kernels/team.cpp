#include "team.hpp"

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace neurodeploy {

namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(50);

// What the members of one call share.
class Team {
 public:
  Team(std::atomic<bool>& stop, const std::function<void(int)>& work) : stop_(stop), work_(work) {}

  void run(int member) {
    try {
      work_(member);
    } catch (...) {
      stop_ = true;
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }

  // Starts the members 1 .. threads - 1; false when the system has no more threads, or no memory.
  bool start(int threads) {
    try {
      helpers_.reserve(std::size_t(threads));
      for (int member = 1; member < threads; ++member) {
        helpers_.emplace_back([this, member] {
          run(member);
          leave();
        });
      }
    } catch (const std::exception&) {
      stop_ = true;
      return false;
    }
    return true;
  }

  // Waits for all that have started, without being deaf to interrupts.
  bool finish(const std::function<bool()>& interrupted) {
    bool whole = true;
    while (interrupted && !wait()) {
      if (!stop_ && interrupted()) {
        stop_ = true;
        whole = false;
      }
    }
    for (std::thread& helper : helpers_) helper.join();
    return whole;
  }

  int started() const { return int(helpers_.size()) + 1; }
  const std::exception_ptr& failure() const { return failure_; }

 private:
  void leave() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++left_;
    done_.notify_all();
  }

  bool wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    return done_.wait_for(lock, kPollInterval, [this] { return left_ == helpers_.size(); });
  }

  std::atomic<bool>& stop_;
  const std::function<void(int)>& work_;
  std::vector<std::thread> helpers_;
  std::exception_ptr failure_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t left_ = 0;
};

}  // namespace

NoThreads::NoThreads(int wanted, int started)
    : std::runtime_error("threads: cannot start " + std::to_string(wanted) + ", the system gives " +
                         std::to_string(started) +
                         "; ask for fewer, or raise the limits on memory and processes") {}

bool together(int threads, std::atomic<bool>& stop, const std::function<void(int)>& work,
              const std::function<bool()>& interrupted) {
  if (threads <= 1) {
    work(0);
    return true;
  }
  Team team(stop, work);
  const bool complete = team.start(threads);
  if (complete) team.run(0);
  const bool whole = team.finish(interrupted);
  if (!complete) throw NoThreads(threads, team.started());
  if (team.failure()) std::rethrow_exception(team.failure());
  return whole;
}

}  // namespace neurodeploy
