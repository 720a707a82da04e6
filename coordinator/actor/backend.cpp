#include "coordinator/actor/backend.h"

#include <algorithm>

#include "coordinator/actor/ledger_answers.h"
#include "messages/log/log.h"

namespace tideline::coordinator {

using caf::anon_send;

void ActorBackend::nodes(admin::Reply<std::vector<fleet::NodeView>> reply) {
  anon_send(fleet_, AskNodes{std::move(reply)});
}
void ActorBackend::node(const model::NodeName& name, admin::Reply<fleet::NodeView> reply) {
  anon_send(fleet_, AskNode{name, std::move(reply)});
}
void ActorBackend::pods(const model::NodeName& name, admin::Reply<std::vector<fleet::PodView>> reply) {
  anon_send(fleet_, AskPods{name, std::move(reply)});
}
void ActorBackend::reclaimed(admin::Reply<admin::ReclaimedReport> reply) {
  anon_send(fleet_, AskReclaimed{std::move(reply)});
}
void ActorBackend::history(const admin::HistoryQuery& query, admin::Reply<std::vector<admin::Series>> reply) {
  anon_send(reader_, AskHistory{query, std::move(reply)});
}
void ActorBackend::events(const admin::EventsQuery& query, admin::Reply<admin::EventsReport> reply) {
  anon_send(reader_, AskEvents{query, std::move(reply)});
}
void ActorBackend::policy_get(const model::NodeName& name, admin::Reply<admin::PolicyReport> reply) {
  anon_send(policy_, AskPolicyGet{name, std::move(reply)});
}
void ActorBackend::policy_apply(const admin::Caller& caller, std::vector<admin::PolicyDocument> documents, bool dry_run,
                                admin::Reply<admin::PolicyApplied> reply) {
  log::info("policy-apply", "{} via {}: {} documents{}", caller.identity.name, caller.via, documents.size(),
            dry_run ? ", dry run" : "");
  anon_send(policy_, AskPolicyApply{caller, std::move(documents), dry_run, std::move(reply)});
}
void ActorBackend::policy_status(admin::Reply<admin::PolicyStatus> reply) {
  anon_send(policy_, AskPolicyStatus{std::move(reply)});
}
void ActorBackend::policy_check(std::vector<admin::PolicyDocument> documents, const model::NodeName& node,
                                admin::Reply<admin::PolicyCheck> reply) {
  anon_send(policy_, AskPolicyCheck{std::move(documents), node, std::move(reply)});
}
void ActorBackend::watch(const model::NodeName& name, std::uint32_t seconds, admin::Reply<model::Duration> reply) {
  anon_send(fleet_, AskWatch{name, seconds, std::move(reply)});
}

void ActorBackend::explain(const admin::ExplainQuery& query, admin::Reply<admin::Explanation> reply) {
  anon_send(reader_, AskExplain{query, std::move(reply)});
}
void ActorBackend::hands_off_begin(const admin::Caller& caller, const model::NodeName& node, model::HandsOff hands_off,
                                   admin::Reply<void> reply) {
  log::info("hands-off", "{} via {}: node {} group \"{}\": {}", caller.identity.name, caller.via, node.str(),
            hands_off.group, model::text_of(hands_off));
  anon_send(fleet_, AskHandsOffBegin{node, std::move(hands_off), std::move(reply)});
}
void ActorBackend::hands_off_list(const model::NodeName& node, admin::Reply<std::vector<admin::HandsOffRow>> reply) {
  anon_send(fleet_, AskHandsOffList{node, std::move(reply)});
}
void ActorBackend::hands_off_end(const admin::Caller& caller, const model::NodeName& node, const std::string& group,
                                 bool release, admin::Reply<void> reply) {
  log::info("hands-off", "{} via {}: node {} {}", caller.identity.name, caller.via, node.str(),
            release ? "resumes" : "group \"" + group + "\" ends");
  anon_send(fleet_, AskHandsOffEnd{node, group, release, caller.identity.name, std::move(reply)});
}
void ActorBackend::explain_reclaimed(const admin::ExplainReclaimedQuery& query,
                                     admin::Reply<model::ExplainedAccount> reply) {
  anon_send(query.at ? reader_ : fleet_, AskExplainReclaimed{query, std::move(reply)});
}
void ActorBackend::cluster(const admin::ClusterQuery& query, admin::Reply<model::ClusterReport> reply) {
  AskCluster ask{query, {}};
  auto& labels = ask.query.labels;
  // Where the part is not known, those that are there are named.
  const bool one_more =
      query.trend_of && std::find(labels.begin(), labels.end(), query.trend_of->label) == labels.end();
  if (one_more) labels.push_back(query.trend_of->label);
  ask.reply = [query, one_more, reader = reader_,
               reply = std::move(reply)](model::Result<model::ClusterReport> report) {
    if (!report) {
      reply(report.error());
      return;
    }
    AskTrend trend{query, {}};
    trend.reply = [part = query.trend_of, one_more, report = *std::move(report),
                   reply](model::Result<std::vector<model::AccountAt>> rows) mutable {
      if (part && rows && rows->empty()) {
        if (const auto known = known_part(report, *part); !known) {
          reply(known.error());
          return;
        }
      }
      if (one_more) report.groupings.pop_back();
      if (rows) {
        report.trend = *std::move(rows);
      } else {
        // What is now does not depend on what was.
        log::warn("trend-unread", "{}", rows.error().message());
      }
      reply(std::move(report));
    };
    anon_send(reader, std::move(trend));
  };
  anon_send(fleet_, std::move(ask));
}

void ActorBackend::history_query(const admin::SeriesQuery& query, admin::Reply<admin::SeriesPage> reply) {
  if (!query.label) {
    anon_send(series_.reader, AskSeries{query, std::move(reply)});
    return;
  }
  AskLabelled ask{*query.label, {}};
  ask.reply = [query = query, reader = series_.reader,
               reply = std::move(reply)](model::Result<std::vector<model::NodeName>> nodes) mutable {
    if (!nodes) {
      reply(nodes.error());
      return;
    }
    if (nodes->empty()) {
      reply(model::Error(model::ErrorCode::kNotFound,
                         "no node tells of the label \"" + model::text_of(*query.label) + "\" now"));
      return;
    }
    query.question.nodes = *std::move(nodes);
    anon_send(reader, AskSeries{std::move(query), std::move(reply)});
  };
  anon_send(fleet_, std::move(ask));
}
void ActorBackend::history_pods(const admin::HistoryPodsQuery& query,
                                admin::Reply<std::vector<series::PodInfo>> reply) {
  anon_send(series_.reader, AskHistoryPods{query, std::move(reply)});
}
void ActorBackend::history_state(admin::Reply<admin::HistoryState> reply) {
  anon_send(series_.reader, AskHistoryState{std::move(reply)});
}
void ActorBackend::history_verify(const admin::VerifyQuery& query, admin::Reply<series::VerifySlice> reply) {
  anon_send(series_.reader, AskVerify{query, std::move(reply)});
}
void ActorBackend::history_backup(const admin::Caller& caller, admin::Reply<admin::BackupMade> reply) {
  if (!series_.door->enter()) {
    reply(model::Error(model::ErrorCode::kOverloaded, "a backup is under way already; try again when it is made"));
    return;
  }
  anon_send(series_.backup, AskBackup{caller, std::move(reply)});
}

}  // namespace tideline::coordinator
