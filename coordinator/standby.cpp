#include "coordinator/standby.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <random>
#include <utility>

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include "messages/clock/clock.h"
#include "messages/log/log.h"
#include "messages/model/quantity.h"
#include "messages/model/units.h"
#include "storage/rocks/rocks_store.h"

namespace tideline::standby {
namespace {

using model::Result;

/// How often it is looked whether this process leads by now, and whether the store is free.
constexpr auto kLook = std::chrono::milliseconds(100);
constexpr auto kLookAtFiles = std::chrono::seconds(10);
constexpr std::size_t kLongestIdentity = 253;

/// Of this process and no other, also of no later one in the same pod.
std::string identity_of(std::string name) {
  if (const char* pod = std::getenv("POD_NAME"); name.empty() && pod != nullptr) name = pod;
  if (name.empty()) {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) == 0) name = host.data();
  }
  std::random_device random;
  return fmt::format("{}_{:08x}{:08x}", name, random(), random());
}

}  // namespace

void Notice::stands(const lease::Standing& standing) {
  const std::lock_guard lock(mutex_);
  standing_ = standing;
  show();
}

void Notice::files_problem(const std::string& problem) {
  const std::lock_guard lock(mutex_);
  if (problem == problem_) return;
  if (problem.empty()) {
    log::info("standby-files-good", "this process could lead now");
  } else {
    log::error("standby-files-bad", "{}: this process could not lead; it waits all the same", problem);
  }
  problem_ = problem;
  show();
}

void Notice::show() {
  shown_.elected({standing_.phase == lease::Phase::kLeading, standing_.transitions});
  if (standing_.phase != lease::Phase::kStandby) return;
  std::string text =
      "standby: " + (standing_.holder.empty() ? std::string("held by nobody yet") : "held by " + standing_.holder);
  // Anybody may read this: what the API server says, and where files lie, is for the log.
  if (!standing_.problem.empty()) text += "; the API server gives no good answer, the log says why";
  if (!problem_.empty()) text += "; it could not lead with its files, the log says why";
  shown_.not_ready(std::move(text));
}

Result<lease::ElectorOptions> elector_options(const LeaseArguments& arguments) {
  const auto slash = arguments.name.find('/');
  lease::ElectorOptions options;
  options.name_space = arguments.name.substr(0, slash);
  options.name = slash == std::string::npos ? std::string() : arguments.name.substr(slash + 1);
  if (!lease::is_lease_name(options.name_space) || !lease::is_lease_name(options.name)) {
    return model::invalid(fmt::format("--lease {}: want NAMESPACE/NAME", arguments.name));
  }
  const auto& identity = arguments.identity;
  const bool is_printable = std::all_of(identity.begin(), identity.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!is_printable || identity.size() > kLongestIdentity) {
    return model::invalid(
        fmt::format("--lease-identity: want at most {} printable characters without blanks", kLongestIdentity));
  }
  options.identity = identity_of(identity);
  const auto duration = model::parse_duration(arguments.duration);
  if (!duration) return duration.error().in("--lease-duration");
  auto timed = lease::with_duration(std::move(options), *duration);
  if (!timed) return timed.error().in("--lease-duration " + arguments.duration);
  return timed;
}

Result<std::unique_ptr<leader::Leadership>> start(k8s_api::ClientConfig client, lease::ElectorOptions options,
                                                  Notice& notice, std::function<void()> on_lost) {
  leader::LeadershipConfig config;
  config.client = std::move(client);
  config.options = std::move(options);
  config.on_lost = std::move(on_lost);
  config.on_change = [&notice](const lease::Standing& standing) { notice.stands(standing); };
  notice.stands({});
  return leader::Leadership::start(std::move(config));
}

int stop_signal(std::optional<std::chrono::milliseconds> patience) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  if (!patience) {
    int signal = 0;
    sigwait(&signals, &signal);
    return signal;
  }
  timespec limit{};
  limit.tv_sec = static_cast<time_t>(patience->count() / 1000);
  limit.tv_nsec = static_cast<long>(patience->count() % 1000) * 1'000'000;
  return std::max(::sigtimedwait(&signals, nullptr, &limit), 0);
}

int wait_to_lead(const leader::Leadership& leadership, const std::function<std::string()>& look, Notice& notice) {
  std::optional<model::MonoTime> looked;
  while (leadership.standing().phase != lease::Phase::kLeading) {
    const auto now = clock::mono_now();
    if (!looked || now - *looked >= kLookAtFiles) {
      notice.files_problem(look());
      looked = now;
    }
    if (const int signal = stop_signal(kLook); signal != 0) return signal;
  }
  return 0;
}

int wait_for_store(const std::string& directory, web::SwitchedBackend& shown) {
  bool is_told = false;
  while (rocks::RocksStore::is_held(directory)) {
    if (!std::exchange(is_told, true)) {
      log::warn("store-waiting",
                "{}: this process has the Lease, but another one the store; it leads nothing until that one ends",
                directory);
      shown.not_ready("it has the Lease, but another process the store");
    }
    if (const int signal = stop_signal(kLook); signal != 0) return signal;
  }
  return 0;
}

}  // namespace tideline::standby
