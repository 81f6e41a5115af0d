"""The release as the Kubernetes API shows it to a suite with `api: read`."""

import httpx
import pytest

from cluster import is_ready


@pytest.mark.parametrize("component", ["api", "database"])
def test_pods_are_ready_and_never_restarted(cluster, release, component):
    pods = cluster.items(release, "pods", component=component)
    assert pods, f"no pod of the {component}"
    for pod in pods:
        assert is_ready(pod), pod["status"]
        assert [status["restartCount"] for status in pod["status"]["containerStatuses"]] == [0]


def test_the_deployment_has_what_it_asked_for(cluster, release):
    (deployment,) = cluster.items(release, "deployments", "apis/apps/v1", component="api")
    status = deployment["status"]
    assert status["observedGeneration"] == deployment["metadata"]["generation"]
    assert status["readyReplicas"] == status["updatedReplicas"] == deployment["spec"]["replicas"]


def test_the_hook_has_run_once(cluster, release):
    (job,) = cluster.items(release, "jobs", "apis/batch/v1", component="migrations")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,pre-upgrade"
    assert job["status"]["succeeded"] == 1
    assert job["status"].get("failed", 0) == 0


@pytest.mark.parametrize("component", ["api", "database"])
def test_each_service_leads_to_ready_pods(cluster, release, component):
    (service,) = cluster.items(release, "services", component=component)
    assert service["metadata"]["name"] in ("shop-api", "shop-db")
    slices = cluster.items(release, "endpointslices", "apis/discovery.k8s.io/v1", component=component)
    ready = {
        address
        for each in slices
        for end in each["endpoints"]
        if end["conditions"]["ready"]
        for address in end["addresses"]
    }
    assert ready == {pod["status"]["podIP"] for pod in cluster.items(release, "pods", component=component)}


def test_every_container_is_restricted(cluster, release):
    for pod in cluster.items(release, "pods", name="shop"):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        for container in spec["containers"]:
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]


def test_the_short_name_is_the_service(cluster, release):
    served_by = httpx.get("http://shop-api:8080/healthz").headers["X-Served-By"]
    assert served_by in {pod["metadata"]["name"] for pod in cluster.items(release, "pods", component="api")}
