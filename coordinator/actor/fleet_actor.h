#pragma once
// Holds the fleet view, the ledger's results and the rollout; answers operators from them.

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "coordinator/actor/eviction_desk.h"
#include "coordinator/actor/fleet_memory.h"
#include "coordinator/actor/hands_off_desk.h"
#include "coordinator/actor/ledger_book.h"
#include "coordinator/actor/link_port.h"
#include "coordinator/actor/measure_desk.h"
#include "coordinator/actor/messages.h"
#include "coordinator/actor/pace_desk.h"
#include "coordinator/actor/prediction_keeper.h"
#include "coordinator/actor/series_messages.h"
#include "coordinator/actor/survey_desk.h"
#include "coordinator/fleet/fleet_view.h"
#include "coordinator/ledger/witness.h"
#include "coordinator/policy/rollout.h"
#include "messages/log/log.h"

namespace tideline::coordinator {

class FleetActor : public caf::event_based_actor {
 public:
  FleetActor(caf::actor_config& config, model::Epoch epoch, fleet::FleetOptions options, caf::actor history,
             LinkPortPtr link, fleet::HandsOffBook hands_off = {},
             std::optional<fleet::EvictionArbiter> evictions = std::nullopt, profile::ProfileBook profiles = {},
             const std::vector<RememberedNode>& remembered = {}, caf::actor bridge = {},
             std::shared_ptr<ledger::Witness> witness = nullptr);
  caf::behavior make_behavior() override;

 private:
  void session_opened(const link::SessionInfo& session);
  void session_closed(const Closed& closed);
  void take(const std::shared_ptr<const link::ArrivedReport>& arrived);
  void push_soon();
  void push_due_policies();
  /// Computes what changed, and tells the link what it has for batch there.
  void run_ledger();
  void tell_bridge(const std::vector<LedgerBook::Change>& changes);
  void forget_long_gone(model::MonoTime now);
  void keep_predictions();
  void keep(const model::NodeName& node, std::vector<model::Event> events);
  void keep(std::vector<model::Reclaimed> accounts);

  /// About all nodes: answered in slices, between which others come in.
  void survey(SurveyDesk::Survey asked);
  void survey_soon();
  model::Result<model::Duration> watch(const AskWatch& ask);
  void send_paces();
  void give_reports(const AskCheckNodes& ask);

  HandsOffDesk::Out desk_out();
  EvictionDesk::Out eviction_out();
  fleet::EvictionStanding standing_of(const model::NodeName& node) const;
  /// Policy or holds are others now.
  void look_at_evictions();
  void hands_off(const AskHandsOffBegin& ask);

  fleet::FleetView fleet_;
  policy::Rollout rollout_;
  model::PolicyVersion policy_;  // in force
  bool push_due_ = false;
  caf::actor history_;
  caf::actor bridge_;
  LinkPortPtr link_;
  struct Session {
    link::SessionId id;
    std::optional<link::BatchAccount> told;  // what the link is told for it
  };
  std::map<model::NodeName, Session> sessions_;
  MeasureDesk measures_;
  PaceDesk paces_;
  bool pace_due_ = false;
  SurveyDesk surveys_;
  bool survey_due_ = false;
  LedgerBook ledger_;
  bool rest_due_ = false;             // a LedgerRest is on its way
  std::uint32_t parts_left_out_ = 0;  // of the trends, as told
  PredictionKeeper keeper_;
  std::shared_ptr<std::atomic<bool>> keeps_prediction_ = std::make_shared<std::atomic<bool>>(false);
  HandsOffDesk desk_;
  EvictionDesk evictions_;
  log::RateLimit refused_asks_{1'000'000'000};
  std::shared_ptr<ledger::Witness> witness_;  // null = nobody
};

}  // namespace tideline::coordinator
