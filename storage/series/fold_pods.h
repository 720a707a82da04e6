#pragma once
// What reports say of pods, and of the workloads that these are of.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/series/fold.h"
#include "storage/series/fold_cells.h"

namespace tideline::series {

class PodCells {
 public:
  void add(const store::StoredReport& stored);
  std::size_t size() const { return pods_.size(); }
  /// Tables of pods by uid, then those of workloads by name, behind what is there; and the pods' infos.
  void finish(Folded& folded) &&;

 private:
  /// What all pods of one report have in common.
  struct Window {
    std::int64_t at_s = 0;  // of the report
    std::int64_t middle_s = 0;
    std::uint64_t seconds = 1;
    std::int64_t cpu_step = 1;
    std::int64_t memory_step = 1;
  };
  struct Pod {
    model::SharedPod told;  // as the last report that had it told of it; what follows is of it, but for `info`
    std::size_t workload = kNoPlace;
    std::optional<std::int64_t> cpu_request;
    std::optional<std::int64_t> memory_request;
    bool held = false;          // it has not ended
    PodInfo info;               // of all reports
    bool info_is_told = false;  // info's facts are those of `told`
    SubjectCells cells{pod_plan()};
  };
  /// Of one report.
  struct Sums {
    std::optional<std::int64_t> cpu;
    std::optional<std::int64_t> memory;
    std::optional<std::int64_t> throttled;
    std::optional<std::int64_t> delay;
    std::optional<std::int64_t> cpu_request;
    std::optional<std::int64_t> memory_request;
    std::int64_t pods = 0;
    std::string_view first_uid;
    std::int64_t qos = 0;
  };
  struct Workload {
    std::string name;
    std::uint64_t report = 0;  // that `sums` are of
    Sums sums;
    SubjectCells cells{pod_plan()};
  };

  std::size_t place_of_pod(const model::SharedPod& told, std::size_t guess);
  std::size_t place_of_workload(const model::Pod& pod);
  void learn(Pod& pod, const model::SharedPod& told, std::int64_t at_s);
  void add_pod(Pod& pod, const model::PodSummary& summary, const Window& window);
  void add_workload(Workload& workload, const Window& window);

  std::vector<Pod> pods_;
  std::vector<Workload> workloads_;
  std::unordered_map<model::PodUid, std::size_t> pod_places_;
  std::unordered_map<std::string, std::size_t> workload_places_;
  std::vector<std::size_t> order_;    // of the last report's pods
  std::vector<std::size_t> touched_;  // workloads of this report
  std::uint64_t report_ = 0;
};

}  // namespace tideline::series
