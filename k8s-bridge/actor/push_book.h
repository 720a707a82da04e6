#pragma once
// Which node is to be sent its set of pods now, and what became of those that were sent. A plain value: every time
// comes in.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "messages/link/session.h"
#include "messages/model/ids.h"
#include "messages/model/units.h"

namespace tideline::bridge {

struct PushOptions {
  /// A set that failed is sent again after this, doubling up to the longest, from the first again once one was taken.
  model::Duration backoff_min = std::chrono::seconds(1);
  model::Duration backoff_max = std::chrono::minutes(5);
  /// A set without an answer for so long has failed. The link answers for a silent node before; this is for an answer
  /// that was lost.
  model::Duration answer_within = std::chrono::minutes(1);
  /// Each is a copy of a node's pods until the link has sent it.
  std::size_t most_on_the_way = 500;
};

class PushBook {
 public:
  explicit PushBook(PushOptions options = {}) : options_(options) {}

  void opened(const model::NodeName& node, link::SessionId session);
  /// A session that is not the node's any more changes nothing.
  void closed(const model::NodeName& node, link::SessionId session);
  /// What Kubernetes has of the node is another than before, or known for the first time.
  void changed(const model::NodeName& node);
  /// Kubernetes has no such Node any more: what the node has it keeps.
  void gone(const model::NodeName& node);

  struct Push {
    link::SessionId session;
    model::NodeName node;
    std::uint64_t number = 0;  // of the set; higher than any before
    friend bool operator==(const Push&, const Push&) = default;
  };
  /// Sets to send now, of at most `most` nodes. Each is on its way until it is answered, and until then the node is
  /// sent no other: one that is slow gets the newest when it is done.
  std::vector<Push> due(model::MonoTime now, std::size_t most);
  /// problem "": the node has it. Gives the problem if it is another than the node's last one.
  std::optional<std::string> answered(const model::NodeName& node, link::SessionId session, std::uint64_t number,
                                      const std::string& problem, model::MonoTime now);

  std::uint64_t pushed() const { return last_number_; }
  /// Nodes with a session that are known to Kubernetes and have not acknowledged their newest set.
  std::size_t unacked() const { return open_.size(); }

 private:
  struct Row {
    std::optional<link::SessionId> session;
    bool known = false;            // Kubernetes has it
    bool wanted = false;           // the newest set was not sent to this session
    std::uint64_t on_its_way = 0;  // number of the set; 0 = none
    model::MonoTime sent;
    model::MonoTime not_before;
    unsigned failures = 0;
    std::string problem;
  };
  void look(const model::NodeName& node, const Row& row);
  void failed(Row& row, model::MonoTime now);
  /// It is not on its way any more.
  void land(Row& row);

  PushOptions options_;
  std::map<model::NodeName, Row> rows_;
  std::set<model::NodeName> open_;  // that may have something to be sent, or are being sent it
  std::uint64_t last_number_ = 0;
  std::size_t on_the_way_ = 0;
};

}  // namespace tideline::bridge
