#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "coordinator/policy/field.h"
#include "coordinator/policy/key_parts.h"

namespace tideline::policy {
namespace {

using model::CpuQosPolicy;
using model::MemoryQosPolicy;
using model::NodePolicy;
using model::QosPolicy;

// The greatest whole number that every reader of JSON knows.
constexpr double kMaxWhole = 9007199254740991;

/// Places of one class' memoryQOS; of a class that is not acted on none.
struct MemoryFields {
  Field<NodePolicy> enable;
  Field<NodePolicy> min_limit;
  Field<NodePolicy> low_limit;
  Field<NodePolicy> throttling;
  Field<NodePolicy> wmark_ratio;
  Field<NodePolicy> wmark_scale;
  Field<NodePolicy> wmark_adj;
  Field<NodePolicy> priority_enable;
  Field<NodePolicy> priority;
  Field<NodePolicy> oom_kill_group;
  Field<NodePolicy> cache_enable;
  Field<NodePolicy> cache_percent;
  Field<NodePolicy> cache_size;
  Field<NodePolicy> cache_sync;
};

/// Paths of one class, whose texts must outlive the table.
struct ClassPaths {
  std::string_view prefix;
  Field<NodePolicy> enable;
  Field<NodePolicy> group_identity;
  Field<NodePolicy> sched_idle;
  Field<NodePolicy> core_expeller;
  MemoryFields memory;
  std::string_view identity_default;
  std::string_view expeller_default;
  std::string_view wmark_ratio;
  std::string_view wmark_scale;
  std::string_view wmark_adj;
  std::string_view cat_end;
};

template <CpuQosPolicy QosPolicy::*Class>
constexpr auto kEnable = kAt<&NodePolicy::qos, Class, &CpuQosPolicy::enable>;
template <CpuQosPolicy QosPolicy::*Class>
constexpr auto kIdentity = kAt<&NodePolicy::qos, Class, &CpuQosPolicy::group_identity>;
template <CpuQosPolicy QosPolicy::*Class>
constexpr auto kIdle = kAt<&NodePolicy::qos, Class, &CpuQosPolicy::sched_idle>;
template <CpuQosPolicy QosPolicy::*Class>
constexpr auto kExpeller = kAt<&NodePolicy::qos, Class, &CpuQosPolicy::core_expeller>;

template <MemoryQosPolicy QosPolicy::*Class, auto Part>
constexpr auto kMemoryAt = kAt<&NodePolicy::qos, Class, Part>;
template <MemoryQosPolicy QosPolicy::*Class, auto Part>
constexpr auto kMemoryBit = bit_at<NodePolicy, &NodePolicy::qos, Class, Part>();
template <MemoryQosPolicy QosPolicy::*Class>
constexpr MemoryFields kMemory = {
    .enable = kMemoryAt<Class, &MemoryQosPolicy::enable>,
    .min_limit = kMemoryAt<Class, &MemoryQosPolicy::min_limit_percent>,
    .low_limit = kMemoryAt<Class, &MemoryQosPolicy::low_limit_percent>,
    .throttling = kMemoryAt<Class, &MemoryQosPolicy::throttling_percent>,
    .wmark_ratio = kMemoryAt<Class, &MemoryQosPolicy::wmark_ratio>,
    .wmark_scale = kMemoryAt<Class, &MemoryQosPolicy::wmark_scale_permill>,
    .wmark_adj = kMemoryAt<Class, &MemoryQosPolicy::wmark_min_adj>,
    .priority_enable = kMemoryBit<Class, &MemoryQosPolicy::priority_enable>,
    .priority = kMemoryAt<Class, &MemoryQosPolicy::priority>,
    .oom_kill_group = kMemoryBit<Class, &MemoryQosPolicy::oom_kill_group>,
    .cache_enable = kMemoryAt<Class, &MemoryQosPolicy::page_cache_enable>,
    .cache_percent = kMemoryAt<Class, &MemoryQosPolicy::page_cache_limit_percent>,
    .cache_size = kMemoryAt<Class, &MemoryQosPolicy::page_cache_limit_size>,
    .cache_sync = kMemoryAt<Class, &MemoryQosPolicy::page_cache_reclaim_sync>,
};

/// Composed paths live as long as the program, like the literals beside them.
std::string_view keep(std::string text) {
  static std::vector<std::unique_ptr<std::string>> kept;
  kept.push_back(std::make_unique<std::string>(std::move(text)));
  return *kept.back();
}

KeySpec of_class(const ClassPaths& c, std::string_view path, KeyType type, std::string_view default_text,
                 std::string_view meaning) {
  return key(kQosKey, keep(fmt::format("{}.{}", c.prefix, path)), type, default_text, meaning);
}

KeySpec acted_where_carried(KeySpec spec, Field<NodePolicy> field) {
  return field.apply ? acted(std::move(spec), field) : spec;
}

void add_memory(std::vector<KeySpec>& out, const ClassPaths& c) {
  const auto integer = [&](std::string_view path, std::string_view default_text, double min, double max,
                           std::string_view meaning, Field<NodePolicy> field) {
    KeySpec spec = between(of_class(c, path, KeyType::kInteger, default_text, meaning), min, max);
    out.push_back(acted_where_carried(std::move(spec), field));
  };
  const auto flag = [&](std::string_view path, std::string_view default_text, std::string_view meaning,
                        Field<NodePolicy> field) {
    out.push_back(acted_where_carried(of_class(c, path, KeyType::kBool, default_text, meaning), field));
  };
  const MemoryFields& at = c.memory;
  flag("memoryQOS.enable", "false", "memory QoS of this class on or off", at.enable);
  integer("memoryQOS.minLimitPercent", "0", 0, 100, "% of the request in memory.min", at.min_limit);
  integer("memoryQOS.lowLimitPercent", "0", 0, 100, "% of the request in memory.low", at.low_limit);
  integer("memoryQOS.throttlingPercent", "0", 0, 100, "where memory.high lies between request and limit",
          at.throttling);
  integer("memoryQOS.wmarkRatio", c.wmark_ratio, 0, 100, "memory.wmark_ratio (Alibaba Cloud Linux)", at.wmark_ratio);
  integer("memoryQOS.wmarkScalePermill", c.wmark_scale, 1, 1000, "memory.wmark_scale_factor (Alibaba Cloud Linux)",
          at.wmark_scale);
  integer("memoryQOS.wmarkMinAdj", c.wmark_adj, -25, 50, "memory.wmark_min_adj (Alibaba Cloud Linux)", at.wmark_adj);
  integer("memoryQOS.priorityEnable", "0", 0, 1, "memory.use_priority_oom (Alibaba Cloud Linux)", at.priority_enable);
  integer("memoryQOS.priority", "0", 0, 12, "memory.priority (Alibaba Cloud Linux)", at.priority);
  integer("memoryQOS.oomKillGroup", "0", 0, 1, "memory.oom.group", at.oom_kill_group);
  flag("memoryQOS.pageCacheEnable", "unset", "page cache limit (Alibaba Cloud Linux)", at.cache_enable);
  integer("memoryQOS.pageCacheLimitPercent", "unset", 0, 100, "page cache limit, % of the memory limit",
          at.cache_percent);
  integer("memoryQOS.pageCacheLimitSize", "unset", 0, kMaxWhole, "page cache limit in bytes", at.cache_size);
  flag("memoryQOS.pageCacheReclaimSync", "unset", "reclaim page cache in the allocator", at.cache_sync);
}

void add_class(std::vector<KeySpec>& out, const ClassPaths& c) {
  const auto of = [&c](std::string_view path, KeyType type, std::string_view default_text, std::string_view meaning) {
    return of_class(c, path, type, default_text, meaning);
  };
  const auto integer = [&of](std::string_view path, std::string_view default_text, double min, double max,
                             std::string_view meaning) {
    return between(of(path, KeyType::kInteger, default_text, meaning), min, max);
  };
  const auto carry = [](KeySpec spec, Field<NodePolicy> field) {
    return field.apply ? carried(std::move(spec), field) : spec;
  };
  out.push_back(
      acted_where_carried(of("cpuQOS.enable", KeyType::kBool, "false", "CPU QoS of this class on or off"), c.enable));
  out.push_back(acted_where_carried(
      integer("cpuQOS.groupIdentity", c.identity_default, -1, 2, "cpu.bvt_warp_ns of this class"), c.group_identity));
  KeySpec idle = integer("cpuQOS.schedIdle", "0", 0, 1, "cpu.idle of this class; nodes set it for beClass only");
  out.push_back(c.prefix == "beClass" ? acted_where_carried(std::move(idle), c.sched_idle)
                                      : carry(std::move(idle), c.sched_idle));
  out.push_back(acted_where_carried(
      of("cpuQOS.coreExpeller", KeyType::kBool, c.expeller_default,
         "keep classes without it off the sibling hyperthread; means something under coreSched only"),
      c.core_expeller));
  add_memory(out, c);
  out.push_back(of("memoryLocality", KeyType::kObject, "unset", "memory near the CPUs, of ack-koordinator alone"));
  out.push_back(of("resctrlQOS.enable", KeyType::kBool, "false", "cache and memory bandwidth QoS on or off"));
  out.push_back(integer("resctrlQOS.catRangeStartPercent", "0", 0, 100, "first % of the L3 cache's ways"));
  out.push_back(integer("resctrlQOS.catRangeEndPercent", c.cat_end, 0, 100, "last % of the L3 cache's ways"));
  out.push_back(integer("resctrlQOS.mbaPercent", "100", 0, 100, "% of memory bandwidth"));
  out.push_back(of("blkioQOS.enable", KeyType::kBool, "false", "block I/O QoS on or off"));
  out.push_back(of("blkioQOS.blocks", KeyType::kObjectList, "[]", "limits per block device"));
  out.push_back(of("networkQOS.enable", KeyType::kBool, "false", "network QoS on or off"));
  for (const auto* path : {"ingressRequest", "ingressLimit", "egressRequest", "egressLimit"}) {
    out.push_back(of(keep(fmt::format("networkQOS.{}", path)), KeyType::kIntegerOrText, "0",
                     "% of the node's bandwidth, or bits/s as a quantity"));
  }
}

}  // namespace

void add_qos(std::vector<KeySpec>& out) {
  const auto of = [](std::string_view path, KeyType type, std::string_view default_text, std::string_view meaning) {
    return key(kQosKey, path, type, default_text, meaning);
  };
  KeySpec how = one_of(of("policies.cpuPolicy", KeyType::kText, "\"groupIdentity\"",
                          "mechanism behind cpuQOS: cpu.bvt_warp_ns, or core scheduling cookies"),
                       {"groupIdentity", "coreSched"});
  out.push_back(acted(std::move(how), kAt<&NodePolicy::qos, &QosPolicy::cpu_policy>));
  out.push_back(one_of(of("policies.netQOSPolicy", KeyType::kText, "\"tc\"", "mechanism behind networkQOS"),
                       {"tc", "terway-qos"}));
  add_class(out, {"lsrClass", kEnable<&QosPolicy::lsr>, kIdentity<&QosPolicy::lsr>, kIdle<&QosPolicy::lsr>,
                  kExpeller<&QosPolicy::lsr>, kMemory<&QosPolicy::lsr_memory>, "2", "true", "95", "20", "-25", "100"});
  add_class(out, {"lsClass", kEnable<&QosPolicy::ls>, kIdentity<&QosPolicy::ls>, kIdle<&QosPolicy::ls>,
                  kExpeller<&QosPolicy::ls>, kMemory<&QosPolicy::ls_memory>, "2", "true", "95", "20", "-25", "100"});
  add_class(out, {"beClass", kEnable<&QosPolicy::be>, kIdentity<&QosPolicy::be>, kIdle<&QosPolicy::be>,
                  kExpeller<&QosPolicy::be>, kMemory<&QosPolicy::be_memory>, "-1", "false", "95", "20", "50", "30"});
  add_class(out, {"systemClass", {}, {}, {}, {}, {}, "0", "false", "0", "50", "0", "100"});
  add_class(out, {"cgroupRoot", {}, {}, {}, {}, {}, "0", "false", "0", "50", "0", "100"});
}

}  // namespace tideline::policy
