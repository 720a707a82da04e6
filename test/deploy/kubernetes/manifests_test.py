"""deploy/kubernetes, container and systemd name options that exist, rights that are few, and containers that are confined.

What an API server makes of the manifests is server_test.cpp's.
"""

import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

import yaml

SOURCE = os.environ.get("TIDELINE_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
BIN = os.environ.get("TIDELINE_BIN", f"{SOURCE}/build/release/bin")
MANIFESTS = f"{SOURCE}/deploy/kubernetes"
IMAGE = re.compile(r"tideline/(coordinator|node):(\S+)$")
# What kustomize 2.0, of kubectl 1.20, knows of a kustomization and is used here.
KUSTOMIZE = {"apiVersion", "kind", "bases", "resources", "patchesStrategicMerge", "patchesJson6902", "nameSuffix",
             "commonLabels"}
# Attributes of the cert-manager CSI driver; the others of its list are not for a client's certificate.
CSI = {"issuer-name", "issuer-kind", "issuer-group", "dns-names", "key-usages", "duration"}
# Fields of the Prometheus operator's kinds that are used here, by its API reference.
SERVICE_MONITOR = {"jobLabel", "selector", "namespaceSelector", "endpoints"}
ENDPOINT = {"port", "path", "interval", "scrapeTimeout"}
RULE = {"alert", "expr", "for", "labels", "annotations"}
CERTIFICATE = {"secretName", "commonName", "dnsNames", "isCA", "usages", "duration", "privateKey", "issuerRef"}


def text_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def yaml_files():
    return sorted(f"{folder}/{name}" for folder, _, names in os.walk(MANIFESTS) for name in names if name.endswith(".yaml"))


@functools.cache
def documents():
    """-> [(path below deploy/kubernetes, document)] of all but the kustomizations and the lists of JSON patches."""
    return [(os.path.relpath(path, MANIFESTS), document) for path in yaml_files() if not path.endswith("/kustomization.yaml")
            for document in yaml.safe_load_all(text_of(path)) if isinstance(document, dict)]


@functools.cache
def added_arguments():
    """-> [(path below deploy/kubernetes, name of the patched object, argument)] of JSON patches, which do nothing else here."""
    added = []
    for path in yaml_files():
        if not path.endswith("/kustomization.yaml"):
            continue
        for patch in yaml.safe_load(text_of(path)).get("patchesJson6902", []):
            for step in yaml.safe_load(text_of(f"{os.path.dirname(path)}/{patch['path']}")):
                assert (step["op"], step["path"]) == ("add", "/spec/template/spec/containers/0/args/-"), step
                where = os.path.relpath(f"{os.path.dirname(path)}/{patch['path']}", MANIFESTS)
                added.append((where, patch["target"]["name"], step["value"]))
    return added


def pod_specs():
    """-> [(where, spec of a pod template)]"""
    return [(f"{path} {document['metadata']['name']}", document["spec"]["template"]["spec"]) for path, document in documents()
            if "template" in document.get("spec", {})]


def containers():
    """-> [(where, container)] of Tideline's own images; patches, which name no image, are left out."""
    return [(f"{where} {container['name']}", container) for where, spec in pod_specs()
            for container in spec.get("initContainers", []) + spec.get("containers", [])
            if IMAGE.match(container.get("image", ""))]


def options_of(*command):
    done = subprocess.run([f"{BIN}/{command[0]}", *command[1:], "--help"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=True)
    return set(re.findall(r"^  (?:-\w,)?(--[\w-]+)", done.stdout, re.MULTILINE))


class Options(unittest.TestCase):
    def assert_known(self, where, command, arguments):
        known = options_of(*command)
        self.assertTrue(known, command)
        for argument in arguments:
            if argument.startswith("--"):
                self.assertIn(argument.split("=")[0], known, where)

    def test_of_containers_exist(self):
        seen = 0
        for where, container in containers():
            arguments = container.get("args", [])
            if not arguments:
                continue
            if IMAGE.match(container["image"]).group(1) == "node":
                self.assert_known(where, ("tideline-node", arguments[0]), arguments)
            else:
                self.assert_known(where, ("tideline-coordinator",), arguments)
            seen += 1
        self.assertGreaterEqual(seen, 3)

    def test_of_patches_exist(self):
        commands = {"tideline-node": ("tideline-node", "run"), "tideline-coordinator": ("tideline-coordinator",)}
        self.assertTrue(added_arguments())
        for where, name, argument in added_arguments():
            self.assert_known(where, commands[name], [argument])

    def test_of_systemd_units_exist(self):
        units = [name for name in os.listdir(f"{SOURCE}/deploy/systemd") if name.endswith(".service")]
        self.assertEqual(sorted(units), ["tideline-coordinator.service", "tideline-node.service"])
        for name in units:
            line = re.search(r"^ExecStart=/usr/local/bin/(.*)$", text_of(f"{SOURCE}/deploy/systemd/{name}"), re.MULTILINE)
            words = line.group(1).split()
            command = tuple(words[:2]) if words[0] == "tideline-node" else (words[0],)
            self.assert_known(name, command, words)


class Images(unittest.TestCase):
    def test_are_those_that_the_container_files_make_and_of_this_version(self):
        version = re.search(r"project\(tideline VERSION (\S+)", text_of(f"{SOURCE}/CMakeLists.txt")).group(1)
        made = set()
        for name in os.listdir(f"{SOURCE}/deploy/container"):
            text = text_of(f"{SOURCE}/deploy/container/{name}")
            made.add(re.search(r"--tag (\S+) \.$", text, re.MULTILINE).group(1))
        self.assertEqual(made, {container["image"] for _, container in containers()})
        self.assertEqual({IMAGE.match(image).group(2) for image in made}, {version})


class Rights(unittest.TestCase):
    def test_name_each_resource_and_verb(self):
        roles = [document for _, document in documents() if document["kind"] in ("Role", "ClusterRole")]
        self.assertTrue(roles)
        for role in roles:
            for rule in role["rules"]:
                for values in rule.values():
                    self.assertFalse([value for value in values if "*" in value], rule)
                self.assertFalse({"escalate", "bind", "impersonate"} & set(rule["verbs"]), rule)
                self.assertFalse({"secrets", "pods/exec", "nodes/proxy"} & set(rule.get("resources", [])), rule)
                if "configmaps" in rule["resources"]:
                    self.assertTrue(rule.get("resourceNames"), rule)

    def test_are_bound_to_the_coordinator_alone(self):
        subjects = {subject["name"] for _, document in documents() if document["kind"].endswith("RoleBinding")
                    for subject in document["subjects"]}
        self.assertEqual(subjects, {"tideline-coordinator"})


class Pods(unittest.TestCase):
    def test_containers_are_confined(self):
        self.assertTrue(containers())
        for where, container in containers():
            context = container["securityContext"]
            self.assertIs(context["readOnlyRootFilesystem"], True, where)
            self.assertIs(context["allowPrivilegeEscalation"], False, where)
            self.assertEqual(context["capabilities"]["drop"], ["ALL"], where)
            self.assertNotIn("privileged", context, where)
            self.assertIn("memory", container["resources"]["limits"], where)
            self.assertNotIn("cpu", container["resources"]["limits"], where)

    def test_each_capability_has_its_reason(self):
        for path in yaml_files():
            lines = text_of(path).splitlines()
            for number, line in enumerate(lines):
                if re.match(r"\s+- [A-Z_]+$", line):
                    self.assertRegex(lines[number - 1], r"^\s+# .{20,}", f"{path}:{number + 1}")

    def test_the_agent_may_write_what_it_writes_of_other_users_processes(self):
        """oom_score_adj belongs to the process' user: root without this capability is refused."""
        agents = [(where, container) for where, container in containers()
                  if where.endswith((" tideline-node node", " tideline-release release"))]
        self.assertEqual(len(agents), 2)
        for where, container in agents:
            self.assertIn("DAC_OVERRIDE", container["securityContext"]["capabilities"]["add"], where)

    def test_agents_have_no_secret_and_no_token(self):
        for where, spec in pod_specs():
            if "tideline-node" not in where and "tideline-release" not in where:
                continue
            self.assertFalse([volume for volume in spec["volumes"] if "secret" in volume], where)
            if "image" in spec["containers"][0]:
                self.assertIs(spec["automountServiceAccountToken"], False, where)

    def test_the_release_finds_files_where_the_agent_left_them(self):
        def mounts(name, of):
            spec = next(spec for where, spec in pod_specs() if where.endswith(f"node.yaml {name}") or
                        where.endswith(f"release.yaml {name}"))
            paths = {volume["name"]: volume["hostPath"]["path"] for volume in spec["volumes"]}
            return {mount["mountPath"]: paths[mount["name"]] for mount in spec[of][0]["volumeMounts"]}
        agent, release = mounts("tideline-node", "containers"), mounts("tideline-release", "initContainers")
        for inside, outside in release.items():
            self.assertEqual(agent[inside], outside)
        self.assertEqual(set(release), {"/host/sys/fs/cgroup", "/var/lib/tideline"})

    def test_ports_are_those_that_the_coordinator_is_told(self):
        by_kind = {document["kind"]: document for path, document in documents() if path == "base/coordinator/coordinator.yaml"}
        container = by_kind["Deployment"]["spec"]["template"]["spec"]["containers"][0]
        told = {int(argument.rsplit(":", 1)[1]) for argument in container["args"] if "listen=" in argument}
        self.assertEqual(told, {port["containerPort"] for port in container["ports"]})
        self.assertEqual(told, {port["port"] for port in by_kind["Service"]["spec"]["ports"]})
        named = {port["name"] for port in container["ports"]}
        self.assertEqual(named, {port["targetPort"] for port in by_kind["Service"]["spec"]["ports"]})


class Standby(unittest.TestCase):
    def patch(self, kind):
        return next(document for path, document in documents()
                    if path == "overlays/standby/coordinator.yaml" and document["kind"] == kind)

    def arguments(self):
        content = yaml.safe_load(text_of(f"{MANIFESTS}/overlays/standby/arguments.yaml"))
        return [step["value"] for step in content]

    def test_may_use_the_lease_that_it_is_told(self):
        arguments = self.arguments()
        self.assertIn("--leader-elect", arguments)
        name_space, name = next(a for a in arguments if a.startswith("--lease=")).removeprefix("--lease=").split("/")
        role = next(document for path, document in documents()
                    if path == "overlays/standby/lease-role.yaml" and document["kind"] == "Role")
        self.assertEqual(role["metadata"]["namespace"], name_space)
        verbs = {verb: rule.get("resourceNames") for rule in role["rules"] for verb in rule["verbs"]}
        self.assertEqual(verbs, {"get": [name], "update": [name], "create": None})

    def test_takes_no_nodes_and_holds_up_no_drain(self):
        self.assertIs(self.patch("Service")["spec"]["publishNotReadyAddresses"], False)
        self.assertEqual(self.patch("PodDisruptionBudget")["spec"]["maxUnavailable"], self.patch("Deployment")["spec"]["replicas"])


class Planner(unittest.TestCase):
    """Indexed Jobs are later than the API server of the tests: what their pods run is run here."""

    def job(self, name):
        return next(document for path, document in documents()
                    if path == "planner-job.yaml" and document["metadata"]["name"] == name)["spec"]

    def container(self, name):
        return self.job(name)["template"]["spec"]["containers"][0]

    def words(self, name, variables=None):
        """-> arguments that the container's shell gives tideline-planner, of files that are there."""
        container = self.container(name)
        with tempfile.TemporaryDirectory(prefix="tideline-test-") as folder:
            stub = f"{folder}/tideline-planner"
            with open(stub, "w", encoding="ascii") as file:
                file.write("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
            os.chmod(stub, 0o755)
            environment = {each["name"]: each["value"] for each in container.get("env", [])} | (variables or {})
            done = subprocess.run([*container["command"], *container["args"]], capture_output=True, text=True, check=True,
                                  stdin=subprocess.DEVNULL, env=environment | {"PATH": f"{folder}:/usr/bin:/bin"})
            return done.stdout.splitlines()

    def value(self, words, option):
        return words[words.index(option) + 1]

    def test_each_pod_has_a_shard_of_its_own_and_together_they_are_all(self):
        spec = self.job("tideline-planner")
        self.assertEqual(spec["completionMode"], "Indexed")
        count = spec["completions"]
        pods = [self.words("tideline-planner", {"JOB_COMPLETION_INDEX": str(index)}) for index in range(count)]
        self.assertEqual([self.value(words, "--shard") for words in pods], [f"{i + 1}/{count}" for i in range(count)])
        self.assertEqual(len({self.value(words, "--output") for words in pods}), count)
        for words in pods:
            self.assertEqual(words[:2], ["replay", "/data/history.tla"])
            self.assertRegex(self.value(words, "--output"), r"^/data/part-\d+\.json$")

    def test_the_merge_waits_and_takes_what_the_pods_wrote(self):
        self.assertIs(self.job("tideline-planner-merge")["suspend"], True)
        words = self.words("tideline-planner-merge")
        self.assertEqual(words[:2], ["merge", "/data/part-*.json"])

    @unittest.skipUnless(os.path.exists(f"{BIN}/tideline-planner"), "no tideline-planner in this build")
    def test_options_exist(self):
        for name in ("tideline-planner", "tideline-planner-merge"):
            words = self.words(name, {"JOB_COMPLETION_INDEX": "0"})
            known = options_of("tideline-planner", words[0])
            given = {word.split("=")[0] for word in words if word.startswith("--")}
            self.assertTrue(given)
            self.assertFalse(given - known, name)

    def test_both_jobs_see_one_volume(self):
        claims = {json.dumps(self.job(name)["template"]["spec"]["volumes"]) for name in
                  ("tideline-planner", "tideline-planner-merge")}
        self.assertEqual(len(claims), 1)


class Kustomizations(unittest.TestCase):
    def test_use_what_the_oldest_kubectl_knows_and_name_every_file(self):
        named = set()
        for path in yaml_files():
            if not path.endswith("/kustomization.yaml"):
                continue
            folder, content = os.path.dirname(path), yaml.safe_load(text_of(path))
            self.assertFalse(set(content) - KUSTOMIZE, path)
            patches = [patch["path"] for patch in content.get("patchesJson6902", [])]
            for name in content.get("resources", []) + content.get("patchesStrategicMerge", []) + patches:
                named.add(os.path.normpath(f"{folder}/{name}"))
            for name in content.get("bases", []):
                self.assertTrue(os.path.exists(f"{folder}/{name}/kustomization.yaml"), f"{path}: {name}")
        by_hand = {f"{MANIFESTS}/planner-job.yaml"}
        self.assertEqual(named | by_hand, {path for path in yaml_files() if not path.endswith("/kustomization.yaml")})


def told_file(name, holding):
    """-> text of the one YAML block of docs/kubernetes.md that is this file and holds that text."""
    blocks = re.findall(rf"^```yaml\n# {re.escape(name)}\n(.*?)^```$", text_of(f"{SOURCE}/docs/kubernetes.md"),
                        re.MULTILINE | re.DOTALL)
    text, = [block for block in blocks if holding in block]
    return text


@unittest.skipUnless(shutil.which("kubectl"), "no kubectl, which has kustomize")
class Compositions(unittest.TestCase):
    """What a user puts together as docs/kubernetes.md says: no part takes away what another one brought."""

    coordinators = ("node-certs-from-host", "bootstrap-certificates", "cert-manager-csi")

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="tideline-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        shutil.copytree(MANIFESTS, f"{self.folder}/tideline/deploy/kubernetes")

    def write(self, name, text):
        os.makedirs(os.path.dirname(f"{self.folder}/{name}"), exist_ok=True)
        with open(f"{self.folder}/{name}", "w", encoding="utf-8") as file:
            file.write(text)

    def rendered(self, name):
        """-> {(kind, name): object}"""
        done = subprocess.run(["kubectl", "kustomize", f"{self.folder}/{name}"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, f"{name}: {done.stderr}")
        return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(done.stdout)}

    def options(self, objects):
        spec = objects["Deployment", "tideline-coordinator"]["spec"]["template"]["spec"]
        options = [argument.split("=")[0] for argument in spec["containers"][0]["args"]]
        self.assertEqual(len(options), len(set(options)))
        return set(options)

    def own(self, base):
        """The kustomization of the docs with NodeMetrics, over that overlay."""
        text = told_file("tideline-here/kustomization.yaml", "overlays/node-metrics")
        self.write("tideline-here/kustomization.yaml", text.replace("overlays/bootstrap-certificates", f"overlays/{base}"))
        self.write("tideline-here/coordinator-options.yaml",
                   told_file("tideline-here/coordinator-options.yaml", "--node-metrics"))
        return "tideline-here"

    def standby_over(self, base):
        shutil.copytree(f"{MANIFESTS}/overlays/standby", f"{self.folder}/tideline-standby")
        told = re.search(r"^sed -i '(s\|.*\|)' tideline-standby/kustomization\.yaml$",
                         text_of(f"{SOURCE}/docs/kubernetes.md"), re.MULTILINE)
        command = told.group(1).replace("../tideline-here", f"../{base}")
        subprocess.run(["sed", "-i", command, f"{self.folder}/tideline-standby/kustomization.yaml"], check=True)
        self.assertIn(f"- ../{base}\n", text_of(f"{self.folder}/tideline-standby/kustomization.yaml"))
        return "tideline-standby"

    def test_each_overlay_of_a_coordinator_takes_node_metrics(self):
        for base in self.coordinators + ("standby",):
            before = self.options(self.rendered(f"tideline/deploy/kubernetes/overlays/{base}"))
            objects = self.rendered(self.own(base))
            self.assertEqual(self.options(objects), before | {"--node-metrics"}, base)
            self.assertIn(("CustomResourceDefinition", "nodemetrics.slo.koordinator.sh"), objects)
            self.assertIn(("ClusterRole", "tideline-coordinator-node-metrics"), objects)

    def test_a_standby_over_another_overlay_keeps_its_options(self):
        for base in self.coordinators:
            with self.subTest(base):
                overlay = f"tideline/deploy/kubernetes/overlays/{base}"
                before = self.rendered(overlay)
                objects = self.rendered(self.standby_over(overlay))
                self.assertEqual(self.options(objects), self.options(before) | {"--leader-elect", "--lease"})
                self.assertEqual(objects["Deployment", "tideline-coordinator"]["spec"]["replicas"], 2)
                self.assertFalse(set(before) - set(objects))
                agent = "DaemonSet", "tideline-node"
                self.assertEqual(objects.get(agent), before.get(agent))
                shutil.rmtree(f"{self.folder}/tideline-standby")

    def test_all_three_together(self):
        objects = self.rendered(self.standby_over(self.own("bootstrap-certificates")))
        wanted = {"--bootstrap-listen", "--bootstrap-signing-cert", "--bootstrap-signing-key", "--leader-elect",
                  "--lease", "--node-metrics", "--policy-source"}
        self.assertFalse(wanted - self.options(objects))
        ports = {port["name"] for port in objects["Service", "tideline-coordinator"]["spec"]["ports"]}
        self.assertIn("bootstrap", ports)
        agent = objects["DaemonSet", "tideline-node"]["spec"]["template"]["spec"]["containers"][0]["args"]
        self.assertTrue([argument for argument in agent if argument.startswith("--bootstrap=")])

    def test_what_goes_beside_an_overlay_has_nothing_of_it(self):
        """Else `kubectl apply -k` of the one would take back what the other one says."""
        taken = set()
        for base in self.coordinators + ("standby",):
            taken |= set(self.rendered(f"tideline/deploy/kubernetes/overlays/{base}"))
        for name in ("node-metrics", "monitoring", "priority-classes", "example-policy", "example-workloads"):
            self.assertFalse(taken & set(self.rendered(f"tideline/deploy/kubernetes/overlays/{name}")), name)


class NodeMetrics(unittest.TestCase):
    def test_are_a_definition_of_the_stable_kind_with_a_status_of_its_own(self):
        definition = next(document for _, document in documents() if document["kind"] == "CustomResourceDefinition")
        self.assertEqual(definition["apiVersion"], "apiextensions.k8s.io/v1")
        spec = definition["spec"]
        self.assertEqual(definition["metadata"]["name"], f"{spec['names']['plural']}.{spec['group']}")
        self.assertEqual((spec["group"], spec["scope"], spec["names"]["kind"]), ("slo.koordinator.sh", "Cluster", "NodeMetric"))
        version, = spec["versions"]
        self.assertEqual((version["name"], version["served"], version["storage"]), ("v1alpha1", True, True))
        self.assertEqual(version["subresources"], {"status": {}})
        self.assertEqual([column["name"] for column in version["additionalPrinterColumns"]], ["CPU", "Memory", "Updated", "Age"])

    def test_columns_are_fields_of_the_schema(self):
        version, = next(document for _, document in documents() if document["kind"] == "CustomResourceDefinition")["spec"]["versions"]
        for column in version["additionalPrinterColumns"]:
            schema = version["schema"]["openAPIV3Schema"]
            names = column["jsonPath"].split(".")[1:]
            if names[0] == "metadata":
                continue
            for name in names:
                schema = schema["properties"][name] if name in schema.get("properties", {}) else schema["additionalProperties"]
            self.assertTrue(schema, column)


class BootstrapCertificates(unittest.TestCase):
    """An agent asks the coordinator, which signs: what one mounts is where the other is told to look."""

    folder = "overlays/bootstrap-certificates"

    def spec(self, name):
        return next(spec for where, spec in pod_specs() if where == f"{self.folder}/{name}")

    def mounts(self, spec):
        return {mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]}

    def arguments(self, name):
        return dict(argument.split("=", 1) for where, of, argument in added_arguments()
                    if of == name and where.startswith(f"{self.folder}/"))

    def test_a_key_never_reaches_a_disk(self):
        volume = next(v for v in self.spec("node-asks.yaml tideline-node")["volumes"] if v["name"] == "pki")
        self.assertEqual(volume["emptyDir"]["medium"], "Memory")
        base = next(spec for where, spec in pod_specs() if where == "base/node/node.yaml tideline-node")
        files = dict(argument.split("=", 1) for argument in base["containers"][0]["args"] if "=" in argument)
        mounted = self.mounts(self.spec("node-asks.yaml tideline-node"))["pki"]
        for option in ("--tls-cert", "--tls-key", "--tls-ca"):
            self.assertEqual(os.path.dirname(files[option]), mounted)

    def test_the_token_is_for_the_coordinator_alone_and_short(self):
        spec = self.spec("node-asks.yaml tideline-node")
        volume = next(v for v in spec["volumes"] if "projected" in v)
        token, = volume["projected"]["sources"]
        self.assertEqual(token["serviceAccountToken"]["audience"], "tideline-bootstrap")
        self.assertLessEqual(token["serviceAccountToken"]["expirationSeconds"], 3600)
        # Where the agent looks without being told.
        told = subprocess.run([f"{BIN}/tideline-node", "run", "--help"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=True).stdout
        path = f"{self.mounts(spec)[volume['name']]}/{token['serviceAccountToken']['path']}"
        self.assertIn(f"(default: {path})", " ".join(told.split()))

    def test_the_authority_is_mounted_by_the_coordinator_alone(self):
        holders = [where for where, spec in pod_specs() for volume in spec.get("volumes", [])
                   if volume.get("secret", {}).get("secretName") == "tideline-node-authority"]
        self.assertEqual(holders, [f"{self.folder}/coordinator-signs.yaml tideline-coordinator"])
        spec, told = self.spec("coordinator-signs.yaml tideline-coordinator"), self.arguments("tideline-coordinator")
        mounted = self.mounts(spec)["node-authority"]
        self.assertEqual(told["--bootstrap-signing-cert"], f"{mounted}/tls.crt")
        self.assertEqual(told["--bootstrap-signing-key"], f"{mounted}/tls.key")

    def test_agents_ask_where_the_coordinator_listens(self):
        told = self.arguments("tideline-node")
        service, port = told["--bootstrap"].rsplit(":", 1)
        self.assertEqual(service, "tideline-coordinator.tideline-system.svc")
        self.assertEqual(self.arguments("tideline-coordinator")["--bootstrap-listen"], f"0.0.0.0:{port}")
        patched = {document["kind"]: document for path, document in documents() if path == f"{self.folder}/coordinator-signs.yaml"}
        self.assertEqual([str(p["port"]) for p in patched["Service"]["spec"]["ports"]], [port])
        ports = patched["Deployment"]["spec"]["template"]["spec"]["containers"][0]["ports"]
        self.assertEqual([(p["name"], str(p["containerPort"])) for p in ports],
                         [(patched["Service"]["spec"]["ports"][0]["targetPort"], port)])
        mounted = self.mounts(self.spec("node-asks.yaml tideline-node"))["coordinator-ca"]
        self.assertEqual(told["--bootstrap-ca"], f"{mounted}/ca.crt")


class CertManager(unittest.TestCase):
    """Its objects are not known to the API server of the tests; their fields are those of its documentation."""

    def objects(self, kind):
        return [document for _, document in documents()
                if document["apiVersion"] == "cert-manager.io/v1" and document["kind"] == kind]

    def test_certificates_are_asked_for_in_its_words(self):
        issuers = {issuer["metadata"]["name"] for issuer in self.objects("Issuer")}
        for certificate in self.objects("Certificate"):
            spec = certificate["spec"]
            self.assertFalse(set(spec) - CERTIFICATE, spec)
            self.assertIn(spec["issuerRef"]["name"], issuers)
            self.assertEqual(spec["issuerRef"]["kind"], "Issuer")
        self.assertEqual({key for issuer in self.objects("Issuer") for key in issuer["spec"]}, {"selfSigned", "ca"})

    def test_the_coordinators_is_the_secret_that_it_mounts(self):
        made = next(c["spec"] for c in self.objects("Certificate") if "dnsNames" in c["spec"])
        deployment = next(spec for where, spec in pod_specs() if where.endswith("coordinator.yaml tideline-coordinator"))
        self.assertEqual([volume["secret"]["secretName"] for volume in deployment["volumes"] if "secret" in volume],
                         [made["secretName"]])
        self.assertEqual(made["dnsNames"], ["coordinator.tideline"])
        self.assertIn("server auth", made["usages"])

    def test_a_nodes_own_is_named_after_it(self):
        volumes = [volume["csi"] for _, spec in pod_specs() for volume in spec.get("volumes", []) if "csi" in volume]
        self.assertEqual(len(volumes), 1)
        attributes = volumes[0]["volumeAttributes"]
        self.assertEqual(volumes[0]["driver"], "csi.cert-manager.io")
        self.assertEqual(set(attributes), {f"csi.cert-manager.io/{name}" for name in CSI})
        # The driver has no variable for the node, and refuses those that it does not know.
        self.assertFalse([value for value in attributes.values() if "$" in value])
        self.assertRegex(attributes["csi.cert-manager.io/dns-names"], r"^[\w-]+\.node\.tideline$")
        self.assertIn("client auth", attributes["csi.cert-manager.io/key-usages"])


def metrics():
    """-> {name: (type, text of its row)} of docs/metrics.md, which a test of the coordinator holds against the code; and
    what it calls process_*, of that code."""
    rows = {}
    for line in text_of(f"{SOURCE}/docs/metrics.md").splitlines():
        if not line.startswith("| `tideline_"):
            continue
        names, kind = [cell.strip() for cell in line.split("|")[1:3]]
        for name in re.findall(r"`(tideline_[a-z_]+)", names):
            rows[name] = (kind, line)
    # Its terms are those of the row before.
    rows["tideline_memory_bytes"] = (rows["tideline_memory_bytes"][0],
                                     rows["tideline_memory_bytes"][1] + rows["tideline_cpu_cores"][1])
    code = text_of(f"{SOURCE}/coordinator/actor/web_backend.cpp")
    for name, kind in re.findall(r'out\.one\("(process_[a-z_]+)", Type::k(\w+)', code):
        rows[name] = (kind.lower(), '`{job="tideline-coordinator"}`')
    rows["up"] = ("gauge", "`tideline-coordinator`")  # Prometheus' own
    return rows


class Monitoring(unittest.TestCase):
    """Its kinds are not known to the API server of the tests, and promtool is not at hand: what is asked of metrics is
    held against those that there are."""
    overlay = "overlays/monitoring"

    def objects(self, kind):
        return [document for path, document in documents() if path.startswith(self.overlay) and document["kind"] == kind]

    def rules(self):
        return [rule for document in self.objects("PrometheusRule") for group in document["spec"]["groups"]
                for rule in group["rules"]]

    def dashboard(self):
        config_map, = self.objects("ConfigMap")
        self.assertEqual(config_map["metadata"]["labels"]["grafana_dashboard"], "1")
        (name, text), = config_map["data"].items()
        self.assertTrue(name.endswith(".json"))
        return json.loads(text)

    def expressions(self):
        """-> [(where, PromQL)]"""
        targets = [(f"{panel['title']} {target['refId']}", target["expr"])
                   for panel in self.dashboard()["panels"] for target in panel["targets"]]
        return [(rule["alert"], rule["expr"]) for rule in self.rules()] + targets

    def test_the_coordinators_service_is_scraped_at_its_web_port(self):
        monitor, = self.objects("ServiceMonitor")
        self.assertEqual(monitor["apiVersion"], "monitoring.coreos.com/v1")
        spec = monitor["spec"]
        self.assertFalse(set(spec) - SERVICE_MONITOR)
        services = [document for _, document in documents() if document["kind"] == "Service"
                    and spec["selector"]["matchLabels"].items() <= document["metadata"].get("labels", {}).items()]
        self.assertTrue(services)
        self.assertEqual({service["metadata"]["labels"][spec["jobLabel"]] for service in services}, {"tideline-coordinator"})
        self.assertEqual(spec["namespaceSelector"], {"matchNames": [services[0]["metadata"]["namespace"]]})
        endpoint, = spec["endpoints"]
        self.assertEqual(set(endpoint), ENDPOINT)
        self.assertEqual(endpoint["path"], "/metrics")
        self.assertIn(endpoint["port"], [port["name"] for service in services for port in service["spec"]["ports"]])

    def test_expressions_ask_for_metrics_that_there_are(self):
        known, seen = metrics(), set()
        for where, expr in self.expressions():
            names = re.findall(r"\b(?:tideline|process)_[a-z_]+\b|\bup\b", expr)
            self.assertTrue(names, where)
            for name in names:
                self.assertIn(name, known, where)
            for name, labels in re.findall(r"\b([a-z_]+)\{([^}]*)\}", expr):
                for label, values in re.findall(r'(\w+)=~?"([^"]*)"', labels):
                    row = known[name][1]
                    self.assertTrue(label == "job" or re.search(rf"`{name}\{{[^}}]*\b{label}\b", row), f"{where}: {label}")
                    for value in values.split("|"):
                        self.assertRegex(row, rf"`[^`]*\b{value}\b[^`]*`", where)
            seen.update(names)
        self.assertGreater(len(seen), 30)

    def test_expressions_take_rates_of_counters_and_values_of_gauges(self):
        known = metrics()
        for where, expr in self.expressions():
            for open_, close in ("()", "{}", "[]"):
                self.assertEqual(expr.count(open_), expr.count(close), where)
            ranged = re.findall(r"\b(rate|increase|delta)\(([a-z_]+)(?:\{[^}]*\})?\[\d+[mh]\]\)", expr)
            self.assertEqual(len(ranged), expr.count("["), where)
            for function, name in ranged:
                self.assertEqual(known[name][0], "gauge" if function == "delta" else "counter", f"{where}: {name}")
            plain = expr
            for whole in re.findall(r"\b(?:rate|increase|delta)\([^)]*\)", expr):
                plain = plain.replace(whole, "")
            for name in re.findall(r"\b(?:tideline|process)_[a-z_]+\b", plain):
                self.assertEqual(known[name][0], "gauge", f"{where}: {name}")

    def test_a_budget_that_does_not_allow_an_eviction_is_no_busy_api_server(self):
        expr = dict(self.expressions())["TidelineApiServerBusy"]
        self.assertRegex(expr, r'-\s+\(sum\(rate\(tideline_kubernetes_evictions_total\{outcome="budget"\}\[5m\]\)\) or vector\(0\)\)')

    def test_groups_by_labels_that_the_metric_has(self):
        known = metrics()
        for where, expr in self.expressions():
            for labels, name in re.findall(r"\bby \(([^)]*)\) \((?:\w+\()?([a-z_]+)", expr):
                for label in labels.split(", "):
                    self.assertRegex(known[name][1], rf"`{name}\{{[^}}]*\b{label}\b", where)

    def test_alerts_say_what_is_wrong_and_how_bad(self):
        names = [rule["alert"] for rule in self.rules()]
        self.assertEqual(len(names), len(set(names)))
        self.assertGreaterEqual(len(names), 20)
        for rule in self.rules():
            self.assertFalse(set(rule) - RULE, rule["alert"])
            self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
            self.assertEqual(set(rule["annotations"]), {"summary", "description"}, rule["alert"])
            self.assertRegex(rule.get("for", "1m"), r"^\d+[mh]$", rule["alert"])
            for text in rule["annotations"].values():
                self.assertEqual(text.count("{{"), text.count("}}"))
                for variable in re.findall(r"\{\{([^}]*)\}\}", text):
                    self.assertRegex(variable, r"^ \$(value|labels\.\w+)( \| humanize(1024|Duration)?)? $", rule["alert"])

    def test_each_alert_is_in_the_docs_and_no_other(self):
        told = re.findall(r"^\| `(Tideline\w+)` \|", text_of(f"{SOURCE}/docs/metrics.md"), re.MULTILINE)
        self.assertEqual(sorted(told), sorted(rule["alert"] for rule in self.rules()))

    def test_what_ends_or_fails_without_a_word_has_an_alert(self):
        asked = " ".join(rule["expr"] for rule in self.rules())
        for name in ("tideline_leader", "tideline_bootstrap_authority_expiry_timestamp_seconds",
                     "tideline_bootstrap_requests_total", "tideline_kubernetes_node_metrics_stretch",
                     "tideline_kubernetes_node_metrics_failed_total", "tideline_certificate_expiry_timestamp_seconds",
                     "tideline_commits_failed_total", "tideline_history_fold_failures_total",
                     "tideline_history_retention_failures_total", "tideline_ledger_recording_failing",
                     "tideline_ledger_recording_records_total"):
            self.assertIn(name, asked)

    def test_the_dashboard_has_panels_that_do_not_lie_on_one_another(self):
        panels = self.dashboard()["panels"]
        self.assertGreaterEqual(len(panels), 12)
        self.assertEqual(len({panel["id"] for panel in panels}), len(panels))
        taken = set()
        for panel in panels:
            self.assertTrue(panel["title"] and panel["description"] and panel["targets"], panel["id"])
            self.assertTrue(panel["fieldConfig"]["defaults"]["unit"])
            self.assertEqual(panel["datasource"], {"type": "prometheus", "uid": "${datasource}"})
            self.assertTrue(all(target["legendFormat"] for target in panel["targets"]), panel["title"])
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24)
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells
        self.assertIn("datasource", [variable["name"] for variable in self.dashboard()["templating"]["list"]])


class ExamplePolicy(unittest.TestCase):
    path = f"{MANIFESTS}/overlays/example-policy/ack-slo-config.yaml"

    def test_is_accepted(self):
        data = yaml.safe_load(text_of(self.path))["data"]
        with tempfile.TemporaryDirectory(prefix="tideline-test-") as directory:
            for key, value in data.items():
                with open(f"{directory}/{key}.json", "w", encoding="utf-8") as file:
                    file.write(value)
            done = subprocess.run([f"{BIN}/tideline-coordinator", "check", "--policy-source", f"dir:{directory}"],
                                  capture_output=True, text=True, stdin=subprocess.DEVNULL)
        self.assertIn(f"ok   policy: {len(data)} documents", done.stdout + done.stderr)
        self.assertNotIn("note ", done.stdout)

    def test_explains_keys_that_exist(self):
        told = subprocess.run([f"{BIN}/tidectl", "policy", "keys", "--json"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=True).stdout
        keys = {}
        for key in json.loads(told)["keys"]:
            keys.setdefault(key["document"], set()).add(key["path"])
        explained, seen = [], 0
        for line in text_of(self.path).splitlines():
            if word := re.match(r"  #   (\w+)  ", line):
                explained.append(word.group(1))
            elif document := re.match(r"  ([\w-]+): \|$", line):
                lists = {"nodeConfigs", "nodeStrategies"}
                self.assertFalse(set(explained) - keys[document.group(1)] - lists, document.group(1))
                seen += len(explained)
                explained = []
        self.assertGreater(seen, 10)


if __name__ == "__main__":
    unittest.main()
