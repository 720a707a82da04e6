#include "node-actor/actor/kubelet_cpus.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "node-actor/actor/state_file.h"

namespace tideline::node {
namespace {

using Json = nlohmann::json;
using decide::KubeletCpuManager;
using model::CpuSet;
using model::Error;
using model::ErrorCode;
using model::Result;

Error malformed(const std::string& what) {
  return {ErrorCode::kMalformed, what};
}

Result<CpuSet> set_of(const Json& value, const std::string& where) {
  if (!value.is_string()) return malformed(fmt::format("{}: want a CPU list, found {}", where, value.type_name()));
  auto set = CpuSet::parse(value.get_ref<const std::string&>());
  if (!set) return set.error().in(where);
  return set;
}

/// Adds the CPUs of one container.
Result<void> add(KubeletCpus& cpus, const Json& value, const std::string& where) {
  const auto set = set_of(value, where);
  if (!set) return set.error();
  if (++cpus.containers > KubeletCpus::kMaxContainers) {
    return malformed(fmt::format("entries: more than {} containers", KubeletCpus::kMaxContainers));
  }
  cpus.exclusive = cpus.exclusive | *set;
  return {};
}

Result<void> add_entries(KubeletCpus& cpus, const Json& entries) {
  if (!entries.is_object()) return malformed(fmt::format("entries: want an object, found {}", entries.type_name()));
  for (const auto& [key, value] : entries.items()) {
    if (!value.is_object()) {
      if (auto added = add(cpus, value, "entries." + key); !added) return added;
      continue;
    }
    for (const auto& [container, set] : value.items()) {
      if (auto added = add(cpus, set, fmt::format("entries.{}.{}", key, container)); !added) return added;
    }
  }
  return {};
}

/// For a report: what a file says may be long and is anything.
std::string plain(std::string text) {
  constexpr std::size_t kMost = 200;
  if (text.size() > kMost) text.resize(kMost);
  std::replace_if(
      text.begin(), text.end(), [](char each) { return each < ' ' || each > '~'; }, '?');
  return text;
}

/// 0, or why it is not there, as an errno.
int missing(const std::string& directory) {
  struct stat found {};
  if (::stat(directory.c_str(), &found) != 0) return errno;
  return S_ISDIR(found.st_mode) ? 0 : ENOTDIR;
}

}  // namespace

Result<KubeletCpus> parse_kubelet_cpus(std::string_view text) {
  if (text.size() > KubeletCpus::kMaxBytes) {
    return malformed(fmt::format("{} bytes, limit {}", text.size(), KubeletCpus::kMaxBytes));
  }
  const auto state = Json::parse(text, nullptr, false);
  if (!state.is_object()) return malformed("want a JSON object");
  const auto policy = state.find("policyName");
  if (policy == state.end() || !policy->is_string()) return malformed("policyName: want a text");
  const auto& name = policy->get_ref<const std::string&>();
  KubeletCpus cpus;
  if (name == "none" || name.empty()) return cpus;
  if (name != "static") return malformed(fmt::format("policyName: want none or static, found \"{}\"", name));
  cpus.manager = KubeletCpuManager::kStatic;
  if (const auto shared = state.find("defaultCpuSet"); shared != state.end()) {
    auto set = set_of(*shared, "defaultCpuSet");
    if (!set) return set.error();
    cpus.shared = std::move(*set);
  }
  if (const auto entries = state.find("entries"); entries != state.end() && !entries->is_null()) {
    if (auto added = add_entries(cpus, *entries); !added) return added.error();
  }
  return cpus;
}

bool KubeletCpuFile::look() {
  struct stat now {};
  Stamp stamp;
  if (::stat(path_.c_str(), &now) == 0) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    stamp = {now.st_ino, now.st_size, std::int64_t{now.st_mtim.tv_sec} * kSecond + now.st_mtim.tv_nsec, 0};
  } else if (errno != ENOENT && errno != ENOTDIR) {
    stamp.size = -errno - 1;  // another kind of absence
  } else if (directory_.required) {
    stamp.no_directory = missing(directory_.path);
  }
  if (seen_ == stamp) return false;
  seen_ = stamp;
  problem_.clear();
  if (stamp.no_directory != 0) {
    problem_ = fmt::format("{}: {}", directory_.path, std::strerror(stamp.no_directory));
    return true;
  }
  const auto text = read_state_file(path_, KubeletCpus::kMaxBytes);
  if (text && !*text) {
    cpus_ = KubeletCpus{};
    is_absent_ = true;
    return true;
  }
  auto parsed = text ? parse_kubelet_cpus(**text) : Result<KubeletCpus>(text.error());
  if (parsed) {
    cpus_ = std::move(*parsed);
    is_absent_ = false;
  } else {
    problem_ = text ? path_ + ": " + plain(parsed.error().message()) : parsed.error().message();
  }
  return true;
}

std::string KubeletCpuFile::text() const {
  std::string said;
  if (!cpus_) {
    said = "it is not known which CPUs kubelet gave away: " + problem_;
  } else if (is_absent_) {
    said = fmt::format("kubelet's CPU manager: none, for there is no {}", path_);
  } else {
    said = fmt::format("kubelet's CPU manager: {}, by {}",
                       cpus_->manager == KubeletCpuManager::kStatic ? "static" : "none", path_);
  }
  if (cpus_ && !problem_.empty()) said += "; that was before: " + problem_;
  if (said.size() > kMaxTextBytes) said.resize(kMaxTextBytes);
  return said;
}

}  // namespace tideline::node
