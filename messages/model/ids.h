#pragma once
// Identities. A NodeName never meets a PodUid by accident.

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace tideline::model {

/// Never changes, and copies share it: a pod's uid, too long to lie in a std::string itself, is copied dozens of times
/// in each round of the node.
template <class Tag>
class StringId {
 public:
  StringId() = default;
  explicit StringId(std::string value)
      : value_(value.empty() ? nullptr : std::make_shared<const std::string>(std::move(value))) {}
  const std::string& str() const {
    static const std::string kEmpty;
    return value_ ? *value_ : kEmpty;
  }
  bool empty() const { return !value_; }
  friend auto operator<=>(const StringId& a, const StringId& b) { return a.str() <=> b.str(); }
  friend bool operator==(const StringId& a, const StringId& b) { return a.value_ == b.value_ || a.str() == b.str(); }

 private:
  std::shared_ptr<const std::string> value_;
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
/// A node's effective policy by what it says: equal where two nodes or two versions say the same. 0 means not known.
using PolicyContent = NumberId<struct PolicyContentTag>;
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
