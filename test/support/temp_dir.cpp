#include "test/support/temp_dir.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <linux/magic.h>
#include <sys/vfs.h>

namespace tideline::test {

TempDir::TempDir() {
  std::string pattern = (std::filesystem::temp_directory_path() / "tideline-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp " + pattern);
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::write(const std::string& relative, const std::string& text) const {
  const auto file = path_ / relative;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << text;
  return file.string();
}

std::string TempDir::read(const std::string& relative) const {
  std::ifstream in(path_ / relative);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

bool TempDir::is_on_disk() const {
  struct statfs about {};
  return ::statfs(path_.c_str(), &about) == 0 && about.f_type != TMPFS_MAGIC && about.f_type != RAMFS_MAGIC;
}

}  // namespace tideline::test
