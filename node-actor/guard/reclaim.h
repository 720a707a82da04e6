#pragma once
// Taking page cache back from a group: what the slow writer does with SlowRequest::Kind::kReclaim and kLower. All block
// for as long as it takes.

#include <cstdint>
#include <functional>
#include <string>

#include "messages/model/result.h"
#include "node-actor/kernel/writer.h"

namespace tideline::guard {

/// Asked before each write; no function: always.
using MayWrite = std::function<bool()>;

struct Reclaiming {
  /// kFenced; kOverloaded: less could be freed than was asked for. Else the kernel's answer.
  model::Result<void> result;
  std::int64_t freed_bytes = 0;  // by which the group's usage fell meanwhile; others may allocate, so >= 0
};

/// cgroup v1 has no memory.reclaim: the group's limit goes down to `lowest`, which makes the kernel reclaim what it
/// uses above, and back to what it was. Only while the group can give that much page cache and as much again: a group
/// at its limit that cannot reclaim has its OOM killer run. On every way out but kFenced the limit is as before;
/// whoever fenced puts it back himself, and this write must not come after.
Reclaiming reclaim_v1(const kernel::FileIdentity& limit_file, const std::string& lowest,
                      const MayWrite& may_write = {});
/// As reclaim_v1, but the limit stays where it went down to: a group that fills up at once what is taken from it cannot
/// be held lower otherwise, as cgroup v1 takes no limit below the use before it has reclaimed what is above.
Reclaiming lower_v1(const kernel::FileIdentity& limit_file, const std::string& limit, const MayWrite& may_write = {});
/// `bytes` into memory.reclaim of the group of `beside`.
Reclaiming reclaim_v2(const kernel::FileIdentity& beside, std::int64_t bytes, const MayWrite& may_write = {});

}  // namespace tideline::guard
