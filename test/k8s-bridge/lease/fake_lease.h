#pragma once
// The API server's part of it: one Lease, which a write of an older version does not change.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "k8s-bridge/lease/elector.h"

namespace tideline::lease {

class FakeLease {
 public:
  Answer serve(const Call& call) {
    switch (call.kind) {
      case Call::Kind::kRead:
        return object_ ? shown(200) : answer_of(404, "{}", "404 Not Found");
      case Call::Kind::kCreate:
        if (object_) return answer_of(409, "{}", "409 Conflict: it exists");
        put(nlohmann::json::parse(call.body));
        return shown(201);
      case Call::Kind::kUpdate:
        break;
    }
    if (!object_) return answer_of(404, "{}", "404 Not Found");
    auto fresh = nlohmann::json::parse(call.body);
    if (fresh.at("metadata").at("resourceVersion") != object_->at("metadata").at("resourceVersion")) {
      return answer_of(409, "{}", "409 Conflict: it was changed");
    }
    put(std::move(fresh));
    return shown(200);
  }

  /// What kubectl does.
  void put(nlohmann::json object) {
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    object_ = std::move(object);
  }
  void put_record(const Record& record) {
    put(nlohmann::json::parse(created("tideline-system", "tideline-coordinator", record)));
  }
  void label(const std::string& value) {
    if (!object_) return;
    auto labelled = *object_;
    labelled["metadata"]["labels"]["touched"] = value;
    put(std::move(labelled));
  }
  void remove() { object_.reset(); }

  bool is_there() const { return object_.has_value(); }
  const nlohmann::json& object() const { return *object_; }
  Record record() const { return lease_from(object_->dump())->record; }

 private:
  Answer shown(unsigned status) const { return answer_of(status, object_->dump(), std::to_string(status)); }

  std::optional<nlohmann::json> object_;
  std::uint64_t version_ = 0;
};

}  // namespace tideline::lease
