#pragma once
// What the program does before it leads, where several coordinators of one store agree on one by a Lease.

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "coordinator/web/switched_backend.h"
#include "k8s-bridge/api/client.h"
#include "k8s-bridge/leader/leadership.h"
#include "k8s-bridge/lease/elector.h"
#include "messages/model/result.h"

namespace tideline::standby {

/// As they were given on the command line.
struct LeaseArguments {
  bool elect = false;
  std::string name = "tideline-system/tideline-coordinator";
  std::string duration = "15s";
  std::string identity;
  std::string given;  // one of the options above that was given; "" = none
};
/// With an identity that no other process has. The error names the option.
model::Result<lease::ElectorOptions> elector_options(const LeaseArguments& arguments);

/// What a standby shows of itself: who leads, and that it could not lead where that is so. Thread-safe.
class Notice {
 public:
  /// `shown` must outlive it.
  explicit Notice(web::SwitchedBackend& shown) : shown_(shown) {}

  void stands(const lease::Standing& standing);
  /// What would keep this process from leading; "" = nothing. Logged where it is another than before.
  void files_problem(const std::string& problem);

 private:
  void show();

  web::SwitchedBackend& shown_;
  std::mutex mutex_;
  lease::Standing standing_;
  std::string problem_;
};

/// `on_lost` ends the process: nothing of it may be stopped in order, as what a part sends on its way out would be sent
/// without a term. `notice` must outlive it.
model::Result<std::unique_ptr<leader::Leadership>> start(k8s_api::ClientConfig client, lease::ElectorOptions options,
                                                         Notice& notice, std::function<void()> on_lost);

// All three give the signal that asked this process to stop meanwhile, 0 where none did. SIGTERM and SIGINT must be
// blocked.
int stop_signal(std::optional<std::chrono::milliseconds> patience);
/// `look` gives what would keep this process from leading, now and again: a standby that cannot lead is none.
int wait_to_lead(const leader::Leadership& leadership, const std::function<std::string()>& look, Notice& notice);
/// Until no other process has the store open. A leader that was stopped past its Lease has it until it goes on, and
/// ends.
int wait_for_store(const std::string& directory, web::SwitchedBackend& shown);

}  // namespace tideline::standby
