// What deploy/kubernetes says, as a real API server takes it.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "k8s-bridge/measure/metric_json.h"
#include "test/support/kube.h"
#include "test/support/process.h"

namespace tideline::test {
namespace {

using testing::HasSubstr;

std::string folder(const std::string& name) {
  const char* source = std::getenv("TIDELINE_SOURCE");
  return std::string(source == nullptr ? "." : source) + "/deploy/kubernetes/" + name;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

/// What kustomize makes of it, for a server of 1.20: that has disruption budgets as v1beta1 only, and neither
/// cert-manager nor the Prometheus operator, whose objects manifests_test.py looks at.
std::string rendered(const std::string& name) {
  const auto made = run({"kubectl", "kustomize", folder(name)});
  EXPECT_EQ(made.exit, 0) << name << ": " << made.output;
  std::string kept;
  std::stringstream lines(made.output);
  std::string document;
  const auto keep = [&] {
    const auto is_of = [&](const char* group) { return document.find(group) != std::string::npos; };
    if (!is_of("apiVersion: cert-manager.io/") && !is_of("apiVersion: monitoring.coreos.com/")) {
      kept += "---\n" + document;
    }
    document.clear();
  };
  for (std::string line; std::getline(lines, line);) {
    if (line == "---") {
      keep();
    } else {
      document += line + "\n";
    }
  }
  keep();
  return replaced(kept, "apiVersion: policy/v1\n", "apiVersion: policy/v1beta1\n");
}

class Manifests : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!KubeControlPlane::missing().empty()) return;
    plane_ = std::make_unique<KubeControlPlane>();
    for (const char* name_space : {"tideline-system", "tideline-example"}) {
      const auto made = plane_->kubectl({"create", "namespace", name_space});
      ASSERT_EQ(made.exit, 0) << made.output;
    }
    // Rights are tried in earnest.
    const auto applied = plane_->kubectl({"apply", "-f", folder("base/coordinator/rbac.yaml")});
    ASSERT_EQ(applied.exit, 0) << applied.output;
  }
  static void TearDownTestSuite() { plane_.reset(); }
  void SetUp() override { TIDELINE_NEED_KUBE(); }

  static inline std::unique_ptr<KubeControlPlane> plane_;
};

TEST_F(Manifests, TheServerTakesThemAll) {
  for (const char* name : {"base", "overlays/node-certs-from-host", "overlays/bootstrap-certificates",
                           "overlays/standby", "overlays/cert-manager-csi", "overlays/cert-manager-csi/node",
                           "overlays/node-metrics", "overlays/priority-classes", "overlays/example-policy",
                           "overlays/example-workloads", "overlays/monitoring", "overlays/uninstall"}) {
    const auto taken = plane_->kubectl({"apply", "--dry-run=server", "-f", "-"}, rendered(name));
    EXPECT_EQ(taken.exit, 0) << name << ": " << taken.output;
    EXPECT_THAT(taken.output, HasSubstr("(server dry run)")) << name;
  }
}

TEST_F(Manifests, AMisspeltFieldWouldBeRefused) {
  const auto misspelt =
      replaced(rendered("overlays/uninstall"), "terminationGracePeriodSeconds", "terminationGraceSeconds");
  const auto refused = plane_->kubectl({"apply", "--dry-run=server", "-f", "-"}, misspelt);
  EXPECT_NE(refused.exit, 0);
  EXPECT_THAT(refused.output, HasSubstr("terminationGraceSeconds"));
}

TEST_F(Manifests, AnAgentForEachNodeIsPrintedWithItsName) {
  const auto printed = run({folder("overlays/cert-manager-csi/nodes.sh"), "web-1", "ip-10-0-0-1.compute.internal"});
  ASSERT_EQ(printed.exit, 0) << printed.output;
  EXPECT_THAT(printed.output, HasSubstr("csi.cert-manager.io/dns-names: web-1.node.tideline\n"));
  EXPECT_THAT(printed.output, HasSubstr("name: tideline-node-ip-10-0-0-1.compute.internal\n"));
  EXPECT_EQ(printed.output.find("node-name-goes-here"), std::string::npos);
  const auto taken = plane_->kubectl({"apply", "--dry-run=server", "-f", "-"}, printed.output);
  EXPECT_EQ(taken.exit, 0) << taken.output;
  EXPECT_NE(run({folder("overlays/cert-manager-csi/nodes.sh"), "no name"}).exit, 0);
}

TEST_F(Manifests, TheCoordinatorMayDoWhatItDoesAndNothingElse) {
  struct Case {
    std::vector<std::string> question;
    bool allowed;
  };
  const std::vector<Case> cases{
      {{"list", "nodes"}, true},
      {{"watch", "nodes"}, true},
      {{"patch", "nodes", "--subresource=status"}, true},
      {{"list", "pods", "--all-namespaces"}, true},
      {{"watch", "pods", "--all-namespaces"}, true},
      {{"watch", "configmaps/ack-slo-config", "--namespace=kube-system"}, true},
      {{"list", "configmaps/slo-controller-config", "--namespace=koordinator-system"}, true},
      {{"create", "events", "--namespace=kube-system"}, true},
      {{"create", "pods", "--subresource=eviction", "--all-namespaces"}, true},
      {{"create", "pods", "--all-namespaces"}, false},
      {{"get", "nodes"}, false},
      {{"patch", "events", "--namespace=kube-system"}, false},
      {{"patch", "nodes"}, false},
      {{"update", "nodes", "--subresource=status"}, false},
      {{"delete", "nodes"}, false},
      {{"delete", "pods", "--all-namespaces"}, false},
      {{"patch", "pods", "--subresource=status"}, false},
      {{"patch", "nodemetrics.slo.koordinator.sh"}, false},
      {{"create", "pods", "--subresource=exec"}, false},
      {{"list", "configmaps", "--namespace=kube-system"}, false},
      {{"get", "configmaps/coredns", "--namespace=kube-system"}, false},
      {{"update", "configmaps/ack-slo-config", "--namespace=kube-system"}, false},
      {{"get", "secrets", "--namespace=tideline-system"}, false},
      {{"list", "secrets", "--all-namespaces"}, false},
      {{"get", "leases/tideline-coordinator", "--namespace=tideline-system"}, false},
  };
  for (const auto& [question, allowed] : cases) {
    std::vector<std::string> arguments{"auth", "can-i"};
    arguments.insert(arguments.end(), question.begin(), question.end());
    arguments.push_back("--as=system:serviceaccount:tideline-system:tideline-coordinator");
    // The server's own list of roles may be a moment behind.
    std::string answer;
    EXPECT_TRUE(eventually(std::chrono::seconds(allowed ? 10 : 0),
                           [&, allowed = allowed] {
                             const auto asked = plane_->kubectl(arguments);
                             answer = asked.output;
                             return (asked.exit == 0) == allowed;
                           }))
        << testing::PrintToString(question) << ": " << answer;
  }
}

TEST_F(Manifests, NodeMetricsTakeAResourceAndRightsOfTheirOwn) {
  for (const char* file : {"overlays/node-metrics/crd.yaml", "overlays/node-metrics/rbac.yaml"}) {
    const auto applied = plane_->kubectl({"apply", "-f", folder(file)});
    ASSERT_EQ(applied.exit, 0) << applied.output;
  }
  const auto established =
      plane_->kubectl({"wait", "--for=condition=Established", "--timeout=60s", "crd/nodemetrics.slo.koordinator.sh"});
  ASSERT_EQ(established.exit, 0) << established.output;
  const auto may = [](std::vector<std::string> question) {
    std::vector<std::string> arguments{"auth", "can-i"};
    arguments.insert(arguments.end(), question.begin(), question.end());
    arguments.push_back("--as=system:serviceaccount:tideline-system:tideline-coordinator");
    return plane_->kubectl(arguments).exit == 0;
  };
  // The server's own list of roles may be a moment behind.
  EXPECT_TRUE(eventually(std::chrono::seconds(10), [&] { return may({"create", "nodemetrics.slo.koordinator.sh"}); }));
  EXPECT_TRUE(may({"patch", "nodemetrics.slo.koordinator.sh"}));
  EXPECT_TRUE(may({"patch", "nodemetrics.slo.koordinator.sh", "--subresource=status"}));
  EXPECT_FALSE(may({"delete", "nodemetrics.slo.koordinator.sh"}));
  EXPECT_FALSE(may({"list", "nodemetrics.slo.koordinator.sh"}));
  // That no other test finds the rights.
  for (const char* file : {"overlays/node-metrics/rbac.yaml", "overlays/node-metrics/crd.yaml"})
    EXPECT_EQ(plane_->kubectl({"delete", "-f", folder(file)}).exit, 0);
  EXPECT_TRUE(eventually(std::chrono::seconds(10), [&] { return !may({"patch", "nodemetrics.slo.koordinator.sh"}); }));
}

measure::Wanted wanted_metric() {
  return {model::NodeName("n1"), "0f0f0f0f", std::chrono::seconds(60), std::chrono::seconds(300)};
}

/// With a value in every field that is ever written.
nlohmann::json whole_status() {
  model::NodeMetric metric;
  metric.at = model::WallTime{1'772'366'400'000};
  metric.use = metric.system = metric.prod_reclaimable = {model::MilliCpu(1'500), model::Bytes(1 << 30)};
  metric.spreads = {{std::chrono::minutes(5), metric.use, metric.use, metric.use, metric.use, metric.use}};
  metric.pods.emplace_back();
  metric.pods.back() = {"shop", "web", model::Tier::kProd, model::QosClass::kLs, metric.use};
  metric.applications.emplace_back();
  metric.applications.back() = {"proxy", model::Tier::kMid, model::QosClass::kSystem, metric.use};
  return nlohmann::json::parse(measure::status_patch(metric).body).at("status");
}

/// What a merge patch takes away would be a value in an object.
void drop_nulls(nlohmann::json& value) {
  for (auto it = value.begin(); value.is_object() && it != value.end();)
    it = it->is_null() ? value.erase(it) : std::next(it);
  if (value.is_structured()) std::for_each(value.begin(), value.end(), drop_nulls);
}

/// Fields of `value` that the schema does not know, which a server drops, or has another type for.
void misfits(const nlohmann::json& schema, const nlohmann::json& value, const std::string& path,
             std::vector<std::string>& found) {
  if (value.is_null()) return;
  const std::string type = schema.value("type", "");
  if (schema.value("x-kubernetes-int-or-string", false) && (value.is_string() || value.is_number_integer())) return;
  const bool fits = type == "object"    ? value.is_object()
                    : type == "array"   ? value.is_array()
                    : type == "string"  ? value.is_string()
                    : type == "integer" ? value.is_number_integer()
                    : type == "boolean" ? value.is_boolean()
                                        : false;
  if (!fits) found.push_back(path + " is no " + type);
  if (!fits || !value.is_structured()) return;
  for (const auto& [key, each] : value.items()) {
    const auto below = path + "." + key;
    if (type == "array") {
      misfits(schema.at("items"), each, below, found);
    } else if (schema.contains("properties") && schema.at("properties").contains(key)) {
      misfits(schema.at("properties").at(key), each, below, found);
    } else if (schema.contains("additionalProperties")) {
      misfits(schema.at("additionalProperties"), each, below, found);
    } else {
      found.push_back(below + " is not in the schema");
    }
  }
}

TEST_F(Manifests, TheServerTakesTheSchemaOfANodeMetricAndItHasEveryFieldThatIsWritten) {
  ASSERT_EQ(plane_->kubectl({"apply", "-f", folder("overlays/node-metrics/crd.yaml")}).exit, 0);
  nlohmann::json definition;
  const auto condition = [&](const char* kind) -> std::string {
    definition = plane_->get("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/nodemetrics.slo.koordinator.sh");
    for (const auto& each : definition["status"].value("conditions", nlohmann::json::array())) {
      if (each.at("type") == kind) return each.at("status");
    }
    return "";
  };
  EXPECT_TRUE(eventually(std::chrono::seconds(20), [&] { return condition("Established") == "True"; }));
  EXPECT_NE(condition("NonStructuralSchema"), "True");
  const auto& schema = definition.at("spec").at("versions").at(0).at("schema").at("openAPIV3Schema");
  auto object = nlohmann::json::parse(measure::object_body(wanted_metric()));
  object["status"] = whole_status();
  drop_nulls(object);
  object.erase("metadata");
  std::vector<std::string> found;
  misfits(schema, object, "", found);
  EXPECT_THAT(found, testing::IsEmpty());
  EXPECT_EQ(plane_->kubectl({"delete", "-f", folder("overlays/node-metrics/crd.yaml")}).exit, 0);
}

TEST_F(Manifests, TheServerKeepsEveryFieldOfANodeMetric) {
  if (const auto why = plane_->unfit_for_custom_resources(); !why.empty()) GTEST_SKIP() << why;
  ASSERT_EQ(plane_->kubectl({"apply", "-f", folder("overlays/node-metrics/crd.yaml")}).exit, 0);
  const std::string path(measure::kNodeMetricsPath);
  const std::string own = measure::object_path(model::NodeName("n1"));
  const auto wanted = wanted_metric();
  nlohmann::json made;
  EXPECT_TRUE(eventually(std::chrono::seconds(20), [&] {
    made = plane_->post(path, nlohmann::json::parse(measure::object_body(wanted)));
    return made.is_object();
  })) << plane_->log();
  ASSERT_TRUE(made.is_object());
  EXPECT_TRUE(measure::is_as_wanted(made.dump(), wanted)) << made.dump();

  auto status = whole_status();
  drop_nulls(status);
  made["status"] = status;
  const auto written = plane_->put(own + "/status", made);
  ASSERT_TRUE(written.is_object()) << plane_->log();
  EXPECT_EQ(written.at("status"), status) << "what is not in the schema is dropped";
  EXPECT_EQ(plane_->kubectl({"delete", "-f", folder("overlays/node-metrics/crd.yaml")}).exit, 0);
}

TEST_F(Manifests, WhereThereIsAStandbyItMayUseOneLeaseAndNoOther) {
  const auto file = folder("overlays/standby/lease-role.yaml");
  ASSERT_EQ(plane_->kubectl({"apply", "-f", file}).exit, 0);
  const auto may = [](const std::string& verb, const std::string& lease, const std::string& name_space) {
    return plane_
               ->kubectl({"auth", "can-i", verb, lease, "--namespace=" + name_space,
                          "--as=system:serviceaccount:tideline-system:tideline-coordinator"})
               .exit == 0;
  };
  // The server's own list of roles may be a moment behind.
  EXPECT_TRUE(eventually(std::chrono::seconds(10),
                         [&] { return may("get", "leases/tideline-coordinator", "tideline-system"); }));
  EXPECT_TRUE(may("update", "leases/tideline-coordinator", "tideline-system"));
  EXPECT_TRUE(may("create", "leases", "tideline-system"));
  EXPECT_FALSE(may("delete", "leases/tideline-coordinator", "tideline-system"));
  EXPECT_FALSE(may("list", "leases", "tideline-system"));
  EXPECT_FALSE(may("update", "leases/other", "tideline-system"));
  EXPECT_FALSE(may("get", "leases/tideline-coordinator", "kube-system"));
  EXPECT_EQ(plane_->kubectl({"delete", "-f", file}).exit, 0);
  EXPECT_TRUE(eventually(std::chrono::seconds(10),
                         [&] { return !may("get", "leases/tideline-coordinator", "tideline-system"); }));
}

TEST_F(Manifests, WhoSignsCertificatesMayAskWhoseATokenIsAndWhereItsPodRuns) {
  const std::string rights = folder("overlays/bootstrap-certificates/rbac.yaml");
  const auto may = [&](const std::vector<std::string>& question) {
    std::vector<std::string> arguments{"auth", "can-i"};
    arguments.insert(arguments.end(), question.begin(), question.end());
    arguments.push_back("--as=system:serviceaccount:tideline-system:tideline-coordinator");
    return plane_->kubectl(arguments).exit == 0;
  };
  const std::vector<std::string> ask{"create", "tokenreviews.authentication.k8s.io"};
  const std::vector<std::string> own_pods{"get", "pods", "--namespace=tideline-system"};
  EXPECT_FALSE(may(ask)) << "it may where it signs alone";
  EXPECT_FALSE(may(own_pods));
  const auto applied = plane_->kubectl({"apply", "-f", rights});
  ASSERT_EQ(applied.exit, 0) << applied.output;
  EXPECT_TRUE(eventually(std::chrono::seconds(10), [&] { return may(ask) && may(own_pods); }));
  EXPECT_FALSE(may({"get", "pods", "--namespace=tideline-example"}));
  EXPECT_FALSE(may({"create", "serviceaccounts/tideline-node", "--subresource=token", "--namespace=tideline-system"}));
  EXPECT_FALSE(may({"get", "secrets", "--namespace=tideline-system"}));
  const auto removed = plane_->kubectl({"delete", "-f", rights});
  EXPECT_EQ(removed.exit, 0) << removed.output;
}

TEST_F(Manifests, OneConfigMapIsListedByItsNameAndNotAll) {
  const auto kubeconfig = plane_->account_kubeconfig("tideline-system", "tideline-coordinator");
  const std::string all = "/api/v1/namespaces/kube-system/configmaps";
  Finished one;
  EXPECT_TRUE(eventually(std::chrono::seconds(10), [&] {
    one = run(
        {"kubectl", "--kubeconfig", kubeconfig, "get", "--raw", all + "?fieldSelector=metadata.name%3Dack-slo-config"});
    return one.exit == 0;
  })) << one.output;
  EXPECT_NE(run({"kubectl", "--kubeconfig", kubeconfig, "get", "--raw", all}).exit, 0);
}

TEST_F(Manifests, AgentsKeepTheArgumentsOfTheBaseAndAreToldWhereToAsk) {
  const auto made = rendered("overlays/bootstrap-certificates");
  for (const char* argument : {"- --kernel-root=/host\n", "- --tls-ca=/etc/tideline/pki/ca.crt\n",
                               "- --bootstrap-ca=/etc/tideline/bootstrap/ca.crt\n", "- --policy-source=kubernetes\n",
                               "- --bootstrap-listen=0.0.0.0:7403\n"})
    EXPECT_THAT(made, HasSubstr(argument));
}

TEST_F(Manifests, WhoIsBoundToNoRoleIsToldSo) {
  const auto refused = run({"kubectl", "--kubeconfig", plane_->user_kubeconfig("somebody"), "get", "nodes"});
  EXPECT_NE(refused.exit, 0);
  EXPECT_THAT(refused.output, HasSubstr("User \"somebody\" cannot list resource \"nodes\""));
}

}  // namespace
}  // namespace tideline::test
