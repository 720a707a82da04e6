#pragma once
// This process as one of several of which one leads: asks for a Lease, renews it while it leads, gives it back. On a
// thread of its own, and with a client of its own, so that nothing that the leader does is in the way of a renewal.

#include <functional>
#include <memory>

#include "k8s-bridge/api/client.h"
#include "k8s-bridge/lease/elector.h"
#include "messages/clock/term.h"
#include "messages/model/result.h"

namespace tideline::leader {

struct LeadershipConfig {
  k8s_api::ClientConfig client;  // its `term` is not used
  lease::ElectorOptions options;
  /// It led and does so no more, or another does: nothing may leave this process from now on, and it must end. The term
  /// is over. Called once, from a thread of this object, with all of it held: must not call it, and need not return.
  std::function<void()> on_lost;
  /// After each change, from any thread, likewise; must return at once.
  std::function<void(const lease::Standing&)> on_change;
};

class Leadership {
 public:
  /// Checks the access' files and begins to ask. An API server that is away is no error.
  static model::Result<std::unique_ptr<Leadership>> start(LeadershipConfig config);
  ~Leadership();  // release()
  Leadership(const Leadership&) = delete;
  Leadership& operator=(const Leadership&) = delete;

  /// Holds while it leads.
  clock::TermPtr term() const;
  lease::Standing standing() const;
  /// Ends the term, gives the Lease back so that another need not wait for its end, and asks no more. Waits for the API
  /// server for some seconds at most. To be called after the last that needs the term. Again: no effect.
  void release();

 private:
  class Impl;
  explicit Leadership(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tideline::leader
