#pragma once

#include <string>

#include <capnp/blob.h>
#include <kj/string.h>

namespace tideline::codec {

/// A view of `text`, with its NUL bytes; `text` must outlive it.
inline kj::StringPtr ptr(const std::string& text) {
  return {text.c_str(), text.size()};
}

inline std::string str(capnp::Text::Reader text) {
  return {text.cStr(), text.size()};
}

}  // namespace tideline::codec
