#include "coordinator/admin/container.h"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <system_error>

namespace tideline::admin {

bool in_container(const std::filesystem::path& root) {
  const std::initializer_list<const char*> marks = {".dockerenv", "run/.containerenv", "run/systemd/container"};
  return std::getenv("KUBERNETES_SERVICE_HOST") != nullptr || std::getenv("container") != nullptr ||
         std::any_of(marks.begin(), marks.end(), [&](const char* mark) {
           std::error_code unreadable;
           return std::filesystem::exists(root / mark, unreadable);
         });
}

}  // namespace tideline::admin
