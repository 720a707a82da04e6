#pragma once
// Identities. A NodeName never meets a PodUid by accident.

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace tideline::model {

template <class Tag>
class StringId {
 public:
  StringId() = default;
  explicit StringId(std::string value) : value_(std::move(value)) {}
  const std::string& str() const { return value_; }
  bool empty() const { return value_.empty(); }
  friend auto operator<=>(const StringId&, const StringId&) = default;
  friend bool operator==(const StringId&, const StringId&) = default;

 private:
  std::string value_;
};

template <class Tag>
class NumberId {
 public:
  constexpr NumberId() = default;
  constexpr explicit NumberId(std::uint64_t value) : value_(value) {}
  constexpr std::uint64_t value() const { return value_; }
  constexpr NumberId next() const { return NumberId(value_ + 1); }
  friend constexpr auto operator<=>(NumberId, NumberId) = default;

 private:
  std::uint64_t value_ = 0;
};

/// The Kubernetes node name; also the first label of the DNS SAN `<node>.node.tideline` in the node's certificate.
using NodeName = StringId<struct NodeNameTag>;
using PodUid = StringId<struct PodUidTag>;

/// One life of a node's spool: drawn at random and persisted before the first report, new when spool state was lost.
using Incarnation = NumberId<struct IncarnationTag>;
/// Number of a report within an incarnation, from 1, without holes.
using Seq = NumberId<struct SeqTag>;
/// Version of the whole policy as its source counts it; 0 means none.
using PolicyVersion = NumberId<struct PolicyVersionTag>;
/// Term of the coordinator that speaks; nodes refuse a lower one than they have seen.
using Epoch = NumberId<struct EpochTag>;

}  // namespace tideline::model

template <class Tag>
struct std::hash<tideline::model::StringId<Tag>> {
  std::size_t operator()(const tideline::model::StringId<Tag>& id) const { return std::hash<std::string>{}(id.str()); }
};
template <class Tag>
struct std::hash<tideline::model::NumberId<Tag>> {
  std::size_t operator()(tideline::model::NumberId<Tag> id) const { return std::hash<std::uint64_t>{}(id.value()); }
};
