#pragma once
// A coordinator's history for tests of the commands that ask for it; all else it refuses.

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin-client/connection.h"

namespace tideline::tidectl {

class FakeConnection : public Connection {
 public:
  std::vector<series::AnswerSeries> history_of_all;  // all that there is
  std::int64_t page_steps = 1'000'000;               // steps that one page answers
  std::int64_t kept_from_s = 0;                      // as each page says
  std::map<std::string, std::vector<series::PodInfo>> pods_of;
  model::ErrorCode of_other_pods = model::ErrorCode::kNotFound;  // of nodes that are not in pods_of
  HistoryState state;
  std::vector<series::VerifySlice> slices;
  std::optional<model::Error> problem;  // of the page or slice after `pages_before_problem`
  std::size_t pages_before_problem = 0;

  std::vector<SeriesQuestion> questions;
  std::vector<std::string> calls;

  model::Result<SeriesPage> query(const SeriesQuestion& question, std::int64_t page_from_s) override {
    if (problem && questions.size() >= pages_before_problem) return *problem;
    questions.push_back(question);
    calls.push_back("query " + std::to_string(page_from_s));
    const std::int64_t from = page_from_s == 0 ? question.from_s : page_from_s;
    const std::int64_t to = std::min(question.to_s, from + page_steps * question.step_s);
    SeriesPage page{{}, to < question.to_s ? to : 0, series::Tier::kMinute, kept_from_s};
    for (const auto& each : history_of_all) {
      if (std::find(question.fields.begin(), question.fields.end(), each.field) == question.fields.end()) continue;
      series::AnswerSeries part{each.field, each.node, each.subject, {}};
      for (const auto& point : each.points) {
        if (point.time_s >= from && point.time_s < to) part.points.push_back(point);
      }
      page.series.push_back(std::move(part));
    }
    return page;
  }
  model::Result<std::vector<series::PodInfo>> history_pods(const std::string& node, std::int64_t from_s,
                                                           std::int64_t to_s) override {
    calls.push_back("pods " + node + " " + std::to_string(from_s) + " " + std::to_string(to_s));
    const auto pods = pods_of.find(node);
    if (pods == pods_of.end()) return model::Error(of_other_pods, "no pods of node " + node);
    return pods->second;
  }
  model::Result<HistoryState> history_state() override {
    calls.push_back("state");
    if (problem) return *problem;
    return state;
  }
  model::Result<series::VerifySlice> history_verify(const std::string& from, std::uint64_t bytes) override {
    calls.push_back("verify " + from + (bytes == 0 ? " of nothing" : ""));
    const std::size_t at = from.empty() ? 0 : static_cast<std::size_t>(std::stoul(from));
    if (problem && at >= pages_before_problem) return *problem;
    auto slice = slices.at(at);
    slice.next = at + 1 < slices.size() ? std::to_string(at + 1) : "";
    return slice;
  }
  model::Result<HistoryBackup> history_backup() override {
    if (problem) return *problem;
    return HistoryBackup{{3, 1'700'000'000, 2048, 7}, "/backups"};
  }

  const Identity& identity() const override { return identity_; }
  model::Result<std::vector<Node>> nodes() override { return refused(); }
  model::Result<Node> node(const std::string&) override { return refused(); }
  model::Result<std::vector<Pod>> pods(const std::string&) override { return refused(); }
  model::Result<ReclaimedAnswer> reclaimed() override { return refused(); }
  model::Result<std::vector<Series>> history(const HistoryQuestion&) override { return refused(); }
  model::Result<EventsAnswer> events(const std::string&, model::WallTime, model::WallTime) override {
    return refused();
  }
  model::Result<PolicyAnswer> policy(const std::string&) override { return refused(); }
  model::Result<PolicyApplied> apply(const std::vector<PolicyDocument>&, bool) override { return refused(); }
  model::Result<PolicyStatus> policy_status() override { return refused(); }
  model::Result<PolicyCheck> check(const std::vector<PolicyDocument>&, const std::string&) override {
    return refused();
  }
  model::Result<model::Duration> watch(const std::string&, std::uint32_t) override { return refused(); }
  model::Result<Explanation> explain(const ExplainQuestion&) override { return refused(); }
  model::Result<model::ExplainedAccount> explain_reclaimed(const std::string&,
                                                           std::optional<model::WallTime>) override {
    return refused();
  }
  model::Result<model::ClusterReport> cluster(const ClusterQuestion&) override { return refused(); }
  model::Result<void> hands_off_begin(const std::string&, const std::string&, model::Duration,
                                      const std::string&) override {
    return refused();
  }
  model::Result<std::vector<HandsOffEntry>> hands_off_list(const std::string&) override { return refused(); }
  model::Result<void> hands_off_end(const std::string&, const std::string&) override { return refused(); }
  model::Result<void> release(const std::string&, const std::string&) override { return refused(); }
  model::Result<void> resume(const std::string&) override { return refused(); }
  model::Result<void> sleep(model::Duration) override { return refused(); }

 private:
  static model::Error refused() { return {model::ErrorCode::kUnsupported, "not part of this test"}; }
  Identity identity_;
};

/// `steps` values, first + i, one each `step_s` from `from_s` on.
inline series::AnswerSeries answer_series(series::Field field, const std::string& node, const std::string& subject,
                                          std::int64_t from_s, std::int64_t step_s, int steps, double first) {
  series::AnswerSeries all{field, node, subject, {}};
  for (int i = 0; i < steps; ++i)
    all.points.push_back({from_s + i * step_s, first + i});
  return all;
}

inline series::PodInfo pod_info(const std::string& uid, const std::string& name) {
  series::PodInfo pod;
  pod.uid = model::PodUid(uid);
  pod.name_space = "shop";
  pod.name = name;
  pod.workload = "Deployment/web";
  return pod;
}

}  // namespace tideline::tidectl
