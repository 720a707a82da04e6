#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <capnp/message.h>

#include "messages/codec/wire.h"
#include "messages/model/report.h"

namespace tideline::rocks {

/// The report's bytes as a session has them that leave its pods out as those of `list`.
inline std::vector<std::byte> without_pods(const model::Report& report, std::uint64_t list) {
  capnp::MallocMessageBuilder whole;
  codec::write(report, whole.initRoot<schema::Report>());
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<schema::Report>();
  codec::write_without_pods(whole.getRoot<schema::Report>().asReader(), list, root);
  return codec::flat_copy(root.asReader(), root.totalSize().wordCount, list);
}

}  // namespace tideline::rocks
