#pragma once
// What is asked next for a resource that is listed and then watched, and after which wait: a plain machine without a
// clock and without a connection.

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "k8s-bridge/api/client.h"
#include "messages/model/units.h"

namespace tideline::k8s_api {

struct WatchPlanConfig {
  model::Duration backoff_min;
  model::Duration backoff_max;
  model::Duration watch_timeout;
};

class WatchPlan {
 public:
  struct Step {
    enum class Kind : std::uint8_t { kPage, kWatch };
    Kind kind = Kind::kPage;
    bool first = false;       // of the pages of a list
    std::string path;         // with query
    model::Duration wait{0};  // before it
  };

  WatchPlan(WatchedResource resource, const WatchPlanConfig& config, std::uint64_t seed);

  /// To be asked once for each step. Before it is asked again, exactly one of the outcomes below is told.
  Step next();

  /// A page came; `continue_token` "" ends the list.
  void on_page(const std::string& resource_version, const std::string& continue_token);
  /// A page was longer than is read: the same is asked for with half as many objects. False: it is the smallest, and
  /// counts as failed.
  bool on_page_too_long();
  /// 410: all is listed anew. False: after a wait, as it is not the first time without an event in between.
  bool on_gone();
  /// A line or a page that nothing can be made of, and that would come again: all is listed anew after a wait.
  void on_unreadable();
  /// Neither a page nor a watch, or one that broke after `lasted`. `answered`: the server said no.
  void on_failed(bool answered, model::Duration lasted);
  /// The server ended the watch, as it does after its time. False: so early that it counts as failed.
  bool on_ended(model::Duration lasted);

  /// While a watch lasts, before its outcome: an event or a bookmark.
  void on_event(const std::string& resource_version);

  const std::string& resource_version() const { return version_; }

 private:
  void list_anew();
  void back_off();
  void did_well();
  std::string with_query(std::string path, std::string_view own) const;

  const WatchedResource resource_;
  const WatchPlanConfig config_;
  std::mt19937_64 random_;
  std::size_t page_size_;
  bool listing_ = true;
  std::string continue_token_;
  std::string list_version_;  // of the list's first page
  std::string version_;       // the newest that the watch is to resume from
  bool had_event_ = false;    // in this watch
  unsigned failures_ = 0;     // in a row
  unsigned refusals_ = 0;     // of these, of this watch, in a row
  unsigned gone_ = 0;         // 410s without an event in between
  model::Duration wait_{0};
};

/// For a value of a query: all but letters, digits and -._~ as %XX.
std::string escaped(std::string_view text);

}  // namespace tideline::k8s_api
