#pragma once
// Bounds on policy input; what is beyond them is refused, naming the bound.

#include <cstddef>

namespace tideline::policy {

struct Limits {
  static constexpr std::size_t kMaxTextBytes = 1 << 20;  // one document; etcd's own bound on a ConfigMap
  static constexpr std::size_t kMaxDocuments = 16;
  static constexpr std::size_t kMaxNameBytes = 4096;    // of a document: a path; each notice tells it
  static constexpr std::size_t kMaxDepth = 32;          // nested objects and lists
  static constexpr std::size_t kMaxNodeEntries = 1024;  // nodeConfigs / nodeStrategies of one document
  static constexpr std::size_t kMaxExpressions = 64;    // matchLabels + matchExpressions of one selector
  static constexpr std::size_t kMaxShownBytes = 80;     // of an offending value in an error
};

}  // namespace tideline::policy
