#pragma once
// Takes operators' hands-off orders in, has them kept, and tells each node what it is to leave alone.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "coordinator/admin/backend.h"
#include "coordinator/fleet/hands_off_book.h"
#include "messages/model/action.h"

namespace tideline::coordinator {

inline constexpr std::string_view kHandsOffSetting = "hands-off";

/// Not for several threads: the fleet actor's own.
class HandsOffDesk {
 public:
  struct Out {
    /// Makes the book's text durable and answers with kept(change, …); change 0 needs no answer.
    std::function<void(std::string text, std::uint64_t change)> keep;
    std::function<void(const model::NodeName&, model::Event)> note;
    /// Tells the node, if it has a session.
    std::function<void(const model::NodeName&, model::HandsOffOrder)> push;
  };

  HandsOffDesk(model::Epoch epoch, fleet::HandsOffBook book, Out out)
      : epoch_(epoch), book_(std::move(book)), out_(std::move(out)) {}

  /// The reply comes when the order is durable; an order that could not be kept is taken back. kOverloaded while
  /// another one about the same is being kept.
  void begin(const model::NodeName& node, const model::HandsOff& hands_off, const fleet::Arrival& now,
             admin::Reply<void> reply);
  void end(const model::NodeName& node, const std::string& group, bool release, const std::string& who,
           const fleet::Arrival& now, admin::Reply<void> reply);
  void kept(std::uint64_t change, const model::Result<void>& outcome, const fleet::Arrival& now);

  /// Each session is told everything, also that there is nothing: what the node still keeps may be over.
  void opened(const model::NodeName& node, const fleet::Arrival& now);
  void closed(const model::NodeName& node) { told_.erase(node); }
  void answered(const model::NodeName& node, std::uint64_t number, const std::string& problem);
  /// Notes those whose time has come. The nodes count by themselves.
  void expire(const fleet::Arrival& now);
  void forget(const model::NodeName& node, const fleet::Arrival& now);

  std::vector<admin::HandsOffRow> rows(const model::NodeName& node, model::MonoTime now) const;

 private:
  using Row = fleet::HandsOffBook::Row;
  struct Change {
    model::NodeName node;
    model::HandsOff subject;    // its group and kind
    std::optional<Row> before;  // what stood there; nullopt = nothing
    model::Event event;
    admin::Reply<void> reply;
  };
  struct Told {
    std::uint64_t number = 0;  // of the newest order that was sent
    bool obeyed = false;
    std::string problem;
  };
  /// Says so, too.
  bool is_being_kept(const model::NodeName& node, const std::string& group, bool release,
                     const admin::Reply<void>& reply) const;
  void propose(Change change, const fleet::Arrival& now);
  void push(const model::NodeName& node, model::MonoTime now);

  model::Epoch epoch_;
  fleet::HandsOffBook book_;
  Out out_;
  std::map<std::uint64_t, Change> changes_;  // not durable yet
  std::uint64_t last_change_ = 0;
  std::uint64_t last_number_ = 0;
  std::map<model::NodeName, Told> told_;
};

}  // namespace tideline::coordinator
