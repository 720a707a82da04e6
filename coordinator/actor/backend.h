#pragma once
// Hands operators' questions to the actors that know.

#include "coordinator/actor/backup_actor.h"
#include "coordinator/actor/messages.h"
#include "coordinator/actor/series_messages.h"

namespace tideline::coordinator {

/// Who answers about history in tiers.
struct SeriesActors {
  caf::actor reader;  // SeriesReader
  caf::actor backup;  // BackupActor
  std::shared_ptr<BackupDoor> door = std::make_shared<BackupDoor>();
};

class ActorBackend final : public admin::AdminBackend {
 public:
  ActorBackend(caf::actor fleet, caf::actor reader, caf::actor policy, SeriesActors series = {})
      : fleet_(std::move(fleet)), reader_(std::move(reader)), policy_(std::move(policy)), series_(std::move(series)) {}

  void nodes(admin::Reply<std::vector<fleet::NodeView>> reply) override;
  void node(const model::NodeName& name, admin::Reply<fleet::NodeView> reply) override;
  void pods(const model::NodeName& name, admin::Reply<std::vector<fleet::PodView>> reply) override;
  void reclaimed(admin::Reply<admin::ReclaimedReport> reply) override;
  void history(const admin::HistoryQuery& query, admin::Reply<std::vector<admin::Series>> reply) override;
  void events(const admin::EventsQuery& query, admin::Reply<admin::EventsReport> reply) override;
  void policy_get(const model::NodeName& name, admin::Reply<admin::PolicyReport> reply) override;
  void policy_apply(const admin::Caller& caller, std::vector<admin::PolicyDocument> documents, bool dry_run,
                    admin::Reply<admin::PolicyApplied> reply) override;
  void policy_status(admin::Reply<admin::PolicyStatus> reply) override;
  void policy_check(std::vector<admin::PolicyDocument> documents, const model::NodeName& node,
                    admin::Reply<admin::PolicyCheck> reply) override;
  void watch(const model::NodeName& name, std::uint32_t seconds, admin::Reply<model::Duration> reply) override;
  void explain(const admin::ExplainQuery& query, admin::Reply<admin::Explanation> reply) override;
  void hands_off_begin(const admin::Caller& caller, const model::NodeName& node, model::HandsOff hands_off,
                       admin::Reply<void> reply) override;
  void hands_off_list(const model::NodeName& node, admin::Reply<std::vector<admin::HandsOffRow>> reply) override;
  void hands_off_end(const admin::Caller& caller, const model::NodeName& node, const std::string& group, bool release,
                     admin::Reply<void> reply) override;
  void explain_reclaimed(const admin::ExplainReclaimedQuery& query,
                         admin::Reply<model::ExplainedAccount> reply) override;
  void cluster(const admin::ClusterQuery& query, admin::Reply<model::ClusterReport> reply) override;
  void history_query(const admin::SeriesQuery& query, admin::Reply<admin::SeriesPage> reply) override;
  void history_pods(const admin::HistoryPodsQuery& query, admin::Reply<std::vector<series::PodInfo>> reply) override;
  void history_state(admin::Reply<admin::HistoryState> reply) override;
  void history_verify(const admin::VerifyQuery& query, admin::Reply<series::VerifySlice> reply) override;
  void history_backup(const admin::Caller& caller, admin::Reply<admin::BackupMade> reply) override;

 private:
  caf::actor fleet_;
  caf::actor reader_;
  caf::actor policy_;
  SeriesActors series_;
};

}  // namespace tideline::coordinator
