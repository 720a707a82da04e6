#pragma once
// When each Node's NodeMetric is written, and by which requests. A plain value: every time comes in.
//
//  * Each Node has a turn once in its interval: nodes_to_measure() gives it, measured() tells what is known of it,
//  due()
//    gives the request, answered() what became of that. First turns are spread by a hash of the name, later ones
//    follow each other.
//  * What is not live, and what was written already, is not written: the object's updateTime ages.
//  * A turn is one request as a rule, the status. An object that is not there is made first; spec and owner are
//    written where the answer shows others, once for what is wanted: nobody is fought. Where that fails it is tried
//    again in the next turn.
//  * A write that fails has its next chance at the next turn. hold(): turns that come meanwhile are passed over, so
//  that
//    after an outage nodes are written as evenly as before it.
//  * Requests keep to requests_a_second. Where the measured nodes would need more, all intervals are stretched alike;
//    and what cannot be sent is not asked for: nothing queues up.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "k8s-bridge/measure/metric_json.h"
#include "messages/model/ids.h"
#include "messages/model/node_metric.h"
#include "messages/model/units.h"

namespace tideline::measure {

struct MetricOptions {
  double requests_a_second = 20;
  model::Duration first_interval = std::chrono::seconds(60);  // until a node's own is known
  /// Reports do not come more often.
  model::Duration least_interval = std::chrono::seconds(10);
  std::size_t most_in_flight = 4;
  std::size_t most_open = 64;  // nodes asked for, and requests that wait for their second
};

/// Of a budget of so many requests, of which 200 a second at most are used: as many are on their way at once as keep to
/// it though each takes 200 ms, four at least.
MetricOptions options_for(double requests_a_second);

enum class MetricStep : std::uint8_t {
  kStatus,
  kCreate,
  kObject,  // its spec and owner
};

/// What an answer of the API server is to a step.
enum class StepOutcome : std::uint8_t {
  kDone,
  kMissing,  // 404: there is no such object, or no such resource
  kExists,   // 409, of kCreate
  kFailed,
};

class MetricBook {
 public:
  explicit MetricBook(MetricOptions options = {}) : options_(options) {}

  /// A Node that is there. Under another uid it is another one.
  void node(const model::NodeName& name, const std::string& uid, model::MonoTime now);
  void gone(const model::NodeName& name);

  /// Whose turn it is, at most `most`, those that wait longest first.
  std::vector<model::NodeName> nodes_to_measure(model::MonoTime now, std::size_t most);
  /// Once for each of them. `metric` null: nothing to write.
  void measured(const model::NodeName& name, model::Duration interval, model::SharedNodeMetric metric);

  struct Flight {
    model::NodeName node;
    MetricStep step = MetricStep::kStatus;
    Wanted wanted;
    model::SharedNodeMetric metric = {};  // of kStatus
    bool is_unchecked = false;            // the answer of kStatus is to be held against `wanted`
  };
  /// To be sent now; each is on its way until answered().
  std::vector<Flight> due(model::MonoTime now);
  /// nullptr: nothing of that node is on its way.
  const Flight* in_flight(const model::NodeName& name) const;
  /// `is_as_wanted`: of a kStatus that is_unchecked. True: the resource itself is missing, whatever the node.
  bool answered(const model::NodeName& name, StepOutcome outcome, bool is_as_wanted);
  /// Nothing is measured or sent until then; what waits is dropped. A hold does not end one that lasts longer.
  void hold(model::MonoTime until);

  /// Nodes that were measured when they were asked for last.
  std::size_t nodes() const;
  /// What each interval is multiplied by; 1 or more.
  double stretch() const;

 private:
  enum class State : std::uint8_t { kIdle, kAsked, kWaits, kInFlight };
  struct Row {
    std::string uid;
    model::Duration interval{0};
    model::Duration averaged{0};
    model::MonoTime began;  // the turn before
    model::MonoTime turn;
    State state = State::kIdle;
    MetricStep step = MetricStep::kStatus;
    model::SharedNodeMetric metric = {};
    bool is_measured = false;
    bool was_created = false;                     // in this turn
    std::optional<model::MonoTime> written = {};  // arrival of the report that was written last
    std::optional<Wanted> checked = {};           // the object was held against it, or made by it
  };
  using Rows = std::map<model::NodeName, Row>;

  model::Duration period(const Row& row) const;
  void set_turn(const model::NodeName& name, Row& row, model::MonoTime turn);
  void pass_over(const model::NodeName& name, Row& row, model::MonoTime now);
  void set_state(Row& row, State state);
  void set_measured(Row& row, bool is_measured, model::Duration interval);
  void wait(const model::NodeName& name, Row& row, MetricStep step, bool first);
  static Wanted wanted_of(const model::NodeName& name, const Row& row);

  MetricOptions options_;
  Rows rows_;
  std::set<std::pair<model::MonoTime, model::NodeName>> turns_;
  std::map<model::Duration, std::size_t> measured_;  // nodes by interval
  std::deque<model::NodeName> waiting_;              // may name rows that no longer wait
  std::map<model::NodeName, Flight> in_flight_;
  std::size_t open_ = 0;  // rows that are asked for or wait
  double tokens_ = 1;
  std::optional<model::MonoTime> filled_;
  model::MonoTime held_until_;
};

}  // namespace tideline::measure
