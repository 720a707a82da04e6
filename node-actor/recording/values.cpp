#include "node-actor/recording/values.h"

namespace tideline::recording {

std::string_view name_of(decide::CpusetSide side) {
  switch (side) {
    case decide::CpusetSide::kAbsent:
      return "absent";
    case decide::CpusetSide::kNotInPlace:
      return "not-in-place";
    case decide::CpusetSide::kInPlace:
      return "in-place";
    case decide::CpusetSide::kComplemented:
      return "complemented";
  }
  return "unknown";
}

std::string_view name_of(decide::KubeletCpuManager manager) {
  switch (manager) {
    case decide::KubeletCpuManager::kNone:
      return "none";
    case decide::KubeletCpuManager::kStatic:
      return "static";
  }
  return "unknown";
}

std::string_view name_of(decide::EvictTask task) {
  switch (task) {
    case decide::EvictTask::kBeSatisfaction:
      return "be-satisfaction";
    case decide::EvictTask::kBatchAllocatable:
      return "batch-allocatable";
    case decide::EvictTask::kCpuAllocatable:
      return "cpu-allocatable";
    case decide::EvictTask::kNodeUsage:
      return "node-usage";
    case decide::EvictTask::kBeMemory:
      return "be-memory";
    case decide::EvictTask::kBatchMemoryAllocatable:
      return "batch-memory-allocatable";
    case decide::EvictTask::kMemoryAllocatable:
      return "memory-allocatable";
    case decide::EvictTask::kNodeMemory:
      return "node-memory";
  }
  return "unknown";
}

std::string_view name_of(model::GroupRef::Level level) {
  switch (level) {
    case model::GroupRef::Level::kRoot:
      return "root";
    case model::GroupRef::Level::kPod:
      return "pod";
    case model::GroupRef::Level::kContainer:
      return "container";
  }
  return "unknown";
}

Json Writer::json_of(const model::KnobValue& value) {
  if (const auto* limit = std::get_if<model::Limit>(&value)) return {{"limit", json_of(limit->cpu)}};
  if (const auto* number = std::get_if<model::Number>(&value)) return {{"number", number->value}};
  if (const auto* memory = std::get_if<model::MemoryLimit>(&value)) return {{"bytes", json_of(memory->bytes)}};
  return {{"cpus", std::get<model::CpuSet>(value).text()}};
}

Json Writer::json_of(const decide::CurrentLimit& value) {
  switch (value.kind) {
    case decide::CurrentLimit::Kind::kUnknown:
      return "unknown";
    case decide::CurrentLimit::Kind::kNoQuota:
      return "none";
    case decide::CurrentLimit::Kind::kQuota:
      return value.quota.value();
  }
  return nullptr;
}

void Reader::read(const Json& json, const std::string& path, model::CpuSet& value) {
  std::string text;
  read(json, path, text);
  if (auto set = model::CpuSet::parse(text)) {
    value = std::move(*set);
  } else {
    fail(path, "a list of CPUs", json);
  }
}

void Reader::read(const Json& json, const std::string& path, model::KnobValue& value) {
  constexpr std::string_view kKinds = "limit, number, cpus or bytes";
  if (!json.is_object() || json.size() != 1) return fail(path, kKinds, json);
  const auto& kind = json.begin().key();
  const auto& content = json.begin().value();
  if (kind == "limit") return read(content, path, value.emplace<model::Limit>().cpu);
  if (kind == "number") return read(content, path, value.emplace<model::Number>().value);
  if (kind == "cpus") return read(content, path, value.emplace<model::CpuSet>());
  if (kind == "bytes") return read(content, path, value.emplace<model::MemoryLimit>().bytes);
  fail(path, kKinds, json);
}

void Reader::read(const Json& json, const std::string& path, decide::CurrentLimit& value) {
  if (json == "unknown") {
    value = decide::CurrentLimit::unknown();
  } else if (json == "none") {
    value = decide::CurrentLimit::none();
  } else {
    value = decide::CurrentLimit::of({});
    read(json, path, value.quota);
  }
}

}  // namespace tideline::recording
