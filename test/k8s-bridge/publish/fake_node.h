#pragma once
// A Node at an API server, as far as publishing is concerned: merge patches, resource versions, canonical quantities.

#include <string>

#include <nlohmann/json.hpp>

#include "k8s-bridge/publish/publisher.h"
#include "k8s-bridge/translate/objects.h"

namespace tideline::publish {

constexpr std::int64_t kGi = std::int64_t{1} << 30;

inline model::MonoTime at(double seconds) {
  return {static_cast<std::int64_t>(seconds * 1e9)};
}

class FakeNode {
 public:
  explicit FakeNode(const std::string& name, const std::string& uid = "u1") {
    object_["metadata"] = {{"name", name}, {"uid", uid}};
    object_["status"]["capacity"] = {{"cpu", "100"}, {"memory", "100Gi"}};
    object_["status"]["allocatable"] = object_["status"]["capacity"];
    change();
  }

  /// -> the answer's resource version; "" = refused. What changes nothing makes no new version.
  std::string patch(const std::string& body) {
    const auto patch = nlohmann::json::parse(body);
    if (patch.contains("metadata") && patch["metadata"].contains("uid") &&
        patch["metadata"]["uid"] != object_["metadata"]["uid"]) {
      return {};
    }
    auto changed = object_;
    changed.merge_patch(patch);
    for (const char* list : {"capacity", "allocatable"}) {
      for (auto& [name, value] : changed["status"][list].items())
        value = canonical(value.get<std::string>());
    }
    if (changed == object_) return version();
    object_ = std::move(changed);
    ++writes_;
    return change();
  }
  /// Somebody else does.
  void set(const std::string& resource, const std::string& value) {
    set_one("capacity", resource, value);
    set_one("allocatable", resource, value);
  }
  void set_one(const std::string& list, const std::string& resource, const std::string& value) {
    object_["status"][list][resource] = canonical(value);
    change();
  }
  void heartbeat() { change(); }

  const k8s::NodeObject& node() const { return node_; }
  const nlohmann::json& object() const { return object_; }
  std::string version() const { return object_["metadata"]["resourceVersion"].get<std::string>(); }
  int writes() const { return writes_; }

 private:
  std::string change() {
    object_["metadata"]["resourceVersion"] = std::to_string(++version_);
    node_ = *k8s::node_from(object_);
    return version();
  }
  static std::string canonical(const std::string& quantity) {
    if (quantity.size() < 4 || !quantity.ends_with("000")) return quantity;
    return quantity.substr(0, quantity.size() - 3) + "k";
  }

  nlohmann::json object_;
  k8s::NodeObject node_;
  int version_ = 100;
  int writes_ = 0;
};

/// An account that offers so much; the node has 100 CPUs and 100 GiB, of which a third is margin.
inline Offer offering(std::int64_t milli, std::int64_t bytes = 20 * kGi, const std::string& node = "n") {
  Offer offer;
  auto& account = offer.account;
  account.node = model::NodeName(node);
  account.policy = model::PolicyVersion(3);
  account.data_age = std::chrono::seconds(1);
  account.cpu.capacity = model::MilliCpu(100'000);
  account.cpu.margin = model::MilliCpu(35'000);
  account.cpu.published = account.cpu.origin = account.cpu.offered = model::MilliCpu(milli);
  account.memory.capacity = model::Bytes(100 * kGi);
  account.memory.margin = model::Bytes(35 * kGi);
  account.memory.published = account.memory.origin = account.memory.offered = model::Bytes(bytes);
  return offer;
}

/// An account of this rule, which offers nothing.
inline Offer ruled(model::ReclaimRule rule) {
  Offer offer = offering(0, 0);
  offer.account.cpu.rule = offer.account.cpu.mid_rule = rule;
  offer.account.memory.rule = offer.account.memory.mid_rule = rule;
  return offer;
}

}  // namespace tideline::publish
