#include "k8s-bridge/translate/batch_names.h"

#include <algorithm>

#include <fmt/format.h>

#include "messages/model/json_text.h"

namespace tideline::k8s {

std::string_view name_of(BatchName name) {
  switch (name) {
    case BatchName::kKubernetes:
      return "kubernetes.io";
    case BatchName::kKoordinator:
      return "koordinator.sh";
    case BatchName::kAlibaba:
      return "alibabacloud.com";
  }
  return "unknown";
}

bool OlderNames::has(BatchName name) const {
  switch (name) {
    case BatchName::kKubernetes:
      return false;
    case BatchName::kKoordinator:
      return koordinator;
    case BatchName::kAlibaba:
      return alibaba;
  }
  return false;
}

void OlderNames::add(BatchName name) {
  if (name == BatchName::kKoordinator) koordinator = true;
  if (name == BatchName::kAlibaba) alibaba = true;
}

model::Result<OlderNames> older_names_from(std::string_view text) {
  OlderNames names;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    const auto word = text.substr(0, end);
    if (word == name_of(BatchName::kKoordinator)) {
      names.koordinator = true;
    } else if (word == name_of(BatchName::kAlibaba)) {
      names.alibaba = true;
    } else {
      return model::Error(model::ErrorCode::kInvalidArgument,
                          fmt::format("\"{}\": want koordinator.sh, alibabacloud.com, or both with a comma between",
                                      model::printable(word, 64)));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return names;
}

}  // namespace tideline::k8s
