#include "coordinator/admin/container.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "test/support/temp_dir.h"

namespace tideline::admin {
namespace {

class Container : public testing::Test {
 protected:
  void SetUp() override {
    ::unsetenv("KUBERNETES_SERVICE_HOST");
    ::unsetenv("container");
  }
  void TearDown() override { SetUp(); }

  const test::TempDir root_;
};

TEST_F(Container, AHostHasNoMark) {
  EXPECT_FALSE(in_container(root_.path()));
  root_.write("run/systemd/notify", "");
  EXPECT_FALSE(in_container(root_.path()));
}

TEST_F(Container, IsKnownByTheMarkOfItsRuntime) {
  for (const char* mark : {".dockerenv", "run/.containerenv", "run/systemd/container"}) {
    const test::TempDir root;
    root.write(mark, "lxc\n");
    EXPECT_TRUE(in_container(root.path())) << mark;
  }
}

TEST_F(Container, IsKnownByItsEnvironment) {
  for (const char* variable : {"KUBERNETES_SERVICE_HOST", "container"}) {
    ::setenv(variable, "systemd-nspawn", 1);
    EXPECT_TRUE(in_container(root_.path())) << variable;
    ::unsetenv(variable);
  }
}

}  // namespace
}  // namespace tideline::admin
