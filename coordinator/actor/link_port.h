#pragma once
// The node server as actors reach it: it starts after them, and is empty until then and in tests without a network.

#include <atomic>
#include <memory>

#include "messages/link/node_server.h"

namespace tideline::coordinator {

struct LinkPort {
  std::atomic<link::NodeServer*> server{nullptr};

  template <class F>
  void with(F&& f) const {
    if (auto* there = server.load()) f(*there);
  }
};
using LinkPortPtr = std::shared_ptr<LinkPort>;

}  // namespace tideline::coordinator
