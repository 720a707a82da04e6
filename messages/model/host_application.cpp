#include "messages/model/host_application.h"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace tideline::model {
namespace {

/// Of text from outside, what an error shows.
std::string shown(std::string_view text) {
  constexpr std::size_t kMaxShown = 80;
  std::string out(text.substr(0, kMaxShown));
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text.size() > kMaxShown ? out + "..." : out;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

/// What of the path leads nowhere good; "" where all of it does.
std::string bad_component(std::string_view path) {
  while (true) {
    const auto slash = std::min(path.find('/'), path.size());
    const auto part = path.substr(0, slash);
    if (part.empty()) return "an empty component";
    if (part == "." || part == "..") return fmt::format("the component \"{}\"", part);
    if (slash == path.size()) return "";
    path.remove_prefix(slash + 1);
  }
}

std::string group_text(const HostApplication& application) {
  return fmt::format("{}/{}", name_of(application.base), application.path);
}

/// As it stands inside of a JSON text; systemd's names have backslashes.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string_view name_of(CgroupBase base) {
  switch (base) {
    case CgroupBase::kCgroupRoot:
      return "CgroupRoot";
    case CgroupBase::kKubepods:
      return "Kubepods";
    case CgroupBase::kKubepodsBurstable:
      return "KubepodsBurstable";
    case CgroupBase::kKubepodsBesteffort:
      return "KubepodsBesteffort";
  }
  return "unknown";
}

std::optional<CgroupBase> cgroup_base_from(std::string_view text) {
  for (const auto base : {CgroupBase::kCgroupRoot, CgroupBase::kKubepods, CgroupBase::kKubepodsBurstable,
                          CgroupBase::kKubepodsBesteffort}) {
    if (text == name_of(base)) return base;
  }
  return std::nullopt;
}

std::string_view priority_class_of(Tier tier) {
  switch (tier) {
    case Tier::kProd:
      return "koord-prod";
    case Tier::kMid:
      return "koord-mid";
    case Tier::kBatch:
      return "koord-batch";
    case Tier::kFree:
      return "koord-free";
  }
  return "unknown";
}

std::optional<Tier> tier_from_priority_class(std::string_view text) {
  for (const auto tier : {Tier::kProd, Tier::kMid, Tier::kBatch, Tier::kFree}) {
    if (text == priority_class_of(tier)) return tier;
  }
  return std::nullopt;
}

std::string default_path_of(const std::string& name, QosClass qos) {
  switch (qos) {
    case QosClass::kLse:
    case QosClass::kLsr:
    case QosClass::kLs:
      return "host-latency-sensitive/" + name;
    case QosClass::kBe:
      return "host-best-effort/" + name;
    case QosClass::kSystem:
      break;
  }
  return name;
}

Result<void> validate(const HostApplication& application) {
  using Limits = HostApplicationLimits;
  const auto& [name, tier, qos, base, path] = application;
  if (name.empty()) return Error(ErrorCode::kInvalidArgument, "name is empty");
  if (name.size() > Limits::kMaxNameBytes) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("name has {} bytes; at most {}", name.size(), Limits::kMaxNameBytes));
  }
  if (has_control(name) || name.find('/') != std::string::npos) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("name is \"{}\"; want a name, not a path", shown(name)));
  }
  if (path.size() > Limits::kMaxPathBytes) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("application \"{}\": its path has {} bytes; at most {}",
                                                          shown(name), path.size(), Limits::kMaxPathBytes));
  }
  auto bad = bad_component(path);
  if (bad.empty() && has_control(path)) bad = "a control character";
  if (bad.empty()) return {};
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("application \"{}\": its path \"{}\" below {} has {}; want a group below the base",
                           shown(name), shown(path), name_of(base), bad));
}

Result<void> validate(const std::vector<HostApplication>& applications) {
  if (applications.size() > HostApplicationLimits::kMaxApplications) {
    return Error(ErrorCode::kOverloaded, fmt::format("{} host applications; at most {}", applications.size(),
                                                     HostApplicationLimits::kMaxApplications));
  }
  std::map<std::string_view, std::size_t> names;
  std::map<std::string, std::size_t> groups;
  for (std::size_t i = 0; i < applications.size(); ++i) {
    const auto& application = applications[i];
    if (auto ok = validate(application); !ok) return ok.error().in(fmt::format("[{}]", i));
    if (const auto [first, fresh] = names.emplace(application.name, i); !fresh) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("[{}].name is \"{}\", which [{}] has already", i,
                                                            shown(application.name), first->second));
    }
    if (const auto [first, fresh] = groups.emplace(group_text(application), i); !fresh) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("[{}] is the group {}, which [{}] is already", i,
                                                            shown(group_text(application)), first->second));
    }
  }
  return {};
}

std::string text_of(const std::vector<HostApplication>& applications) {
  std::string out = "[";
  for (const auto& application : applications) {
    out += fmt::format(R"({}{{"name":"{}","priority":"{}","qos":"{}","cgroup":"{}"}})", out.size() > 1 ? "," : "",
                       escaped(application.name), priority_class_of(application.tier), name_of(application.qos),
                       escaped(group_text(application)));
  }
  return out + "]";
}

std::string_view name_of(ApplicationState state) {
  switch (state) {
    case ApplicationState::kMeasured:
      return "measured";
    case ApplicationState::kNotFound:
      return "not-found";
    case ApplicationState::kUnreadable:
      return "unreadable";
    case ApplicationState::kHoldsPods:
      return "holds-pods";
  }
  return "unknown";
}

}  // namespace tideline::model
