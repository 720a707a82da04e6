#pragma once
// The pods of a host without Kubernetes: a JSON file that a person or a tool writes. Documented in docs/pods-file.md.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "messages/model/pod.h"
#include "messages/model/pod_metadata.h"
#include "messages/model/result.h"

namespace tideline::node {

/// A label or annotation of a pod that cannot be used: the pod keeps what holds without it.
struct PodProblem {
  std::string pod;  // "namespace/name"
  model::MetadataProblem problem;
  friend bool operator==(const PodProblem&, const PodProblem&) = default;
};
/// One line: pod, key, value and why.
std::string text_of(const PodProblem& problem);

struct PodsFile {
  static constexpr std::size_t kMaxProblems = 256;
  std::vector<model::Pod> pods;
  std::vector<PodProblem> problems;  // the first kMaxProblems; further ones are left out
};

/// Text of a pods file -> pods. Unknown fields, wrong types, duplicate uids, bad quantities and values that no report
/// may carry are errors that name the pod and the field; so are more pods than fit a report, and a qosClass that the
/// label of that name contradicts. `source` names the file in them. Values of labels and annotations are problems
/// beside the pods, never an error.
model::Result<PodsFile> parse_pods_file(std::string_view text, std::string_view source);

}  // namespace tideline::node
