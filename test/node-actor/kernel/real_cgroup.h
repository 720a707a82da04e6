#pragma once
// What the tests on real cgroups share.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "messages/model/pod.h"
#include "node-actor/kernel/cgroup_tree.h"
#include "node-actor/kernel/writer.h"
#include "test/support/scratch_cgroup.h"

namespace tideline::kernel::test {

class OpenGate : public WriteGate {
 public:
  model::Result<void> before_write(const FileIdentity& file, const std::string&, const model::KernelWrite&) override {
    last = file;
    return {};
  }
  FileIdentity last;
};

/// A kubepods tree in the real kernel: an LS pod "ls" below burstable and a BE pod "be" below besteffort.
class RealCgroup : public ::testing::Test {
 protected:
  void SetUp() override {
    TIDELINE_NEED_CGROUPS();
    scratch_ = std::make_unique<tideline::test::ScratchCgroup>();
    scratch_->make("kubepods/burstable/podls/c1");
    scratch_->make("kubepods/besteffort/podbe/c1");
    auto tree = CgroupTree::discover({}, {.kubepods = scratch_->group() + "/kubepods", .driver = {}});
    ASSERT_TRUE(tree.ok()) << tree.error().message();
    tree_ = std::make_unique<CgroupTree>(std::move(*tree));
  }
  void weights(const std::string& burstable, const std::string& besteffort) {
    const std::string file = scratch_->v1() ? "cpu.shares" : "cpu.weight";
    scratch_->write("kubepods/burstable", file, burstable);
    scratch_->write("kubepods/besteffort", file, besteffort);
  }
  static model::Pod pod(const std::string& uid, model::KubeQos kube_qos) {
    model::Pod made;
    made.uid = model::PodUid(uid);
    made.kube_qos = kube_qos;
    made.qos = model::default_qos(kube_qos);
    return made;
  }
  std::unique_ptr<tideline::test::ScratchCgroup> scratch_;
  std::unique_ptr<CgroupTree> tree_;
  std::vector<model::Pod> pods_ = {pod("ls", model::KubeQos::kBurstable), pod("be", model::KubeQos::kBestEffort)};
  OpenGate gate_;
};

}  // namespace tideline::kernel::test
